"""The corrected winner by events: decisions, values and picks of resamples, each as timescoring has it."""

import numpy as np
import pytest

from search.comparison.event_bias_correction import event_decisions
from search.comparison.resampling import Setting, draws, units_of
from search.comparison.selection import Contender, _decided, _drawn, _resampled
from search.events.evaluation import cross_fit_events
from search.events.scoring import EVENT_METRICS, EventCounts, summed
from search.events.thresholds import choose_event_threshold, quantile_thresholds
from search.scores.calibration import fit_none
from search.scores.metrics import METRICS, counts_at, decide
from spaces.policies import MaxF1, SensitivityAtFaPerDay
from tests.helpers.seizures import RULES, event_metrics, reference, scored


def events_setting(metric):
    made, raw = reference()
    setting = Setting(
        reference=made, units=units_of(made, 0), metric=metric, calibrate=fit_none, events=RULES, seed=0
    )
    return setting, raw


LIMIT = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=60)


def patients_counted(setting, decided, weight):
    """timescoring's counts of all recordings together, each as often as its patient was drawn."""
    times = [int(weight[int(recording.group[1:])]) for recording in setting.reference.timeline]
    counts = scored(decided, setting.reference.timeline)
    return summed(EventCounts(*(f * times for f in (counts.tp, counts.fp, counts.ref, counts.seconds))))


def test_event_decisions_of_the_halves_are_those_behind_the_value():
    setting, raw = events_setting("event_sensitivity")
    made = setting.reference
    decided = event_decisions(raw, LIMIT, setting)
    values = []
    for split, mask in enumerate(made.halves.mask.T):
        for half in (mask, ~mask):
            some = [one for one in made.timeline if half[made.recordings == one.name].all()]
            values.append(event_metrics(scored(decided[:, split], some))["event_sensitivity"])
    expected = cross_fit_events(made, raw, fit_none, LIMIT, "event_sensitivity", RULES)
    assert np.mean(values) == pytest.approx(expected.value, abs=1e-12)


@pytest.mark.parametrize("policy", [LIMIT, MaxF1()], ids=["events", "windows"])
def test_event_values_of_resamples_equal_timescoring(policy):
    setting, raw = events_setting("event_f1")
    times = draws(setting.units, 3, np.random.default_rng(0))
    contender = Contender(raws=(raw,), value=0.5, policy=policy)
    found = _resampled([contender], setting, times)[0]
    decided = _decided(raw, policy, setting)
    expected = np.zeros(3)
    for split in range(decided.shape[1]):
        for k, drawn in enumerate(times):
            counts = patients_counted(setting, decided[:, split], drawn)
            expected[k] += EVENT_METRICS["event_f1"](counts) / decided.shape[1]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(("policy", "metric"), [(LIMIT, "event_f1"), (LIMIT, "f1"), (MaxF1(), "event_f1")])
def test_the_pick_by_events_equals_timescoring(policy, metric, monkeypatch):
    monkeypatch.setattr("search.comparison.event_bias_correction.quantile_thresholds", an_eighth)
    setting, raw = events_setting(metric)
    times = draws(setting.units, 3, np.random.default_rng(2))
    drawn = _drawn(Contender(raws=(raw,), value=0.5, policy=policy), setting, times)
    outside = drawn.outside(np.arange(3))
    y, piece = setting.reference.y, setting.units.piece
    cuts = an_eighth(raw)
    for k, weight in enumerate(times):
        if policy is LIMIT:
            each = [patients_counted(setting, decide(raw, cut), weight) for cut in cuts]
            whole = EventCounts(*(np.array(f) for f in zip(*map(vars_of, each), strict=True)))
            cut = choose_event_threshold(cuts, whole, LIMIT, raw).threshold_score
        else:
            counts = [counts_at(y, raw, float(c), weight[piece].astype(float)) for c in cuts]
            f1 = np.array([float(METRICS["f1"](c)) for c in counts])
            best = np.flatnonzero(f1 == np.fmax.reduce(f1))
            assert np.diff(best).max(initial=1) == 1
            cut = float(cuts[(best[0] + best[-1]) // 2])
        for weights, said in ((weight, drawn.inside[k]), (weight == 0, outside[k])):
            if metric == "f1":
                expected = METRICS["f1"](counts_at(y, raw, cut, weights[piece].astype(float)))
            else:
                expected = EVENT_METRICS[metric](patients_counted(setting, decide(raw, cut), weights))
            assert said == pytest.approx(float(expected), abs=1e-12)


def an_eighth(score):
    """Of the quantile thresholds, for timescoring is slow; always off among them."""
    return np.append(quantile_thresholds(score)[::8], np.float32(np.inf))


def vars_of(counts):
    return counts.tp, counts.fp, counts.ref, counts.seconds
