"""Which trials of a study cannot be told apart, and what the winner is worth after having been picked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.bootstrap import interval
from search.calibration import CalibrationMethod
from search.estimate import Estimate, defined
from search.halves_drawn import counted, decided_in_halves, values
from search.metrics import AREAS, F64, METRICS
from search.picking import CUTS, Drawn, as_decided, by_order, by_threshold, drawn_counts, picked, spread
from search.ranking import positives, ranked
from search.reference import Reference
from search.resampling import Units, draws, exact
from search.thresholds import choose, curve
from search.ties import Compared, compare
from spaces.thresholds import Chosen, Fixed

VALUE_REPEATS, PICK_REPEATS = 2000, 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One trial of those that are compared.

    Args:
        raw: raw scores of the validation rows, float32 `(n,)`.
        value: its cross-fitted value, as the leaderboard has it.
        policy: the rule of its threshold.
        may_win: whether it may be picked; a yardstick may not.
    """

    raw: NDArray[np.float32]
    value: float
    policy: Chosen
    may_win: bool = True


def compared(
    contenders: Sequence[Contender],
    reference: Reference,
    calibrate: CalibrationMethod,
    metric: str,
    units: Units,
    seed: int,
) -> Compared:
    """Compares trials with the best on one set of resamples of the rows, decisions and half-splits held fixed.

    The value is a mean over the halves of all splits. A resample that leaves a half without its few positives
    says nothing about a trial, and with patients as units many do; so the counts of the two halves of a split
    are added before the metric is taken of them. How much that mean over splits moves is the deviation.
    (Intervals cover more often that way, and are never undefined for want of a half; LOG.md has the numbers.)
    Metrics of the order of the scores have nothing fitted on halves: their deviation is that of all rows.

    Args:
        contenders: one at least may win; equal values rank in the order that they come.
        reference: the rows that their scores belong to.
        calibrate: how the study fits calibrations.
        metric: a name of METRICS or RANKING_METRICS, where larger is better.
        units: from `units_of`.
        seed: of the resamples.
    """
    drawn = draws(units, VALUE_REPEATS, np.random.default_rng(seed))
    times = exact(np.concatenate([np.ones_like(drawn[:1]), drawn]), units.piece)
    deviate = _order_deviations if metric in AREAS else _decision_deviations
    found = [deviate(contender, reference, calibrate, metric, units, times) for contender in contenders]
    return compare(
        np.array([contender.value for contender in contenders]),
        np.array(found) if units.pieces > 1 else np.full((len(found), 1), np.nan),
        np.array([contender.may_win for contender in contenders]),
    )


def _order_deviations(
    contender: Contender,
    reference: Reference,
    calibrate: CalibrationMethod,
    metric: str,
    units: Units,
    times: NDArray[Any],
) -> F64:
    rows = ranked(contender.raw)
    positive = positives(reference.y, contender.raw)
    counts = drawn_counts(rows, spread(rows.ends, CUTS), positive, units.piece, times)
    areas = AREAS[metric](counts.tp, counts.fp)
    return areas[1:] - areas[0]


def _decision_deviations(
    contender: Contender,
    reference: Reference,
    calibrate: CalibrationMethod,
    metric: str,
    units: Units,
    times: NDArray[Any],
) -> F64:
    y, halves = reference.y, reference.halves
    decided = decided_in_halves(y, contender.raw, halves, calibrate, contender.policy)
    label = positives(y, contender.raw)
    cells = [decided & label[:, None], decided & ~label[:, None]]
    cells += [np.broadcast_to(kind[:, None], decided.shape) for kind in (label, ~label)]
    tp, fp, p, n = (
        counted(chosen, halves, units.piece, units.pieces).sum(axis=2, keepdims=True) for chosen in cells
    )
    found = values(tp, fp, p, n, metric, times)
    return found[1:] - found[0]


def corrected(
    contenders: Sequence[Contender],
    reference: Reference,
    calibrate: CalibrationMethod,
    metric: str,
    units: Units,
    seed: int,
) -> Estimate:
    """What the winner is worth once it was picked; see `search.picking`.

    In each resample every trial's threshold is chosen on the rows drawn, and the trial that does best on them
    is scored on the rows left out. The calibration behind a `fixed` threshold is not fitted anew: it follows
    the labels, not the metric, and is no part of the pick.

    Args:
        contenders: all that could be picked; their order does not matter.
        reference, calibrate, metric, units, seed: see `compared`.

    Returns:
        The mean and the 95% percentile interval over resamples. All None if fewer than half of the resamples
        are defined, or there is only one unit.
    """
    drawn = draws(units, PICK_REPEATS, np.random.default_rng([seed, 1]))
    times = exact(drawn, units.piece)
    trials = (_drawn(contender, reference, calibrate, metric, units, times) for contender in contenders)
    scores = picked(trials, PICK_REPEATS)
    low, high = interval(scores)
    mean = float(np.nanmean(scores)) if not np.isnan(low) else np.nan
    return Estimate(value=defined(mean), low=defined(low), high=defined(high))


def _drawn(
    contender: Contender,
    reference: Reference,
    calibrate: CalibrationMethod,
    metric: str,
    units: Units,
    times: NDArray[Any],
) -> Drawn:
    y, raw = reference.y, contender.raw
    if metric in METRICS and isinstance(contender.policy, Fixed):
        score = calibrate(y, raw).calibration.apply(raw)
        decided = score >= np.float32(choose(curve(y, score), contender.policy).threshold_score)
        return as_decided(y, decided, metric, units.piece, times)
    if metric in METRICS:
        return by_threshold(y, raw, contender.policy, metric, units.piece, times)
    return by_order(y, raw, metric, units.piece, times)
