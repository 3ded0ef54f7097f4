"""A table of labels and probabilities of a model, as people have one."""

import csv
from pathlib import Path

import numpy as np


def table(seed=0, patients=10, windows=120):
    """Probabilities of a model, some of them exactly 0 or 1, with patients, recordings and times."""
    rng = np.random.default_rng(seed)
    window = np.tile(np.arange(windows), patients)
    y = (window >= 40) & (window < 52)
    p = 1 / (1 + np.exp(-(rng.normal(size=y.size) * 1.5 + np.where(y, 3, -3))))
    p = np.where(p < 0.005, 0.0, np.where(p > 0.995, 1.0, np.round(p, 4)))
    patient = np.repeat([f"p{k}" for k in range(patients)], windows)
    return y, p, patient, np.char.add(patient, "_r1"), 2.0 * window


def write(path: Path) -> None:
    """Writes the table as a CSV file: label, probability, patient, recording, start."""
    y, p, patient, recording, start = table()
    labels = ["seizure" if one else "background" for one in y]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["label", "probability", "patient", "recording", "start"])
        out.writerows(zip(labels, p.tolist(), patient, recording, start, strict=True))
