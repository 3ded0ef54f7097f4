"""Says which versions read the forms of a bundle, and keeps the Keras file readable by older ones."""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spaces.space import TRUNK_NAMES

LIBRARIES = {
    "model.keras": "keras",
    "saved_model": "tensorflow",
    "model.onnx": "onnxruntime",
    "model.tflite": "ai-edge-litert",
}
"""The library that reads each form."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What `make versions` found: the oldest version of a library, of those tried, that reads a form.

    Args:
        on: the day.
        written_by: the libraries that wrote the files; others may write what is read otherwise.
        least: of each form, the oldest version that gave the scores of the model, for every trunk of ours.
    """

    on: str
    written_by: Mapping[str, str]
    least: Mapping[str, str]


MEASURED = Measured(
    on="2026-11-28",
    written_by={"keras": "3.15.1", "tensorflow": "2.21.0", "tf2onnx": "1.17.0"},
    least={"model.keras": "3.4.0", "saved_model": "2.12.1", "model.onnx": "1.15.0", "model.tflite": "1.1.2"},
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The result of exporting to one form.

    Args:
        name: of the file or folder.
        compared_rows: rows on which it was compared with the Keras model; 0 where its reader is missing.
        probability_difference: the largest difference of a probability on these rows.
        left_out: why the bundle does not hold it; None where it does.
        forced: it failed, and was left out by force.
    """

    name: str
    compared_rows: int = 0
    probability_difference: float | None = None
    left_out: str | None = None
    forced: bool = False


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What reads one form of a bundle.

    Args:
        name: of the file or folder.
        library: that reads it.
        least: its oldest version that is known to; None if it is not installed here, so that none is known.
        measured_on: the day on which older versions were tried; None if `least` is merely the version here.
        opset, ir_version: of an ONNX file: its operators and its format, by which other runtimes are chosen.
    """

    name: str
    library: str
    least: str | None
    measured_on: str | None
    opset: int | None = None
    ir_version: int | None = None


def readers(folder: Path, trunk: str) -> list[Reader]:
    """Returns what reads the forms that a bundle's folder holds.

    Args:
        folder: with `model.keras` and the exports.
        trunk: of the network: those of ours were measured, and not what a function of the user's own builds.
    """
    ours = {name: _installed(name) for name in MEASURED.written_by} == MEASURED.written_by
    known = ours and trunk in TRUNK_NAMES
    found = []
    for name, library in LIBRARIES.items():
        if (folder / name).exists():
            opset, ir_version = _of_onnx(folder / name) if name == "model.onnx" else (None, None)
            found.append(
                Reader(
                    name=name,
                    library=library,
                    least=MEASURED.least[name] if known else _installed(library),
                    measured_on=MEASURED.on if known else None,
                    opset=opset,
                    ir_version=ir_version,
                )
            )
    return found


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _of_onnx(path: Path) -> tuple[int, int]:
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    (opset,) = (one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    return opset, model.ir_version


UNUSED: Mapping[str, Any] = {
    "quantization_config": None,
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
"""Settings of layers and initializers that Keras has had since 3.11 and writes also where they say nothing.

Older versions refuse a layer with a setting that they do not know.
"""
OPERATIONS = "keras.src.ops."
"""Where the operations of `keras.ops` lie, to many of which Keras before 3.11 gives no name."""


def keep_readable(path: Path) -> None:
    """Takes what says nothing out of a `.keras` file, so that older Keras reads it too.

    Args:
        path: the file, which is replaced.
    """
    new = path.with_name(f"{path.name}.new")
    with zipfile.ZipFile(path) as read, zipfile.ZipFile(new, "w") as written:
        for entry in read.infolist():
            content = read.read(entry)
            if entry.filename == "config.json":
                content = json.dumps(_without_unused(json.loads(content))).encode()
            written.writestr(entry, content)
    os.replace(new, path)


def _without_unused(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_unused(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _without_unused(one) for key, one in value.items() if key not in UNUSED or one != UNUSED[key]
    }
    if str(kept.get("module")).startswith(OPERATIONS):
        kept["config"].pop("name", None)
    return kept
