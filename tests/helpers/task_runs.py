"""Runs of K classes, K labels and a number that nobody trained: scores made up, measured as trials are."""

from pathlib import Path

import numpy as np

from reports.boards import leaderboard
from search.data.rows import Rows
from search.data.task_labels import Classes, LabelNames
from search.evaluation.by_task import scoring_for
from search.evaluation.scoring import evaluate
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves_of
from search.scores.reference import Reference
from search.training.steering_metrics import steer_of
from search.trials.preparation import reference_of
from search.trials.trial import RunFacts, fields_of, record
from spaces.configuration import Config
from spaces.study import Events, Study
from spaces.study_file import parse, settled
from spaces.tasks import Task

FACTS = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")
NAMES = ("none", "focal", "gener/alised")
LABELS = ("spike", "slow", "a rare one")
CLASS_TASK = Task(name="classes", size=3)
LABEL_TASK = Task(name="labels", size=3)
NUMBER_TASK = Task(name="number", location=5.0, scale=2.0)
HEAD = {"classes": ("softmax", "cce"), "labels": ("sigmoids", "bce"), "number": ("linear", "mse")}
ROWS = 240


def study_of(task: Task, **written) -> Study:
    """A study of data that need not be there."""
    data = {"source": "npz", "path": "x.npz", "x": "x", "y": "y", "task": task.name}
    return settled(parse({"data": data, **written}), task)


def rows_of(task: Task, seed: int = 0) -> tuple[Reference, np.ndarray]:
    """Validation rows of a task, and scores that know them."""
    rng = np.random.default_rng(seed)
    groups = np.char.add("p", (np.arange(ROWS) % 16).astype(str))
    everything, answers = np.ones((ROWS, 1), np.bool_), ()
    if task.name == "classes":
        y = rng.choice(3, ROWS, p=[0.5, 0.3, 0.2]).astype(np.int16)
        told, answers = np.eye(3)[y], NAMES
        holds, parts = Classes(NAMES).strata(y)
    elif task.name == "labels":
        y = (rng.random((ROWS, 3)) < [0.5, 0.3, 0.15]).astype(np.int8)
        told, answers = y.astype(np.float64), LABELS
        holds, parts = LabelNames(LABELS).strata(y)
    else:
        y = told = rng.normal(5, 2, ROWS)
        holds, parts = everything, ("rows",)
    halves = draw_halves_of(holds, parts, groups, None, 0)
    return Reference(y, groups, None, None, halves, answers=answers), told


def raw_of(told: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Raw scores that are as far off as said."""
    return (told * 2 + noise * np.random.default_rng(seed).normal(size=told.shape)).astype(np.float32)


def config_of(task: Task, number: int) -> Config:
    """A configuration that no other number has."""
    head, loss = HEAD[task.name]
    return Config(
        trunk="mlp",
        width=1.0,
        head=head,
        loss=loss,
        learning_rate=1e-3 + number * 1e-9,
        optimizer="adam",
        batch_size=32,
        class_weight="none",
        hidden_layers="none",
        dropout=0.0,
        task=task,
    )


def timed(reference: Reference, events: Events) -> Reference:
    """Rows of classes as windows of one second: a recording a group."""
    y, groups = reference.y, reference.groups
    times = np.array([np.count_nonzero(groups[:k] == groups[k]) for k in range(len(y))], np.float64)
    x = np.zeros((len(y), 1), np.float32)
    labels = Classes(reference.answers)
    rows = Rows(x, y, labels, groups=groups, recordings=groups, times=times, window_s=1.0)
    return reference_of(rows, np.arange(len(y)), reference.halves, events)


def written(path: Path, study: Study, noises=(0.5, 1.0, 3.0)) -> RunFolder:
    """A run of a baseline that knows nothing, and trials that are less and less good."""
    reference, told = rows_of(study.task)
    if study.events.positive:
        reference = timed(reference, study.events)
    told = told / 2 if study.task.name == "number" else told
    run = RunFolder(path)
    run.write_reference(reference, np.arange(len(reference.y)))
    run.create(study, {"data_digest": "d", "split_digest": "s", "study_digest": "t", "run_id": "r"})
    scoring = scoring_for(study, study.threshold, reference)
    for number, noise in enumerate((None, *noises)):
        raw = np.zeros(told.shape, np.float32) if noise is None else raw_of(told, noise, number)
        ask = Ask(number=number, kind="search", config=config_of(study.task, number), seed=number)
        if noise is None:
            ask = Ask(number=number, kind="baseline", baseline="prevalence", seed=number)
        found = evaluate(raw, reference, scoring, probabilistic=True)
        steered = steer_of(study.task, study.objective.steer)(reference.y, raw)
        about = {"device": "cpu", "train_s": 1.0, "cross_fit_by": "group", "steering_value": steered}
        fields = fields_of(found, study, reference)
        made = record(ask, study, FACTS, state="completed", proof=0.0, epochs=3, **about, **fields)
        run.write_scores(ask.trial_id, raw, found.score)
        run.write_record(made)
    leaderboard.write(run.leaderboard, run.records())
    return run
