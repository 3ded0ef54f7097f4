"""Parts of a split, by the names that programs give them."""

import re

from audit.values import Array

GROUPED = re.compile(
    r"^(groups|patients?|subjects?|participants?|speakers?"
    r"|(patient|subject|participant|person|speaker|recording|group)_?(ids?|nums?|numbers?|groups?))$",
    re.IGNORECASE,
)
"""Names of columns that tell whose rows these are."""
_TEST = re.compile(r"(^|_)(test|tst|te|holdout|held_out)(_|$|\d)|^[xXyY]_?(test|tst)", re.IGNORECASE)
"""Names of test rows."""


def part_of(name: str) -> str:
    """Returns the part of a split that a name speaks of."""
    words = set(name.lower().split("_"))
    if words & {"train", "tr", "trn", "training", "xtrain", "ytrain"}:
        return "train"
    if words & {"val", "valid", "validation", "dev", "xval", "yval"}:
        return "val"
    return "test" if _TEST.search(name) else ""


def has_many(name: str) -> bool:
    """Says whether a name speaks of the many rows of a part."""
    words = set(name.lower().split("_"))
    parts = {"test", "train", "val", "valid", "validation", "training", "testing"}
    rows = {
        "x",
        "data",
        "features",
        "images",
        "samples",
        "windows",
        "inputs",
        "sequences",
        "set",
        "generator",
    }
    whole = {"xtest", "xtrain", "xval"}
    return bool((words & parts and words & rows) or words & whole)


def tells_groups(name: str, many: bool | None) -> bool:
    """Says whether a value tells whose each row is, by its name.

    Args:
        many: whether it has a value for each row; a plural alone may be a list of people.
    """
    return GROUPED.match(name) is not None and (many is True or re.search(r"id|group|num", name) is not None)


def array_named(name: str) -> Array:
    """Returns what is known of a value by its name alone."""
    return Array(name=name, part=part_of(name), many=has_many(name) or None)
