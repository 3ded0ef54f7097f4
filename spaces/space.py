"""What is searched: the network, the heads with their losses, and the ranges of how they are trained."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spaces.base import FUNCTION, Frozen, SettingError, as_tuple
from spaces.errors import RunError
from spaces.pairs import resolve, resolve_any
from spaces.task_heads import heads_of
from spaces.tasks import KINDS, TaskName

TRUNK_NAMES = ("seizure_cnn", "image_cnn", "mobilenet_v1", "conv1d_cnn", "mlp", "lstm", "bilstm")
IMAGENET_WIDTHS = (0.25, 0.5, 0.75, 1.0)
"""Widths of mobilenet_v1 for which pretrained weights are published."""
CODE = r"^\d+\.\d+:[A-Za-z0-9+/=]+$"
"""A function by value: the version of Python that pickled it, and what it pickled."""
LONGEST_CODE = 200_000
"""Characters of `trunk.code`: it stands in every record."""
DEFAULT_HEADS = KINDS["binary"].heads
"""Those searched of a binary task unless a study names its own; `two_sigmoids` trains two models of one
question."""
OptimizerName = Literal["adam", "adamw", "sgd"]
ClassWeight = Literal["none", "balanced", "pos_weight"]
Augmentation = Literal["none", "flip", "shift", "flip_shift"]


class Range(Frozen):
    """Numbers from `low` to `high`, on a logarithmic scale if `log`; one number stands for itself."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        if isinstance(value, int | float | str):
            return {"low": value, "high": value}
        return value

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low > self.high:
            raise ValueError(f"low must not exceed high, but got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be positive on a logarithmic scale, but got {self.low:g}")
        return self


def _within(low: float, high: float) -> Any:
    def check(value: Range) -> Range:
        if not low <= value.low <= value.high <= high:
            raise ValueError(f"must lie within [{low:g}, {high:g}], but got {value.low:g} to {value.high:g}")
        return value

    return check


def _layers(value: str) -> str:
    if value != "none" and not all(part.isdecimal() and int(part) > 0 for part in value.split("-")):
        raise ValueError(f"hidden layers must read 'none', '64' or '128-64', but got {value!r}")
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


HiddenLayers = Annotated[str, BeforeValidator(_text)]
BatchSize = Annotated[int, Field(ge=1, le=65536)]


def _of_task(default: Range, description: str) -> Any:
    """A range of tasks that are not binary: it is written out where it is not the default."""
    return Field(default=default, exclude_if=lambda value: value == default, description=description)


def _defaults(kind: TaskName) -> dict[str, tuple[str, ...]]:
    return {name: heads_of(kind)[name] for name in KINDS[kind].heads}


def _known_heads() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for kind in KINDS for name in heads_of(kind)))


class Trunk(Frozen):
    """The network below the head."""

    name: str = Field(
        default="seizure_cnn",
        description=f"{', '.join(TRUNK_NAMES)}, or package.module:function for a network of your own",
    )
    width: float = Field(default=1.0, gt=0, le=4, description="factor on every layer's units")
    weights: str = Field(
        default="none", description="mobilenet_v1: none, imagenet, or a .weights.h5 file to start from"
    )
    frozen: bool = Field(default=False, description="mobilenet_v1: its convolutions keep their weights")
    folder: str | None = Field(
        default=None, description="where a module of your own lies; beside the study if left out"
    )
    code: str | None = Field(
        default=None,
        pattern=CODE,
        max_length=LONGEST_CODE,
        description="a function of a notebook itself, pickled; written by `headsearch.search`",
    )

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in TRUNK_NAMES and not re.fullmatch(FUNCTION, value):
            raise ValueError(
                f"must be one of {', '.join(TRUNK_NAMES)} or package.module:function, but got {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _code_of_a_function(self) -> "Trunk":
        if self.code is not None and self.name in TRUNK_NAMES:
            raise ValueError(f"code is a network of your own, but name is {self.name}")
        return self

    @model_validator(mode="after")
    def _weights_of_a_mobilenet(self) -> "Trunk":
        if self.name != "mobilenet_v1" and (self.weights != "none" or self.frozen):
            given = f"weights {self.weights!r}" if self.weights != "none" else "frozen"
            raise ValueError(
                f"weights and frozen are settings of mobilenet_v1, but got {given} with {self.name}"
            )
        if self.frozen and self.weights == "none":
            raise ValueError("frozen keeps pretrained weights, so weights must name some, but got none")
        if self.weights == "imagenet" and self.width not in IMAGENET_WIDTHS:
            raise ValueError(
                f"imagenet has weights of widths {', '.join(map(str, IMAGENET_WIDTHS))}, "
                f"but got {self.width:g}"
            )
        if self.weights not in ("none", "imagenet") and not self.weights.endswith(".h5"):
            raise ValueError(f"weights must be none, imagenet or an .h5 file, but got {self.weights!r}")
        return self


class Space(Frozen):
    """What is searched: heads with their losses, and how they are trained."""

    heads: Mapping[str, tuple[str, ...]] = Field(
        default_factory=lambda: _defaults("binary"),
        description="heads with the losses that each is trained on, or names of heads with all their losses; "
        "of other tasks the defaults are others: `python search.py spaces --task classes`",
    )
    learning_rate: Range = Field(
        default=Range(low=1e-4, high=1e-2, log=True), description="of the optimizer, at the start of a trial"
    )
    optimizer: Annotated[tuple[OptimizerName, ...], BeforeValidator(as_tuple)] = Field(
        default=("adam", "adamw", "sgd"), description="Keras' optimizers"
    )
    weight_decay: Range = Field(default=Range(low=1e-5, high=1e-2, log=True), description="of adamw")
    momentum: Range = Field(default=Range(low=0.8, high=0.98), description="of sgd")
    batch_size: Annotated[tuple[BatchSize, ...], BeforeValidator(as_tuple)] = Field(
        default=(32, 64, 128), description="rows of a training step"
    )
    class_weight: Annotated[tuple[ClassWeight, ...], BeforeValidator(as_tuple)] = Field(
        default=("none", "balanced"),
        description="balanced: all classes weigh the same in the loss, of each label both sides; "
        "pos_weight: of each label the positives weigh as much as the negatives, which weigh 1",
    )
    asymmetric_gamma_positive: Range = _of_task(
        Range(low=0.0, high=1.0), "of the asymmetric loss: the exponent of labels that apply"
    )
    asymmetric_gamma_negative: Range = _of_task(
        Range(low=1.0, high=6.0), "of the asymmetric loss: the exponent of labels that do not"
    )
    asymmetric_shift: Range = _of_task(
        Range(low=0.01, high=0.2), "of the asymmetric loss: a label that does not apply costs nothing below"
    )
    huber_delta: Range = _of_task(
        Range(low=0.5, high=2.0), "of the huber loss: where it turns linear, in standard deviations"
    )
    label_smoothing: Range = Field(default=Range(low=0.0, high=0.1), description="of the losses bce and cce")
    focal_gamma: Range = Field(
        default=Range(low=0.5, high=4.0), description="of the focal loss: its exponent"
    )
    focal_alpha: Range = Field(
        default=Range(low=0.25, high=0.75), description="of the focal loss: the weight of positives"
    )
    hidden_layers: Annotated[tuple[HiddenLayers, ...], BeforeValidator(as_tuple)] = Field(
        default=("none", "64"), description="dense layers between trunk and head: none, 64 or 128-64 units"
    )
    dropout: Range = Field(default=Range(low=0.0, high=0.5), description="before the head and hidden layers")
    augmentation: Annotated[tuple[Augmentation, ...], BeforeValidator(as_tuple)] = Field(
        default=("none",), description="of photos in training: mirrored, moved by up to a tenth, or both"
    )

    @field_validator("heads", mode="before")
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        if isinstance(value, str | list | tuple):
            return dict.fromkeys(as_tuple(value), ())
        if isinstance(value, Mapping):
            return {name: as_tuple(losses) for name, losses in value.items()}
        return value

    def of(self, kind: TaskName | None) -> "Space":
        """Returns the space with the heads of a kind of task: second names of a pair replaced by the first.

        Args:
            kind: the kind; None where only the labels will say it, which is taken for binary if it can be.

        Raises:
            SettingError: a head, a pair or a weight is none of this kind.
        """
        changed: dict[str, Any] = {}
        if "heads" not in self.model_fields_set:
            changed["heads"] = _defaults(kind or "binary")
        else:
            changed["heads"] = _resolved(self.heads, kind)
        rules = KINDS[kind or "binary"]
        if "class_weight" not in self.model_fields_set:
            changed["class_weight"] = rules.weights
        elif kind is not None and (others := set(self.class_weight) - set(rules.all_weights)):
            raise SettingError(
                "class_weight",
                f"class_weight of task {kind} must be among {', '.join(rules.all_weights)}, "
                f"but got {', '.join(sorted(others))}",
            )
        if all(getattr(self, name) == value for name, value in changed.items()):
            return self
        made = self.model_copy(update=changed)
        # What a study did not say stays open: another task has other defaults.
        made.model_fields_set.intersection_update(self.model_fields_set)
        return made

    @field_validator("optimizer", "batch_size", "class_weight", "hidden_layers", "augmentation")
    @classmethod
    def _not_empty(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError(f"must list one or more different choices, but got {list(value)}")
        return value

    @field_validator("hidden_layers")
    @classmethod
    def _layers_readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_layers(part) for part in value)

    @model_validator(mode="after")
    def _ranges(self) -> "Space":
        limits = {
            "learning_rate": (1e-8, 10),
            "weight_decay": (0, 1),
            "momentum": (0, 0.9999),
            "label_smoothing": (0, 0.5),
            "focal_gamma": (0, 20),
            "focal_alpha": (0.01, 0.99),
            "dropout": (0, 0.95),
            "asymmetric_gamma_positive": (0, 20),
            "asymmetric_gamma_negative": (0, 20),
            "asymmetric_shift": (0.001, 0.5),
            "huber_delta": (0.01, 100),
        }
        for name, (low, high) in limits.items():
            try:
                _within(low, high)(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
        return self


def _resolved(heads: Mapping[str, tuple[str, ...]], kind: TaskName | None) -> dict[str, tuple[str, ...]]:
    """Heads as written, without second names; refuses the impossible ones."""
    found: dict[str, list[str]] = {}
    for written_head, written in heads.items():
        for written_loss in _losses(written_head, written, kind):
            try:
                head, loss = _pair(written_head, written_loss, kind)
            except RunError as error:
                raise SettingError("heads", str(error)) from None
            if loss not in found.setdefault(head, []):
                found[head].append(loss)
    if not found:
        raise SettingError("heads", "must name at least one head with a loss, but got none")
    return {head: tuple(losses) for head, losses in found.items()}


def _losses(head: str, written: tuple[str, ...], kind: TaskName | None) -> tuple[str, ...]:
    """The losses of a head; all of the task's where none is named, or where those are all of another task."""
    ours = [heads_of(one).get(head, ()) for one in ((kind,) if kind else KINDS)]
    if not any(ours) and not written:
        known = _known_heads() if kind is None else tuple(heads_of(kind))
        raise SettingError("heads", f"must be among {', '.join(known)}, but got {head!r}")
    others = [heads_of(one).get(head, ()) for one in KINDS]
    own = next(filter(None, ours), ())
    return own if own and (not written or (kind is not None and written in others)) else written


def _pair(head: str, loss: str, kind: TaskName | None) -> tuple[str, str]:
    if kind is not None:
        return resolve(head, loss, kind)
    try:
        return resolve(head, loss)
    except RunError:
        return resolve_any(head, loss)
