"""Seconds for the offsets of K classes, their cross-fit and intervals; how often they are the best of all.

`python -m tests.benchmarks.offsets`; 30,000 rows of five classes in 60 groups, ten half-splits; then small
random cases of three classes, against brute force over every decision that offsets can make.
"""

import time
from collections.abc import Callable

import numpy as np

from search.scores.half_splits import draw_halves_of
from search.scores.multiclass.bootstrap import Predictions, intervals
from search.scores.multiclass.calibration import CALIBRATIONS
from search.scores.multiclass.crossfit import cross_fit
from search.scores.multiclass.metrics import against_rest
from search.scores.multiclass.offsets import choose_offsets
from spaces.policies import Argmax, CostMatrix, MaxMacroF1, MaxMeanRecall, RecallAt
from tests.search.scores.multiclass.test_offsets import NAMES, RULES, best_of_all, drawn, value

ROWS, CLASSES, GROUPS = 30_000, 5, 60


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Prints everything."""
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, ROWS, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    raw = rng.normal(size=(ROWS, CLASSES))
    raw[np.arange(ROWS), y] += 1.2
    raw = (raw - raw.mean(axis=1, keepdims=True)).astype(np.float32)
    groups = rng.integers(0, GROUPS, ROWS)
    names = [str(k) for k in range(CLASSES)]
    halves = draw_halves_of(y[:, None] == np.arange(CLASSES), names, groups, None, 0)
    even = tuple(map(tuple, (1 - np.eye(CLASSES)).tolist()))
    for rule in (
        Argmax(policy="argmax"),
        MaxMacroF1(),
        MaxMeanRecall(policy="max_balanced_accuracy"),
        CostMatrix(policy="cost", costs=even),
        RecallAt(policy="recall_at", of_class="4"),
    ):
        chosen = seconds(lambda rule=rule: choose_offsets(y, raw, rule, names))
        of_halves = (y, raw, halves, CALIBRATIONS["temperature"], rule, "macro_f1", names)
        fitted = seconds(lambda of_halves=of_halves: cross_fit(*of_halves))
        print(f"{rule.policy}: all rows {chosen:.2f} s, cross-fit with temperature {fitted:.2f} s")
    model = Predictions(against_rest(raw), raw.argmax(axis=1))
    print(f"intervals over groups {seconds(lambda: intervals(y, model, groups, 0)):.2f} s")
    for rule in RULES:
        reached = []
        for n in (8, 16, 30):
            for gain in (0.3, 1.5):
                for seed in range(25):
                    y, score = drawn(1000 + seed, n, gain=gain)
                    found = value(y, choose_offsets(y, score, rule, NAMES).decide(score), rule)
                    reached.append(found >= best_of_all(y, score, rule) - 1e-12)
        print(f"{rule.policy}: the best of all in {np.mean(reached):.1%} of {len(reached)} cases")


if __name__ == "__main__":
    main()
