"""The findings of a saved model on rows that are at hand: `audit MODEL.keras --data X.npz`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit import saved_models
from audit.checks import check
from audit.finding import Audited, Finding
from audit.given_labels import labels_of
from audit.rules import RULES
from spaces.errors import RunError

if TYPE_CHECKING:
    from reports.decisions.probe import Probed

LEAST_ACCURACY = 0.002
"""Accuracies nearer than this are one: of some rows a score ties with the cut."""


def audit_on_data(
    files: Sequence[Path], data: Path, labels: str | None
) -> tuple[Audited, tuple[str, ...], dict[str, Any] | None, str]:
    """Audits a saved model by its file and by what it does on rows, in a process of its own.

    Args:
        files: one saved model.
        data: rows and, where there are any, labels, as an `.npz` file.
        labels: the name of the labels' array; `y` if left out and there.

    Returns:
        What was found; lines on what decodes and thresholds make of its outputs; the rows as a study names
        them, if they have labels; and their type.

    Raises:
        RunError: it is another number or kind of file, or model and rows do not fit.
    """
    from reports.decisions import probe
    from search.networks import existing_model

    if len(files) != 1 or files[0].suffix.lower() != ".keras":
        raise RunError(f"--data goes with one saved model (.keras), but got {', '.join(map(str, files))}")
    [path] = files
    existing_model.check_file(path)
    x, y = probe.arrays_of(data, labels)
    try:
        model = saved_models.read(path)
    except saved_models.ModelFileError as error:
        raise RunError(f"{path}: {error}") from None
    if y is not None and len(model.outputs) == 1:
        loss = model.losses[0].name if model.losses and model.losses[0] is not None else None
        model = replace(model, labels=(labels_of(probe.read(data, y), loss, y),))
    found = probe.probe(path, data, x, y)
    findings = (*check(model), *_findings(path, found))
    made = Audited(path=path, findings=findings, unknown=found.unknown, models=(model,))
    rows = None if y is None else {"source": "npz", "path": str(data.resolve()), "x": x, "y": y}
    return made, found.told, rows, str(probe.read(data, x).dtype)


def _findings(path: Path, found: "Probed") -> Iterator[Finding]:
    from reports.decisions.probe import TOLERANCE

    def finding(rule: str, code: str, message: str, fix: str) -> Finding:
        seen = f"{found.rows} rows"
        return Finding(rule=RULES[rule], path=path, line=1, code=code, message=message, fix=fix, seen=seen)

    a, b = found.evaluated, found.recomputed
    if a is not None and b is not None and not abs(a - b) <= TOLERANCE * (1 + abs(b)):
        yield finding(
            "HS901",
            f"loss {found.loss}",
            f"evaluate() gives a loss of {a:.4g}, and the same loss of what predict() gives is {b:.4g}: what "
            "was trained is not what is put out",
            "make the last layer and the loss belong together, and train again",
        )
    if found.constant is not None:
        values = ", ".join(f"{value:.4g}" for value in found.constant)
        yield finding(
            "HS902",
            "predict()",
            f"every row gets the output {values}: the model cannot tell rows apart",
            "see its last layer and loss, and whether training ran away; no threshold mends it",
        )
    if found.off is not None and found.off > TOLERANCE:
        yield finding(
            "HS903",
            "predict()",
            f"the sums of rows are up to {found.off:.4g} from 1, and the loss asks for probabilities of "
            "exclusive classes",
            "a softmax in the last layer, or from_logits=True and a softmax of what predict() gives",
        )
    told, right = found.accuracy, found.right
    if told is not None and right is not None and abs(told - right) > LEAST_ACCURACY:
        yield finding(
            "HS904",
            "accuracy",
            f"Keras reports an accuracy of {told:.3f}; decoded by {found.decode} it is {right:.3f}",
            f"decode by {found.decode}, and measure that",
        )
