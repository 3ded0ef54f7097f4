"""The seam between tasks and evaluation: what is asked of a task's scores, whatever kind of task it is.

A task has one `Scoring`, a frozen value: `BinaryScoring`, `ClassScoring`, `LabelScoring`,
`NumberScoring`. `evaluate` asks it alone. What a record holds of the answer:

- `Described`: how the scores are decided. What there is one of (a binary threshold; a calibration of all
  scores) are the scalars that records have always had; what there is one of for each class or label are lists
  in the order of the classes. What a task has not is None.
- `Estimates.whole` are the record's `metrics`: scalars, among them the macro, micro and weighted means.
- `Estimates.each` are lists in the order of the classes: recall, precision, f1, average_precision and roc_auc
  of each class or label, each with its interval.
- `Estimates.confusion`: K rows (the class a row has) of K + 1 counts (the class it is decided to be; last,
  those not decided).
- `value` is in the metric's own unit. Of two trials the better has the larger value, but for the metrics of
  `spaces.tasks.SMALLER_IS_BETTER`, where it is the smaller. Of what steers, the larger is always the better.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.events.evaluation import CrossFitted
from search.record import Estimate, defined
from search.scores.bootstrap import Interval
from search.scores.crossfit_sums import CrossfitSums
from search.scores.reference import Reference

F32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Described:
    """How scores are decided, as fields of a record; None where a task has no such thing.

    Args:
        threshold_score, threshold, plateau_low, plateau_high: of one threshold, as a record has them.
        calibration_a, calibration_b: of one calibration of all scores.
        calibration_note: why a calibration is the identity, if it had to be.
        offsets: of each class; those that are finite sum to zero, and -inf is never decided.
        thresholds: `threshold_score` of each label.
        plateaus_low, plateaus_high: of each offset or threshold.
        calibrations_a, calibrations_b: of each label.
        reject_below: rows whose largest probability is below it are not decided.
        top_k: how many labels each row is decided to have.
    """

    threshold_score: float | None = None
    threshold: float | None = None
    plateau_low: float | None = None
    plateau_high: float | None = None
    calibration_a: float | None = None
    calibration_b: float | None = None
    calibration_note: str | None = None
    offsets: tuple[float, ...] | None = None
    thresholds: tuple[float, ...] | None = None
    plateaus_low: tuple[float, ...] | None = None
    plateaus_high: tuple[float, ...] | None = None
    calibrations_a: tuple[float, ...] | None = None
    calibrations_b: tuple[float, ...] | None = None
    reject_below: float | None = None
    top_k: int | None = None


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """What decisions and scores of some rows come to.

    Args:
        whole: metrics of all rows, by name.
        each: metrics of each class or label, by name, in the order of the classes.
        confusion: K rows of K + 1 counts; None where there are no exclusive classes.
        constant: whether all rows are decided alike; None where a threshold tells it, or nothing is decided.
    """

    whole: dict[str, Estimate]
    each: dict[str, tuple[Estimate, ...]] = field(default_factory=dict)
    confusion: tuple[tuple[float, ...], ...] | None = None
    constant: bool | None = None


class Decision(Protocol):
    """What a task fits to rows: from raw scores to scores, and from these to decisions."""

    @property
    def described(self) -> Described: ...

    def apply(self, raw: F32) -> F32:
        """Scores of raw scores, of the same shape."""
        ...


FittedT = TypeVar("FittedT", bound=Decision)


class Scoring(Protocol[FittedT]):
    """What evaluation asks of a task; a frozen value that knows its rule, its calibration and its metric."""

    def fit(self, raw: F32, reference: Reference, *, probabilistic: bool) -> FittedT:
        """Fits calibration and decision to all rows.

        Args:
            raw: finite raw scores of the task's shape.
            reference: the rows they belong to.
            probabilistic: whether the raw scores may be called probabilities where no calibration is fitted.

        Raises:
            TrialError: the rule cannot be met.
        """
        ...

    def estimates(self, fitted: FittedT, score: F32, reference: Reference) -> Estimates:
        """Every metric that means something, with intervals by bootstrap over groups."""
        ...

    def cross_fitted(self, raw: F32, reference: Reference) -> CrossFitted:
        """The objective, fitted on one half of the rows and measured on the other; NaN where undefined."""
        ...


class Contending(Protocol):
    """What a comparison of trials asks of a task's `Scoring`, too.

    Trials of the binary task are compared by `search.comparison.selection`, from one sort of their scores.
    """

    def held_out(self, raw: F32, reference: Reference, piece: NDArray[np.intp], pieces: int) -> CrossfitSums:
        """The trial on resamples of pieces of the rows, for ties and for what its pick is worth.

        Ties compare `values(times)` less the value of all rows; what the best of a resample is worth is its
        value at `times == 0`.

        Args:
            raw, reference: see `Scoring.fit`.
            piece, pieces: which piece each row belongs to `(n,)`, and how many there are.

        Raises:
            TrialError: the rule cannot be met on a half.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Evaluated(Generic[FittedT]):
    """Raw scores of a trial, evaluated.

    Args:
        fitted: calibration and decision, of all rows.
        score: the calibrated scores.
        estimates: in-sample metrics.
        value: the objective, cross-fitted; None where undefined.
        value_fa_per_day: false alarms per 24 h of the decisions behind it, of event studies; or None.
    """

    fitted: FittedT
    score: F32
    estimates: Estimates
    value: float | None = None
    value_fa_per_day: float | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a record that tell how scores are decided, and what that comes to."""
        found = self.estimates
        return {
            **asdict(self.fitted.described),
            "metrics": found.whole,
            "each": found.each,
            "confusion": found.confusion,
            "constant": found.constant,
        }


def evaluate_in_sample(
    raw: F32, reference: Reference, scoring: Scoring[FittedT], *, probabilistic: bool
) -> Evaluated[FittedT]:
    """Evaluates raw scores without cross-fitting; see `Scoring.fit`."""
    fitted = scoring.fit(raw, reference, probabilistic=probabilistic)
    score = fitted.apply(raw)
    return Evaluated(fitted=fitted, score=score, estimates=scoring.estimates(fitted, score, reference))


def evaluate(
    raw: F32, reference: Reference, scoring: Scoring[FittedT], *, probabilistic: bool
) -> Evaluated[FittedT]:
    """Evaluates raw scores on the validation rows; see `Scoring.fit`."""
    found = evaluate_in_sample(raw, reference, scoring, probabilistic=probabilistic)
    value = scoring.cross_fitted(raw, reference)
    return Evaluated(
        fitted=found.fitted,
        score=found.score,
        estimates=found.estimates,
        value=defined(value.value),
        value_fa_per_day=defined(value.fa_per_day),
    )


def estimate(value: float, interval: Interval = (float("nan"), float("nan"))) -> Estimate:
    """A metric with its interval as a record holds them: None where undefined."""
    return Estimate(value=defined(value), low=defined(interval[0]), high=defined(interval[1]))


UNDEFINED = estimate(float("nan"))
"""Of a metric that the scores do not allow."""
