"""The rows of `tests.benchmarks.quality`: simulated patients to train and validate on, and unseen ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.sources.simulated_eeg import simulate

PATIENTS = {"train": 12, "validation": 6, "tuning": 8, "unseen": 8}
WINDOWS = 1200
"""One-second windows of each patient."""
NOISE = 1.0
"""White noise on every row, as a factor of the deviation of all values."""
SEED, UNSEEN_SEED = 7, 2027
"""Of all patients but the unseen ones, and of those."""
SHUT = 60
"""Windows of one more patient, the test split that our own study must name and nobody opens."""


def settings() -> dict[str, Any]:
    """All that the rows come of."""
    return {
        "patients": PATIENTS,
        "windows": WINDOWS,
        "noise": NOISE,
        "seed": SEED,
        "unseen_seed": UNSEEN_SEED,
        "shut": SHUT,
    }


def seen_name() -> str:
    """Names the rows that searches see, by all that they come of."""
    counts = "-".join(str(count) for part, count in PATIENTS.items() if part != "unseen")
    return f"rows-{counts}x{WINDOWS}-noise{NOISE:g}-seed{SEED}"


def name() -> str:
    """Names all rows."""
    return f"{seen_name()}-unseen{PATIENTS['unseen']}-seed{UNSEEN_SEED}"


def written(parent: Path) -> Path:
    """Writes the rows, unless they are there, and returns their folder.

    It holds `seen/`, for every system: `x_train.npy` `(n, 32, 9, 19)`, `y_train.npy` `(n,)`, the same of
    `validation`, and all of them in `windows.npz` as `data.source: npz` takes them. `tuning/`, for whoever
    chooses what is ours to choose in `quality.yaml`: `x.npy`, `y.npy`. And `unseen/`, the same for the judge
    alone: nothing may be chosen by it, or its patients must be of another seed from then on.

    Args:
        parent: where the folder goes; other settings at the top of this file make another one.
    """
    folder = parent / name()
    if (folder / "settings.json").is_file():
        return folder
    seen, tuning, unseen = (folder / part for part in ("seen", "tuning", "unseen"))
    for made in (seen, tuning, unseen):
        made.mkdir(parents=True, exist_ok=True)
    counts = {part: count for part, count in PATIENTS.items() if part != "unseen"}
    drawn = simulate(sum(counts.values()), WINDOWS, SEED)
    rng = np.random.default_rng([SEED, 1])
    shut = simulate(1, SHUT, SEED + 1)
    deviation = float(drawn.x.std())
    x, y = _noisy(drawn.x, deviation, rng), drawn.y
    parts = np.repeat(list(counts), np.array(list(counts.values())) * WINDOWS)
    for part in ("train", "validation"):
        np.save(seen / f"x_{part}.npy", x[parts == part])
        np.save(seen / f"y_{part}.npy", y[parts == part])
    others = simulate(PATIENTS["unseen"], WINDOWS, UNSEEN_SEED)
    x_others = _noisy(others.x, deviation, np.random.default_rng([UNSEEN_SEED, 1]))
    for to, x_part, y_part in (
        (tuning, x[parts == "tuning"], y[parts == "tuning"]),
        (unseen, x_others, others.y),
    ):
        np.save(to / "x.npy", x_part)
        np.save(to / "y.npy", y_part)
    taken = parts != "tuning"
    np.savez(
        seen / "windows.npz",
        X=np.concatenate([x[taken], _noisy(shut.x, deviation, rng)]),
        y=np.concatenate([y[taken], shut.y]),
        group=np.concatenate([drawn.groups[taken], np.full(SHUT, "shut")]),
        split=np.concatenate([parts[taken], np.full(SHUT, "test")]),
    )
    # Last: a folder without it was not finished.
    (folder / "settings.json").write_text(json.dumps(settings(), indent=1) + "\n", encoding="utf-8")
    return folder


def _noisy(x: NDArray[np.float32], deviation: float, rng: Any) -> NDArray[np.float32]:
    """Adds the noise in place."""
    if NOISE:
        for row in x:
            row += np.float32(NOISE * deviation) * rng.standard_normal(row.shape, np.float32)
    return x
