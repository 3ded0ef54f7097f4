"""Evaluates scores by events: metrics, the threshold of an event policy, and the cross-fitted value."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.events.intervals import Event, Windows, detected, windows_of
from search.events.patients import Patient, per_patient
from search.events.scoring import (
    EVENT_METRICS,
    EventCounts,
    fa_per_day,
    score_events,
    summed,
    summed_by_group,
)
from search.events.sweep import sweep
from search.events.thresholds import choose_event_threshold, nearest_deciding, quantile_thresholds
from search.events.timelines import POSITIVE
from search.record import Estimate, defined
from search.scores.bootstrap import PAIRED_REPEATS, REPEATS, interval, resampled_counts
from search.scores.calibration import CalibrationMethod
from search.scores.metrics import F64, METRICS, counts_at, decide
from search.scores.reference import Reference
from search.scores.thresholds import NO_LIMITS, Choice, Limits, choose, counts_at_cuts, curve
from spaces.errors import RunError, TrialError
from spaces.policies import Chosen, SensitivityAtFaPerDay
from spaces.study import Events, Study


def check_events(study: Study, reference: Reference) -> None:
    """Refuses a study that asks for event scores where there can be none.

    Raises:
        RunError: the objective, the threshold or `events.positive` needs events, and the data cannot tell
            them.
    """
    asked = [
        name
        for name, needed in (
            (f"objective.metric {study.objective.metric}", study.objective.metric in EVENT_METRICS),
            (f"threshold {study.threshold.policy}", isinstance(study.threshold, SensitivityAtFaPerDay)),
        )
        if needed
    ]
    counted = [*asked, POSITIVE] if study.events.places(reference.answers) else asked
    if counted and reference.timeline is None:
        raise RunError(
            f"{counted[0]} needs recordings that the rows cover: their names, the rows' times and window_s "
            "(data.recording, data.time, data.window_s; of decide --recording, --start, --window-s), but "
            "these are unknown or cover too little"
        )
    if asked and (parts := {"row": "rows", "block": "blocks of time"}.get(reference.halves.by)):
        raise RunError(f"{asked[0]} needs whole recordings in each half, but these are drawn by {parts}")


def windows(reference: Reference) -> Windows | None:
    """Returns the rows by recording and time; None where they are not known."""
    if reference.timeline is None or reference.recordings is None or reference.times is None:
        return None
    return windows_of(
        reference.timeline, reference.recordings, reference.times, float(reference.window_s or 0)
    )


def event_choice(
    reference: Reference,
    score: NDArray[np.float32],
    policy: SensitivityAtFaPerDay,
    rules: Events,
    limits: Limits = NO_LIMITS,
) -> Choice:
    """Returns the threshold that an event policy chooses on all rows, among those that keep the limits.

    Raises:
        TrialError: no threshold has few enough false alarms, or keeps the limits, or there is no seizure.
    """
    cuts = quantile_thresholds(score)
    counts = summed(sweep(known_windows(reference), score, cuts, rules))
    kept = _kept(reference.y, score, cuts, limits)
    return choose_event_threshold(cuts, counts, policy, score, kept)


def nearest_event_choice(
    reference: Reference, score: NDArray[np.float32], policy: SensitivityAtFaPerDay, rules: Events
) -> tuple[Choice | None, EventCounts]:
    """Returns the finite threshold nearest to an event policy, and the counts at it and at -inf, `(2,)`.

    Without such a threshold it is None, and the counts are those at +inf and at -inf.
    """
    cuts = quantile_thresholds(score)
    counts = summed(sweep(known_windows(reference), score, cuts, rules))
    found = nearest_deciding(cuts, counts, policy, score)
    choice, place = (None, -1) if found is None else found
    return choice, counts.of(np.array([place, 0]))


def _kept(
    y: NDArray[np.int8], score: NDArray[np.float32], cuts: NDArray[np.float32], limits: Limits
) -> NDArray[np.bool_] | None:
    """Which of t cuts keep the limits `(t,)`; None where there are none."""
    return limits.kept(counts_at_cuts(curve(y, score), cuts)) if limits.bounds else None


def event_estimates(
    reference: Reference, score: NDArray[np.float32], threshold_score: float, rules: Events, seed: int
) -> dict[str, Estimate]:
    """Returns every event metric at one threshold; see `decided_estimates`."""
    return decided_estimates(reference, decide(score, threshold_score), rules, seed)


def decided_estimates(
    reference: Reference, decided: NDArray[np.bool_], rules: Events, seed: int
) -> dict[str, Estimate]:
    """Returns every event metric of decisions, with intervals by bootstrap over groups.

    Counts are timescoring's. Without recordings all are None.

    Args:
        reference: the rows.
        decided: which of them are decided to be a seizure, `(n,)`.
        rules: how decisions become events.
        seed: of the resamples.
    """
    found = windows(reference)
    if found is None:
        return {name: Estimate(value=None, low=None, high=None) for name in EVENT_METRICS}
    counts = _scored(found, decided, rules)[1]
    return estimated(groups_of_recordings(reference, found), counts, seed)


def groups_of_recordings(reference: Reference, found: Windows) -> NDArray[np.str_]:
    """The group of each recording, `(r,)`, over which intervals are drawn: of one patient, the recording."""
    if reference.groups is None:
        return np.array([recording.group for recording in found.recordings], np.str_)
    return reference.groups[found.order[found.ends[:-1]]]


def estimated(groups_of: NDArray[np.str_], counts: EventCounts, seed: int) -> dict[str, Estimate]:
    """Returns every event metric, with intervals by bootstrap over groups.

    Args:
        groups_of: see `groups_of_recordings`.
        counts: of each recording, `(r,)`.
        seed: of the resamples.
    """
    table = _table(groups_of, counts)
    drawn = (
        EventCounts(*resampled_counts(table, REPEATS, np.random.default_rng(seed)).T)
        if len(table) > 1
        else None
    )
    whole, estimates = summed(counts), {}
    for name, metric in EVENT_METRICS.items():
        low, high = (np.nan, np.nan) if drawn is None else interval(metric(drawn))
        estimates[name] = Estimate(value=defined(float(metric(whole))), low=defined(low), high=defined(high))
    return estimates


def _table(groups_of: NDArray[np.str_], counts: EventCounts) -> F64:
    """The counts of each group, `(groups, 4)`, from those of each recording."""
    _, groups = summed_by_group(counts, groups_of)
    return np.stack([groups.tp, groups.fp, groups.ref, groups.seconds], axis=1).astype(np.float64)


def paired_event_difference(
    reference: Reference,
    decided_a: NDArray[np.bool_],
    decided_b: NDArray[np.bool_],
    rules: Events,
    metric: str,
    seed: int,
) -> tuple[float, float, float]:
    """An event metric of `a` less that of `b`, with the interval over the same resamples of groups of both.

    Args:
        reference: the rows, of known recordings.
        decided_a, decided_b: see `decided_estimates`.
        rules: how decisions become events.
        metric: a name of EVENT_METRICS.
        seed: of the resamples.

    Returns:
        `(metric of a - metric of b, low, high)`, NaN where undefined.
    """
    found, measure = known_windows(reference), EVENT_METRICS[metric]
    groups_of = groups_of_recordings(reference, found)
    table = np.hstack([_table(groups_of, _scored(found, of, rules)[1]) for of in (decided_a, decided_b)])
    one, other = (float(measure(EventCounts(*side))) for side in np.split(table.sum(axis=0), 2))
    if len(table) < 2:
        return one - other, np.nan, np.nan
    drawn = resampled_counts(table, PAIRED_REPEATS, np.random.default_rng(seed))
    a, b = (measure(EventCounts(*side.T)) for side in np.split(drawn, 2, axis=1))
    return one - other, *interval(a - b)


def decided_patients(reference: Reference, decided: NDArray[np.bool_], rules: Events) -> list[Patient]:
    """Returns the event metrics of each patient; see `decided_estimates`. Empty without recordings."""
    found = windows(reference)
    return [] if found is None else per_patient(found.recordings, *_scored(found, decided, rules))


def decided_counts(reference: Reference, decided: NDArray[np.bool_], rules: Events) -> EventCounts | None:
    """Returns the counts of all recordings together, `()` each; None where recordings are not known."""
    found = windows(reference)
    return None if found is None else summed(_scored(found, decided, rules)[1])


def _scored(
    found: Windows, decided: NDArray[np.bool_], rules: Events
) -> tuple[tuple[tuple[Event, ...], ...], EventCounts]:
    """The events of each of r recordings, and the scorer's counts of each, `(r,)`."""
    events = detected(found, decided, rules)
    return events, score_events(found.recordings, events, rules.scorer)


@dataclass(frozen=True)
class CrossFitted:
    """A cross-fitted metric, and the false alarms per 24 h of the same decisions: it never stands alone."""

    value: float
    fa_per_day: float


def cross_fit_events(
    reference: Reference,
    raw: NDArray[np.float32],
    calibrate: CalibrationMethod,
    policy: Chosen | SensitivityAtFaPerDay,
    metric: str,
    rules: Events,
    limits: Limits = NO_LIMITS,
) -> CrossFitted:
    """The cross-fitted mean of a metric where the threshold, or the metric, is of events.

    As `search.scores.crossfit.cross_fit`, on halves of whole recordings.

    Args:
        reference: rows whose recordings are known.
        raw: finite raw scores, float32 `(n,)`.
        calibrate: see `cross_fit`.
        policy: the threshold's rule, chosen anew on each half.
        metric: a name of METRICS or EVENT_METRICS.
        rules: how decisions become events.
        limits: what the threshold must keep on the rows it is chosen on.

    Returns:
        NaN if the metric is undefined on any half, or the rule cannot be met on one.
    """
    found, values, alarms = known_windows(reference), [], []
    decide_after = (
        _by_events(reference, raw, policy, rules, limits)
        if isinstance(policy, SensitivityAtFaPerDay)
        else _by_windows(reference, raw, calibrate, policy, limits)
    )
    recordings_of = found.order[found.ends[:-1]]  # a recording lies in the half that its first row lies in
    for half in reference.halves.mask.T:
        for fitted in (half, ~half):
            try:
                decided = decide_after(fitted, fitted[recordings_of])
            except TrialError:  # the rule cannot be met on this half, so there is no threshold to measure
                return CrossFitted(np.nan, np.nan)
            counts = sweep(found, decided.astype(np.float32), np.array([0.5], np.float32), rules)
            counts = summed(counts.of(~fitted[recordings_of]))
            alarms.append(float(fa_per_day(counts)[0]))
            if metric in EVENT_METRICS:
                values.append(float(EVENT_METRICS[metric](counts)[0]))
            else:
                rows = ~fitted
                cells = counts_at(reference.y[rows], decided[rows].astype(np.float32), 0.5)
                values.append(float(METRICS[metric](cells)))
    return CrossFitted(float(np.mean(values)), float(np.mean(alarms)))


Decide = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.bool_]]
"""From the rows and the recordings that a threshold is fitted on to the decisions of all rows."""


def _by_events(
    reference: Reference,
    raw: NDArray[np.float32],
    policy: SensitivityAtFaPerDay,
    rules: Events,
    limits: Limits,
) -> Decide:
    """An event policy reads the order of the scores alone: no calibration moves it; one sweep serves all."""
    cuts = quantile_thresholds(raw)
    counts = sweep(known_windows(reference), raw, cuts, rules)

    def decide_after(rows: NDArray[np.bool_], recordings: NDArray[np.bool_]) -> NDArray[np.bool_]:
        kept = _kept(reference.y[rows], raw[rows], cuts, limits)
        choice = choose_event_threshold(cuts, summed(counts.of(recordings)), policy, raw, kept)
        return decide(raw, choice.threshold_score)

    return decide_after


def _by_windows(
    reference: Reference,
    raw: NDArray[np.float32],
    calibrate: CalibrationMethod,
    policy: Chosen,
    limits: Limits,
) -> Decide:
    def decide_after(rows: NDArray[np.bool_], recordings: NDArray[np.bool_]) -> NDArray[np.bool_]:
        score = calibrate(reference.y[rows], raw[rows]).calibration.apply(raw)
        choice = choose(curve(reference.y[rows], score[rows]), policy, limits)
        return decide(score, choice.threshold_score)

    return decide_after


def known_windows(reference: Reference) -> Windows:
    """Returns the windows of the recordings of some rows.

    Raises:
        RunError: the recordings are not known.
    """
    found = windows(reference)
    if found is None:
        raise RunError("event scores need recordings that the rows cover, but these are unknown")
    return found
