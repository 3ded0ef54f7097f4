"""The same correction where the threshold or the metric is of events.

Events are counted for each recording, once, at the quantile thresholds that event policies try anyway. What a
resample of groups counts is a sum, and no event is cut in two.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.comparison.bias_correction import Drawn, at_cuts, by_cut, chosen_cuts, drawn_counts, left_out
from search.comparison.resampling import Setting
from search.events.evaluation import known_windows
from search.events.intervals import Windows
from search.events.scoring import EVENT_METRICS, EventCounts, fa_per_day, summed
from search.events.sweep import sweep
from search.events.thresholds import choose_event_threshold, quantile_thresholds
from search.scores.metrics import F64, METRICS, decide
from search.scores.ranking import positives, ranked
from search.scores.thresholds import MERITS, cuts_of
from spaces.policies import Chosen, SensitivityAtFaPerDay


def event_decisions(
    raw: NDArray[np.float32], policy: SensitivityAtFaPerDay, setting: Setting
) -> NDArray[np.bool_]:
    """The decision on each row in each split `(n, splits)`; see `crossfit_bootstrap.decided_in_halves`.

    Raises:
        TrialError: the rule cannot be met on a half.
    """
    found = known_windows(setting.reference)
    cuts = quantile_thresholds(raw)
    counts = sweep(found, raw, cuts, setting.events)
    inside = setting.reference.halves.mask[_first_rows(found)]
    decided = []
    for split, mask in enumerate(setting.reference.halves.mask.T):
        ours, theirs = (
            choose_event_threshold(cuts, summed(counts.of(half)), policy, raw).threshold_score
            for half in (~inside[:, split], inside[:, split])
        )
        decided.append(np.where(mask, decide(raw, ours), decide(raw, theirs)))
    return np.stack(decided, axis=1)


def event_values(decided: NDArray[np.bool_], setting: Setting, times: NDArray[Any]) -> F64:
    """The mean over splits of an event metric in each resample, `(repeats,)`; NaN where one is undefined.

    Args:
        decided: `(n, splits)`; no recording lies in both halves of a split.
        setting: with an event metric.
        times: how often each piece comes up, `(repeats, pieces)`.
    """
    return np.asarray(_measured(_decided_cells(decided, setting), setting.metric, times).mean(axis=1))


def events_as_decided(decided: NDArray[np.bool_], setting: Setting, times: NDArray[Any]) -> Drawn:
    """A trial whose decisions `(n,)` stand; see `search.comparison.bias_correction.as_decided`."""
    cells = _decided_cells(decided[:, None], setting)

    def measure(weight: NDArray[Any]) -> F64:
        return np.asarray(_measured(cells, setting.metric, weight)[:, 0])

    return Drawn(measure(times), lambda here: measure((times[here] == 0).astype(np.float64)))


def by_events(
    raw: NDArray[np.float32],
    policy: Chosen | SensitivityAtFaPerDay,
    setting: Setting,
    times: NDArray[Any],
) -> Drawn:
    """A trial whose threshold is chosen anew in each resample, among the quantile thresholds.

    Args:
        raw: raw scores, float32 `(n,)`.
        policy: any rule but `fixed`.
        setting: with an event metric, or a metric of decisions and an event policy.
        times: how often each piece comes up, `(repeats, pieces)`.
    """
    positive, rows, piece = positives(setting.reference.y, raw), ranked(raw), setting.units.piece
    cuts = quantile_thresholds(raw)
    cells = _cells(sweep(known_windows(setting.reference), raw, cuts, setting.events), setting)
    counts = drawn_counts(rows, np.searchsorted(cuts_of(rows.scores), cuts), positive, piece, times)
    if isinstance(policy, SensitivityAtFaPerDay):
        events = _drawn_events(cells, times)
        few = fa_per_day(events) <= policy.fa_per_day
        found = np.where(few, EVENT_METRICS["event_sensitivity"](events), np.nan)
        place, met = chosen_cuts((found.T, -events.fp.T.astype(np.float64)))
    else:
        place, met = chosen_cuts(MERITS[type(policy)](by_cut(counts), policy))
    if setting.metric in METRICS:
        inside = METRICS[setting.metric](at_cuts(counts, place))
        return Drawn(
            np.where(met, inside, np.nan),
            lambda here: left_out(positive, raw, cuts[place], setting.metric, piece, times, here),
        )

    def at_place(weight: NDArray[Any], here: NDArray[np.intp]) -> F64:
        chosen = cells[:, place[here]].astype(np.float64)
        return EVENT_METRICS[setting.metric](_counts(np.einsum("kp,pkc->kc", weight, chosen)))

    inside = at_place(times.astype(np.float64), np.arange(len(times)))
    return Drawn(
        np.where(met, inside, np.nan),
        lambda here: at_place((times[here] == 0).astype(np.float64), here),
    )


def _decided_cells(decided: NDArray[np.bool_], setting: Setting) -> F64:
    found, half = known_windows(setting.reference), np.array([0.5], np.float32)
    columns = [
        _cells(sweep(found, rows.astype(np.float32), half, setting.events), setting) for rows in decided.T
    ]
    return np.concatenate(columns, axis=1)


def _cells(counts: EventCounts, setting: Setting) -> F64:
    """Counts of recordings `(r, t)`, added up by piece: `(pieces, t, 4)`, in the order of `EventCounts`."""
    table = np.stack([counts.tp, counts.fp, counts.ref, counts.seconds], axis=-1).astype(np.float64)
    cells = np.zeros((setting.units.pieces, *table.shape[1:]))
    np.add.at(cells, setting.units.piece[_first_rows(known_windows(setting.reference))], table)
    return cells


def _drawn_events(cells: F64, times: NDArray[Any]) -> EventCounts:
    """What each resample counts, `(repeats, t)`."""
    drawn = times.astype(np.float64) @ cells.reshape(len(cells), -1)
    return _counts(drawn.reshape(len(times), *cells.shape[1:]))


def _counts(table: F64) -> EventCounts:
    whole = table[..., :3].astype(np.int64)
    return EventCounts(whole[..., 0], whole[..., 1], whole[..., 2], table[..., 3])


def _measured(cells: F64, metric: str, times: NDArray[Any]) -> F64:
    return EVENT_METRICS[metric](_drawn_events(cells, times))


def _first_rows(found: Windows) -> NDArray[np.intp]:
    """One row of each recording: what is known of a recording is known of its first row."""
    return found.order[found.ends[:-1]]
