"""Percentile bootstrap intervals of metrics (Efron 1979), over groups where they are known, else rows."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import AREAS, F64, METRICS, Counts, decide
from search.scores.ranking import positives, ranked

Interval = tuple[float, float]
REPEATS, RANKING_REPEATS, PAIRED_REPEATS = 1000, 200, 2000
CHUNK = 500_000
"""Numbers in each array of a chunk of resamples: 4 MB, so that a worker stays small."""

ROWS_PER_PRODUCT = 16
"""Adding up a row takes as long as about so many products of a matrix."""


def intervals(
    y: NDArray[Any],
    score: NDArray[np.float32],
    threshold_score: float,
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = REPEATS,
    ranking_repeats: int = RANKING_REPEATS,
) -> dict[str, Interval]:
    """Intervals of every metric of METRICS and RANKING_METRICS, threshold and scores held fixed.

    Args:
        y: 0/1 or bool `(n,)`.
        score: finite, float32 `(n,)`.
        threshold_score: see `decide`.
        groups: the group of each row `(n,)`; rows are resampled one by one where it is None.
        seed: of the resamples.
        repeats: resamples for METRICS.
        ranking_repeats: resamples for RANKING_METRICS, which cost more.

    Returns:
        `(low, high)` by metric. Resamples where a metric is undefined are left out; both ends are NaN if
        fewer than half are defined, or if there is only one group: it says nothing about the next one.
    """
    positive = positives(y, score)
    unit, units = units_of(groups, positive)
    if units < 2:
        return dict.fromkeys((*METRICS, *AREAS), (np.nan, np.nan))
    ranking_rng = np.random.default_rng(seed).spawn(2)[1]
    cells = cells_of(positive, decide(score, threshold_score), unit, units)
    [found] = decision_intervals([kinds_of(cells)], seed, repeats)
    areas = resampled_areas(list(AREAS), positive, [score], unit, units, ranking_repeats, ranking_rng)
    return found | {name: interval(areas[k, 0]) for k, name in enumerate(AREAS)}


Kinds = tuple[F64, NDArray[np.int64]]
"""The different confusion counts that units have, sorted, `(k, 4)` in the order of `Counts`, and how many
units have each, `(k,)`, at least 1."""


def decision_intervals(
    several: Sequence[Kinds], seed: int, repeats: int = REPEATS
) -> list[dict[str, Interval]]:
    """The intervals of METRICS that `intervals` has, from confusion counts alone, for several thresholds.

    Args:
        several: the units at each threshold; two or more of them.
        seed: of the resamples.
        repeats: how many.
    """
    if not several:
        return []
    sums = np.stack([_resampled(kinds, times, seed, repeats) for kinds, times in several])
    counts = Counts(*np.moveaxis(sums, -1, 0))
    values = np.stack([metric(counts) for metric in METRICS.values()], axis=1)
    ends = np.percentile(values, [2.5, 97.5], axis=-1)
    for k, name in np.argwhere(np.isnan(values).any(axis=-1)):
        ends[:, k, name] = interval(values[k, name])
    return [dict(zip(METRICS, zip(*of, strict=True), strict=True)) for of in ends.swapaxes(0, 1).tolist()]


def _resampled(kinds: F64, times: NDArray[np.int64], seed: int, repeats: int) -> F64:
    if times.size * repeats <= CHUNK:
        return np.asarray(_drawn(seed, times.tobytes(), repeats) @ kinds)
    rng, _ = np.random.default_rng(seed).spawn(2)
    return np.concatenate([drawn @ kinds for drawn in _multinomial(times, repeats, rng)])


@lru_cache(maxsize=2)
def _drawn(seed: int, times: bytes, repeats: int) -> F64:
    """How often each kind of unit comes up in each resample, `(repeats, k)`.

    Where no two groups are alike, which is the rule, this is the same for every trial and threshold.
    """
    many = np.frombuffer(times, np.int64)
    rng, _ = np.random.default_rng(seed).spawn(2)
    return np.concatenate(list(_multinomial(many, repeats, rng))).astype(np.float64)


def paired_difference(
    y: NDArray[Any],
    score_a: NDArray[np.float32],
    threshold_score_a: float,
    score_b: NDArray[np.float32],
    threshold_score_b: float,
    groups: NDArray[Any] | None,
    metric: str,
    seed: int,
    repeats: int = PAIRED_REPEATS,
) -> tuple[float, float, float]:
    """How much better `a` is than `b` on the same rows, with the interval over the same resamples of both.

    Args:
        y: 0/1 or bool `(n,)`.
        score_a: finite, float32 `(n,)`; `score_b` likewise.
        threshold_score_a: see `decide`; `threshold_score_b` likewise.
        groups: see `intervals`.
        metric: a name of METRICS or RANKING_METRICS.
        seed: of the resamples.
        repeats: how many.

    Returns:
        `(metric of a - metric of b, low, high)`, NaN where undefined, as in `intervals`.
    """
    positive = positives(y, score_a)
    positives(y, score_b)
    unit, units = units_of(groups, positive)
    rng = np.random.default_rng(seed)
    if metric in AREAS:
        scores = [score_a, score_b]
        everything = np.ones((1, units), np.int64)
        whole = _areas([metric], positive, scores, unit, iter([everything]))[0]
        drawn = resampled_areas([metric], positive, scores, unit, units, repeats, rng)[0]
    else:
        cells = np.hstack(
            [
                cells_of(positive, decide(score, threshold), unit, units)
                for score, threshold in ((score_a, threshold_score_a), (score_b, threshold_score_b))
            ]
        )
        whole, drawn = (
            np.stack([METRICS[metric](Counts(*side.T)) for side in np.split(counts, 2, axis=1)])
            for counts in (cells.sum(axis=0, keepdims=True), resampled_counts(cells, repeats, rng))
        )
    low, high = interval(drawn[0] - drawn[1]) if units > 1 else (np.nan, np.nan)
    return float(whole[0, 0] - whole[1, 0]), low, high


def units_of(groups: NDArray[Any] | None, like: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """The number of the unit each row belongs to `(n,)`, and how many units there are."""
    if groups is None:
        return np.arange(like.size), like.size
    if np.shape(groups) != like.shape:
        raise ValueError(
            f"groups must have the shape of the scores, {like.shape}, but got {np.shape(groups)}"
        )
    unit = np.unique(groups, return_inverse=True)[1]
    return unit, int(unit.max()) + 1


def cells_of(
    positive: NDArray[np.bool_], decided: NDArray[np.bool_], unit: NDArray[np.intp], units: int
) -> F64:
    """Confusion counts of each unit, `(units, 4)`, in the order of `Counts`."""
    is_one = positive.view(np.int8)
    cell = 2 + is_one - decided.view(np.int8) * (1 + 2 * is_one)  # fn 3 and tn 2; decided, tp 0 and fp 1
    return np.bincount(unit * 4 + cell, minlength=units * 4).reshape(units, 4).astype(np.float64)


def resampled_counts(cells: F64, repeats: int, rng: np.random.Generator) -> F64:
    """Sums of `cells` over resamples of the units, `(repeats, columns)`.

    Units with equal counts are drawn together: how often any of them comes up is multinomial too. So rows
    without groups cost four draws per resample (sixteen when paired), however many there are.
    """
    return resampled_kinds(*kinds_of(cells), repeats, rng)


def resampled_kinds(kinds: F64, times: NDArray[np.int64], repeats: int, rng: np.random.Generator) -> F64:
    """As `resampled_counts`, where the different rows of `cells` and how often each is there are known."""
    return np.concatenate([drawn @ kinds for drawn in _multinomial(times, repeats, rng)])


def resampled_sums(cells: F64, repeats: int, rng: np.random.Generator) -> F64:
    """As `resampled_counts`, of amounts that hardly two units have in common, `(repeats, columns)`."""
    units, columns = cells.shape
    return np.concatenate([drawn @ cells for drawn in resamples(units, max(units, columns), repeats, rng)])


def sums_of(amounts: F64, unit: NDArray[np.intp], units: int) -> F64:
    """Sums over the rows of each unit, `(units, columns)`, of amounts `(n, columns)`."""
    return np.stack([np.bincount(unit, column, units) for column in amounts.T], axis=1)


def kinds_of(cells: F64) -> Kinds:
    """The different rows of `cells`, sorted, `(k, columns)`, and how often each is there, `(k,)`."""
    rows = cells[np.lexsort(cells.T[::-1])]
    first = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    return rows[first], np.diff(np.flatnonzero(first), append=len(rows)).astype(np.int64)


def _multinomial(
    times: NDArray[np.int64], repeats: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """How often each kind of unit comes up in each resample, in chunks `(some repeats, k)`."""
    units = int(times.sum())
    chunk = max(1, CHUNK // times.size)
    for done in range(0, repeats, chunk):
        yield rng.multinomial(units, times / units, size=min(chunk, repeats - done))


def resamples(units: int, width: int, repeats: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each unit comes up in each resample, in chunks of `(CHUNK / width, units)`."""
    chunk = max(1, CHUNK // width)
    for done in range(0, repeats, chunk):
        size = min(chunk, repeats - done)
        drawn = rng.integers(units, size=(size, units)) + np.arange(size)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)


def resampled_areas(
    names: list[str],
    positive: NDArray[np.bool_],
    scores: list[NDArray[np.float32]],
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> F64:
    """Ranking metrics `(names, scores, repeats)` of each score `(n,)` under resamples of the units.

    Args:
        names: of AREAS.
        positive: labels `(n,)`.
        scores: finite, float32 `(n,)` each.
        unit, units: from `units_of`.
        repeats: how many resamples; those of two calls are the same where `rng` is in the same state.
        rng: draws them.
    """
    drawn = resamples(units, positive.size, repeats, rng)
    one_by_one = 2 * positive.size > CHUNK  # numpy sums several at once in another order
    if not one_by_one or units * int(positive.sum()) > ROWS_PER_PRODUCT * positive.size:
        return _areas(names, positive, scores, unit, drawn)
    times = np.concatenate(list(drawn))
    return np.stack([_areas_of_units(names, positive, score, unit, times) for score in scores], axis=1)


def _areas(
    names: list[str],
    positive: NDArray[np.bool_],
    scores: list[NDArray[np.float32]],
    unit: NDArray[np.intp],
    drawn: Iterator[NDArray[np.int64]],
) -> F64:
    """Ranking metrics `(names, scores, repeats)` of each score under each resample, on one sort per score."""
    orders = [ranked(score) for score in scores]
    chunks = []
    for times in drawn:
        areas = []
        for rows in orders:
            weight = times[:, unit[rows.order]]
            sorted_positive = positive[rows.order]
            everything = rows.below(weight)
            fn = rows.below(weight * sorted_positive)
            fp = (everything[:, -1:] - everything) - (fn[:, -1:] - fn)
            areas.append(
                [AREAS[name]((fn[:, -1:] - fn).astype(np.float64), fp.astype(np.float64)) for name in names]
            )
        chunks.append(np.array(areas).swapaxes(0, 1))
    return np.concatenate(chunks, axis=2)


def _areas_of_units(
    names: list[str],
    positive: NDArray[np.bool_],
    score: NDArray[np.float32],
    unit: NDArray[np.intp],
    times: NDArray[np.int64],
) -> F64:
    """What `_areas` gives for one score and single resamples, `(names, repeats)`, bit for bit.

    Only distinct scores that positives have add to either area. Above each of them the rows of each unit are
    counted once; a resample then multiplies counts of units, instead of adding up rows.
    """
    rows, units = ranked(score), times.shape[1]
    is_positive, unit = positive[rows.order], unit[rows.order]
    of_cut = np.repeat(np.arange(rows.scores.size), np.diff(rows.ends))
    held = np.unique(of_cut[is_positive])
    # Where a row counts: at the highest held cut that is not above it, or, below all of them, nowhere.
    place = np.searchsorted(held, of_cut, side="right") - 1
    equal = held[place] == of_cut
    found_of, wrong_of = _per_unit(unit[is_positive], 1, units), _per_unit(unit[~is_positive], 1, units)
    at_once, block = max(1, 8 * CHUNK // max(1, held.size)), max(1, CHUNK // units)
    chunks = []
    for begin in range(0, len(times), at_once):
        weight = times[begin : begin + at_once].T.astype(np.float64)
        found_of_all, wrong_of_all = (found_of @ weight)[0], (wrong_of @ weight)[0]
        gains, pairs = np.zeros((weight.shape[1], held.size)), np.zeros(weight.shape[1])
        tp_above, fp_above = np.zeros(units), np.zeros(units)
        for start in reversed(range(0, held.size, block)):
            stop = min(start + block, held.size)
            some = slice(*np.searchsorted(place, [start, stop]))
            cell = (place[some] - start) * units + unit[some]
            mine = is_positive[some]
            found = _per_unit(cell[mine], stop - start, units)
            tied = _per_unit(cell[~mine & equal[some]], stop - start, units) @ weight
            tp = tp_above + np.cumsum(found[::-1], axis=0)[::-1]
            fp = fp_above + np.cumsum(_per_unit(cell[~mine], stop - start, units)[::-1], axis=0)[::-1]
            tp_above, fp_above = tp[0], fp[0]
            found, tp, fp = found @ weight, tp @ weight, fp @ weight
            with np.errstate(invalid="ignore"):  # as in `area_under_precision`
                gains[:, start:stop] = np.where(found > 0, found * (tp / (tp + fp)), 0.0).T
            pairs += (found * (2 * (wrong_of_all - fp) + tied)).sum(axis=0)
        precision = _summed(gains, held, rows.scores.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            areas = {
                "average_precision": precision / found_of_all,
                "roc_auc": pairs / 2 / (found_of_all * wrong_of_all),
            }
        chunks.append(np.stack([areas[name] for name in names]))
    return np.concatenate(chunks, axis=1)


def _summed(gains: F64, held: NDArray[np.intp], cuts: int) -> F64:
    """Sums of gains `(k, held)`, `(k,)`, with the zeros of the other cuts between: they round as there."""
    every, sums = np.zeros(cuts), np.empty(len(gains))
    for k, gained in enumerate(gains):
        every[held] = gained
        sums[k] = every.sum()
    return sums


def _per_unit(cell: NDArray[np.intp], size: int, units: int) -> F64:
    """How many rows each unit has at each place, `(size, units)`; `cell` is place * units + unit."""
    return np.bincount(cell, minlength=size * units).reshape(size, units).astype(np.float64)


def interval(values: F64) -> Interval:
    """Returns the 95% percentile interval of resampled values; NaN where most of them are undefined."""
    defined = values[~np.isnan(values)]
    if 2 * defined.size < values.size or defined.size == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def interval_around(value: float, values: F64) -> Interval:
    """Returns `interval(values)`, widened to hold the estimate itself where it lies outside.

    It does where the resamples are skewed: of more than 39 in 40 that are 0 both percentiles are 0, and the
    mean of all is above 0. Widened, the interval covers the truth no less often.
    """
    low, high = interval(values)
    return min(low, value), max(high, value)
