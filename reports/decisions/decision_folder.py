"""The decision as a folder: from a score to a probability and a label, as YAML, Python and ONNX."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from reports.bundles.markdown import escaped
from search.data.rows import Labels
from search.data.sources.scores import Scale
from search.files import is_new_or_empty, make_folder, write_atomically
from search.scores.calibration import Calibration
from search.scores.metrics import sigmoid
from spaces.errors import RunError

FORMAT = 1
OPSET = 13
"""The ONNX operators used are all in it; onnxruntime 1.6 and later read it."""
UNKNOWN = -1
"""The label of a score that is NaN, or no probability where probabilities are taken."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A decision on a score.

    Args:
        column: what the score was called.
        scale: how the score becomes a raw score.
        calibration: how that becomes the calibrated score.
        calibrated: whether sigmoid of it may be called a probability.
        threshold_score: the decision is `calibrated score >= threshold_score`, in float32.
        labels: the values behind 0 and 1.
        told: what else is known: policy, value, metrics, digests; `takes`, where the score is no column that
            somebody has, says what it is.
    """

    column: str
    scale: Scale
    calibration: Calibration
    calibrated: bool
    threshold_score: float
    labels: Labels
    told: Mapping[str, Any]

    def apply(self, score: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """Returns probabilities and labels of scores.

        Args:
            score: as the column held them, `(n,)`.

        Returns:
            Probabilities `(n,)` float64, and labels `(n,)` int8: 1 positive, 0 negative, and UNKNOWN, with a
            probability of NaN, where the score is NaN or, of probabilities, outside [0, 1].
        """
        raw = self.scale.unchecked(np.asarray(score, np.float64))
        found = np.float32(self.calibration.a) * raw + np.float32(self.calibration.b)
        label = np.where(np.isnan(found), UNKNOWN, found >= np.float32(self.threshold_score))
        return np.asarray(sigmoid(found), np.float64), label.astype(np.int8)


@dataclass(frozen=True, kw_only=True)
class _File(Decision):
    """A decision as `decision.yaml` holds it."""

    format: int
    threshold: float
    sha256: dict[str, str]


_FILE = TypeAdapter(_File)


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema of `decision.yaml`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_FILE.json_schema()}


def write(decision: Decision, folder: Path, checked: NDArray[Any]) -> None:
    """Writes a decision: `decision.yaml`, `decision.py`, `decision.onnx` and `README.md`.

    Args:
        decision: the decision.
        folder: new or empty.
        checked: scores `(n,)` on which the three must say the same.

    Raises:
        RunError: the folder is taken; or, with exit code 1, the graph or the function differ from `apply`.
    """
    check_place(folder)
    graph, source = as_onnx(decision), as_python(decision)
    _check(decision, graph, source, checked)
    content = {"decision.py": source.encode(), "decision.onnx": graph, "README.md": _card(decision).encode()}
    make_folder(folder)
    for name, file in content.items():
        write_atomically(folder / name, file)
    whole = {
        "format": FORMAT,
        **{name: value for name, value in asdict(decision).items() if name != "told"},
        "threshold": float(sigmoid(decision.threshold_score)),
        "told": dict(decision.told),
        "sha256": {name: hashlib.sha256(file).hexdigest() for name, file in content.items()},
    }
    write_atomically(folder / "decision.yaml", yaml.safe_dump(whole, sort_keys=False).encode())


def check_place(folder: Path) -> None:
    """Refuses a folder that holds anything.

    Raises:
        RunError: it is taken.
    """
    if not is_new_or_empty(folder):
        raise RunError(f"a decision is written to a new or empty folder, but {folder} is taken (--to)")


def read(folder: Path | str) -> Decision:
    """Reads a decision back.

    Raises:
        RunError: there is none, it does not parse, or a file beside it has changed.
    """
    path = Path(folder) / "decision.yaml"
    try:
        found = _FILE.validate_python(yaml.safe_load(path.read_bytes()))
    except OSError:
        raise RunError(f"a decision is a folder with a decision.yaml, but {folder} has none") from None
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError):
        raise RunError(f"a decision must read back, but {path} does not; decide again") from None
    for name, digest in found.sha256.items():
        file = path.parent / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            raise RunError(f"the files of a decision belong together, but {file} is not the one written")
    return Decision(**{field.name: getattr(found, field.name) for field in fields(Decision)})


def as_onnx(decision: Decision) -> bytes:
    """Returns the decision as an ONNX graph.

    Its input is `score`, double `(n,)`, as the column held it; its outputs are `probability`, double, and
    `label`, int64: as `Decision.apply` returns them.
    """
    from onnx import TensorProto, checker, helper

    double, single = TensorProto.DOUBLE, TensorProto.FLOAT
    numbers: dict[str, tuple[int, float]] = {
        "a": (single, decision.calibration.a),
        "b": (single, decision.calibration.b),
        "threshold_score": (single, decision.threshold_score),
        "one": (double, 1.0),
    }
    nodes, raw = [], "score"
    if decision.scale.probability:
        numbers |= {
            "low": (double, float(decision.scale.low or 0)),
            "high": (double, float(decision.scale.high or 0)),
        }
        nodes += [
            helper.make_node("Log", ["score"], ["log_p"]),
            helper.make_node("Sub", ["one", "score"], ["not_p"]),
            helper.make_node("Log", ["not_p"], ["log_not_p"]),
            helper.make_node("Sub", ["log_p", "log_not_p"], ["log_odds"]),
            helper.make_node("Max", ["log_odds", "low"], ["above"]),
            helper.make_node("Min", ["above", "high"], ["between"]),
        ]
        raw = "between"
    nodes += [
        helper.make_node("Cast", [raw], ["raw"], to=single),
        helper.make_node("Mul", ["raw", "a"], ["scaled"]),
        helper.make_node("Add", ["scaled", "b"], ["calibrated"]),
        helper.make_node("GreaterOrEqual", ["calibrated", "threshold_score"], ["positive"]),
        helper.make_node("IsNaN", ["calibrated"], ["is_nan"]),
        helper.make_node("Cast", ["positive"], ["zero_or_one"], to=TensorProto.INT64),
        helper.make_node("Where", ["is_nan", "unknown", "zero_or_one"], ["label"]),
        helper.make_node("Cast", ["calibrated"], ["calibrated_double"], to=double),
        helper.make_node("Neg", ["calibrated_double"], ["negated"]),
        helper.make_node("Exp", ["negated"], ["exponential"]),
        helper.make_node("Add", ["exponential", "one"], ["whole"]),
        helper.make_node("Reciprocal", ["whole"], ["probability"]),
    ]
    constants = [helper.make_tensor(name, kind, [], [value]) for name, (kind, value) in numbers.items()]
    constants.append(helper.make_tensor("unknown", TensorProto.INT64, [], [UNKNOWN]))
    graph = helper.make_graph(
        nodes,
        "decision",
        [helper.make_tensor_value_info("score", double, ["n"])],
        [
            helper.make_tensor_value_info("probability", double, ["n"]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        ],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="headsearch"
    )
    model.ir_version = 7
    checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def as_python(decision: Decision) -> str:
    """Returns the decision as the text of a Python module with one function, which needs numpy alone."""
    if decision.scale.probability:
        takes = "probabilities in [0, 1]"
        raw = (
            "    with np.errstate(divide='ignore', invalid='ignore'):\n"
            f"        raw = np.clip(np.log(score) - np.log(1 - score), {decision.scale.low!r}, "
            f"{decision.scale.high!r}).astype(np.float32)\n"
        )
    else:
        takes = decision.told.get("takes", "scores")
        raw = "    with np.errstate(over='ignore'):\n        raw = score.astype(np.float32)\n"
    threshold = repr(decision.threshold_score)
    if math.isinf(decision.threshold_score):  # chosen by hand: all rows alike
        threshold = repr(threshold)
    return (
        '"""A decision on scores, written by headsearch."""\n\n'
        "import numpy as np\n\n"
        f"COLUMN = {decision.column!r}\n"
        f"NEGATIVE, POSITIVE = {decision.labels.negative!r}, {decision.labels.positive!r}\n"
        f"UNKNOWN = {UNKNOWN}\n\n\n"
        "def decide(score):\n"
        f'    """Returns probabilities and labels (1 POSITIVE, 0 NEGATIVE, or UNKNOWN) of {takes}."""\n'
        "    score = np.asarray(score, np.float64)\n"
        + raw
        + f"    calibrated = np.float32({decision.calibration.a!r}) * raw "
        f"+ np.float32({decision.calibration.b!r})\n"
        "    with np.errstate(over='ignore'):\n"
        "        probability = 1 / (1 + np.exp(-calibrated.astype(np.float64)))\n"
        f"    positive = calibrated >= np.float32({threshold})\n"
        f"    return probability, np.where(np.isnan(calibrated), UNKNOWN, positive)\n"
    )


def _check(decision: Decision, graph: bytes, source: str, checked: NDArray[Any]) -> None:
    """Refuses a graph or a function that differs from `apply` on any of the rows, or on NaN."""
    import onnxruntime

    scores = np.append(np.asarray(checked, np.float64), np.nan)
    probability, label = decision.apply(scores)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    space: dict[str, Any] = {}
    exec(compile(source, "decision.py", "exec"), space)  # our own text, numbers alone filled in
    for name, found in (
        ("decision.onnx", session.run(["probability", "label"], {"score": scores})),
        ("decision.py", space["decide"](scores)),
    ):
        apart = int(np.count_nonzero(found[1] != label))
        if apart or not np.allclose(found[0], probability, rtol=0, atol=1e-6, equal_nan=True):
            raise RunError(f"{name} must decide as it was measured, but {apart} labels differ", exit_code=1)


def _card(decision: Decision) -> str:
    told = decision.told
    positive, negative = (escaped(repr(one)) for one in (decision.labels.positive, decision.labels.negative))
    lines = [
        f"# Decision on {escaped(decision.column)}",
        "",
        f"{positive} where the calibrated score is at least "
        f"{decision.threshold_score:.6g} (a probability of {float(sigmoid(decision.threshold_score)):.4g}), "
        f"else {negative}.",
        "",
        f"Chosen by {told['chosen_by']} on {told['rows']:,} rows; {told['objective']} "
        f"{_number(told['value'])}, cross-fitted over half-splits by {told['cross_fit_by']}. The rows are "
        "those it was chosen on: only rows that nobody has looked at tell what it does on new ones.",
        "",
        *_of_a_model(decision),
        *_moved(decision),
        "```python",
        "import numpy as np",
        "import onnxruntime",
        'session = onnxruntime.InferenceSession("decision.onnx")',
        "scores = np.array([0.2, 0.9])  # double, as the column held them",
        'probability, label = session.run(None, {"score": scores})',
        "```",
        "",
        f"Labels are 1, 0, and {UNKNOWN} where a score is NaN"
        + (" or outside [0, 1]." if decision.scale.probability else "."),
        "`decision.py` holds the same as one function. All three were compared on every row.",
    ]
    return "\n".join(lines) + "\n"


def _moved(decision: Decision) -> list[str]:
    if (share := decision.told.get("prevalence")) is None:
        return []
    return [f"Probabilities were moved to where a share {share:g} of the rows is positive.", ""]


def _of_a_model(decision: Decision) -> list[str]:
    """What to know where the scores are those of a model that lies beside the decision."""
    if "takes" not in decision.told:
        return []
    return [
        f"Scores here are {escaped(decision.told['takes'])}: "
        "whoever has rows takes `model.keras` beside this, which decides by itself. No file says on which "
        "rows that model was trained; where it has seen any of "
        "these, the values are optimistic.",
        "",
    ]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
