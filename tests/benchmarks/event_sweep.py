"""900 recorded hours at 200 thresholds: the fast event counter, and timescoring on a part of the same.

`python -m tests.benchmarks.event_sweep`; every 20th threshold of timescoring's stands for twenty, and comes
to the same counts.
"""

import resource
import time
from collections.abc import Iterator

import numpy as np

from search.data.rows import Recording
from search.events.intervals import detected, windows_of
from search.events.scoring import score_events, summed
from search.events.sweep import sweep
from search.events.thresholds import quantile_thresholds
from search.scores.metrics import decide
from spaces.study import Events
from tests.benchmarks.results import Result, paired, shown

HOURS, TRIED, EVERY = 900, 200, 20


def results(full: bool = False) -> Iterator[Result]:
    """Runs both, in turn."""
    rng = np.random.default_rng(0)
    second = np.arange(3600.0)
    recordings, scores = [], []
    for hour in range(HOURS):
        score = rng.normal(-3, 1, second.size).astype(np.float32)
        seizures = ((1000.0, 1060.0),) if hour % 8 == 0 else ()
        score[1000:1060] += np.float32(3 if seizures else 0)
        recordings.append(Recording(f"r{hour:03d}", f"p{hour // 40:02d}", 3600.0, seizures))
        scores.append(score)
    names = np.repeat([recording.name for recording in recordings], second.size)
    score, rules = np.concatenate(scores), Events()
    windows = windows_of(recordings, names, np.tile(second, HOURS), 1.0)
    cuts = quantile_thresholds(score, TRIED)
    found = []

    def fast() -> float:
        began = time.perf_counter()
        found.append(summed(sweep(windows, score, cuts, rules)))
        return time.perf_counter() - began

    def slow() -> float:
        slow_s = 0.0
        for number in range(5, TRIED, EVERY):
            began = time.perf_counter()
            of = score_events(recordings, detected(windows, decide(score, cuts[number]), rules), "szcore")
            slow_s += time.perf_counter() - began
            assert (summed(of).tp, summed(of).fp) == (found[-1].tp[number], found[-1].fp[number])
        return slow_s * EVERY

    rounds = list(paired(7 if full else 3, fast, slow))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Result(
        what=f"events of {HOURS} recorded hours at {TRIED} thresholds",
        ours=tuple(mine for mine, _ in rounds),
        unit="s",
        against="timescoring",
        theirs=tuple(their for _, their in rounds),
        ratio_of="theirs/ours",
        note=f"equal counts; peak {peak_mb:.0f} MB, the rows included",
    )


if __name__ == "__main__":
    shown(results)
