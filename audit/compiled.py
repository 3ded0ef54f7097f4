"""What a saved model was compiled with: the losses and metrics of each output."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from audit.model_facts import LossFacts, MetricFacts, OutputFacts, Place
from audit.names import loss_name, metric_name


def losses_of(given: Any, outputs: Sequence[OutputFacts]) -> tuple[LossFacts | None, ...]:
    """Returns the loss of each output; None where there is none or it is not known.

    Args:
        given: as Keras saves it: one for all, or a list, or a dictionary by the names of outputs.
        outputs: of the model.
    """
    if isinstance(given, list):
        found = given if len(given) == len(outputs) else [None] * len(outputs)
    elif isinstance(given, dict) and "class_name" not in given:
        found = [given.get(output.name) for output in outputs]
        if len(outputs) == 1 and len(given) == 1:
            found = list(given.values())
    else:
        found = [given] * len(outputs)
    return tuple(map(_loss, found))


def metrics_of(parts: Sequence[Any], outputs: Sequence[OutputFacts]) -> tuple[tuple[MetricFacts, ...], ...]:
    """Returns the metrics of each output, as far as it is known whose they are.

    Args:
        parts: metrics as Keras saves them, and weighted ones.
        outputs: of the model.
    """
    found = list[tuple[MetricFacts, ...]]()
    for index, output in enumerate(outputs):
        listed = [one for given in parts for one in _metrics(given, index, output.name, len(outputs))]
        found.append(tuple(_metric(one) for one in listed))
    return tuple(found)


def _loss(given: Any) -> LossFacts | None:
    if given is None:
        return None
    name, config, own = _named(given)
    settings = config if isinstance(config, dict) else {}
    written = None if own or name is None else loss_name(name)
    smoothing = settings.get("label_smoothing", 0.0)
    logits = settings.get("from_logits", False)
    return LossFacts(
        name=written,
        from_logits=logits if isinstance(logits, bool) else None,
        label_smoothing=float(smoothing) if isinstance(smoothing, int | float) else None,
        place=Place(code=f"loss {name}"),
        called=isinstance(config, dict),
    )


def _metrics(given: Any, index: int, name: str | None, outputs: int) -> Iterator[Any]:
    if isinstance(given, dict) and "class_name" not in given:
        given = given.get(str(name))
    elif isinstance(given, list) and outputs > 1:
        given = (
            given[index] if len(given) == outputs and all(isinstance(one, list) for one in given) else None
        )
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, list):
            yield from one
        elif one is not None:
            yield one


def _metric(given: Any) -> MetricFacts:
    name, config, own = _named(given)
    settings = config if isinstance(config, dict) else {}
    logits = settings.get("from_logits", False)
    return MetricFacts(
        name=None if own or name is None else metric_name(name),
        threshold=_threshold(settings.get("thresholds", settings.get("threshold"))),
        from_logits=logits if isinstance(logits, bool) else None,
        one_column=any(
            settings.get(key) not in (None, False) for key in ("class_id", "multi_label", "top_k")
        ),
        place=Place(code=f"metric {name}"),
    )


def _threshold(given: Any) -> float | None:
    """The cut of a metric; NaN where there are several."""
    if isinstance(given, list) and len(given) == 1:
        [given] = given
    if given is None:
        return None
    return float(given) if isinstance(given, int | float) else math.nan


def _named(given: Any) -> tuple[str | None, Any, bool]:
    """The name of a loss or metric, its settings, and whether it is somebody's own."""
    if isinstance(given, str):
        return given, None, False
    if not isinstance(given, dict):
        return None, None, True
    config = given.get("config")
    if isinstance(config, str):  # a function, of which the name is kept
        return config, None, False
    own = str(given.get("module") or "keras").split(".")[0] != "keras" or ">" in str(
        given.get("registered_name")
    )
    return str(given.get("class_name")), config, own
