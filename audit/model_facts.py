"""What is known of a model: its last layers, its losses and metrics, and the labels it is trained on.

Read from a program by `audit.source`, or from a saved model. None says that a fact is unknown: no rule that
needs it is applied. What can be one of several things is several `ModelFacts`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Encoding = Literal["integers", "one_hot", "multi_hot", "signed", "real", "text"]
"""Labels: class numbers; a 1 in each row; any number of ones; -1 and 1; numbers to predict; words."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is written.

    Args:
        start, end: line (from 1) and column (from 0, in characters); `end` is exclusive. (1, 0) of a saved
            model.
        code: the first of its lines, stripped; of a saved model the layer or setting.
    """

    start: tuple[int, int] = (1, 0)
    end: tuple[int, int] = (1, 0)
    code: str = ""


NOWHERE = Place()


@dataclass(frozen=True, kw_only=True)
class Written:
    """A text that stands in a program as it is, so that another can be put in its place."""

    text: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class LayerFacts:
    """One layer.

    Args:
        kind: its class in Keras, such as Dense, Conv2D, Activation, Softmax, Lambda.
        units: how many columns it gives; None if unknown, or as many as the layer before.
        activation: its name in Keras; linear for none, None if unknown.
        place: the layer.
        units_at: the literal number of units.
        activation_at: the literal name of the activation.
        changes_columns: whether it gives other columns than it takes; else it only transforms their values.
        mixes: whether it keeps the values but not the columns, as Flatten does.
        without_gradient: what in it lets no gradient pass, such as round; empty if nothing does.
        rank: axes of its output, rows included; None if unknown.
        written: the call that makes it, where it stands on one line.
    """

    kind: str
    units: int | None = None
    activation: str | None = "linear"
    place: Place = NOWHERE
    units_at: Written | None = None
    activation_at: Written | None = None
    changes_columns: bool = True
    mixes: bool = False
    without_gradient: str = ""
    rank: int | None = None
    written: Written | None = None


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """One output of a model: its last layers, in order, and its name.

    The last layers start with one whose input is unknown, and end with the output itself.
    """

    layers: tuple[LayerFacts, ...] = ()
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class LossFacts:
    """A loss.

    Args:
        name: the function's name in Keras, such as binary_crossentropy; None if unknown.
        from_logits: whether it takes logits; None if unknown.
        label_smoothing: None if unknown.
        place: the loss.
        name_at: the literal name, or the name of the class or function where it is called.
        from_logits_at: the literal True or False of from_logits.
        called: whether it is an object of a class of losses.
        own_labels: whether the program computes what the loss compares with from the labels.
        plain: whether a function of Keras is called by the program itself, which brings labels and outputs
            to no common shape.
    """

    name: str | None
    from_logits: bool | None = False
    label_smoothing: float | None = 0.0
    place: Place = NOWHERE
    name_at: Written | None = None
    from_logits_at: Written | None = None
    called: bool = False
    own_labels: bool = False
    plain: bool = False


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """A metric.

    Args:
        name: the function's name in Keras, such as accuracy, binary_accuracy, precision, auc, f1_score.
        threshold: the cut; None if none is given, NaN if unknown.
        from_logits: of AUC and cross-entropies; None if unknown.
        one_column: whether it is told which column to look at (class_id, multi_label, top_k).
        many_labels: whether it is told that rows may have several labels (multi_label).
        place: the metric.
        name_at: the literal name.
    """

    name: str | None
    threshold: float | None = None
    from_logits: bool | None = False
    one_column: bool = False
    many_labels: bool = False
    place: Place = NOWHERE
    name_at: Written | None = None


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """The labels that an output is trained on.

    Args:
        encoding: None if unknown.
        classes: how many different values, or columns; None if unknown.
        rank: 1 of labels (n,), 2 of (n, k); None if unknown.
        columns: k of labels (n, k); None if unknown or (n,).
        low, high: the least and greatest value; None if unknown.
        place: where they are made, or given to the model.
        seen: how that is known, in words, such as "to_categorical".
    """

    encoding: Encoding | None = None
    classes: int | None = None
    rank: int | None = None
    columns: int | None = None
    low: float | None = None
    high: float | None = None
    place: Place = NOWHERE
    seen: str = ""


@dataclass(frozen=True, kw_only=True)
class WeightFacts:
    """The class weights given to fit: the labels they name, or None if unknown."""

    labels: tuple[int | str, ...] | None
    place: Place = NOWHERE


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """A model, as far as it is known.

    Args:
        path: the file it stands in.
        outputs: one or more; none if unknown.
        losses: of each output, where the model is compiled; None if unknown.
        metrics: of each output.
        labels: of each output, where the model is trained; None if unknown.
        weights: class weights.
        trained: whether it is compiled: a model that only serves may end in anything.
        place: where it is compiled.
        seen: how the facts were found, such as "the model of line 12".
    """

    path: Path
    outputs: tuple[OutputFacts, ...] = ()
    losses: tuple[LossFacts | None, ...] = ()
    metrics: tuple[tuple[MetricFacts, ...], ...] = ()
    labels: tuple[LabelFacts | None, ...] = ()
    weights: WeightFacts | None = None
    trained: bool = True
    place: Place = NOWHERE
    seen: str = ""
