"""Loads a Keras model that somebody else trained, in safe mode, and reads what it was compiled with."""

import json
import math
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from search.data.rows import blocks
from search.data.shards import Inputs
from search.networks.custom import check_config
from spaces.errors import RunError, one_line
from spaces.trained_heads import WrittenLoss

Takes = Literal["logits", "output", "difference"]
"""What a raw score is made of: logits, the only or the second output, or the second less the first."""
_FROM_LOGITS = ("crossentropy", "bce", "cce")
"""Parts of the names of Keras' losses that know `from_logits`, in lower case without underscores."""


def load(path: Path) -> Any:
    """Loads a model from a `.keras` file in safe mode, in which no code of the file is run.

    It is not compiled: losses and metrics of one's own need not be at hand.

    Raises:
        RunError: it is no such file, needs code of its own, or does not load; and what to do.
    """
    import keras

    config = _config(path)
    check_config({key: value for key, value in config.items() if key != "compile_config"}, path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = one_line(error, 300, named=True)
        raise RunError(
            f"a model must load in Keras' safe mode, without code of its own, but {path} gave {reason}; save "
            "it anew with model.save, made of layers of keras.layers and of keras.ops on the tensors"
        ) from error


def check_file(path: Path) -> None:
    """Refuses what is no `.keras` file, by its name and form alone, and says how it becomes one.

    Raises:
        RunError: it is not there, or of another format.
    """
    if not path.exists():
        raise RunError(f"a model is a .keras file, but {path} is not there")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            raise RunError(
                f"a model is a .keras file, but {path} is a SavedModel, a graph without layers; save the "
                "model it was exported from with model.save('model.keras')"
            )
        raise RunError(f"a model is a .keras file, but {path} is a folder")
    if path.name.lower().endswith((".weights.h5", ".weights.json")):
        raise RunError(
            f"a model is a .keras file, but {path} holds weights alone; build the model, load them with "
            "model.load_weights, and save it with model.save('model.keras')"
        )
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise RunError(
            f"a model is a .keras file, but {path} is HDF5, which is not loaded here since a file of that "
            "form may run code; where you trust it, convert it: "
            f"keras.saving.load_model('{path.name}').save('{path.stem}.keras')"
        )
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise RunError(f"a model is a .keras file, as model.save('model.keras') writes it, but got {path}")


def _config(path: Path) -> dict[str, Any]:
    check_file(path)
    try:
        with zipfile.ZipFile(path) as opened:
            config = json.loads(opened.read("config.json"))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, RuntimeError) as error:
        reason = one_line(error, 200)
        raise RunError(f"a .keras file must hold a config.json, but {path} gave: {reason}") from None
    if not isinstance(config, dict):
        raise RunError(f"a .keras file must hold the config of a model, but that of {path} is another")
    return config


def compile_config(path: Path) -> dict[str, Any]:
    """Returns what a saved model says that it was compiled with; empty if it was not."""
    compiled = _config(path).get("compile_config")
    return compiled if isinstance(compiled, dict) else {}


def compiled_loss(path: Path) -> WrittenLoss | None:
    """Returns the loss that a saved model was compiled with; None if it was not, or with several."""
    loss = compile_config(path).get("loss")
    while isinstance(loss, list) and len(loss) == 1:
        loss = loss[0]
    if isinstance(loss, dict) and "class_name" not in loss and len(loss) == 1:
        [loss] = loss.values()  # by the name of the output
    if isinstance(loss, str):
        return _named(loss)
    if not isinstance(loss, dict) or "class_name" not in loss:
        return None
    kind, settings = str(loss["class_name"]), loss.get("config")
    if isinstance(settings, str):  # a function, of which the name is kept
        return _named(settings)
    if not str(loss.get("module") or "keras").startswith("keras") or ">" in str(loss.get("registered_name")):
        return WrittenLoss(name=f"{kind} (of its own)")
    found = _named(kind)
    said = settings.get("from_logits") if isinstance(settings, dict) else None
    return WrittenLoss(name=found.name, from_logits=said if isinstance(said, bool) else found.from_logits)


def _named(name: str) -> WrittenLoss:
    """A loss of Keras' by its name, with what it takes unless told."""
    import keras

    try:
        keras.losses.get(name)
    except ValueError:
        return WrittenLoss(name=f"{name} (of its own)")
    plain = name.lower().replace("_", "")
    takes = any(part in plain for part in _FROM_LOGITS)
    return WrittenLoss(name=name, from_logits=False if takes else None)


def check_rows(model: Any, x: Inputs, name: str) -> None:
    """Refuses rows of another shape or type than a model takes.

    Args:
        model: with one input.
        x: rows `(n, ...)`.
        name: of the array, for messages.

    Raises:
        RunError: naming both shapes or types.
    """
    takes, dtype = tuple(model.inputs[0].shape[1:]), str(model.inputs[0].dtype)
    shape = x.shape[1:]
    fits = len(takes) == len(shape) and all(a in (None, b) for a, b in zip(takes, shape, strict=True))
    if not fits:
        told = str(takes).replace("None", "any")
        flat = len(shape) == 1 and len(takes) == 2 and None not in takes and math.prod(takes) == shape[0]
        hint = f"; columns are its steps and channels by data.shape=[{takes[0]},{takes[1]}]" if flat else ""
        raise RunError(f"the model takes rows of shape {told}, but those of {name} have {shape}{hint}")
    if dtype in ("string", "bool"):
        raise RunError(f"a model must take numbers to be judged, but this one takes {dtype}")
    if "int" in dtype and not all(np.array_equal(x[part], np.rint(x[part])) for part in blocks(x)):
        raise RunError(f"the model takes whole numbers ({dtype}), but {name} holds others")
