"""A decision on given scores: measured as a trial is, equal to brute force, and the same in all its forms."""

import runpy

import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from reports.boards.requirements import parse as requirements
from reports.boards.rescoring import read_policy
from reports.decisions import decision_folder
from reports.decisions.decide import decide
from reports.decisions.promotion import promote
from search.data.sources.scores import given_of
from spaces.data import Scores
from spaces.errors import RunError
from spaces.study import Objective, Study
from tests.helpers import reference, schemas
from tests.helpers.measured import measure
from tests.helpers.predictions import table

POLICIES = ("max_f1", "cost,c_fn=10", "youden", "fixed,at=0.3")


def scores_of(seed=0, events=False, **columns):
    y, p, patient, recording, start = table(seed)
    config = Scores(
        source="scores", path="p.csv", label="label", score=("p", *columns), positive="seizure", window_s=2.0
    )
    return given_of(
        {"p": p, **columns},
        np.where(y, "seizure", "background"),
        config,
        groups=patient,
        recordings=recording if events else None,
        times=start if events else None,
        where="p.csv",
    ), Study(data=config)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    given, study = scores_of(noisy=table(1)[1])
    folder = tmp_path_factory.mktemp("decided") / "run"
    return decide(given, study, folder, [read_policy(one) for one in POLICIES[1:]]), given


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "average_precision"])
def test_every_objective_has_a_value_and_a_decision(tmp_path, metric):
    given, study = scores_of()
    study = study.model_copy(update={"objective": Objective(metric=metric)})
    found = decide(given, study, tmp_path / "run")
    [record] = found.run.records()
    raw = np.ascontiguousarray(given.rows.x[:, 0])
    assert (
        record.value == measure(raw, found.run.reference(), study, study.threshold, probabilistic=True).value
    )
    promote(found.run, tmp_path / "decision")


def test_a_column_is_measured_as_a_trial_is(made):
    found, given = made
    for k, record in enumerate(found.run.records()):
        raw = np.ascontiguousarray(given.rows.x[:, k])
        whole = measure(
            raw, found.run.reference(), found.run.study(), found.run.study().threshold, probabilistic=True
        )
        assert record.value == whole.value
        assert record.metrics == whole.metrics
        assert record.threshold_score == whole.choice.threshold_score


def test_numbers_equal_brute_force_and_scikit_learn(made):
    found, given = made
    y = given.rows.y
    for k, record in enumerate(found.run.records()):
        _, score = found.run.scores(record.ask.trial_id)
        slow = reference.choose(y, score, found.run.study().threshold)
        assert (record.threshold_score, record.plateau_low, record.plateau_high) == slow
        decided = score >= np.float32(record.threshold_score)
        assert record.metrics["f1"].value == pytest.approx(f1_score(y, decided), abs=1e-12)
        column = list(given.columns.values())[k]
        for name, metric in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
            assert record.metrics[name].value == pytest.approx(metric(y, column), abs=1e-12)


def test_every_policy_is_a_leaderboard_with_both_columns(made):
    found, _ = made
    boards = [pq.read_table(one.path) for one in found.rescored]
    assert [board["threshold_policy"][0].as_py() for board in boards] == ["cost", "youden", "fixed"]
    assert all(sorted(board["trunk"].to_pylist()) == ["noisy", "p"] for board in boards)
    own = pq.read_table(found.run.leaderboard)
    assert own["trunk"].to_pylist() == ["p", "noisy"]
    assert set(own["kind"].to_pylist()) == {"given"}


def test_the_three_forms_of_a_decision_say_the_same(made, tmp_path):
    found, given = made
    written = promote(found.run, tmp_path / "d")
    scores = np.array([*given.columns["p"][:200], 0.0, 1.0, 1e-300, np.nextafter(1, 0), np.nan, -0.1, 1.1])
    probability, label = written.apply(scores)
    session = onnxruntime.InferenceSession(tmp_path / "d/decision.onnx")
    graph = session.run(["probability", "label"], {"score": scores})
    alone = runpy.run_path(str(tmp_path / "d/decision.py"))
    for p, labels in (graph, alone["decide"](scores)):
        assert np.array_equal(labels, label)
        assert np.allclose(p, probability, rtol=0, atol=1e-12, equal_nan=True)
    assert label[-3:].tolist() == [-1, -1, -1]
    assert np.isnan(probability[-3:]).all()
    assert (alone["NEGATIVE"], alone["POSITIVE"]) == ("background", "seizure")
    assert decision_folder.read(tmp_path / "d") == written
    said = schemas.content(tmp_path / "d/decision.yaml")
    assert schemas.faults(said, "decision.schema.json") == []
    said["scale"].pop("probability")
    assert schemas.faults(said, "decision.schema.json") == ["$.scale: 'probability' is a required property"]
    _, score = found.run.scores("00000")
    _, whole = written.apply(given.columns["p"])
    assert np.array_equal(whole == 1, score >= np.float32(written.threshold_score))


def test_scores_that_are_no_probabilities_are_decided_as_they_are(tmp_path):
    p = table()[1]
    given, study = scores_of(margin=np.where(p > 0.5, 3.0, -3.0) + p)
    made = decide(given, study, tmp_path / "run")
    written = promote(made.run, tmp_path / "d", "00001")
    assert not written.scale.probability
    session = onnxruntime.InferenceSession(tmp_path / "d/decision.onnx")
    scores = np.array([-1e300, -4.0, 4.0, np.inf, np.nan])
    with np.errstate(over="ignore"):
        assert session.run(["label"], {"score": scores})[0].tolist() == written.apply(scores)[1].tolist()


def test_a_name_cannot_become_code(tmp_path):
    name = 'p"""\nraise SystemExit\n"""'
    given, study = scores_of(**{name: table(1)[1]})
    made = decide(given, study, tmp_path / "run")
    promote(made.run, tmp_path / "d", "00001")
    assert runpy.run_path(str(tmp_path / "d/decision.py"))["COLUMN"] == name


def test_names_are_no_markup_in_what_is_said_of_a_decision(tmp_path):
    name = "<b>p</b> [x](http://y)"
    y, p, *_ = table()
    config = Scores(source="scores", path="p.csv", label="label", score=(name,), positive="<img src=x>")
    labels = np.where(y, "<img src=x>", "![a](b)")
    given = given_of({name: p}, labels, config, groups=None, recordings=None, times=None, where="p.csv")
    made = decide(given, Study(data=config), tmp_path / "run")
    promote(made.run, tmp_path / "d", "00000")
    text = (tmp_path / "d/README.md").read_text()
    assert text.startswith("# Decision on \\<b>p\\</b> \\[x\\](http://y)\n\n'\\<img src=x>' where the ")
    assert ", else '!\\[a\\](b)'." in text


def test_events_are_scored_where_recordings_and_times_are_known(tmp_path):
    given, study = scores_of(events=True)
    made = decide(given, study, tmp_path / "run", [read_policy("sensitivity_at_fa_per_day,fa_per_day=100")])
    (record,) = made.run.records()
    assert record.metrics["event_sensitivity"].value == 1.0
    assert pq.read_table(made.rescored[0].path)["val_fa_per_day"][0].as_py() <= 100


def test_what_is_required_is_met_by_the_threshold(tmp_path):
    given, study = scores_of()
    made = decide(given, study, tmp_path / "run", requirements=requirements(["sensitivity.min=0.99"]))
    row = pq.read_table(made.rescored[0].path).to_pylist()[0]
    assert row["val_sensitivity"] >= 0.99


def test_a_constant_decision_is_not_written(tmp_path):
    given, study = scores_of(other=1 - table()[1])
    costly = read_policy("cost,c_fp=10")
    made = decide(given, study.model_copy(update={"threshold": costly}), tmp_path / "run")
    with pytest.raises(
        RunError, match="a rule ships only decisions that differ, but cost makes every validation"
    ):
        promote(made.run, tmp_path / "d", "00001")
    promote(made.run, tmp_path / "by_hand", "00000", threshold_score=0.0)
    told = yaml.safe_load((tmp_path / "by_hand/decision.yaml").read_text())
    assert told["told"]["chosen_by"] == "hand"


@pytest.mark.parametrize("threshold", [-np.inf, np.inf])
def test_a_decision_by_hand_may_be_the_same_for_all_rows(made, tmp_path, threshold):
    promote(made[0].run, tmp_path / "d", "00000", threshold_score=threshold, force=True)
    space = runpy.run_path(str(tmp_path / "d" / "decision.py"))
    assert set(space["decide"]([0.01, 0.99])[1].tolist()) == {int(threshold < 0)}


def test_a_score_of_the_other_class_is_told(tmp_path):
    given, study = scores_of(other=1 - table()[1])
    notes = decide(given, study, tmp_path / "run").notes
    assert any(note.startswith("beware: other ranks positives below negatives") for note in notes)


@pytest.mark.parametrize(("value", "told"), [(1.0001, True), (-0.001, True), (1.0, False)])
def test_a_few_values_that_keep_a_column_from_holding_probabilities_are_told(tmp_path, value, told):
    p = table()[1].copy()
    p[3] = value
    given, study = scores_of(nearly=p, margin=4 * p - 2)
    notes = decide(given, study, tmp_path / "run").notes
    warned = [note for note in notes if note.startswith("beware: probabilities lie in [0, 1], as ")]
    line = f"nearly does but for 1 of {len(p)} rows; if it is meant to hold some, correct these"
    assert [note.endswith(line) for note in warned] == [True] * told


def test_files_that_do_not_belong_together_are_refused(made, tmp_path):
    found, _ = made
    promote(found.run, tmp_path / "d")
    (tmp_path / "d/decision.py").write_text("def decide(score): return 1, 1\n")
    with pytest.raises(RunError, match=r"decision\.py is not the one written"):
        decision_folder.read(tmp_path / "d")
    with pytest.raises(RunError, match="is taken"):
        promote(found.run, tmp_path / "d")
    with pytest.raises(RunError, match=r"a decision is a folder with a decision\.yaml"):
        decision_folder.read(tmp_path)
