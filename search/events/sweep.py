"""Counts events at many thresholds at once; equal to timescoring at each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.events.intervals import Spans, Windows, bridged, in_seconds, tidied, unions
from search.events.scoring import PARAMETERS, SCORER_HZ, EventCounts, Scorer, scorer_samples
from search.scores.metrics import F64
from search.scores.ranking import float32_scores
from spaces.study import Events

CELLS = 2**20
"""Decisions in one chunk: a few tens of megabytes of events at the most, however long a recording is."""


def sweep(
    windows: Windows, score: NDArray[np.float32], thresholds: NDArray[np.float32], rules: Events
) -> EventCounts:
    """Counts of each recording at each threshold.

    The same as `score_events` of `detected` of `score >= threshold`, for each threshold by itself.

    Args:
        windows: of n rows in r recordings.
        score: float32 `(n,)`, in the order of the rows.
        thresholds: float32 `(t,)`, in any order; infinities allowed.
        rules: how decisions become events, and the scorer.

    Returns:
        Arrays `(r, t)`; sum them over the first axis for all recordings together.

    Raises:
        TypeError: scores or thresholds that are not float32.
        ValueError: another number of scores than rows, or a threshold that is NaN.
    """
    if float32_scores(score).shape != windows.order.shape:
        raise ValueError(f"scores must have shape {windows.order.shape}, but got {score.shape}")
    if float32_scores(thresholds).ndim != 1 or np.isnan(thresholds).any():
        raise ValueError(f"thresholds must be numbers of shape (t,), but got {thresholds!r}")
    score = score[windows.order]
    shape = (len(windows.recordings), thresholds.size)
    tp, fp = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    references = [_Reference.of(recording, rules.scorer) for recording in windows.recordings]
    for k, (recording, reference) in enumerate(zip(windows.recordings, references, strict=True)):
        part = slice(windows.ends[k], windows.ends[k + 1])
        step = max(1, CELLS // max(1, part.stop - part.start))
        for start in range(0, thresholds.size, step):
            chunk = slice(start, start + step)
            decided = score[part] >= thresholds[chunk, None]
            spans = unions(decided, windows.start_ms[part], windows.stop_ms[part])
            spans = in_seconds(tidied(spans, rules), recording.duration_s)
            tp[k, chunk], fp[k, chunk] = _counted(spans, len(decided), reference, rules.scorer)
    ref = np.array([reference.first.size for reference in references], np.int64)
    seconds = np.array([reference.samples / SCORER_HZ for reference in references])
    return EventCounts(tp, fp, np.broadcast_to(ref[:, None], shape), np.broadcast_to(seconds[:, None], shape))


@dataclass(frozen=True, eq=False)
class _Reference:
    """The reference events of one recording as the scorer has them: merged, split, then extended.

    Args:
        samples: length of the recording on the scorer's grid.
        first: first sample of each extended event, `(s,)`.
        last: the one after its last, `(s,)`.
        length_s: seconds of each extended event, not on the grid, `(s,)`.
    """

    samples: int
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    length_s: F64

    @classmethod
    def of(cls, recording: Recording, scorer: Scorer) -> "_Reference":
        samples = scorer_samples(recording)
        start, stop = np.array(recording.seizures, np.float64).reshape(-1, 2).T
        pieces = _merged_and_split(Spans(np.zeros(start.size, np.intp), start, stop), scorer)
        start = np.maximum(0, pieces.start - PARAMETERS[scorer]["toleranceStart"])
        stop = np.minimum(samples / SCORER_HZ, pieces.stop + PARAMETERS[scorer]["toleranceEnd"])
        return cls(samples, _samples(start), _samples(stop), stop - start)


def _counted(
    spans: Spans, rules: int, reference: _Reference, scorer: Scorer
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and false detections under each rule, `(rules,)`, as `EventScoring` of timescoring 0.0.7 counts.

    Its masks are never made: detections are disjoint, so what a mask holds of an event is a sum of overlaps.
    """
    pieces = _merged_and_split(spans, scorer)
    first, last = _samples(pieces.start), _samples(pieces.stop)
    tp = np.zeros(rules, np.int64)
    explained = np.zeros(first.size, np.bool_)
    least = PARAMETERS[scorer]["minOverlap"] + 1e-6
    for ref_first, ref_last, length_s in zip(
        reference.first, reference.last, reference.length_s, strict=True
    ):
        overlap = np.maximum(np.minimum(last, ref_last) - np.maximum(first, ref_first), 0)
        overlap_s = np.bincount(pieces.rule, overlap, minlength=rules) / SCORER_HZ
        hit = overlap_s / length_s > least
        tp += hit
        explained |= (overlap > 0) & hit[pieces.rule]
    # A detection of less than a sample overlaps nothing, and the scorer calls it false wherever it lies.
    return tp, np.bincount(pieces.rule[~explained], minlength=rules)


def _merged_and_split(spans: Spans, scorer: Scorer) -> Spans:
    """Events that are closer than the scorer allows are merged, then long ones are split; unordered.

    In seconds and by the scorer's own steps, one cut after the other, so that each rounds as its own does.
    """
    left = bridged(spans, PARAMETERS[scorer]["minDurationBetweenEvents"])
    longest = PARAMETERS[scorer]["maxEventDuration"]
    parts = []
    while left.rule.size:
        long = left.stop - left.start > longest
        cut = left.start[long] + longest
        parts.append(Spans(left.rule[~long], left.start[~long], left.stop[~long]))
        parts.append(Spans(left.rule[long], left.start[long], cut))
        left = Spans(left.rule[long], cut, left.stop[long])
    if not parts:
        return left
    return Spans(
        np.concatenate([part.rule for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.stop for part in parts]),
    )


def _samples(seconds: F64) -> NDArray[np.int64]:
    """Seconds on the scorer's grid, as Python's `round` has it: half to even."""
    return np.rint(seconds * SCORER_HZ).astype(np.int64)
