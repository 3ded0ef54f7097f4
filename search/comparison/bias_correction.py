"""Corrects the winner's value for having been picked: bootstrap bias corrected cross-validation.

Tsamardinos, Greasidou and Borboudakis 2018 (Machine Learning 107): on the rows that a resample draws, every
trial is given its threshold and the best is picked; the rows that it leaves out, which had no part in that,
say what the pick is worth. The mean over resamples is the estimate, their percentiles its interval.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.comparison.resampling import F32
from search.scores.metrics import AREAS, F64, METRICS, RANKING_METRICS, Counts
from search.scores.ranking import Ranked, positives, ranked
from search.scores.thresholds import MERITS, Keys, cuts_of
from spaces.policies import Chosen

CUTS = 500
"""At most so many cuts of a trial are tried in each resample; see `spread`."""
CHUNK = 4_000_000
"""Numbers in an array of rows times resamples at the most."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """The value of one trial, or of one configuration, in each resample.

    Args:
        inside: its metric on the rows drawn, at the threshold chosen on them, `(repeats,)`; NaN where there
            is no such threshold or the metric is undefined.
        outside: from numbers of resamples `(k,)` to its metric on the rows these leave out, `(k,)`.
    """

    inside: F64
    outside: Callable[[NDArray[np.intp]], F64]


def picked(trials: Iterable[Drawn], repeats: int) -> F64:
    """What the pick of each resample is worth on the rows left out, `(repeats,)`; NaN where undefined.

    Trials that are equally good on the rows drawn share the pick: their mean counts, in whatever order the
    trials come.

    Args:
        trials: all that could be picked.
        repeats: how many resamples there are.
    """
    best = np.full(repeats, -np.inf)
    total, sharing = np.zeros(repeats), np.zeros(repeats)
    for trial in trials:
        ahead, level = trial.inside > best, trial.inside == best
        best[ahead], total[ahead], sharing[ahead] = trial.inside[ahead], 0.0, 0.0
        here = np.flatnonzero(ahead | level)
        if here.size:
            total[here] += trial.outside(here)
            sharing[here] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / sharing)


def mean_of(seeds: Sequence[Drawn]) -> Drawn:
    """A configuration as the mean of its seeds; NaN where that of one is."""
    if len(seeds) == 1:
        return seeds[0]
    return Drawn(
        np.mean([seed.inside for seed in seeds], axis=0),
        lambda here: np.asarray(np.mean([seed.outside(here) for seed in seeds], axis=0)),
    )


def by_threshold(
    y: NDArray[Any],
    raw: NDArray[np.float32],
    policy: Chosen,
    metric: str,
    piece: NDArray[np.intp],
    times: NDArray[Any],
) -> Drawn:
    """A trial whose threshold is chosen anew on the rows of each resample.

    Args:
        y: 0/1 or bool `(n,)`.
        raw: raw scores, float32 `(n,)`; the rule looks at their order, which no calibration changes.
        policy: any rule but `fixed`.
        metric: a name of METRICS.
        piece: see `Units`.
        times: how often each piece comes up, whole numbers `(repeats, pieces)`.
    """
    positive, rows = positives(y, raw), ranked(raw)
    kept = spread(rows.ends, CUTS)
    counts = drawn_counts(rows, kept, positive, piece, times)
    place, met = chosen_cuts(MERITS[type(policy)](by_cut(counts), policy))
    inside = METRICS[metric](at_cuts(counts, place))
    threshold = cuts_of(rows.scores)[kept][place]
    return Drawn(
        np.where(met, inside, np.nan),
        lambda here: left_out(positive, raw, threshold, metric, piece, times, here),
    )


def by_order(
    y: NDArray[Any],
    raw: NDArray[np.float32],
    metric: str,
    piece: NDArray[np.intp],
    times: NDArray[Any],
) -> Drawn:
    """A trial judged by the order of its scores alone; see `by_threshold`.

    Args:
        metric: a name of AREAS; read off CUTS cuts, and moved by what these miss on all rows as they are.
    """
    positive, rows = positives(y, raw), ranked(raw)
    kept = spread(rows.ends, CUTS)

    def measure(weight: NDArray[Any]) -> F64:
        counts = drawn_counts(rows, kept, positive, piece, weight)
        return AREAS[metric](counts.tp, counts.fp)

    missed = RANKING_METRICS[metric](y, raw) - measure(np.ones_like(times[:1]))
    return Drawn(
        measure(times) + missed, lambda here: measure((times[here] == 0).astype(times.dtype)) + missed
    )


def as_decided(
    y: NDArray[Any],
    decided: NDArray[np.bool_],
    metric: str,
    piece: NDArray[np.intp],
    times: NDArray[Any],
) -> Drawn:
    """A trial whose decisions stay fixed, since its threshold was not chosen on these rows.

    Args:
        decided: `(n,)`.
        y, metric, piece, times: see `by_threshold`.
    """
    positive = positives(y, decided)
    cell = piece * 4 + np.where(decided, np.where(positive, 0, 1), np.where(positive, 3, 2))
    cells = np.bincount(cell, minlength=times.shape[1] * 4).reshape(-1, 4).astype(times.dtype)

    def measure(weight: NDArray[Any]) -> F64:
        return METRICS[metric](Counts(*(weight @ cells).astype(np.float64).T))

    return Drawn(measure(times), lambda here: measure((times[here] == 0).astype(times.dtype)))


def spread(ends: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Which cuts to try: all, or about `most` of them, the infinite ones included.

    A third lies at equal numbers of rows, a third where the number of rows above grows by a constant factor,
    and a third where the number below does: with rare positives, or rare negatives, some lie close to the
    best cut.

    Args:
        ends: how many rows lie below each cut, ascending `(m + 1,)`.
        most: at least 6.
    """
    if ends.size <= most:
        return np.arange(ends.size)
    n = int(ends[-1])
    growing = np.geomspace(1, n, most // 3)
    wanted = np.concatenate([np.linspace(0, n, most // 3), growing, n - growing])
    return np.unique(np.searchsorted(ends, wanted))


def drawn_counts(
    rows: Ranked,
    kept: NDArray[np.intp],
    positive: NDArray[np.bool_],
    piece: NDArray[np.intp],
    times: NDArray[Any],
) -> Counts:
    """Counts at cuts in each resample, float64 `(repeats, cuts)`.

    Args:
        rows: the sorted rows.
        kept: the numbers of the cuts, the first and the last included.
        positive: `(n,)`, in the order of the rows as they came; `piece` likewise.
        times: how often each piece comes up, `(repeats, pieces)`.
    """
    ends, label, piece = rows.ends[kept], positive[rows.order], piece[rows.order]
    repeats, pieces = times.shape
    below = np.zeros((2, repeats, ends.size))  # of negatives, of positives
    bins = ends.size - 1
    gap = np.repeat(np.arange(bins), np.diff(ends))
    for kind, held in enumerate((~label, label)):
        if pieces == label.size:
            drawn = np.zeros((repeats, 1 + np.count_nonzero(held)), times.dtype)
            np.cumsum(times[:, piece[held]], axis=1, out=drawn[:, 1:])
            below[kind] = drawn[:, np.append(0, np.cumsum(held))[ends]]
        else:
            cells = np.bincount(piece[held] * bins + gap[held], minlength=pieces * bins)
            np.cumsum(times @ cells.reshape(pieces, bins).astype(times.dtype), axis=1, out=below[kind, :, 1:])
    tn, fn = below
    return Counts(tp=fn[:, -1:] - fn, fp=tn[:, -1:] - tn, tn=tn, fn=fn)


def by_cut(counts: Counts) -> Counts:
    """Counts `(repeats, cuts)` with the cuts first, as `MERITS` reads them."""
    return Counts(counts.tp.T, counts.fp.T, counts.tn.T, counts.fn.T)


def at_cuts(counts: Counts, place: NDArray[np.intp]) -> Counts:
    """Counts `(repeats, cuts)` at one cut of each resample, `(repeats,)`."""
    at = (np.arange(place.size), place)
    return Counts(counts.tp[at], counts.fp[at], counts.tn[at], counts.fn[at])


def chosen_cuts(keys: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The number of the cut that a rule chooses in each resample `(repeats,)`, and whether there is one.

    As `search.scores.thresholds.choose`: of the best cuts the longest run of neighbours, of equally long
    runs the topmost, in it the one in the middle (the lower of two). Cuts between which no row was drawn are
    equal.

    Args:
        keys: what the rule makes largest, `(cuts, repeats)` each; see `MERITS`.
    """
    first, *others = keys
    best = first == np.fmax.reduce(first, axis=0)
    for key in others:
        held = np.where(best, key, -np.inf)
        best &= held == held.max(axis=0)
    last = len(best) - 1 - np.argmax(best[::-1], axis=0)
    start, many = np.argmax(best, axis=0), np.count_nonzero(best, axis=0)
    broken = np.flatnonzero(last - start + 1 != many)
    if broken.size:
        start[broken], last[broken] = _longest_runs(best[:, broken])
    return (start + last) // 2, many > 0


def _longest_runs(best: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last of the longest run in each column `(cuts, columns)`; of equally long, the topmost."""
    number = np.arange(len(best))[:, None]
    length = number - np.maximum.accumulate(np.where(best, -1, number), axis=0)
    last = len(best) - 1 - np.argmax(length[::-1], axis=0)
    return last - length[last, np.arange(last.size)] + 1, last


def left_out(
    positive: NDArray[np.bool_],
    raw: F32,
    threshold: F32,
    metric: str,
    piece: NDArray[np.intp],
    times: NDArray[Any],
    here: NDArray[np.intp],
) -> F64:
    """The metric on the rows that each of some resamples leaves out, at its own threshold, `(k,)`."""
    cuts, at = np.unique(threshold[here], return_inverse=True)
    units = times.shape[1]
    if units * cuts.size <= raw.size:
        # Few units have many rows: these are counted once at all the cuts, and resamples add up units.
        detected = _detected(raw, cuts, piece, units)[at]
        found = _detected(raw[positive], cuts, piece[positive], units)[at]
        p = np.bincount(piece[positive], minlength=units)
        left = times[here] == 0
        counts = [
            (left * amounts).sum(axis=1)
            for amounts in (found, detected, p, np.bincount(piece, minlength=units))
        ]
        return _value(metric, *counts)
    values, step = [], max(1, CHUNK // raw.size)
    for start in range(0, here.size, step):
        some = here[start : start + step]
        rows = (times[some] == 0)[:, piece]
        hit = rows & (raw >= threshold[some, None])
        parts = (hit & positive, hit, rows & positive, rows)
        values.append(_value(metric, *(np.count_nonzero(part, axis=1) for part in parts)))
    return np.concatenate(values)


def _value(metric: str, tp: Any, detected: Any, p: Any, rows: Any) -> F64:
    cells = (tp, detected - tp, rows - p - (detected - tp), p - tp)
    return METRICS[metric](Counts(*(cell.astype(np.float64) for cell in cells)))


def _detected(raw: F32, cuts: F32, piece: NDArray[np.intp], units: int) -> NDArray[np.int64]:
    """How many rows of each unit reach each of some ascending cuts, `(cuts, units)`."""
    reached = np.searchsorted(cuts, raw, side="right")  # the row reaches so many of them
    rows = np.bincount(reached * units + piece, minlength=(cuts.size + 1) * units).reshape(-1, units)
    return np.asarray(np.cumsum(rows[::-1], axis=0)[::-1][1:])
