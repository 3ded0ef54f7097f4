"""The settings of threshold policies: of one threshold, of the offsets of K classes, of K labels."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, model_validator

from spaces.base import Frozen, Label, place_of
from spaces.errors import RunError, first_of
from spaces.tasks import KINDS, TaskName

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

    @property
    def in_whole_numbers(self) -> tuple[float, float]:
        """Both costs in whole numbers of the same ratio: what costs the same then does so to the last bit.

        As they are where that takes numbers of 2^31 and more.
        """
        ratio = Fraction(repr(self.c_fp)) / Fraction(repr(self.c_fn))
        whole = ratio.numerator, ratio.denominator
        return (float(whole[0]), float(whole[1])) if max(whole) < 2**31 else (self.c_fp, self.c_fn)


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

BinaryRule = Chosen | SensitivityAtFaPerDay | Sampled
"""A rule of one threshold."""
BinaryThreshold = Annotated[
    Annotated[BinaryRule, Field(discriminator="policy")], BeforeValidator(with_policy)
]
"""What the `threshold:` of a binary study may hold."""


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

        Numbers compare by value, so 1, 1.0 and true name the same class, and so does "1" where the classes
        are numbers: on a command line everything is text.

        Raises:
            RunError: it is none of them.
        """
        asked = self.of_class
        if isinstance(asked, str) and not any(isinstance(name, str) for name in classes):
            asked = _as_number(asked)
        if (place := place_of(asked, classes)) is not None:
            return place
        of_text = isinstance(classes[0], str) and not isinstance(asked, str)
        raise RunError(
            f"threshold.of_class must be one of the classes {first_of(map(repr, classes), 10)}, "
            f"but got {self.of_class!r}" + ("; the classes are text: quote it" if of_text else "")
        )


def _as_number(text: str) -> Label:
    """What text says of a class that is a number or a truth value; the text itself where it says nothing."""
    words = {"true": True, "false": False}
    try:
        return words[text.strip().lower()] if text.strip().lower() in words else float(text)
    except ValueError:
        return text


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


def check_answers(rule: BaseModel, answers: Sequence[Label]) -> None:
    """Refuses a rule that asks for other classes or labels than there are.

    Args:
        rule: of any task.
        answers: the classes or labels, in order.

    Raises:
        RunError: it names a class that is none, has costs of another number of classes, or takes more labels
            than there are.
    """
    if isinstance(rule, CostMatrix):
        rule.of(answers)
    elif isinstance(rule, RecallAt):
        rule.code(answers)
    elif isinstance(rule, TopK) and rule.k > len(answers):
        raise RunError(f"threshold.k must be at most the number of labels, {len(answers)}, but got {rule.k}")


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


class Undecided(Frozen):
    """A number is its own answer: nothing is decided, so there is nothing to choose."""

    policy: Literal["none"] = "none"


def with_none(value: Any) -> Any:
    """Fills in the policy of a number, which is `none`."""
    return {"policy": value} if isinstance(value, str) else value


Rule = BinaryRule | ClassRule | LabelRule | Undecided
"""A rule of any task."""
_RULES: Mapping[TaskName, tuple[type[BaseModel], ...]] = MappingProxyType(
    {
        "binary": get_args(BinaryRule),
        "classes": get_args(ClassRule),
        "labels": get_args(LabelRule),
        "number": (Undecided,),
    }
)
_SPELLED = MappingProxyType(
    {"binary": with_policy, "classes": with_class_policy, "labels": with_policy, "number": with_none}
)
POLICIES: Mapping[TaskName, tuple[str, ...]] = MappingProxyType(
    {kind: tuple(get_args(rule.model_fields["policy"].annotation)[0] for rule in rules)
     for kind, rules in _RULES.items()}
)  # fmt: skip
"""The names of the rules of each task."""
THRESHOLD_TAGS = frozenset(POLICIES) | {name for names in POLICIES.values() for name in names}
"""What names a task or a rule where a setting of `threshold:` is found to be wrong."""


class _Written(dict[str, Any]):
    """A rule as a study has it, with the task that it is read for."""

    kind: TaskName = "binary"


def written_for(value: Any, kind: TaskName | None) -> Any:
    """Returns a rule as it is read for a kind of task.

    Args:
        value: as written, or a rule that was read before the kind was known.
        kind: None where only the labels will say it: then it is read for the first kind that has such a rule.

    Raises:
        ValueError: the rule is of other tasks.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True) | {"policy": getattr(value, "policy", None)}
    spelled = _SPELLED[kind](value) if kind is not None else _spelled_for_any(value)
    if not isinstance(spelled, dict):
        return spelled
    if kind is not None:
        _check_known(spelled, kind)
    found = _Written(spelled)
    found.kind = kind if kind is not None else _first_that_fits(spelled)
    return found


def _spelled_for_any(value: Any) -> Any:
    of_classes = isinstance(value, dict) and "reject_below" in value
    return (with_class_policy if of_classes else with_policy)(value)


def _check_known(written: Mapping[str, Any], kind: TaskName) -> None:
    """Refuses a rule of other kinds alone; a name that no kind has is left to the types.

    Raises:
        ValueError: the rules of this kind, and why not that one.
    """
    policy = written.get("policy")
    if policy in POLICIES[kind] or not any(policy in names for names in POLICIES.values()):
        return
    why = KINDS[kind].refused.get(str(policy))
    raise ValueError(
        f"threshold of a task of {kind} must be one of {', '.join(POLICIES[kind])}, but got {policy}"
        + ("" if why is None else f": {why}")
    )


def _first_that_fits(written: Mapping[str, Any]) -> TaskName:
    return next((kind for kind in KINDS if _fits(written, kind)), "binary")


def _fits(written: Mapping[str, Any], kind: TaskName) -> bool:
    """Whether a kind has a rule of this name with these settings."""
    return any(
        written.get("policy") == name and written.keys() <= rule.model_fields.keys()
        for name, rule in zip(POLICIES[kind], _RULES[kind], strict=True)
    )


def _kind_of(value: Any) -> str:
    """The kind of task that a rule is read for, or was."""
    if isinstance(value, BaseModel):
        return next(kind for kind, rules in _RULES.items() if isinstance(value, rules))
    return value.kind if isinstance(value, _Written) else "binary"


Threshold = Annotated[
    Annotated[BinaryThreshold, Tag("binary")]
    | Annotated[ClassThreshold, Tag("classes")]
    | Annotated[LabelThreshold, Tag("labels")]
    | Annotated[Undecided, Tag("number")],
    Discriminator(_kind_of),
]
"""What a study's `threshold:` may hold, once `written_for` has said for which task."""
