"""Runs of K classes, K labels and a number with data on disk, for `verify`: trained by least squares."""

from pathlib import Path

import numpy as np
import yaml

from cluster import driver
from cluster.cli import main
from search.record import Ask
from search.runs.run_folder import RunFolder, prepared_beside
from search.training.trainer import Place
from search.trials.preparation import prepare, with_absolute_paths
from search.trials.trial import RunFacts, Trial
from search.trials.verification import FoldWork
from spaces.study_file import read
from tests.helpers.linear_trainer import linear_scores, linear_trainer
from tests.helpers.task_runs import config_of

CLASSES = ("calm", "[red]rare[/]", "wild")
"""Of which the second lives in few groups."""
GROUPS, EACH = 12, 40
POLICIES = {"classes": "max_macro_f1", "labels": "max_f1", "number": "none"}


def data_of(task: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows `(n, 5)` that tell something of their labels, these, and the groups, not all of which hold all."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(GROUPS), EACH)
    n = len(unit)
    if task == "classes":
        y = rng.choice([0, 2], n, p=[0.7, 0.3])
        y[(unit % 2 == 0) & (rng.random(n) < 0.2)] = 1
        told, labels = np.eye(3)[y], np.array(CLASSES)[y]
    elif task == "labels":
        labels = (rng.random((n, 3)) < [0.5, 0.3, 0.2]).astype(np.int8)
        labels[unit % 3 == 1, 2] = 0
        labels[unit == 5] = 0
        told = labels.astype(np.float64)
    else:
        told = rng.normal(size=(n, 1)) + 0.5 * (unit % 4)[:, None]
        labels = 50 + 4 * told[:, 0]
    x = told @ np.random.default_rng(5).normal(size=(told.shape[1], 5)) + 0.7 * rng.normal(size=(n, 5))
    x *= 0.3  # small enough for a high rate of an author's configuration
    return x.astype(np.float32), labels, np.char.add("p", np.char.zfill(unit.astype(str), 2))


def write_study(folder: Path, task: str, data=None, **changes) -> Path:
    """Writes data and a study of them."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y, group = data_of(task) if data is None else data
    np.savez(folder / "data.npz", X=x, y=y, group=group)
    about = {"source": "npz", "path": "data.npz", "x": "X", "y": "y", "group": "group", "task": task}
    study = {
        "name": task,
        "data": about,
        "trunk": {"name": "mlp", "width": 0.1},
        "training": {"epochs": 2},
        "resources": {"workers": 1},
        "database": "none",
        **changes,
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder / "study.yaml"


def refused(capsys, arguments: list[str], message: str) -> None:
    """A wrong request is one line with this message, and exit code 2."""
    capsys.readouterr()
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: ")
    assert message in line


def write_run(study_file: Path) -> RunFolder:
    """A run of a study with one trial, `00001`, after a baseline."""
    study = with_absolute_paths(read(study_file), study_file.parent)
    folder = RunFolder(study_file.parent / "runs" / study.name)
    prepared = prepare(study, study_file.parent, prepared_beside(folder.path.parent))
    study = prepared.study
    folder.write_reference(prepared.reference(study), prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    folder.create(study, {**digests, "study_digest": driver.digest(study), "code_digest": "c" * 64})
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    baseline = "mean" if study.task.name == "number" else "prevalence"
    for number, about in enumerate(({"baseline": baseline}, {"config": config_of(study.task, 1)})):
        ask = Ask(number=number, kind="search" if number else "baseline", seed=number, **about)
        data, reference = prepared.trial_data(), folder.reference()
        trial = Trial(ask, study, data, reference, facts, linear_trainer, Place(node="here"))
        record = trial.to_next_rung().record
        assert record.error is None, record.error
        folder.write_record(record)
    return folder


def work_of(run: RunFolder, trainer=linear_trainer, scorer=linear_scores) -> FoldWork:
    """What the folds of a run's trial share."""
    study = run.study()
    rows = prepare(study, run.path, run.prepared).seen()
    return FoldWork(study=study, ask=run.record("00001").ask, rows=rows, trainer=trainer, scorer=scorer)
