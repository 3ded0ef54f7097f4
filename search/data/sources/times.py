"""Checks that times are seconds: windows of one recording start about as far apart as they last."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Rows
from spaces.errors import RunError

F64 = NDArray[np.float64]

MOST_OVERLAP = 50
"""Windows of which more than so many share each moment are taken for times in a larger unit than seconds: a
minute has 60, and overlaps in the literature seldom reach 20. `step_s` says where they do."""

MOST_GAP = 100
"""Where the two windows nearest to each other are so many windows apart, times are taken for a smaller unit,
or for samples: rows may be thinned out, but some of them are then neighbours still."""

FEW = 10
"""Recordings of fewer rows are judged together: one of them tells little."""

LOW = 0.1
"""The quantile of steps that stands for neighbours: gaps and thinned-out rows make steps longer."""

SAME = 1e-6
"""Times nearer than this share of a window are one time, told in two floats."""

LARGER_S = {"minutes": 60, "hours": 3600, "days": 86400}
MOST_HZ = 20_000
"""Highest sampling rate that is thought of."""
SIMPLE = 0.01
"""So near to a whole part of a second, steps are milliseconds as likely as samples."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What settings are called, for messages: those of a study, or the options of `decide`."""

    time: str = "data.time"
    window: str = "data.window_s"
    step: str = "data.step_s"


def check_times(rows: Rows, step_s: float | None, where: str, names: Settings = Settings()) -> None:
    """Refuses times that cannot be the starts of windows in seconds.

    Nothing is checked where times, or the seconds that a window lasts, are unknown. Where recordings are
    unknown, only the distance of the nearest two rows is.

    Args:
        rows: the data.
        step_s: seconds from the start of a window to that of the next, where the study states it.
        where: what to call the place they come from.
        names: of settings.

    Raises:
        RunError: naming the recording, and the unit that the times are likely in.
    """
    expected_s = step_s or rows.window_s
    if rows.times is None or expected_s is None:
        return
    place = f"({where}: {names.time})"
    steps = _steps(rows, rows.times, expected_s)
    for judged, name in enumerate(steps.names if rows.recordings is not None else ()):
        mine = steps.seconds[steps.ends[judged] : steps.ends[judged + 1]]
        repeats, of = int(steps.repeats[judged]), f" of {name}"
        if not mine.size:
            if repeats >= FEW - 1:
                raise RunError(
                    f"times are the start of each window in its recording, but all {repeats + 1} rows{of} "
                    f"start at the same time {place}; give each row's own start in seconds, or leave "
                    f"{names.time} out"
                )
            continue
        typical_s = float(mine[int(LOW * (mine.size - 1))])
        # Rows at one time may be of several channels, but not of as many as a rounded minute holds.
        at_one_time = (mine.size + 1 + repeats) / (mine.size + 1)
        a_row_s = typical_s if step_s else typical_s / at_one_time
        if typical_s <= expected_s * (1 + SAME) and a_row_s * MOST_OVERLAP < expected_s * (1 - SAME):
            raise _apart(rows, a_row_s, expected_s, of, place, names)
        if at_one_time >= max(3, typical_s / expected_s / 4) and typical_s >= 2 * expected_s:
            raise RunError(
                f"times are the start of each window in its recording, but {repeats} of "
                f"{repeats + mine.size + 1} rows{of} repeat the time of another, and other times are "
                f"{typical_s:g} s apart, as if rounded {place}; give each row's own start in seconds, as "
                f"float64: float32 cannot tell the seconds of a date apart"
            )
    if steps.seconds.size >= FEW and steps.seconds.min() >= MOST_GAP * expected_s * (1 - SAME):
        raise _apart(rows, float(steps.seconds.min()), expected_s, "", place, names)


@dataclass(frozen=True, eq=False)
class _Steps:
    """Steps between the times of one recording that follow each other, by recording, ascending in each.

    Args:
        names: of what is judged: a recording of FEW rows or more, or all shorter ones together.
        seconds: steps above 0, `(s,)`.
        ends: how many steps stand before those of each name, then all.
        repeats: of each name, how many rows have the time of an earlier one.
    """

    names: tuple[str, ...]
    seconds: F64
    ends: NDArray[np.intp]
    repeats: NDArray[np.intp]


def _steps(rows: Rows, times: F64, expected_s: float) -> _Steps:
    recordings = rows.recordings if rows.recordings is not None else np.full(len(rows), "")
    found, code, counts = np.unique(recordings, return_inverse=True, return_counts=True)
    order = np.lexsort((times, code))
    within = np.diff(code[order]) == 0
    step, owner = np.diff(times[order])[within], code[order][1:][within]
    long = np.flatnonzero(counts >= FEW)
    judged = np.full(found.size, long.size)
    judged[long] = np.arange(long.size)
    owner, moves = judged[owner], step > SAME * expected_s
    seconds, of = step[moves], owner[moves]
    size = long.size + 1
    return _Steps(
        names=(*(f"recording {str(found[k])!r}" for k in long), f"recordings of fewer than {FEW} rows"),
        seconds=seconds[np.lexsort((seconds, of))],
        ends=np.concatenate([[0], np.cumsum(np.bincount(of, minlength=size))]),
        repeats=np.bincount(owner[~moves], minlength=size),
    )


def _apart(rows: Rows, typical_s: float, expected_s: float, of: str, place: str, names: Settings) -> RunError:
    """What to raise where windows start too near to each other, or too far apart."""
    last = f" of {rows.window_s:g} s" if rows.window_s is not None else ""
    stated = f", not {expected_s:g} ({names.step})" if rows.window_s != expected_s else ""
    unit = likely_unit(typical_s / expected_s)
    return RunError(
        f"times are the start of each window in seconds, but windows{last}{of} start {typical_s:.4g} apart"
        f"{stated}{unit and f', as if in {unit}'} {place}; give seconds, correct {names.window}, or state "
        f"{names.step}, the seconds from one start to the next, where windows do overlap or lie apart so far"
    )


def likely_unit(ratio: float) -> str:
    """Names the unit in which windows that follow each other start `ratio` of their length apart.

    Returns:
        Words, empty where no unit makes such windows follow or overlap each other.
    """
    if ratio < 1:
        return next((unit for unit, s in LARGER_S.items() if 0.1 <= ratio * s <= 1.1), "")
    if ratio <= MOST_HZ:
        part = ratio / 1000
        whole = any(
            abs(part / known - 1) < SIMPLE for known in (1, 3 / 4, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 10)
        )
        return f"{'milliseconds or ' if whole else ''}samples at {ratio:.4g} per second"
    return "microseconds" if ratio <= 1.1e6 else "nanoseconds" if ratio <= 1.1e9 else ""
