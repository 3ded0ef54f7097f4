"""The command `describe`: classes, patients, hours, parts and signs of leakage in prepared data."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from cluster.preparation import lost_seizures
from search.data.leakage import copies
from search.data.rows import Rows, counted
from search.data.serial_correlation import warning
from search.data.splits import Split, digest, divide, find_leakage
from search.data.store import Stored
from search.trials.preparation import Prepared, settled_by
from spaces.errors import RunError, first_of
from spaces.study import Study

GROUPS_SHOWN = 30
Shown = Table | str


def describe(study: Study, stored: Stored) -> Iterator[Shown]:
    """Yields tables and lines that describe a study's data, for a terminal.

    Args:
        study: says how the data is split.
        stored: the data, prepared.

    Raises:
        RunError: a search of this study would refuse the data; raised after the tables were yielded.
    """
    rows = stored.rows
    yield _overview(study, stored)
    if rows.groups is not None:
        yield _groups(rows)
    parts = divide(rows, study.split)
    yield _parts(rows, parts)
    if parts.units is not None:
        yield f"one patient, split by {parts.by}: values say nothing of other patients; every row says so"
    left_out = len(rows) - sum(map(len, (parts.train, parts.validation, parts.test)))
    if left_out:
        yield f"left out: {left_out} rows nearer than {study.split.gap_s:g} s to a block of another part"
    copied, both_labels = copies(rows)
    if copied:
        said = f"{both_labels} of those copied have both labels"
        yield f"copies: {copied} rows are exact copies of an earlier row; {said}"
    signs = find_leakage(rows, parts)
    yield f"leakage: {'; '.join(signs) if signs else 'no sign of it'}"
    if rows.groups is None:
        yield "groups are unknown: rows of one person may stand in several parts, which nothing here can see"
        beware = warning(rows) if parts.by == "row" else None
        if beware is not None:
            yield beware
    accepted = study.split.i_accept_leakage
    if (signs or parts.leaky) and accepted:
        yield "leakage is accepted (split.i_accept_leakage): every row of the leaderboard will say leaky"
    elif signs or parts.leaky:
        raise RunError("a search refuses these parts, which are not independent; see split.by and the groups")
    prepared = Prepared(rows, parts, stored.digest, digest(parts), settled_by(study, rows, parts))
    if rows.kind != "image":
        yield f"validation, {prepared.told_of_events}"
    halves = prepared.reference(study).halves
    yield f"half-splits of the validation rows, for cross-fitting: by {halves.by}"


def _overview(study: Study, stored: Stored) -> Table:
    rows = stored.rows
    table = Table(title=f"{study.name}: {study.data.source}", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    path = study.data.model_dump().get("path")
    facts = {
        **({"read from": path} if path else {}),
        "rows": f"{len(rows)}, each {rows.x.dtype} {rows.x.shape[1:]}",
        **rows.labels.facts(rows.y),
        "groups": "unknown" if rows.groups is None else str(len(np.unique(rows.groups))),
        **_recorded(rows),
        **_photographed(rows),
        "channels": ", ".join(rows.channels) if rows.channels else "unnamed",
        "left out": _counted(stored.bad),
        "mended": _counted(stored.notes),
        "doubtful": _counted(stored.doubts),
        "prepared": f"{stored.path}, {math.prod(rows.x.shape) * rows.x.dtype.itemsize / 1e6:.1f} MB",
        "digest": stored.digest[:16],
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def _recorded(rows: Rows) -> dict[str, str]:
    if rows.timeline is not None:
        seizures = [end - start for recording in rows.timeline for start, end in recording.seizures]
        seconds = sum(recording.recorded_s for recording in rows.timeline)
        longest = f", {np.median(seizures):.0f} s at the median" if seizures else ""
        return {
            "recordings": f"{counted(rows.timeline)}, {seconds / 3600:.4g} hours",
            "seizures": f"{len(seizures)}{longest}, {sum(seizures) / seconds:.2%} of the time",
            "without a window": lost_seizures(rows, GROUPS_SHOWN) or "no seizure",
        }
    if rows.recordings is None:
        return {}
    return {"recordings": str(len(np.unique(rows.recordings)))}


def _photographed(rows: Rows) -> dict[str, str]:
    photos = rows.photos
    if photos is None:
        return {}
    kinds = (rows.labels.counted_photos(*kind) for kind in photos.kinds)
    size = rows.x.shape[1]
    fewer = f"; {photos.enlarged} are enlarged to {size} x {size}" if photos.enlarged else ""
    return {
        "photos": "\n".join(kinds),
        "sizes": f"{_range(photos.widths)} pixels wide, {_range(photos.heights)} high{fewer}",
        **({} if photos.bits is None else {"depth": photos.scaling()}),
    }


def _range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _groups(rows: Rows) -> Table:
    names, codes = np.unique(rows.groups if rows.groups is not None else [], return_inverse=True)
    table = _table("group", "rows", rows.labels.column, *(("hours", "seizures") if rows.timeline else ()))
    table.title = f"groups ({len(names)})"
    for code, name in enumerate(names[:GROUPS_SHOWN]):
        mine = codes == code
        table.add_row(str(name), *_counts(rows, mine), *_time(rows, mine))
    if len(names) > GROUPS_SHOWN:
        table.add_row(f"{len(names) - GROUPS_SHOWN} more")
    return table


def _parts(rows: Rows, split: Split) -> Table:
    negative = () if rows.photos is None or rows.labels.column != "positive" else ("negative",)
    timed = ("hours", "seizures") if rows.timeline else ()
    table = _table("part", "rows", *negative, rows.labels.column, split.noun, *timed)
    table.title = f"split by {split.by}"
    units = rows.groups if split.units is None else split.units
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    for name, taken in parts.items():
        groups = set() if units is None else set(units[taken].tolist())
        count = str(len(groups)) if groups else "unknown"
        mask = np.isin(np.arange(len(rows)), taken)
        total, positive = _counts(rows, taken)
        without = [str(int(np.sum(rows.y[taken] == 0)))] * len(negative)
        table.add_row(name, total, *without, positive, count, *_time(rows, mask))
    return table


def _table(*columns: str) -> Table:
    table = Table(title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _counts(rows: Rows, taken: NDArray[Any]) -> tuple[str, str]:
    y = rows.y[taken]
    return str(len(y)), rows.labels.counted(y)


def _time(rows: Rows, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Hours and seizures of the recordings of masked rows; "-" if other rows share a recording."""
    if rows.timeline is None or rows.recordings is None:
        return ()
    names = set(rows.recordings[mask].tolist())
    if names & set(rows.recordings[~mask].tolist()):
        return "-", "-"
    mine = [recording for recording in rows.timeline if recording.name in names]
    hours = sum(recording.recorded_s for recording in mine) / 3600
    return f"{hours:.4g}", str(sum(len(recording.seizures) for recording in mine))


def _counted(told: tuple[str, ...]) -> str:
    return f"{len(told)}: {first_of(told, GROUPS_SHOWN, '; ')}" if told else "nothing"
