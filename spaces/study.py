"""The study: what to search, typed and frozen, every default in one place."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from spaces.base import Frozen, Label, SettingError, as_tuple, place_of
from spaces.data import Data, Npz, Scores, SimulatedEeg, Split, Table
from spaces.eeg import Eeg
from spaces.errors import RunError, first_of
from spaces.policies import Threshold, written_for
from spaces.resources import Budget, Database, Keep, Resources, Storage
from spaces.space import Space, Trunk
from spaces.tasks import BINARY, KINDS, Task, TaskName
from spaces.track import Track

Metric = Literal[
    "f1", "balanced_accuracy", "sensitivity", "specificity", "precision", "accuracy", "mcc",
    "average_precision", "roc_auc", "event_sensitivity", "event_precision", "event_f1",
    "macro_f1", "weighted_f1", "micro_f1", "macro_average_precision", "roc_auc_ovr_macro",
    "subset_accuracy", "rmse", "mae", "r2",
]  # fmt: skip
Steering = Literal[
    "average_precision", "roc_auc", "macro_average_precision", "roc_auc_ovr_macro", "rmse", "mae"
]
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Of a study and of a run: both name folders."""
NAME_WORDS = "be at most 64 letters, digits, '.', '_' and '-', of which the first is a letter or digit"


class Objective(Frozen):
    """What ranks trials and what steers them."""

    metric: Metric = Field(
        default="f1",
        description="cross-fitted into `value`, which ranks the leaderboard; of K classes or labels macro_f1 "
        "if left out, of a number rmse",
    )
    steer: Steering = Field(
        default="average_precision",
        description="of every epoch: picks the best one, and steers the search; of K classes or labels "
        "macro_average_precision or roc_auc_ovr_macro, of a number minus rmse or mae",
    )
    calibration: Literal["none", "platt", "temperature"] = Field(
        default="platt",
        description="how scores become probabilities; fitted inside the cross-fit; of K classes temperature "
        "if left out, of a number none",
    )
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

    def of(self, kind: TaskName) -> "Objective":
        """Returns the objective of a kind of task: its own metrics where none are named.

        Raises:
            SettingError: a metric that is named means nothing there, or something else than it seems.
        """
        named = self.model_fields_set
        rules = KINDS[kind]
        defaults = {
            "metric": rules.metrics[0],
            "steer": rules.steering[0],
            "calibration": rules.calibrations[0],
        }
        changed = {name: value for name, value in defaults.items() if name not in named}
        check_metrics({name: changed.get(name, getattr(self, name)) for name in defaults}, kind)
        if self.prevalence is not None and kind != "binary":
            raise SettingError(
                "prevalence",
                f"objective.prevalence is the share of one positive class, which a task of {kind} has not",
            )
        if all(getattr(self, name) == value for name, value in changed.items()):
            return self
        made = self.model_copy(update=changed)
        made.model_fields_set.intersection_update(named)
        return made


def check_metrics(objective: Mapping[str, Any], kind: TaskName) -> None:
    """Refuses metrics and calibrations that a kind of task does not have.

    Args:
        objective: `metric`, `steer` and `calibration`, where they are written; what is no text is left to
            their types.
        kind: the kind of task.

    Raises:
        SettingError: a metric means nothing there, or something else than it seems.
    """
    for name in ("metric", "steer", "calibration"):
        try:
            if isinstance(objective.get(name), str):
                KINDS[kind].check(objective[name], f"objective.{name}")
        except RunError as error:
            raise SettingError(name, str(error)) from None


class Events(Frozen):
    """How decisions of windows become seizure events, and how these are scored; needs data with times."""

    scorer: Literal["szcore", "ovlp"] = Field(
        default="szcore", description="SzCORE's parameters, or any overlap as NEDC's OVLP counts it"
    )
    drop_shorter_s: float = Field(default=0.0, ge=0, description="events shorter than this are dropped first")
    merge_gaps_s: float = Field(default=0.0, ge=0, description="then gaps shorter than this are closed")
    positive: Annotated[tuple[Label, ...], BeforeValidator(as_tuple)] = Field(
        default=(),
        exclude_if=lambda positive: not positive,
        description="of K classes: those that are seizures, such as [focal, generalised]; left out, classes "
        "have no event scores",
    )

    def places(self, classes: Sequence[Label]) -> tuple[int, ...]:
        """Returns the places of the positive classes among all; none where the study names none.

        Raises:
            RunError: it names what is no class, or all of them.
        """
        found = set()
        for name in self.positive:
            if (place := place_of(name, classes)) is None:
                raise RunError(
                    f"events.positive must be of the classes {first_of(map(repr, classes), 10)}, "
                    f"but got {name!r}"
                )
            found.add(place)
        if found and len(found) == len(classes):
            raise RunError(
                "events.positive must leave a class out, which is background, but got all: "
                f"{first_of(map(repr, classes), 10)}"
            )
        return tuple(sorted(found))


UNSAID = Events()
"""Events of a study that says nothing of them."""


class Training(Frozen):
    """How one trial is trained."""

    epochs: int = Field(default=30, ge=1, description="the most that a trial trains")
    patience: int = Field(default=8, ge=1, description="epochs without a better value before the end")
    min_delta: float = Field(default=0.0, ge=0, description="the least gain that counts as better")
    schedule: Literal["plateau", "cosine"] = Field(
        default="plateau", description="the rate: lower where nothing gets better, or a cosine to 0"
    )
    plateau_patience: int = Field(
        default=3, ge=1, description="epochs without a better value before the rate is lowered"
    )
    plateau_factor: float = Field(default=0.5, gt=0, le=1, description="the rate is multiplied by it")
    mixed_precision: Literal["auto", "none", "bfloat16", "float16"] = Field(
        default="auto", description="training alone: scores are always computed in float32; auto: on a GPU"
    )
    xla: Literal["auto"] | bool = Field(default="auto", description="compile with XLA; auto: on a GPU")
    feature_cache: bool = Field(default=True, description="of frozen layers: computed once for all trials")


class Asha(Frozen):
    """Successive halving (Li et al. 2020): at `grace * reduction^k` epochs the worse trials stop."""

    enabled: bool = Field(default=True, description="whether worse trials stop early")
    grace: int = Field(default=3, ge=1, description="epochs every trial may train")
    reduction: int = Field(default=3, ge=2, description="at each rung one trial in so many goes on")


class Search(Frozen):
    """How configurations are chosen."""

    portfolio: bool = Field(
        default=True,
        description="first ask configurations that did well on other data: at most 8, and half of the trials",
    )


class Study(Frozen):
    """Everything a search is: data, splits, network, space, rules and limits."""

    name: str = Field(default="study", pattern=f"^{NAME}$", description="of the run's folder")
    preset: str | None = Field(
        default=None,
        description="quickstart, seizure or image: settings to start from, which the study overrides",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="of draws, weights, shuffling and half-splits")
    data: Data = SimulatedEeg()
    task: Task = Field(
        default=BINARY,
        exclude_if=lambda task: task == BINARY,
        description="what the labels turned out to ask; written by a run",
    )
    split: Split = Split()
    trunk: Trunk = Trunk()
    space: Space = Field(default=Space(), validate_default=True)
    threshold: Threshold = Field(default={}, validate_default=True)
    objective: Objective = Field(default=Objective(), validate_default=True)
    events: Events = Events()
    training: Training = Training()
    asha: Asha = Asha()
    search: Search = Search()
    budget: Budget = Budget()
    resources: Resources = Resources()
    keep: Keep = Keep()
    track: Track = Track()
    storage: Storage = Field(
        default=None,
        description="a shared folder or a URI such as s3://bucket/runs: runs are written there, too",
    )
    database: Database = Field(
        default="sqlite",
        description="where Optuna's dashboard finds the run: sqlite (a file of the run), none, or "
        "postgresql://user@host/name",
    )
    warm_start: str | None = Field(
        default=None, description="a finished run of the same space, whose trials the sampler starts from"
    )

    @field_validator("task")
    @classmethod
    def _as_the_data_say(cls, task: Task, info: ValidationInfo) -> Task:
        kind = info.data["data"].kind if "data" in info.data else None
        if task != BINARY and kind not in (None, task.name):
            raise ValueError(f"data.task asks for {kind}, but task is {task.name}")
        return task

    @field_validator("space")
    @classmethod
    def _heads_of_the_task(cls, space: Space, info: ValidationInfo) -> Space:
        return space.of(_kind(info))

    @field_validator("threshold", mode="before")
    @classmethod
    def _rules_of_the_task(cls, threshold: Any, info: ValidationInfo) -> Any:
        return written_for(threshold, _kind(info))

    @field_validator("objective", mode="before")
    @classmethod
    def _known_to_the_task(cls, objective: Any, info: ValidationInfo) -> Any:
        kind = _kind(info)
        if kind is not None and isinstance(objective, Mapping):
            check_metrics(objective, kind)
        return objective

    @field_validator("objective")
    @classmethod
    def _metrics_of_the_task(cls, objective: Objective, info: ValidationInfo) -> Objective:
        kind = _kind(info)
        return objective if kind is None else objective.of(kind)

    @field_validator("events")
    @classmethod
    def _positive_of_classes(cls, events: Events, info: ValidationInfo) -> Events:
        kind = _kind(info)
        if events.positive and kind not in (None, "classes"):
            there = "of two values data.positive names it" if kind == "binary" else "leave it out"
            raise SettingError(
                "positive", f"events.positive is of a task of classes, but the task is {kind}; {there}"
            )
        data = info.data.get("data")
        if events.positive and isinstance(data, Npz | Table) and data.seizures is not None:
            raise SettingError(
                "positive",
                "events.positive needs the class of every seizure, which data.seizures does not say; leave "
                "data.seizures out: then rows of these classes that touch are one seizure",
            )
        if isinstance(data, Eeg) and data.classes:  # known before recordings are read, which may take hours
            try:
                events.places(data.answers)
            except RunError as error:
                raise SettingError("positive", str(error)) from None
        return events

    @property
    def trains(self) -> bool:
        """Whether there are models to train; False where the data are scores of models that exist."""
        return not isinstance(self.data, Scores)


def _kind(info: ValidationInfo) -> TaskName | None:
    """The kind of task of a study whose earlier parts were read; None where only the labels will say it."""
    task, data = info.data.get("task", BINARY), info.data.get("data")
    kind: TaskName | None = None if data is None else data.kind
    return task.name if task != BINARY else kind


OF_TRAINING = frozenset(
    {"preset", "split", "trunk", "space", "training", "asha", "search", "budget", "resources", "keep",
     "track", "storage", "database", "warm_start"}
)  # fmt: skip
"""Parts of a study that mean nothing where there is nothing to train."""
