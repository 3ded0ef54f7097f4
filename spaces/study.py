"""The study: what to search, typed and frozen, every default in one place."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from spaces.base import FUNCTION, Frozen, as_tuple
from spaces.data import Data, SimulatedEeg, Split
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.pairs import resolve
from spaces.thresholds import MaxF1, Threshold

Metric = Literal[
    "f1", "balanced_accuracy", "sensitivity", "specificity", "precision", "accuracy", "mcc",
    "average_precision", "roc_auc", "event_sensitivity", "event_precision", "event_f1",
]  # fmt: skip
TRUNK_NAMES = ("seizure_cnn", "image_cnn", "mobilenet_v1", "conv1d_cnn", "mlp")
IMAGENET_WIDTHS = (0.25, 0.5, 0.75, 1.0)
"""Widths of mobilenet_v1 for which pretrained weights are published."""
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Of a study and of a run: both name folders."""
DEFAULT_HEADS = ("sigmoid", "softmax", "margin")
"""Those searched unless a study names its own; `two_sigmoids` trains two models of one question."""
OptimizerName = Literal["adam", "adamw", "sgd"]
ClassWeight = Literal["none", "balanced"]
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


HiddenLayers = Annotated[str, BeforeValidator(_text), Field(description="none, 64 or 128-64")]
BatchSize = Annotated[int, Field(ge=1, le=65536)]


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

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in TRUNK_NAMES and not re.fullmatch(FUNCTION, value):
            raise ValueError(
                f"must be one of {', '.join(TRUNK_NAMES)} or package.module:function, but got {value!r}"
            )
        return value

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
        default_factory=lambda: {name: HEADS[name].losses for name in DEFAULT_HEADS}
    )
    learning_rate: Range = Range(low=1e-4, high=1e-2, log=True)
    optimizer: Annotated[tuple[OptimizerName, ...], BeforeValidator(as_tuple)] = ("adam", "adamw", "sgd")
    weight_decay: Range = Range(low=1e-5, high=1e-2, log=True)
    momentum: Range = Range(low=0.8, high=0.98)
    batch_size: Annotated[tuple[BatchSize, ...], BeforeValidator(as_tuple)] = (32, 64, 128)
    class_weight: Annotated[tuple[ClassWeight, ...], BeforeValidator(as_tuple)] = ("none", "balanced")
    label_smoothing: Range = Range(low=0.0, high=0.1)
    focal_gamma: Range = Range(low=0.5, high=4.0)
    focal_alpha: Range = Range(low=0.25, high=0.75)
    hidden_layers: Annotated[tuple[HiddenLayers, ...], BeforeValidator(as_tuple)] = ("none", "64")
    dropout: Range = Range(low=0.0, high=0.5)
    augmentation: Annotated[tuple[Augmentation, ...], BeforeValidator(as_tuple)] = Field(
        default=("none",), description="of photos in training: mirrored, moved by up to a tenth, or both"
    )

    @field_validator("heads", mode="before")
    @classmethod
    def _from_names(cls, value: Any) -> Any:
        if isinstance(value, str | list | tuple):
            for name in as_tuple(value):
                if name not in HEADS:
                    raise ValueError(f"must be among {', '.join(HEADS)}, but got {name!r}")
            return {name: HEADS[name].losses for name in as_tuple(value)}
        if isinstance(value, Mapping):
            return {name: as_tuple(losses) for name, losses in value.items()}
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
    calibration: Literal["none", "platt", "temperature"] = "platt"
    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="share of positives where the bundle will be used; probabilities are moved to it",
    )

    @model_validator(mode="after")
    def _prior_known(self) -> "Objective":
        if self.prevalence is not None and self.calibration != "platt":
            raise ValueError(
                "prevalence moves probabilities that stand at the rows' own share, which platt alone "
                f"sees to, but calibration is {self.calibration}"
            )
        return self


class Events(Frozen):
    """How decisions of windows become seizure events, and how these are scored; needs data with times."""

    scorer: Literal["szcore", "ovlp"] = Field(
        default="szcore", description="SzCORE's parameters, or any overlap as NEDC's OVLP counts it"
    )
    drop_shorter_s: float = Field(default=0.0, ge=0, description="events shorter than this are dropped first")
    merge_gaps_s: float = Field(default=0.0, ge=0, description="then gaps shorter than this are closed")


class Training(Frozen):
    """How one trial is trained."""

    epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=8, ge=1, description="epochs without a better value before the end")
    min_delta: float = Field(default=0.0, ge=0)
    schedule: Literal["plateau", "cosine"] = Field(
        default="plateau", description="the rate: lower where nothing gets better, or a cosine to 0"
    )
    plateau_patience: int = Field(default=3, ge=1)
    plateau_factor: float = Field(default=0.5, gt=0, le=1)
    mixed_precision: Literal["auto", "none", "bfloat16", "float16"] = Field(
        default="auto", description="training alone: scores are always computed in float32; auto: on a GPU"
    )
    xla: Literal["auto"] | bool = Field(default="auto", description="compile with XLA; auto: on a GPU")
    feature_cache: bool = Field(default=True, description="of frozen layers: computed once for all trials")


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
        default=None, gt=0, description="of one execution, from its first trial; a resumed run has them anew"
    )
    gpu_hours: float | None = Field(
        default=None, gt=0, description="of all trials of the run: training time times the share of a GPU"
    )
    trial_minutes: float | None = Field(
        default=None, gt=0, description="a trial that takes longer is a failed row; no limit if left out"
    )


class Resources(Frozen):
    """What one trial is given."""

    cpus: int = Field(default=1, ge=1)
    gpus: float = Field(default=0.0, ge=0, description="a share of a GPU such as 0.25, or whole ones")
    trials_per_gpu: int | None = Field(
        default=None, ge=1, description="at most so many trials on one GPU, however small their share"
    )
    gpu_memory: Literal["share", "grow"] = Field(
        default="share", description="a trial's GPU memory: its share, or whatever it comes to need"
    )
    allow_cpu: bool = Field(
        default=False, description="train on the CPU where GPUs are declared but the backend sees none"
    )
    workers: int | None = Field(default=None, ge=1, description="trials at once; as many as fit if left out")

    @field_validator("gpus")
    @classmethod
    def _share_or_whole(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError(f"must be a share of one GPU or a number of whole ones, but got {value:g}")
        return value

    @model_validator(mode="after")
    def _shared_gpu(self) -> "Resources":
        if self.trials_per_gpu is not None and not 0 < self.gpus <= 1:
            raise ValueError(
                f"trials_per_gpu divides one GPU, so gpus must be a share up to 1, but is {self.gpus:g}"
            )
        return self

    @property
    def gpu_share(self) -> float:
        """GPUs that one trial holds, in the four decimals that Ray counts."""
        if self.trials_per_gpu is None:
            return self.gpus
        return max(self.gpus, int(10_000 / self.trials_per_gpu) / 10_000)


class Keep(Frozen):
    """What outlives the search."""

    checkpoints: int = Field(default=5, ge=1, description="best trials whose weights are kept")


STORAGES = ("file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")
"""Schemes of the filesystems that pyarrow knows, as in `s3://bucket/runs`."""


def _database(value: str) -> str:
    if value in ("none", "sqlite"):
        return value
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgresql", "postgresql+psycopg"):
        # The value is not repeated: it may hold a password.
        raise ValueError("must be sqlite, none, or postgresql://user@host/name")
    if ":" in rest.rpartition("@")[0] or "password" in rest.lower():
        raise ValueError(
            "must not carry a password, since a run keeps its study in a file; "
            "give it by PGPASSWORD or ~/.pgpass"
        )
    return f"postgresql+psycopg://{rest}"


def without_secret(place: str) -> str:
    """Returns a storage's path or URI, unless it holds what should stand in the environment alone.

    Raises:
        ValueError: it does; the place is not repeated.
    """
    where, _, options = place.partition("://")[2].partition("?")
    words = ("key", "secret", "password", "token", "sig=")
    if ":" in where.rpartition("@")[0] or any(word in options.lower() for word in words):
        raise ValueError(
            "must not carry a secret, since a run keeps its study in a file; "
            "give it by the environment, such as AWS_SECRET_ACCESS_KEY"
        )
    return place


def _storage(value: str | None) -> str | None:
    scheme, separator, _ = (value or "").partition("://")
    if value is None or (value.strip() and not separator):
        return value
    # The value is not repeated: it may hold a secret.
    if scheme not in STORAGES:
        raise ValueError(f"must be a folder or a URI of {', '.join(STORAGES)}")
    return without_secret(value)


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
    events: Events = Events()
    training: Training = Training()
    asha: Asha = Asha()
    budget: Budget = Budget()
    resources: Resources = Resources()
    keep: Keep = Keep()
    storage: Annotated[str | None, AfterValidator(_storage)] = Field(
        default=None,
        description="a shared folder or a URI such as s3://bucket/runs: runs are written there, too",
    )
    database: Annotated[str, AfterValidator(_database)] = Field(
        default="sqlite",
        description="where Optuna's dashboard finds the run: sqlite (a file of the run), none, or "
        "postgresql://user@host/name",
    )
    warm_start: str | None = Field(
        default=None, description="a finished run of the same space, whose trials the sampler starts from"
    )
