"""The table of data sources: from what a study says to labelled rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.rows import Labels, Rows, digest
from search.sources.bonn import load_bonn
from search.sources.images import load_images
from search.sources.labels import binarize
from search.sources.npz import load_npz
from spaces.data import Bonn, Frozen, Images, Npz, SimulatedEeg

__all__ = ["SOURCES", "Labels", "Rows", "digest", "load"]


def load_simulated(config: SimulatedEeg, _base: Path) -> Rows:
    """Simulated scalp EEG, `(n, 32, 9, 19)`; no folder is read."""
    from search.sources.simulated_eeg import CHANNELS, simulate

    made = simulate(patients=config.patients, windows=config.windows, seed=config.seed)
    y, labels = binarize(made.y, config.positive, "simulated_eeg")
    return Rows(
        x=made.x,
        y=y,
        labels=labels,
        groups=made.groups,
        recordings=made.recordings,
        times=made.times,
        kind="eeg",
        window_s=1.0,
        channels=CHANNELS,
    )


SOURCES: dict[type[Frozen], Callable[[Any, Path], Rows]] = {
    SimulatedEeg: load_simulated,
    Npz: load_npz,
    Images: load_images,
    Bonn: load_bonn,
}
"""The loader of each source; it gets the source's own config and the folder relative paths start from."""


def load(config: SimulatedEeg | Npz | Images | Bonn, base: Path) -> Rows:
    """Reads the rows that a study's `data:` names.

    Args:
        config: the `data:` part of a study.
        base: the folder that relative paths in the study are taken from.

    Returns:
        All rows, checked.

    Raises:
        RunError: the data are missing, damaged, or not a two-class problem.
    """
    return SOURCES[type(config)](config, base)
