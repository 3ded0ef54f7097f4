"""What the last layers of an output amount to: its columns, and what was done to their values."""

from dataclasses import dataclass, replace

from audit.model_facts import LabelFacts, LayerFacts, MetricFacts, OutputFacts


@dataclass(frozen=True, kw_only=True)
class Head:
    """An output as a whole.

    Args:
        units: its columns; None if unknown.
        activation: what its values are, by the last activation; None if unknown.
        before: the activation that came before the last one; linear if none did, None if unknown.
        base: the layer that makes the columns.
        last: the layer of the last activation.
        step: a layer that lets no gradient pass; None if there is none.
        rank: axes of the output, rows included; None if unknown.
    """

    units: int | None
    activation: str | None
    before: str | None
    base: LayerFacts
    last: LayerFacts
    step: LayerFacts | None
    rank: int | None


def head_of(output: OutputFacts) -> Head | None:
    """Returns what an output amounts to, or None where nothing is known of its layers."""
    if not output.layers:
        return None
    start = next(
        (k for k in reversed(range(len(output.layers))) if output.layers[k].changes_columns),
        None,
    )
    base = output.layers[0 if start is None else start]
    layers = output.layers[0 if start is None else start :]
    units = None if start is None or any(layer.mixes for layer in layers) else base.units
    activation: str | None = "linear" if start is not None else None
    before: str | None = "linear"
    last = base
    for layer in layers:
        if layer.kind.startswith("Global") and activation != "linear":
            # The mean of what an activation gave is neither it nor a logit.
            activation, last = None, layer
        if layer.activation == "linear":
            continue
        before, activation, last = activation, layer.activation, layer
    step = next((layer for layer in layers if layer.without_gradient), None)
    moved = any(layer.mixes for layer in layers)
    return Head(
        units=units,
        activation=activation,
        before=before if last is not base else "linear",
        base=base,
        last=last,
        step=step,
        rank=None if moved else _rank(output.layers, base),
    )


def told(labels: LabelFacts | None, metrics: tuple[MetricFacts, ...], head: Head | None) -> LabelFacts | None:
    """Returns labels, of several in a row where they are unknown and a metric is told so."""
    if head is None or head.activation != "sigmoid" or head.units == 1:
        return labels
    if not any(one.many_labels for one in metrics) or (labels is not None and labels.encoding is not None):
        return labels
    return replace(labels or LabelFacts(), encoding="multi_hot", seen="multi_label=True of a metric")


def _rank(layers: tuple[LayerFacts, ...], base: LayerFacts) -> int | None:
    """Returns the axes of an output: a Dense layer keeps those of what it is given."""
    below = layers[: layers.index(base) + 1]
    for layer in reversed(below):
        if layer.kind == "Flatten" or layer.kind.startswith("Global"):
            return 2
        if layer.rank is not None or layer.mixes:
            return layer.rank
        if layer.changes_columns and layer.kind != "Dense":
            return None
    return None
