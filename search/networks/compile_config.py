"""What a saved model was compiled with, made anew of Keras' own losses and metrics."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.networks.existing_model import compile_config, compiled_loss

_ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
)


def loss_of(path: Path) -> Any:
    """Returns the loss of a saved model with one output, as Keras has it; None if it has none of Keras' own.

    Args:
        path: a `.keras` file; Keras is imported already.
    """
    import keras

    found = compiled_loss(path)
    given = _only(compile_config(path).get("loss"))
    if found is None or "(" in found.name:
        return None
    if isinstance(given, dict) and isinstance(given.get("config"), dict):
        return keras.losses.deserialize(_plain(given, "keras.losses"))
    return keras.losses.get(found.name)


def accuracy_of(path: Path) -> Any:
    """Returns the accuracy among the metrics of a saved model with one output; None if there is none."""
    import keras

    listed = [_only(compile_config(path).get(name)) for name in ("metrics", "weighted_metrics")]
    for given in listed:
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one, str) and one in _ACCURACIES:
                return one
            kind = one.get("class_name") if isinstance(one, dict) else None
            if kind in ("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"):
                return keras.metrics.deserialize(_plain(one, "keras.metrics"))
    return None


def value(loss: Any, y: NDArray[Any], outputs: NDArray[np.float32]) -> float:
    """Returns the mean of a loss over rows, of what `predict()` gives.

    Args:
        loss: see `loss_of`.
        y: labels `(n,)` or `(n, k)`.
        outputs: `(n, ...)`.
    """
    from keras import ops

    if y.ndim == outputs.ndim - 1 and outputs.shape[-1] == 1:
        y = y[..., None]
    rows = loss(ops.convert_to_tensor(y), ops.convert_to_tensor(outputs))
    return float(np.mean(ops.convert_to_numpy(rows)))


def _only(given: Any) -> Any:
    """What is given for the only output, in a list or by its name."""
    if isinstance(given, dict) and "class_name" not in given and len(given) == 1:
        [given] = given.values()
    while isinstance(given, list) and len(given) == 1:
        [given] = given
    return given


def _plain(given: Any, module: str) -> dict[str, Any]:
    """An object of Keras' own with its plain settings; others would be objects that the file names."""
    settings = given.get("config")
    kept = {
        name: value
        for name, value in (settings if isinstance(settings, dict) else {}).items()
        if value is None or isinstance(value, bool | int | float | str)
    }
    return {
        "module": module,
        "class_name": str(given.get("class_name")),
        "config": kept,
        "registered_name": None,
    }
