"""The record: what one finished trial leaves behind. Leaderboards and samplers are rebuilt from records."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from spaces.base import Frozen, Label
from spaces.configuration import Config
from spaces.tasks import TaskName, sign_of

State = Literal["completed", "stopped", "failed"]
"""Trained to its end; stopped early by successive halving; or failed, with its reason."""

Kind = Literal["baseline", "author", "portfolio", "search", "given"]
"""A yardstick; the trunk's published settings; a configuration that did well on other data; one the sampler
drew; or a column of scores of a model that exists already."""


GroupsKnown = Literal["known", "unknown", "one, by recording", "one, by time"]
"""Whether the data name the groups of rows, or all rows are of one patient, and how that was split."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric with its 95% bootstrap interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        if any(number is not None and math.isnan(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"undefined must be None in an estimate, but got nan: {self}")


def defined(value: float) -> float | None:
    """Returns the value, or None for NaN: files hold null where a number is undefined."""
    return None if math.isnan(value) else float(value)


def kind_of(reason: str) -> str:
    """Returns a reason without its numbers: `nan in epoch 2` and `nan in epoch 3` are one reason."""
    return "".join(character for character in reason if not character.isdigit())


def _not_nan(value: float) -> float:
    if math.isnan(value):
        raise ValueError("undefined must be None in a record, but got nan")
    return value


PROOF_TOLERANCE = 1e-4
"""Largest relative difference between the trained loss and that of the scores by which a decode is proven."""

Unbounded = Annotated[float, Field(allow_inf_nan=True), AfterValidator(_not_nan)]
"""A point on the scale of the scores; infinity is one ("never alarm")."""


def _of_many() -> Any:
    """A field that only tasks with several scores have: where it is None it is not written."""
    return Field(default=None, exclude_if=lambda value: value is None)


class Ask(Frozen):
    """A trial to be run: drawn, but not finished.

    Args:
        number: its place in the run, from 0.
        kind: where it comes from.
        baseline: `prevalence`, `logistic_regression` or `always` for a baseline.
        column: the column of scores, for scores that are given.
        config: what to train, for everything else.
        drawn: the values the sampler drew, or was told to draw, by its own names.
        seed: of weights, shuffling and dropout.
    """

    number: int = Field(ge=0)
    kind: Kind
    baseline: str | None = None
    column: str | None = None
    config: Config | None = None
    drawn: dict[str, Any] = Field(default_factory=dict)
    seed: int

    @property
    def name(self) -> str | None:
        """What a trial without a configuration is called: its baseline, or its column of given scores."""
        return self.baseline or self.column

    @property
    def sampled(self) -> bool:
        """Whether it is a point of the study's space, which the sampler learns from."""
        return self.kind in ("portfolio", "search")

    @property
    def trial_id(self) -> str:
        """The name of the trial in files and columns."""
        return f"{self.number:05d}"


class Record(Frozen):
    """One finished trial.

    In-sample numbers (`threshold_score`, `metrics`) come from all validation rows; `value` is cross-fitted.
    `gpu_ids` are those that Ray gave the worker, `0` or `0,1`; `fused` is how many trials one program trained
    at once, None where it was this one alone; `precision` is that of the training alone.
    `cpu_flags` and `onednn` are those of the host, see `search.networks.backend`; None where they
    were not recorded. `digests` are those of the trial's validation scores, `raw` and `score`; empty where
    it has none, or was recorded before digests were. What there is one of for each class or label, in their
    order, stands in lists: see `search.evaluation.scoring.Described` and `Estimates`.
    """

    # JSON writes an infinity as a word. Undefined is None.
    model_config = ConfigDict(ser_json_inf_nan="strings")

    ask: Ask
    task: TaskName = Field(default="binary", exclude_if=lambda task: task == "binary")
    state: State
    error: str | None = None
    objective: str
    value: float | None = None
    value_fa_per_day: float | None = None
    steering: str
    steering_value: float | None = None
    threshold_score: Unbounded | None = None
    threshold: float | None = None
    threshold_policy: str
    plateau_low: Unbounded | None = None
    plateau_high: Unbounded | None = None
    calibration: str
    calibration_a: float | None = None
    calibration_b: float | None = None
    calibration_note: str | None = None
    offsets: tuple[Unbounded, ...] | None = _of_many()
    thresholds: tuple[Unbounded, ...] | None = _of_many()
    plateaus_low: tuple[Unbounded, ...] | None = _of_many()
    plateaus_high: tuple[Unbounded, ...] | None = _of_many()
    calibrations_a: tuple[float, ...] | None = _of_many()
    calibrations_b: tuple[float, ...] | None = _of_many()
    reject_below: float | None = _of_many()
    top_k: int | None = _of_many()
    answers: tuple[Label, ...] | None = _of_many()
    constant: bool | None = _of_many()
    confusion: tuple[tuple[float, ...], ...] | None = _of_many()
    metrics: dict[str, Estimate] = Field(default_factory=dict)
    each: dict[str, tuple[Estimate, ...]] = Field(default_factory=dict, exclude_if=lambda each: not each)
    event_scoring: dict[str, str | float | list[Label]] | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    history: tuple[tuple[float, float, float], ...] = ()
    proof: float | None = None
    train_s: float
    started_at: str | None = None
    finished_at: str
    device: str
    gpu_ids: str | None = None
    gpu_share: float = 0.0
    fused: int | None = None
    precision: str | None = None
    node: str
    threads: int
    cpu_flags: str | None = None
    onednn: str | None = None
    groups: GroupsKnown
    leaky: bool
    cross_fit_by: str
    data_digest: str
    code_digest: str
    digests: dict[str, str] = Field(default_factory=dict)

    @property
    def constant_decision(self) -> bool | None:
        """Whether all validation rows are decided alike; None where nothing is decided."""
        if self.constant is not None:
            return self.constant
        if self.threshold_score is None:
            return None
        if math.isinf(self.threshold_score):
            return True
        shares = (self.metrics.get(name) for name in ("sensitivity", "specificity"))
        return tuple(None if share is None else share.value for share in shares) in ((1.0, 0.0), (0.0, 1.0))

    @property
    def merit(self) -> tuple[bool, float]:
        """What trials are ordered by, the largest first: one that decides something, then the better value.

        An undefined value comes last.
        """
        value = -math.inf if self.value is None else sign_of(self.objective) * self.value
        return not self.constant_decision, value
