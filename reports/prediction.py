"""Predictions from a bundle on files: arrays, photos, or a new simulated patient; Parquet out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reports.production import Bundle
from spaces.errors import RunError

SIMULATED = "simulated_eeg"
"""As DATA: a simulated patient that no quickstart has trained on."""
NEW_PATIENT_SEED = 4_294_967_291


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is to be predicted: rows `(n, ...)`, and a column that says which row is which."""

    x: NDArray[Any]
    name: str
    values: list[Any]


def predict_file(bundle: Bundle, data: str, out: Path, progress: Callable[[int, int], None]) -> int:
    """Predicts and writes Parquet: which row, score, probability, label in the original values.

    Args:
        bundle: a loaded bundle.
        data: a `.npz` file, an image folder, or `simulated_eeg`.
        out: the Parquet file; replaced whole, or left alone where anything fails.
        progress: told how many rows are done, of how many.

    Returns:
        The number of rows.

    Raises:
        RunError: data that the bundle does not take.
    """
    inputs = read(bundle, data)
    if out.is_dir() or not out.parent.is_dir():
        raise RunError(f"--out takes a file in a folder that exists, but got {out}")
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        done = 0
        writer = None
        for table in bundle.predict_batches(inputs.x):
            named = table.add_column(0, inputs.name, pa.array(inputs.values[done : done + len(table)]))
            writer = writer or pq.ParquetWriter(beside, named.schema)
            writer.write_table(named)
            done += len(table)
            progress(done, len(inputs.x))
        if writer is None:
            raise RunError(f"there is nothing to predict: {data} has no rows")
        writer.close()
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)
    return done


def read(bundle: Bundle, data: str) -> Inputs:
    """Reads what DATA names, in the form the bundle was trained on.

    Raises:
        RunError: nothing of that form is there.
    """
    wanted = bundle.config["input"]
    path = Path(data).expanduser()
    if data == SIMULATED:
        from search.sources.simulated_eeg import simulate

        made = simulate(patients=1, windows=300, seed=NEW_PATIENT_SEED)
        names = [f"{r} {t:g} s" for r, t in zip(made.recordings, made.times, strict=True)]
        return Inputs(made.x, "window", names)
    if not path.exists():
        raise RunError(f"DATA is a .npz file, an image folder or {SIMULATED}, but there is no {data}")
    if "image_size" in wanted and path.suffix != ".npz":
        from search.sources.images import load_folder

        x, files = load_folder(path, int(wanted["image_size"]))
        return Inputs(x, "file", files)
    if path.suffix != ".npz":
        raise RunError(f"this bundle takes {wanted['kind']} rows from a .npz file, but got {data}")
    x = _array(path, tuple(wanted["shape"]), wanted.get("array", "X"))
    return Inputs(x, "row", list(range(len(x))))


def _array(path: Path, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """Returns the array the study named, or the only one that holds rows of this shape."""
    from search.sources.npz import open_npz, take_array

    with open_npz(path) as arrays:
        if name not in arrays.files:
            found = {other: take_array(arrays, other, "x", path) for other in arrays.files}
            fitting = [other for other, values in found.items() if values.shape[1:] == shape]
            if len(fitting) == 1:
                return found[fitting[0]]
            held = ", ".join(f"{other} {values.shape}" for other, values in found.items()) or "nothing"
            raise RunError(
                f"the bundle takes the array {name}, or the only one of rows of shape {shape}, "
                f"but {path.name} holds {held}"
            )
        return take_array(arrays, name, "x", path)
