"""Why a rule decides nothing, and the nearest cut that decides: by brute force over all cuts."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from search.data.rows import Recording
from search.evaluation.constant_decisions import why_constant
from search.events.evaluation import event_choice
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from search.scores.thresholds import best_deciding, choose, curve
from spaces.policies import Cost, Fixed, MaxF1, SensitivityAtFaPerDay
from spaces.study import Events
from tests.helpers import reference as slow

COST = Cost(policy="cost")
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=20)


@given(rows=ROWS, c_fp=st.sampled_from([0.1, 1.0, 10.0]))
def test_the_nearest_cut_costs_least_of_all_that_decide(rows, c_fp):
    y, score = np.array([label for label, _ in rows]), np.array([s for _, s in rows], np.float32)
    found = best_deciding(curve(y, score), Cost(policy="cost", c_fp=c_fp))
    costs = {}
    for cut, (_, fp, _, fn) in slow.curve(y, score):
        if not math.isinf(cut):
            costs[cut] = c_fp * float(fp) + float(fn)
    assert (found is None) == (not costs)
    if found is not None:
        assert costs[found.threshold_score] == min(costs.values())
        assert 0 < (score >= found.threshold_score).sum() < score.size


@given(rows=ROWS)
def test_where_a_finite_cut_is_best_it_is_the_nearest(rows):
    y, score = np.array([label for label, _ in rows]), np.array([s for _, s in rows], np.float32)
    assume(y.any() and not y.all())
    chosen, every = choose(curve(y, score), MaxF1()), slow.curve(y, score)
    values = {cut: slow.metric("f1", *cells) for cut, cells in every}
    best = {cut for cut, value in values.items() if value == max(v for v in values.values() if v is not None)}
    if not best & {-math.inf, math.inf}:
        assert best_deciding(curve(y, score), MaxF1()) == chosen


def test_a_cost_names_prevalence_costs_and_the_nearest_cut():
    rng = np.random.default_rng(0)
    y = (rng.random(600) < 0.015).astype(np.int8)
    score = (rng.normal(size=y.size) + 0.6 * y).astype(np.float32)
    score[np.flatnonzero(y == 0)[0]] = 9  # so that no cut pays
    assert choose(curve(y, score), COST).threshold_score == math.inf
    least = min(fp + fn for cut, (_, fp, _, fn) in slow.curve(y, score) if not math.isinf(cut))
    nearest = best_deciding(curve(y, score), COST)
    assert why_constant(_windows(y), score, math.inf, COST, Events()) == (
        "at costs c_fp 1 and c_fn 1 a cut pays where more than 0.5 of the rows above it are positive; the "
        f"prevalence is {y.mean():.4g}, and all rows negative cost {y.sum()}; the nearest cut that decides, "
        f"{nearest.threshold_score:.6g} (probability {nearest.threshold:.4g}), costs {int(least)}"
    )


def test_equal_scores_have_no_cut_that_decides():
    some, score = _windows(np.array([0, 1] * 4, np.int8)), np.ones(8, np.float32)
    said = why_constant(some, score, -math.inf, MaxF1(), Events())
    assert said == (
        "max_f1 is best where all rows are positive; no other cut decides some rows positive and meets the "
        "rule"
    )
    said = why_constant(some, score, 2.0, Fixed(policy="fixed", at=0.88), Events())
    assert said == (
        "the fixed threshold 0.88 lies above all scores, whose probabilities reach from 0.7311 to 0.7311"
    )


SECONDS = 1200


@pytest.fixture
def hours() -> tuple[Reference, np.ndarray]:
    """Four recordings of 20 minutes with a seizure each; the highest scores lie outside seizures."""
    y = np.zeros((4, SECONDS), np.int8)
    y[:, 600:640] = 1
    score = np.random.default_rng(0).normal(size=y.shape) + y
    score[:, 100] = 9
    names = np.repeat([f"r{k}" for k in range(4)], SECONDS)
    recordings = tuple(
        Recording(name=f"r{k}", group=f"r{k}", duration_s=float(SECONDS), seizures=((600.0, 640.0),))
        for k in range(4)
    )
    made = Reference(
        y=y.ravel(), groups=names, recordings=names, times=np.tile(np.arange(SECONDS, dtype=float), 4),
        halves=draw_halves(y.ravel(), names, None, 0), window_s=1.0, timeline=recordings,
    )  # fmt: skip
    return made, score.ravel().astype(np.float32)


def test_a_limit_below_one_alarm_names_both_numbers_and_the_smallest_that_allows_one(hours):
    reference, score = hours
    events, strict = Events(scorer="szcore"), SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day")
    assert event_choice(reference, score, strict, events).threshold_score == math.inf
    said = why_constant(reference, score, math.inf, strict, events)
    assert said.startswith(
        "the limit of 2 false alarms per day is below one alarm in 1.33 monitored hours, 18 per day; "
        "the nearest cut that decides, "
    )
    limit = float(said.rpartition("the smallest limit that allows it: ")[2])
    allowed = strict.model_copy(update={"fa_per_day": limit})
    assert math.isfinite(event_choice(reference, score, allowed, events).threshold_score)
    below = strict.model_copy(update={"fa_per_day": limit - 0.02})
    assert event_choice(reference, score, below, events).threshold_score == math.inf


def test_an_alarm_that_never_stops_is_told_from_a_detector(hours):
    reference, score = hours
    score = np.random.default_rng(1).normal(size=score.size).astype(np.float32)
    events = Events(scorer="ovlp")
    policy = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=2)
    assert event_choice(reference, score, policy, events).threshold_score == -math.inf
    said = why_constant(reference, score, -math.inf, policy, events)
    assert said.startswith(
        "the limit of 2 false alarms per day allows an alarm that never stops, which makes 0 per day in 1.33 "
        "monitored hours under ovlp; "
    )


def _windows(y: np.ndarray) -> Reference:
    return Reference(y=y, groups=None, recordings=None, times=None, halves=draw_halves(y, None, None, 0))
