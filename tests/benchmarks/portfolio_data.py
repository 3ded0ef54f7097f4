"""The data sets of `tests.benchmarks.portfolio`: none is the quality benchmark's, nor the quickstart's.

Small ones, so that a configuration is tried on all of its network's in some seconds. Groups (patients,
recordings) never stand on both sides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Rows
from search.data.sources.bonn import load_bonn, read_signals
from search.data.sources.simulated_eeg import simulate
from search.data.trial_data import TrialData
from spaces.data import Bonn
from tests.conftest import SHARED
from tests.helpers.photos import load_folder

SIDE = 24
"""Pixels of a photo's side."""
PATIENTS, WINDOWS = 20, 100
"""Simulated patients, and their one-second windows."""
BONN_SAMPLES = 173
"""Of one second."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One data set for one trunk.

    Args:
        name: what it is, as the table of the portfolio names it.
        make: makes its rows.
    """

    name: str
    make: Callable[[], TrialData]


def split(x: NDArray[np.generic], y: NDArray[np.int8], group: NDArray[np.generic], seed: int) -> TrialData:
    """Draws 40 of 100 groups to validate on; the others train."""
    names = np.unique(group)
    taken = np.random.default_rng(seed).permutation(names)[: round(0.4 * len(names))]
    validates = np.isin(group, taken)
    return TrialData(
        np.ascontiguousarray(x[~validates]),
        y[~validates].astype(np.int8),
        np.ascontiguousarray(x[validates]),
        y[validates].astype(np.int8),
    )


def by_row(x: NDArray[np.generic], y: NDArray[np.generic], seed: int) -> TrialData:
    """Splits rows that are independent of each other."""
    return split(x, y.astype(np.int8), np.arange(len(y)), seed)


def simulated(seed: int, noise: float, kept: float) -> TrialData:
    """Simulated EEG of patients of its own.

    Args:
        seed: of the patients; never 0 (the quickstart's), 7, 8 or 2027 (the benchmark's).
        noise: white, as a factor of the deviation of all values.
        kept: the share of windows in seizure that stay.
    """
    drawn, rng = simulate(PATIENTS, WINDOWS, seed), np.random.default_rng(seed)
    x = drawn.x + np.float32(noise * drawn.x.std()) * rng.standard_normal(drawn.x.shape, np.float32)
    stays = (drawn.y == 0) | (rng.random(len(drawn.y)) < kept)
    return split(x[stays], drawn.y[stays], drawn.groups[stays], seed)


@cache
def bonn() -> Rows:
    """The Bonn recordings as spectrograms, `(11500, 32, 9, 1)`."""
    return load_bonn(Bonn(source="bonn", path=str(SHARED / "bonn" / "bonn_eeg.zip")), Path())


def bonn_spectrograms(sets: str, seed: int) -> TrialData:
    """Every fourth second of some of the five sets; the seizures are those of the set S."""
    rows = bonn()
    group = np.asarray(rows.groups)
    taken = np.isin(np.array([name[0] for name in group]), list(sets)) & (np.asarray(rows.times) % 4 == 1)
    return split(np.asarray(rows.x)[taken], np.asarray(rows.y)[taken], group[taken], seed)


@cache
def signals() -> tuple[list[str], NDArray[np.float64]]:
    """Names and samples of the Bonn recordings."""
    return read_signals(SHARED / "bonn" / "bonn_eeg.zip")


def bonn_seconds(positive: str, negative: str, seed: int) -> TrialData:
    """Six seconds of each recording of two sets, `(n, 173, 1)`, in deviations of all."""
    names, samples = signals()
    taken = [row for row, name in enumerate(names) if name[0] in positive + negative]
    cut = samples[taken, : 18 * BONN_SAMPLES].reshape(len(taken), 18, BONN_SAMPLES)[:, ::3]
    x = cut.reshape(-1, BONN_SAMPLES, 1).astype(np.float32)
    group = np.repeat([names[row] for row in taken], cut.shape[1])
    y = np.array([name[0] in positive for name in group], np.int8)
    return split(x / x.std(), y, group, seed)


def series(noise: float, seed: int) -> TrialData:
    """Autoregressive series `(1500, 173, 1)`; positive ones hold a short wave at some place."""
    rng = np.random.default_rng(seed)
    n, steps = 1500, BONN_SAMPLES
    x = rng.standard_normal((n, steps, 1), np.float32) * np.float32(noise)
    for step in range(1, steps):
        x[:, step] += np.float32(0.6) * x[:, step - 1]
    y = (rng.random(n) < 0.3).astype(np.int8)
    wave = np.sin(np.arange(12) * np.pi / 3).astype(np.float32)[:, None] * np.hanning(12)[:, None]
    for row in np.flatnonzero(y):
        start = int(rng.integers(0, steps - 12))
        x[row, start : start + 12] += (wave * rng.uniform(2, 4)).astype(np.float32)
    return by_row(x, y, seed)


def bands(seed: int) -> TrialData:
    """Simulated EEG as a sequence: the mean over channels, nine frames of 32 frequencies."""
    found = simulated(seed, 0.0, 1.0)

    def sequence(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(np.asarray(x).mean(axis=3).transpose(0, 2, 1))

    low = sequence(np.asarray(found.x_train))
    mean, deviation = low.mean(), low.std()
    high = (sequence(np.asarray(found.x_validation)) - mean) / deviation
    return TrialData((low - mean) / deviation, found.y_train, high, found.y_validation)


@cache
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """scikit-learn's digits, `(1797, 8, 8)` from 0 to 1."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images / 16).astype(np.float32), found.target


def of_digits(positive: tuple[int, ...], negative: tuple[int, ...], noise: float, seed: int) -> TrialData:
    """Some digits against others, `(n, 64)`, with noise."""
    images, target = digits()
    taken = np.isin(target, positive + negative)
    x = images[taken].reshape(-1, 64)
    x = x + np.random.default_rng(seed).normal(0, noise, x.shape).astype(np.float32)
    return by_row(x, np.isin(target[taken], positive), seed)


def breast_cancer() -> TrialData:
    """scikit-learn's breast cancer and 34 columns of noise, standardised: `(569, 64)`; malignant is positive.

    As wide as the other tables, which thus share compiled networks with it.
    """
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    x = (found.data - found.data.mean(0)) / found.data.std(0)
    noise = np.random.default_rng(3).standard_normal((len(x), 34))
    return by_row(np.hstack([x, noise]).astype(np.float32), found.target == 0, seed=3)


def clusters(flipped: float, share: float, seed: int) -> TrialData:
    """scikit-learn's `make_classification`, `(1500, 64)`: ten columns that tell, some labels flipped."""
    from sklearn.datasets import make_classification

    x, y = make_classification(
        1500, 64, n_informative=10, n_redundant=10, n_clusters_per_class=3, weights=[1 - share],
        flip_y=flipped, random_state=seed,
    )  # fmt: skip
    return by_row((x / x.std(0)).astype(np.float32), y, seed)


def photos() -> TrialData:
    """The photos of men and women, every one at `SIDE` pixels."""
    x, paths = load_folder(SHARED / "men_women", SIDE)
    return by_row(x, np.array([path.startswith("women") for path in paths]), seed=5)


def digit_photos(positive: tuple[int, ...], noise: float, seed: int) -> TrialData:
    """Digits as photos of three channels, some against all others."""
    images, target = digits()
    x = images.repeat(SIDE // 8, 1).repeat(SIDE // 8, 2)[..., None].repeat(3, 3)
    x = x + np.random.default_rng(seed).normal(0, noise, x.shape).astype(np.float32)
    return by_row((x.clip(0, 1) * 255).astype(np.uint8), np.isin(target, positive), seed)


def textures(contrast: float, seed: int) -> TrialData:
    """Noise photos; on positive ones lie faint diagonal stripes of any phase."""
    rng, n = np.random.default_rng(seed), 1000
    y = (rng.random(n) < 0.35).astype(np.int8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    phase = rng.uniform(0, 2 * np.pi, n)[:, None, None]
    stripes = np.sin((rows + columns) * 0.9 + phase) * y[:, None, None] * contrast
    x = 0.5 + stripes[..., None] + rng.normal(0, 0.2, (n, SIDE, SIDE, 3))
    return by_row((x.clip(0, 1) * 255).astype(np.uint8), y, seed)


WIDTHS: Mapping[str, float] = MappingProxyType(
    {"seizure_cnn": 0.25, "conv1d_cnn": 1.0, "mlp": 1.0, "image_cnn": 0.125}
)
"""The width at which each trunk is tried."""
SETS: Mapping[str, tuple[DataSet, ...]] = MappingProxyType(
    {
        "seizure_cnn": (
            DataSet(name="simulated EEG, no noise", make=partial(simulated, 1101, 0.0, 1.0)),
            DataSet(name="simulated EEG, noise 0.7", make=partial(simulated, 1102, 0.7, 1.0)),
            DataSet(name="simulated EEG, a third of the seizures", make=partial(simulated, 1103, 0.5, 0.33)),
            DataSet(name="Bonn NFS, spectrograms", make=partial(bonn_spectrograms, "NFS", 1)),
        ),
        "conv1d_cnn": (
            DataSet(name="Bonn S from F, seconds", make=partial(bonn_seconds, "S", "F", 1)),
            DataSet(name="Bonn Z from O, seconds", make=partial(bonn_seconds, "Z", "O", 2)),
            DataSet(name="series with a wave", make=partial(series, 0.5, 3)),
            DataSet(name="simulated EEG, bands", make=partial(bands, 1104)),
        ),
        "mlp": (
            DataSet(name="breast cancer", make=breast_cancer),
            DataSet(name="digits 3, 8, 9 from others", make=partial(
                of_digits, (3, 8, 9), (0, 1, 2, 4, 5, 6, 7), 0.3, 1)),
            DataSet(name="digits 4 from 9, noisy", make=partial(of_digits, (4,), (9,), 0.8, 2)),
            DataSet(name="clusters, a tenth positive", make=partial(clusters, 0.02, 0.1, 3)),
            DataSet(name="clusters, labels flipped", make=partial(clusters, 0.15, 0.4, 4)),
        ),
        "image_cnn": (
            DataSet(name="photos of men and women", make=photos),
            DataSet(name="digits 3 and 8 from others", make=partial(digit_photos, (3, 8), 0.4, 5)),
            DataSet(name="textures", make=partial(textures, 0.06, 6)),
        ),
    }
)  # fmt: skip
"""Every trunk's data sets."""
