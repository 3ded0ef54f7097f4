"""Cross-fitting: measures a trial on rows that its calibration and threshold were not fitted on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import CalibrationMethod
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_at
from search.scores.ranking import positives
from search.scores.thresholds import NO_LIMITS, Limits, choose, curve
from spaces.errors import RunError, TrialError
from spaces.policies import Chosen

SPLITS = 10
SCORE_METRICS = RANKING_METRICS | PROBABILITY_METRICS
"""Metrics that need no threshold."""


@dataclass(frozen=True, eq=False)
class Halves:
    """The half-splits of the validation rows, drawn once per study and shared by all its trials.

    Args:
        by: what was kept in one piece.
        mask: which rows are in the first half, bool `(n, splits)`.
    """

    by: Literal["group", "recording", "block", "row"]
    mask: NDArray[np.bool_]


def draw_halves(
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    recordings: NDArray[Any] | None,
    seed: int,
    splits: int = SPLITS,
    *,
    which: str = "validation needs",
    remedy: str = "use more groups or a larger split.validation",
) -> Halves:
    """Draws half-splits in which each half holds a positive group and a negative row.

    Positive groups, and groups with negative rows, are each dealt out as evenly as possible (the halves
    differ by one at most). Where groups do not allow it, recordings are dealt out instead; where neither
    groups nor recordings are known, rows.

    Args:
        y: 0/1 or bool `(n,)`.
        groups: the group of each row (a patient, else a file), any type that sorts, `(n,)`.
        recordings: the recording of each row, `(n,)`.
        seed: of the draw.
        splits: how many.
        which, remedy: what the rows are called, and what a person can do, for messages.

    Raises:
        RunError: nothing that may be dealt out has two positive units and two with negative rows.
    """
    positive = positives(y, np.asarray(y))
    came = []
    for by, names in dealt_out(groups, recordings, positive.size).items():
        unit, has_positive, has_negative = _contents(positive, names)
        if has_positive.sum() >= 2 and has_negative.sum() >= 2:
            rng = np.random.default_rng(seed)
            masks = [_deal(has_positive, has_negative, rng)[unit] for _ in range(splits)]
            return Halves(by, np.stack(masks, axis=1))
        came.append(f"{has_positive.sum()} {by}s with positives and {has_negative.sum()} with negatives")
    raise RunError(
        f"{which} two groups (or recordings) with positive rows and two with negative rows, one for "
        f"each half of a cross-fit, but got {', '.join(came)}; {remedy}",
        exit_code=2,
    )


def dealt_out(
    groups: NDArray[Any] | None, recordings: NDArray[Any] | None, rows: int
) -> dict[Literal["group", "recording", "row"], NDArray[Any]]:
    """What half-splits may keep in one piece, in the order in which it is tried: the unit of each row."""
    units: dict[Literal["group", "recording", "row"], NDArray[Any]] = {}
    if groups is not None:
        units["group"] = groups
    if recordings is not None:
        units["recording"] = recordings
    return units or {"row": np.arange(rows)}


def _contents(
    positive: NDArray[np.bool_], names: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """The unit number of each row `(n,)`, and whether each unit holds positives, negatives `(units,)`."""
    if np.shape(names) != positive.shape:
        raise ValueError(
            f"groups must have the shape of the labels, {positive.shape}, but got {np.shape(names)}"
        )
    unit = np.unique(names, return_inverse=True)[1]
    rows = np.bincount(unit)
    found = np.bincount(unit, weights=positive)
    return unit, found > 0, found < rows


def _deal(
    has_positive: NDArray[np.bool_], has_negative: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which units go to the first half, `(units,)`.

    Units with both kinds of rows are dealt in turn, then those with positives only, beginning with the
    half that is behind in positives, then those with negatives only, beginning with the half that is
    behind in negatives. With two units of each kind no half can go without.
    """
    first = np.zeros(has_positive.size, np.bool_)
    start = int(rng.integers(2))
    mixed = int((has_positive & has_negative).sum())
    behind = (start + mixed) % 2
    for kind, begin in (
        (has_positive & has_negative, start),
        (has_positive & ~has_negative, behind),
        (has_negative & ~has_positive, behind if mixed % 2 else int(rng.integers(2))),
    ):
        shuffled = rng.permutation(np.flatnonzero(kind))
        first[shuffled] = (np.arange(shuffled.size) + begin) % 2 == 0
    return first


def cross_fit(
    y: NDArray[Any],
    raw: NDArray[np.float32],
    halves: Halves,
    calibrate: CalibrationMethod,
    policy: Chosen,
    metric: str,
    limits: Limits = NO_LIMITS,
) -> float:
    """Mean of a metric over both halves of every split, each measured after fitting on the other half.

    Args:
        y: 0/1 or bool `(n,)`.
        raw: finite raw scores, float32 `(n,)`.
        halves: from `draw_halves` of the same rows.
        calibrate: an entry of `CALIBRATIONS`, fitted anew on each half.
        policy: the threshold's rule, chosen anew on each half; a sampled threshold is a `Fixed`.
        metric: a name of METRICS, RANKING_METRICS or PROBABILITY_METRICS; the latter two use no threshold.
        limits: what the threshold must keep on the half it is chosen on.

    Returns:
        The mean over splits of the mean of both halves; NaN if the metric is undefined on any half, or the
        rule cannot be met on one.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    if not np.isfinite(raw).all():
        raise TrialError(f"raw scores must be finite, but got {int((~np.isfinite(raw)).sum())} that are not")
    positive = positives(y, raw)

    def measured(fitted: NDArray[np.bool_]) -> float:
        score = calibrate(positive[fitted], raw[fitted]).calibration.apply(raw)
        if metric in SCORE_METRICS:
            return SCORE_METRICS[metric](positive[~fitted], score[~fitted])
        return half_value(positive, score, fitted, policy, metric, limits)

    return mean_over_halves(halves, measured)


def mean_over_halves(halves: Halves, measured: Callable[[NDArray[np.bool_]], float]) -> float:
    """Mean over splits of the mean of both halves; NaN if it is undefined on any of them.

    Args:
        halves: the half-splits.
        measured: from which rows something is fitted on, `(n,)`, to its value on the others.
    """
    values = []
    for half in halves.mask.T:
        for fitted in (half, ~half):
            values.append(measured(fitted))
            if np.isnan(values[-1]):
                return float("nan")
    return float(np.mean(values))


def half_value(
    positive: NDArray[np.bool_],
    score: NDArray[np.float32],
    fitted: NDArray[np.bool_],
    policy: Chosen,
    metric: str,
    limits: Limits = NO_LIMITS,
) -> float:
    """A metric of METRICS on one half after the threshold was chosen on the other, `fitted`; or NaN.

    Args:
        positive: labels `(n,)`.
        score: scores of all rows, calibrated on the fitted half, float32 `(n,)`.
        fitted: which rows those are, `(n,)`.
        policy, metric, limits: see `cross_fit`.
    """
    try:
        choice = choose(curve(positive[fitted], score[fitted]), policy, limits)
    except TrialError:  # the rule cannot be met on this half, so there is no threshold to measure
        return float("nan")
    return float(METRICS[metric](counts_at(positive[~fitted], score[~fitted], choice.threshold_score)))
