"""The settings of threshold policies."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from spaces.base import Frozen

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
