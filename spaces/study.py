"""The study: what to search, typed and frozen, every default in one place."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spaces.data import Data, Frozen, SimulatedEeg, Split
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.pairs import resolve
from spaces.thresholds import MaxF1, Threshold

Metric = Literal[
    "f1", "balanced_accuracy", "sensitivity", "specificity", "precision", "accuracy", "mcc",
    "average_precision", "roc_auc",
]  # fmt: skip
TrunkName = Literal["seizure_cnn", "image_cnn", "mlp"]
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Of a study and of a run: both name folders."""
OptimizerName = Literal["adam", "adamw", "sgd"]
ClassWeight = Literal["none", "balanced"]


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


def _as_tuple(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _layers(value: str) -> str:
    if value != "none" and not all(part.isdecimal() and int(part) > 0 for part in value.split("-")):
        raise ValueError(f"hidden layers must read 'none', '64' or '128-64', but got {value!r}")
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


HiddenLayers = Annotated[str, BeforeValidator(_text), Field(description="none, 64 or 128-64")]
BatchSize = Annotated[int, Field(ge=1, le=65536)]


class Trunk(Frozen):
    """The network below the head."""

    name: TrunkName = "seizure_cnn"
    width: float = Field(default=1.0, gt=0, le=4, description="factor on every layer's units")


class Space(Frozen):
    """What is searched: heads with their losses, and how they are trained."""

    heads: Mapping[str, tuple[str, ...]] = Field(
        default_factory=lambda: {head.name: head.losses for head in HEADS.values()}
    )
    learning_rate: Range = Range(low=1e-4, high=1e-2, log=True)
    optimizer: Annotated[tuple[OptimizerName, ...], BeforeValidator(_as_tuple)] = ("adam", "adamw", "sgd")
    weight_decay: Range = Range(low=1e-5, high=1e-2, log=True)
    momentum: Range = Range(low=0.8, high=0.98)
    batch_size: Annotated[tuple[BatchSize, ...], BeforeValidator(_as_tuple)] = (32, 64, 128)
    class_weight: Annotated[tuple[ClassWeight, ...], BeforeValidator(_as_tuple)] = ("none", "balanced")
    label_smoothing: Range = Range(low=0.0, high=0.1)
    focal_gamma: Range = Range(low=0.5, high=4.0)
    focal_alpha: Range = Range(low=0.25, high=0.75)
    hidden_layers: Annotated[tuple[HiddenLayers, ...], BeforeValidator(_as_tuple)] = ("none", "64")
    dropout: Range = Range(low=0.0, high=0.5)

    @field_validator("heads", mode="before")
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        if isinstance(value, str | list | tuple):
            for name in _as_tuple(value):
                if name not in HEADS:
                    raise ValueError(f"must be among {', '.join(HEADS)}, but got {name!r}")
            return {name: HEADS[name].losses for name in _as_tuple(value)}
        if isinstance(value, Mapping):
            return {name: _as_tuple(losses) for name, losses in value.items()}
        return value

    @field_validator("heads")
    @classmethod
    def _resolved(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        """Replaces second names of a pair by the first; refuses the impossible ones."""
        found: dict[str, list[str]] = {}
        for written_head, losses in value.items():
            for written_loss in losses:
                try:
                    head, loss = resolve(written_head, written_loss)
                except RunError as error:
                    raise ValueError(str(error)) from None
                if loss not in found.setdefault(head, []):
                    found[head].append(loss)
        if not found:
            raise ValueError("must name at least one head with a loss, but got none")
        return {head: tuple(losses) for head, losses in found.items()}

    @field_validator("optimizer", "batch_size", "class_weight", "hidden_layers")
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
        }
        for name, (low, high) in limits.items():
            try:
                _within(low, high)(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None
        return self


class Objective(Frozen):
    """What ranks trials and what steers them."""

    metric: Metric = Field(default="f1", description="cross-fitted into `value`, which ranks the leaderboard")
    steer: Literal["average_precision", "roc_auc"] = "average_precision"
    calibration: Literal["none", "platt"] = "platt"


class Training(Frozen):
    """How one trial is trained."""

    epochs: int = Field(default=30, ge=1)
    patience: int = Field(
        default=8, ge=1, description="epochs without a better steering value before the end"
    )
    min_delta: float = Field(default=0.0, ge=0)
    plateau_patience: int = Field(default=3, ge=1)
    plateau_factor: float = Field(default=0.5, gt=0, le=1)


class Asha(Frozen):
    """Successive halving (Li et al. 2020): at `grace * reduction^k` epochs the worse trials stop."""

    enabled: bool = True
    grace: int = Field(default=3, ge=1, description="epochs every trial may train")
    reduction: int = Field(default=3, ge=2)


class Budget(Frozen):
    """When the search ends: at whichever limit comes first."""

    trials: int = Field(
        default=32,
        ge=1,
        description="trained trials: the author's configuration, then draws; the two baselines come on top",
    )
    hours: float | None = Field(
        default=None, gt=0, description="of one execution; a resumed run has them anew"
    )


class Resources(Frozen):
    """What one trial is given."""

    cpus: int = Field(default=1, ge=1)
    gpus: float = Field(default=0.0, ge=0)
    workers: int | None = Field(default=None, ge=1, description="trials at once; as many as fit if left out")


class Keep(Frozen):
    """What outlives the search."""

    checkpoints: int = Field(default=5, ge=1, description="best trials whose weights are kept")


class Study(Frozen):
    """Everything a search is: data, splits, network, space, rules and limits."""

    name: str = Field(default="study", pattern=f"^{NAME}$")
    preset: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    data: Data = SimulatedEeg()
    split: Split = Split()
    trunk: Trunk = Trunk()
    space: Space = Space()
    threshold: Threshold = MaxF1()
    objective: Objective = Objective()
    training: Training = Training()
    asha: Asha = Asha()
    budget: Budget = Budget()
    resources: Resources = Resources()
    keep: Keep = Keep()
