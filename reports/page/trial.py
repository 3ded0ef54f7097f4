"""One trial on the page: counts at stored thresholds, histograms, reliability, learning curve."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.page.table import number, rounded
from search.events.thresholds import quantile_thresholds
from search.record import Record
from search.scores.metrics import BINS, F64, sigmoid
from search.scores.ranking import positives
from search.scores.thresholds import curve

CUTS = 200
"""Most cuts of a trial that are stored."""
BARS = 40
"""Bars of a histogram of scores."""


@dataclass(frozen=True, eq=False)
class Cuts:
    """Confusion counts at the stored cuts of a trial.

    Args:
        cuts: float32 `(c,)`, ascending, from -inf to +inf.
        own: which of them is the trial's threshold.
        tp: true positives of `score >= cut`, `(c,)`; what is not found of all positives is missed.
        fp: false positives, `(c,)`.
    """

    cuts: NDArray[np.float32]
    own: int
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]


def cuts_of(
    y: NDArray[np.int8], score: NDArray[np.float32], threshold_score: float, count: int = CUTS
) -> Cuts:
    """Chooses the cuts that the page's slider stops at.

    If there are few distinct cuts, all are chosen. Otherwise half of the chosen ones lie evenly among the
    distinct cuts, and the others lie closer together where fewer rows are above, since false alarms are rare
    there. The trial's own threshold and both infinities are always among them.

    Args:
        y: 0/1 `(n,)`.
        score: finite, float32 `(n,)`.
        threshold_score: the trial's, on the scale of the scores.
        count: at least 10.
    """
    whole = curve(y, score)
    own = np.float32(threshold_score)
    if whole.cuts.size < count:
        some = whole.cuts
    else:
        even = np.linspace(0, whole.cuts.size - 1, count // 2).round().astype(np.intp)
        some = np.concatenate([whole.cuts[even], quantile_thresholds(score, count - count // 2 - 1)])
    cuts = np.unique(np.append(some, own) + np.float32(0))
    at = np.searchsorted(whole.scores, cuts)  # the lowest score that is not below each cut
    return Cuts(
        cuts=cuts,
        own=int(np.searchsorted(cuts, own)),
        tp=whole.counts.tp[at].astype(np.int64),
        fp=whole.counts.fp[at].astype(np.int64),
    )


def histogram(y: NDArray[np.int8], score: NDArray[np.float32]) -> dict[str, Any]:
    """Counts scores by class, in `BARS` bars of equal width from the lowest score to the highest."""
    low, high = float(score.min()), float(score.max())
    edges = np.linspace(low, high if high > low else low + 1, BARS + 1)
    found = positives(y, score)
    return {
        "low": rounded(float(edges[0]), 6),
        "high": rounded(float(edges[-1]), 6),
        "positive": np.histogram(score[found], edges)[0].tolist(),
        "negative": np.histogram(score[~found], edges)[0].tolist(),
    }


def reliability(y: NDArray[np.int8], score: NDArray[np.float32], weight: F64 | None = None) -> dict[str, Any]:
    """Returns what `search.scores.metrics.ece` compares, for each bin of probabilities that has rows.

    Args:
        y: 0/1 `(n,)`.
        score: whose sigmoid is claimed to be a probability, `(n,)`.
        weight: see `search.scores.metrics.ece`.

    Returns:
        `rows`: how many; `weight`: their share of all weight; `claimed`: their mean probability; `came`: the
        share of positives among them; a list each.
    """
    p, found = sigmoid(score), positives(y, score)
    weight = np.ones(p.shape) if weight is None else weight
    bins = np.maximum(np.ceil(p * BINS), 1).astype(np.intp)
    rows, total, claimed, came = (
        np.bincount(bins, amounts, minlength=BINS + 1)
        for amounts in (np.ones(p.shape), weight, weight * p, weight * found)
    )
    full = np.flatnonzero(total > 0)
    return {
        "rows": rows[full].astype(np.int64).tolist(),
        "weight": _rounded(total[full] / weight.sum()),
        "claimed": _rounded(claimed[full] / total[full]),
        "came": _rounded(came[full] / total[full]),
    }


def learning_curve(record: Record) -> dict[str, list[float | None]] | None:
    """Returns loss, steering value and learning rate of each epoch; None for a trial without epochs."""
    if not record.history:
        return None
    loss, steering, rate = (
        [rounded(value) if np.isfinite(value) else None for value in values]
        for values in zip(*record.history, strict=True)
    )
    return {"loss": loss, "steering": steering, "rate": rate}


def as_json(cuts: Cuts) -> dict[str, Any]:
    """Returns cuts as JSON, with as many digits as bring back each float32."""
    return {
        "cuts": [number(cut) for cut in cuts.cuts.astype(np.float64).tolist()],
        "own": cuts.own,
        "tp": cuts.tp.tolist(),
        "fp": cuts.fp.tolist(),
    }


def _rounded(values: F64) -> list[float | None]:
    return [rounded(value) for value in values.tolist()]
