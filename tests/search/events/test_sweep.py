"""The fast counter equals timescoring at every threshold; the rule on false alarms equals brute force."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Recording
from search.events import sweep as event_sweep
from search.events.intervals import detected, windows_of
from search.events.scoring import EVENT_METRICS, EventCounts, score_events, summed
from search.events.sweep import sweep
from search.events.thresholds import choose_event_threshold, quantile_thresholds
from search.scores.metrics import decide
from search.scores.thresholds import curve
from spaces.errors import TrialError
from spaces.policies import SensitivityAtFaPerDay
from spaces.study import Events
from tests.helpers import event_reference
from tests.helpers.seizures import event_metrics

INFINITE = (-np.inf, np.inf)


def simulated(rng, name, unit_ms, pace, scored, thinned):
    """A recording and its windows in whole milliseconds: `(recording, starts, window, scores)`.

    Times are multiples of `unit_ms`, so that gaps of exactly 90 s and events of exactly 300 s come up;
    windows and the steps between them are about `pace` units long, recordings some hundreds of those.
    Scores come in runs of equal ones, so that events are long and short.
    """
    window, step = (int(value) * unit_ms for value in rng.integers(pace, 5 * pace, 2))
    units = int(rng.integers(20, 400)) * pace + max(1, 100 // unit_ms)
    duration = units * unit_ms + int(rng.integers(2) * 4)
    marks = np.unique(rng.integers(0, units + 1, 2 * int(rng.integers(0, 7)))) * unit_ms
    seizures = (marks[: marks.size // 2 * 2].reshape(-1, 2) / 1000).tolist()
    starts = np.arange(0, duration, step)
    starts = starts[rng.random(starts.size) >= thinned]
    runs = rng.geometric(1 / rng.choice([1, 4, 30]), starts.size + 1)
    score = np.repeat(rng.choice(scored, runs.size), runs)[: starts.size].astype(np.float32)
    recording = Recording(name, f"p{rng.integers(3)}", duration / 1000, tuple(map(tuple, seizures)))
    return recording, starts, window, score


def windows_and_scores(rng, made):
    """Rows of all recordings in a random order, each with its own scores."""
    names = np.repeat([recording.name for recording, *_ in made], [starts.size for _, starts, *_ in made])
    times = np.concatenate([starts for _, starts, *_ in made]) / 1000
    score = np.concatenate([score for *_, score in made])
    order = rng.permutation(score.size)
    windows = windows_of([made[0] for made in made], names[order], times[order], made[0][2] / 1000)
    return windows, score[order]


def slow_counts(made, threshold, drop_ms, merge_ms, scorer):
    """timescoring's counts of each recording, `(r, 3)`, from events found by a loop."""
    counts = []
    for recording, starts, window, score in made:
        duration_ms = round(recording.duration_s * 1000)
        decided = decide(score, threshold)
        events = event_reference.events_ms(starts.tolist(), window, decided, duration_ms, drop_ms, merge_ms)
        events = [(start / 1000, stop / 1000) for start, stop in events]
        own = event_reference.scored(recording.duration_s, recording.seizures, events, scorer)
        counts.append((own.tp, own.fp, own.refTrue))
    return np.array(counts)


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 3),
    unit_ms=st.sampled_from([10, 50, 100, 250, 1000, 5000, 10000]),
    seconds=st.sampled_from([0, 1, 10]),
    scorer=st.sampled_from(["szcore", "ovlp"]),
    drop=st.sampled_from([0, 0, 1, 3]),
    merge=st.sampled_from([0, 0, 1, 4]),
    thinned=st.sampled_from([0, 0, 0.3, 0.9]),
)
@settings(deadline=None, max_examples=400)
def test_the_sweep_equals_timescoring(seed, count, unit_ms, seconds, scorer, drop, merge, thinned):
    rng = np.random.default_rng(seed)
    pace = max(1, seconds * 1000 // unit_ms)
    levels = np.float32([-1, 0, 0, 0.5, 2])
    made = [simulated(rng, f"r{k}", unit_ms, pace, levels, thinned) for k in range(count)]
    made = [(recording, starts, made[0][2], score) for recording, starts, _, score in made]
    rules = Events(
        scorer=scorer, drop_shorter_s=drop * pace * unit_ms / 1000, merge_gaps_s=merge * pace * unit_ms / 1000
    )
    thresholds = np.float32([0.5, *INFINITE, 0, -0.25, 2, 3, 0.5])
    windows, score = windows_and_scores(rng, made)
    fast = sweep(windows, score, thresholds, rules)
    assert fast.tp.shape == (count, thresholds.size)
    for k, threshold in enumerate(thresholds):
        slow = slow_counts(made, threshold, drop * pace * unit_ms, merge * pace * unit_ms, scorer)
        assert np.column_stack([fast.tp[:, k], fast.fp[:, k], fast.ref[:, k]]).tolist() == slow.tolist()


@pytest.mark.parametrize("scorer", ["szcore", "ovlp"])
def test_200_recordings_are_summed_as_by_hand(scorer):
    rng = np.random.default_rng(7)
    made = [simulated(rng, f"r{k:03d}", 100, 40, rng.normal(size=50), 0.02) for k in range(200)]
    made = [(recording, starts, 12000, score) for recording, starts, _, score in made]
    windows, score = windows_and_scores(rng, made)
    assert any(not recording.seizures for recording in windows.recordings)
    rules = Events(scorer=scorer)
    thresholds = np.float32([-np.inf, -1, 0, 1, 1.5, 2, 3, np.inf])
    totals = summed(sweep(windows, score, thresholds, rules))
    for k, threshold in enumerate(thresholds):
        events = detected(windows, decide(score, threshold), rules)
        own = [
            event_reference.scored(recording.duration_s, recording.seizures, found, scorer)
            for recording, found in zip(windows.recordings, events, strict=True)
        ]
        tp, fp, ref = (sum(getattr(one, name) for one in own) for name in ("tp", "fp", "refTrue"))
        assert (totals.tp[k], totals.fp[k], totals.ref[k]) == (tp, fp, ref)
        days = sum(one.numSamples for one in own) / 10 / 86400
        by_hand = {
            "event_sensitivity": tp / ref,
            "event_precision": tp / (tp + fp) if tp + fp else np.nan,
            "event_f1": 2 * tp / (tp + fp + ref),
            "fa_per_day": fp / days,
        }
        metrics = event_metrics(score_events(windows.recordings, events, scorer))
        assert metrics == pytest.approx(by_hand, rel=1e-12, nan_ok=True)
        swept = {name: float(metric(totals)[k]) for name, metric in EVENT_METRICS.items()}
        assert swept == pytest.approx(metrics, rel=1e-12, nan_ok=True)
        for one, found, recording in zip(own, events, windows.recordings, strict=True):
            alone = event_metrics(score_events([recording], [found], scorer))
            expected = (one.sensitivity, one.precision, one.f1, one.fpRate)
            assert tuple(alone.values()) == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert np.isnan(metrics["event_precision"])  # at the last threshold nothing is detected


def test_a_detection_of_a_millionth_of_a_seizure_finds_nothing():
    hours_30, times = 108_000.0, np.array([1.0, 50_000.0])
    recording = Recording("r", "p", hours_30 + 100, ((0.0, hours_30),))
    windows = windows_of([recording], np.array(["r", "r"]), times, 0.1)
    for score in np.float32([[0, 1], [1, 1]]):
        counts = sweep(windows, score, np.float32([1]), Events(scorer="ovlp"))
        events = detected(windows, score >= 1, Events())[0]
        own = event_reference.scored(recording.duration_s, recording.seizures, events, "ovlp")
        assert (counts.tp[0, 0], counts.fp[0, 0]) == (own.tp, own.fp) == ((1, 0) if score[0] else (0, 1))


def test_chunks_of_thresholds_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    made = [simulated(rng, f"r{k}", 1000, 5, rng.normal(size=9), 0.1) for k in range(3)]
    windows, score = windows_and_scores(rng, made)
    thresholds = np.linspace(-2, 2, 11, dtype=np.float32)
    whole = sweep(windows, score, thresholds, Events())
    monkeypatch.setattr(event_sweep, "CELLS", 4 * np.diff(windows.ends).max())
    parts = sweep(windows, score, thresholds, Events())
    assert np.array_equal(whole.tp, parts.tp)
    assert np.array_equal(whole.fp, parts.fp)


def test_scores_and_thresholds_must_fit():
    windows = windows_of((Recording("r", "p", 9.0, ()),), np.array(["r", "r"]), np.array([0.0, 1]), 1.0)
    score = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match=r"scores must have shape \(2,\), but got \(3,\)"):
        sweep(windows, np.zeros(3, np.float32), score, Events())
    with pytest.raises(ValueError, match="thresholds must be numbers"):
        sweep(windows, score, np.float32([np.nan]), Events())
    with pytest.raises(TypeError, match="float32"):
        sweep(windows, score, np.zeros(2), Events())
    short = windows_of((Recording("r", "p", 0.04, ()),), np.array(["r"]), np.zeros(1), 1.0)
    with pytest.raises(ValueError, match=r"must last 0.1 s to be scored, but 'r' lasts 0.04 s"):
        sweep(short, score[:1], score, Events())


@pytest.mark.slow
def test_900_hours_take_less_than_100_mb():
    rng = np.random.default_rng(0)
    hours, second = 900, np.arange(3600.0)
    recordings, scores = [], []
    for k in range(hours):
        score = rng.normal(-3, 1, second.size).astype(np.float32)
        seizures = ((float(1000 + k), 1060.5 + k),) if k % 8 == 0 else ()
        score[1000 + k : 1060 + k] += np.float32(3 if seizures else 0)
        recordings.append(Recording(f"r{k:03d}", f"p{k // 40:02d}", 3600.0, seizures))
        scores.append(score)
    names = np.repeat([recording.name for recording in recordings], second.size)
    windows = windows_of(recordings, names, np.tile(second, hours), 1.0)
    score = np.concatenate(scores)
    evenly = np.quantile(score, np.linspace(0, 1, 200)).astype(np.float32)  # the costliest: events fall apart
    tracemalloc.start()
    totals = summed(sweep(windows, score, evenly, Events()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    events = detected(windows, decide(score, evenly[198]), Events())
    slow = summed(score_events(recordings, events, "szcore"))
    assert (totals.tp[198], totals.fp[198], totals.ref[198]) == (slow.tp, slow.fp, slow.ref)


@given(st.lists(st.integers(-9, 9) | st.floats(-1, 1, width=32), min_size=1), st.integers(3, 30))
@settings(deadline=None, max_examples=200)
def test_tried_thresholds_are_cuts_of_the_curve(values, count):
    score = np.float32(values)
    tried = quantile_thresholds(score, count)
    cuts = curve(np.ones(score.size, bool), score).cuts
    assert tried.dtype == np.float32
    assert (np.diff(tried) > 0).all()
    assert set(tried.tolist()) <= set(cuts.tolist())
    assert {*INFINITE} <= set(tried.tolist())
    assert tried.size <= count
    if cuts.size <= count:
        assert np.array_equal(tried, cuts)


def test_tried_thresholds_grow_dense_where_few_rows_are_left():
    score = np.random.default_rng(0).permutation(1_000_000).astype(np.float32)
    tried = quantile_thresholds(score)
    assert tried.size == 200
    above = (score.size - np.searchsorted(np.sort(score), tried))[::-1]
    assert above[:11].tolist() == list(range(11))
    assert (above[100:-1] / above[99:-2] < 1.1).all()
    tied = quantile_thresholds(np.maximum(score, 990_000))
    assert tied.size == 200
    with pytest.raises(ValueError, match="beside the 2 infinite ones must be tried, but count is 2"):
        quantile_thresholds(score, 2)


def brute_force(thresholds, counts, limit):
    """The chosen run's first and last threshold, in exact fractions."""
    best, runs = None, []
    for k in range(thresholds.size):
        days = Fraction(float(counts.seconds[k])) / 86400
        if counts.fp[k] > Fraction(limit) * days:
            continue
        key = (counts.tp[k], -counts.fp[k])
        if best is None or key > best:
            best, runs = key, [[k]]
        elif key == best and runs[-1][-1] == k - 1:
            runs[-1].append(k)
        elif key == best:
            runs.append([k])
    longest = max(runs, key=lambda run: (len(run), run[-1]))
    return longest[0], longest[-1]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=12), st.sampled_from([0, 0.5, 1, 2])
)
@settings(deadline=None, max_examples=200)
def test_the_chosen_threshold_equals_brute_force(cells, limit):
    """False alarms rise and fall with the threshold here."""
    tp, fp = np.array([*cells, (0, 0)]).T
    n = tp.size
    counts = EventCounts(tp, fp, np.full(n, 2), np.full(n, 86400.0))
    score = np.arange(n - 1, dtype=np.float32)
    thresholds = curve(np.ones(n - 1, bool), score).cuts if n > 1 else np.float32([np.inf])
    choice = choose_event_threshold(
        thresholds, counts, SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=limit), score
    )
    first, last = brute_force(thresholds, counts, limit)
    assert choice.threshold_score == thresholds[(first + last) // 2]
    assert choice.low == (score[first - 1] if first else -np.inf)
    assert choice.high == (score[last] if last < n - 1 else np.inf)


def test_the_plateau_of_a_cut_between_adjacent_floats_holds_it():
    score = np.float32([1, np.nextafter(np.float32(1), np.float32(2))])
    thresholds = curve(np.ones(2, bool), score).cuts
    day = np.full(3, 86400.0)
    counts = EventCounts(np.array([1, 1, 0]), np.array([9, 0, 0]), np.ones(3, np.int64), day)
    policy = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day")
    choice = choose_event_threshold(thresholds, counts, policy, score)
    assert choice.low < choice.threshold_score <= choice.high
    assert (choice.low, choice.high) == tuple(score.tolist())


def test_what_cannot_be_chosen_fails_the_trial():
    policy = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=1)
    thresholds, score = np.float32([0, 1]), np.float32([0.5])
    ones, day = np.ones(2, np.int64), np.full(2, 86400.0)
    with pytest.raises(TrialError, match="needs recordings with seizures, but got 0 in 24 hours"):
        choose_event_threshold(thresholds, EventCounts(0 * ones, ones, 0 * ones, day), policy, score)
    with pytest.raises(TrialError, match="at most 1 false alarms per day, but the fewest reachable are 2"):
        choose_event_threshold(thresholds, EventCounts(ones, 2 * ones, ones, day), policy, score)
