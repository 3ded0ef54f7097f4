"""Cross-fitting classes, labels and numbers equals a plain loop; intervals equal plain resampling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sk

from search.scores import metrics as of_two
from search.scores import regression
from search.scores.bootstrap import resamples, units_of
from search.scores.calibration import CALIBRATIONS as OF_TWO
from search.scores.crossfit import cross_fit as binary_cross_fit
from search.scores.half_splits import draw_halves_of
from search.scores.multiclass import bootstrap as class_bootstrap
from search.scores.multiclass import crossfit as classes
from search.scores.multiclass import metrics as class_metrics
from search.scores.multiclass.calibration import CALIBRATIONS
from search.scores.multiclass.decisions import class_counts, confusion
from search.scores.multiclass.offsets import choose_offsets
from search.scores.multilabel import bootstrap as label_bootstrap
from search.scores.multilabel import crossfit as labels
from search.scores.multilabel import metrics as label_metrics
from search.scores.multilabel.thresholds import TopLabels
from search.scores.thresholds import choose, curve
from spaces.errors import TrialError
from spaces.policies import (
    Argmax,
    Cost,
    CostMatrix,
    Fixed,
    MaxBalancedAccuracy,
    MaxF1,
    MaxMacroF1,
    MaxMeanRecall,
    MaxMicroF1,
    PrecisionAtRecall,
    TopK,
)

NAMES = ("a", "b", "c")
RULES = [
    Argmax(policy="argmax"),
    MaxMacroF1(),
    MaxMeanRecall(policy="max_balanced_accuracy"),
    MaxMacroF1(reject_below=0.4),
]


def drawn(n=240, size=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(size, n, p=[0.6, 0.3, 0.1])
    raw = rng.normal(size=(n, size))
    raw[np.arange(n), y] += 1.5
    group = rng.integers(0, 24, n)
    halves = draw_halves_of(y[:, None] == np.arange(size), NAMES, group, None, 1, 3)
    return y, raw.astype(np.float32), group, halves


def label_rows(n=240, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random((n, 3)) < [0.15, 0.3, 0.5]
    raw = (rng.normal(size=(n, 3)) + 1.5 * y).astype(np.float32)
    group = rng.integers(0, 24, n)
    halves = draw_halves_of(np.hstack([y, ~y]), NAMES * 2, group, None, 1, 3)
    return y, raw, group, halves


def both(halves):
    return [fitted for half in halves.mask.T for fitted in (half, ~half)]


ORACLES = {
    "accuracy": sk.accuracy_score,
    "macro_f1": lambda y, d: np.mean(sk.f1_score(y, d, labels=[0, 1, 2], average=None)),
    "balanced_accuracy": lambda y, d: np.mean(sk.recall_score(y, d, labels=[0, 1, 2], average=None)),
}


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("metric", ORACLES)
@pytest.mark.parametrize("calibrate", CALIBRATIONS)
def test_classes_of_decisions(rule, metric, calibrate):
    y, raw, _, halves = drawn()
    values = []
    for fitted in both(halves):
        score = CALIBRATIONS[calibrate](y[fitted], raw[fitted]).calibration.apply(raw)
        decided = choose_offsets(y[fitted], score[fitted], rule, NAMES).decide(score)
        values.append(ORACLES[metric](y[~fitted], decided[~fitted]))
    found = classes.cross_fit(y, raw, halves, CALIBRATIONS[calibrate], rule, metric, NAMES)
    assert found == pytest.approx(np.mean(values), abs=1e-12)


def test_classes_of_scores():
    y, raw, _, halves = drawn()
    auc, loss = [], []
    for fitted in both(halves):
        a = CALIBRATIONS["temperature"](y[fitted], raw[fitted]).calibration.a
        p = softmax(a * raw[~fitted].astype(float), axis=1)
        auc.append(sk.roc_auc_score(y[~fitted], p, multi_class="ovr", average="macro"))
        loss.append(sk.log_loss(y[~fitted], p))
    for metric, expected in (("roc_auc_ovr_macro", auc), ("log_loss", loss)):
        found = classes.cross_fit(y, raw, halves, CALIBRATIONS["temperature"], RULES[1], metric, NAMES)
        assert found == pytest.approx(np.mean(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "twin"),
    [
        (CostMatrix(policy="cost", costs=((0, 1), (1, 0))), None),
        (MaxMeanRecall(policy="max_balanced_accuracy"), MaxBalancedAccuracy(policy="max_balanced_accuracy")),
    ],
    ids=["cost", "balanced"],
)
def test_two_classes_have_the_binary_value(rule, twin):
    y, raw, _, halves = drawn()
    y, d = (y > 0).astype(int), raw[:, 1] - raw[:, 0]
    twin = twin or Cost(policy="cost")
    two = np.stack([-d / 2, d / 2], axis=1)
    found = classes.cross_fit(y, two, halves, CALIBRATIONS["none"], rule, "balanced_accuracy", (0, 1))
    expected = binary_cross_fit(y, d, halves, OF_TWO["none"], twin, "balanced_accuracy")
    assert found == expected


def test_what_cannot_be_met_on_a_half_is_undefined():
    y, raw, _, halves = drawn()
    alone = np.where(halves.mask[:, 0] & (y == 2), 1, y)
    assert np.isnan(classes.cross_fit(alone, raw, halves, CALIBRATIONS["none"], RULES[1], "accuracy", NAMES))
    with pytest.raises(TrialError, match="raw scores must be finite, but got 3 that are not"):
        classes.cross_fit(
            y,
            raw * np.where(np.arange(240) == 3, np.float32(np.nan), np.float32(1))[:, None],
            halves,
            CALIBRATIONS["none"],
            RULES[0],
            "accuracy",
            NAMES,
        )


@pytest.mark.parametrize(
    "rule",
    [MaxF1(), Fixed(policy="fixed"), MaxMicroF1(policy="max_micro_f1"), TopK(policy="top_k")],
    ids=repr,
)
@pytest.mark.parametrize("metric", ["macro_f1", "micro_f1", "hamming_loss"])
def test_labels_of_decisions(rule, metric):
    y, raw, _, halves = label_rows()
    values = []
    for fitted in both(halves):
        score = np.stack(
            [OF_TWO["platt"](y[fitted, k], raw[fitted, k]).calibration.apply(raw[:, k]) for k in range(3)],
            axis=1,
        )
        if isinstance(rule, TopK):
            decided = TopLabels(1).decide(score)
        elif isinstance(rule, MaxMicroF1):
            shared = choose(curve(y[fitted].ravel(), score[fitted].ravel()), MaxF1()).threshold_score
            decided = score >= np.float32(shared)
        else:
            decided = np.stack(
                [
                    score[:, k]
                    >= np.float32(choose(curve(y[fitted, k], score[fitted, k].copy()), rule).threshold_score)
                    for k in range(3)
                ],
                axis=1,
            )
        truth, decided = y[~fitted], decided[~fitted]
        values.append(
            sk.hamming_loss(truth, decided)
            if metric == "hamming_loss"
            else sk.f1_score(truth, decided, average=metric.removesuffix("_f1"))
        )
    found = labels.cross_fit(y, raw, halves, OF_TWO["platt"], rule, metric, NAMES)
    assert found == pytest.approx(np.mean(values), abs=1e-12)


def test_labels_of_scores_and_of_rules_that_cannot_be_met():
    y, raw, _, halves = label_rows()
    values = [
        sk.average_precision_score(y[~fitted], raw[~fitted], average="macro") for fitted in both(halves)
    ]
    found = labels.cross_fit(y, raw, halves, OF_TWO["none"], MaxF1(), "macro_average_precision", NAMES)
    assert found == pytest.approx(np.mean(values), abs=1e-12)
    y[halves.mask[:, 0], 0] = False
    rule = PrecisionAtRecall(policy="precision_at_recall")
    assert np.isnan(labels.cross_fit(y, raw, halves, OF_TWO["none"], rule, "macro_f1", NAMES))


def test_numbers():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    score = (y + rng.normal(size=200)).astype(np.float32)
    halves = draw_halves_of(np.ones((200, 1), bool), ["rows"], rng.integers(0, 9, 200), None, 0)
    values = [sk.r2_score(y[part], score[part]) for half in halves.mask.T for part in (half, ~half)]
    assert regression.cross_fit(y, score, halves, "r2") == pytest.approx(np.mean(values), abs=1e-12)


def percentiles(values):
    values = np.array(values)
    return np.percentile(values[~np.isnan(values)], [2.5, 97.5])


def resampled_weights(groups, n, seed, which, repeats):
    """The row weights of each resample, from the same draws."""
    unit, units = units_of(groups, np.zeros(n))
    rng = np.random.default_rng(seed)
    rng = rng.spawn(3)[which] if which is not None else rng
    return [times[unit].astype(float) for drawn in resamples(units, n, repeats, rng) for times in drawn]


@pytest.mark.parametrize("grouped", [True, False])
def test_intervals_of_classes_equal_plain_resampling(grouped):
    y, raw, groups, _ = drawn()
    groups = groups if grouped else None
    rest = class_metrics.against_rest(raw)
    decided = choose_offsets(y, raw, MaxMacroF1(reject_below=0.35), NAMES).decide(raw)
    found = class_bootstrap.intervals(y, class_bootstrap.Predictions(rest, decided), groups, 5, 1500, 60)
    for name, metric in class_metrics.RANKING_METRICS.items():
        values = [metric(y, rest, w) for w in resampled_weights(groups, y.size, 5, 1, 60)]
        np.testing.assert_allclose(found.whole[name], percentiles(values), rtol=1e-9)
    for k in range(3):
        column = rest[:, k].copy()
        values = [
            of_two.average_precision(y == k, column, w) for w in resampled_weights(groups, y.size, 5, 1, 60)
        ]
        np.testing.assert_allclose(found.each["average_precision"][k], percentiles(values), rtol=1e-9)
    for name, metric in class_metrics.PROBABILITY_METRICS.items():
        values = [metric(y, rest, w) for w in resampled_weights(groups, y.size, 5, 2, 60)]
        np.testing.assert_allclose(found.whole[name], percentiles(values), rtol=1e-9)
    weights = resampled_weights(groups, y.size, 6, 0, 1500)
    counts = [class_metrics_counts(y, decided, w) for w in weights]
    for name, metric in class_metrics.DECISION_METRICS.items():
        values = [float(metric(c)) for c in counts]
        np.testing.assert_allclose(found.whole[name], percentiles(values), atol=0.02)
    for name, metric in class_metrics.CLASS_METRICS.items():
        values = np.array([metric(c) for c in counts])
        for k in range(3):
            np.testing.assert_allclose(found.each[name][k], percentiles(values[:, k]), atol=0.04)


def class_metrics_counts(y, decided, weight):
    return class_counts(confusion(y, decided, 3, weight))


@pytest.mark.parametrize("grouped", [True, False])
def test_intervals_of_labels_equal_plain_resampling(grouped):
    y, raw, groups, _ = label_rows()
    groups = groups if grouped else None
    decided = raw > 0.8
    found = label_bootstrap.intervals(y, label_bootstrap.Predictions(raw, decided), groups, 5, 1500, 60)
    for name, metric in label_metrics.RANKING_METRICS.items():
        values = [metric(y, raw, w) for w in resampled_weights(groups, len(y), 5, 1, 60)]
        np.testing.assert_allclose(found.whole[name], percentiles(values), rtol=1e-9)
    for name, metric in label_metrics.PROBABILITY_METRICS.items():
        values = [metric(y, raw, w) for w in resampled_weights(groups, len(y), 5, 2, 60)]
        np.testing.assert_allclose(found.whole[name], percentiles(values), rtol=1e-6)
    weights = resampled_weights(groups, len(y), 6, 0, 1500)
    for name, metric in label_metrics.DECISION_METRICS.items():
        values = [float(metric(label_metrics.counts_of(y, decided, w))) for w in weights]
        np.testing.assert_allclose(found.whole[name], percentiles(values), atol=0.025)


@pytest.mark.parametrize("grouped", [True, False])
def test_intervals_of_numbers_equal_plain_resampling(grouped):
    rng = np.random.default_rng(0)
    y = rng.normal(size=150) * 3 + 100
    score = (y + rng.normal(size=150)).astype(np.float32)
    groups = rng.integers(0, 20, 150) if grouped else None
    found = regression.intervals(y, score, groups, 5, 80)
    for name, metric in regression.NUMBER_METRICS.items():
        values = [metric(y, score, w) for w in resampled_weights(groups, 150, 5, None, 80)]
        np.testing.assert_allclose(found[name], percentiles(values), rtol=1e-9)


def test_one_group_says_nothing_about_the_next():
    y, raw, _, _ = drawn()
    one = np.zeros(y.size)
    found = class_bootstrap.intervals(
        y, class_bootstrap.Predictions(class_metrics.against_rest(raw), y), one, 0, 20, 20
    )
    assert np.isnan(list(found.whole.values())).all()
    assert np.isnan(np.array(list(found.each.values()))).all()
    two = class_bootstrap.intervals(
        y, class_bootstrap.Predictions(class_metrics.against_rest(raw), y), np.arange(y.size) % 2, 0, 20, 20
    )
    assert (two.whole.keys(), two.each.keys()) == (found.whole.keys(), found.each.keys())
    assert [*map(len, two.each.values())] == [*map(len, found.each.values())]
    assert np.isnan(
        list(regression.intervals(raw[:, 0].astype(float), raw[:, 1].copy(), one, 0).values())
    ).all()
    matrix, scores, _, _ = label_rows()
    model = label_bootstrap.Predictions(scores, matrix)
    found = label_bootstrap.intervals(matrix, model, np.zeros(len(matrix)), 0, 20, 20)
    assert np.isnan(list(found.whole.values())).all()
    two = label_bootstrap.intervals(matrix, model, np.arange(len(matrix)) % 2, 0, 20, 20)
    assert (two.whole.keys(), two.each.keys()) == (found.whole.keys(), found.each.keys())
    assert [*map(len, two.each.values())] == [*map(len, found.each.values())]


def differences(values_of, weights):
    return percentiles([values_of(w) for w in weights])


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(
    "metric", ["macro_f1", "macro_average_precision", "roc_auc_ovr_weighted", "log_loss"]
)
def test_a_difference_of_classes_is_of_the_same_resamples(grouped, metric):
    y, raw, groups, _ = drawn()
    groups = groups if grouped else None
    worse = raw + np.random.default_rng(1).normal(size=raw.shape).astype(np.float32)
    a, b = (
        class_bootstrap.Predictions(class_metrics.against_rest(s), s.argmax(axis=1)) for s in (raw, worse)
    )

    def value(model, w=None):
        if metric == "macro_f1":
            counts = class_metrics_counts(y, model.decided, w)
            return float(class_metrics.DECISION_METRICS[metric](counts))
        return (class_metrics.RANKING_METRICS | class_metrics.PROBABILITY_METRICS)[metric](y, model.rest, w)

    found = class_bootstrap.paired_difference(y, a, b, groups, metric, 5, 400)
    assert found[0] == pytest.approx(value(a) - value(b))
    weights = resampled_weights(groups, y.size, 5, None, 400)
    expected = differences(lambda w: value(a, w) - value(b, w), weights)
    np.testing.assert_allclose(
        found[1:], expected, **({"atol": 0.025} if metric == "macro_f1" else {"rtol": 1e-9})
    )
    assert class_bootstrap.paired_difference(y, a, a, groups, metric, 5, 20) == (0, 0, 0)


@pytest.mark.parametrize(
    "metric", ["micro_f1", "hamming_loss", "micro_average_precision", "roc_auc_ovr_macro", "brier"]
)
def test_a_difference_of_labels_is_of_the_same_resamples(metric):
    y, raw, groups, _ = label_rows()
    worse = raw + np.random.default_rng(1).normal(size=raw.shape).astype(np.float32)
    a, b = (label_bootstrap.Predictions(s, s > 0.8) for s in (raw, worse))

    def value(model, w=None):
        if metric in label_metrics.DECISION_METRICS:
            return float(label_metrics.DECISION_METRICS[metric](label_metrics.counts_of(y, model.decided, w)))
        return (label_metrics.RANKING_METRICS | label_metrics.PROBABILITY_METRICS)[metric](y, model.score, w)

    found = label_bootstrap.paired_difference(y, a, b, groups, metric, 5, 400)
    assert found[0] == pytest.approx(value(a) - value(b))
    expected = differences(
        lambda w: value(a, w) - value(b, w), resampled_weights(groups, len(y), 5, None, 400)
    )
    loose = metric in label_metrics.DECISION_METRICS
    np.testing.assert_allclose(found[1:], expected, **({"atol": 0.025} if loose else {"rtol": 1e-6}))


@pytest.mark.parametrize("metric", regression.NUMBER_METRICS)
def test_a_difference_of_numbers_is_of_the_same_resamples(metric):
    rng = np.random.default_rng(0)
    y = rng.normal(size=150) * 3 + 100
    a, b = ((y + noise * rng.normal(size=150)).astype(np.float32) for noise in (1, 2))
    groups = rng.integers(0, 20, 150)
    found = regression.paired_difference(y, a, b, groups, metric, 5, 80)
    of = regression.NUMBER_METRICS[metric]
    assert found[0] == pytest.approx(of(y, a) - of(y, b))
    expected = differences(lambda w: of(y, a, w) - of(y, b, w), resampled_weights(groups, 150, 5, None, 80))
    np.testing.assert_allclose(found[1:], expected, rtol=1e-9)


def weighted_rows(times, piece):
    return [one[piece].astype(float) for one in times]


def pieces_of(group):
    piece = np.unique(group, return_inverse=True)[1]
    pieces = int(piece.max()) + 1
    rng = np.random.default_rng(3)
    times = np.stack([np.ones(pieces), *rng.multinomial(pieces, np.full(pieces, 1 / pieces), 20)])
    return piece, pieces, times


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy", "mcc"])
def test_held_out_decisions_of_classes_equal_a_plain_loop(metric):
    y, raw, group, halves = drawn()
    piece, pieces, times = pieces_of(group)
    calibrate, rule = CALIBRATIONS["temperature"], MaxMacroF1(reject_below=0.4)
    found = classes.held_out(y, raw, halves, calibrate, rule, metric, NAMES, piece, pieces).values(times)
    values = []
    for half in halves.mask.T:
        decided = np.zeros(y.size, int)
        for fitted in (half, ~half):
            score = calibrate(y[fitted], raw[fitted]).calibration.apply(raw)
            decided[~fitted] = choose_offsets(y[fitted], score[fitted], rule, NAMES).decide(score)[~fitted]
        of = class_metrics.DECISION_METRICS[metric]
        values.append([float(of(class_metrics_counts(y, decided, w))) for w in weighted_rows(times, piece)])
    np.testing.assert_allclose(found, np.mean(values, axis=0), atol=1e-12)


@pytest.mark.parametrize("metric", class_metrics.RANKING_METRICS)
def test_held_out_order_of_classes_is_nearly_that_of_all_cuts(metric):
    y, raw, group, halves = drawn(n=900)
    piece, pieces, times = pieces_of(group)
    found = classes.held_out(y, raw, halves, CALIBRATIONS["none"], MaxMacroF1(), metric, NAMES, piece, pieces)
    rest, of = class_metrics.against_rest(raw), class_metrics.RANKING_METRICS[metric]
    expected = [of(y, rest, w) for w in weighted_rows(times, piece)]
    assert found.values(times)[0] == pytest.approx(expected[0], abs=1e-12)
    np.testing.assert_allclose(found.values(times), expected, atol=2e-3)


@pytest.mark.parametrize("rule", [MaxF1(), TopK(policy="top_k")], ids=repr)
@pytest.mark.parametrize("metric", ["macro_f1", "subset_accuracy", "hamming_loss"])
def test_held_out_decisions_of_labels_equal_a_plain_loop(rule, metric):
    y, raw, group, halves = label_rows()
    piece, pieces, times = pieces_of(group)
    found = labels.held_out(y, raw, halves, OF_TWO["none"], rule, metric, NAMES, piece, pieces).values(times)
    values = []
    for half in halves.mask.T:
        decided = np.zeros(y.shape, bool)
        for fitted in (half, ~half):
            if isinstance(rule, TopK):
                decided[~fitted] = TopLabels(1).decide(raw[~fitted])
                continue
            for k in range(3):
                cut = choose(curve(y[fitted, k], raw[fitted, k].copy()), rule).threshold_score
                decided[~fitted, k] = raw[~fitted, k] >= np.float32(cut)
        of = label_metrics.DECISION_METRICS[metric]
        values.append(
            [float(of(label_metrics.counts_of(y, decided, w))) for w in weighted_rows(times, piece)]
        )
    np.testing.assert_allclose(found, np.mean(values, axis=0), atol=1e-12)


@pytest.mark.parametrize("metric", label_metrics.RANKING_METRICS)
def test_held_out_order_of_labels_is_nearly_that_of_all_cuts(metric):
    y, raw, group, halves = label_rows(n=900)
    piece, pieces, times = pieces_of(group)
    found = labels.held_out(y, raw, halves, OF_TWO["none"], MaxF1(), metric, NAMES, piece, pieces)
    of = label_metrics.RANKING_METRICS[metric]
    expected = [of(y, raw, w) for w in weighted_rows(times, piece)]
    assert found.values(times)[0] == pytest.approx(expected[0], abs=1e-12)
    np.testing.assert_allclose(found.values(times), expected, atol=2e-3)


@pytest.mark.parametrize("metric", ["mae", "rmse", "r2"])
def test_held_out_numbers_equal_weighted_rows(metric):
    rng = np.random.default_rng(0)
    y = rng.normal(size=200) + 50
    score = (y + rng.normal(size=200)).astype(np.float32)
    piece, pieces, times = pieces_of(rng.integers(0, 12, 200))
    found = regression.held_out(y, score, metric, piece, pieces).values(times)
    expected = [regression.NUMBER_METRICS[metric](y, score, w) for w in weighted_rows(times, piece)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.isnan(regression.held_out(y, score, metric, piece, pieces).values(0 * times[:1])).all()
