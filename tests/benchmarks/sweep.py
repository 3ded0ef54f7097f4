"""Every threshold of 1,000,000 scores and what all seven rules choose: `python -m tests.benchmarks.sweep`.

In turn with scikit-learn's two curves of the same scores, which choose nothing. What is timed is first held
against brute force: small samples as a whole, and of the million 200 cuts, each by comparing all scores.
"""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from search.scores.thresholds import MERITS, choose, curve
from spaces.policies import (
    Cost,
    Fixed,
    MaxBalancedAccuracy,
    MaxF1,
    PrecisionAtRecall,
    RecallAtPrecision,
    Youden,
)
from tests.benchmarks.results import Result, Target, paired, shown
from tests.helpers import reference

N, SMALL, CUTS = 1_000_000, 300, 200
POLICIES = (
    Fixed(policy="fixed", at=0.3),
    MaxF1(),
    Youden(policy="youden"),
    MaxBalancedAccuracy(policy="max_balanced_accuracy"),
    Cost(policy="cost", c_fn=5),
    PrecisionAtRecall(policy="precision_at_recall", recall=0.9),
    RecallAtPrecision(policy="recall_at_precision", precision=0.6),
)


def drawn(n: int, seed: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Labels, a tenth of them positive, and scores that tell them apart in part; `(n,)` each."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.1).astype(np.int8)
    return y, (rng.normal(size=n) + 2 * y).astype(np.float32)


def check_small(seed: int) -> None:
    """Holds every rule against row-by-row counting in exact fractions; scores on a grid, so that some tie."""
    y, score = drawn(SMALL, seed)
    score = np.round(score * 20).astype(np.float32) / np.float32(20)
    whole = curve(y, score)
    for policy in POLICIES:
        found, slow = choose(whole, policy), reference.choose(y, score, policy)
        assert (found.threshold_score, found.low, found.high) == slow, policy


def check_large(y: NDArray[np.int8], score: NDArray[np.float32]) -> None:
    """Counts cuts drawn at random by comparing all scores; none is better than what was chosen."""
    whole, positive = curve(y, score), y == 1
    places = np.random.default_rng(1).choice(whole.cuts.size, CUTS, replace=False)
    for place in places:
        above = score >= whole.cuts[place]
        tp, fp = np.count_nonzero(above & positive), np.count_nonzero(above & ~positive)
        assert (whole.counts.tp[place], whole.counts.fp[place]) == (tp, fp)
        assert whole.counts.fn[place] + tp == positive.sum()
    for policy in POLICIES[1:]:
        at = np.searchsorted(whole.cuts, np.float32(choose(whole, policy).threshold_score))
        merits = MERITS[type(policy)](whole.counts, policy)[0]
        assert merits[at] == np.nanmax(merits) >= np.nanmax(merits[places]), policy


def results(full: bool = False) -> Iterator[Result]:
    """Checks, then times."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    y, score = drawn(N, seed=0)
    for seed in range(10):
        check_small(seed)
    check_large(y, score)

    def ours() -> float:
        began = time.perf_counter()
        whole = curve(y, score)
        for policy in POLICIES:
            choose(whole, policy)
        return time.perf_counter() - began

    def theirs() -> float:
        began = time.perf_counter()
        precision_recall_curve(y, score)
        roc_curve(y, score)
        return time.perf_counter() - began

    rounds = list(paired(21 if full else 11, ours, theirs))
    yield Result(
        what="exact sweep of 1,000,000 scores, all window policies",
        ours=tuple(mine for mine, _ in rounds),
        unit="s",
        against="scikit-learn's precision_recall_curve and roc_curve",
        theirs=tuple(their for _, their in rounds),
        target=Target(limit=0.3),
        note=f"equal to brute force on ten sets of {SMALL} scores and at {CUTS} of the cuts",
    )


if __name__ == "__main__":
    shown(results)
