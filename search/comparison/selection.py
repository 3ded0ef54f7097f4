"""Compares the trials of a run with the best, and corrects the winner for having been picked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.comparison.bias_correction import (
    CUTS,
    Drawn,
    as_decided,
    by_order,
    by_threshold,
    drawn_counts,
    mean_of,
    picked,
    spread,
)
from search.comparison.crossfit_bootstrap import counted, decided_in_halves, values
from search.comparison.event_bias_correction import (
    by_events,
    event_decisions,
    event_values,
    events_as_decided,
)
from search.comparison.resampling import F32, Setting, draws, exact
from search.comparison.ties import Compared, compare
from search.events.scoring import EVENT_METRICS
from search.record import Estimate, defined
from search.scores.bootstrap import interval, interval_around
from search.scores.metrics import AREAS, F64, decide
from search.scores.ranking import positives, ranked
from search.scores.thresholds import choose, curve
from spaces.policies import Chosen, Fixed, SensitivityAtFaPerDay
from spaces.tasks import RANGES

VALUE_REPEATS, ORDER_REPEATS, PICK_REPEATS = 2000, 500, 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One configuration, or one yardstick, of those that are compared.

    A configuration that was trained with several seeds counts as the mean of them, whatever is measured: the
    luckiest of its seeds is no contender.

    Args:
        raws: raw scores of the validation rows, float32 `(n,)`, of each of its seeds; one at least.
        value: its cross-fitted value, as the leaderboard has it: the mean over all its seeds.
        policy: the rule of its threshold.
        may_win: whether it may be picked; a yardstick may not.
        may_tie: whether it takes a place among the others; a constant decision does not.
    """

    raws: tuple[NDArray[np.float32], ...]
    value: float
    policy: Chosen | SensitivityAtFaPerDay
    may_win: bool = True
    may_tie: bool = True


def compared(contenders: Sequence[Contender], setting: Setting) -> Compared:
    """Compares contenders with the best on one set of resamples of the rows; decisions and halves stand.

    The value is a mean over the halves of all splits. A resample that leaves a half without its few positives
    says nothing about a trial, and with patients as units many do; so the counts of the two halves of a split
    are added before the metric is taken of them. How much that mean over splits moves is the deviation.
    (Intervals cover more often that way, and are hardly ever undefined: tests/benchmarks/LOG.md.) Metrics of
    the order of the scores have nothing fitted on halves: their deviation is that of all rows together.

    Args:
        contenders: one at least may win; equal values rank in the order that they come.
        setting: see `Setting`.

    Raises:
        TrialError: a trial with a value whose rule cannot be met on some half: scores and value do not belong
            together.
    """
    units, repeats = setting.units, ORDER_REPEATS if setting.metric in AREAS else VALUE_REPEATS
    drawn = draws(units, repeats, np.random.default_rng(setting.seed))
    found = _resampled(
        contenders, setting, exact(np.concatenate([np.ones_like(drawn[:1]), drawn]), units.piece)
    )
    known = np.nan if units.pieces < 2 else 0.0
    return compare(
        np.array([contender.value for contender in contenders]),
        found[:, 1:] - found[:, :1] + known,
        np.array([contender.may_win for contender in contenders]),
        RANGES.get(setting.metric, (0.0, 1.0)),
        np.array([contender.may_tie for contender in contenders]),
    )


def _resampled(contenders: Sequence[Contender], setting: Setting, times: NDArray[Any]) -> F64:
    """Each contender's value under each resample, the mean of its seeds, `(contenders, repeats)`."""
    of_seeds = _of_seeds([(raw, one.policy) for one in contenders for raw in one.raws], setting, times)
    ends = np.cumsum([len(one.raws) for one in contenders])
    return np.array([rows.mean(axis=0) for rows in np.split(of_seeds, ends[:-1])])


def _of_seeds(
    seeds: Sequence[tuple[F32, Chosen | SensitivityAtFaPerDay]], setting: Setting, times: NDArray[Any]
) -> F64:
    """The value of each seed under each resample, `(seeds, repeats)`."""
    y, units, metric = setting.reference.y, setting.units, setting.metric
    positive = positives(y, y)
    if metric in AREAS:
        areas = []
        for raw, _ in seeds:
            rows = ranked(raw)
            counts = drawn_counts(rows, spread(rows.ends, CUTS), positive, units.piece, times)
            areas.append(AREAS[metric](counts.tp, counts.fp))
        return np.array(areas)
    decided = (_decided(raw, policy, setting) for raw, policy in seeds)
    if metric in EVENT_METRICS:
        return np.array([event_values(rows, setting, times) for rows in decided])
    p, n = (
        counted(np.broadcast_to(kind[:, None], setting.reference.halves.mask.shape), units)
        for kind in (positive, ~positive)
    )
    cells = [
        (counted(rows & positive[:, None], units), counted(rows & ~positive[:, None], units))
        for rows in decided
    ]
    return values(cells, p, n, metric, times)


def _decided(raw: F32, policy: Chosen | SensitivityAtFaPerDay, setting: Setting) -> NDArray[np.bool_]:
    """The decision on each row in each split, `(n, splits)`."""
    reference = setting.reference
    if isinstance(policy, SensitivityAtFaPerDay):
        return event_decisions(raw, policy, setting)
    return decided_in_halves(reference.y, raw, reference.halves, setting.calibrate, policy)


def corrected(contenders: Sequence[Contender], setting: Setting) -> Estimate:
    """What the winner is worth once it was picked; see `search.comparison.bias_correction`.

    In each resample every trial's threshold is chosen on the rows drawn, and the contender that does best on
    them is scored on the rows left out. What a contender does is the mean over its seeds, on either side, so
    nothing is gained by the luck of one. The calibration behind a `fixed` threshold is not fitted anew: it
    follows the labels, not the metric, and is no part of the pick.

    Args:
        contenders: all that could be picked; their order does not matter.
        setting: see `Setting`.

    Returns:
        The mean and the 95% percentile interval over resamples, which holds the mean. All
        None if fewer than half of the resamples are defined, or there is only one unit.
    """
    units = setting.units
    times = exact(draws(units, PICK_REPEATS, np.random.default_rng([setting.seed, 1])), units.piece)
    scores = picked((_drawn(contender, setting, times) for contender in contenders), PICK_REPEATS)
    mean = float(np.nanmean(scores)) if not np.isnan(interval(scores)[0]) else np.nan
    low, high = interval_around(mean, scores)
    return Estimate(value=defined(mean), low=defined(low), high=defined(high))


def _drawn(contender: Contender, setting: Setting, times: NDArray[Any]) -> Drawn:
    return mean_of([_seed_drawn(raw, contender.policy, setting, times) for raw in contender.raws])


def _seed_drawn(
    raw: F32, policy: Chosen | SensitivityAtFaPerDay, setting: Setting, times: NDArray[Any]
) -> Drawn:
    metric, piece, y = setting.metric, setting.units.piece, setting.reference.y
    if metric in AREAS:
        return by_order(y, raw, metric, piece, times)
    if isinstance(policy, Fixed):
        score = setting.calibrate(y, raw).calibration.apply(raw)
        decided = decide(score, choose(curve(y, score), policy).threshold_score)
        if metric in EVENT_METRICS:
            return events_as_decided(decided, setting, times)
        return as_decided(y, decided, metric, piece, times)
    if metric in EVENT_METRICS or isinstance(policy, SensitivityAtFaPerDay):
        return by_events(raw, policy, setting, times)
    return by_threshold(y, raw, policy, metric, piece, times)
