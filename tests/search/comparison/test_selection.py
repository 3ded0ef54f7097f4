"""Ties and the corrected winner: as a plain loop has them, fair to all trials, and true in simulation."""

import numpy as np
import pytest

from search.comparison.bias_correction import by_order, by_threshold, picked, spread
from search.comparison.crossfit_bootstrap import decided_in_halves
from search.comparison.resampling import BUNDLES, Setting, draws, exact, units, units_of
from search.comparison.selection import Contender, _drawn, _resampled, compared, corrected
from search.comparison.ties import compare
from search.scores.calibration import fit_none, fit_platt
from search.scores.crossfit import cross_fit
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS, counts_at
from search.scores.reference import Reference
from spaces.errors import TrialError
from spaces.policies import Cost, Fixed, MaxF1, PrecisionAtRecall, RecallAtPrecision, Youden
from spaces.study import Events
from tests.benchmarks.selection import draw, outcome
from tests.helpers import selection_reference as slow

POLICIES = [
    MaxF1(),
    MaxF1(beta=2),
    Youden(policy="youden"),
    Cost(policy="cost", c_fn=3),
    PrecisionAtRecall(policy="precision_at_recall", recall=0.7),
    RecallAtPrecision(policy="recall_at_precision", precision=0.5),
]
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.policy)
in_groups = pytest.mark.parametrize("grouped", [False, True], ids=["rows", "groups"])


def rows(seed, n=40, trials=3, grouped=True, digits=1):
    """Labels, groups of six rows or None, and coarse scores, so that ties at one score are common."""
    rng = np.random.default_rng(seed)
    group = np.char.add("g", (np.arange(n) // 6).astype(str)) if grouped else None
    y = (rng.random(n) < 0.4).astype(np.int8)
    raws = [np.round(rng.normal(size=n) + 1.2 * y, digits).astype(np.float32) for _ in range(trials)]
    return y, group, raws


def setting_of(y, group, metric="f1", calibrate=fit_none, seed=0):
    made = Reference(y, group, None, None, draw_halves(y, group, None, seed))
    return Setting(
        reference=made,
        units=units_of(made, seed),
        metric=metric,
        calibrate=calibrate,
        events=Events(),
        seed=seed,
    )


def contenders_of(raws, setting, policy=POLICIES[0]):
    y, halves = setting.reference.y, setting.reference.halves
    values = [cross_fit(y, raw, halves, setting.calibrate, policy, setting.metric) for raw in raws]
    return [
        Contender(raws=(raw,), value=value, policy=policy) for raw, value in zip(raws, values, strict=True)
    ]


@each_policy
def test_decisions_of_the_halves_equal_a_plain_loop(policy):
    y, group, (raw, *_) = rows(0)
    halves = draw_halves(y, group, None, 0)
    found = decided_in_halves(y, raw, halves, fit_none, policy)
    np.testing.assert_array_equal(found, slow.decided_in_halves(y, raw, halves.mask, policy))


@pytest.mark.parametrize(
    "policy", [*POLICIES, Fixed(policy="fixed", at=0.4)], ids=lambda policy: policy.policy
)
def test_decisions_of_the_halves_are_those_behind_the_value(policy):
    """Raw scores decide as calibrated ones do; only a fixed probability needs the calibration."""
    y, group, (raw, *_) = rows(1, n=300, digits=3)
    halves = draw_halves(y, group, None, 1)
    decided = decided_in_halves(y, raw, halves, fit_platt, policy)
    values = [
        METRICS["accuracy"](counts_at(y[half], decided[half, split].astype(np.float32), 0.5))
        for split, mask in enumerate(halves.mask.T)
        for half in (mask, ~mask)
    ]
    assert np.mean(values) == pytest.approx(
        cross_fit(y, raw, halves, fit_platt, policy, "accuracy"), abs=1e-12
    )


@in_groups
@pytest.mark.parametrize("metric", ["f1", "precision", "mcc"])
def test_values_of_resamples_equal_a_plain_loop(metric, grouped):
    y, group, raws = rows(2, grouped=grouped)
    setting = setting_of(y, group, metric)
    times = draws(setting.units, 15, np.random.default_rng(0))
    found = _resampled(contenders_of(raws, setting), setting, times)
    for raw, line in zip(raws, found, strict=True):
        decided = decided_in_halves(y, raw, setting.reference.halves, fit_none, MaxF1())
        expected = [slow.value(metric, y, decided, drawn[setting.units.piece]) for drawn in times]
        np.testing.assert_allclose(line, expected, atol=1e-12)


@in_groups
@each_policy
def test_the_pick_of_each_resample_equals_a_plain_loop(policy, grouped):
    y, group, raws = rows(3, n=30, grouped=grouped)
    setting = setting_of(y, group, "balanced_accuracy")
    times = draws(setting.units, 15, np.random.default_rng(1))
    trials = [by_threshold(y, raw, policy, setting.metric, setting.units.piece, times) for raw in raws]
    drawn = times[:, setting.units.piece].astype(int)
    expected = slow.picked(setting.metric, y, raws, policy, drawn)
    np.testing.assert_allclose(picked(trials, 15), expected, atol=1e-12)
    np.testing.assert_allclose(picked(trials[::-1], 15), expected, atol=1e-12)
    assert np.isfinite(expected).sum() > 8


@in_groups
def test_the_pick_by_order_equals_a_plain_loop(grouped):
    y, group, raws = rows(4, n=30, grouped=grouped)
    setting = setting_of(y, group)
    times = draws(setting.units, 15, np.random.default_rng(1))
    trials = [by_order(y, raw, "average_precision", setting.units.piece, times) for raw in raws]
    drawn = times[:, setting.units.piece].astype(int)
    expected = slow.picked("average_precision", y, raws, None, drawn)
    np.testing.assert_allclose(picked(trials, 15), expected, atol=1e-9)


def test_a_fixed_threshold_stands_and_only_the_trial_is_picked():
    y, group, raws = rows(5)
    policy = Fixed(policy="fixed", at=0.6)
    setting = setting_of(y, group)
    times = draws(setting.units, 15, np.random.default_rng(1))
    trials = [_drawn(one, setting, times) for one in contenders_of(raws, setting, policy)]
    expected = slow.picked("f1", y, raws, policy, times[:, setting.units.piece].astype(int))
    np.testing.assert_allclose(picked(trials, 15), expected, atol=1e-12)


@pytest.mark.parametrize("metric", ["f1", "average_precision", "roc_auc"])
def test_bundles_and_fewer_cuts_say_what_all_rows_and_all_cuts_say(metric, monkeypatch):
    """2,500 rows are dealt into bundles and 2,500 cuts into 500: as good as one by one."""
    y, _, raws = rows(6, n=2500, trials=3, grouped=False, digits=7)
    setting = setting_of(y, None, metric)
    assert setting.units.pieces == BUNDLES
    contenders = contenders_of(raws, setting)
    fast, fair = compared(contenders, setting), corrected(contenders, setting)
    monkeypatch.setattr("search.comparison.resampling.ROWS_ALONE", 2500)
    monkeypatch.setattr("search.comparison.selection.CUTS", 4000)
    monkeypatch.setattr("search.comparison.bias_correction.CUTS", 4000)
    alone = setting_of(y, None, metric)
    assert alone.units.pieces == 2500
    plain, fairly = compared(contenders, alone), corrected(contenders, alone)
    for one, other in [*zip(fast.values, plain.values, strict=True), (fair, fairly)]:
        width = other.high - other.low
        assert one.value == pytest.approx(other.value, abs=0.05 * width)
        assert one.high - one.low == pytest.approx(width, rel=0.2)


def test_cuts_lie_close_where_classes_are_rare():
    ends = np.arange(30_001)
    kept = spread(ends, 500)
    assert kept.size <= 500
    assert kept[:10].tolist() == list(range(10))
    assert kept[-10:].tolist() == list(range(29_991, 30_001))
    assert np.diff(kept).max() <= 30_000 / 160
    assert spread(ends[:400], 500).size == 400


def test_a_copy_of_the_best_is_tied_with_it_and_ranks_do_not_depend_on_the_order():
    y, group, raws = rows(7, n=600, trials=6, digits=4)
    raws = [raw + np.float32(gap) * y for gap, raw in zip((0, 0.3, 0.6, 0.9, 1.2, 3), raws, strict=True)]
    raws.append(raws[-1].copy())
    setting = setting_of(y, group)
    contenders = contenders_of(raws, setting)
    found = compared(contenders, setting)
    assert found.best == 5
    assert found.differences[6].value == 0
    assert found.ranks[5] == found.ranks[6] == (1, 2)
    assert found.differences[5].low == found.differences[5].high == 0
    worse = sorted(range(5), key=lambda k: -contenders[k].value)
    assert [found.ranks[k] for k in worse] == [(3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]
    for estimate, contender in zip(found.values, contenders, strict=True):
        assert estimate.value == contender.value
        assert estimate.low < contender.value < estimate.high
    order = [3, 6, 0, 5, 1, 4, 2]
    again = compared([contenders[k] for k in order], setting)
    assert again.best == 1
    assert list(again.ranks) == [found.ranks[k] for k in order]
    assert list(again.values) == [found.values[k] for k in order]


def test_a_value_lies_within_its_interval_where_hardly_a_resample_differs():
    """At equal costs, with rare positives, nearly every pick decides all rows negative: an F1 of 0."""
    y, group = np.zeros(400, np.int8), np.char.add("g", (np.arange(400) // 20).astype(str))
    y[[5, 105, 205, 305]] = 1
    raw = np.random.default_rng(2).normal(size=400).astype(np.float32)
    setting, trial = setting_of(y, group), Contender(raws=(raw,), value=0.0, policy=Cost(policy="cost"))
    found = corrected([trial], setting)
    times = exact(draws(setting.units, 500, np.random.default_rng([0, 1])), setting.units.piece)
    scores = picked([_drawn(trial, setting, times)], 500)
    assert np.nanpercentile(scores, 97.5) == 0 < np.nanmean(scores)
    assert (found.value, found.low, found.high) == (np.nanmean(scores), 0, np.nanmean(scores))


def test_the_corrected_value_does_not_depend_on_the_order_of_trials_nor_on_copies():
    y, group, raws = rows(8, n=120, trials=5)
    setting = setting_of(y, group)
    contenders = contenders_of(raws, setting)
    found = corrected(contenders, setting)
    for others in (contenders[::-1], [*contenders, *contenders]):
        again = corrected(others, setting)
        for end in ("value", "low", "high"):
            assert getattr(again, end) == pytest.approx(getattr(found, end), abs=1e-12)


def test_groups_are_kept_whole():
    """Every row twice, in its group, is no news; rows drawn one by one would meet their copies outside."""
    y, group, raws = rows(9, n=60)
    once, twice = setting_of(y, group), setting_of(np.tile(y, 2), np.tile(group, 2))
    found = corrected(contenders_of(raws, once), once)
    again = corrected([Contender(raws=(np.tile(raw, 2),), value=0.5, policy=MaxF1()) for raw in raws], twice)
    assert (again.value, again.low, again.high) == pytest.approx(
        (found.value, found.low, found.high), abs=1e-12
    )


def test_yardsticks_are_compared_but_do_not_win():
    values = np.array([0.9, 0.8, 0.8, 0.5])
    deviations = 0.01 * np.random.default_rng(0).normal(size=(4, 400))
    found = compare(values, deviations, np.array([False, True, True, True]))
    assert found.best == 1
    assert found.ranks == ((1, 1), (2, 3), (2, 3), (4, 4))
    assert found.differences[0].high < 0
    wide = compare(values, 50 * deviations, np.array([False, True, True, True]))
    assert wide.ranks == ((1, 4),) * 4


def test_a_noisy_trial_that_is_far_behind_ties_nobody():
    """It could not be the lucky one, so its noise no longer counts."""
    values, spread_of = np.array([0.9, 0.8, 0.1]), np.array([[0.02], [0.02], [0.2]])
    deviations = spread_of * np.random.default_rng(0).normal(size=(3, 2000))
    found = compare(values, deviations, np.ones(3, bool))
    assert found.ranks == ((1, 1), (2, 2), (3, 3))
    assert found.differences[1].low > 0
    alone = compare(values[:2], deviations[:2], np.ones(2, bool))
    assert alone.differences[1].low == found.differences[1].low


def test_where_nothing_is_known_trials_cannot_be_told_apart():
    y, _, raws = rows(10, n=60)
    recordings = np.repeat(["a", "b"], 30)
    made = Reference(y, np.full(60, "g"), None, None, draw_halves(y, recordings, None, 0))
    setting = Setting(
        reference=made, units=units_of(made, 0), metric="f1", calibrate=fit_none, events=Events(), seed=0
    )
    contenders = contenders_of(raws, setting)
    found = compared(contenders, setting)
    assert set(found.ranks) == {(1, 3)}
    assert found.values[0].low is None
    assert corrected(contenders, setting).value is None


def test_units_are_groups_else_recordings_else_rows():
    one, two = np.repeat("a", 6), np.repeat(["a", "b"], 3)
    assert units({"groups": two, "recordings": one}, 6, 0).kind == "groups"
    assert units({"groups": one, "recordings": two}, 6, 0).kind == "recordings"
    assert (units({"groups": one, "recordings": None}, 6, 0).count) == 1
    assert units({"groups": None, "recordings": None}, 6, 0).kind == "rows"
    many = units({"groups": None, "recordings": None}, 5000, 0)
    assert (many.count, many.pieces, set(np.bincount(many.piece))) == (5000, BUNDLES, {10})
    times = draws(many, 50, np.random.default_rng(0))
    assert (times.sum(axis=1) == BUNDLES).all()
    assert exact(times, many.piece).dtype == np.float32
    assert exact(times, np.repeat(np.arange(BUNDLES), 40_000)).dtype == np.float64


def test_a_rule_that_cannot_be_met_is_an_error_where_a_value_is_claimed():
    y, group, _ = rows(11)
    setting = setting_of(y, group)
    policy = RecallAtPrecision(policy="recall_at_precision", precision=0.999)
    flat = Contender(raws=(np.zeros(y.size, np.float32),), value=0.5, policy=policy)
    with pytest.raises(TrialError, match=r"needs a cut with precision of at least 0\.999"):
        compared([flat], setting)
    assert corrected([flat], setting).value is None


def test_the_winner_flatters_and_the_correction_does_not():
    """A short round of tests/benchmarks/selection.py: best of 32 on 300 rows."""
    studies = [draw(np.random.default_rng(seed), 300, 0.0, grouped=False, trials=32) for seed in range(6)]
    found = [outcome(study, seed) for seed, study in enumerate(studies)]
    assert np.mean([one.cross_fitted for one in found]) > 0.04
    assert np.mean([one.in_sample for one in found]) > 0.06
    assert -0.05 < np.mean([one.corrected for one in found]) < 0.01
    assert sum(one.covered for one in found) >= 5
    assert sum(one.best_tied for one in found) >= 5


def test_a_trial_that_takes_no_place_is_compared_and_shifts_no_rank():
    rng = np.random.default_rng(3)
    values = np.array([0.9, 0.8, 0.79, 0.3])
    deviations = rng.normal(scale=0.02, size=(4, 400))
    may_win = np.array([False, True, True, True])
    with_it = compare(values, deviations, may_win, may_tie=may_win)
    without = compare(values[1:], deviations[1:], may_win[1:])
    assert with_it.ranks[1:] == without.ranks
    assert with_it.tied.tolist() == [False, *without.tied.tolist()]
    assert with_it.best == 1
    assert with_it.differences[0].value == pytest.approx(-0.1)


def of_seeds(parts, setting, policy=POLICIES[0]):
    """Contenders of several seeds each."""
    single = [contenders_of(part, setting, policy) for part in parts]
    return [
        Contender(
            raws=tuple(raw for one in seeds for raw in one.raws),
            value=float(np.mean([one.value for one in seeds])),
            policy=policy,
        )
        for seeds in single
    ]


@pytest.mark.parametrize("metric", ["f1", "mcc", "average_precision"])
def test_a_configuration_is_the_mean_of_its_seeds_in_every_resample(metric):
    y, group, raws = rows(3, n=60, trials=5)
    setting = setting_of(y, group, metric)
    times = draws(setting.units, 20, np.random.default_rng(0))
    parts = [raws[:3], raws[3:4], raws[4:]]
    found = _resampled(of_seeds(parts, setting), setting, times)
    alone = _resampled(contenders_of(raws, setting), setting, times)
    expected = [alone[:3].mean(axis=0), alone[3], alone[4]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(found[1:], alone[3:], "of one seed: to the last bit")
    for one, part in zip(of_seeds(parts, setting), parts, strict=True):
        whole, seeds = (
            _drawn(one, setting, times),
            [_drawn(single, setting, times) for single in contenders_of(part, setting)],
        )
        np.testing.assert_allclose(whole.inside, np.mean([seed.inside for seed in seeds], axis=0))
        here = np.array([0, 7, 19])
        np.testing.assert_allclose(
            whole.outside(here), np.mean([seed.outside(here) for seed in seeds], axis=0)
        )


def test_the_same_configuration_again_is_no_further_pick():
    """Twenty seeds of one configuration are one contender: nothing was picked, so nothing is corrected."""
    y, group, raws = rows(5, n=240, trials=20, digits=6)
    setting = setting_of(y, group)
    (one,) = of_seeds([raws], setting)
    assert compared([one], setting).ranks == ((1, 1),)
    together = corrected([one], setting).value
    alone = np.mean([corrected([seed], setting).value for seed in contenders_of(raws, setting)])
    assert together == pytest.approx(alone, abs=0.01)
    assert one.value == pytest.approx(np.mean([seed.value for seed in contenders_of(raws, setting)]))
