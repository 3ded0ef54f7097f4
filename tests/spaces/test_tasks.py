"""Tasks that are not binary: what they allow, their heads' decodes, and which pairs are refused and why."""

import re

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.cli import main
from spaces.configuration import Config, suggest
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.losses import LOSSES
from spaces.pairs import TABLES, judge, resolve
from spaces.study_file import parse, settled, to_yaml
from spaces.task_heads import head, heads_of
from spaces.tasks import BINARY, KINDS, Task
from tests.helpers.script import Script
from tests.helpers.tasks import (
    CLASSES,
    LABELS,
    NUMBER,
    TASK_HEAD_NAMES,
    TASK_HEADS,
    TASK_PAIR_NAMES,
    TASK_PAIRS,
    TASKS,
    labels_of,
)

each_head = pytest.mark.parametrize("made", TASK_HEADS, ids=TASK_HEAD_NAMES)
each_pair = pytest.mark.parametrize(("made", "loss"), TASK_PAIRS, ids=TASK_PAIR_NAMES)
VERDICTS = [
    (task, judge(name, loss, task))
    for task, table in TABLES.items()
    for name in table.heads
    for loss in table.losses
]
NPZ = {"source": "npz", "path": "x.npz"}


def draw(made, n=40, seed=0, scale=3.0):
    return np.random.default_rng(seed).normal(scale=scale, size=(n, made.logits)).astype(np.float32)


def losses(made, loss, y, z, **parameters):
    """The loss of each row by the numpy formula, `(n, ...)`."""
    chosen = {**made.loss(loss).parameters, **parameters}
    return made.loss(loss).per_row(*made.compared(y, made.votes(z).astype(np.float64)), **chosen)


@pytest.mark.parametrize(("task", "verdict"), VERDICTS, ids=lambda v: getattr(v, "head", v))
def test_every_pair_of_every_task_has_a_verdict_that_leads_to_a_valid_pair(task, verdict):
    assert (verdict.kind == "valid") == (verdict.loss in heads_of(task).get(verdict.head, ()))
    assert judge(*verdict.instead, task).kind == "valid"
    assert verdict.why


@pytest.mark.parametrize(
    ("task", "head_name", "loss", "reason", "nearest"),
    [
        ("classes", "softmax", "binary_crossentropy", "trains K independent sigmoids", ("softmax", "cce")),
        ("classes", "one_vs_rest", "cce", "rows that do not sum to one", ("softmax", "cce")),
        ("classes", "sigmoid_k", "sparse_cce", "a softmax of their logits", ("softmax", "cce")),
        ("classes", "linear", "mse", "as if classes had an order", ("softmax", "brier")),
        ("classes", "softmax_1", "cce", "the constant 1", ("softmax", "cce")),
        ("classes", "margin", "hinge", "K margins apart", ("margin", "categorical_hinge")),
        ("labels", "sigmoids", "cce", "a floor that no training gets below", ("sigmoids", "bce")),
        ("labels", "softmax", "bce", "share one probability", ("sigmoids", "bce")),
        ("labels", "sigmoids", "sparse_cce", "an integer names one class", ("sigmoids", "bce")),
        ("number", "linear", "accuracy", "equal the target exactly", ("linear", "mse")),
        ("number", "sigmoid", "mse", "held within an interval", ("linear", "mse")),
        ("number", "relu", "mean_absolute_error", "no number below 0", ("linear", "mae")),
        ("number", "linear", "bce", "a number is none", ("linear", "mse")),
    ],
)
def test_what_people_write_and_mean_something_else_by_is_refused(task, head_name, loss, reason, nearest):
    with pytest.raises(RunError) as caught:
        resolve(head_name, loss, task)
    assert reason in str(caught.value)
    assert f"nearest valid: head {nearest[0]} with loss {nearest[1]}" in str(caught.value)


def test_second_names_are_the_pairs_they_stand_for():
    assert resolve("softmax", "sparse_categorical_crossentropy", "classes") == ("softmax", "cce")
    assert "integers never meet a loss of columns" in judge("softmax", "sparse_cce", "classes").why
    assert resolve("linear_k", "bce", "labels") == ("sigmoids", "bce")
    assert resolve("margin", "bce", "classes") == ("one_vs_rest", "bce")
    assert resolve("linear", "mean_squared_error", "number") == ("linear", "mse")


@pytest.mark.parametrize("task", [task for task in KINDS if task != "binary"])
def test_the_command_shows_every_pair_of_a_task(capfd, task):
    assert main(["spaces", "--task", task]) == 0
    shown = re.sub(r"\s+", " ", capfd.readouterr().out)
    assert f"task {task}" in shown
    assert f"searched unless a study names its own: {', '.join(KINDS[task].heads)}" in shown
    for of, verdict in VERDICTS:
        if of == task and verdict.kind != "valid":
            assert f"{verdict.head} + {verdict.loss} " in shown
    assert all(name in shown for name in KINDS[task].refused)


def test_a_task_is_complete_when_built():
    with pytest.raises(ValueError, match=r"task classes has at least two answers, but got 1"):
        Task(name="classes")
    with pytest.raises(ValueError, match=r"task number has one answer, but got 3"):
        Task(name="number", size=3)
    with pytest.raises(ValueError, match=r"location and scale are of task number"):
        Task(name="labels", size=3, location=1.0)
    assert Task(name="number").of_rows(np.array([1.0, 3.0])) == Task(name="number", location=2.0, scale=1.0)
    with pytest.raises(RunError, match=r"a number to predict must vary, but all 3 targets are 7"):
        Task(name="number").of_rows(np.full(3, 7.0))
    with pytest.raises(RunError, match=r"their mean is 1.7e\+09 .*; subtract a constant before saving"):
        Task(name="number").of_rows(1.7e9 + np.arange(100.0))
    with pytest.raises(RunError, match=r"heads of task number are linear, but got 'softmax'"):
        head("softmax", NUMBER)


@each_head
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_targets_read_as_logits_decode_to_their_labels(made, size):
    y = labels_of(made.task, 60)
    targets = made.encode(y)
    assert targets.shape == (60, made.logits)
    assert targets.dtype == np.float32
    if made.task == NUMBER:
        np.testing.assert_allclose(made.score(targets), y, rtol=1e-6)
        return
    score = made.score((2 * targets - 1) * np.float32(size))
    found = score.argmax(axis=1) if made.task == CLASSES else (score >= 0)
    np.testing.assert_array_equal(found, y)


@each_head
def test_scores_are_the_mean_of_the_votes(made):
    z = draw(made, scale=50)
    score, votes = made.score(z), made.votes(z)
    assert score.dtype == np.float32
    np.testing.assert_allclose(score, votes.astype(np.float64).mean(axis=1), rtol=1e-5, atol=1e-4)


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(0, 99))
def test_the_score_of_a_class_is_the_mean_lead_over_all(size, seed):
    made = head("softmax", Task(name="classes", size=size))
    z = draw(made, 8, seed)
    slow = np.array([[np.mean([row[k] - other for other in row]) for k in range(size)] for row in z])
    np.testing.assert_allclose(made.score(z), slow, atol=1e-5)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-(2.0**99), 2.0**99, width=32)] * 2), min_size=1, max_size=20))
def test_of_two_classes_the_second_scores_half_of_the_binary_softmax_to_the_bit(rows):
    z = np.array(rows, dtype=np.float32)
    two, binary = head("softmax", Task(name="classes", size=2)), HEADS["softmax"]
    if not np.isfinite(binary.score(z)).all() or (np.abs(binary.score(z)) < 1e-30).any():
        return  # half of the very smallest numbers is rounded
    np.testing.assert_array_equal(2 * two.score(z)[:, 1], binary.score(z))
    np.testing.assert_array_equal(two.score(z)[:, 0], -two.score(z)[:, 1])


@pytest.mark.parametrize("loss", ["cce", "focal", "brier"])
def test_of_two_classes_the_loss_is_the_binary_one(loss):
    two, binary = head("softmax", Task(name="classes", size=2)), HEADS["softmax"]
    z, y = draw(two, scale=8), labels_of(Task(name="classes", size=2), 40)
    factor = 2 if loss == "focal" else 1  # its neutral alpha halves the binary one
    expected = factor * LOSSES[loss].per_row(y, binary.score(z))
    np.testing.assert_allclose(losses(two, loss, y, z)[:, 0], expected, rtol=1e-5)
    if loss == "cce":
        smoothed = LOSSES[loss].per_row(y, binary.score(z), label_smoothing=0.2)
        np.testing.assert_allclose(losses(two, loss, y, z, label_smoothing=0.2)[:, 0], smoothed, rtol=1e-5)


@each_pair
def test_permuting_the_columns_permutes_every_answer(made, loss):
    if made.logits == 1:
        return
    z, y = draw(made), labels_of(made.task, 40)
    order = np.random.default_rng(3).permutation(made.logits)
    moved = np.argsort(order)[y] if made.task == CLASSES else y[:, order]
    np.testing.assert_allclose(made.score(z[:, order]), made.score(z)[:, order], atol=1e-6)
    before, after = losses(made, loss, y, z), losses(made, loss, moved, z[:, order])
    after = after if before.ndim == 2 and before.shape[1] == 1 else after[..., np.argsort(order)]
    np.testing.assert_allclose(after, before, rtol=1e-6)


@each_pair
def test_every_loss_pulls_to_the_label(made, loss):
    y, rng = labels_of(made.task, 40), np.random.default_rng(0)
    right = made.encode(y) if made.task == NUMBER else (4 * made.encode(y) - 2)
    wrong = right[rng.permutation(40)]
    assert losses(made, loss, y, right).mean() < losses(made, loss, y, wrong).mean()
    assert (losses(made, loss, y, right) >= 0).all()


def test_a_categorical_hinge_compares_with_the_best_other_class_alone():
    made, z = head("margin", CLASSES), np.float32([[-1, -3, -4, -5, -6]])
    np.testing.assert_allclose(losses(made, "categorical_hinge", np.array([0]), z), 0)
    np.testing.assert_allclose(losses(made, "categorical_hinge", np.array([1]), z), 3)


def test_a_label_below_the_shift_costs_nothing():
    made = head("sigmoids", Task(name="labels", size=2))
    z, y = np.float32([[-4, -4]]), np.array([[0, 1]])
    off, on = losses(made, "asymmetric", y, z)[0, 0]
    assert off == 0
    assert on == pytest.approx(np.log1p(np.exp(4)))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_study_is_settled_once_its_labels_have_said_what_they_ask(task):
    study = parse({"data": NPZ, "name": "mine"})
    made = settled(study, task)
    assert tuple(made.space.heads) == KINDS[task.name].heads
    assert made.objective.metric == KINDS[task.name].metrics[0]
    assert made.objective.steer == KINDS[task.name].steering[0]
    assert made.space.class_weight == KINDS[task.name].weights
    assert (made.task, made.data, made.name) == (task, study.data, "mine")
    assert settled(made, task) == made
    again = parse(yaml.safe_load(to_yaml(made)))
    assert again == made
    assert settled(again, task) == made
    config = suggest(Script(), made)
    assert config.made_head.task == task
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert set(config.loss_parameters) == set(config.made_head.loss(config.loss).parameters)


def test_a_binary_study_says_nothing_of_tasks():
    study = parse({"data": NPZ})
    assert settled(study, BINARY) == study
    text = to_yaml(study)
    for word in ("task", "asymmetric", "huber"):
        assert word not in text
    assert "task" not in suggest(Script(), study).model_dump_json()
    assert list(yaml.safe_load(text)["data"])[:4] == ["source", "path", "x", "y"]


def test_a_study_may_say_its_task_and_is_then_held_to_it():
    study = parse({"data": {**NPZ, "task": "classes"}, "space": {"heads": ["margin"]}})
    assert study.space.heads == {"margin": ("categorical_hinge",)}
    assert yaml.safe_load(to_yaml(study))["data"]["task"] == "classes"
    for written, message in (
        ({"space": {"heads": {"softmax": "bce"}}}, r"K independent sigmoids.*\(study: space.heads\)"),
        ({"objective": {"metric": "f1"}}, r"of one positive class .*\(study: objective.metric\)"),
        ({"space": {"class_weight": ["pos_weight"]}}, r"must be among none, balanced, but got pos_weight"),
    ):
        with pytest.raises(RunError, match=message):
            parse({"data": {**NPZ, "task": "classes"}, **written})
    with pytest.raises(RunError, match=r"positive names one of two values, but data.task is number"):
        parse({"data": {**NPZ, "task": "number", "positive": 1}})


def test_accuracy_of_a_regression_is_refused_in_one_line():
    with pytest.raises(RunError) as caught:
        settled(parse({"data": NPZ, "objective": {"metric": "accuracy"}}), NUMBER)
    assert str(caught.value) == (
        "objective.metric of a task of number must be one of rmse, mae, r2, but got accuracy: it counts the "
        "predictions that equal the target exactly, which a real number never does (study: objective.metric)"
    )
    with pytest.raises(RunError, match=r"high for a model that finds none"):
        settled(parse({"data": NPZ, "objective": {"metric": "accuracy"}}), LABELS)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_prevalence_is_of_one_positive_class(task):
    asked = {"data": NPZ, "objective": {"prevalence": 0.1}}
    assert settled(parse(asked), BINARY).objective.prevalence == 0.1
    with pytest.raises(RunError) as caught:
        settled(parse(asked), task)
    assert str(caught.value) == (
        f"objective.prevalence is the share of one positive class, which a task of {task.name} has not "
        "(study: objective.prevalence)"
    )


def test_heads_that_the_labels_rule_out_are_refused_when_that_is_known():
    mixed = parse({"data": NPZ, "space": {"heads": {"linear": "mse"}}})
    assert settled(mixed, NUMBER).space.heads == {"linear": ("mse",)}
    with pytest.raises(RunError, match=r"a regression of 0 and 1.*nearest valid: head sigmoid"):
        settled(mixed, BINARY)
    margin = parse({"data": NPZ, "space": {"heads": ["margin"]}})
    assert settled(margin, CLASSES).space.heads == {"margin": ("categorical_hinge",)}
    with pytest.raises(RunError, match=r"head must be one of linear, .*, but got 'margin'"):
        settled(margin, NUMBER)


def test_names_of_heads_are_rows_of_one_table():
    for task in TASKS:
        assert set(KINDS[task.name].heads) <= set(heads_of(task.name))
    assert heads_of("binary") == {name: made.losses for name, made in HEADS.items()}
    assert all(head(name) is made for name, made in HEADS.items())
