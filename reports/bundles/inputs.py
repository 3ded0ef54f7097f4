"""Reads the rows to predict, block by block, from arrays, photos, recordings or a simulated patient."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reports.bundles.bundle import Bundle
from search.data.rows import READ_BYTES, blocks
from search.data.sources.eeg import edf, recordings
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.layouts import edf_files
from spaces.eeg import Eeg
from spaces.errors import RunError

SIMULATED = "simulated_eeg"
"""As DATA: a simulated patient that no quickstart has trained on."""
NEW_PATIENT_SEED = 4_294_967_291
PHOTOS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows, and the columns that name them.

    Args:
        x: `(k, ...)`.
        columns: `(k,)` each.
        starts_s: seconds at which each window of a recording begins, `(k,)`; None for other rows.
    """

    x: NDArray[Any]
    columns: dict[str, pa.Array]
    starts_s: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """The rows of one recording, or all rows of data without recordings.

    Args:
        batches: can be read once.
        recording: its name, if it is a recording.
        duration_s: of the recording.
    """

    batches: Iterator[Batch]
    recording: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Inputs:
    """All rows that DATA names.

    Args:
        series: one after another.
        rows: about how many there will be.
        recordings: the names of the recordings among them.
        several: DATA was a folder of recordings, not one file.
    """

    series: Iterable[Series]
    rows: int
    recordings: tuple[str, ...] = ()
    several: bool = False


def check_there(data: str) -> None:
    """Refuses DATA that does not exist; needs no TensorFlow.

    Raises:
        RunError: naming what DATA may be.
    """
    if data != SIMULATED and not Path(data).expanduser().exists():
        raise RunError(
            f"DATA is an .edf file or a folder of them, a .npz file, an image folder or {SIMULATED}, "
            f"but there is no {data}"
        )


def open_inputs(bundle: Bundle, data: str) -> Inputs:
    """Opens DATA in the form the bundle was trained on. Headers are checked; rows are read later.

    Args:
        bundle: a loaded bundle.
        data: an `.edf` file or a folder of them, a `.npz` file, an image folder, or `simulated_eeg`.

    Raises:
        RunError: nothing of that form is there.
    """
    wanted = bundle.config.input
    if data == SIMULATED:
        return _simulated()
    check_there(data)
    path = Path(data).expanduser()
    if path.suffix.lower() == ".npz":
        return _arrays(path, wanted.shape, wanted.array)
    if wanted.source == "eeg":
        return open_recordings(bundle, path)
    if path.suffix.lower() == ".edf":
        raise RunError(
            f"EDF recordings are for bundles trained on the source eeg, but this one was trained on "
            f"{wanted.kind} rows of the source {wanted.source}, and got {data}"
        )
    if wanted.image_size is not None:
        return _photos(path, wanted.image_size)
    raise RunError(f"this bundle takes {wanted.kind} rows from a .npz file, but got {data}")


def _in_memory(x: NDArray[Any], name: str, values: list[Any]) -> Inputs:
    def batches() -> Iterator[Batch]:
        for part in blocks(x, READ_BYTES):
            yield Batch(x[part], {name: pa.array(values[part])})
        if not len(x):
            raise RunError("there is nothing to predict: the data has no rows")

    return Inputs([Series(batches())], len(x))


def _simulated() -> Inputs:
    from search.data.sources.simulated_eeg import simulate

    made = simulate(patients=1, windows=300, seed=NEW_PATIENT_SEED)
    names = [f"{r} {t:g} s" for r, t in zip(made.recordings, made.times, strict=True)]
    return _in_memory(made.x, "window", names)


def _arrays(path: Path, shape: tuple[int, ...], name: str) -> Inputs:
    """Reads the array that the study named, or the only one that holds rows of this shape."""
    from search.data.sources.npz import open_npz, take_array

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
    """Reads photos, some hundreds at a time; all unreadable ones are reported together."""
    from search.data.sources.images import decode, photos_below, refuse_bad

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


@dataclass(frozen=True)
class _Recording:
    """One EDF file whose header was checked.

    Args:
        edf: the file.
        name: its path below DATA without suffix, never from the header.
        duration_s: its length.
        windows: how many it holds.
    """

    edf: Path
    name: str
    duration_s: float
    windows: int


def open_recordings(bundle: Bundle, path: Path) -> Inputs:
    """Finds the recordings of a file or a folder and checks each one's header.

    Args:
        bundle: trained on the source eeg.
        path: an `.edf` file, or a folder with such files at any depth; no annotation is needed.

    Raises:
        RunError: no recording is there, or some cannot be used: all of them are named.
    """
    config = _config(bundle)
    files = _found(path)
    good: list[_Recording] = []
    bad: dict[str, list[str]] = {}
    for name, file in files.items():
        try:
            good.append(_checked(file, name, config))
        except RunError as error:
            bad.setdefault(str(error), []).append(name)
    if bad:
        listed = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in bad.items())
        if len(files) == 1:
            raise RunError(listed)
        raise RunError(
            f"every recording must be usable, but {len(files) - len(good)} of {len(files)} are not: {listed}"
        )
    return Inputs(
        series=(Series(_batches(one, config), one.name, one.duration_s) for one in good),
        rows=sum(one.windows for one in good),
        recordings=tuple(one.name for one in good),
        several=path.is_dir(),
    )


def _config(bundle: Bundle) -> Eeg:
    cut = bundle.config.input.preprocessing
    if cut is None:
        raise RunError(
            "to read recordings a bundle must say how its windows were cut, which those of format 1 do not; "
            "promote its trial again"
        )
    return Eeg(source="eeg", path="", **cut.model_dump())


def _found(path: Path) -> dict[str, Path]:
    """Returns EDF files by name, sorted."""
    if path.is_file():
        if path.suffix.lower() != ".edf":
            raise RunError(
                f"this bundle takes .edf files, or rows of the shape it was trained on from a .npz file, "
                f"but got {path}"
            )
        return {path.stem: path}
    found: dict[str, Path] = {}
    below = [
        PurePosixPath(folder, file)
        for folder, (names, _) in edf_files(path, "DATA").items()
        for file in names
    ]
    for file in sorted(below):
        name = str(file.with_suffix(""))
        if name in found:
            raise RunError(f"recordings need names of their own, but two files are called {name} ({path})")
        found[name] = path / file
    return found


def _checked(file: Path, name: str, config: Eeg) -> _Recording:
    header = open_header(file)
    rate, length = config.rate_hz, round(config.window_s * config.rate_hz)
    samples = header.samples(rate)
    if samples < length:
        raise RunError(
            f"a recording must hold a window of {config.window_s:g} s, "
            f"but this one holds {header.duration_s:g} s"
        )
    # A missing channel, say, is reported before the first block is read.
    next(edf.blocks(file, config, block_s=1.0))
    return _Recording(file, name, header.duration_s, int((samples - length) / (config.step * rate)) + 1)


def _batches(recording: _Recording, config: Eeg) -> Iterator[Batch]:
    try:
        for starts_s, x in recordings.windows(recording.edf, config):
            for part in blocks(x, READ_BYTES):
                some = starts_s[part]
                name = pa.DictionaryArray.from_arrays(np.zeros(len(some), np.int32), [recording.name])
                yield Batch(x[part], {"recording": name.cast(pa.string()), "start_s": pa.array(some)}, some)
    except RunError as error:
        raise RunError(f"{recording.name}: {error}") from None
