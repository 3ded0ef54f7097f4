"""Sources and rows, prepared in a folder of their own."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from search.data import store
from search.data.plan import at_once
from search.data.rows import Labels, Recording, Rows
from search.data.sources import registry


def stored(rows: Rows, root: Path) -> store.Stored:
    """Rows in memory, prepared."""
    plan = at_once(lambda config, base: rows, None, root, fingerprint=None)
    return store.prepare(plan, "rows", root)


def digest(rows: Rows) -> str:
    """The digest of rows, prepared."""
    with tempfile.TemporaryDirectory() as root:
        return stored(rows, Path(root)).digest


def load(config, base: Path) -> Rows:
    """The rows that a study's `data:` names, prepared and read back into memory."""
    with tempfile.TemporaryDirectory() as root:
        plan = registry.plan(config, base)
        kept = base / "prepared"  # where rows that were given rather than read are kept
        root = kept if kept.is_dir() else root
        rows = store.prepare(plan, registry.key(config, plan), Path(root)).rows
        return replace(rows, x=rows.x[:])


def some_rows(**changes) -> Rows:
    values = {
        "x": np.arange(24, dtype=np.float32).reshape(4, 6),
        "y": np.array([0, 1, 0, 1], dtype=np.int8),
        "labels": Labels("off", "on"),
        "groups": np.array(["ann", "ben", "ben", "cy"]),
        "recordings": np.array(["a1", "b1", "b2", "c1"]),
        "times": np.arange(4.0),
        "parts": np.array(["train", "train", "validation", "test"]),
        "kind": "eeg",
        "window_s": 2.0,
        "channels": tuple("abcdef"),
        "timeline": (Recording("a1", "ann", 9.5, ((1.0, 2.5), (4.0, 5.0))), Recording("b1", "ben", 2.0, ())),
    }
    return Rows(**{**values, **changes})
