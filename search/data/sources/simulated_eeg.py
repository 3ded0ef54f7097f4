"""Simulates scalp EEG: patients, their recordings, and the rows a study trains on.

It says nothing about real patients. It exists so that a search has something to find on any machine: a linear
model on the same tensor fails on unseen patients, the seizure CNN works, and only where its configuration is
good (tests/search/data/sources/test_simulated_eeg.py holds both).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.sources.eeg.stft import spectrogram
from search.data.sources.simulated_events import (
    CHANNELS,
    POSITIONS,
    RATE_HZ,
    SITES,
    Patient,
    Signal,
    artefact,
    field,
    look_alike,
    seizure,
    slow_walk,
)

__all__ = ["CHANNELS", "RATE_HZ", "SimulatedRows", "simulate"]

RECORDINGS = 3
LOOK_ALIKES_PER_MINUTE = 9.0
ARTEFACTS_PER_MINUTE = 7.0
SEIZURE_SHARE = (0.12, 0.19)
"""Share of a patient's time in seizure."""

_SLOT_S = 50
"""Seizures of one recording lie in different slots of at least this length."""


@dataclass(frozen=True, kw_only=True)
class SimulatedRows:
    """One row per one-second window, in the order of patients, recordings and time.

    Args:
        x: `(n, 32, 9, 19)`, the tensor of `search.data.sources.eeg.stft`.
        y: `(n,)`, 1 where at least half of the window is seizure, else 0.
        groups: `(n,)`, the patient, like "patient-03".
        recordings: `(n,)`, the recording, like "patient-03-recording-1".
        times: `(n,)`, the window's start in seconds from the recording's start.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int8]
    groups: NDArray[np.str_]
    recordings: NDArray[np.str_]
    times: NDArray[np.float64]


def simulate(patients: int, windows: int, seed: int) -> SimulatedRows:
    """Simulates recordings of several patients and cuts them into windows.

    Args:
        patients: at least 1; patient k is the same whatever their number.
        windows: one-second windows per patient, at least 60.
        seed: at least 0.

    Returns:
        `patients * windows` rows; every patient has seizures in at least two recordings.
    """
    seconds = [len(part) for part in np.array_split(np.arange(windows), RECORDINGS)]
    x, y, groups, recordings = [], [], [], []
    for k in range(patients):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        patient = _patient(rng)
        for r, seizures in enumerate(_seizures(rng, seconds)):
            signal, labels = _recording(rng, patient, seconds[r], seizures)
            x.append(spectrogram(signal, RATE_HZ))
            y.append(labels)
            groups += [f"patient-{k:02d}"] * seconds[r]
            recordings += [f"patient-{k:02d}-recording-{r}"] * seconds[r]
    return SimulatedRows(
        x=np.concatenate(x),
        y=np.concatenate(y),
        groups=np.array(groups),
        recordings=np.array(recordings),
        times=np.tile(np.concatenate([np.arange(s, dtype=np.float64) for s in seconds]), patients),
    )


def _patient(rng: np.random.Generator) -> Patient:
    lowest_onset_hz = rng.uniform(24, 32)
    center = np.array([rng.normal(0, 0.15), rng.uniform(-0.9, -0.6)])
    return Patient(
        gain_uv=9 * np.exp(rng.normal(0, 0.45)),
        slope=rng.uniform(0.7, 1.1),
        floor=rng.uniform(0.1, 0.3),
        alpha_hz=rng.uniform(8.5, 11.5),
        alpha=rng.uniform(1.5, 7.5),
        alpha_field=field(center, rng.uniform(0.4, 0.6)),
        focus=rng.choice(SITES),
        onset_hz=(lowest_onset_hz, lowest_onset_hz + 9),
    )


def _background(rng: np.random.Generator, patient: Patient, seconds: int) -> NDArray[np.float32]:
    """`(19, samples)`: 1/f noise that neighbours share, noise of each electrode, and waxing alpha."""
    samples = seconds * RATE_HZ
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ).astype(np.float64)

    def noise(shape: Signal, sources: int) -> NDArray[np.complex64]:
        spectrum = rng.standard_normal((sources, 2 * len(hz)), np.float32).view(np.complex64)
        return np.asarray(spectrum * shape.astype(np.float32))

    mixing = np.stack([field(position, 0.35) for position in POSITIONS]) + 0.3 * np.eye(19)
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    alpha = patient.alpha * np.exp(-0.5 * ((hz - patient.alpha_hz) / 0.6) ** 2)
    spectrum = mixing.astype(np.float32) @ noise(np.hypot(patient.level(hz), patient.floor), 19)
    spectrum += patient.alpha_field[:, None].astype(np.float32) * noise(alpha, 1)
    # Makes a flat spectrum of 1 a signal of unit variance: irfft divides by the number of samples.
    return np.asarray(np.fft.irfft(spectrum, samples, axis=1) * np.sqrt(samples / 2), np.float32)


def _seizures(rng: np.random.Generator, seconds: list[int]) -> list[list[tuple[float, float]]]:
    """Per recording, start and duration of its seizures in seconds; the first two in different recordings."""
    counts = [max(1, s // _SLOT_S) for s in seconds]
    slots = [(recording, slot) for recording, count in enumerate(counts) for slot in range(count)]
    slots = [slots[i] for i in rng.permutation(len(slots))]
    slots.insert(1, slots.pop(next(i for i, slot in enumerate(slots) if slot[0] != slots[0][0])))
    total_s = rng.uniform(*SEIZURE_SHARE) * sum(seconds)
    shares = rng.uniform(0.7, 1.3, int(np.clip(round(total_s / 14), 2, len(slots))))
    seizures: list[list[tuple[float, float]]] = [[] for _ in seconds]
    for (recording, slot), share in zip(slots, shares / shares.sum(), strict=False):
        slot_s = seconds[recording] / counts[recording]
        duration_s = min(share * total_s, slot_s - 2)
        seizures[recording].append((slot * slot_s + rng.uniform(1, slot_s - duration_s), duration_s))
    return seizures


def _recording(
    rng: np.random.Generator, patient: Patient, seconds: int, seizures: list[tuple[float, float]]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Windows `(seconds, 256, 19)` in microvolts and their labels `(seconds,)`."""
    signal = _background(rng, patient, seconds)
    in_seizure = np.zeros(seconds * RATE_HZ, np.float64)
    for start_s, duration_s in seizures:
        _add(signal, seizure(rng, patient, duration_s), start_s)
        in_seizure[int(start_s * RATE_HZ) : int((start_s + duration_s) * RATE_HZ)] = 1
    for _ in range(rng.poisson(LOOK_ALIKES_PER_MINUTE * seconds / 60)):
        duration_s, start_s = rng.uniform(2, 7), rng.uniform(0, seconds - 1)
        # A look-alike next to a seizure would make that window's label a matter of taste.
        if all(start_s + duration_s < s or s + d < start_s for s, d in seizures):
            _add(signal, look_alike(rng, patient, duration_s), start_s)
    for _ in range(rng.poisson(ARTEFACTS_PER_MINUTE * seconds / 60)):
        _add(signal, artefact(rng, patient, rng.uniform(1, 6)), rng.uniform(0, seconds - 1))
    # The slow drift of everything's amplitude leaves ratios, not powers, to learn from.
    signal *= patient.gain_uv * np.exp(0.35 * slow_walk(rng, signal.shape[1], 8))
    windows = signal.reshape(len(CHANNELS), seconds, RATE_HZ).transpose(1, 2, 0)
    return windows, (in_seizure.reshape(seconds, RATE_HZ).mean(axis=1) >= 0.5).astype(np.int8)


def _add(signal: NDArray[np.float32], event: Signal, start_s: float) -> None:
    """Adds `event` to `signal` in place, cut at the recording's end."""
    part = signal[:, int(start_s * RATE_HZ) :][:, : event.shape[1]]
    part += event[:, : part.shape[1]]
