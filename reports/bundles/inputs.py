"""Reads the rows to predict, block by block: tables, arrays, photos, recordings or a simulated patient."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reports.bundles.bundle import Bundle
from reports.bundles.schema import Input
from search.data.rows import READ_BYTES, Recording, blocks
from search.data.sources.array_files import SUFFIXES, open_arrays
from search.data.sources.columns import check_named, listed, numbers, open_table, read_columns, values
from search.data.sources.eeg import edf, recordings, stretches
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.layouts import SUFFIXES as OF_RECORDINGS
from search.data.sources.eeg.layouts import edf_files
from search.data.sources.eeg.stuck_signals import Stuck
from search.data.sources.eeg.stuck_signals import told as stuck_told
from search.data.sources.table import inputs
from spaces.eeg import Eeg
from spaces.errors import RunError

SIMULATED = "simulated_eeg"
"""As DATA: a simulated patient that no quickstart has trained on."""
NEW_PATIENT_SEED = 4_294_967_291
PHOTOS_AT_ONCE = 256
FEWER_BITS = 4
"""A warning is given where all 16-bit photos are at most a 16th as bright as those trained on may be."""
DATA = (
    "an .edf or .bdf file or a folder of them, a table (.csv, .parquet, .feather), "
    f"arrays (.npz, .npy, .mat, .h5), an image folder or {SIMULATED}"
)
"""What may be predicted; a bundle takes what it was trained on."""
OF_ROWS = {"group": "group", "recording": "recording", "time": "start_s"}
"""What the columns of a table that name its rows are called in predictions, by setting."""


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
        recording: its name, length and stretches, if it is a recording.
        told: what is to be told of the recording, once all batches were read.
    """

    batches: Iterator[Batch]
    recording: Recording | None = None
    told: Callable[[], tuple[str, ...]] = tuple


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
        raise RunError(f"DATA is {DATA}, but there is no {data}")


def open_inputs(bundle: Bundle, data: str) -> Inputs:
    """Opens DATA in the form the bundle was trained on. Headers are checked; rows are read later.

    Args:
        bundle: a loaded bundle.
        data: see `DATA`.

    Raises:
        RunError: nothing of that form is there.
    """
    wanted = bundle.config.input
    if data == SIMULATED:
        return _simulated()
    check_there(data)
    path = Path(data).expanduser()
    if path.suffix.lower() in SUFFIXES or (wanted.source == "npz" and any(path.glob("*.npy"))):
        return _arrays(path, wanted.shape, wanted.array)
    if wanted.source == "eeg":
        return open_recordings(bundle, path)
    if path.suffix.lower() in OF_RECORDINGS:
        raise RunError(
            f"EDF and BDF recordings are for bundles trained on the source eeg, but this one was trained on "
            f"{wanted.kind} rows of the source {wanted.source}, and got {data}"
        )
    if wanted.source == "table":
        return _table(path, wanted)
    if wanted.image_size is not None:
        return _photos(path, wanted.image_size, wanted.photo_bits)
    raise RunError(
        f"a bundle of the source {wanted.source} takes rows of shape {wanted.shape} from a "
        f"file of arrays ({', '.join(SUFFIXES)}), but got {data}"
    )


def _in_memory(x: NDArray[Any], columns: Mapping[str, pa.Array]) -> Inputs:
    def batches() -> Iterator[Batch]:
        for part in blocks(x, READ_BYTES):
            yield Batch(x[part], {name: column[part] for name, column in columns.items()})
        if not len(x):
            raise RunError("there is nothing to predict: the data has no rows")

    return Inputs([Series(batches())], len(x))


def _simulated() -> Inputs:
    from search.data.sources.simulated_eeg import simulate

    made = simulate(patients=1, windows=300, seed=NEW_PATIENT_SEED)
    names = [f"{r} {t:g} s" for r, t in zip(made.recordings, made.times, strict=True)]
    return _in_memory(made.x, {"window": pa.array(names)})


def _table(path: Path, wanted: Input) -> Inputs:
    """Reads the columns that were trained on, wherever in the file they stand, and those that name rows."""
    if wanted.columns is None:
        raise RunError(
            "to read a table a bundle must name its columns, which this one does not; promote again"
        )
    file, where = open_table(path), path.name
    missing = [name for name in wanted.columns if name not in file.names]
    if missing:
        raise RunError(
            f"a table to predict must have every column that the bundle was trained on, but {where} lacks "
            f"{listed(missing)}; it has {listed(file.names)}"
        )
    of_rows = {key: name for key, name in wanted.row_columns.items() if name in file.names}
    for name in [*wanted.columns, *of_rows.values()]:
        check_named("the bundle", name, file.names, where)
    time = [of_rows["time"]] if "time" in of_rows else []
    others = [name for name in of_rows.values() if name not in time]
    table = read_columns(file, [*wanted.columns, *time], others)
    for name in time:
        numbers(values(table, name, where), name, where)
    x = inputs(table, wanted.columns, wanted.shape, where)
    named = {OF_ROWS[key]: table[name].combine_chunks() for key, name in of_rows.items()}
    return _in_memory(x, {"row": pa.array(np.arange(len(x)))} | named)


def _arrays(path: Path, shape: tuple[int, ...], name: str) -> Inputs:
    """Reads the array that the study named, or the only one that holds rows of this shape."""
    name = name.removesuffix(".npy")  # a file of a folder, or the array of that name elsewhere
    with open_arrays(path) as arrays:
        if {name, f"{name}.npy"} & {*arrays.names}:
            x = arrays.take(name, "x")
        else:
            found = {other: arrays.take(other, "x") for other in arrays.names}
            fitting = [values for values in found.values() if values.shape[1:] == shape]
            if len(fitting) != 1:
                held = ", ".join(f"{other} {values.shape}" for other, values in found.items()) or "nothing"
                raise RunError(
                    f"the bundle takes the array {name}, or the only one of rows of shape {shape}, "
                    f"but {path.name} holds {held}"
                )
            (x,) = fitting
        return _in_memory(x, {"row": pa.array(np.arange(len(x)))})


def _photos(path: Path, size: int, bits: int | None) -> Inputs:
    """Reads photos, some hundreds at a time; all unreadable ones are reported together."""
    from search.data.sources.images import decode, refuse_bad, survey
    from search.data.sources.photo_folders import photos_below

    root, paths = photos_below(path)
    found = None if bits is None else survey(paths, np.zeros(len(paths), np.int8), size)
    if bits is not None and found is not None and found.bits is not None and found.bits <= bits - FEWER_BITS:
        logging.getLogger(__name__).warning(
            "16-bit photos use %d bits at most, those trained on %d: scaled alike, they are darker",
            found.bits,
            bits,
        )

    def batches() -> Iterator[Batch]:
        bad: list[tuple[str, str]] = []
        for start in range(0, len(paths), PHOTOS_AT_ONCE):
            some = paths[start : start + PHOTOS_AT_ONCE]
            x, _, unread = decode(some, size, below=root, bits=bits)
            bad += unread
            if not bad:
                yield Batch(x, {"file": pa.array([photo.relative_to(root).as_posix() for photo in some])})
        refuse_bad(bad, len(paths))

    return Inputs([Series(batches())], len(paths))


@dataclass(frozen=True)
class _Recording:
    """One EDF or BDF file whose header was checked.

    Args:
        edf: the file.
        of: its path below DATA without suffix, never from the header, its length and its stretches.
        windows: how many it holds.
        gaps: what is to be told of them.
    """

    edf: Path
    of: Recording
    windows: int
    gaps: tuple[str, ...]


def open_recordings(bundle: Bundle, path: Path) -> Inputs:
    """Finds the recordings of a file or a folder and checks each one's header.

    Args:
        bundle: trained on the source eeg.
        path: an `.edf` or `.bdf` file, or a folder with such files at any depth; no annotation is needed.

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
        series=(_series(one, config) for one in good),
        rows=sum(one.windows for one in good),
        recordings=tuple(one.of.name for one in good),
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
    """Returns EDF and BDF files by name, sorted."""
    if path.is_file():
        if path.suffix.lower() not in OF_RECORDINGS:
            raise RunError(
                f"this bundle takes .edf and .bdf files, or arrays of the shape it was trained on, "
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
    used = edf.usable(header, config)
    samples = [header.within(stretch).samples(rate) for stretch in used]
    if max(samples) < length:
        raise RunError(
            f"a recording must hold a window of {config.window_s:g} s, "
            f"but this one holds {header.duration_s:g} s"
        )
    # A missing channel, say, is reported before the first block is read.
    next(edf.blocks(file, config, block_s=1.0))
    held = {*used}
    kept = tuple(span for span, one in zip(header.recorded, header.stretches, strict=True) if one in held)
    return _Recording(
        file,
        stretches.recording_of(name, "", header.duration_s, (), kept),
        sum(int((count - length) / (config.step * rate)) + 1 for count in samples),
        stretches.gaps_told(header, used, config.window_s),
    )


def _series(recording: _Recording, config: Eeg) -> Series:
    watched: list[tuple[str, Stuck]] = []

    def told() -> tuple[str, ...]:
        return (*recording.gaps, *stuck_told(watched))

    return Series(_batches(recording, config, watched), recording.of, told)


def _batches(recording: _Recording, config: Eeg, watched: list[tuple[str, Stuck]]) -> Iterator[Batch]:
    name = recording.of.name
    try:
        for starts_s, x in recordings.windows(recording.edf, config, watched):
            for part in blocks(x, READ_BYTES):
                some = starts_s[part]
                names = pa.DictionaryArray.from_arrays(np.zeros(len(some), np.int32), [name])
                yield Batch(x[part], {"recording": names.cast(pa.string()), "start_s": pa.array(some)}, some)
    except RunError as error:
        raise RunError(f"{name}: {error}") from None
