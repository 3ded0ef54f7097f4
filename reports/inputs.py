"""What is to be predicted: arrays, photos, recordings or a simulated patient, read block by block."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reports.bundle import Bundle
from search.rows import READ_BYTES, blocks
from spaces.errors import RunError

SIMULATED = "simulated_eeg"
"""As DATA: a simulated patient that no quickstart has trained on."""
NEW_PATIENT_SEED = 4_294_967_291
PHOTOS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows, and the columns that say which rows they are.

    Args:
        x: `(k, ...)`.
        columns: `(k,)` each.
        starts_s: of windows of a recording, when each begins; else None.
    """

    x: NDArray[Any]
    columns: dict[str, pa.Array]
    starts_s: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """Rows that belong together: a recording, or all there is of data without any.

    Args:
        batches: read as they are asked for, once.
        recording: its name, if it is a recording.
        duration_s: of the recording.
    """

    batches: Iterator[Batch]
    recording: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that DATA names.

    Args:
        series: one after another.
        rows: how many there will be, about.
        recordings: the names of the recordings among them.
        several: DATA was a folder of recordings, not one file.
    """

    series: Iterable[Series]
    rows: int
    recordings: tuple[str, ...] = ()
    several: bool = False


def check_there(data: str) -> None:
    """Refuses what is not there, before TensorFlow is waited for.

    Raises:
        RunError: naming what DATA may be.
    """
    if data != SIMULATED and not Path(data).expanduser().exists():
        raise RunError(
            f"DATA is an .edf file or a folder of them, a .npz file, an image folder or {SIMULATED}, "
            f"but there is no {data}"
        )


def open_inputs(bundle: Bundle, data: str) -> Inputs:
    """Finds what DATA names, in the form the bundle was trained on; recordings are checked, not yet read.

    Args:
        bundle: a loaded bundle.
        data: an `.edf` file or a folder of them, a `.npz` file, an image folder, or `simulated_eeg`.

    Raises:
        RunError: nothing of that form is there.
    """
    wanted = bundle.config["input"]
    if data == SIMULATED:
        return _simulated()
    check_there(data)
    path = Path(data).expanduser()
    if path.suffix.lower() == ".npz":
        return _arrays(path, tuple(wanted["shape"]), wanted.get("array", "X"))
    if wanted["source"] == "eeg":
        from reports.recordings import open_recordings

        return open_recordings(bundle, path)
    if path.suffix.lower() == ".edf":
        raise RunError(
            f"EDF recordings are for bundles trained on the source eeg, but this one was trained on "
            f"{wanted['kind']} rows of the source {wanted['source']}, and got {data}"
        )
    if "image_size" in wanted:
        return _photos(path, int(wanted["image_size"]))
    raise RunError(f"this bundle takes {wanted['kind']} rows from a .npz file, but got {data}")


def _in_memory(x: NDArray[Any], name: str, values: list[Any]) -> Inputs:
    def batches() -> Iterator[Batch]:
        for part in blocks(x, READ_BYTES):
            yield Batch(x[part], {name: pa.array(values[part])})
        if not len(x):
            raise RunError("there is nothing to predict: the data has no rows")

    return Inputs([Series(batches())], len(x))


def _simulated() -> Inputs:
    from search.sources.simulated_eeg import simulate

    made = simulate(patients=1, windows=300, seed=NEW_PATIENT_SEED)
    names = [f"{r} {t:g} s" for r, t in zip(made.recordings, made.times, strict=True)]
    return _in_memory(made.x, "window", names)


def _arrays(path: Path, shape: tuple[int, ...], name: str) -> Inputs:
    """The array the study named, or the only one that holds rows of this shape."""
    from search.sources.npz import open_npz, take_array

    with open_npz(path) as arrays:
        if name in arrays.files:
            x = take_array(arrays, name, "x", path)
            return _in_memory(x, "row", list(range(len(x))))
        found = {other: take_array(arrays, other, "x", path) for other in arrays.files}
    fitting = [values for values in found.values() if values.shape[1:] == shape]
    if len(fitting) != 1:
        held = ", ".join(f"{other} {values.shape}" for other, values in found.items()) or "nothing"
        raise RunError(
            f"the bundle takes the array {name}, or the only one of rows of shape {shape}, "
            f"but {path.name} holds {held}"
        )
    return _in_memory(fitting[0], "row", list(range(len(fitting[0]))))


def _photos(path: Path, size: int) -> Inputs:
    """Photos, decoded some hundreds at a time; the bad ones of all are told together."""
    from search.sources.images import decode, photos_below, refuse_bad

    root, paths = photos_below(path)

    def batches() -> Iterator[Batch]:
        bad: list[tuple[str, str]] = []
        for start in range(0, len(paths), PHOTOS_AT_ONCE):
            some = paths[start : start + PHOTOS_AT_ONCE]
            x, _, unread = decode(some, size, below=root)
            bad += unread
            if not bad:
                yield Batch(x, {"file": pa.array([photo.relative_to(root).as_posix() for photo in some])})
        refuse_bad(bad, len(paths))

    return Inputs([Series(batches())], len(paths))
