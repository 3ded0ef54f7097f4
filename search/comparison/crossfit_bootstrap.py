"""The cross-fitted value of a trial on resamples of the rows, with its decisions held fixed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.comparison.resampling import F32, Units
from search.scores.calibration import CalibrationMethod
from search.scores.half_splits import Halves
from search.scores.metrics import F64, METRICS, Counts
from search.scores.ranking import positives, ranked
from search.scores.thresholds import Curve, choose, cuts_of
from spaces.policies import Chosen, Fixed


def decided_in_halves(
    y: NDArray[Any], raw: NDArray[np.float32], halves: Halves, calibrate: CalibrationMethod, policy: Chosen
) -> NDArray[np.bool_]:
    """The decision on each row in each split, by the threshold fitted on the half that it is not in.

    The same decisions as behind `search.scores.crossfit.cross_fit`, from one sort of all rows. A calibration
    keeps the order of the scores, so a rule that looks at their order decides alike on raw scores: the
    midpoint of two neighbours moves along with them. (Where float32 makes one score of two raw ones, these
    two rows may be told apart here and not there.) Only `fixed`, a probability, needs the calibration itself.

    Args:
        y: 0/1 or bool `(n,)`.
        raw: raw scores, float32 `(n,)`.
        halves, calibrate, policy: see `cross_fit`.

    Returns:
        `(n, splits)`.

    Raises:
        TrialError: the rule cannot be met on a half, or a raw score is not finite.
    """
    order = ranked(raw).order
    in_order, label, masks = (raw + np.float32(0))[order], positives(y, raw)[order], halves.mask[order]
    place = np.arange(raw.size)
    decided = np.empty(masks.shape, np.bool_)
    for split, mask in enumerate(masks.T):
        below = []
        for fitted in (np.flatnonzero(mask), np.flatnonzero(~mask)):
            score = in_order
            if isinstance(policy, Fixed):
                score = calibrate(label[fitted], in_order[fitted]).calibration.apply(in_order)
            cut = choose(_sorted_curve(label[fitted], score[fitted]), policy).threshold_score
            below.append(np.searchsorted(score, np.float32(cut), side="left"))
        decided[order, split] = place >= np.where(mask, below[1], below[0])
    return decided


def _sorted_curve(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> Curve:
    """`search.scores.thresholds.curve` of rows that are sorted already."""
    ends = np.append(np.flatnonzero(np.append(True, score[1:] != score[:-1])), score.size)
    below = np.append(0, np.cumsum(positive))
    fn = below[ends].astype(np.float64)
    tn = ends - fn
    scores = score[ends[:-1]]
    return Curve(cuts_of(scores), Counts(tp=fn[-1] - fn, fp=tn[-1] - tn, tn=tn, fn=fn), scores)


def counted(chosen: NDArray[np.bool_], units: Units) -> F32:
    """How many of the chosen rows `(n, splits)` each piece holds, `(pieces, splits)`.

    Each row is decided once in a split: what its two halves count is added up.
    """
    found = [np.bincount(units.piece[rows], minlength=units.pieces) for rows in chosen.T]
    return np.stack(found, axis=1).astype(np.float32)


def values(cells: Sequence[tuple[F32, F32]], p: F32, n: F32, metric: str, times: NDArray[Any]) -> F64:
    """The mean over splits of a metric of each trial in each resample, `(trials, repeats)`.

    NaN where the metric of one split is undefined.

    Args:
        cells: true and false detections of each trial, `(pieces, splits)` each.
        p, n: positives and negatives, `(pieces, splits)` each.
        metric: a name of METRICS.
        times: how often each piece comes up, `(repeats, pieces)`.
    """
    columns = np.concatenate([p, n, *(part for pair in cells for part in pair)], axis=1)
    ps, ns, *drawn = np.split((times @ columns).astype(np.float64), 2 + 2 * len(cells), axis=1)
    return np.array(
        [
            METRICS[metric](Counts(tp=tp, fp=fp, tn=ns - fp, fn=ps - tp)).mean(axis=1)
            for tp, fp in zip(drawn[::2], drawn[1::2], strict=True)
        ]
    )
