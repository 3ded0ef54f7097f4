"""Slow, obvious versions of what is decided for K classes: all decisions that offsets of three can make."""

import numpy as np


def decide(score, offsets):
    """Row by row, class by class, in float32."""
    found = []
    for row in np.asarray(score, np.float32):
        best, place = None, None
        for k, s in enumerate(row):
            shifted = np.float32(s + np.float32(offsets[k]))
            if best is None or shifted >= best:
                best, place = shifted, k
        found.append(place)
    return np.array(found)


def macro_f1(y, decided, classes):
    """Of decisions `(..., n)`."""
    f1 = []
    for k in range(classes):
        right = ((y == k) & (decided == k)).sum(axis=-1)
        f1.append(2 * right / ((y == k).sum() + (decided == k).sum(axis=-1)))
    return sum(f1) / classes


def recall(y, decided, k):
    return ((y == k) & (decided == k)).sum(axis=-1) / (y == k).sum()


def mean_recall(y, decided, classes):
    return sum(recall(y, decided, k) for k in range(classes)) / classes


def cost(y, decided, costs):
    return np.array(costs)[y, decided].sum(axis=-1)


def middles(values):
    """A point below all values, one between each two neighbours, and one above."""
    values = np.unique(values)
    return np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])


def all_decisions(score, last=2):
    """Every decision that offsets can make of scores `(n, 3)`: for each offset of one class that matters, the
    decisions `(n + 1, n)` at every offset of class `last`, from none of its rows to all of them.

    The order in which rows turn to the last class changes only where one of the lines `s_first - s_last`
    meets one of the lines `s_second + offset - s_last`.
    """
    s = np.asarray(score, np.float64)
    first, second = (k for k in range(3) if k != last)
    a, b = s[:, first] - s[:, last], s[:, second] - s[:, last]
    meet = np.concatenate([s[:, first] - s[:, second], (a[:, None] - b[None, :]).ravel()])
    for offset in middles(meet):
        one, other = s[:, first], s[:, second] + offset
        rest = np.where(other > one, second, first)
        margin = s[:, last] - np.maximum(one, other)
        yield np.where(margin > -middles(-margin)[:, None], last, rest)
