"""Parts of a split, by the names that programs give them."""

import re

from audit.values import Array

GROUPED = re.compile(
    r"^(groups?|patients?|subjects?|participants?|persons?|speakers?|(patient|subject|participant|person"
    r"|speaker|recording|group|user)_?(ids?|nums?|numbers?|groups?|labels?))$",
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


def array_named(name: str) -> Array:
    """Returns what is known of a value by its name alone."""
    return Array(name=name, part=part_of(name), many=has_many(name) or None)
