"""Slow, obvious versions of what a selection is made of: row after row, resample after resample."""

import math

import numpy as np

from tests.helpers import reference


def decided_in_halves(y, raw, mask, policy):
    """The decision on each row in each split, by the threshold of the half it is not in; uncalibrated."""
    decided = np.zeros(mask.shape, bool)
    for split in range(mask.shape[1]):
        for side in (True, False):
            fitted = [row for row in range(len(y)) if mask[row, split] == side]
            threshold = reference.choose(y[fitted], raw[fitted], policy)[0]
            for row in range(len(y)):
                if mask[row, split] != side:
                    decided[row, split] = float(raw[row]) >= threshold
    return decided


def value(name, y, decided, times):
    """The mean over splits of a metric whose rows count as often as they were drawn; NaN where undefined."""
    found = [reference.metric(name, *reference.counts(y, column, 1, times)) for column in decided.T]
    return math.nan if None in found else float(sum(found)) / len(found)


def inside_and_outside(name, y, raw, policy, times):
    """A trial on the rows drawn and on those left out; None where undefined."""
    left = np.flatnonzero(times == 0)
    if name == "average_precision":
        rows = np.repeat(np.arange(len(y)), times)
        return tuple(
            reference.average_precision(y[some], raw[some]) if y[some].any() else None
            for some in (rows, left)
        )
    chosen = reference.choose(y, raw, policy, times)
    if chosen is None:
        return None, None
    inside = reference.metric(name, *reference.counts(y, raw, chosen[0], times))
    outside = reference.metric(name, *reference.counts(y[left], raw[left], chosen[0])) if left.size else None
    return inside, outside


def picked(name, y, raws, policy, drawn):
    """What the pick of each resample comes to on the rows left out; NaN where that is undefined.

    Args:
        name: the metric.
        y: `(n,)`.
        raws: raw scores of each trial.
        policy: the rule of all thresholds.
        drawn: how often each row comes up, `(repeats, n)`.
    """
    found = []
    for times in drawn:
        sides = [inside_and_outside(name, y, raw, policy, times) for raw in raws]
        known = [side for side in sides if side[0] is not None]
        best = max((inside for inside, _ in known), default=None)
        outside = [out for inside, out in known if inside == best]
        found.append(math.nan if not outside or None in outside else float(sum(outside)) / len(outside))
    return np.array(found)
