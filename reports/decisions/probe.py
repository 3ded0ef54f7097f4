"""Runs a model that exists on rows, and measures whether what it was trained on is what it puts out."""

import json
import tempfile
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.decisions import decode_comparison
from search.networks import existing_model
from search.networks.isolation import run_in_subprocess
from spaces.errors import RunError, one_line
from spaces.heads import HEADS
from spaces.trained_heads import WrittenLoss, decoding

F32 = NDArray[np.float32]
MOST_ROWS = 5000
"""Rows that are asked, spread evenly: more change no answer."""
LEAST_ROWS = 20
"""Rows that a loss is compared on."""
TOLERANCE = 1e-3
"""Of losses, relative and absolute; of the sums of rows."""
_MARGIN = 1e-4
"""Probabilities nearer to 0 or 1 are not compared: Keras' losses cut them off, or compute from logits."""
_EXCLUSIVE = ("categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy")


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What a model does on rows.

    Args:
        rows: how many were asked.
        constant: the output that all of them get; None if they differ.
        off: how far the sums of rows are from one at most; None where columns are not said to be exclusive.
        loss: its name, where it was evaluated.
        evaluated: what `evaluate()` gives, without penalties on weights.
        recomputed: the same loss of what `predict()` gives.
        accuracy: what Keras reports.
        right: the accuracy of the decode that belongs to the model.
        decode: that decode, in words.
        told: what decodes and thresholds make of the outputs, in words.
        unknown: what could not be measured, and why.
    """

    rows: int
    constant: tuple[float, ...] | None = None
    off: float | None = None
    loss: str | None = None
    evaluated: float | None = None
    recomputed: float | None = None
    accuracy: float | None = None
    right: float | None = None
    decode: str | None = None
    told: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def arrays_of(path: Path, labels: str | None) -> tuple[str, str | None]:
    """Returns the names of the inputs and of the labels among arrays; no labels if there are none.

    Args:
        path: an `.npz` file.
        labels: what the labels are called; None for `y`, if that is there.

    Raises:
        RunError: it is no such file, or it holds no such arrays.
    """
    if path.suffix.lower() != ".npz":
        raise RunError(f"--data takes rows as arrays (.npz), but got {path}")
    try:
        with np.load(path, allow_pickle=False) as held:
            names = list(held.files)
    except (OSError, ValueError) as error:
        raise RunError(
            f"--data takes rows as arrays (.npz), but {path} gave: {one_line(error, 200)}"
        ) from None
    y = labels if labels is not None else "y" if "y" in names else None
    if y is not None and y not in names:
        raise RunError(f"--labels must name an array of {path.name} ({', '.join(names)}), but got {y!r}")
    others = [name for name in names if name != y]
    for x in ("X", "x", *(others if len(others) == 1 else ())):
        if x in others:
            return x, y
    raise RunError(f"the inputs must be an array X of {path.name}, but it holds {', '.join(names) or 'none'}")


def read(path: Path, name: str) -> NDArray[Any]:
    """Returns an array of at most `MOST_ROWS` rows, spread evenly over those of a file.

    Raises:
        RunError: it cannot be read, or has no rows.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            found: NDArray[Any] = held[name]
    except (OSError, ValueError) as error:
        raise RunError(
            f"array {name} of {path} must hold numbers or text, but gave: {one_line(error, 200)}"
        ) from None
    if not found.ndim or not len(found):
        raise RunError(f"array {name} of {path} must hold rows, but it holds none")
    return found if len(found) <= MOST_ROWS else found[np.linspace(0, len(found) - 1, MOST_ROWS).astype(int)]


def probe(model: Path, data: Path, x: str, y: str | None) -> Probed:
    """Measures a model in a process of its own, loaded in safe mode.

    Args:
        model: a `.keras` file.
        data: an `.npz` file.
        x, y: names of its inputs and labels.

    Raises:
        RunError: the model does not load, or does not fit the rows.
    """
    existing_model.check_file(model)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "probed.json")
        run_in_subprocess(_work, model, data, x, y, out)
        told = json.loads(out.read_text(encoding="utf-8"))
    lists = {name: tuple(told[name]) for name in ("told", "unknown")}
    constant = None if told["constant"] is None else tuple(told["constant"])
    return Probed(**{**told, **lists, "constant": constant})


def _work(model: Path, data: Path, x: str, y: str | None, out: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Keras warns of is told in our own words
        found = _probed(model, read(data, x), None if y is None else read(data, y), x)
    out.write_text(json.dumps(asdict(found)), encoding="utf-8")


def _probed(path: Path, x: NDArray[Any], y: NDArray[Any] | None, name: str) -> Probed:
    from search.networks import compile_config, last_layer
    from search.training.feeding import predict

    model = existing_model.load(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return Probed(rows=len(x), unknown=("a model of several inputs or outputs is not run",))
    existing_model.check_rows(model, x, name)
    if y is not None and len(y) != len(x):
        raise RunError(f"labels must be as many as rows, but there are {len(y)} of {len(x)}")
    outputs = np.asarray(predict(model, x), np.float32)
    if not np.isfinite(outputs).all():
        return Probed(rows=len(x), unknown=("the outputs hold NaN or infinity",))
    told, unknown = dict[str, Any](), list[str]()
    flat = outputs.reshape(len(x), -1).astype(np.float64)
    scale = max(1.0, float(np.abs(flat).max()))
    if len(x) > 1 and float(np.ptp(flat, axis=0).max()) <= 1e-6 * scale:
        told["constant"] = tuple(flat[0, :4].tolist())
    written = existing_model.compiled_loss(path)
    if written is None:
        unknown.append("it was compiled with no loss, or with several: no loss is compared")
    elif _is_exclusive(written) and outputs.ndim == 2 and outputs.shape[1] > 1:
        told["off"] = float(np.abs(flat.sum(axis=1) - 1).max())
    if y is None:
        unknown.append("no labels were given: neither loss nor accuracy is compared")
    elif y.dtype.kind not in "biuf":
        unknown.append("the labels are words: neither loss nor accuracy is compared")
    else:
        loss, accuracy = compile_config.loss_of(path), compile_config.accuracy_of(path)
        try:
            told |= _compared(model, loss, accuracy, x, y, outputs, written, constant="constant" in told)
        except Exception as error:  # what a backend raises is not promised
            unknown.append(f"Keras did not evaluate it on these labels: {one_line(error, 200)}")
        try:
            told |= _decoded(last_layer.read(model, path.name), x, y, outputs, written)
        except RunError:  # of other than one or two units
            told |= _of_columns(outputs, y, written)
    return Probed(rows=len(x), unknown=tuple(unknown), **told)


def _is_exclusive(loss: WrittenLoss) -> bool:
    plain = loss.name.lower().replace("_", "")
    return not loss.from_logits and plain in {name.replace("_", "") for name in _EXCLUSIVE}


def _compared(
    model: Any,
    loss: Any,
    accuracy: Any,
    x: NDArray[Any],
    y: NDArray[Any],
    outputs: F32,
    written: WrittenLoss | None,
    *,
    constant: bool,
) -> dict[str, Any]:
    """The loss of `evaluate()` and that of `predict()`'s outputs, on the same rows; and Keras' accuracy."""
    from search.networks import compile_config

    if loss is None:
        return {}
    model.compile(optimizer="sgd", loss=loss, metrics=[] if accuracy is None else [accuracy])
    found = dict[str, Any]()
    size = min(len(x), 512)
    if accuracy is not None:
        reported = model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True)
        found["accuracy"] = float(next(value for key, value in reported.items() if key != "loss"))
    kept = np.arange(len(x)) if constant else np.flatnonzero(_unsaturated(outputs, written))
    if len(kept) >= min(LEAST_ROWS, len(x)):
        said = model.evaluate(x[kept], y[kept], batch_size=size, verbose=0, return_dict=True)
        penalties = sum(float(one) for one in model.losses)
        found["evaluated"] = float(said["loss"]) - penalties
        found["recomputed"] = compile_config.value(loss, y[kept], outputs[kept])
        found["loss"] = None if written is None else written.name
    return found


def _unsaturated(outputs: F32, written: WrittenLoss | None) -> NDArray[np.bool_]:
    """Which rows have outputs whose logarithm a float32 holds, where a loss takes it."""
    flat = outputs.reshape(len(outputs), -1)
    if written is None or written.from_logits is not False:
        return np.ones(len(flat), dtype=bool)
    return np.asarray(((flat >= _MARGIN) & (flat <= 1 - _MARGIN)).all(axis=1))


def _decoded(
    layer: Any, x: NDArray[Any], y: NDArray[Any], outputs: F32, written: WrittenLoss | None
) -> dict[str, Any]:
    """What the decode of one or two units is worth, and the usual wrong ones."""
    from search.scores import metrics, thresholds
    from search.training.feeding import predict
    from spaces.policies import MaxF1

    positive = _positive(y)
    if positive is None:
        return {}
    found = decoding(layer.units, layer.activation, written, None, layer.below)
    logits = np.asarray(predict(layer.model, x)["logits"], np.float32).reshape(len(x), layer.units)
    flat = outputs.reshape(len(x), layer.units)
    raw = flat[:, -1] if found.head is None else HEADS[found.head].score(np.ascontiguousarray(logits))
    raw = np.ascontiguousarray(raw, np.float32)
    if raw.min() == raw.max() or not np.isfinite(raw).all():
        return {}
    own = decode_comparison.own(found, raw, positive)
    told = [*own, *(f"wrong: {one}" for one in decode_comparison.wrong(found, flat, raw, positive))]
    choice = thresholds.choose(thresholds.curve(positive, raw), MaxF1())
    counts = metrics.counts_at(positive, raw, choice.threshold_score)
    told.append(
        f"at the score {choice.threshold_score:.4g}, which has the best F1 on these rows: F1 "
        f"{float(metrics.f1(counts)):.3f}, accuracy {float(metrics.accuracy(counts)):.3f} (chosen on the "
        "rows it is measured on; `judge` chooses it honestly)"
    )
    if found.center is None:
        return {"told": tuple(told)}
    right = float(np.mean((raw >= np.float32(found.center)) == (positive == 1)))
    return {
        "told": tuple(told),
        "right": right,
        "decode": own[0].partition(":")[0].removeprefix("decoded by "),
    }


def _positive(y: NDArray[Any]) -> NDArray[np.int8] | None:
    """Labels of two classes as 0 and 1, from one column or two one-hot ones; None where they are others."""
    if y.ndim == 2 and y.shape[1] == 2 and set(np.unique(y)) <= {0, 1} and (y.sum(axis=1) == 1).all():
        y = y[:, 1]
    flat = y.reshape(len(y), -1)
    values = set(np.unique(flat).tolist())
    if flat.shape[1] != 1 or values not in ({0, 1}, {-1, 1}):
        return None
    return (flat[:, 0] > 0).astype(np.int8)


def _of_columns(outputs: F32, y: NDArray[Any], written: WrittenLoss | None) -> dict[str, Any]:
    """The accuracy of K columns: of the largest, or of each where rows have several labels."""
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return {}
    if y.shape == outputs.shape and set(np.unique(y).tolist()) <= {0, 1}:
        if (y.sum(axis=1) == 1).all():
            right = float(np.mean(outputs.argmax(axis=1) == y.argmax(axis=1)))
            return {"right": right, "decode": "the largest column"}
        cut = 0.0 if written is not None and written.from_logits else 0.5
        right = float(np.mean((outputs >= cut) == (y == 1)))
        return {"right": right, "decode": f"each column at {cut:g} (counted label by label)"}
    classes = y.reshape(len(y), -1)
    if classes.shape[1] != 1 or not np.array_equal(classes, np.rint(classes)):
        return {}
    return {"right": float(np.mean(outputs.argmax(axis=1) == classes[:, 0])), "decode": "the largest column"}
