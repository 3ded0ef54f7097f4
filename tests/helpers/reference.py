"""Slow, obvious versions of the numeric code: plain loops, exact fractions, nothing shared with `search`."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np

INF = math.inf


def counts(y, score, cut, weight=None):
    """(tp, fp, tn, fn) of `score >= cut`, row by row, in exact fractions."""
    weight = [1] * len(y) if weight is None else weight
    tp = fp = tn = fn = Fraction(0)
    for label, s, w in zip(y, score, weight, strict=True):
        w = Fraction(float(w))
        if float(s) >= float(cut):
            tp, fp = (tp + w, fp) if label else (tp, fp + w)
        else:
            tn, fn = (tn, fn + w) if label else (tn + w, fn)
    return tp, fp, tn, fn


def cuts(score):
    """-inf, one cut between each two neighbouring distinct scores, +inf; as float32 values."""
    distinct = sorted({float(s) for s in score})
    found = [-INF]
    for lower, upper in pairwise(distinct):
        middle = float(np.float32((lower + upper) / 2))
        found.append(middle if middle > lower else upper)
    return [*found, INF]


def curve(y, score, weight=None):
    """[(cut, (tp, fp, tn, fn)), ...] over all cuts."""
    return [(cut, counts(y, score, cut, weight)) for cut in cuts(score)]


def ratio(part, whole):
    return None if whole == 0 else part / whole


def metric(name, tp, fp, tn, fn):
    """A metric of one set of counts, None where undefined."""
    sensitivity, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    if name == "sensitivity":
        return sensitivity
    if name == "specificity":
        return specificity
    if name == "precision":
        return ratio(tp, tp + fp)
    if name == "f1":
        return ratio(2 * tp, 2 * tp + fp + fn)
    if name == "accuracy":
        return ratio(tp + tn, tp + fp + tn + fn)
    if name == "balanced_accuracy":
        return None if sensitivity is None or specificity is None else (sensitivity + specificity) / 2
    if name == "mcc":
        under = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return None if under == 0 else float(tp * tn - fp * fn) / math.sqrt(under)
    raise KeyError(name)


def merit(policy, tp, fp, tn, fn):
    """What the rule makes largest, as a tuple to compare; None where the cut is out of the question."""
    recall, precision = ratio(tp, tp + fn), ratio(tp, tp + fp)
    specificity = ratio(tn, tn + fp)
    if policy.policy == "max_f1":
        square = Fraction(policy.beta) ** 2
        value = ratio((1 + square) * tp, (1 + square) * tp + square * fn + fp)
        return None if value is None else (value,)
    if policy.policy in ("youden", "max_balanced_accuracy"):
        return None if recall is None or specificity is None else (recall + specificity,)
    if policy.policy == "cost":
        return (-(Fraction(repr(policy.c_fp)) * fp + Fraction(repr(policy.c_fn)) * fn),)
    if recall is None or precision is None:
        return None
    if policy.policy == "precision_at_recall":
        return (precision, recall) if float(recall) >= policy.recall else None
    if policy.policy == "recall_at_precision":
        return (recall, precision) if float(precision) >= policy.precision else None
    raise KeyError(policy.policy)


def choose(y, score, policy, weight=None, allowed=None):
    """(threshold_score, low, high), or None if no cut, or none of the allowed numbers, satisfies the rule."""
    distinct = sorted({float(s) for s in score})
    if policy.policy == "fixed":
        at = float(np.float32(math.log(policy.at) - math.log1p(-policy.at)))
        low = max([-INF, *(s for s in distinct if s < at)])
        high = min([INF, *(s for s in distinct if s >= at)])
        return at, low, high
    merits = [
        merit(policy, *cells) if allowed is None or number in allowed else None
        for number, (_, cells) in enumerate(curve(y, score, weight))
    ]
    if all(m is None for m in merits):
        return None
    best = max(m for m in merits if m is not None)
    runs = []
    for number, m in enumerate(merits):
        if m != best:
            continue
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    run = max(runs, key=lambda run: (len(run), run[0]))
    bounds = [-INF, *distinct, INF]  # cut k lies in (bounds[k], bounds[k + 1]]
    return cuts(score)[run[(len(run) - 1) // 2]], bounds[run[0]], bounds[run[-1] + 1]


def average_precision(y, score):
    total, value = sum(map(int, y)), 0.0
    for s in sorted({float(s) for s in score}, reverse=True):
        tp, fp, _, _ = counts(y, score, s)
        gained = sum(1 for label, other in zip(y, score, strict=True) if label and float(other) == s)
        value += gained / total * float(tp / (tp + fp))
    return value


def ece(y, score, weight=None, bins=15):
    """Calibration error of the positive class: bin by bin, row by row."""
    weight = [1.0] * len(y) if weight is None else weight
    p = [1 / (1 + math.exp(-float(s))) for s in score]
    total, error = sum(weight), 0.0
    for k in range(1, bins + 1):
        rows = [i for i in range(len(y)) if (k - 1) / bins < p[i] <= k / bins or (k == 1 and p[i] == 0)]
        held = sum(weight[i] for i in rows)
        if held:
            positive = sum(weight[i] for i in rows if y[i]) / held
            mean = sum(weight[i] * p[i] for i in rows) / held
            error += held / total * abs(positive - mean)
    return error


def cross_fit(y, raw, mask, policy, name):
    """Uncalibrated: each half's threshold measured on the other; None where anything is undefined."""
    values = []
    for split in range(mask.shape[1]):
        for fitted in (mask[:, split], ~mask[:, split]):
            inside = [row for row in range(len(y)) if fitted[row]]
            outside = [row for row in range(len(y)) if not fitted[row]]
            if name == "average_precision":
                values.append(average_precision(y[outside], raw[outside]))
                continue
            chosen = choose(y[inside], raw[inside], policy)
            if chosen is None:
                return None
            value = metric(name, *counts(y[outside], raw[outside], chosen[0]))
            if value is None:
                return None
            values.append(float(value))
    return sum(values) / len(values)


def bootstrap(name, y, score, threshold_score, groups, repeats, seed):
    """The metric of `repeats` resamples of whole groups, rows gathered one by one; NaN where undefined."""
    rng = np.random.default_rng(seed)
    members = {
        group: [row for row in range(len(y)) if groups[row] == group] for group in set(groups.tolist())
    }
    found = []
    for _ in range(repeats):
        drawn = rng.choice(sorted(members), len(members))
        rows = [row for group in drawn.tolist() for row in members[group]]
        tp = sum(1 for row in rows if y[row] and score[row] >= threshold_score)
        fp = sum(1 for row in rows if not y[row] and score[row] >= threshold_score)
        fn = sum(1 for row in rows if y[row]) - tp
        value = metric(name, tp, fp, len(rows) - tp - fp - fn, fn)
        found.append(math.nan if value is None else float(value))
    return np.array(found)
