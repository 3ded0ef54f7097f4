"""Every number of trials of K classes, K labels and numbers, computed again as the documents say it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.comparison import task_comparison
from search.comparison.resampling import draws, units_of
from search.evaluation.by_task import scoring_for
from search.evaluation.multiclass import ClassScoring
from search.evaluation.multilabel import LabelScoring
from search.evaluation.regression import NumberScoring
from search.evaluation.scoring import evaluate_in_sample
from search.scores.half_splits import Halves
from search.scores.multiclass.offsets import choose_offsets
from search.scores.reference import Reference
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
    RecallAtPrecision,
    TopK,
    Youden,
)
from tests.helpers import task_reference as slow
from tests.helpers.task_check import differences
from tests.helpers.task_runs import CLASS_TASK, LABEL_TASK, NUMBER_TASK, raw_of, rows_of, study_of, written

RUNS = {
    "max_macro_f1": (CLASS_TASK, {}),
    "argmax": (CLASS_TASK, {"threshold": "argmax", "objective": {"metric": "macro_average_precision"}}),
    "rejected": (
        CLASS_TASK,
        {
            "threshold": {"policy": "max_balanced_accuracy", "reject_below": 0.6},
            "objective": {"metric": "accuracy"},
        },
    ),
    "cost": (
        CLASS_TASK,
        {
            "threshold": {"policy": "cost", "costs": [[0, 1, 5], [2, 0, 1], [1, 3, 0]]},
            "objective": {"metric": "weighted_f1", "calibration": "none"},
        },
    ),
    "recall_at": (
        CLASS_TASK,
        {
            "threshold": {"policy": "recall_at", "of_class": "focal", "recall": 0.9},
            "objective": {"metric": "balanced_accuracy"},
        },
    ),
    "max_f1": (LABEL_TASK, {}),
    "max_micro_f1": (LABEL_TASK, {"threshold": "max_micro_f1", "objective": {"metric": "micro_f1"}}),
    "top_k": (
        LABEL_TASK,
        {"threshold": {"policy": "top_k", "k": 2}, "objective": {"metric": "subset_accuracy"}},
    ),
    "areas": (LABEL_TASK, {"objective": {"metric": "roc_auc_ovr_macro", "calibration": "none"}}),
    "rmse": (NUMBER_TASK, {}),
    "r2": (NUMBER_TASK, {"objective": {"metric": "r2"}}),
}

INTERVALS = ("rejected", "max_f1", "rmse")
"""Runs of which one trial's intervals are held against plain resampling."""


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_column_of_a_leaderboard_is_what_scores_and_labels_say(name, tmp_path):
    task, asked = RUNS[name]
    run = written(tmp_path / "run", study_of(task, **asked))
    assert differences(run, intervals=("00002",) if name in INTERVALS else ()) == []


# Few rows: ties, constant scores, a class or label that is missing in a half, groups of one row.

CLASS_RULES = [
    Argmax(policy="argmax"),
    Argmax(policy="argmax", reject_below=0.5),
    MaxMacroF1(),
    MaxMeanRecall(policy="max_balanced_accuracy"),
]
CLASS_OBJECTIVES = ["macro_f1", "accuracy", "weighted_f1", "macro_average_precision", "roc_auc_ovr_macro"]
LABEL_RULES = [
    MaxF1(),
    MaxF1(beta=2),
    Fixed(policy="fixed", at=0.5),
    Youden(policy="youden"),
    MaxBalancedAccuracy(policy="max_balanced_accuracy"),
    Cost(policy="cost", c_fn=3),
    PrecisionAtRecall(policy="precision_at_recall", recall=0.7),
    RecallAtPrecision(policy="recall_at_precision", precision=0.7),
    MaxMicroF1(policy="max_micro_f1"),
    TopK(policy="top_k", k=2),
]
LABEL_OBJECTIVES = ["macro_f1", "micro_f1", "subset_accuracy", "macro_average_precision", "roc_auc_ovr_macro"]
values = st.one_of(st.integers(-2, 2).map(float), st.floats(-8, 8, width=32))


def halves_of(draw, n):
    """Splits whose halves have a row each; nothing sees to it that they hold every class."""
    column = st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda half: 0 < sum(half) < n)
    return np.array(draw(st.lists(column, min_size=1, max_size=3))).T


@st.composite
def few_rows(draw, classes):
    n, size = draw(st.integers(3, 12)), draw(st.integers(2, 6))
    row = st.lists(values, min_size=size, max_size=size)
    raw = np.array(draw(st.lists(row, min_size=n, max_size=n)), np.float32)
    if draw(st.integers(0, 5)) == 0:
        raw[:] = raw[0]
    if classes:
        y = np.array(draw(st.lists(st.integers(0, size - 1), min_size=n, max_size=n)))
    else:
        label = st.lists(st.integers(0, 1), min_size=size, max_size=size)
        y = np.array(draw(st.lists(label, min_size=n, max_size=n)))
    return Reference(y, None, None, None, Halves("row", halves_of(draw, n)), answers=tuple(range(size))), raw


def same(told, wanted):
    assert (math.isnan(told) and math.isnan(wanted)) or told == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def told_of(estimate):
    return math.nan if estimate.value is None else estimate.value


def hold(estimates, whole, each):
    """Holds estimates against metrics of all rows, and of each class or label."""
    assert estimates.whole.keys() == whole.keys()
    for name, wanted in whole.items():
        same(told_of(estimates.whole[name]), wanted)
    assert estimates.each.keys() == each.keys()
    for name, of in each.items():
        for one, wanted in zip(estimates.each[name], of, strict=True):
            same(told_of(one), wanted)


@given(few_rows(classes=True), st.sampled_from(CLASS_RULES), st.sampled_from(CLASS_OBJECTIVES), st.booleans())
@settings(deadline=None, max_examples=25)
def test_few_rows_of_classes(drawn, rule, metric, calibrated):
    reference, raw = drawn
    y, size = reference.y, raw.shape[1]

    def offsets(labels, score):
        try:
            return choose_offsets(labels, np.ascontiguousarray(score), rule, reference.answers).offsets
        except TrialError:
            return None

    scoring = ClassScoring(
        classes=reference.answers,
        rule=rule,
        calibration="temperature" if calibrated else "none",
        metric=metric,
        seed=0,
    )
    found = scoring.cross_fitted(raw, reference).value
    wanted = slow.value_of_classes(
        y,
        raw,
        reference.halves.mask,
        metric,
        calibrated=calibrated,
        offsets_of=offsets,
        reject_below=rule.reject_below,
    )
    same(found, wanted)
    if offsets(y, raw) is None:
        with pytest.raises(TrialError, match="needs rows of every class, but got none of"):
            scoring.fit(raw, reference, probabilistic=True)
        return
    made = evaluate_in_sample(raw, reference, scoring, probabilistic=True)
    decided = slow.decided_classes(made.score, made.fitted.choice.offsets, rule.reject_below)
    whole, each = slow.of_decided_classes(y, decided, size)
    more, areas = slow.of_scored_classes(y, made.score, probabilistic=True)
    estimates = made.estimates
    assert [list(row) for row in estimates.confusion] == slow.confusion(y, decided, size)
    assert estimates.constant == (len(set(decided.tolist())) == 1)
    known = {name: one for name, one in estimates.whole.items() if name in whole | more}
    assert known.keys() ^ estimates.whole.keys() == (
        set() if rule.reject_below is None else {"coverage", *(f"decided_{name}" for name in whole)}
    )
    hold(type(estimates)(whole=known, each=estimates.each), whole | more, each | areas)


@given(few_rows(classes=False), st.sampled_from(LABEL_RULES), st.sampled_from(LABEL_OBJECTIVES))
@settings(deadline=None, max_examples=25)
def test_few_rows_of_labels(drawn, rule, metric):
    """Without a calibration, so that thresholds are those of the slow search to the last bit."""
    reference, raw = drawn
    y = reference.y == 1
    scoring = LabelScoring(names=reference.answers, rule=rule, calibration="none", metric=metric, seed=0)
    wanted = slow.value_of_labels(y, raw, reference.halves.mask, metric, rule, calibrated=False)
    same(scoring.cross_fitted(raw, reference).value, wanted)
    top = rule.policy == "top_k"
    thresholds = None if top else slow.thresholds_of_labels(y, raw, rule)
    if not top and thresholds is None:
        with pytest.raises(TrialError):
            scoring.fit(raw, reference, probabilistic=True)
        return
    made = evaluate_in_sample(raw, reference, scoring, probabilistic=True)
    assert made.fitted.described.thresholds == (None if top else tuple(thresholds))
    decided = slow.top_labels(raw, rule.k) if top else slow.decided_labels(raw, thresholds)
    whole, each = slow.of_decided_labels(y, decided)
    more, areas = slow.of_scored_labels(y, raw, probabilistic=True)
    hold(made.estimates, whole | more, each | areas)
    assert made.estimates.constant == bool((decided == decided[0]).all())


@given(st.data(), st.integers(3, 12), st.sampled_from(["rmse", "mae", "r2"]))
@settings(deadline=None, max_examples=25)
def test_few_rows_of_numbers(data, n, metric):
    y, score = (np.array(data.draw(st.lists(values, min_size=n, max_size=n))) for _ in range(2))
    score, halves = score.astype(np.float32), Halves("row", halves_of(data.draw, n))
    reference, scoring = Reference(y, None, None, None, halves), NumberScoring(metric=metric, seed=0)
    same(scoring.cross_fitted(score, reference).value, slow.value_of_numbers(y, score, halves.mask, metric))
    made = evaluate_in_sample(score, reference, scoring, probabilistic=False)
    hold(made.estimates, slow.of_numbers(y, score), {})


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("task", [CLASS_TASK, LABEL_TASK, NUMBER_TASK], ids=lambda task: task.name)
def test_scores_that_are_no_numbers_have_no_value(task, odd):
    reference, told = rows_of(task)
    raw = raw_of(told, 1.0, 0)
    raw[3] = odd
    study = study_of(task)
    scoring = scoring_for(study, study.threshold, reference)
    for asked in (
        lambda: scoring.fit(raw, reference, probabilistic=True),
        lambda: scoring.cross_fitted(raw, reference),
    ):
        with pytest.raises(TrialError, match="must be finite, but got"):
            asked()


# Two classes are two labels of a binary study; the best of all offsets of three is known.


@given(few_rows(classes=True), st.sampled_from(["macro_f1", "accuracy", "balanced_accuracy"]))
@settings(deadline=None, max_examples=25)
def test_of_two_classes_offsets_are_the_threshold_of_the_slow_search(drawn, metric):
    reference, raw = drawn
    y, raw = np.minimum(reference.y, 1), np.ascontiguousarray(raw[:, :2])
    mask = reference.halves.mask
    for rule, twin in (
        (MaxMeanRecall(policy="max_balanced_accuracy"), MaxBalancedAccuracy(policy="max_balanced_accuracy")),
        (CostMatrix(policy="cost", costs=((0, 2), (3, 0))), Cost(policy="cost", c_fp=2, c_fn=3)),
    ):

        def offsets(labels, score, twin=twin):
            [threshold] = slow.thresholds_of_labels(
                labels[:, None] == 1, (score[:, 1] - score[:, 0])[:, None], twin
            ) or [None]
            if threshold is None:
                return None
            if math.isinf(threshold):
                return (0.0, -math.inf) if threshold > 0 else (-math.inf, 0.0)
            return threshold / 2, -threshold / 2

        wanted = slow.value_of_classes(y, raw, mask, metric, calibrated=False, offsets_of=offsets)
        scoring = ClassScoring(classes=("a", "b"), rule=rule, calibration="none", metric=metric, seed=0)
        held = Reference(y, None, None, None, reference.halves, answers=("a", "b"))
        same(scoring.cross_fitted(raw, held).value, wanted)


# The winner and its ties.


def candidates_of(task, noises=(0.8, 0.9, 1.0, 2.5), **asked):
    reference, told = rows_of(task)
    told = told / 2 if task.name == "number" else told
    study = study_of(task, **asked)
    scoring = scoring_for(study, study.threshold, reference)
    raws = [raw_of(told, noise, number) for number, noise in enumerate(noises)]
    measured = [scoring.cross_fitted(raw, reference).value for raw in raws]
    made = [
        task_comparison.Candidate(raws=(raw,), value=value) for raw, value in zip(raws, measured, strict=True)
    ]
    rows = task_comparison.TaskSetting(
        reference=reference,
        units=units_of(reference, 0),
        metric=study.objective.metric,
        scoring=scoring,
        seed=0,
    )
    return made, rows, study


def held_out(raw, rows, study):
    """From resampled rows to the objective: the mean over splits, decided by the half a row is not in."""
    reference, metric = rows.reference, study.objective.metric
    y = reference.y
    if study.task.name == "number":
        return lambda some: slow.of_numbers(y[some], raw[some])[metric] if some.size else math.nan
    decided = []
    for column in reference.halves.mask.T:
        found = np.zeros(y.shape, int)
        for fitted in (column, ~column):
            first, others = np.flatnonzero(fitted), np.flatnonzero(~fitted)
            if study.task.name == "classes":
                score = np.float32(slow.temperature(y[first], raw[first])) * raw
                chosen = choose_offsets(y[first], score[first], study.threshold, reference.answers)
                found[others] = slow.decided_classes(score[others], chosen.offsets)
            else:
                score = slow.calibrated_labels(y == 1, raw, first)
                cuts = slow.thresholds_of_labels(y[first] == 1, score[first], study.threshold)
                found[others] = slow.decided_labels(score[others], cuts)
        decided.append(found)
    right = [one == y for one in decided]
    right = [one if one.ndim == 1 else one.all(axis=1) for one in right]  # accuracy; of labels, of subsets
    return lambda some: np.mean([one[some].mean() for one in right]) if some.size else math.nan


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        pytest.param(CLASS_TASK, {"objective": {"metric": "accuracy"}}, marks=pytest.mark.slow),
        pytest.param(LABEL_TASK, {"objective": {"metric": "subset_accuracy"}}, marks=pytest.mark.slow),
        (NUMBER_TASK, {}),
        (NUMBER_TASK, {"objective": {"metric": "r2"}}),
    ],
    ids=["classes", "labels", "rmse", "r2"],
)
def test_the_winner_is_corrected_and_compared_as_the_documents_say(task, asked, monkeypatch):
    """The pick is repeated in each resample of groups and scored on the groups left out; decisions stand."""
    monkeypatch.setattr(task_comparison, "REPEATS", 60)
    made, rows, study = candidates_of(task, **asked)
    sign = -1.0 if study.objective.metric == "rmse" else 1.0
    piece, everything = rows.units.piece, np.arange(len(rows.reference.y))
    measured = [held_out(one.raws[0], rows, study) for one in made]

    def under(times):
        return [np.repeat(everything, counts[piece].astype(int)) for counts in times]

    times = draws(rows.units, 60, np.random.default_rng([0, 1]))
    inside, outside = (
        sign * np.array([[of(some) for some in under(counts)] for of in measured])
        for counts in (times, (times == 0).astype(int))
    )
    worth = sign * slow.picked(inside, outside)
    found = task_comparison.corrected(made, rows)
    assert found.value == pytest.approx(np.nanmean(worth), rel=1e-6)
    low, high = np.nanpercentile(worth, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((min(low, found.value), max(high, found.value)), rel=1e-6)

    times = draws(rows.units, 60, np.random.default_rng(0))
    drawn = sign * np.array([[of(some) for some in under(times)] for of in measured])
    whole = sign * np.array([[of(everything)] for of in measured])
    deviations, values = drawn - whole, sign * np.array([one.value for one in made])
    compared = task_comparison.compared(made, rows)
    best = int(values.argmax())
    assert compared.best == best
    assert compared.tied.tolist() == [0 in ends for ends in ends_of(deviations, values, best)[1]]
    for k, (low, high) in enumerate(ends_of(deviations, values, best)[0]):
        told = compared.differences[k]
        assert (told.value, told.low, told.high) == pytest.approx(
            (values[best] - values[k], low, high), abs=1e-9
        )


def ends_of(deviations, values, best):
    """Of each difference to the best (Hsu 1981, step-down): its ends, and the signs that lie between them."""

    def farthest(several):
        return np.percentile(several, 97.5)

    standing = set(range(len(values)))
    while True:
        low = [
            values[best]
            - values[k]
            - farthest(np.max([deviations[j] for j in standing], axis=0) - deviations[k])
            for k in range(len(values))
        ]
        still = {k for k in standing if low[k] <= 0}
        if still == standing:
            break
        standing = still
    high = [values[best] - values[k] + farthest(deviations[k] - deviations[best]) for k in range(len(values))]
    low[best] = high[best] = 0.0
    ends = list(zip(low, high, strict=True))
    return ends, [[0] if low <= 0 <= high else [] for low, high in ends]
