"""Configurations trained in this process into a run folder, to be shipped."""

import shutil
from pathlib import Path

import yaml

from cluster.cli import main
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Place
from search.trials.preparation import prepare
from search.trials.trial import RunFacts, Trial
from spaces.study_file import read
from tests.helpers import toys
from tests.helpers.driving import write_study
from tests.helpers.edf_files import write_bids

NOTHING_OF_OURS = """
for name in ("spaces", "audit", "search", "reports", "cluster"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} can be imported here")
"""
"""Begins a program that does without our code."""


def train(run: RunFolder, study_file: Path, pairs, **changes) -> list[str]:
    """Trains configurations here, in this process, into a run folder; returns their ids.

    A configuration is that of a small `mlp`, with these changes.
    """
    study = read(study_file)
    prepared = prepare(study, study_file.parent, run.prepared)
    run.write_reference(prepared.reference(study), prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    run.create(study, {**digests, "run_id": "d" * 32, "code_digest": "c" * 64, "versions": {}})
    facts = RunFacts(
        groups=prepared.split.groups, leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64
    )
    ids = []
    for number, (head, loss) in enumerate(pairs):
        config = toys.config(head, loss, batch_size=32, **changes)
        ask = Ask(number=number, kind="search", config=config, seed=number)
        trial = Trial(
            ask, study, prepared.trial_data(), run.reference(), facts, keras_trainer, Place(node="here")
        )
        finished = trial.to_next_rung()
        assert finished.record.error is None
        run.write_scores(ask.trial_id, finished.raw, finished.score)
        run.write_weights(ask.trial_id, finished.weights)
        run.write_record(finished.record)
        ids.append(ask.trial_id)
    return ids


def promoted(run: RunFolder, to: Path) -> Path:
    """Promotes the best trial of a run into a bundle, by the command."""
    assert main(["promote", str(run.path), "--to", str(to)]) == 0
    return to


def bundle_of_recordings(folder: Path) -> Path:
    """Makes recordings of ten patients, trains on their raw windows, and ships what comes of it."""
    write_bids(folder / "data", patients=10, recordings=1, seconds=90)
    return promoted(train_on_recordings(folder, folder / "data"), folder / "bundle")


def bundle_of_photos(folder: Path) -> Path:
    """Trains on the dark and light photos in `data/` of a folder, and ships what comes of it."""
    data = {"source": "images", "path": str(folder / "data"), "size": 8, "positive": "light"}
    run = RunFolder(folder / "runs" / "photos")
    train(run, write_study(folder, {"data": data}), [("sigmoid", "bce")])
    return promoted(run, folder / "bundle")


def train_on_recordings(folder: Path, data: Path, changes: dict | None = None, **trained) -> RunFolder:
    """Trains one small network on the raw windows of recordings, in the folder `runs/eeg` of a folder."""
    study = {
        "name": "eeg",
        "data": {"source": "eeg", "path": str(data), "form": "raw"},
        "trunk": {"name": "mlp", "width": 0.1},
        "events": {"drop_shorter_s": 3, "merge_gaps_s": 5},
        "training": {"epochs": 3},
        "asha": {"enabled": False},
        **(changes or {}),
    }
    (folder / "runs").mkdir(parents=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    run = RunFolder(folder / "runs" / "eeg")
    train(run, folder / "study.yaml", [("sigmoid", "bce")], **trained)
    return run


def copied(run: RunFolder, to: Path) -> RunFolder:
    """A copy of a run, its test split not yet opened."""
    return RunFolder(Path(shutil.copytree(run.path, to, ignore=shutil.ignore_patterns("production"))))


def validation(run: RunFolder):
    """The inputs of a run's validation rows."""
    prepared = prepare(run.study(), run.path, run.prepared)
    return prepared.rows.x[prepared.split.validation]
