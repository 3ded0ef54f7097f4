"""Other thresholds from stored scores are, to the last bit, those that the trial would have got."""

import numpy as np
import pytest
from hypothesis import given, settings

from cluster.cli import main
from reports.boards import leaderboard, reading
from reports.boards.requirements import parse
from reports.boards.rescoring import read_policy, rescore, rescore_all
from search.evaluation.binary import calibration_of
from search.evaluation.binary_rescoring import BinaryRescoring
from search.scores.calibration import CALIBRATIONS, moved_to
from search.scores.crossfit import cross_fit
from search.scores.crossfit_sweep import Side, cross_fits
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS, counts_at
from search.scores.ranking import positives, ranked
from search.scores.reference import Reference
from search.scores.thresholds import NO_LIMITS, Limits, best_cuts, choose, curve
from spaces.errors import RunError, TrialError
from spaces.policies import Cost, Fixed, MaxF1, SensitivityAtFaPerDay, Youden
from spaces.study_file import parse as study_of
from tests.helpers import reference, seizures
from tests.helpers.policies import POLICIES, WINDOW_POLICIES
from tests.helpers.scored_runs import add, ask, begin, measured
from tests.helpers.strategies import any_scores, rows

TEXTS = [
    "max_f1",
    "max_f1,beta=2",
    "youden",
    "max_balanced_accuracy",
    "cost,c_fn=10",
    "precision_at_recall,recall=0.8",
    "recall_at_precision,precision=0.6",
    "fixed,at=0.3",
]
LIMITS = [
    Limits(parse(["sensitivity.min=0.7"])),
    Limits(parse(["precision.min=0.4", "specificity.max=0.95"])),
    Limits(parse(["mcc.min=0.2"])),
]


def scores(seed: int, n: int, kind: str, shift: float = 1.5):
    """Labels, and raw scores as floats fall, on a coarse grid, far from 0, or hardly varied."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    y[:4] = [True, False, True, False]
    raw = rng.normal(size=n) + shift * y
    if kind == "grid":  # a row often lies in the very middle of two others
        raw = np.round(raw, 1)
    elif kind == "far":  # neighbouring float32 values
        raw = 4000 + raw / 8
    elif kind == "noise":  # a slope close to 0, or below
        raw = rng.normal(size=n)
    return y, np.float32(raw)


def made_up(seed: int, n: int, kind: str, grouped: bool):
    y, raw = scores(seed, n, kind)
    groups = np.char.add("p", (np.arange(n) % 12).astype(str)) if grouped else None
    halves = draw_halves(y, groups, None, seed)
    return Reference(y.astype(np.int8), groups, None, None, halves), raw


@pytest.mark.parametrize("limits", [NO_LIMITS, *LIMITS], ids=str)
@given(rows(score=any_scores))
@settings(deadline=None, max_examples=60)
def test_the_few_cuts_looked_at_hold_all_of_the_best(limits, data):
    y, score, _ = data
    whole, order = curve(y, score), ranked(score)
    side = Side(order, positives(y, score)[order.order])
    for policy in [*WINDOW_POLICIES, Cost(policy="cost", c_fp=1e-9), MaxF1(beta=1e-6)]:
        assert outcome(side.best, policy, limits) == outcome(best_cuts, whole.counts, policy, limits)


def outcome(call, *arguments):
    """What is best, or why nothing is."""
    try:
        return call(*arguments).tolist()
    except TrialError as error:
        return str(error)


@pytest.mark.parametrize("limits", [NO_LIMITS, *LIMITS], ids=str)
@given(rows(score=any_scores))
@settings(deadline=None, max_examples=30)
def test_limits_leave_the_rule_to_choose_among_what_meets_them(limits, data):
    """Held against the plain way: cuts that do not meet them are struck off, one by one."""
    y, score, _ = data
    whole = curve(y, score)
    fine = [
        k
        for k in range(whole.cuts.size)
        if all(
            value >= one.limit if one.bound == "min" else value <= one.limit
            for one in limits.bounds
            for value in [float(METRICS[one.metric](counts_at(y, score, float(whole.cuts[k]))))]
        )
    ]
    for policy in WINDOW_POLICIES:
        expected = reference.choose(y, score, policy, allowed=fine)
        try:
            found = choose(whole, policy, limits)
        except TrialError:
            assert expected is None
        else:
            assert (found.threshold_score, found.low, found.high) == expected


@pytest.mark.parametrize(
    ("method", "prevalence"), [*((name, None) for name in CALIBRATIONS), ("platt", 0.01)], ids=str
)
@pytest.mark.parametrize("kind", ["floats", "grid", "far", "noise"])
def test_many_cross_fits_are_the_one_by_one(kind, method, prevalence):
    for seed, n in ((0, 40), (1, 400), (2, 1200)):
        y, raw = scores(seed, n, kind)
        halves = draw_halves(y, None, None, seed, splits=4)
        calibrate = CALIBRATIONS[method] if prevalence is None else moved_to(prevalence, CALIBRATIONS[method])
        whole = calibrate(y, raw)
        for limits in (NO_LIMITS, *LIMITS):
            found = cross_fits(
                raw,
                y,
                ranked(raw),
                halves,
                calibrate,
                POLICIES,
                "f1",
                limits,
                method=method,
                prevalence=prevalence,
                whole=None if whole.reason else whole.calibration,
            )
            expected = [cross_fit(y, raw, halves, calibrate, policy, "f1", limits) for policy in POLICIES]
            np.testing.assert_array_equal(found, expected)
        if n < 1200 and kind == "floats":
            assert not np.isnan(found).all()


def test_many_cross_fits_of_few_positives_are_the_one_by_one():
    """Every 25th row of a half, as a first look takes them, leaves about two of its positives."""
    rng, n, calibrate = np.random.default_rng(1), 100_000, CALIBRATIONS["platt"]
    y = rng.random(n) < 0.001
    raw = (rng.normal(size=n) + 0.3 * y).astype(np.float32)
    halves, whole = draw_halves(y, None, None, 1), calibrate(y, raw)
    policies = [Youden(policy="youden"), Cost(policy="cost", c_fn=1000)]
    metric, calibration = "balanced_accuracy", whole.calibration
    found = cross_fits(
        raw, y, ranked(raw), halves, calibrate, policies, metric, method="platt", whole=calibration
    )
    assert found == [cross_fit(y, raw, halves, calibrate, policy, metric) for policy in policies]


def same(found, expected):
    """Every field of two records, those that `measure` does not make left out."""
    left_out = {"finished_at", "state", "error"}
    assert found.model_dump(exclude=left_out) == expected.model_dump(exclude=left_out)


@pytest.mark.parametrize("grouped", [False, True], ids=["rows", "groups"])
@pytest.mark.parametrize("calibration", CALIBRATIONS)
@pytest.mark.parametrize("metric", ["f1", "mcc"])
def test_a_rescored_trial_is_what_measure_makes_of_it(metric, calibration, grouped):
    study = study_of({"objective": {"metric": metric, "calibration": calibration}, "threshold": "youden"})
    policies = [None, *map(read_policy, TEXTS)]
    for seed, kind in enumerate(("floats", "grid", "far", "noise")):
        of, raw = made_up(seed, 300, kind, grouped)
        stored = measured(ask(seed), raw, of, study)
        found = BinaryRescoring(of, study, policies).of(stored, raw)
        same(found[0], stored)
        for policy, one in zip(policies[1:], found[1:], strict=True):
            other = study.model_copy(update={"threshold": policy})
            expected = measured(ask(seed), raw, of, other)
            if expected.state == "failed":
                assert (one.value, one.threshold_score, one.error) == (None, None, expected.error)
                assert one.metrics["roc_auc"] == stored.metrics["roc_auc"]
            else:
                same(one, expected)


def test_another_objective_is_what_measure_makes_of_it():
    study = study_of({})
    of, raw = made_up(0, 300, "grid", grouped=True)
    stored = measured(ask(0), raw, of, study)
    for metric in ("average_precision", "precision", "f1"):
        other = study_of({"objective": {"metric": metric}, "threshold": "youden"})
        found = BinaryRescoring(of, other, [None, MaxF1(beta=2)]).of(stored, raw)
        same(found[0], measured(ask(0), raw, of, other))
        beta = study_of({"objective": {"metric": metric}, "threshold": {"beta": 2}})
        same(found[1], measured(ask(0), raw, of, beta))


def test_a_sampled_threshold_stays_the_trials_own():
    study = study_of({"threshold": {"low": 0.2, "high": 0.8}})
    of, raw = made_up(0, 300, "floats", grouped=True)
    sampled = ask(3, threshold=0.7)
    stored = measured(sampled, raw, of, study)
    own, fixed = BinaryRescoring(of, study, [None, Fixed(policy="fixed", at=0.7)]).of(stored, raw)
    same(own, stored)
    assert (own.threshold_policy, fixed.threshold_policy) == ("sampled", "fixed")
    assert fixed.value == stored.value


EVENT_STUDY = {
    "objective": {"metric": "event_f1"},
    "threshold": {"policy": "sensitivity_at_fa_per_day", "fa_per_day": 60},
    "events": {"drop_shorter_s": 2, "merge_gaps_s": 5},
}


@pytest.mark.parametrize("metric", ["event_f1", "f1"])
def test_event_policies_and_metrics_are_what_measure_makes_of_them(metric):
    study = study_of({**EVENT_STUDY, "objective": {"metric": metric}})
    of, raw = seizures.reference(patients=3, hours=0.25)
    stored = measured(ask(0), raw, of, study)
    assert stored.value_fa_per_day is not None
    limits = Limits(parse(["precision.min=0.5"]))
    for policy in (None, MaxF1()):
        [found] = BinaryRescoring(of, study, [policy]).of(stored, raw)
        other = study if policy is None else study.model_copy(update={"threshold": policy})
        same(found, measured(ask(0), raw, of, other))
        [limited] = BinaryRescoring(of, study, [policy], limits).of(stored, raw)
        assert limited.metrics["precision"].value >= 0.5
    few = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=900)
    [free], [limited] = (
        BinaryRescoring(of, study, [few], one).of(stored, raw)
        for one in (NO_LIMITS, Limits(parse(["specificity.min=0.98"])))
    )
    assert free.metrics["specificity"].value < 0.98 <= limited.metrics["specificity"].value


def test_the_threshold_and_the_value_are_chosen_among_cuts_that_meet_the_requirement():
    study = study_of({})
    of, raw = made_up(0, 600, "floats", grouped=True)
    stored = measured(ask(0), raw, of, study)
    limits = Limits(parse(["sensitivity.min=0.95"]))
    [found] = BinaryRescoring(of, study, [None], limits).of(stored, raw)
    assert stored.metrics["sensitivity"].value < 0.95 <= found.metrics["sensitivity"].value
    expected = cross_fit(of.y, raw, of.halves, calibration_of(study), MaxF1(), "f1", limits)
    assert found.value == expected < stored.value
    impossible = Limits(parse(["sensitivity.min=0.95", "precision.min=0.9"]))
    [near] = BinaryRescoring(of, study, [None], impossible).of(stored, raw)
    assert near.error == "max_f1 finds no cut that meets sensitivity.min=0.95, precision.min=0.9"
    assert near.value is None
    whole = curve(of.y, CALIBRATIONS["platt"](of.y, raw).calibration.apply(raw))
    short = impossible.shortfall(whole.counts)
    assert near.metrics["precision"].value < 0.9
    assert impossible.shortfall(counts_at_threshold(of, raw, near)) == short.min() > 0


def counts_at_threshold(of, raw, record):
    calibrated = np.float32(record.calibration_a) * raw + np.float32(record.calibration_b)
    return counts_at(of.y, calibrated, record.threshold_score)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four trials, good to bad, a baseline, and one that failed."""
    study = study_of({"threshold": "youden", "name": "scored"})
    of, _ = made_up(0, 400, "floats", grouped=True)
    folder = begin(tmp_path_factory.mktemp("runs") / "scored", study, of)
    rng = np.random.default_rng(0)
    for number, shift in enumerate((3.0, 2.0, 1.0, 0.0)):
        raw = np.float32(rng.normal(size=of.y.size) + shift * of.y)
        add(folder, measured(ask(number), raw, of, study), raw)
    baseline = ask(4).model_copy(update={"kind": "baseline", "baseline": "prevalence", "config": None})
    raw = np.zeros(of.y.size, np.float32)
    add(folder, measured(baseline, raw, of, study), raw)
    failed = measured(ask(5), raw, of, study).model_copy(
        update={"state": "failed", "error": "no memory", "value": None, "calibration_a": None}
    )
    add(folder, failed, raw)
    leaderboard.write(folder.leaderboard, folder.records())
    return folder


def test_under_its_own_policy_the_leaderboard_is_the_old_one(run):
    path = rescore(run.path)
    assert path.name == "leaderboard_youden.parquet"
    assert reading.read(path).rows == reading.read(run.leaderboard).rows
    assert reading.read(rescore(str(run.path), "youden")).rows == reading.read(run.leaderboard).rows


def test_several_policies_are_those_one_by_one_and_the_old_leaderboard_stays(run):
    before = run.leaderboard.read_bytes()
    made = rescore_all(run.path, TEXTS)
    assert [one.path.name for one in made] == [
        "leaderboard_max_f1.parquet",
        "leaderboard_max_f1__beta-2.parquet",
        "leaderboard_youden.parquet",
        "leaderboard_max_balanced_accuracy.parquet",
        "leaderboard_cost__c_fn-10.parquet",
        "leaderboard_precision_at_recall__recall-0.8.parquet",
        "leaderboard_recall_at_precision__precision-0.6.parquet",
        "leaderboard_fixed__at-0.3.parquet",
    ]
    for one, text in zip(made, TEXTS, strict=True):
        rows = reading.read(one.path).rows
        assert reading.read(rescore(run.path, text)).rows == rows
        assert {row["threshold_policy"] for row in rows} == {text.partition(",")[0]}
        assert len(rows) == 6
    assert run.leaderboard.read_bytes() == before
    assert [row["error"] for row in reading.read(made[0].path).rows if row["trial_id"] == "00005"] == [
        "no memory"
    ]


def test_processes_change_nothing(run, monkeypatch):
    alone = reading.read(rescore(run.path, "max_f1")).rows
    monkeypatch.setattr("reports.boards.rescoring.CHUNK", 2)
    monkeypatch.setattr("reports.boards.rescoring.ALONE", 0)
    [together] = rescore_all(run.path, ["max_f1"], processes=2)
    assert reading.read(together.path).rows == alone


def test_requirements_take_the_value_of_who_does_not_meet_them(run):
    asked = parse(["roc_auc.min=0.85", "sensitivity.min=0.9"])
    [made] = rescore_all(run.path, ["max_f1"], asked)
    assert made.path.name == "leaderboard_max_f1__roc_auc.min-0.85__sensitivity.min-0.9.parquet"
    rows = {row["trial_id"]: row for row in reading.read(made.path).rows}
    assert (made.met, made.trials) == (2, 4)
    for number in ("00000", "00001"):
        assert rows[number]["rank"] is not None
        assert rows[number]["val_sensitivity"] >= 0.9
    assert rows["00003"]["value"] is None
    assert rows["00003"]["error"].startswith("the row does not meet roc_auc.min=0.85: roc_auc is 0.")
    assert "roc_auc" in rows["00004"]["error"]
    [by_value] = rescore_all(run.path, ["max_f1"], parse(["value.min=0.99"]))
    assert by_value.met == 0
    assert by_value.nearest["trial_id"] == "00000"
    assert by_value.nearest["value"] == reading.read(rescore(run.path, "max_f1")).rows[0]["value"]


def test_the_objective_may_be_another(run):
    path = rescore(run.path, "max_f1", objective="mcc")
    assert path.name == "leaderboard_max_f1__by-mcc.parquet"
    assert {row["objective"] for row in reading.read(path).rows} == {"mcc"}


@pytest.mark.parametrize(
    ("policy", "objective", "message"),
    [
        ("beauty", None, "must be one of 'fixed', 'max_f1'.*but got 'beauty' \\(--policy: threshold\\)"),
        ("fixed,at=2", None, "must be less than 1, but got '2' \\(--policy: threshold.at\\)"),
        ("cost,c_fq=2", None, "unknown key 'c_fq'; nearest is 'c_f."),
        ("cost,c_fp", None, "NAME or NAME,KEY=VALUE, such as cost,c_fn=10, but got 'cost,c_fp'"),
        ("sampled,low=0.1,high=0.9", None, "sampled draws a threshold before a trial trains"),
        ("max_f1", "beauty", "one of f1, .*, but got beauty \\(--objective: objective.metric\\)"),
        ("max_f1", "event_f1", "objective.metric event_f1 needs recordings"),
        ("sensitivity_at_fa_per_day", None, "threshold sensitivity_at_fa_per_day needs recordings"),
    ],
)
def test_what_cannot_be_asked_is_one_line(run, policy, objective, message):
    with pytest.raises(RunError, match=message):
        rescore(run.path, policy, objective=objective)


def test_the_command_shows_the_new_table_and_names_the_file(run, capsys):
    assert main(["rescore", str(run.path), "--policy", "max_f1", "--require", "sensitivity.min=0.9"]) == 0
    said = capsys.readouterr().out
    path = run.path / "leaderboard_max_f1__sensitivity.min-0.9.parquet"
    assert "4 of 4 trials meet sensitivity.min=0.9" in said
    assert f"all trials: {path}" in said
    assert main(["leaderboard", str(path), "--format", "json"]) == 0


def test_the_command_names_the_nearest_where_none_meets(run, capsys):
    arguments = ["rescore", str(run.path), "--require", "precision.min=0.999", "--require", "f1.min=0.98"]
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert "0 of 4 trials meet precision.min=0.999, f1.min=0.98" in said.out
    assert said.err.startswith(
        "search.py: no trial meets precision.min=0.999, f1.min=0.98 under youden; the nearest is 00000 with "
    )


def test_a_required_value_is_asked_of_the_mean_of_the_seeds(tmp_path):
    """The luckiest seed alone does not meet a requirement that its configuration misses."""
    rng, study = np.random.default_rng(0), study_of({})
    y = (rng.random(240) < 0.4).astype(np.int8)
    groups = np.char.add("g", (np.arange(240) % 12).astype(str))
    of = Reference(y, groups, None, None, draw_halves(y, groups, None, 0))
    run = begin(tmp_path / "run", study, of)
    for number, apart in enumerate((3.0, 0.5, 1.0, 1.8)):
        raw = (rng.normal(size=240) + apart * y).astype(np.float32)
        add(run, measured(ask(number, learning_rate=0.01 if number < 3 else 0.02), raw, of, study), raw)
    whole = {row["trial_id"]: row for row in reading.read(rescore(run.path, "max_f1")).rows}
    mean, limit = whole["00000"]["value_mean"], whole["00003"]["value"] - 0.01
    assert mean < limit < whole["00000"]["value"]
    [found] = rescore_all(run.path, ["max_f1"], parse([f"value.min={limit}"]))
    rows = {row["trial_id"]: row for row in reading.read(found.path).rows}
    assert found.met == 1
    assert [rows[f"0000{k}"]["value"] is None for k in range(4)] == [True, True, True, False]
    assert rows["00000"]["error"] == f"the row does not meet value.min={limit:.15g}: value is {mean:.4g}"
    [found] = rescore_all(run.path, ["max_f1"], parse([f"value.min={mean - 1e-6}"]))
    assert found.met == 4
    assert reading.read(found.path).rows[1]["seeds"] == 3
