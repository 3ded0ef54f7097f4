"""Sources and rows, prepared in a folder of their own."""

import tempfile
from dataclasses import replace
from pathlib import Path

from search.data import store
from search.data.plan import at_once
from search.data.rows import Rows
from search.data.sources import table


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
        plan = table.plan(config, base)
        rows = store.prepare(plan, table.key(config, plan), Path(root)).rows
        return replace(rows, x=rows.x[:])
