"""Builds the deciding model (score, probability, label) and exports it to SavedModel and ONNX."""

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
from search.networks.backend import standard_error_held
from search.networks.existing import Takes
from search.networks.last_layer import LastLayer
from search.networks.readers import Exported, keep_readable
from search.record import Record
from spaces.errors import RunError, one_line
from spaces.heads import HEADS

LARGEST = float(np.finfo(np.float32).max)
"""Stands for infinity in a graph, for no finite score is above it."""
OUTPUTS = frozenset({"score", "probability", "label"})
"""The outputs of a deciding model."""


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
        `label` (int32, 1 is positive), each `(batch,)`. A row that holds NaN or infinity gives NaN and the
        label -1: the activations of runtimes differ in what they make of NaN.

    Raises:
        RunError: the record has no configuration or no threshold, or the weights are of another network.
    """
    config = record.ask.config
    if config is None or record.threshold_score is None or record.calibration_a is None:
        raise RunError(f"trial {record.ask.trial_id} is no trained model: {record.state}, {record.ask.kind}")
    trained = network.build(config, shape, dtype, pretrained=False)
    expected, came = [w.shape for w in trained.get_weights()], [w.shape for w in weights]
    if expected != came:
        raise RunError(f"the weights of trial {record.ask.trial_id} are another network's: {came[:3]}...")
    trained.set_weights(weights)
    raw = config.made_head.decode(trained.output)
    calibration = (record.calibration_a, record.calibration_b or 0.0)
    return _decider(trained.input, raw, calibration, record.threshold_score)


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
    return _decider(x, raw, calibration, threshold_score, known=ops.less_equal(ops.abs(raw), LARGEST))


def _decider(
    inputs: Any, raw: Any, calibration: tuple[float, float], threshold_score: float, known: Any = None
) -> Any:
    """Puts calibration and threshold behind a raw score.

    Args:
        inputs, raw: the rows, and their raw scores `(batch,)`.
        calibration, threshold_score: of the decision.
        known: which rows have a score, `(batch,)`; None where only their inputs tell.
    """
    score = raw * calibration[0] + calibration[1]
    threshold = float(np.clip(threshold_score, -LARGEST, LARGEST))
    label = ops.cast(ops.greater_equal(score, threshold), "int32")
    if str(inputs.dtype).startswith("float"):
        finite = ops.less_equal(ops.abs(inputs), LARGEST)  # false of NaN too
        finite = ops.all(finite, axis=tuple(range(1, len(inputs.shape))))
        known = finite if known is None else ops.logical_and(finite, known)
    if known is not None:
        score, label = ops.where(known, score, float("nan")), ops.where(known, label, -1)
    outputs = {"score": score, "probability": ops.sigmoid(score), "label": label}
    return keras.Model(inputs, outputs, name="decider")


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
    if returns != OUTPUTS:
        raise RunError(f"the model of a bundle returns {', '.join(sorted(OUTPUTS))}, but {path} does not")
    return model


PROBABILITY_TOLERANCE = 1e-5
"""Largest difference allowed between the probabilities of an export and of the Keras model."""
SCORE_MARGIN = 1e-5
"""Labels must be equal where the score is farther than this from the threshold, relative to 1 + |score|."""
MOST_ROWS = 4096
"""At most so many rows are compared, evenly spaced."""
ROWS_AT_ONCE = 512

Outputs = dict[str, NDArray[Any]]
Run = Callable[[NDArray[Any]], Outputs]


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
    threshold_score: float,
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
        threshold_score: of its decision.
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
            found.append(_exported(one, model, path, x, taken, expected, threshold_score))
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
    threshold_score: float,
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
    difference = check_agreement(to.name, came, expected, threshold_score)
    first = {name: values[:1] for name, values in expected.items()}
    check_agreement(to.name, one, first, threshold_score)
    check_unfinite(to.name, run, x)
    return Exported(name=to.name, compared_rows=len(taken), probability_difference=difference)


def check_agreement(name: str, came: Outputs, expected: Outputs, threshold_score: float) -> float:
    """Checks that an export decides as its model does.

    Args:
        name: of the export.
        came, expected: `score`, `probability` and `label`, `(n,)` each, of the export and of the model.
        threshold_score: of the decision.

    Returns:
        The largest difference of a probability.

    Raises:
        RunError: a probability differs, or the label of a score that is not at the threshold.
    """
    shapes = [{key: values.shape for key, values in outputs.items()} for outputs in (came, expected)]
    if shapes[0] != shapes[1]:
        raise RunError(f"{name} must return {shapes[1]}, but it returns {shapes[0]}", exit_code=1)
    difference = float(np.max(np.abs(came["probability"].astype(np.float64) - expected["probability"])))
    if not difference <= PROBABILITY_TOLERANCE:
        raise RunError(
            f"{name} must give the probabilities of model.keras to {PROBABILITY_TOLERANCE:g}, "
            f"but they differ by up to {difference:.3g}",
            exit_code=1,
        )
    score = expected["score"].astype(np.float64)
    sure = np.abs(score - np.float64(threshold_score)) > SCORE_MARGIN * (1 + np.abs(score))
    wrong = int(np.sum((came["label"] != expected["label"])[sure]))
    if wrong:
        raise RunError(
            f"{name} must decide as model.keras does, but {wrong} of {sure.sum()} labels are others",
            exit_code=1,
        )
    return difference


def check_unfinite(name: str, run: Run, x: Inputs) -> None:
    """Checks that a model decides nothing on rows that hold NaN or infinity, and still decides on others.

    Args:
        name: of the model.
        run: from rows to outputs.
        x: rows `(n, ...)`, n >= 1, of which the first is tried with such values in it.

    Raises:
        RunError: a probability is not NaN, or a label is not -1.
    """
    if x.dtype.kind != "f":
        return
    rows = np.repeat(x[:1], 5, axis=0)
    values = rows.reshape(5, -1)
    values[0, 0], values[1], values[2, -1], values[3, 0] = np.nan, np.nan, np.inf, -np.inf
    outputs = run(values.reshape(rows.shape))
    undecided = np.isnan(outputs["probability"]) & (outputs["label"] == -1)
    if undecided.tolist() != [True] * 4 + [False]:
        raise RunError(
            f"{name} must give NaN and the label -1 for rows that hold NaN or infinity and for no others, "
            f"but of four such rows and a finite one it gives {outputs['probability'].tolist()} "
            f"and the labels {outputs['label'].tolist()}",
            exit_code=1,
        )


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
