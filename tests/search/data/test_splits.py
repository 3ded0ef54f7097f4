"""Groups never straddle, every part has both classes, and leakage is found even where it is disguised."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search.data.leakage import copies
from search.data.sources.eeg.stft import spectrogram
from search.data.splits import digest, find_leakage, split
from spaces.data import Split as SplitConfig
from spaces.errors import RunError
from tests.helpers.split_rows import FRACTIONS, assert_whole, make, parts_of, refused, table

group_structures = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: sum(pair) > 0),
    min_size=3,
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(structure=group_structures, seed=st.integers(0, 5))
def test_every_possible_group_structure_is_split_and_no_other(structure, seed):
    y = [label for neg, pos in structure for label in [0] * neg + [1] * pos]
    groups = [g for g, (neg, pos) in enumerate(structure) for _ in range(neg + pos)]
    assume(0 < sum(y) < len(y))
    rows = table(y, groups)
    mixed = sum(neg > 0 and pos > 0 for neg, pos in structure)
    pure = min(sum(neg == 0 for neg, _ in structure), sum(pos == 0 for _, pos in structure))
    config = SplitConfig(seed=seed)
    if mixed + pure < 3:
        with pytest.raises(RunError, match="each of train, validation and test needs positive and negative"):
            split(rows, config)
        return
    made, again = split(rows, config), split(rows, config)
    assert_whole(rows, made)
    assert digest(made) == digest(again)
    assert (made.by, made.leaky, made.groups_known) == ("group", False, True)


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(5, 40), min_size=15, max_size=40),
    share=st.floats(0.1, 0.5),
    seed=st.integers(0, 100),
)
def test_fractions_are_near(sizes, share, seed):
    y = [int(k < max(1, share * size)) for size in sizes for k in range(size)]
    rows = table(y, np.repeat(np.arange(len(sizes)), sizes))
    made = split(rows, SplitConfig(seed=seed))
    largest = max(sizes) / sum(sizes)
    for part, fraction in zip(parts_of(made), (0.6, 0.2, 0.2), strict=True):
        assert abs(len(part) / len(rows) - fraction) < largest / 2 + 0.02
        assert abs(rows.y[part].sum() / rows.y.sum() - fraction) < largest / 2 + 0.05


def test_15_patients_with_3_positive_each_part_near_and_two_in_validation():
    y = [int(g % 3 == 0 and k < 30) for g in range(15) for k in range(100)]
    rows = table(y, np.repeat(np.arange(15), 100))
    made = split(rows, FRACTIONS)
    assert [len(part) for part in parts_of(made)] == [900, 300, 300]
    positive = [len(set(rows.groups[part][rows.y[part] == 1])) for part in parts_of(made)]
    assert min(positive) >= 1
    assert positive[1] >= 2


def test_seeds_differ_and_digest_tells():
    rows = table([0, 1] * 50, np.repeat(np.arange(20), 5))
    seen = {digest(split(rows, SplitConfig(seed=seed))) for seed in range(5)}
    assert len(seen) == 5
    made = split(rows, FRACTIONS)
    assert digest(dataclasses.replace(made, leaky=True)) != digest(made)
    assert digest(dataclasses.replace(made, train=made.test, test=made.train)) != digest(made)


@pytest.mark.parametrize("n", [50, 300, 5000])
def test_unknown_groups_are_stratified_rows(n):
    y = (np.arange(n) % 5 == 0).astype(int)
    made = split(table(y, None), FRACTIONS)
    assert_whole(table(y, None), made)
    assert (made.by, made.groups_known, made.leaky) == ("row", False, False)
    assert [len(part) for part in parts_of(made)] == [n * 6 // 10, n // 5, n // 5]
    assert [int(y[part].sum()) for part in parts_of(made)] == [n // 5 * 6 // 10, n // 25, n // 25]
    # Dealt at random, not in turns.
    assert not (np.diff(made.test) == 5).all()


def test_too_few_rows_are_refused():
    with pytest.raises(RunError, match="of 5 distinct rows 0 hold both classes, 2 positive rows alone and 3"):
        split(table([0, 0, 0, 1, 1], None), FRACTIONS)


@settings(deadline=None, max_examples=30)
@given(copies=st.integers(2, 5), seed=st.integers(0, 20))
def test_identical_rows_of_unknown_groups_stay_together(copies, seed):
    x = np.random.default_rng(seed).integers(0, 256, size=(40, 6, 6, 3), dtype=np.uint8)
    x[0] = 0
    rows = make(np.repeat(x, copies, axis=0), np.repeat(np.arange(40) % 2, copies), kind="image")
    made = split(rows, SplitConfig(seed=seed))
    assert_whole(rows, made)
    seen = [set(part // copies) for part in parts_of(made)]
    assert sum(map(len, seen)) == 40
    assert find_leakage(rows, made) == ()


def test_windows_of_known_groups_are_refused_unless_accepted():
    rows = table([0, 1] * 50, np.repeat(np.arange(20), 5))
    with pytest.raises(RunError, match=r"both sides of a split, but split.by is window.*by: group"):
        split(rows, SplitConfig(by="window"))
    made = split(rows, SplitConfig(by="window", i_accept_leakage=True))
    assert (made.by, made.leaky, made.groups_known) == ("window", True, True)
    assert_whole(rows, made)
    assert split(rows, SplitConfig(i_accept_leakage=True)).leaky is False


def recording_windows(step, channels=19, size=64, n=60, seed=0, scale=50.0):
    """Raw windows cut from one long signal `step` samples apart, as users save them."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, scale, size=(size + step * (n - 1), channels))
    return np.stack([signal[k * step : k * step + size] for k in range(n)]).astype(np.float32)


@pytest.mark.parametrize("own_group", [False, True])
@pytest.mark.parametrize(
    ("size", "step", "channels"),
    [(64, 32, 19), (64, 16, 2), (64, 1, 1), (256, 192, 1), (10, 1, 4), (200, 150, 3)],
)
def test_overlapping_raw_windows_are_found(size, step, channels, own_group):
    x = recording_windows(step, channels, size)
    groups = [f"w{k}" for k in range(60)] if own_group else None
    rows = make(x, np.arange(60) % 2, groups=groups)
    refused(rows, rf"windows overlap across parts, .* starts {step} of {size} steps")


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_overlap_of_coarse_values_is_found(dtype):
    x = np.clip(np.round(recording_windows(32, 1, 128, scale=30.0) + 128), 0, 255).astype(dtype)
    refused(make(x, np.arange(60) % 2), "windows overlap across parts")


@pytest.mark.parametrize("step", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 19])
def test_overlapping_spectrograms_are_found(step, channels):
    x = spectrogram(recording_windows(step, channels, 256), 256)
    rows = make(x, np.arange(60) % 2, kind="eeg", groups=[f"w{k}" for k in range(60)])
    refused(rows, rf"windows overlap across parts, .* starts {step // 32} of 9 steps")


def test_overlap_of_a_recording_with_silences_is_found():
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 50, size=(32 * 63, 3)).astype(np.float32)
    for start in range(0, len(signal), 150):
        signal[start : start + 80] = 0
    x = np.stack([signal[k * 32 : k * 32 + 128] for k in range(60)])
    refused(make(x, np.arange(60) % 2), "windows overlap across parts")


def padded_pieces(rng):
    x = np.zeros((200, 60, 3), np.float32)
    for k in range(200):
        start, length = rng.integers(0, 40), rng.integers(5, 20)
        x[k, start : start + length] = rng.normal(size=(length, 3))
    return x


def bursts_on_a_common_step(rng):
    """Silence, the same rising edge everywhere, then noise."""
    x = rng.normal(size=(200, 60, 2)).astype(np.float32)
    x[:, :30] = 0
    x[:, 30] = 1
    return x


def a_common_pulse(rng):
    """Silence, the same calibration pulse at any place, then noise."""
    x, pulse = np.zeros((200, 100, 2)), rng.normal(size=(20, 2))
    for k, start in enumerate(rng.integers(0, 60, size=200)):
        x[k, start : start + 20] = pulse
        x[k, start + 20 :] = rng.normal(size=(80 - start, 2))
    return x


FALSE_ALARMS = {
    "common pulse": a_common_pulse,
    "noise": lambda rng: rng.normal(size=(200, 60, 2)),
    "zeros": lambda rng: np.zeros((200, 60, 2)) + rng.integers(0, 2, size=(200, 1, 1)),
    "padding": padded_pieces,
    "common step": bursts_on_a_common_step,
    "short one-hot": lambda rng: np.eye(4)[rng.integers(0, 4, size=(500, 10))],
    "long one-hot": lambda rng: np.eye(4)[rng.integers(0, 4, size=(300, 200))],
    "long one-hot, few rows": lambda rng: np.eye(4)[rng.integers(0, 4, size=(20, 1000))],
    "coarse random walk": lambda rng: np.cumsum(rng.integers(-1, 2, size=(300, 200, 1)), axis=1),
    "slow 8-bit": lambda rng: np.round(20 * np.cumsum(rng.normal(0, 0.1, size=(300, 200, 1)), axis=1)),
    "adjacent windows": lambda rng: rng.normal(size=(200 * 60, 2)).reshape(200, 60, 2),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", FALSE_ALARMS)
def test_no_false_alarm(name, seed):
    x = FALSE_ALARMS[name](np.random.default_rng(seed)).astype(np.float32)
    n = len(x)
    rows = make(x, np.arange(n) % 2, groups=[f"p{k % 30 + k % 2 * 30}" for k in range(n)])
    made = split(rows, FRACTIONS)
    assert not made.leaky


def test_silent_spectrograms_raise_no_alarm():
    rng = np.random.default_rng(0)
    x = spectrogram(rng.normal(0, 50, size=(90, 256, 4)).astype(np.float32), 256)
    x[::3, :, 3:] = 0
    rows = make(x, np.arange(90) % 2, kind="eeg", groups=[f"p{k // 6}" for k in range(90)])
    assert find_leakage(rows, split(rows, FRACTIONS)) == ()


def test_copies_under_two_group_names_are_found():
    rows = table([0, 1] * 30, np.arange(60))
    x = rows.x.copy()
    x[30:] = x[:30]
    refused(dataclasses.replace(rows, x=x), r"rows have an exact copy in another part \(row .* in .* is row")


def test_rows_of_few_values_may_repeat():
    x = np.random.default_rng(0).integers(0, 2, size=(200, 6)).astype(np.float32)
    rows = make(x, np.arange(200) % 2, groups=[f"p{k // 10}" for k in range(200)])
    assert split(rows, FRACTIONS).leaky is False


def test_a_recording_split_over_groups_is_found_with_its_overlap():
    rows = table([0, 1] * 30, np.arange(60))
    one = dataclasses.replace(rows, recordings=np.array([f"r{k // 20}" for k in range(60)]))
    refused(one, r'3 recordings stand in several parts \("r0" in train')
    timed = dataclasses.replace(one, times=np.arange(60) * 0.5, window_s=1.0)
    refused(timed, "recordings stand in several parts .* windows overlap in time")
    with pytest.raises(RunError) as caught:
        split(dataclasses.replace(timed, window_s=0.5), FRACTIONS)
    assert "overlap in time" not in str(caught.value)


def test_whole_recordings_pass():
    rows = table([0, 1] * 30, np.repeat(np.arange(12), 5))
    whole = dataclasses.replace(rows, recordings=rows.groups, times=np.arange(60) * 0.5, window_s=1.0)
    assert split(whole, FRACTIONS).leaky is False


def test_copies_are_counted_with_those_of_both_labels():
    rows = table([0, 1] * 30, np.arange(60))
    assert copies(rows) == (0, 0)
    x = rows.x.copy()
    x[2], x[4], x[7] = x[0], x[0], x[6]  # rows 6 and 7 have different labels
    assert copies(dataclasses.replace(rows, x=x)) == (3, 1)
