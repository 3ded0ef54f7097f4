"""Folds of groups: everyone held out once, training never shown who is, and refusals that say why."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.folds import draw_folds, find_fold_leakage
from search.data.rows import Labels, Rows
from search.data.task_labels import Classes, LabelNames, Quantity
from spaces.errors import RunError
from spaces.study import Study


def rows_of(structure) -> Rows:
    y = [label for negative, positive in structure for label in [0] * negative + [1] * positive]
    groups = [f"g{g:03d}" for g, pair in enumerate(structure) for _ in range(sum(pair))]
    x = np.random.default_rng(0).normal(size=(len(y), 9)).astype(np.float32)
    return Rows(x=x, y=np.array(y, np.int8), labels=Labels(0, 1), groups=np.array(groups))


def drawn(rows, k, study):
    """The folds, or why there are none."""
    try:
        return draw_folds(rows, k, study)
    except RunError as error:
        return str(error)


def two_parts(structure) -> bool:
    """Whether groups can be dealt to two parts that both have both classes."""
    mixed = sum(n > 0 and p > 0 for n, p in structure)
    return mixed + min(sum(n == 0 for n, _ in structure), sum(p == 0 for _, p in structure)) >= 2


@settings(deadline=None, max_examples=80)
@given(
    structure=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)).filter(any), min_size=1, max_size=25),
    k=st.none() | st.integers(2, 25),
    seed=st.integers(0, 5),
)
def test_folds_hold_out_every_group_once_and_never_train_on_it(structure, k, seed):
    rows = rows_of(structure)
    groups, study = set(rows.groups.tolist()), Study(seed=seed)
    folds = drawn(rows, k, study)
    singly = k == len(groups) or (k is None and len(groups) <= 10)
    if singly:
        assert isinstance(folds, str) != all(
            two_parts(structure[:g] + structure[g + 1 :]) for g in range(len(structure))
        )
    if isinstance(folds, str):
        assert any(word in folds for word in ("folds of", "folds need", "folds hold out", "holds out"))
        return
    assert len(folds) == (k or min(len(groups), 10))
    assert [fold.number for fold in folds] == list(range(1, len(folds) + 1))
    held = Counter(group for fold in folds for group in fold.held_out)
    assert held == dict.fromkeys(groups, 1)
    for fold in folds:
        out, validation = set(fold.held_out), set(fold.validation)
        assert out
        assert not out & validation
        for part in (validation, groups - out - validation):
            assert set(rows.y[np.isin(rows.groups, list(part))].tolist()) == {0, 1}
    assert folds == draw_folds(rows, k, study)


def test_folds_are_about_equal_and_seeds_differ():
    rows = rows_of([(20 + g % 7, 3 if g % 3 == 0 else 0) for g in range(60)])
    folds = draw_folds(rows, None, Study())
    assert len(folds) == 10
    per_fold = [rows.y[np.isin(rows.groups, fold.held_out)] for fold in folds]
    assert {int(y.sum()) for y in per_fold} == {6}
    sizes = [len(y) for y in per_fold]
    assert max(sizes) - min(sizes) <= 10
    assert draw_folds(rows, None, Study(seed=1)) != folds
    for fold in folds:
        share = np.isin(rows.groups, fold.validation).sum() / (len(rows) - len(per_fold[fold.number - 1]))
        assert 0.2 < share < 0.3, "the study's 20 of 80 percent"


def test_few_groups_are_left_out_one_at_a_time():
    folds = draw_folds(rows_of([(5, 2)] * 10), None, Study())
    assert [fold.held_out for fold in folds] == [(f"g{g:03d}",) for g in range(10)]


@pytest.mark.parametrize(
    ("structure", "k", "message"),
    [
        ([(5, 2)] * 5, 6, r"folds of 5 groups number 2 to 5, but got 6 \(--k\)"),
        ([(5, 2), (5, 1), (5, 0), (5, 0)], None, r"of 4 groups 2 hold positives \(g000, g001\)"),
        ([(5, 2)] * 3 + [(5, 0)] * 3, 2, r"fold \d holds out .*hold positives \(g00\d\).*more folds \(--k\)"),
    ],
)
def test_folds_that_cannot_be_are_refused_naming_who_holds_positives(structure, k, message):
    with pytest.raises(RunError, match=message):
        draw_folds(rows_of(structure), k, Study())


def test_copies_in_two_folds_are_found():
    rows = rows_of([(5, 2)] * 4)
    folds = draw_folds(rows, None, Study())
    assert find_fold_leakage(rows, folds) == ()
    x = rows.x.copy()
    x[8] = x[1]
    (sign,) = find_fold_leakage(dataclasses.replace(rows, x=x), folds)
    assert "2 rows have an exact copy in another part (row 1 in fold 1 is row 8 in fold 2)" in sign


def test_folds_of_one_group_are_refused():
    with pytest.raises(RunError, match="folds hold out whole groups, but all 7 rows are of one, 'g000'"):
        draw_folds(rows_of([(5, 2)]), None, Study())


def of_task(kind, groups, rng, rows_each=20):
    """Rows of a task in groups that not all hold everything."""
    n = groups * rows_each
    unit = np.repeat(np.arange(groups), rows_each)
    if kind == "classes":
        y, labels = rng.choice([0, 2], n, p=[0.7, 0.3]).astype(np.int16), Classes(("a", "[b]", "c"))
        y[(unit % 3 == 0) & (rng.random(n) < 0.3)] = 1
    elif kind == "labels":
        y, labels = (rng.random((n, 2)) < [0.6, 0.3]).astype(np.int8), LabelNames(("x", "y"))
        y[unit % 3 != 0, 1] = 0
    else:
        y, labels = rng.normal(size=n), Quantity("y")
    x = rng.normal(size=(n, 9)).astype(np.float32)
    return Rows(x=x, y=y, labels=labels, groups=np.char.add("g", np.char.zfill(unit.astype(str), 3)))


@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
@settings(deadline=None, max_examples=40)
@given(groups=st.integers(3, 40), k=st.none() | st.integers(2, 12), seed=st.integers(0, 30))
def test_every_class_is_trained_and_validated_on_in_every_fold(kind, groups, k, seed):
    rows, study = of_task(kind, groups, np.random.default_rng(seed)), Study(seed=seed)
    folds = drawn(rows, k, study)
    has, _ = rows.labels.strata(rows.y)
    everyone = set(rows.groups.tolist())
    if isinstance(folds, str):
        words = ("folds of", "folds need three groups", "fold")
        assert folds.startswith(words)
        holding = [len(set(rows.groups[one].tolist())) for one in has.T] or [groups]
        # Where four groups have everything and none need share a fold, there is a way.
        assert min(holding) < 4 or not 2 <= (k or 2) <= groups or k == 2
        return
    assert len(folds) == (k or min(groups, 10))
    held = Counter(group for fold in folds for group in fold.held_out)
    assert held == dict.fromkeys(everyone, 1)
    for fold in folds:
        out, validation = set(fold.held_out), set(fold.validation)
        assert out
        assert validation
        assert not out & validation
        assert everyone - out - validation
        for part in (validation, everyone - out - validation):
            assert has[np.isin(rows.groups, list(part))].any(axis=0).all()
    assert folds == draw_folds(rows, k, study)


@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
def test_folds_are_about_equal_in_rows_and_in_each_class(kind):
    rows = of_task(kind, 60, np.random.default_rng(0))
    has, _ = rows.labels.strata(rows.y)
    folds = draw_folds(rows, None, Study())
    taken = [np.isin(rows.groups, fold.held_out) for fold in folds]
    assert {int(mine.sum()) for mine in taken} == {120}
    for one in has.T:
        counts = [int(one[mine].sum()) for mine in taken]
        assert max(counts) - min(counts) <= 0.25 * np.mean(counts) + 4, counts
    shares = [np.isin(rows.groups, fold.validation).sum() / (len(rows) - 120) for fold in folds]
    assert all(0.2 < share < 0.3 for share in shares), "the study's 20 of 80 percent"


def lacking(holding: int, groups: int = 8) -> Rows:
    """Rows of three classes, the last of which lives in so many groups."""
    unit = np.repeat(np.arange(groups), 10)
    y = np.tile([0, 1], groups * 5).astype(np.int16)
    y[(unit < holding) & (np.arange(len(y)) % 10 == 0)] = 2
    x = np.random.default_rng(0).normal(size=(len(y), 9)).astype(np.float32)
    return Rows(x=x, y=y, labels=Classes(("a", "b", "rare")), groups=np.char.add("g", unit.astype(str)))


def test_a_class_in_too_few_groups_is_refused_with_its_name_and_what_to_do():
    with pytest.raises(RunError) as caught:
        draw_folds(lacking(2), None, Study())
    assert str(caught.value) == (
        "folds need three groups with rows of every class and label (one held out, one to train on, one to "
        "validate on), but of 8 groups class 'rare' lives in 2 groups; add data of more groups, merge "
        "classes, or leave them out"
    )
    with pytest.raises(RunError) as caught:
        draw_folds(lacking(3), 2, Study())
    assert str(caught.value) == (
        "folds need three groups with rows of every class and label (one held out, one to train on, one to "
        "validate on), but of 8 groups class 'rare' lives in 3 groups in 2 folds; add data of more groups, "
        "merge classes, or leave them out, or make 3 folds or more (--k)"
    )
    for k in (3, 4, 7, None):
        assert len(draw_folds(lacking(3), k, Study())) == (k or 8)


def test_a_side_of_a_label_in_too_few_groups_is_refused():
    y = np.ones((40, 2), np.int8)
    y[::3, 0], y[4, 1], y[14, 1] = 0, 0, 0
    x, groups = np.zeros((40, 3), np.float32), np.repeat([f"g{k}" for k in range(4)], 10)
    with pytest.raises(RunError, match="of 4 groups no label 'y' lives in 2 groups; add data"):
        draw_folds(Rows(x=x, y=y, labels=LabelNames(("x", "y")), groups=groups), None, Study())


@pytest.mark.parametrize(
    ("k", "classes"),
    [
        (3, [[0], [1], [0, 1], [0, 1]]),  # the two poor groups must not share a fold
        (4, [[0], [0], [1], [1], [0, 1]]),
        (7, [[0, 4], [0, 3], [0, 1, 2, 3, 4], [2, 3, 4], [0, 2], [1, 4], [1, 2]]),
    ],
)
def test_a_way_is_found_where_few_groups_hold_each_class(k, classes):
    y = np.concatenate([np.repeat(of, 3) for of in classes]).astype(np.int16)
    groups = np.concatenate([np.repeat(f"g{g}", 3 * len(of)) for g, of in enumerate(classes)])
    labels = Classes(tuple("abcde"[: y.max() + 1]))
    rows = Rows(x=np.zeros((len(y), 2), np.float32), y=y, labels=labels, groups=groups)
    for fold in draw_folds(rows, k, Study()):
        for part in (set(fold.validation), {*groups} - {*fold.held_out, *fold.validation}):
            assert set(y[np.isin(groups, list(part))]) == set(y)


def test_a_number_needs_three_groups_and_targets_that_vary():
    x, y = np.zeros((30, 3), np.float32), np.arange(30.0)
    groups = np.repeat(["p", "q", "r"], 10)
    rows = Rows(x=x, y=y, labels=Quantity("y"), groups=groups)
    assert [fold.held_out for fold in draw_folds(rows, None, Study())] == [("p",), ("q",), ("r",)]
    with pytest.raises(RunError, match=r"lives in 3 groups in 2 folds; .*make 3 folds or more \(--k\)"):
        draw_folds(rows, 2, Study())
    two = dataclasses.replace(rows, groups=np.repeat(["p", "q"], 15))
    with pytest.raises(RunError) as caught:
        draw_folds(two, None, Study())
    assert str(caught.value) == (
        "folds need three groups (one held out, one to train on, one to validate on), but of 2 groups a "
        "target lives in 2 groups; add data of more groups"
    )
    flat = dataclasses.replace(rows, y=np.where(groups == "p", y, 5.0))
    with pytest.raises(RunError, match=r"fold 1 holds out p; .* vary, but all 10 targets are 5$"):
        draw_folds(flat, None, Study())
