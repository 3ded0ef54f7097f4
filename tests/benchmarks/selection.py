"""Best of 64 trials: how much the winner flatters before and after the correction, and what intervals cover.

`python -m tests.benchmarks.selection` prints a table in half an hour; a number of studies per row may follow.
Trials are Gaussian: negatives N(0, 1), positives N(d, 1), d ~ N(1.5, 0.1), three rows in ten positive, so
that what a trial does on new data with its threshold is known from a formula, which stands for an endless
fresh sample. Correlated trials share 80% of the variance of a row, as networks of one study do. Grouped rows
come from 20 groups that differ in their share of positives and in their offset (deviation 0.5). The threshold
is that of the best F1, which is also the objective.
"""

import sys
from dataclasses import dataclass
from math import erf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.comparison.resampling import Setting, units_of
from search.comparison.selection import Contender, compared, corrected
from search.record import Estimate
from search.scores.calibration import fit_none
from search.scores.crossfit import cross_fit
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS
from search.scores.reference import Reference
from search.scores.thresholds import choose, curve
from spaces.policies import MaxF1
from spaces.study import Events

TRIALS, GROUPS, SHARE, OFFSET = 64, 20, 0.3, 0.5


def normal_above(z: float) -> float:
    """The share of a standard normal above z."""
    return (1 - erf(z / sqrt(2))) / 2


def true_f1(apart: float, threshold: float, spread: float) -> float:
    """F1 on an endless sample."""
    hit, alarm = normal_above((threshold - apart) / spread), normal_above(threshold / spread)
    return 2 * SHARE * hit / (SHARE * hit + (1 - SHARE) * alarm + SHARE)


@dataclass(frozen=True)
class Drawn:
    """A simulated study: labels and groups `(n,)`, raw scores `(trials, n)`, and how good each trial is."""

    y: NDArray[np.int8]
    groups: NDArray[np.str_] | None
    raw: NDArray[np.float32]
    apart: NDArray[np.float64]
    spread: float


def draw(rng: np.random.Generator, rows: int, shared: float, grouped: bool, trials: int = TRIALS) -> Drawn:
    """Draws a study.

    Args:
        rng: of everything.
        rows: n.
        shared: of the variance of a row, by all trials.
        grouped: whether rows come from groups.
        trials: how many.
    """

    def noise(size: int) -> Any:
        return sqrt(shared) * rng.normal(size=size) + sqrt(1 - shared) * rng.normal(size=(trials, size))

    group = np.arange(rows) % GROUPS
    shares = rng.beta(10 * SHARE, 10 * (1 - SHARE), GROUPS)[group] if grouped else SHARE
    y = (rng.random(rows) < shares).astype(np.int8)
    apart = 1.5 + 0.1 * rng.normal(size=trials)
    raw = noise(rows) + apart[:, None] * y + (OFFSET * noise(GROUPS)[:, group] if grouped else 0)
    names = np.array([f"g{k:02d}" for k in group]) if grouped else None
    return Drawn(y, names, raw.astype(np.float32), apart, sqrt(1 + OFFSET**2) if grouped else 1.0)


@dataclass(frozen=True)
class Outcome:
    """What came of one study; optimism is what was said minus the truth of the trial it was said of."""

    in_sample: float
    cross_fitted: float
    corrected: float
    covered: bool
    width: float
    plainly_covered: bool
    best_tied: bool
    tied: int


def outcome(study: Drawn, seed: int) -> Outcome:
    """Ranks the trials of a study and corrects its winner, as a run does."""
    halves = draw_halves(study.y, study.groups, None, seed)
    reference = Reference(study.y, study.groups, None, None, halves)
    flattering, truth, contenders = [], [], []
    for raw, apart in zip(study.raw, study.apart, strict=True):
        chosen = curve(study.y, raw)
        threshold = choose(chosen, MaxF1()).threshold_score
        flattering.append(float(np.fmax.reduce(METRICS["f1"](chosen.counts))))
        truth.append(true_f1(float(apart), threshold, study.spread))
        value = cross_fit(study.y, raw, halves, fit_none, MaxF1(), "f1")
        contenders.append(Contender(raws=(raw,), value=value, policy=MaxF1()))
    setting = Setting(
        reference=reference,
        units=units_of(reference, seed),
        metric="f1",
        calibrate=fit_none,
        events=Events(),
        seed=seed,
    )
    sides, fair = compared(contenders, setting), corrected(contenders, setting)
    best, tempting = sides.best, int(np.argmax(flattering))
    return Outcome(
        in_sample=flattering[tempting] - truth[tempting],
        cross_fitted=contenders[best].value - truth[best],
        corrected=float(fair.value or 0) - truth[best],
        covered=covers(fair, truth[best]),
        width=float(fair.high or 0) - float(fair.low or 0),
        plainly_covered=covers(sides.values[best], truth[best]),
        best_tied=sides.ranks[int(np.argmax(truth))][0] == 1,
        tied=sides.ranks[best][1],
    )


def covers(estimate: Estimate, truth: float) -> bool:
    """Whether an interval holds the truth; an undefined one does not."""
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def main() -> None:
    """Simulates and prints one row after the other."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 110
    print(f"{studies} studies each; optimism in points of F1; shares with their standard errors in brackets")
    print(
        "rows trials      units    in sample  cross-fitted  corrected "
        "| covered by: plain  corrected (width) | truly best is tied  tied trials"
    )
    for rows in (300, 1000):
        for shared in (0.0, 0.8):
            for grouped in (False, True):
                rng = np.random.default_rng([rows, int(10 * shared), grouped])
                found = [outcome(draw(rng, rows, shared, grouped), seed) for seed in range(studies)]

                def mean(name: str, found: list[Outcome] = found) -> float:
                    return float(np.mean([getattr(one, name) for one in found]))

                def share(name: str) -> str:
                    p = mean(name)
                    return f"{100 * p:5.1f}% ({100 * sqrt(p * (1 - p) / studies):.1f})"

                print(
                    f"{rows:4d} {'correlated' if shared else 'independent':11s} "
                    f"{'20 groups' if grouped else 'rows':9s} {100 * mean('in_sample'):7.1f} "
                    f"{100 * mean('cross_fitted'):12.1f} {100 * mean('corrected'):12.1f}  |"
                    f" {share('plainly_covered')}   {share('covered')} ({100 * mean('width'):.0f}) |"
                    f" {share('best_tied')}  {mean('tied'):.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
