"""What a leaderboard says of K classes, K labels and numbers, computed a second time as the documents say it.

Scikit-learn, plain loops and root finding; nothing is shared with `search`, but for the offsets of K classes
and the draws of the resamples, which the caller brings.
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp, softmax
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from spaces.policies import MaxF1
from tests.helpers import reference

UNDECIDED = -1
OF_SCORES = ("macro_average_precision", "roc_auc_ovr_macro", "log_loss")
"""Metrics that need no decision, of those that a test cross-fits."""


def halves(mask):
    """(rows that something is fitted on, rows that it is measured on), twice for each split."""
    for column in np.asarray(mask).T:
        first, second = np.flatnonzero(column), np.flatnonzero(~column)
        yield first, second
        yield second, first


def mean_over_halves(mask, measured):
    """NaN where any half is undefined."""
    values = [measured(fitted, others) for fitted, others in halves(mask)]
    return math.nan if any(math.isnan(value) for value in values) else math.fsum(values) / len(values)


# Classes


def temperature(y, raw):
    """The slope of least cross-entropy against smoothed labels; 1 where there is none above 0."""
    size, x = raw.shape[1], raw.astype(np.float64)
    rows = np.bincount(y, minlength=size)
    target = np.where(np.eye(size)[y] == 1, 1 + rows[y][:, None], 1) / (rows[y][:, None] + size)

    def falls(slope):
        p = softmax(slope * x, axis=1)
        return float(((p - target) * x).sum())

    if (rows > 0).sum() < 2 or falls(0.0) >= 0:
        return 1.0
    high = 1.0
    while falls(high) < 0:
        high *= 2
        if high > 1e12:
            return 1.0
    return float(brentq(falls, 0.0, high, xtol=1e-15, rtol=1e-14))


def against_rest(score):
    """The log-odds of each class, `(n, K)`: log(p / (1 - p)) without p."""
    wide = np.asarray(score, np.float64)
    columns = [own - logsumexp(np.delete(wide, k, axis=1), axis=1) for k, own in enumerate(wide.T)]
    return np.stack(columns, axis=1).astype(np.float32)


def decided_classes(score, offsets, reject_below=None):
    """Class by class, the later of equal ones; -1 where the largest probability is too low."""
    score = np.asarray(score, np.float32)
    best, place = np.full(len(score), -np.inf, np.float32), np.zeros(len(score), int)
    for k, offset in enumerate(offsets):
        shifted = score[:, k] + np.float32(offset)
        place[shifted >= best] = k
        best = np.maximum(best, shifted)
    if reject_below is not None:
        place[softmax(score.astype(np.float64), axis=1).max(axis=1) < reject_below] = UNDECIDED
    return place


def confusion(y, decided, size):
    """K rows of K + 1 counts."""
    found = [[0.0] * (size + 1) for _ in range(size)]
    for label, said in zip(y, decided, strict=True):
        found[label][size if said == UNDECIDED else said] += 1
    return found


def of_decided_classes(y, decided, size):
    """(metrics of all rows, metrics of each class) of decisions."""
    about = {"labels": list(range(size)), "zero_division": np.nan}
    each = {
        "recall": sk.recall_score(y, decided, average=None, **about),
        "precision": sk.precision_score(y, decided, average=None, **about),
        "f1": sk.f1_score(y, decided, average=None, **about),
    }
    rows = np.array([np.mean(np.asarray(y) == k) for k in range(size)])
    held = rows > 0
    whole = {
        "accuracy": np.mean(np.asarray(y) == decided),
        "balanced_accuracy": np.mean(each["recall"]),
        "macro_f1": np.mean(each["f1"]),
        "macro_precision": np.mean(each["precision"]),
        "micro_f1": sk.f1_score(y, decided, average="micro", **about),
        "weighted_f1": (rows[held] * each["f1"][held]).sum(),
        "weighted_precision": (rows[held] * each["precision"][held]).sum(),
        "mcc": math.nan,
    }
    if len(set(y)) > 1 and len(set(decided)) > 1:
        whole["mcc"] = sk.matthews_corrcoef(y, decided)
    return whole, each


def of_scored_classes(y, score, *, probabilistic, rest=None):
    """(metrics of all rows, metrics of each class) of scores, whose `against_rest` may be at hand."""
    size, rest, y = score.shape[1], against_rest(score) if rest is None else rest, np.asarray(y)
    each = {"average_precision": [], "roc_auc": []}
    for k in range(size):
        mine = y == k
        each["average_precision"].append(
            sk.average_precision_score(mine, rest[:, k]) if mine.any() else math.nan
        )
        known = 0 < mine.sum() < mine.size
        each["roc_auc"].append(sk.roc_auc_score(mine, rest[:, k]) if known else math.nan)
    rows = np.bincount(y, minlength=size)
    whole = {
        "macro_average_precision": np.mean(each["average_precision"]),
        "weighted_average_precision": _weighted(each["average_precision"], rows),
        "roc_auc_ovr_macro": np.mean(each["roc_auc"]),
        "roc_auc_ovr_weighted": _weighted(each["roc_auc"], rows),
        "log_loss": math.nan,
        "brier": math.nan,
        "classwise_ece": math.nan,
    }
    if probabilistic:
        wide = score.astype(np.float64)
        p = softmax(wide, axis=1)
        true = np.eye(size)[y]
        distance = ((p - true) ** 2).sum(axis=1)
        whole["log_loss"] = np.mean(logsumexp(wide, axis=1) - wide[np.arange(y.size), y])
        whole["brier"] = np.mean(distance / 2 if size == 2 else distance)
        whole["classwise_ece"] = np.mean([reference.ece(y == k, rest[:, k]) for k in range(size)])
    return whole, each


def _weighted(values, rows):
    held = np.asarray(rows) > 0
    return float((np.array(values)[held] * rows[held]).sum() / rows.sum())


def value_of_classes(y, raw, mask, metric, *, calibrated, offsets_of, reject_below=None):
    """The cross-fitted value; `offsets_of(y, score)` chooses the offsets on these rows, or none."""

    def measured(fitted, others):
        slope = temperature(y[fitted], raw[fitted]) if calibrated else 1.0
        score = np.float32(slope) * raw
        if metric in OF_SCORES:
            return float(of_scored_classes(y[others], score[others], probabilistic=True)[0][metric])
        offsets = offsets_of(y[fitted], score[fitted])
        if offsets is None:
            return math.nan
        decided = decided_classes(score[others], offsets, reject_below)
        return float(of_decided_classes(y[others], decided, raw.shape[1])[0][metric])

    return mean_over_halves(mask, measured)


# Labels


def platt(y, raw):
    """(slope, offset) of Platt's curve with his smoothed labels, by scikit-learn; (1, 0) where there is none.

    A row with a smoothed label t stands there twice: as positive with the weight t, as negative with 1 - t.
    """
    y, x = np.asarray(y, bool), raw.astype(np.float64)
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives or x.min() == x.max():
        return 1.0, 0.0
    target = np.where(y, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    model = LogisticRegression(C=np.inf, tol=1e-13, max_iter=10_000, solver="newton-cholesky")
    twice = np.concatenate([np.ones(len(y)), np.zeros(len(y))])
    model.fit(np.concatenate([z, z])[:, None], twice, np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0]) / spread
    if slope <= 0:
        return 1.0, 0.0
    return slope, float(model.intercept_[0]) - slope * centre


def calibrated_labels(y, raw, fitted):
    """Scores of all rows, each label by the curve of the fitted rows."""
    columns = []
    for k in range(raw.shape[1]):
        slope, offset = platt(y[fitted, k], raw[fitted, k])
        columns.append(np.float32(slope) * raw[:, k] + np.float32(offset))
    return np.stack(columns, axis=1)


def thresholds_of_labels(y, score, rule):
    """One of each label, or the shared one of `max_micro_f1`; None where the rule cannot be met."""
    size = score.shape[1]
    if rule.policy == "max_micro_f1":
        chosen = [reference.choose(y.ravel(), score.ravel(), MaxF1())] * size
    else:
        chosen = [reference.choose(y[:, k], score[:, k], rule) for k in range(size)]
    return None if None in chosen else [one[0] for one in chosen]


def top_labels(score, k):
    """The k largest of each row, the later of equal ones."""
    found = np.zeros(score.shape, bool)
    for row, scores in enumerate(score):
        order = sorted(range(len(scores)), key=lambda place: (scores[place], place), reverse=True)
        found[row, order[:k]] = True
    return found


def decided_labels(score, thresholds):
    """Row by row and label by label, in float32."""
    return np.array([[float(s) >= float(t) for s, t in zip(row, thresholds, strict=True)] for row in score])


def of_decided_labels(y, decided):
    """(metrics of all rows, metrics of each label) of decisions."""
    y = np.asarray(y, bool)
    score = {"recall": sk.recall_score, "precision": sk.precision_score, "f1": sk.f1_score}
    each = {name: of(y, decided, average=None, zero_division=np.nan) for name, of in score.items()}
    held = y.sum(axis=0)
    whole = {
        "subset_accuracy": np.mean([(a == b).all() for a, b in zip(y, decided, strict=True)]),
        "hamming_loss": np.mean(y != decided),
    }
    for name, of in score.items():
        whole[f"macro_{name}"] = np.mean(each[name])
        whole[f"micro_{name}"] = of(y, decided, average="micro", zero_division=np.nan)
        whole[f"weighted_{name}"] = _weighted(each[name], held) if held.any() else math.nan
    return whole, each


def of_scored_labels(y, score, *, probabilistic):
    """(metrics of all rows, metrics of each label) of scores."""
    y = np.asarray(y, bool)

    def area(of, truth, column):
        return float(of(truth, column)) if 0 < truth.sum() < truth.size else math.nan

    def precision(truth, column):
        return float(sk.average_precision_score(truth, column)) if truth.any() else math.nan

    columns = list(zip(y.T, score.T, strict=True))
    each = {
        "average_precision": [precision(*one) for one in columns],
        "roc_auc": [area(sk.roc_auc_score, *one) for one in columns],
    }
    held = y.sum(axis=0)
    whole = {
        "macro_average_precision": np.mean(each["average_precision"]),
        "micro_average_precision": precision(y.ravel(), score.ravel()),
        "weighted_average_precision": _weighted(each["average_precision"], held) if held.any() else math.nan,
        "roc_auc_ovr_macro": np.mean(each["roc_auc"]),
        "roc_auc_ovr_micro": area(sk.roc_auc_score, y.ravel(), score.ravel()),
        "roc_auc_ovr_weighted": _weighted(each["roc_auc"], held) if held.any() else math.nan,
        "log_loss": math.nan,
        "brier": math.nan,
        "classwise_ece": math.nan,
    }
    if probabilistic:
        wide = np.where(y, -score.astype(np.float64), score.astype(np.float64))
        whole["log_loss"] = np.logaddexp(0, wide).mean()
        whole["brier"] = (np.exp(-2 * np.logaddexp(0, -wide))).mean()
        whole["classwise_ece"] = np.mean([reference.ece(truth, column) for truth, column in columns])
    return whole, each


def value_of_labels(y, raw, mask, metric, rule, *, calibrated):
    """The cross-fitted value, thresholds and curves of each half included."""
    y = np.asarray(y, bool)

    def measured(fitted, others):
        score = calibrated_labels(y, raw, fitted) if calibrated else raw
        if metric in OF_SCORES:
            return float(of_scored_labels(y[others], score[others], probabilistic=True)[0][metric])
        if rule.policy == "top_k":
            decided = top_labels(score[others], rule.k)
        else:
            thresholds = thresholds_of_labels(y[fitted], score[fitted], rule)
            if thresholds is None:
                return math.nan
            decided = decided_labels(score[others], thresholds)
        return float(of_decided_labels(y[others], decided)[0][metric])

    return mean_over_halves(mask, measured)


# Numbers


def of_numbers(y, score):
    """Metrics of predictions, in the units of the target."""
    y, score = np.asarray(y, np.float64), score.astype(np.float64)
    off = np.abs(y - score)
    return {
        "mae": sk.mean_absolute_error(y, score),
        "rmse": sk.root_mean_squared_error(y, score),
        "r2": sk.r2_score(y, score) if len(set(y.tolist())) > 1 else math.nan,
        "median_absolute_error": float(np.median(off)),
    }


def value_of_numbers(y, score, mask, metric):
    """The cross-fitted value: nothing is fitted."""
    return mean_over_halves(mask, lambda _, others: float(of_numbers(y[others], score[others])[metric]))


# Resamples


def resampled(measured, groups, *, repeats, seed):
    """Metrics of plain resamples of the groups, rows gathered one by one: name -> `(repeats, ...)`.

    Args:
        measured: from row numbers, repeated as often as drawn, to metrics by name; NaN where undefined.
        groups: what is drawn: the group of each row, or its number.
        repeats, seed: of the resamples.
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == unit) for unit in np.unique(groups)]
    found = [
        measured(np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))]))
        for _ in range(repeats)
    ]
    return {name: np.array([one[name] for one in found], np.float64) for name in found[0]}


def is_95_percent(values, low, high, slack):
    """Whether an interval is the 95% percentile interval of resampled values, to within draws of its own.

    Of the values that are defined 2.5% lie below it and above it, give or take `slack`; where fewer than half
    are, there is none.

    Args:
        values: of `resampled`, `(repeats,)`.
        low, high: the interval, None or NaN where there is none.
        slack: a share, for both sides draw.
    """
    known = values[~np.isnan(values)]
    if low is None or math.isnan(low):
        return 2 * known.size <= values.size * (1 + slack)
    rounding = 1e-9 * (1 + abs(known).max())
    below, reached = (known < low - rounding).mean(), (known <= low + rounding).mean()
    under, above = (known < high - rounding).mean(), (known > high + rounding).mean()
    return (
        below <= 0.025 + slack
        and reached >= 0.025 - slack
        and above <= 0.025 + slack
        and under >= 0.0
        and (1 - under >= 0.025 - slack)
    )


def picked(inside, outside):
    """What the best of each resample is worth on the rows left out, equal ones sharing the pick.

    Args:
        inside, outside: `(candidates, repeats)`, the larger the better.
    """
    found = []
    for drawn, left in zip(np.transpose(inside), np.transpose(outside), strict=True):
        known = drawn[~np.isnan(drawn)]
        best = [k for k, value in enumerate(drawn) if known.size and value == known.max()]
        found.append(np.mean([left[k] for k in best]) if best else math.nan)
    return np.array(found)
