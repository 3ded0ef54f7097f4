"""Whether two forms of a deciding model agree, and decide nothing on rows that are not finite."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.shards import Inputs
from search.networks.deciders import Margin, sure
from spaces.errors import RunError

PROBABILITY_TOLERANCE = 1e-5
"""Largest difference allowed between the probabilities of an export and of the Keras model."""
SCORE_MARGIN = 1e-5
"""Labels must be equal where the score is farther than this from the threshold, relative to 1 + |score|."""

Outputs = dict[str, NDArray[Any]]
Run = Callable[[NDArray[Any]], Outputs]


def check_agreement(name: str, came: Outputs, expected: Outputs, margin: Margin) -> float:
    """Checks that an export decides as its model does.

    Args:
        name: of the export.
        came, expected: outputs of the export and of the model, `(n, ...)` each.
        margin: of the decisions.

    Returns:
        The largest difference of a probability; of a number that of a score, relative to 1 + |score|.

    Raises:
        RunError: a probability differs, or the label of a score that is not at the threshold.
    """
    shapes = [{key: values.shape for key, values in outputs.items()} for outputs in (came, expected)]
    if shapes[0] != shapes[1]:
        raise RunError(f"{name} must return {shapes[1]}, but it returns {shapes[0]}", exit_code=1)
    if "probability" not in expected:
        return _scores_agree(name, came["score"].astype(np.float64), expected["score"])
    difference = float(np.max(np.abs(came["probability"].astype(np.float64) - expected["probability"])))
    if not difference <= PROBABILITY_TOLERANCE:
        raise RunError(
            f"{name} must give the probabilities of model.keras to {PROBABILITY_TOLERANCE:g}, "
            f"but they differ by up to {difference:.3g}",
            exit_code=1,
        )
    apart = margin(expected["score"])
    if apart is not None:
        held = np.broadcast_to(sure(apart, expected["score"], SCORE_MARGIN), expected["label"].shape)
        wrong = int(np.sum((came["label"] != expected["label"])[held]))
        if wrong:
            raise RunError(
                f"{name} must decide as model.keras does, but {wrong} of {held.sum()} labels are others",
                exit_code=1,
            )
    return difference


def _scores_agree(name: str, came: NDArray[np.float64], expected: NDArray[np.float32]) -> float:
    difference = float(np.max(np.abs(came - expected) / (1 + np.abs(expected.astype(np.float64)))))
    if not difference <= SCORE_MARGIN:
        raise RunError(
            f"{name} must give the numbers of model.keras to {SCORE_MARGIN:g} of 1 + |number|, "
            f"but they differ by up to {difference:.3g}",
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
    unknown: dict[str, Callable[[NDArray[Any]], Any]] = {
        "score": np.isnan,
        "probability": np.isnan,
        "label": lambda label: label == -1,
    }
    marked = [unknown[name](values).reshape(5, -1) for name, values in outputs.items()]
    # A row that is not decided has the label -1, too.
    undecided = np.logical_and.reduce([of.all(axis=1) for of in marked])
    tells = outputs["probability" if "probability" in outputs else "score"]
    scored = not np.isnan(tells[4]).any()
    if undecided.tolist() != [True] * 4 + [False] or not scored:
        raise RunError(
            f"{name} must give NaN and the label -1 for rows that hold NaN or infinity and for no others, "
            f"but of four such rows and a finite one it gives "
            f"{tells.tolist()} "
            f"and the labels {outputs['label'].tolist() if 'label' in outputs else 'none'}",
            exit_code=1,
        )
