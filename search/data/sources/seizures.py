"""Reads the true intervals of seizures that data state beside their rows, and makes recordings of both."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording, Rows
from search.data.sources.array_files import SUFFIXES, open_arrays
from search.data.sources.columns import numbers, open_table, read_columns, values, without_zeros
from spaces.errors import RunError, first_of
from spaces.study import UNSAID

F64 = NDArray[np.float64]

GRID_PER_S = 1000
"""Times are whole milliseconds, as those that events are counted on."""
COLUMNS = ("recording", "start", "end")
"""What a file of seizures holds of each."""


def read_seizures(path: Path, *, zeros: bool) -> NDArray[Any]:
    """Reads a file of seizures: a table with the columns `recording`, `start` and `end`, or such arrays.

    Args:
        path: the file.
        zeros: whether whole numbers written as 7.0 stay so in names; see `without_zeros`.

    Returns:
        `(k,)`, of three fields, as `with_seizures` takes it.

    Raises:
        RunError: the file or a column is missing, or holds what is no seizure.
    """
    where = path.name
    if path.suffix.lower() in SUFFIXES:
        with open_arrays(path) as arrays:
            _check_columns(arrays.names, where)
            found = {name: arrays.take(name, "seizures").reshape(-1) for name in COLUMNS}
    else:
        file = open_table(path)
        _check_columns(file.names, where)
        table = read_columns(file, COLUMNS[1:], COLUMNS[:1])
        found = {name: values(table, name, where) for name in COLUMNS}
    if len({len(column) for column in found.values()}) > 1:
        raise RunError(
            f"{', '.join(COLUMNS)} of a seizure stand in one row each, but differ in length ({where})"
        )
    names = found["recording"]
    if not zeros and names.dtype.kind == "U":
        names = without_zeros(names)
    stated = np.empty(len(names), [("recording", names.dtype), ("start", np.float64), ("end", np.float64)])
    stated["recording"] = names
    for name in COLUMNS[1:]:
        stated[name] = numbers(found[name], name, where)
    return stated


def _check_columns(names: Sequence[str], where: str) -> None:
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise RunError(
            f"a file of seizures has the columns {', '.join(COLUMNS)}, in seconds, but {where} lacks "
            f"{', '.join(lacking)}; it has: {first_of(map(repr, names), 8)}"
        )


def with_seizures(rows: Rows, stated: NDArray[Any], name: str, where: str, *, exact_names: bool) -> Rows:
    """Returns rows with a timeline; their times then count from the start of their recording's first window.

    A recording reaches from the start of its first window to the end of its last. Seizures that reach beyond
    are cut, which a note says.

    Args:
        rows: whose recordings, times and `window_s` are known.
        stated: `(k, 3)`, of each seizure its recording, and its start and end in seconds, on the clock of the
            rows' times; numbers, or text; or a structured array `(k,)` of three fields.
        name: what the array is called.
        where: what to call the place it comes from.
        exact_names: whether names that differ in blanks or capitals alone are different.

    Raises:
        RunError: it is no such array, names an unknown recording, or a seizure ends before it starts, lies
            outside of its recording, overlaps another or has nothing to do with the labels.
    """
    if rows.recordings is None or rows.times is None or rows.window_s is None:
        raise RunError(
            f"data.seizures needs data.recording, data.time and data.window_s, to tell when {name} happened"
        )
    names, spans = _read(stated, name, where)
    found, code = np.unique(rows.recordings, return_inverse=True)
    first, last = np.full(found.size, np.inf), np.full(found.size, -np.inf)
    np.minimum.at(first, code, rows.times)
    np.maximum.at(last, code, rows.times)
    since, length = _on_grid(rows.times - first[code]), _on_grid(last - first + rows.window_s)
    place = {_folded(one, exact_names=exact_names): k for k, one in enumerate(found.tolist())}
    of: list[list[tuple[float, float]]] = [[] for _ in found]
    cut = 0
    for k, (recording, (start, end)) in enumerate(zip(names, spans.tolist(), strict=True)):
        told = f"seizure {k + 1} of {name}, {start:g} to {end:g} s of {recording!r},"
        at = place.get(_folded(recording, exact_names=exact_names))
        if at is None:
            raise RunError(f"seizures are of recordings that rows are of, but {told} is of none ({where})")
        begin, stop = (float(one) for one in _on_grid(np.array([start, end]) - first[at]))
        if not begin < stop:
            raise RunError(f"a seizure ends after it starts, but {told} does not ({where})")
        if stop <= 0 or begin >= length[at]:
            raise RunError(
                f"seizures lie within their recording, on the clock of the rows' times, but {told} lies "
                f"outside of its windows, {first[at]:g} to {last[at] + rows.window_s:g} s ({where})"
            )
        cut += begin < 0 or stop > length[at]
        of[at].append((max(0.0, begin), min(float(length[at]), stop)))
    owners = np.empty(found.size, np.intp)
    owners[code] = np.arange(code.size)
    groups = rows.groups if rows.groups is not None else rows.recordings
    timeline = []
    for k, one in enumerate(found.tolist()):
        seizures = tuple(sorted(of[k]))
        if any(start < end for (_, end), (start, _) in pairwise(seizures)):
            raise RunError(
                f"seizures of one recording must not overlap, but two of {one!r} do ({where}: {name})"
            )
        timeline.append(Recording(one, str(groups[owners[k]]), float(length[k]), seizures))
    notes = [f"{where}: {cut} of {len(names)} seizures ({name}) reach beyond the windows and were cut"]
    made = replace(
        rows, times=since, timeline=tuple(timeline), notes=rows.notes + tuple(notes[: min(cut, 1)])
    )
    return replace(made, notes=made.notes + _against_labels(made, timeline, code, name, where))


def _against_labels(
    rows: Rows, timeline: list[Recording], code: NDArray[np.intp], name: str, where: str
) -> tuple[str, ...]:
    """Notes on positive rows that lie in no seizure."""
    times = np.zeros(len(rows)) if rows.times is None else rows.times
    within = np.zeros(len(rows), np.bool_)
    for k in np.flatnonzero([bool(recording.seizures) for recording in timeline]):
        mine = np.flatnonzero(code == k)
        for start, end in timeline[k].seizures:
            within[mine] |= (times[mine] < end) & (times[mine] + (rows.window_s or 0.0) > start)
    if not (marks := rows.labels.seizures(UNSAID)):
        return ()  # of classes and the like, nobody says which rows are seizures
    positive = np.isin(rows.y, marks)
    outside = int(np.count_nonzero(positive & ~within))
    if outside and outside == np.count_nonzero(positive):
        raise RunError(
            f"seizures and labels tell of the same, but none of {outside} positive rows lies in a seizure of "
            f"{name}; give both on one clock, in seconds ({where})"
        )
    said = f"{where}: {outside} of {np.count_nonzero(positive)} positive rows lie in no seizure of {name}"
    return (said,) if outside else ()


def _read(stated: NDArray[Any], name: str, where: str) -> tuple[list[str], F64]:
    """The recordings of k seizures, and their starts and ends `(k, 2)`."""
    rule = f"{name} must hold a recording, a start and an end in seconds per seizure, (k, 3)"
    if stated.dtype.names is not None and len(stated.dtype.names) == 3 and stated.ndim == 1:
        columns = [stated[field] for field in stated.dtype.names]
    elif stated.ndim == 2 and stated.shape[1] == 3 and stated.dtype.kind in "iufU":
        columns = list(stated.T)
    else:
        raise RunError(f"{rule}, but is {stated.dtype} of shape {stated.shape} ({where})")
    names, *ends = columns
    if names.dtype.kind == "f" and np.isfinite(names).all() and (names == np.round(names)).all():
        names = names.astype(np.int64)
    try:
        spans = np.stack([end.astype(np.float64) for end in ends], axis=1)
    except ValueError:
        raise RunError(f"{rule}, but holds what is no number ({where})") from None
    if not np.isfinite(spans).all():
        raise RunError(f"{rule}, but some are not finite ({where})")
    return names.astype(np.str_).tolist(), spans


def _folded(name: str, *, exact_names: bool) -> str:
    return name if exact_names else "".join(name.split()).casefold()


def _on_grid(seconds: F64) -> F64:
    return np.asarray(np.rint(seconds * GRID_PER_S) / GRID_PER_S)
