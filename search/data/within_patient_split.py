"""Units for splits of one patient's data: recordings, or blocks of time.

Such a split measures how well a model does on the patient it was trained on, and says nothing of others.
"""

import numpy as np
from numpy.typing import NDArray

from search.data.rows import PARTS, Rows
from spaces.data import Split as SplitConfig
from spaces.errors import RunError

LEFT_OUT = len(PARTS)
"""The part of rows that stand in none."""
BY_TIME = "write split: {by: time} to measure on other blocks of time of the same patient"


def several_patients(rows: Rows) -> bool:
    """Whether the data name more than one group."""
    return rows.groups is not None and bool((rows.groups != rows.groups[0]).any())


def advice(rows: Rows) -> str:
    """Returns what a study of one patient can write so that its data can be split."""
    if rows.recordings is not None and len(np.unique(rows.recordings)) >= len(PARTS):
        return "write split: {by: recording} to measure on other recordings of the same patient"
    if rows.times is not None:
        return BY_TIME
    return (
        "name each row's recording or time (data.recording, data.time) and write split: {by: recording} or "
        "{by: time} to measure on the same patient"
    )


def more_units(rows: Rows, by: str) -> str:
    """Returns what to do where too few recordings or blocks hold every class; empty for other units."""
    if by == "time":
        return "add data, or cut the recordings into more blocks (split.blocks)"
    if by != "recording":
        return ""
    return BY_TIME if rows.times is not None else f"add recordings, or name times (data.time) and {BY_TIME}"


def recording_names(rows: Rows) -> NDArray[np.str_]:
    """Returns the recording of each row, `(n,)`.

    Raises:
        RunError: recordings are unknown.
    """
    if rows.recordings is None:
        raise RunError(
            "split.by recording keeps whole recordings together, but the data name none; "
            "say which array holds them (data.recording)"
        )
    return rows.recordings


def block_names(rows: Rows, config: SplitConfig) -> NDArray[np.str_]:
    """Returns the block of time each row starts in, as `recording block 03`, `(n,)`.

    Raises:
        RunError: times are unknown, or blocks are too short for the gaps between them.
    """
    recordings, block, _ = _blocks(rows, config)
    digits = len(str(config.blocks))
    return np.array(
        [
            f"{name} block {number:0{digits}d}".strip()
            for name, number in zip(recordings, (block + 1).tolist(), strict=True)
        ]
    )


def near_borders(rows: Rows, parts: NDArray[np.int8], config: SplitConfig) -> NDArray[np.bool_]:
    """Returns which rows lie nearer than `gap_s` to a block of another part, `(n,)`.

    Args:
        rows: the data.
        parts: the part of each row's block, `(n,)`.
        config: names the blocks and the gap.
    """
    recordings, block, length_s = _blocks(rows, config)
    near = np.zeros(len(rows), np.bool_)
    for name in np.unique(recordings):
        mine = np.flatnonzero(recordings == name)
        own, since, window_s = block[mine], _since_first(rows, mine), rows.window_s or 0.0
        length = length_s[mine[0]]
        part_of = np.full(config.blocks + 2, -1)  # an entry before the first block and one after the last
        part_of[own + 1] = parts[mine]
        part = part_of[own + 1]
        before, after = part_of[own], part_of[own + 2]
        near[mine] = ((before >= 0) & (before != part) & (since - own * length < config.gap_s)) | (
            (after >= 0) & (after != part) & ((own + 1) * length - since - window_s < config.gap_s)
        )
    return near


def _blocks(
    rows: Rows, config: SplitConfig
) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.float64]]:
    """The recording, the number of the block, and the seconds of a block of each row, `(n,)` each."""
    if rows.times is None:
        raise RunError(
            "split.by time cuts recordings into blocks, but the data name no times; "
            "say which array holds each row's start in seconds (data.time)"
        )
    recordings = rows.recordings if rows.recordings is not None else np.full(len(rows), "")
    block, length_s = np.zeros(len(rows), np.int64), np.zeros(len(rows))
    for name in np.unique(recordings):
        mine = np.flatnonzero(recordings == name)
        since = _since_first(rows, mine)
        length = (float(since.max()) + (rows.window_s or 0.0)) / config.blocks
        if length <= config.gap_s:
            raise RunError(
                f"blocks must be longer than the gaps between them, but {config.blocks} blocks of "
                f"{length * config.blocks:g} s last {length:g} s each and split.gap_s is {config.gap_s:g}; "
                "use fewer blocks (split.blocks) or a smaller split.gap_s"
            )
        block[mine] = np.minimum(since // length, config.blocks - 1)
        length_s[mine] = length
    return recordings, block, length_s


def _since_first(rows: Rows, mine: NDArray[np.int64]) -> NDArray[np.float64]:
    times = np.zeros(len(mine)) if rows.times is None else rows.times[mine]
    return np.asarray(times - times.min())
