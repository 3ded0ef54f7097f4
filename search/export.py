"""The deciding model: a trained network whose own graph says score, probability and label."""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from search import model as network
from search.record import Record
from spaces.errors import RunError
from spaces.heads import HEADS

LARGEST = float(np.finfo(np.float32).max)
"""Stands for infinity in a graph: no finite score is above it, and every one is above its negative."""


OUTPUTS = frozenset({"score", "probability", "label"})
"""What a deciding model returns."""


def deciding_model(
    record: Record, weights: list[NDArray[np.generic]], shape: tuple[int, ...], dtype: str
) -> Any:
    """Builds a trial's network with its decode, calibration and threshold inside the graph.

    The tail is made of `keras.ops` alone, so the saved model loads in safe mode without our code.

    Args:
        record: the trial.
        weights: its best weights.
        shape, dtype: of one input row.

    Returns:
        A `keras.Model` from `(batch, *shape)` to a dictionary of `score` and `probability` (float32) and
        `label` (int32, 1 is positive), each `(batch,)`.

    Raises:
        RunError: the record has no configuration or no threshold, or the weights are another network's.
    """
    config = record.ask.config
    if config is None or record.threshold_score is None or record.calibration_a is None:
        raise RunError(f"trial {record.ask.trial_id} is no trained model: {record.state}, {record.ask.kind}")
    trained = network.build(config, shape, dtype, pretrained=False)
    expected, came = [w.shape for w in trained.get_weights()], [w.shape for w in weights]
    if expected != came:
        raise RunError(f"the weights of trial {record.ask.trial_id} are another network's: {came[:3]}...")
    trained.set_weights(weights)
    raw = HEADS[config.head].decode(trained.output)
    score = raw * record.calibration_a + record.calibration_b
    threshold = float(np.clip(record.threshold_score, -LARGEST, LARGEST))
    outputs = {
        "score": score,
        "probability": ops.sigmoid(score),
        "label": ops.cast(ops.greater_equal(score, threshold), "int32"),
    }
    return keras.Model(trained.input, outputs, name="decider")


def save(model: Any, path: str) -> None:
    """Writes a model as a `.keras` file."""
    model.save(path)


def load(path: str, shape: tuple[int, ...], dtype: str) -> Any:
    """Loads a deciding model from a `.keras` file in safe mode: no code that the file brings along is run.

    Args:
        path: the file.
        shape, dtype: of one row that the model must take.

    Raises:
        RunError: it does not load, takes other rows, or decides nothing.
    """
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise RunError(f"{path} must load in Keras' safe mode, but that gave {reason}") from error
    try:
        takes = [(tuple(one.shape[1:]), str(one.dtype)) for one in model.inputs]
        returns = set(model.output) if isinstance(model.output, dict) else set()
    except (AttributeError, TypeError):  # no graph, and so no decision in it
        takes, returns = [(shape, dtype)], set()
    if takes != [(shape, dtype)]:
        told = " and ".join(f"{kind} rows of shape {row}" for row, kind in takes)
        raise RunError(
            f"the model of a bundle takes what its config.yaml says, {dtype} rows of shape {shape}, "
            f"but {path} takes {told}"
        )
    if returns != OUTPUTS:
        raise RunError(f"the model of a bundle returns {', '.join(sorted(OUTPUTS))}, but {path} does not")
    return model
