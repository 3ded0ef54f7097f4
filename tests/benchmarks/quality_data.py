"""The rows of `tests.benchmarks.quality`: simulated patients to train and validate on, and unseen ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.sources.simulated_eeg import simulate

PATIENTS = {"train": 12, "validation": 6, "unseen": 8}
WINDOWS = 1200
"""One-second windows of each patient."""
NOISE = 1.0
"""White noise on every row, as a factor of the deviation of all values."""
SEED = 7
SHUT = 60
"""Windows of one more patient, the test split that our own study must name and nobody opens."""


def written(parent: Path) -> Path:
    """Writes the rows, unless they are there, and returns their folder.

    It holds `seen/`, for every system: `x_train.npy` `(n, 32, 9, 19)`, `y_train.npy` `(n,)`, the same of
    `validation`, and all of them in `windows.npz` as `data.source: npz` takes them. And `unseen/`, for the
    judge alone: `x.npy`, `y.npy`.

    Args:
        parent: where the folder goes; other settings at the top of this file make another one.
    """
    settings = {"patients": PATIENTS, "windows": WINDOWS, "noise": NOISE, "seed": SEED, "shut": SHUT}
    name = f"rows-{'-'.join(map(str, PATIENTS.values()))}x{WINDOWS}-noise{NOISE:g}-seed{SEED}"
    folder = parent / name
    if (folder / "settings.json").is_file():
        return folder
    seen, unseen = folder / "seen", folder / "unseen"
    for made in (seen, unseen):
        made.mkdir(parents=True, exist_ok=True)
    drawn = simulate(sum(PATIENTS.values()), WINDOWS, SEED)
    rng = np.random.default_rng([SEED, 1])
    shut = simulate(1, SHUT, SEED + 1)
    deviation = float(drawn.x.std())
    x, y = _noisy(drawn.x, deviation, rng), drawn.y
    parts = np.repeat(list(PATIENTS), np.array(list(PATIENTS.values())) * WINDOWS)
    for part in ("train", "validation"):
        np.save(seen / f"x_{part}.npy", x[parts == part])
        np.save(seen / f"y_{part}.npy", y[parts == part])
    np.save(unseen / "x.npy", x[parts == "unseen"])
    np.save(unseen / "y.npy", y[parts == "unseen"])
    taken = parts != "unseen"
    np.savez(
        seen / "windows.npz",
        X=np.concatenate([x[taken], _noisy(shut.x, deviation, rng)]),
        y=np.concatenate([y[taken], shut.y]),
        group=np.concatenate([drawn.groups[taken], np.full(SHUT, "shut")]),
        split=np.concatenate([parts[taken], np.full(SHUT, "test")]),
    )
    # Last: a folder without it was not finished.
    (folder / "settings.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return folder


def _noisy(x: NDArray[np.float32], deviation: float, rng: Any) -> NDArray[np.float32]:
    """Adds the noise in place."""
    if NOISE:
        for row in x:
            row += np.float32(NOISE * deviation) * rng.standard_normal(row.shape, np.float32)
    return x
