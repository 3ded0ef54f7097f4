"""EDF recordings to predict: found by name, checked by header, cut into the windows of a bundle."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from reports.bundle import Bundle
from reports.inputs import Batch, Inputs, Series
from search.rows import READ_BYTES, blocks
from search.sources import edf, eeg
from search.sources.edf_header import open_header
from search.sources.layouts import edf_files
from spaces.eeg import Eeg
from spaces.errors import RunError


@dataclass(frozen=True)
class _Recording:
    """One EDF file that can be used, as far as its header tells.

    Args:
        edf: the file.
        name: its path below DATA, without suffix; nothing of the header.
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
    cut = bundle.config["input"].get("preprocessing")
    if cut is None:
        raise RunError(
            "to read recordings a bundle must say how its windows were cut, which those of format 1 do not; "
            "promote its trial again"
        )
    return Eeg(source="eeg", path="", **cut)


def _found(path: Path) -> dict[str, Path]:
    """EDF files by name, sorted."""
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
    # What the header cannot give, such as a channel, is told before the first block.
    next(edf.blocks(file, config, block_s=1.0))
    return _Recording(file, name, header.duration_s, int((samples - length) / (config.step * rate)) + 1)


def _batches(recording: _Recording, config: Eeg) -> Iterator[Batch]:
    try:
        for starts_s, x in eeg.windows(recording.edf, config):
            for part in blocks(x, READ_BYTES):
                some = starts_s[part]
                name = pa.DictionaryArray.from_arrays(np.zeros(len(some), np.int32), [recording.name])
                yield Batch(x[part], {"recording": name.cast(pa.string()), "start_s": pa.array(some)}, some)
    except RunError as error:
        raise RunError(f"{recording.name}: {error}") from None
