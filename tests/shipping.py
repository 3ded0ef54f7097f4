"""Configurations trained in this process into a run folder, to be shipped."""

import shutil
from pathlib import Path

from search.preparation import prepare
from search.record import Ask
from search.run_folder import RunFolder
from search.session import keras_trainer
from search.trial import RunFacts, Trial
from spaces.losses import LOSSES
from spaces.study_file import read
from spaces.suggest import Config


def train(run: RunFolder, study_file: Path, pairs) -> list[str]:
    """Trains configurations here, in this process, into a run folder; returns their ids."""
    study = read(study_file)
    prepared = prepare(study, study_file.parent)
    run.write_reference(prepared.reference(study), prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    run.create(study, {**digests, "code_digest": "c" * 64, "versions": {}})
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    ids = []
    for number, (head, loss) in enumerate(pairs):
        config = Config(
            trunk="mlp", width=0.1, head=head, loss=loss, learning_rate=0.01, optimizer="adam", batch_size=32,
            class_weight="none", hidden_layers="none", dropout=0.0, **LOSSES[loss].parameters,
        )  # fmt: skip
        ask = Ask(number=number, kind="search", config=config, seed=number)
        trial = Trial(ask, study, prepared.trial_data(), run.reference(), facts, keras_trainer, "here")
        finished = trial.to_next_rung()
        assert finished.record.error is None
        run.write_scores(ask.trial_id, finished.raw, finished.score)
        run.write_weights(ask.trial_id, finished.weights)
        run.write_record(finished.record)
        ids.append(ask.trial_id)
    return ids


def copied(run: RunFolder, to: Path) -> RunFolder:
    """A copy of a run, its test split not yet opened."""
    return RunFolder(Path(shutil.copytree(run.path, to, ignore=shutil.ignore_patterns("production"))))


def validation(run: RunFolder):
    """The inputs of a run's validation rows."""
    prepared = prepare(run.study(), run.path)
    return prepared.rows.x[prepared.split.validation]
