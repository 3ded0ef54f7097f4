"""Trains one trial again, in a process that cannot read the results of the first time.

`python -m search.trials.retraining FOLDER` reads a job and a study from the folder and writes a record,
scores and weights into it. Of the run, the folder names only what must stay closed: see `close`.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.hosts.provenance import code_digest
from search.networks import backend
from search.record import Ask, Record
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Place, Trainer
from search.trials import features
from search.trials.preparation import check_same, prepare
from search.trials.trial import RunFacts, Trial
from spaces.base import Frozen
from spaces.errors import RunError
from spaces.study import Study
from spaces.study_file import read, to_yaml

PRECISIONS = {"float32": "none", "mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
"""The name that a study gives to the precision of a record."""
STUDY, JOB, FAILED, MADE = "study.yaml", "job.json", "failed.json", "made"
"""Names in the job's folder."""


class Job(Frozen):
    """What to train.

    Args:
        ask: the trial, as it was drawn.
        epochs: how many it trained, where successive halving may have stopped it.
        threads, gpu_share: what it had of its host.
        fused: how many trials one program trained; None where it was this one alone.
        prepared: the folder of all prepared data.
        digests: of data and split.
        closed: files and folders that the process must not open.
    """

    ask: Ask
    epochs: int
    threads: int
    gpu_share: float
    fused: int | None = None
    prepared: Path
    digests: dict[str, str]
    closed: tuple[Path, ...]


class Failure(Frozen):
    """The error of a job that failed."""

    message: str
    exit_code: int


def write_job(folder: Path, run: RunFolder, study: Study, record: Record) -> None:
    """Writes the job of training a trial again: the study, the ask, how long, and where the data are.

    Args:
        folder: the job's folder, empty.
        run: the run.
        study: its study.
        record: the trial; of what it came to, nothing is written but how many epochs it trained.
    """
    resolved = run.resolved()
    training = study.training
    if record.precision is not None:
        setting = PRECISIONS.get(record.precision, training.mixed_precision)
        training = training.model_copy(update={"mixed_precision": setting})
    # Without anything that may lead to a copy of the run, and without a limit that a slower host would meet.
    budget = study.budget.model_copy(update={"trial_minutes": None})
    alone = {"storage": None, "database": "none", "warm_start": None, "training": training, "budget": budget}
    (folder / STUDY).write_text(to_yaml(study.model_copy(update=alone)), encoding="utf-8")
    closed = [run.path.resolve()]
    if study.storage is not None and "://" not in study.storage:
        closed.append(Path(study.storage).resolve())
    job = Job(
        ask=record.ask,
        epochs=record.epochs or 0,
        threads=record.threads,
        gpu_share=_share_of(record, study),
        fused=record.fused,
        prepared=run.prepared,
        digests={name: resolved[name] for name in ("data_digest", "split_digest")},
        closed=tuple(closed),
    )
    (folder / JOB).write_text(job.model_dump_json(), encoding="utf-8")


def _share_of(record: Record, study: Study) -> float:
    """The share of a GPU that a trial's process had; of a fused trial, its own was a part of the clock."""
    if record.device == "cpu":
        return 0.0
    return study.resources.gpu_share if record.fused else record.gpu_share


def retrain(folder: Path) -> None:
    """Does the job of a folder: writes record, scores and weights into a run folder `made` in it.

    Raises:
        RunError: the data is missing, or other than the run's.
    """
    job = Job.model_validate_json((folder / JOB).read_bytes())
    close(job.closed)
    study = read(folder / STUDY)
    backend.start(job.threads, job.gpu_share, study.resources.gpu_memory)
    prepared = prepare(study, folder, job.prepared)
    check_same(prepared, job.digests)
    facts = RunFacts(
        groups=prepared.split.groups,
        leaky=prepared.split.leaky,
        data_digest=prepared.data_digest,
        code_digest=code_digest(study, prepared.rows.x.shape[1:]),
    )
    place = Place(node="here", gpu_share=job.gpu_share)
    # Those of the run, if they are still there; else computed by what the trial had.
    given = study.resources.model_copy(
        update={"cpus": job.threads, "gpus": job.gpu_share, "trials_per_gpu": None}
    )
    of_trial = study.model_copy(update={"resources": given})
    trains = job.ask.config is not None  # a baseline does not
    known = features.computed_here(of_trial, prepared, job.prepared) if trains else None
    data = prepared.trial_data(known)
    reference = prepared.reference(study)
    trial = Trial(job.ask, study, data, reference, facts, _trainer(job, place), place)
    # By the rungs of the run: it may have been measured on the way, and stopped at one.
    finished = trial.to_next_rung()
    while not finished.done and (finished.record.epochs or 0) < job.epochs:
        finished = trial.to_next_rung()
    made = RunFolder(folder / MADE)
    made.make_folders()
    if finished.raw is not None and finished.score is not None:
        made.write_scores(job.ask.trial_id, finished.raw, finished.score)
    if finished.weights:
        made.write_weights(job.ask.trial_id, finished.weights)
    made.write_record(finished.record)


def _trainer(job: Job, place: Place) -> Trainer:
    """Returns what trained the trial: a process of its own, or a program that several trials shared."""
    if job.fused is None or not job.ask.config:
        return keras_trainer
    if backend.chosen() != "jax":
        raise RunError(
            f"trial {job.ask.trial_id} was trained by JAX, together with others, but Keras computes with "
            f"{backend.chosen()}; set KERAS_BACKEND=jax"
        )
    backend.import_keras()
    from search.fused.repeat import RepeatTrainer

    return RepeatTrainer(job.fused, place)


def close(paths: Sequence[Path]) -> None:
    """Closes files and folders to this process for good: whatever is opened below them raises.

    This holds for Python's own ways to open a file and to list a folder, and so for numpy's and for all of
    `RunFolder`'s; a library that opens files by itself, as pyarrow does where it is given a path, is not
    stopped.
    """
    shut = tuple(os.path.realpath(path) for path in paths)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], str | bytes):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if any(path == one or path.startswith(one + os.sep) for one in shut):
            raise PermissionError(f"a trial that is trained again may not look at its run, but opened {path}")

    sys.addaudithook(refuse)


def main(folder: Path) -> int:
    """Does the job of a folder; an error for the user is written into the folder."""
    try:
        retrain(folder)
    except RunError as error:
        failure = Failure(message=str(error), exit_code=error.exit_code)
        (folder / FAILED).write_text(failure.model_dump_json(), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
