"""Compares the trials of tasks that are not binary, by what cross-fitting left of each: `CrossfitSums`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.comparison.bias_correction import Drawn, mean_of, picked
from search.comparison.resampling import F32, Units, draws, exact
from search.comparison.ties import Compared, compare
from search.evaluation.scoring import Contending
from search.record import Estimate, defined
from search.scores.bootstrap import interval, interval_around
from search.scores.crossfit_sums import CrossfitSums
from search.scores.metrics import F64
from search.scores.reference import Reference
from spaces.tasks import RANGES, sign_of

REPEATS = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One configuration, or one yardstick; see `search.comparison.selection.Contender`.

    Args:
        raws: raw scores of the validation rows, `(n, ...)`, of each of its seeds; one at least.
        value, may_win, may_tie: see there.
    """

    raws: tuple[F32, ...]
    value: float
    may_win: bool = True
    may_tie: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskSetting:
    """What all candidates of a comparison share.

    Args:
        reference, units, metric, seed: see `search.comparison.resampling.Setting`.
        scoring: of the task, by the study's own rule.
    """

    reference: Reference
    units: Units
    metric: str
    scoring: Contending
    seed: int


def compared(candidates: Sequence[Candidate], rows: TaskSetting) -> Compared:
    """Compares candidates with the best on one set of resamples; decisions and halves stand.

    See `search.comparison.selection.compared`. Where less is better, values are compared with their sign
    turned, and given back as they are; a difference is what the best is ahead by.
    """
    units, sign = rows.units, sign_of(rows.metric)
    drawn = draws(units, REPEATS, np.random.default_rng(rows.seed)).astype(np.float64)
    times = np.concatenate([np.ones_like(drawn[:1]), drawn])
    found = np.array(
        [sign * np.mean([_held_out(raw, rows).values(times) for raw in one.raws], 0) for one in candidates]
    )
    low, high = RANGES.get(rows.metric, (0.0, 1.0))
    known = np.nan if units.pieces < 2 else 0.0
    made = compare(
        np.array([sign * one.value for one in candidates]),
        found[:, 1:] - found[:, :1] + known,
        np.array([one.may_win for one in candidates]),
        (low, high) if sign > 0 else (-high, -low),
        np.array([one.may_tie for one in candidates]),
    )
    values = tuple(turned(value, sign) for value in made.values)
    return Compared(made.best, values, made.differences, made.tied, made.ranks)


def corrected(candidates: Sequence[Candidate], rows: TaskSetting) -> Estimate:
    """What the winner is worth once it was picked; see `search.comparison.selection.corrected`.

    Decisions stand as cross-fitting made them: the pick alone is repeated in each resample.
    """
    sign = sign_of(rows.metric)
    times = exact(draws(rows.units, REPEATS, np.random.default_rng([rows.seed, 1])), rows.units.piece)
    worth = picked((_drawn(one, rows, times.astype(np.float64), sign) for one in candidates), REPEATS)
    mean = float(np.nanmean(worth)) if not np.isnan(interval(worth)[0]) else np.nan
    low, high = interval_around(mean, worth)
    return turned(Estimate(value=defined(mean), low=defined(low), high=defined(high)), sign)


def turned(estimate: Estimate, sign: float) -> Estimate:
    """Returns an estimate times a sign, its ends in order."""
    if sign > 0:
        return estimate
    value, low, high = (
        None if one is None else -one for one in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value=value, low=high, high=low)


def _held_out(raw: F32, rows: TaskSetting) -> CrossfitSums:
    return rows.scoring.held_out(raw, rows.reference, rows.units.piece, rows.units.pieces)


def _drawn(candidate: Candidate, rows: TaskSetting, times: F64, sign: float) -> Drawn:
    return mean_of([_seed_drawn(_held_out(raw, rows), times, sign) for raw in candidate.raws])


def _seed_drawn(held: CrossfitSums, times: F64, sign: float) -> Drawn:
    return Drawn(
        sign * held.values(times), lambda here: sign * held.values((times[here] == 0).astype(np.float64))
    )
