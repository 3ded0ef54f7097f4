"""Moved probabilities hold where they are moved to; the order of scores and what follows from it stays."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from search.evaluation.binary import estimates
from search.runs.run_folder import RunFolder
from search.scores.calibration import (
    CALIBRATIONS,
    Calibration,
    fit_none,
    fit_platt,
    fit_temperature,
    moved_to,
    weights_at,
)
from search.scores.crossfit import cross_fit
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, brier, counts_at, decide, ece
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.policies import Fixed, MaxF1
from spaces.study import Events, Objective, Study
from spaces.study_file import parse
from tests.helpers.driving import write_study
from tests.helpers.measured import measure

FIXED = Fixed(policy="fixed", at=0.5)
fits = pytest.mark.parametrize("name", ["platt"])


def drawn(n, share, seed=0):
    """Rows whose true log-odds are `2 x - 2 + logit(share)`: raw scores say three times their half."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < share
    x = rng.normal(size=n) + 2 * y
    return y.astype(np.int8), np.float32(3 * (x - 1))


def logit(p):
    return math.log(p / (1 - p))


def reference(y, groups=None):
    halves = draw_halves(y, groups, None, seed=0)
    return Reference(y=y, groups=groups, recordings=None, times=None, halves=halves)


def study(prevalence=None, calibration="platt", **objective):
    return Study(objective=Objective(prevalence=prevalence, calibration=calibration, **objective))


@fits
@given(st.integers(0, 1000), st.floats(0.001, 0.999))
@settings(deadline=None, max_examples=30)
def test_the_offset_grows_by_the_difference_of_log_odds(name, seed, prevalence):
    y, raw = drawn(60, 0.3, seed)
    y[:2] = [0, 1]
    weight = np.random.default_rng(seed).integers(1, 4, y.size).astype(float)
    for w in (None, weight):
        plain, moved = CALIBRATIONS[name](y, raw, w), moved_to(prevalence, CALIBRATIONS[name])(y, raw, w)
        assert moved.reason == plain.reason
        share = np.average(y, weights=w)
        grown = 0 if plain.reason else logit(prevalence) - logit(share)
        assert moved.calibration.a == plain.calibration.a
        assert moved.calibration.b == pytest.approx(plain.calibration.b + grown, abs=1e-5)


@fits
def test_a_fit_that_comes_to_nothing_is_not_moved(name):
    y, raw = np.array([1, 1, 0, 0], np.int8), np.float32([-1, -3, 1, 2])
    found = moved_to(0.01, CALIBRATIONS[name])(y, raw)
    assert found.calibration == Calibration()
    assert "rise with the label" in found.reason
    came = measure(raw, reference(y), study(0.01, name), FIXED, probabilistic=True)
    assert (came.calibration, came.calibration_note) == (Calibration(), found.reason)
    assert came.metrics["brier"].value == brier(y, raw), "of the rows as they are, as the scores are"


@fits
@pytest.mark.parametrize("prevalence", [0.01, 0.9])
def test_the_order_and_the_decisions_of_max_f1_stay_and_a_fixed_threshold_decides_otherwise(name, prevalence):
    y, raw = drawn(400, 0.4)
    ref = reference(y, np.arange(400).astype(str))
    plain = measure(raw, ref, study(None, name), MaxF1(), probabilistic=True)
    moved = measure(raw, ref, study(prevalence, name), MaxF1(), probabilistic=True)
    assert moved.calibration.b != plain.calibration.b
    assert moved.value == plain.value
    for metric in (*METRICS, *RANKING_METRICS):
        assert moved.metrics[metric] == plain.metrics[metric]
    decided = [decide(m.score, m.choice.threshold_score) for m in (plain, moved)]
    np.testing.assert_array_equal(*decided)
    assert (moved.choice.threshold < plain.choice.threshold) == (prevalence < 0.4)
    fixed = [measure(raw, ref, study(p, name), FIXED, probabilistic=True) for p in (None, prevalence)]
    positive = [decide(m.score, m.choice.threshold_score).sum() for m in fixed]
    assert positive[1] < positive[0] / 2 if prevalence < 0.4 else positive[1] > positive[0] * 1.2
    assert fixed[0].value != fixed[1].value


@fits
def test_moved_probabilities_hold_where_positives_are_rare(name):
    y, raw = drawn(4000, 0.5)
    there, raw_there = drawn(400_000, 0.01, seed=1)
    plain = CALIBRATIONS[name](y, raw).calibration
    moved = moved_to(0.01, CALIBRATIONS[name])(y, raw).calibration
    off, near = ece(there, plain.apply(raw_there)), ece(there, moved.apply(raw_there))
    assert off > 0.1
    assert near < off / 50
    # The rows at hand, weighted, tell as much without having been there.
    weight = weights_at(0.01, y)
    for metric in PROBABILITY_METRICS.values():
        expected = metric(there, moved.apply(raw_there))
        assert metric(y, moved.apply(raw), weight) == pytest.approx(expected, rel=0.2, abs=0.002)
        assert metric(y, moved.apply(raw)) > 3 * expected, "unweighted, the two places do not match"


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.floats(0.001, 0.999))
@settings(deadline=None)
def test_weights_give_positives_the_share(y, prevalence):
    y = np.array(y)
    weight = weights_at(prevalence, y)
    if y.all() or not y.any():
        assert not weight.any()
        return
    assert weight.sum() == pytest.approx(y.size)
    assert weight[y].sum() / weight.sum() == pytest.approx(prevalence)
    assert len(set(weight[y])) == len(set(weight[~y])) == 1


def test_estimates_weigh_probabilities_alone():
    y, score = drawn(300, 0.5)
    ref = reference(y)
    as_they_are = estimates(ref, score, 0.0, events=Events(), seed=0, probabilistic=True)
    weighted = estimates(ref, score, 0.0, events=Events(), seed=0, probabilistic=True, prevalence=0.1)
    for name, metric in PROBABILITY_METRICS.items():
        assert weighted[name].value == metric(y, score, weights_at(0.1, y)) != as_they_are[name].value
    for name in (*METRICS, *RANKING_METRICS):
        assert weighted[name] == as_they_are[name]
    unclaimed = estimates(ref, score, 0.0, events=Events(), seed=0, probabilistic=False, prevalence=0.1)
    assert all(unclaimed[name].value is None for name in PROBABILITY_METRICS)


@fits
def test_each_half_of_a_cross_fit_is_moved_from_its_own_share(name):
    y, raw = drawn(60, 0.3)
    group = np.arange(60) // 6
    halves = draw_halves(y, group, None, seed=3)
    values = []
    for half in halves.mask.T:
        for fitted, measured in ((half, ~half), (~half, half)):
            found = CALIBRATIONS[name](y[fitted], raw[fitted]).calibration
            share = y[fitted].mean()
            b = np.float32(found.b + logit(0.2) - logit(share))
            score = np.float32(found.a) * raw[measured] + b
            values.append(float(METRICS["f1"](counts_at(y[measured], score, 0.0))))
    came = measure(raw, reference(y, group.astype(str)), study(0.2, name), FIXED, probabilistic=True)
    by_hand = cross_fit(y, raw, halves, moved_to(0.2, CALIBRATIONS[name]), FIXED, "f1")
    assert by_hand == pytest.approx(np.mean(values), rel=1e-12)
    assert len({y[half].mean() for half in halves.mask.T}) > 1
    again = cross_fit(
        y, raw, reference(y, group.astype(str)).halves, moved_to(0.2, CALIBRATIONS[name]), FIXED, "f1"
    )
    assert came.value == again


def test_a_slope_alone_makes_no_probability_of_scores_that_were_none():
    """At 1% positives, log-odds as class weights bend them stay bent under a temperature."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.01).astype(np.int8)
    raw = (rng.normal(size=4000) + 2 * y - 1).astype(np.float32)
    rows = reference(y, np.array([f"g{k % 40}" for k in range(4000)]))
    for calibration, bent, said in (
        ("temperature", True, False),
        ("temperature", False, True),
        ("platt", True, True),
        ("none", True, False),
    ):
        measured = measure(raw, rows, study(calibration=calibration), FIXED, probabilistic=not bent)
        assert (measured.metrics["ece"].value is not None) == said


def test_the_table_of_fits_is_not_touched():
    assert {"none": fit_none, "platt": fit_platt, "temperature": fit_temperature} == CALIBRATIONS
    with pytest.raises(RunError, match="which platt alone sees to, but calibration is none"):
        parse({"objective": {"calibration": "none", "prevalence": 0.1}})


@pytest.mark.usefixtures("keras")
def test_a_bundle_holds_the_moved_calibration_and_its_test_rows_are_weighted(tmp_path):
    from reports.bundles import bundle as bundles
    from reports.bundles import promotion
    from reports.bundles.picking import pick
    from search.trials.preparation import prepare
    from tests.helpers.shipping import train

    file = write_study(tmp_path, {"objective": {"prevalence": 0.02, "calibration": "platt"}})
    text = yaml.safe_load(file.read_text())
    text["data"]["path"] = str(tmp_path / "data.npz")
    file.write_text(yaml.safe_dump(text))
    run = RunFolder(tmp_path / "run")
    train(run, file, [("sigmoid", "bce")])
    record = run.record("00000")
    assert record.calibration_note is None
    y = run.reference().y
    raw, score = run.scores("00000")
    moved = fit_platt(y, raw).calibration.b + logit(0.02) - logit(y.mean())
    assert record.calibration_b == pytest.approx(moved, abs=1e-5)
    assert record.metrics["ece"].value == ece(y, score, weights_at(0.02, y))
    test = promotion.promote(run, pick(run, "00000"), tmp_path / "bundle").test
    bundle = bundles.load(tmp_path / "bundle")
    prepared = prepare(run.study(), run.path, run.prepared)
    rows = prepared.split.test
    table = bundle.predict(prepared.rows.x[rows])
    came, y = table["score"].to_numpy(), prepared.rows.y[rows]
    assert test["brier"].value == pytest.approx(brier(y, came, weights_at(0.02, y)), rel=1e-6)
    assert bundle.config.decision.prevalence == 0.02
    card = (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert "moved to where a share 0.02 of the rows is positive" in card
    assert "| ece |" in card
