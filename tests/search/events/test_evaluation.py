"""Event scores of a trial: the row's metrics, the threshold of an event policy, the cross-fitted value."""

from dataclasses import replace

import numpy as np
import pytest

from search.data.rows import Recording
from search.events.evaluation import (
    check_events,
    cross_fit_events,
    decided_patients,
    event_choice,
    event_estimates,
)
from search.events.scoring import EVENT_METRICS, summed
from search.events.thresholds import choose_event_threshold, quantile_thresholds
from search.scores.calibration import fit_platt
from search.scores.metrics import METRICS, counts_at, decide
from search.scores.reference import Reference
from search.scores.thresholds import choose, curve
from spaces.errors import RunError, TrialError
from spaces.policies import MaxF1, SensitivityAtFaPerDay
from spaces.study import Events, Study
from tests.helpers.measured import measure
from tests.helpers.seizures import LIMIT, RAW, REFERENCE, RULES, event_metrics, scored


def test_metrics_are_those_of_timescoring():
    found = event_estimates(REFERENCE, RAW, 1.5, RULES, seed=0)
    expected = event_metrics(scored(decide(RAW, 1.5)))
    assert {name: estimate.value for name, estimate in found.items()} == expected
    for estimate in found.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert found["fa_per_day"].low < found["fa_per_day"].high


def test_intervals_come_from_groups_drawn_again():
    """Held against the plain loop: groups drawn with replacement, counts summed."""
    counts = {
        patient: summed(scored(decide(RAW, 1.5), [r for r in REFERENCE.timeline if r.group == patient]))
        for patient in np.unique(REFERENCE.groups)
    }
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        taken = [counts[name] for name in rng.choice(list(counts), len(counts))]
        drawn.append(sum(c.tp for c in taken) / sum(c.ref for c in taken))
    found = event_estimates(REFERENCE, RAW, 1.5, RULES, seed=0)["event_sensitivity"]
    np.testing.assert_allclose([found.low, found.high], np.percentile(drawn, [2.5, 97.5]), atol=0.04)


def test_always_on_is_not_perfect():
    """Sensitivity 1 stands beside its false alarms."""
    found = event_estimates(REFERENCE, RAW, -np.inf, Events(), seed=0)
    assert found["event_sensitivity"].value == 1
    assert found["fa_per_day"].value > 100


def test_the_policy_keeps_its_limit_and_no_tried_cut_is_better():
    choice = event_choice(REFERENCE, RAW, LIMIT, RULES)
    kept = event_metrics(scored(decide(RAW, choice.threshold_score)))
    assert kept["fa_per_day"] <= LIMIT.fa_per_day
    others = [event_metrics(scored(decide(RAW, cut))) for cut in quantile_thresholds(RAW)[::5]]
    fit = [m["event_sensitivity"] for m in others if m["fa_per_day"] <= LIMIT.fa_per_day]
    assert kept["event_sensitivity"] >= max(fit)
    assert any(m["fa_per_day"] > LIMIT.fa_per_day for m in others)


@pytest.mark.parametrize(
    ("policy", "metric"), [(LIMIT, "event_sensitivity"), (LIMIT, "f1"), (MaxF1(), "event_f1")], ids=str
)
def test_the_value_is_cross_fitted_over_whole_recordings(policy, metric):
    """Held against the plain loop: fitted on one half's recordings alone, measured on the other's alone."""
    cuts, values, alarms = quantile_thresholds(RAW), [], []
    for first in REFERENCE.halves.mask.T[:3]:
        for fitted in (first, ~first):
            inside = [r for r in REFERENCE.timeline if fitted[REFERENCE.recordings == r.name].all()]
            outside = [r for r in REFERENCE.timeline if not fitted[REFERENCE.recordings == r.name].any()]
            assert len(inside) + len(outside) == len(REFERENCE.timeline)
            if isinstance(policy, SensitivityAtFaPerDay):
                counts = [summed(scored(decide(RAW, cut), inside)) for cut in cuts]
                stacked = type(counts[0])(
                    *(np.array([vars(c)[key] for c in counts]) for key in ("tp", "fp", "ref", "seconds"))
                )
                choice = choose_event_threshold(cuts, stacked, policy, RAW)
                decided = decide(RAW, choice.threshold_score)
            else:
                score = fit_platt(REFERENCE.y[fitted], RAW[fitted]).calibration.apply(RAW)
                choice = choose(curve(REFERENCE.y[fitted], score[fitted]), policy)
                decided = decide(score, choice.threshold_score)
            alarms.append(event_metrics(scored(decided, outside))["fa_per_day"])
            if metric in EVENT_METRICS:
                values.append(event_metrics(scored(decided, outside))[metric])
            else:
                rows = ~fitted
                counts = counts_at(REFERENCE.y[rows], decided[rows].astype(np.float32), 0.5)
                values.append(float(METRICS[metric](counts)))
    three = Reference(
        **{**vars(REFERENCE), "halves": type(REFERENCE.halves)("group", REFERENCE.halves.mask[:, :3])}
    )
    found = cross_fit_events(three, RAW, fit_platt, policy, metric, RULES)
    assert found.value == pytest.approx(np.mean(values), abs=1e-12)
    assert found.fa_per_day == pytest.approx(np.mean(alarms), abs=1e-12)


def study(**changes) -> Study:
    return Study.model_validate({"events": RULES.model_dump(), **changes})


def test_a_row_of_an_event_study():
    asked = study(threshold=LIMIT.model_dump(), objective={"metric": "event_sensitivity"})
    measured = measure(RAW, REFERENCE, asked, asked.threshold, probabilistic=False)
    assert measured.metrics["fa_per_day"].value <= LIMIT.fa_per_day
    assert 0 < measured.value <= 1
    assert measured.value_fa_per_day > 0
    assert (
        measured.choice.threshold_score
        == event_choice(REFERENCE, measured.score, LIMIT, RULES).threshold_score
    )


def test_without_recordings_event_scores_are_undefined_and_what_needs_them_is_refused():
    bare = Reference(**{**vars(REFERENCE), "timeline": None})
    assert all(e.value is None for e in event_estimates(bare, RAW, 0.0, RULES, seed=0).values())
    assert decided_patients(bare, decide(RAW, 0.0), RULES) == []
    check_events(study(), bare)
    for asked in (study(objective={"metric": "event_f1"}), study(threshold=LIMIT.model_dump())):
        check_events(asked, REFERENCE)
        with pytest.raises(RunError, match=r"needs recordings that the rows cover: .*window_s"):
            check_events(asked, bare)


@pytest.mark.parametrize(("by", "said"), [("row", "rows"), ("block", "blocks of time")])
def test_halves_that_cut_recordings_have_no_value_by_events(by, said):
    """A threshold would be measured on rows that it was chosen on."""
    cut = replace(REFERENCE, halves=replace(REFERENCE.halves, by=by))
    check_events(study(), cut)
    for asked in (study(objective={"metric": "event_f1"}), study(threshold=LIMIT.model_dump())):
        with pytest.raises(
            RunError, match=f"needs whole recordings in each half, but these are drawn by {said}"
        ):
            check_events(asked, cut)


def test_a_limit_that_cannot_be_met_fails_the_trial():
    never = Reference(**{**vars(REFERENCE), "timeline": tuple(
        Recording(r.name, r.group, r.duration_s, ()) for r in REFERENCE.timeline)})  # fmt: skip
    with pytest.raises(TrialError, match="needs recordings with seizures"):
        event_choice(never, RAW, LIMIT, RULES)


def test_the_patient_that_a_mean_hides():
    """One patient's seizures are never found; the mean still looks fine."""
    raw = RAW.copy()
    raw[REFERENCE.groups == "p2"] = -5
    rows = {patient.group: patient for patient in decided_patients(REFERENCE, decide(raw, 1.0), RULES)}
    assert rows["p2"].sensitivity == 0
    assert rows["p2"].delay_s is None
    assert event_estimates(REFERENCE, raw, 1.0, RULES, seed=0)["event_sensitivity"].value > 0.6


def test_intervals_of_one_patient_are_over_recordings():
    timeline = tuple(Recording(r.name, "p", r.duration_s, r.seizures) for r in REFERENCE.timeline)
    known = {**vars(REFERENCE), "timeline": timeline}
    one = Reference(**known | {"groups": np.full(REFERENCE.y.size, "p")})
    assert event_estimates(one, RAW, 1.0, RULES, seed=0)["event_sensitivity"].low is None
    several = Reference(**known | {"groups": REFERENCE.recordings})
    found = event_estimates(several, RAW, 2.2, RULES, seed=0)
    assert found["event_sensitivity"].low < found["event_sensitivity"].value < found["event_sensitivity"].high
    assert found["fa_per_day"].low < found["fa_per_day"].high
    # Patients are still told by their own names.
    assert [patient.group for patient in decided_patients(several, decide(RAW, 1.0), RULES)] == ["p"]
