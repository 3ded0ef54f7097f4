"""900 recorded hours at 200 thresholds: the fast event counter, and timescoring on a part of the same.

`python -m tests.benchmarks.event_sweep` prints both and the ratio per hour and threshold.
"""

import resource
import time

import numpy as np

from search.event_scores import score_events, summed
from search.event_sweep import sweep
from search.event_thresholds import quantile_thresholds
from search.events import detected, windows_of
from search.metrics import decide
from search.rows import Recording
from spaces.study import Events

HOURS, TRIED = 900, 200


def main() -> None:
    """Runs both and prints."""
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
    began = time.perf_counter()
    counts = summed(sweep(windows, score, cuts, rules))
    fast_s = time.perf_counter() - began
    slow_s = 0.0
    for number in range(5, TRIED, 20):
        began = time.perf_counter()
        found = score_events(recordings, detected(windows, decide(score, cuts[number]), rules), "szcore")
        slow_s += time.perf_counter() - began
        assert (summed(found).tp, summed(found).fp) == (counts.tp[number], counts.fp[number])
    slow_s *= 20
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{HOURS} hours x {TRIED} thresholds: {fast_s:.2f} s; timescoring {slow_s:.0f} s (of every 20th); "
        f"ratio {slow_s / fast_s:.0f}; peak {peak_mb:.0f} MB, the rows included"
    )


if __name__ == "__main__":
    main()
