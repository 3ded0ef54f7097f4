"""Events and their counts the slow and obvious way: loops over whole milliseconds, then timescoring."""

from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring

SCORERS = {"szcore": EventScoring.Parameters(), "ovlp": EventScoring.Parameters(0, 0, 0, 1e9, 0)}


def events_ms(starts_ms, window_ms, decided, duration_ms, drop_ms=0, merge_ms=0):
    """Unions of positive windows (a gap of 1 ms counts as none), short ones dropped, short gaps closed."""
    positive = sorted(start for start, yes in zip(starts_ms, decided, strict=True) if yes)
    found = []
    for start in positive:
        stop = min(start + window_ms, duration_ms)
        if found and start - found[-1][1] <= 1:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    found = [(start, stop) for start, stop in found if stop - start >= drop_ms]
    closed = []
    for start, stop in found:
        if closed and start - closed[-1][1] < merge_ms:
            closed[-1] = (closed[-1][0], stop)
        else:
            closed.append((start, stop))
    return closed


def scored(duration_s, seizures, events, scorer):
    """timescoring's own object for one recording."""
    samples = round(duration_s * 10)
    return EventScoring(
        Annotation(list(seizures), 10, samples), Annotation(list(events), 10, samples), SCORERS[scorer]
    )
