"""Rows for tests of splits, and what holds for every split."""

import numpy as np
import pytest

from search.data.rows import Labels, Rows
from search.data.splits import split
from spaces.data import Split as SplitConfig
from spaces.errors import RunError

FRACTIONS = SplitConfig()


def make(x, y, **fields) -> Rows:
    fields = {name: np.array(v) if isinstance(v, list) else v for name, v in fields.items()}
    return Rows(x=x, y=np.asarray(y, dtype=np.int8), labels=Labels(0, 1), **fields)


def table(y, groups, seed=0, **fields) -> Rows:
    x = np.random.default_rng(seed).normal(size=(len(y), 9)).astype(np.float32)
    names = None if groups is None else np.array([f"g{g}" for g in groups])
    return make(x, y, groups=names, **fields)


def parts_of(made):
    return (made.train, made.validation, made.test)


def assert_whole(rows, made):
    """All rows once, ascending, both classes in each part, no group in two parts."""
    assert sorted(np.concatenate(parts_of(made)).tolist()) == list(range(len(rows)))
    for part in parts_of(made):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
        assert set(rows.y[part].tolist()) == {0, 1}
    if rows.groups is not None and made.by == "group":
        seen = [set(rows.groups[part]) for part in parts_of(made)]
        assert sum(map(len, seen)) == len(set(rows.groups))


def refused(rows, message):
    with pytest.raises(RunError, match=message) as caught:
        split(rows, FRACTIONS)
    assert "\n" not in str(caught.value)
    made = split(rows, SplitConfig(i_accept_leakage=True))
    assert made.leaky
