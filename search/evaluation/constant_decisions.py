"""Why a rule decided all rows alike, and which cut that decides something comes nearest."""

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import Policy
from search.events.evaluation import nearest_event_choice
from search.events.scoring import EVENT_METRICS, fa_per_day
from search.scores.metrics import METRICS, counts_at, sigmoid
from search.scores.reference import Reference
from search.scores.thresholds import Choice, best_deciding, curve
from spaces.policies import Cost, Fixed, SensitivityAtFaPerDay
from spaces.study import Events


def why_constant(
    reference: Reference, score: NDArray[np.float32], threshold_score: float, policy: Policy, events: Events
) -> str:
    """Returns why a rule decided all rows alike, with its numbers, and the nearest cut that decides.

    Args:
        reference: the validation rows.
        score: calibrated scores `(n,)`, float32.
        threshold_score: what the rule chose; it decides all rows alike.
        policy: the rule.
        events: how decisions become events.
    """
    always = bool((score >= np.float32(threshold_score)).all())
    says = "positive" if always else "negative"
    if isinstance(policy, SensitivityAtFaPerDay):
        return _of_events(reference, score, policy, events, always=always)
    if isinstance(policy, Fixed):
        return (
            f"the fixed threshold {policy.at:g} lies {'below' if always else 'above'} all scores, whose "
            f"probabilities reach from {_probability(score.min())} to {_probability(score.max())}"
        )
    found = best_deciding(curve(reference.y, score), policy)
    if isinstance(policy, Cost):
        needed = policy.c_fp / (policy.c_fp + policy.c_fn)
        why = (
            f"at costs c_fp {policy.c_fp:g} and c_fn {policy.c_fn:g} a cut pays where more than {needed:.4g} "
            f"of the rows above it are positive; the prevalence is {reference.y.mean():.4g}, and all rows "
            f"{says} cost {_cost(reference, score, threshold_score, policy):g}"
        )
        if found is None:
            return f"{why}; {_NONE}"
        cost = _cost(reference, score, found.threshold_score, policy)
        return f"{why}; the nearest cut that decides, {_cut(found)}, costs {cost:g}"
    if found is None:
        return f"{policy.policy} is best where all rows are {says}; {_NONE}"
    at = counts_at(reference.y, score, found.threshold_score)
    shares = ", ".join(f"{name} {METRICS[name](at):.3f}" for name in ("sensitivity", "precision", "f1"))
    return (
        f"{policy.policy} is best where all rows are {says}; the nearest cut that decides, {_cut(found)}, "
        f"has {shares}"
    )


_NONE = "no other cut decides some rows positive and meets the rule"


def _of_events(
    reference: Reference,
    score: NDArray[np.float32],
    policy: SensitivityAtFaPerDay,
    events: Events,
    *,
    always: bool,
) -> str:
    found, counts = nearest_event_choice(reference, score, policy, events)
    hours, alarms = counts.seconds[0] / 3600, fa_per_day(counts)
    limit = f"the limit of {policy.fa_per_day:g} false alarms per day"
    if always:
        why = (
            f"{limit} allows an alarm that never stops, which makes {alarms[1]:.4g} per day in {hours:.3g} "
            f"monitored hours under {events.scorer}"
        )
    else:
        one = 24 / hours
        compared = "is below" if policy.fa_per_day < one else "is not below"
        why = f"{limit} {compared} one alarm in {hours:.3g} monitored hours, {one:.4g} per day"
        if policy.fa_per_day >= one:
            why += ", but no threshold within it finds a seizure"
    if found is None:
        return f"{why}; no threshold that decides finds a seizure"
    sensitivity = EVENT_METRICS["event_sensitivity"](counts)[0]
    least = "" if alarms[0] <= policy.fa_per_day else f", the smallest limit that allows it: {_up(alarms[0])}"
    return (
        f"{why}; the nearest cut that decides, {_cut(found)}, finds {sensitivity:.3f} of the seizures with "
        f"{alarms[0]:.4g} false alarms per day{least}"
    )


def _up(value: float) -> str:
    """A number rounded up to hundredths: a limit that is typed as it stands must allow the value."""
    return f"{np.ceil(value * 100) / 100:g}"


def _cost(reference: Reference, score: NDArray[np.float32], threshold_score: float, policy: Cost) -> float:
    counts = counts_at(reference.y, score, threshold_score)
    return float(policy.c_fp * counts.fp + policy.c_fn * counts.fn)


def _cut(choice: Choice) -> str:
    return f"{choice.threshold_score:.6g} (probability {choice.threshold:.4g})"


def _probability(score: float) -> str:
    return f"{float(sigmoid(score)):.4g}"
