"""Offsets reach what brute force over all decisions reaches; two classes are decided by today's threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.scores.metrics import decide
from search.scores.multiclass import offset_sweep
from search.scores.multiclass.decisions import decide_classes
from search.scores.multiclass.offset_sweep import MERITS
from search.scores.multiclass.offsets import choose_offsets, offsets_of
from search.scores.thresholds import choose, curve
from spaces.errors import RunError, TrialError
from spaces.policies import (
    Argmax,
    ClassRule,
    Cost,
    CostMatrix,
    MaxBalancedAccuracy,
    MaxMacroF1,
    MaxMeanRecall,
    RecallAt,
)
from tests.helpers import class_reference as slow
from tests.helpers.strategies import any_scores, floats32, rows

NAMES = ("none", "focal", "generalised")
COSTS = ((0, 1, 5), (2, 0, 1), (1, 3, 0))
MACRO_F1 = MaxMacroF1()
MEAN_RECALL = MaxMeanRecall(policy="max_balanced_accuracy")
COST = CostMatrix(policy="cost", costs=COSTS)
RECALL = RecallAt(policy="recall_at", of_class="generalised", recall=0.7)
ARGMAX = Argmax(policy="argmax")
RULES = [MACRO_F1, MEAN_RECALL, COST, RECALL]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.policy)
VALUE = {
    MaxMacroF1: lambda y, d: slow.macro_f1(y, d, 3),
    MaxMeanRecall: lambda y, d: slow.mean_recall(y, d, 3),
    CostMatrix: lambda y, d: -slow.cost(y, d, COSTS),
}


def drawn(seed, n, classes=3, gain=1.0):
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=rng.dirichlet(np.full(classes, 2.0)))
    y[:classes] = np.arange(classes)
    score = rng.normal(size=(n, classes))
    score[np.arange(n), y] += gain
    return y, score.astype(np.float32)


def best_of_all(y, score, rule):
    """What brute force reaches; with a held recall, at the least offset that reaches it."""
    top = -np.inf
    for decisions in slow.all_decisions(score):
        if isinstance(rule, RecallAt):
            least = np.flatnonzero(slow.recall(y, decisions, 2) >= rule.recall)[0]
            top = max(top, slow.macro_f1(y, decisions[least], 3))
        else:
            top = max(top, VALUE[type(rule)](y, decisions).max())
    return top


def value(y, decided, rule):
    if isinstance(rule, RecallAt):
        assert slow.recall(y, decided, 2) >= rule.recall
        return slow.macro_f1(y, decided, 3)
    return VALUE[type(rule)](y, decided)


def test_every_rule_has_its_merit():
    assert {*MERITS, Argmax} == set(ClassRule.__args__)


@each_rule
@pytest.mark.parametrize("gain", [0.3, 1.5])
def test_nearly_every_choice_is_the_best_of_all(rule, gain):
    """The share measured over more cases stands in tests/benchmarks/LOG.md."""
    reached = []
    for seed in range(12):
        y, score = drawn(seed, 7 + seed % 4, gain=gain)
        decided = choose_offsets(y, score, rule, NAMES).decide(score)
        top, found = best_of_all(y, score, rule), value(y, decided, rule)
        assert found <= top + 1e-12
        reached.append(found >= top - 1e-12)
    assert np.mean(reached) >= 0.9


@each_rule
@given(
    st.lists(st.tuples(st.integers(0, 2), *[st.integers(-2, 2)] * 3), min_size=0, max_size=4),
    st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=3, max_size=3),
)
@settings(deadline=None, max_examples=15)
def test_ties_are_decided_as_counted(rule, more, three):
    """What is chosen is never better than brute force, and no worse than no offsets."""
    y = np.array([0, 1, 2, *(row[0] for row in more)])
    score = np.array([*three, *(row[1:] for row in more)], np.float32)
    choice = choose_offsets(y, score, rule, NAMES)
    found = value(y, choice.decide(score), rule)
    assert found <= best_of_all(y, score, rule) + 1e-12
    if not isinstance(rule, RecallAt):
        assert found >= value(y, decide_classes(score, np.zeros(3, np.float32)), rule) - 1e-12


TWINS = [
    (MEAN_RECALL, MaxBalancedAccuracy(policy="max_balanced_accuracy")),
    (CostMatrix(policy="cost", costs=((0, 1), (1, 0))), Cost(policy="cost")),
    (CostMatrix(policy="cost", costs=((0, 0.1), (0.3, 0))), Cost(policy="cost", c_fp=0.1, c_fn=0.3)),
]


@pytest.mark.parametrize(("rule", "twin"), TWINS, ids=lambda rule: repr(rule)[:30])
@given(rows(score=any_scores), st.booleans())
@settings(deadline=None, max_examples=60)
def test_two_classes_are_one_threshold_to_the_last_bit(rule, twin, data, weighted):
    y, d, weight = data
    weight = weight if weighted else None
    score = np.stack([-d / 2, d / 2], axis=1)
    found, expected = choose_offsets(y, score, rule, (0, 1), weight), choose(curve(y, d, weight), twin)
    assert found.offsets == offsets_of(expected.threshold_score)
    assert (found.decide(score) == decide(d, expected.threshold_score)).all()
    if np.isfinite(expected.threshold_score):
        assert found.offsets[0] - found.offsets[1] == expected.threshold_score
        assert found.high[1] - found.offsets[1] == expected.threshold_score - expected.low


@given(rows(score=any_scores), st.sampled_from([0.3, 0.8, 1.0]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_two_classes_equal_brute_force_over_all_thresholds(data, recall, later):
    y, d, _ = data
    y = y.astype(int)
    score = np.stack([-d / 2, d / 2], axis=1)
    cuts = curve(y, d).cuts
    every = [decide(d, float(cut)).astype(int) for cut in cuts]
    decided = choose_offsets(y, score, MACRO_F1, (0, 1)).decide(score)
    best = slow.macro_f1(y, np.stack(every), 2).max()
    assert slow.macro_f1(y, decided, 2) == pytest.approx(best, abs=1e-12)
    rule = RecallAt(policy="recall_at", of_class=int(later), recall=recall)
    decided = choose_offsets(y, score, rule, (0, 1)).decide(score)
    reached = [one for one in every if slow.recall(y, one, later) >= recall]
    assert (decided == later).sum() == min((one == later).sum() for one in reached)


normal = floats32.filter(lambda d: abs(d) > 1e-30)  # half of the smallest numbers is no float32


@given(normal, normal)
@settings(deadline=None, max_examples=200)
def test_offsets_of_a_threshold_decide_as_it_does(d, threshold):
    score = np.array([[-d / 2, d / 2]], np.float32)
    for t in (threshold, d, float(np.nextafter(np.float32(d), np.float32(np.inf))), np.inf, -np.inf):
        found = decide_classes(score, np.array(offsets_of(t), np.float32))
        assert bool(found[0]) == bool(decide(np.float32([d]), t)[0])


@each_rule
@pytest.mark.parametrize("seed", range(3))
def test_permuted_classes_are_decided_alike(rule, seed):
    y, score = drawn(seed, 60)
    plain = choose_offsets(y, score, rule, NAMES)
    for order in ([2, 0, 1], [1, 0, 2], [2, 1, 0]):
        place = np.argsort(order)
        permuted = rule
        if isinstance(rule, CostMatrix):
            permuted = rule.model_copy(
                update={"costs": tuple(tuple(COSTS[a][b] for b in order) for a in order)}
            )
        other = choose_offsets(place[y], score[:, order], permuted, [NAMES[k] for k in order])
        assert (place[plain.decide(score)] == other.decide(score[:, order])).all()
        np.testing.assert_allclose(np.array(plain.offsets)[order], other.offsets, atol=1e-5)


@each_rule
@pytest.mark.parametrize("seed", range(3))
def test_weight_2_is_the_row_twice_and_weight_0_is_no_row(rule, seed):
    y, score = drawn(seed, 40)
    times = np.arange(40) % 3
    times[:3] = 1
    weighted = choose_offsets(y, score, rule, NAMES, times.astype(float)).decide(score)
    rows = score.repeat(times, axis=0)
    repeated = choose_offsets(y.repeat(times), rows, rule, NAMES).decide(rows)
    assert value(y.repeat(times), weighted.repeat(times), rule) == value(y.repeat(times), repeated, rule)


@each_rule
@pytest.mark.parametrize("classes", [3, 5])
def test_offsets_sum_to_zero_and_lie_on_their_plateaus(rule, classes):
    names = (*NAMES, "artefact", "sleep")[:classes]
    if isinstance(rule, CostMatrix):
        rule = CostMatrix(policy="cost", costs=1 - np.eye(classes))
    for seed in range(5):
        y, score = drawn(seed, 200, classes)
        choice = choose_offsets(y, score, rule, names)
        offsets = np.array(choice.offsets)
        assert np.float32(offsets).astype(float).tolist() == offsets.tolist()
        assert offsets[np.isfinite(offsets)].sum() == 0
        merit = value_of(y, choice.decide(score), rule, classes)
        for k in range(classes):
            assert choice.low[k] <= offsets[k] <= choice.high[k]
            for at in (choice.low[k] * 0.9 + offsets[k] * 0.1, choice.high[k] * 0.9 + offsets[k] * 0.1):
                if np.isfinite(at):
                    moved = offsets.astype(np.float32)
                    moved[k] = at
                    assert value_of(y, decide_classes(score, moved), rule, classes) == pytest.approx(merit)


def value_of(y, decided, rule, classes):
    if isinstance(rule, CostMatrix):
        return -slow.cost(y, decided, rule.costs)
    return (slow.mean_recall if isinstance(rule, MaxMeanRecall) else slow.macro_f1)(y, decided, classes)


def test_argmax_takes_the_largest_score_and_the_later_of_equal_ones():
    score = np.float32([[1, 1, 0], [0, 2, 2], [3, 1, 2], [1, 1, 1]])
    choice = choose_offsets(np.array([0, 1, 2, 0]), score, ARGMAX, NAMES)
    assert choice.offsets == (0, 0, 0)
    assert choice.decide(score).tolist() == [1, 2, 0, 2]
    assert choice.decide(score).dtype == np.int16


@given(st.lists(st.tuples(*[st.floats(-50, 50, width=32)] * 4), min_size=1, max_size=10))
@settings(deadline=None)
def test_decisions_equal_the_slow_ones(data):
    score = np.array(data, np.float32)
    offsets = np.float32([0.25, -1, -np.inf, 0.75])
    assert decide_classes(score, offsets).tolist() == slow.decide(score, offsets).tolist()


def test_a_class_that_no_row_is_to_be_decided_as_has_minus_infinity():
    """Of three classes one costs nothing to miss and much to be decided as."""
    y, score = drawn(0, 50)
    score[y == 2, 2] = -9
    rule = CostMatrix(policy="cost", costs=((0, 1, 100), (1, 0, 100), (0, 0, 0)))
    choice = choose_offsets(y, score, rule, NAMES)
    assert choice.offsets[2] == -np.inf
    assert sum(choice.offsets[:2]) == 0
    assert not (choice.decide(score) == 2).any()
    dear = CostMatrix(policy="cost", costs=((0, 100, 100), (0, 0, 0), (0, 0, 0)))
    assert slow.cost(y, choose_offsets(y, score, dear, NAMES).decide(score), dear.costs) == 0


def test_rows_whose_largest_probability_is_low_are_not_decided():
    y, score = drawn(1, 100)
    rule = MaxMacroF1(reject_below=0.6)
    choice = choose_offsets(y, score, rule, NAMES)
    shares = np.exp(score.astype(float))
    shares /= shares.sum(axis=1, keepdims=True)
    decided = choice.decide(score)
    assert ((decided == -1) == (shares.max(axis=1) < 0.6)).all()
    assert 0 < (decided == -1).mean() < 1
    kept = decided != -1
    assert (decided[kept] == choose_offsets(y, score, MACRO_F1, NAMES).decide(score)[kept]).all()


@each_rule
@pytest.mark.parametrize("scale", [0, 1e-30, 1e30, 1e36])
def test_scores_of_any_size_are_decided(rule, scale):
    """Of equal scores all rows are one class; the size of the scores changes nothing else."""
    y, score = drawn(4, 40)
    found = choose_offsets(y, np.float32(score / 8 * scale), rule, NAMES)
    decided = found.decide(np.float32(score / 8 * scale))
    assert not np.isnan(found.offsets).any()
    if scale == 0:
        assert len(set(decided.tolist())) == 1
    else:
        expected = value(y, choose_offsets(y, score, rule, NAMES).decide(score), rule)
        assert value(y, decided, rule) >= expected - abs(expected) / 10


def test_many_classes_are_swept_as_few_are(monkeypatch):
    """Row by row the best of many classes is the same, the later of equal ones too."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 20
    score = rng.integers(-2, 3, (200, 20)).astype(np.float32)
    score[np.arange(200), y] += 2
    by_row = choose_offsets(y, score, MACRO_F1, range(20))
    monkeypatch.setattr(offset_sweep, "MANY", 100)
    assert choose_offsets(y, score, MACRO_F1, range(20)) == by_row


def test_refusals():
    y, score = drawn(0, 20)
    with pytest.raises(TrialError, match="max_macro_f1 needs rows of every class, but got none of 'focal'"):
        choose_offsets(np.where(y == 1, 0, y), score, MACRO_F1, NAMES)
    with pytest.raises(TrialError, match="scores must be finite, but got 1 that are not"):
        choose_offsets(
            y, np.where(np.arange(60).reshape(20, 3) == 4, np.float32(np.nan), score), MACRO_F1, NAMES
        )
    with pytest.raises(
        RunError, match=r"threshold\.costs must have a row for each class, but got 2 rows for 3"
    ):
        choose_offsets(y, score, CostMatrix(policy="cost", costs=((0, 1), (1, 0))), NAMES)
    with pytest.raises(
        RunError, match="of_class must be one of the classes 'none', 'focal', 'generalised', but got 'x'"
    ):
        choose_offsets(y, score, RecallAt(policy="recall_at", of_class="x"), NAMES)
    with pytest.raises(ValueError, match="labels of 3 classes must be 0 to 2, but got \\[3\\]"):
        choose_offsets(np.where(y == 1, 3, y), score, MACRO_F1, NAMES)
    with pytest.raises(
        ValueError, match=r"labels must have shape \(20,\), one a row of scores, but got \(2,\)"
    ):
        choose_offsets(y[:2], score, MACRO_F1, NAMES)
    with pytest.raises(ValueError, match=r"scores of classes must have shape \(n, K\) .* but got \(20,\)"):
        choose_offsets(y, score[:, 0], MACRO_F1, NAMES)
    with pytest.raises(TypeError, match="float32"):
        decide_classes(score.astype(float), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="offsets must be 3 numbers, one a class, but got"):
        decide_classes(score, np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("costs", "text"),
    [
        (((0, 1),), "must be K rows of K numbers for K classes of two or more, but got rows of \\[2\\]"),
        (((0, 1), (1, 0, 2)), "but got rows of \\[2, 3\\]"),
        (((0, -1), (1, 0)), "must be at least 0, but got -1 in row 0, column 1"),
        (((0, 1), (1, 2)), "must be 0 on the diagonal, but got 2 in row 1, column 1"),
        (((0, 0), (0, 0)), "must hold a cost above 0, but got zeros alone"),
    ],
)
def test_costs_are_checked_when_they_are_read(costs, text):
    with pytest.raises(ValueError, match=text):
        CostMatrix(policy="cost", costs=costs)
