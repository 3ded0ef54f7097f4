"""Chooses a threshold by events: quantiles of the scores are tried, and a rule picks one."""

import numpy as np
from numpy.typing import NDArray

from search.events.scoring import EVENT_METRICS, EventCounts, fa_per_day
from search.scores.metrics import sigmoid
from search.scores.ranking import ranked
from search.scores.thresholds import Choice, cuts_of, longest_run
from spaces.errors import TrialError
from spaces.policies import SensitivityAtFaPerDay

TRIED = 200


def quantile_thresholds(score: NDArray[np.float32], count: int = TRIED) -> NDArray[np.float32]:
    """At most `count` of the cuts midway between scores, from -inf (always on) to +inf (always off).

    The number of rows at or above a cut grows from one to the next by a constant factor, as far as rows and
    ties allow. Evenly spaced quantiles would leave nothing to choose from: one false alarm per day is one
    window in tens of thousands.

    Args:
        score: finite, float32 `(n,)`, n >= 1.
        count: at least 3.

    Returns:
        Ascending float32, of the m + 1 cuts between m distinct scores: all, if no more than `count`.

    Raises:
        TrialError: a score is NaN or infinite.
        ValueError: count is below 3.
    """
    if count < 3:
        raise ValueError(f"a threshold beside the 2 infinite ones must be tried, but count is {count}")
    rows = ranked(score)
    cuts = cuts_of(rows.scores)[::-1]
    if cuts.size <= count:
        return cuts[::-1].copy()
    # From always off down to all but the lowest score by a constant factor, then always on: were half of the
    # rows tied at the lowest score, steps planned beyond them would be lost.
    above = (score.size - rows.ends)[::-1]
    chosen, last = [0], cuts.size - 2
    while chosen[-1] < last:
        left = count - 1 - len(chosen)
        now = max(1, int(above[chosen[-1]]))
        aim = round(now * (int(above[last]) / now) ** (1 / left))
        chosen.append(max(chosen[-1] + 1, int(np.searchsorted(above, aim))))
    return cuts[[*chosen, cuts.size - 1]][::-1].copy()


def choose_event_threshold(
    thresholds: NDArray[np.float32],
    counts: EventCounts,
    policy: SensitivityAtFaPerDay,
    score: NDArray[np.float32],
    kept: NDArray[np.bool_] | None = None,
) -> Choice:
    """The threshold with the largest event sensitivity among those with few enough false alarms.

    Of equally good ones those with the fewest false alarms; of these the longest run of neighbours among the
    tried, of equally long runs the topmost; in it the one in the middle (the lower of two). False alarms need
    not fall as the threshold rises, for a long detection falls apart: every threshold is judged by itself.

    Args:
        thresholds: ascending, float32 `(t,)`; see `quantile_thresholds`.
        counts: of all recordings together at each, `(t,)`; see `search.events.scoring.summed`.
        policy: with the limit.
        score: float32 `(n,)`, which the thresholds were cut from.
        kept: which thresholds may be chosen, `(t,)`; all, if left out.

    Returns:
        The threshold, and as its plateau everything from the score below the run to the one above it. All
        that was tried in it is as good.

    Raises:
        TrialError: no reference events, or no threshold that may be chosen has few enough false alarms.
    """
    found = EVENT_METRICS["event_sensitivity"](counts)
    alarms = fa_per_day(counts)
    if np.isnan(found).any() or np.isnan(alarms).any():
        raise TrialError(
            f"{policy.policy} needs recordings with seizures, "
            f"but got {int(counts.ref.max(initial=0))} in {counts.seconds.max(initial=0) / 3600:g} hours"
        )
    best = np.flatnonzero(alarms <= policy.fa_per_day)
    if not best.size:
        raise TrialError(
            f"{policy.policy} needs a threshold with at most {policy.fa_per_day:g} false alarms per day, "
            f"but the fewest reachable are {alarms.min(initial=np.inf):.4g}"
        )
    if kept is not None:
        best = best[kept[best]]
        if not best.size:
            raise TrialError(
                f"{policy.policy} finds no threshold with at most {policy.fa_per_day:g} false alarms per day "
                "that keeps the limits"
            )
    return _best_of(thresholds, counts, best, score)


def nearest_deciding(
    thresholds: NDArray[np.float32],
    counts: EventCounts,
    policy: SensitivityAtFaPerDay,
    score: NDArray[np.float32],
) -> tuple[Choice, int] | None:
    """The finite threshold nearest to what the policy asks for, and its position in `thresholds`.

    Among finite thresholds that find a seizure: those within the limit; if there are none, those with the
    fewest false alarms, so that theirs is the smallest limit under which the policy decides. Of these the
    policy's choice.

    Args:
        thresholds, counts, policy, score: see `choose_event_threshold`.

    Returns:
        None where no finite threshold finds a seizure.
    """
    finding = np.flatnonzero(np.isfinite(thresholds) & (counts.tp > 0))
    if not finding.size:
        return None
    alarms = fa_per_day(counts)[finding]
    choice = _best_of(thresholds, counts, finding[alarms <= max(policy.fa_per_day, alarms.min())], score)
    return choice, int(np.searchsorted(thresholds, np.float32(choice.threshold_score)))


def _best_of(
    thresholds: NDArray[np.float32],
    counts: EventCounts,
    best: NDArray[np.intp],
    score: NDArray[np.float32],
) -> Choice:
    """The choice of `choose_event_threshold` among positions `best`, at least one."""
    found = EVENT_METRICS["event_sensitivity"](counts)
    best = best[found[best] == found[best].max()]
    first, last = longest_run(best[counts.fp[best] == counts.fp[best].min()])
    threshold = float(thresholds[(first + last) // 2])
    low = score[score < thresholds[first]].max(initial=np.float32(-np.inf))
    high = score[score >= thresholds[last]].min(initial=np.float32(np.inf))
    return Choice(threshold, float(sigmoid(threshold)), float(low), float(high))
