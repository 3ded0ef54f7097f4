"""The settings of threshold policies: of one threshold, of the offsets of K classes, of K labels."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from spaces.base import Frozen, Label
from spaces.errors import RunError, first_of

Probability = Annotated[float, Field(gt=0, lt=1)]


class Fixed(Frozen):
    """A probability chosen by hand; the decision is `score >= logit(at)`."""

    policy: Literal["fixed"]
    at: Probability = Field(default=0.5, description="the probability")


class MaxF1(Frozen):
    """The largest F-beta (beta > 1 favours sensitivity; van Rijsbergen 1979)."""

    policy: Literal["max_f1"] = "max_f1"
    beta: float = Field(default=1.0, gt=0, le=100, description="how much more sensitivity counts")


class Youden(Frozen):
    """The largest sensitivity + specificity - 1 (Youden 1950)."""

    policy: Literal["youden"]


class MaxBalancedAccuracy(Frozen):
    """The largest mean of sensitivity and specificity: the same cuts as `youden`, on another scale."""

    policy: Literal["max_balanced_accuracy"]


class Cost(Frozen):
    """The smallest `c_fp * false positives + c_fn * false negatives`."""

    policy: Literal["cost"]
    c_fp: float = Field(default=1.0, gt=0, description="cost of a false positive")
    c_fn: float = Field(default=1.0, gt=0, description="cost of a false negative")


class PrecisionAtRecall(Frozen):
    """The largest precision among cuts whose sensitivity is at least `recall`."""

    policy: Literal["precision_at_recall"]
    recall: float = Field(default=0.95, gt=0, le=1, description="the least sensitivity")


class RecallAtPrecision(Frozen):
    """The largest sensitivity among cuts whose precision is at least `precision`."""

    policy: Literal["recall_at_precision"]
    precision: float = Field(default=0.95, gt=0, le=1, description="the least precision")


class SensitivityAtFaPerDay(Frozen):
    """The largest share of seizures found among thresholds with at most so many false alarms per 24 hours.

    Events are made and scored as the study's `events:` says; 200 quantiles of the scores are tried.
    """

    policy: Literal["sensitivity_at_fa_per_day"]
    fa_per_day: float = Field(default=2.0, ge=0, description="the most false alarms per 24 hours")


class Sampled(Frozen):
    """A probability drawn for each trial by the sampler, like any other parameter."""

    policy: Literal["sampled"]
    low: Probability = Field(description="the least probability")
    high: Probability = Field(description="the largest")

    @model_validator(mode="after")
    def _ordered(self) -> "Sampled":
        if self.low >= self.high:
            raise ValueError(
                f"threshold.low must be below threshold.high, but got {self.low} and {self.high}"
            )
        return self


def with_policy(value: Any) -> Any:
    """Fills in the policy that `{}`, `{beta: 2}` and `{low: .1, high: .9}` leave out."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"policy": "fixed", "at": value}
    if isinstance(value, str):
        return {"policy": value}
    if isinstance(value, dict) and "policy" not in value:
        return {"policy": "sampled" if {"low", "high"} & value.keys() else "max_f1", **value}
    return value


Chosen = Fixed | MaxF1 | Youden | MaxBalancedAccuracy | Cost | PrecisionAtRecall | RecallAtPrecision
"""A rule that a threshold can be fitted by, from windows alone."""

Threshold = Annotated[
    Annotated[Chosen | SensitivityAtFaPerDay | Sampled, Field(discriminator="policy")],
    BeforeValidator(with_policy),
]
"""What a study's `threshold:` may hold."""


class OfClasses(Frozen):
    """What all rules for the offsets of K classes share."""

    reject_below: Probability | None = Field(
        default=None, description="rows whose largest probability is below it are not decided"
    )


class Argmax(OfClasses):
    """The class with the largest score: no offsets."""

    policy: Literal["argmax"]


class MaxMacroF1(OfClasses):
    """The largest mean of the F1 of all classes."""

    policy: Literal["max_macro_f1"] = "max_macro_f1"


class MaxMeanRecall(OfClasses):
    """The largest mean of the recall of all classes, which is their balanced accuracy."""

    policy: Literal["max_balanced_accuracy"]


class CostMatrix(OfClasses):
    """The smallest sum of costs over all rows.

    A row of `costs` is the class a row has, a column the class it is decided to be, in the order of the
    classes; what is right costs nothing.
    """

    policy: Literal["cost"]
    costs: tuple[tuple[float, ...], ...] = Field(description="K rows of K costs, 0 where they are right")

    @model_validator(mode="after")
    def _square(self) -> "CostMatrix":
        lengths = [len(row) for row in self.costs]
        if len(lengths) < 2 or set(lengths) != {len(lengths)}:
            raise ValueError(
                "threshold.costs must be K rows of K numbers for K classes of two or more, "
                f"but got rows of {lengths}"
            )
        for true, row in enumerate(self.costs):
            for decided, cost in enumerate(row):
                if cost < 0 or (true == decided and cost):
                    rule = "must be 0 on the diagonal" if true == decided else "must be at least 0"
                    raise ValueError(
                        f"threshold.costs {rule}, but got {cost:g} in row {true}, column {decided}"
                    )
        if not any(cost for row in self.costs for cost in row):
            raise ValueError("threshold.costs must hold a cost above 0, but got zeros alone")
        return self

    def of(self, classes: Sequence[Label]) -> tuple[tuple[float, ...], ...]:
        """Returns the costs, if there is a row for each of the classes.

        Raises:
            RunError: the study has another number of classes.
        """
        if len(self.costs) != len(classes):
            raise RunError(
                f"threshold.costs must have a row for each class, but got {len(self.costs)} rows for "
                f"{len(classes)} classes: {first_of(map(repr, classes), 10)}"
            )
        return self.costs


class RecallAt(OfClasses):
    """The least offset of one class with which its recall is at least `recall`.

    The other offsets are those with which the macro F1 is largest then.
    """

    policy: Literal["recall_at"]
    of_class: Label = Field(description="the class, as the labels name it")
    recall: float = Field(default=0.95, gt=0, le=1, description="its least recall")

    def code(self, classes: Sequence[Label]) -> int:
        """Returns the place of the class among the classes.

        Raises:
            RunError: it is none of them.
        """
        places = [k for k, name in enumerate(classes) if type(name) is type(self.of_class)]
        for k in places:
            if classes[k] == self.of_class:
                return k
        raise RunError(
            f"threshold.of_class must be one of the classes {first_of(map(repr, classes), 10)}, "
            f"but got {self.of_class!r}"
        )


class MaxMicroF1(Frozen):
    """One threshold for all labels: the largest F1 of all their decisions taken together."""

    policy: Literal["max_micro_f1"]


class TopK(Frozen):
    """The `k` labels of a row with the largest scores; of equal scores the later label."""

    policy: Literal["top_k"]
    k: int = Field(default=1, ge=1, description="how many labels each row has")


ClassRule = Argmax | MaxMacroF1 | MaxMeanRecall | CostMatrix | RecallAt
"""A rule that the offsets of K classes can be fitted by."""

LabelRule = Chosen | MaxMicroF1 | TopK
"""A rule that K labels can be decided by; one of a single threshold is used for each label by itself."""


def with_class_policy(value: Any) -> Any:
    """Fills in the policy that `argmax`, `{}` and `{reject_below: .5}` leave out."""
    if isinstance(value, str):
        return {"policy": value}
    return {"policy": "max_macro_f1", **value} if isinstance(value, dict) else value


ClassThreshold = Annotated[
    Annotated[ClassRule, Field(discriminator="policy")], BeforeValidator(with_class_policy)
]
"""What the `threshold:` of a study of K classes may hold."""

LabelThreshold = Annotated[Annotated[LabelRule, Field(discriminator="policy")], BeforeValidator(with_policy)]
"""What the `threshold:` of a study of K labels may hold."""
