"""Builds the deciding model (score, probability, label) and exports it in every form of `FORMATS`."""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from search.data.shards import Inputs
from search.data.sources.scores import Scale
from search.networks import mlflow_form
from search.networks import model as network
from search.networks.agreement import Outputs, Run, check_agreement, check_unfinite
from search.networks.backend import standard_error_held
from search.networks.deciders import LARGEST, Decider, Margin, at_threshold, decider_of
from search.networks.existing_model import Takes
from search.networks.format_compatibility import Exported, keep_readable
from search.networks.last_layer import LastLayer
from search.record import Record
from spaces.errors import RunError, one_line
from spaces.heads import HEADS

OUTPUTS = frozenset({"score", "probability", "label"})
"""The outputs of a deciding model; that of a number has a score alone."""


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
        `label` (int32, 1 is positive), each `(batch,)`. Of K classes score and probability are `(batch, K)`,
        and the label is the class's place; of K labels all three are `(batch, K)`; of a number there is the
        score alone. A row that holds NaN or infinity gives NaN and the label -1: the activations of runtimes
        differ in what they make of NaN.

    Raises:
        RunError: the record has no configuration or was not measured, or the weights are another network's.
    """
    config = record.ask.config
    if config is None or record.state == "failed":
        raise RunError(f"trial {record.ask.trial_id} is no trained model: {record.state}, {record.ask.kind}")
    trained = network.build(config, shape, dtype, pretrained=False)
    expected, came = [w.shape for w in trained.get_weights()], [w.shape for w in weights]
    if expected != came:
        raise RunError(f"the weights of trial {record.ask.trial_id} are another network's: {came[:3]}...")
    trained.set_weights(weights)
    raw = config.made_head.decode(trained.output)
    return _decider(trained.input, raw, decider_of(record))


def judged_model(
    layer: LastLayer,
    takes: Takes,
    head: str | None,
    scale: Scale,
    calibration: tuple[float, float],
    threshold_score: float,
    shape: tuple[int, ...],
    dtype: str,
) -> Any:
    """Builds a model that was trained elsewhere, with its decode, calibration and threshold in the graph.

    Args:
        layer: its last layer, as it was read.
        takes: what the raw score is made of.
        head: whose decode makes it of logits; None where it is made of outputs.
        scale: how outputs become raw scores.
        calibration, threshold_score: of the decision.
        shape, dtype: of one input row.

    Returns:
        As `deciding_model`; a row for which the model gives no finite score has NaN and the label -1, too.
    """
    x = keras.Input(shape, dtype=dtype, name="x")
    wanted = str(layer.model.input.dtype)
    made = layer.model(x if wanted == dtype else ops.cast(x, wanted))
    outputs, logits = (
        ops.reshape(ops.cast(made[name], "float32"), (-1, layer.units)) for name in ("outputs", "logits")
    )
    raw = outputs[:, -1] if takes != "difference" else outputs[:, 1] - outputs[:, 0]
    if head is not None:
        raw = HEADS[head].decode(logits)
    if scale.probability:
        raw = ops.clip(ops.log(raw) - ops.log(1 - raw), scale.low, scale.high)
    decider = at_threshold(threshold_score, calibration)
    return _decider(x, raw, decider, known=ops.less_equal(ops.abs(raw), LARGEST))


def _decider(inputs: Any, raw: Any, decider: Decider, known: Any = None) -> Any:
    """Puts calibration and decision behind raw scores.

    Args:
        inputs, raw: the rows, and their raw scores `(batch, ...)`.
        decider: of the trial.
        known: which rows have a score, `(batch,)`; None where only their inputs tell.
    """
    score = decider.calibrate(raw)
    outputs = decider.says(score)
    if str(inputs.dtype).startswith("float"):
        finite = ops.less_equal(ops.abs(inputs), LARGEST)  # false of NaN too
        finite = ops.all(finite, axis=tuple(range(1, len(inputs.shape))))
        known = finite if known is None else ops.logical_and(finite, known)
    if known is not None:
        score = _where_known(known, score, float("nan"))
        unknown = {"probability": float("nan"), "label": -1}
        outputs = {name: _where_known(known, found, unknown[name]) for name, found in outputs.items()}
    return keras.Model(inputs, {"score": score, **outputs}, name="decider")


def _where_known(known: Any, values: Any, other: float) -> Any:
    rows = known if len(values.shape) == 1 else ops.expand_dims(known, 1)
    return ops.where(rows, values, other)


def save(model: Any, path: Path) -> None:
    """Writes a deciding model as a `.keras` file that older Keras reads too."""
    model.save(str(path))
    keep_readable(path)


def load(path: str, shape: tuple[int, ...], dtype: str) -> Any:
    """Loads a deciding model from a `.keras` file in safe mode, in which no code of the file is run.

    Args:
        path: the file.
        shape, dtype: of one row that the model must take.

    Raises:
        RunError: it does not load, takes other rows, or has other outputs.
    """
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = one_line(error, 300, named=True)
        raise RunError(f"{path} must load in Keras' safe mode, but that gave {reason}") from error
    try:
        takes = [(tuple(one.shape[1:]), str(one.dtype)) for one in model.inputs]
        returns = set(model.output) if isinstance(model.output, dict) else set()
    except (AttributeError, TypeError):  # it has no graph, and so no such outputs
        takes, returns = [(shape, dtype)], set()
    if takes != [(shape, dtype)]:
        told = " and ".join(f"{kind} rows of shape {row}" for row, kind in takes)
        raise RunError(
            f"the model of a bundle takes what its config.yaml says, {dtype} rows of shape {shape}, "
            f"but {path} takes {told}"
        )
    if returns not in (OUTPUTS, {"score"}):
        raise RunError(f"the model of a bundle returns {', '.join(sorted(OUTPUTS))}, but {path} does not")
    return model


MOST_ROWS = 4096
"""At most so many rows are compared, evenly spaced."""
ROWS_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that a deciding model is exported to.

    Args:
        name: of the file or folder in a bundle.
        write: writes a model to a path.
        reader: the library that reads it; where it is not installed, nothing is compared.
        read: reads a path and returns a function from rows to outputs.
        optional: not every network can be written in it, so a bundle may do without, and says why.
        only_with: the library without which nobody expects it.
    """

    name: str
    write: Callable[[Any, Path], None]
    reader: str
    read: Callable[[Path], Run]
    optional: bool = False
    only_with: str | None = None


def _write_saved_model(model: Any, path: Path) -> None:
    model.export(str(path), format="tf_saved_model", verbose=False)


def _read_saved_model(path: Path) -> Run:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # kept alive by the lambda, since it owns the weights
    return lambda x: {name: values.numpy() for name, values in loaded.serve(x).items()}


def _write_onnx(model: Any, path: Path) -> None:
    with warnings.catch_warnings():
        # tf2onnx still looks up a name that numpy 2 is about to give another meaning.
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        model.export(str(path), format="onnx", verbose=False)


def _read_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    (taken,) = (entry.name for entry in session.get_inputs())
    return lambda x: dict(zip(names, session.run(names, {taken: x}), strict=True))


def _write_litert(model: Any, path: Path) -> None:
    import tensorflow as tf

    # Only what every LiteRT runtime can do; Keras would also allow operations that need TensorFlow beside it.
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model.export(str(path), format="litert", verbose=False, target_spec=target)


def _read_litert(path: Path) -> Run:
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s+Warning: tf.lite.Interpreter is deprecated", UserWarning)
        run = tf.lite.Interpreter(str(path)).get_signature_runner()
    return standard_error_held()(lambda x: dict(run(x=x)))


FORMATS = (
    Format(name="saved_model", write=_write_saved_model, reader="tensorflow", read=_read_saved_model),
    Format(name="model.onnx", write=_write_onnx, reader="onnxruntime", read=_read_onnx),
    Format(name="model.tflite", write=_write_litert, reader="tensorflow", read=_read_litert, optional=True),
    Format(
        name="mlflow",
        write=mlflow_form.write,
        reader="mlflow",
        read=mlflow_form.read,
        optional=True,
        only_with="mlflow",
    ),
)
"""The formats of a bundle beside Keras' own; that of MLflow is made of model.onnx, which comes before it."""


def export(
    model: Any,
    folder: Path,
    x: Inputs,
    said: Outputs,
    margin: Margin,
    *,
    force: bool = False,
    formats: tuple[Format, ...] = FORMATS,
) -> list[Exported]:
    """Writes a deciding model in every format, reads each back, and compares it with the model.

    Args:
        model: from `deciding_model`; it has been called.
        folder: where the files go.
        x: rows `(n, ...)`, n >= 1, on which they must agree.
        said: the model's outputs for these rows.
        margin: of its decisions.
        force: leaves out a format that fails, instead of refusing.
        formats: which.

    Raises:
        RunError: a format that is not optional cannot be written or read, or gives other outputs.
    """
    formats = tuple(one for one in formats if one.only_with is None or find_spec(one.only_with))
    backend = keras.config.backend()
    if backend != "tensorflow":
        why = f"the Keras backend here is {backend}, and only TensorFlow's networks are exported"
        return [Exported(name=one.name, left_out=why) for one in formats]
    check_unfinite("model.keras", model.predict_on_batch, x)
    taken = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_ROWS)).astype(np.int64))
    expected = {name: values[taken] for name, values in said.items()}
    found = []
    for one in formats:
        path = folder / one.name
        try:
            found.append(_exported(one, model, path, x, taken, expected, margin))
        except RunError as error:
            if not (force or one.optional):
                raise RunError(f"{error}; --force leaves it out", exit_code=1) from error
            _delete(path)
            found.append(Exported(name=one.name, left_out=str(error), forced=not one.optional))
    return found


def _exported(
    to: Format,
    model: Any,
    path: Path,
    x: Inputs,
    taken: NDArray[np.int64],
    expected: Outputs,
    margin: Margin,
) -> Exported:
    try:
        to.write(model, path)
        if find_spec(to.reader) is None:
            return Exported(name=to.name)
        run = to.read(path)
        parts = [run(x[rows]) for rows in np.split(taken, range(ROWS_AT_ONCE, len(taken), ROWS_AT_ONCE))]
        one = run(x[taken[:1]])  # a caller may send any number of rows, so one row is tried too
    except Exception as error:
        # With force the reason stands on the card, where no path of this machine may stand.
        said = f"{type(error).__name__}: {error}".replace(str(path), to.name)
        reason = " ".join(said.split())[:300]
        raise RunError(
            f"{to.name} must be written and read back, but that gave {reason}",
            exit_code=1,
        ) from error
    came = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    difference = check_agreement(to.name, came, expected, margin)
    first = {name: values[:1] for name, values in expected.items()}
    check_agreement(to.name, one, first, margin)
    check_unfinite(to.name, run, x)
    return Exported(name=to.name, compared_rows=len(taken), probability_difference=difference)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
