"""One configuration, and how it is drawn from a space: head, then loss, then their parameters."""

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import Field

from spaces.base import Frozen
from spaces.heads import Head
from spaces.policies import Sampled
from spaces.space import Augmentation, ClassWeight, OptimizerName, Range
from spaces.study import Study
from spaces.task_heads import head as head_of
from spaces.tasks import BINARY, Task


class Suggests(Protocol):
    """What draws values: an Optuna trial is one, and so is anything with these two methods."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Draws a number from `low` to `high`."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draws one of the choices."""


def _of_task(default: Any) -> Any:
    """A field of tasks that are not binary: it is written out where it says something."""
    return Field(default=default, exclude_if=lambda value: value == default)


class Config(Frozen):
    """One head configuration: everything that, with the study's data and seed, makes a trained model."""

    trunk: str
    width: float
    weights: str = "none"
    frozen: bool = False
    folder: str | None = None
    code: str | None = None
    head: str
    loss: str
    learning_rate: float
    optimizer: OptimizerName
    batch_size: int
    class_weight: ClassWeight
    hidden_layers: str
    dropout: float
    weight_decay: float | None = None
    momentum: float | None = None
    label_smoothing: float | None = None
    focal_gamma: float | None = None
    focal_alpha: float | None = None
    augmentation: Augmentation = "none"
    threshold: float | None = None
    asymmetric_gamma_positive: float | None = _of_task(None)
    asymmetric_gamma_negative: float | None = _of_task(None)
    asymmetric_shift: float | None = _of_task(None)
    huber_delta: float | None = _of_task(None)
    task: Task = _of_task(BINARY)

    @property
    def made_head(self) -> Head:
        """The head, made for the task."""
        return head_of(self.head, self.task)

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Units of the head's hidden layers, from below to above."""
        return () if self.hidden_layers == "none" else tuple(map(int, self.hidden_layers.split("-")))

    @property
    def loss_parameters(self) -> dict[str, float]:
        """The parameters of the loss, by name."""
        given = {name: getattr(self, name) for name in self.made_head.loss(self.loss).parameters}
        return {name: value for name, value in given.items() if value is not None}


def suggest(trial: Suggests, study: Study) -> Config:
    """Draws one configuration from a study's space.

    Parameters of a branch (a loss, an optimizer) are drawn only inside it. A head's losses have a name of
    their own per head (`sigmoid_loss`), since their choices differ.
    """
    space = study.space
    head = _choice(trial, "head", tuple(space.heads))
    loss = _choice(trial, f"{head}_loss", space.heads[head])
    optimizer = _choice(trial, "optimizer", space.optimizer)
    ranges: dict[str, Range] = {"learning_rate": space.learning_rate, "dropout": space.dropout}
    if optimizer == "adamw":
        ranges["weight_decay"] = space.weight_decay
    if optimizer == "sgd":
        ranges["momentum"] = space.momentum
    ranges |= {name: getattr(space, name) for name in head_of(head, study.task).loss(loss).parameters}
    if isinstance(study.threshold, Sampled):
        ranges["threshold"] = Range(low=study.threshold.low, high=study.threshold.high)
    return Config(
        trunk=study.trunk.name,
        width=study.trunk.width,
        weights=study.trunk.weights,
        frozen=study.trunk.frozen,
        folder=study.trunk.folder,
        code=study.trunk.code,
        head=head,
        loss=loss,
        optimizer=optimizer,
        batch_size=_choice(trial, "batch_size", space.batch_size),
        class_weight=_choice(trial, "class_weight", space.class_weight),
        hidden_layers=_choice(trial, "hidden_layers", space.hidden_layers),
        augmentation=_choice(trial, "augmentation", space.augmentation),
        task=study.task,
        **{name: _number(trial, name, values) for name, values in ranges.items()},
    )


def every(study: Study, most: int) -> frozenset[Config] | None:
    """Returns all configurations of a study's space; None if they are more than `most`, or numbers in ranges.

    Every sequence of choices that `suggest` can meet is tried, the last choice moving fastest.
    """
    found: set[Config] = set()
    taken: list[int] = []
    while len(found) <= most:
        path = _Path(taken)
        try:
            found.add(suggest(path, study))
        except _InRangeError:
            return None
        taken = path.taken
        while taken and taken[-1] + 1 == path.sizes[len(taken) - 1]:
            taken.pop()
        if not taken:
            return frozenset(found) if len(found) <= most else None
        taken[-1] += 1
    return None


class _InRangeError(Exception):
    """A number is drawn from a range: no list of configurations ends."""


class _Path:
    """Suggests choices by their places, and the first one beyond these.

    Args:
        taken: the places of the first choices.
    """

    def __init__(self, taken: Sequence[int]) -> None:
        self.taken, self.sizes = list(taken), list[int]()

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        raise _InRangeError

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if len(self.sizes) == len(self.taken):
            self.taken.append(0)
        self.sizes.append(len(choices))
        return choices[self.taken[len(self.sizes) - 1]]


def used_up(configurations: int) -> str:
    """Returns what is said of a space once all of its configurations were tried."""
    if configurations == 1:
        return "holds 1 configuration, which was tried: further trials are further seeds of it"
    return f"holds {configurations} configurations, all tried: further trials are further seeds of them"


def at(values: Range, share: float) -> float:
    """Returns the number that lies at a share of the way, 0 to 1, from low to high, on the range's scale."""
    number: float = values.low + (values.high - values.low) * share
    if values.log:
        number = values.low * (values.high / values.low) ** share
    return min(max(number, values.low), values.high)


def _choice(trial: Suggests, name: str, choices: Sequence[Any]) -> Any:
    return choices[0] if len(choices) == 1 else trial.suggest_categorical(name, list(choices))


def _number(trial: Suggests, name: str, values: Range) -> float:
    if values.low == values.high:
        return values.low
    return trial.suggest_float(name, values.low, values.high, log=values.log)
