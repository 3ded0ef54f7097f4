"""Every metric of a trial at many thresholds at once, with intervals."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.events.evaluation import estimated, groups_of_recordings, windows
from search.events.scoring import EVENT_METRICS, EventCounts
from search.events.sweep import sweep
from search.record import Estimate, defined
from search.scores.bootstrap import Kinds, decision_intervals, kinds_of, units_of
from search.scores.crossfit_sweep import Side
from search.scores.metrics import METRICS, Counts
from search.scores.ranking import positives
from search.scores.reference import Reference
from spaces.study import Study

UNDEFINED = Estimate(value=None, low=None, high=None)


class ThresholdMetrics:
    """What all trials of a run share when their metrics are counted: rows by unit and class, and windows.

    Args:
        reference: the validation rows.
        study: names the events' rules, and the seed of the resamples.
    """

    def __init__(self, reference: Reference, study: Study) -> None:
        self._reference, self._study = reference, study
        positive = positives(reference.y, reference.y)
        unit, self._units = units_of(reference.groups, positive)
        self._cell = 2 * unit + ~positive
        self._rows = np.bincount(self._cell, minlength=2 * self._units).reshape(-1, 2)
        self._windows = windows(reference)

    def at(
        self,
        thresholds: Sequence[float | None],
        side: Side,
        order: NDArray[np.intp],
        score: NDArray[np.float32],
    ) -> list[dict[str, Estimate]]:
        """Returns every metric at each threshold, with its interval; all undefined where it is None.

        Args:
            thresholds: on the scale of the scores.
            side: the validation rows, sorted by score.
            order: the rows by ascending score, `(n,)`.
            score: of each row, `(n,)`.
        """
        known = {k: threshold for k, threshold in enumerate(thresholds) if threshold is not None}
        cuts = np.array(list(known.values()), np.float32)
        counts = side.at(cuts)
        values = {name: metric(counts) for name, metric in METRICS.items()}
        in_order = None if self._reference.groups is None else self._cell[order]
        swept = None if self._windows is None else sweep(self._windows, score, cuts, self._study.events)
        found = [dict.fromkeys((*METRICS, *EVENT_METRICS), UNDEFINED) for _ in thresholds]
        if self._units < 2:
            bounds = [dict.fromkeys(METRICS, (math.nan, math.nan)) for _ in cuts]
        else:
            kinds = [self._kinds(counts.at(place), in_order) for place in range(cuts.size)]
            bounds = decision_intervals(kinds, self._study.seed)
        for place, k in enumerate(known):
            found[k] |= {
                name: Estimate(
                    value=defined(float(values[name][place])),
                    low=defined(bounds[place][name][0]),
                    high=defined(bounds[place][name][1]),
                )
                for name in METRICS
            }
            if self._windows is not None and swept is not None:
                of_cut = EventCounts(
                    swept.tp[:, place], swept.fp[:, place], swept.ref[:, place], swept.seconds[:, place]
                )
                groups = groups_of_recordings(self._reference, self._windows)
                found[k] |= estimated(groups, of_cut, self._study.seed)
        return found

    def _kinds(self, counts: Counts, in_order: NDArray[np.intp] | None) -> Kinds:
        """The units at one cut, from its counts and the cells of the rows by ascending score, if grouped."""
        if in_order is None:  # rows alone: four kinds, sorted
            times = np.array([counts.fn, counts.tn, counts.fp, counts.tp], np.int64)
            return np.eye(4)[::-1][times > 0], times[times > 0]
        above = in_order[in_order.size - int(counts.tp + counts.fp) :]
        found = np.bincount(above, minlength=2 * self._units).reshape(-1, 2)
        return kinds_of(np.hstack([found, (self._rows - found)[:, ::-1]]).astype(np.float64))
