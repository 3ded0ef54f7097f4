"""Arrays that are given rather than read from files, as in a notebook: written once, then found again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data import store
from search.data.plan import Plan, at_once
from search.data.rows import Rows
from search.data.sources.npz import check_unmasked, rows_of
from spaces.data import Arrays, Npz
from spaces.errors import RunError

NAMES = {"group": "groups", "recording": "recordings", "time": "times"}
"""What is known of rows, and what the arrays are called that say it."""
GIVEN = "the arrays"
"""What messages call the place that the arrays come from."""


def keep(given: Mapping[str, Any], config: Arrays, root: Path) -> Arrays:
    """Writes arrays as prepared data, checked like those of an `.npz` file, and returns what names them.

    Args:
        given: `X`, `y` and, where they are known, `groups`, `recordings` and `times`; None is unknown.
        config: how they are to be read; its digest does not count.
        root: the folder of all prepared data.

    Raises:
        RunError: they disagree in length, or hold what rows cannot.
    """
    arrays = {name: column(values) for name, values in given.items() if values is not None}
    named = {key: name for key, name in NAMES.items() if name in arrays}
    as_npz = Npz.model_validate(
        {
            "source": "npz",
            "path": "",
            "task": config.task,
            "positive": config.positive,
            "window_s": config.window_s,
            "exact_names": config.exact_names,
            **named,
        }
    )
    rows = rows_of(arrays, as_npz, GIVEN)
    written = store.prepare(at_once(lambda *_: rows, None, root, fingerprint=None), _PREFIX, root)
    return config.model_copy(update={"digest": written.digest})


def column(values: Any) -> NDArray[Any]:
    """Returns values as an array; a table library's objects that are all text become text.

    Raises:
        RunError: they are no array.
    """
    check_unmasked(values, "", GIVEN)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise RunError(f"rows must all have one shape, but numpy says: {error} ({GIVEN})") from None
    if array.dtype.kind in "OT" and all(isinstance(value, str) for value in array.ravel().tolist()):
        return array.astype(np.str_)
    return array


_PREFIX = "arrays"


def plan_kept(config: Arrays, base: Path) -> Plan:
    """The plan of rows that were kept before: there is nothing else to read them from."""
    plan = at_once(_gone, config, base, fingerprint=config.digest)
    return replace(plan, kept_as=f"{_PREFIX}-{config.digest[:16]}")


def _gone(config: Arrays, base: Path) -> Rows:
    raise RunError(
        f"the arrays of a notebook are kept in prepared/ alone, but prepared/{_PREFIX}-{config.digest[:16]} "
        "is gone; headsearch.search with the same arrays writes it again"
    )
