"""Simulated EEG: its promises, and that it is as hard as it is meant to be."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from search.data.sources.simulated_eeg import CHANNELS, RECORDINGS, SimulatedRows, simulate
from search.data.sources.simulated_events import POSITIONS
from spaces.data import SimulatedEeg

PATIENTS, WINDOWS = SimulatedEeg().patients, SimulatedEeg().windows


@pytest.fixture(scope="module")
def rows() -> SimulatedRows:
    return simulate(PATIENTS, WINDOWS, seed=0)


def best_f1(y: NDArray[np.int8], score: NDArray[np.float64]) -> float:
    """F1 at the best threshold, scores taken to be distinct."""
    hits = np.cumsum(y[np.argsort(-score)])
    return float((2 * hits / (np.arange(1, len(y) + 1) + y.sum())).max())


def by_patient(rows: SimulatedRows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the training rows (60% of the patients) and the validation rows (20%)."""
    patients = np.random.default_rng(0).permutation(np.unique(rows.groups))
    first, second = round(0.6 * len(patients)), round(0.8 * len(patients))
    return np.isin(rows.groups, patients[:first]), np.isin(rows.groups, patients[first:second])


def test_shapes_and_types(rows: SimulatedRows) -> None:
    n = PATIENTS * WINDOWS
    assert rows.x.shape == (n, 32, 9, len(CHANNELS)) == (n, 32, 9, 19)
    assert rows.x.dtype == np.float32
    assert np.isfinite(rows.x).all()
    assert rows.x.min() >= 0
    assert rows.y.shape == rows.groups.shape == rows.recordings.shape == rows.times.shape == (n,)
    assert rows.y.dtype == np.int8
    assert set(np.unique(rows.y)) == {0, 1}
    assert rows.times.dtype == np.float64
    assert rows.groups.dtype.kind == rows.recordings.dtype.kind == "U"


def test_the_floor_of_the_logarithm_is_rarely_met(rows: SimulatedRows) -> None:
    assert (rows.x == 0).mean() < 0.02


def test_electrodes_stand_where_their_names_say() -> None:
    place = dict(zip(CHANNELS, POSITIONS, strict=True))
    for left, right in (("Fp1", "Fp2"), ("F7", "F8"), ("T3", "T4"), ("T5", "T6"), ("P3", "P4"), ("O1", "O2")):
        np.testing.assert_allclose(place[left] * [-1, 1], place[right])
        assert place[left][0] < 0
    assert place["Fp1"][1] > place["F3"][1] > place["C3"][1] > place["P3"][1] > place["O1"][1]
    assert place["T3"][0] < place["C3"][0] < place["Cz"][0]


def test_the_same_seed_gives_the_same_rows_and_another_others() -> None:
    first, again, other = simulate(2, 60, 7), simulate(2, 60, 7), simulate(2, 60, 8)
    for name in ("x", "y", "groups", "recordings", "times"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.x, other.x)
    assert not np.array_equal(first.x[:60], first.x[60:])


def test_a_patient_does_not_depend_on_how_many_there_are() -> None:
    few, many = simulate(2, 61, 3), simulate(4, 61, 3)
    for name in ("x", "y", "groups", "recordings", "times"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[: 2 * 61])


@pytest.mark.parametrize("windows", [60, 100, WINDOWS, 600])
def test_every_patient_has_seizures_in_two_recordings(windows: int) -> None:
    rows = simulate(6, windows, seed=windows)
    assert list(np.unique(rows.groups)) == [f"patient-{k:02d}" for k in range(6)]
    for patient in np.unique(rows.groups):
        own = rows.groups == patient
        assert own.sum() == windows
        assert 0.08 <= rows.y[own].mean() <= 0.22
        assert len(np.unique(rows.recordings[own])) == RECORDINGS
        assert len(np.unique(rows.recordings[own & (rows.y == 1)])) >= 2


def test_prevalence(rows: SimulatedRows) -> None:
    assert 0.1 <= rows.y.mean() <= 0.2


def test_recordings_are_contiguous_and_seizures_last(rows: SimulatedRows) -> None:
    for recording in np.unique(rows.recordings):
        (index,) = np.nonzero(rows.recordings == recording)
        np.testing.assert_array_equal(np.diff(index), 1)
        np.testing.assert_array_equal(rows.times[index], np.arange(len(index)))
        assert len(set(rows.groups[index])) == 1
        assert recording.startswith(rows.groups[index[0]])
        edges = np.diff(np.concatenate([[0], rows.y[index], [0]]))
        lengths = np.nonzero(edges == -1)[0] - np.nonzero(edges == 1)[0]
        assert (lengths >= 5).all()


def test_seizures_grow(rows: SimulatedRows) -> None:
    starts = np.nonzero((rows.y[1:] == 1) & (rows.y[:-1] == 0))[0] + 1
    power = rows.x[:, :10].mean(axis=(1, 2, 3))
    assert np.mean(power[starts + 6] - power[starts]) > 0.05


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_model_fails_on_unseen_patients(seed: int) -> None:
    rows = simulate(PATIENTS, WINDOWS, seed)
    train, validation = by_patient(rows)
    scaler = StandardScaler().fit(rows.x[train].reshape(train.sum(), -1))
    x_train = scaler.transform(rows.x[train].reshape(train.sum(), -1))
    x_validation = scaler.transform(rows.x[validation].reshape(validation.sum(), -1))
    values = []
    for strength, class_weight in ((1e-4, "balanced"), (1e-3, None), (1e-2, "balanced"), (1.0, None)):
        model = LogisticRegression(C=strength, class_weight=class_weight, tol=1e-3, max_iter=1000)
        model.fit(x_train, rows.y[train])
        values.append(best_f1(rows.y[validation], model.decision_function(x_validation)))
    # Better than saying "seizure" always, so that the data is not merely unlearnable.
    share = rows.y[validation].mean()
    assert 2 * share / (1 + share) + 0.1 < max(values) <= 0.75


@pytest.mark.slow
def test_a_good_small_cnn_succeeds_and_a_bad_one_does_not(rows: SimulatedRows) -> None:
    train, validation = by_patient(rows)
    good = trained_f1(rows, train, validation, "adam", 3e-3, epochs=12)
    bad = trained_f1(rows, train, validation, "sgd", 1e-3, epochs=12)
    assert 0.83 <= good <= 0.96
    assert bad <= good - 0.1


def trained_f1(
    rows: SimulatedRows,
    train: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    optimizer: str,
    learning_rate: float,
    epochs: int,
) -> float:
    """Validation F1 of the seizure CNN at a quarter of its width, the best of its epochs."""
    import keras
    from keras import layers

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            layers.Input((32, 9, 19)),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D((2, 1)),
            layers.BatchNormalization(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D((2, 1)),
            layers.BatchNormalization(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    chosen = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[optimizer](learning_rate)
    network.compile(chosen, keras.losses.BinaryCrossentropy(from_logits=True))
    values = []
    for _ in range(epochs):
        network.fit(rows.x[train], rows.y[train].astype(np.float32), batch_size=32, verbose=0)
        values.append(best_f1(rows.y[validation], network.predict(rows.x[validation], verbose=0)[:, 0]))
    return max(values)
