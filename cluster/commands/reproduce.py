"""The command `reproduce`: trains a trial again, without access to its results, and compares."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster.connection import terminate_as_interrupted
from cluster.driver import unedited_study
from reports.bundles.reproduction import compared
from search.hosts.provenance import ROOT, versions
from search.runs.run_folder import RunFolder
from search.trials import retraining
from spaces.errors import RunError


def reproduce(path: Path, trial_id: str) -> Iterator[str]:
    """Trains a trial again and compares; yields lines to print.

    Weights that were not kept are written into the run, if the scores agree: the trial can then be promoted.

    Args:
        path: the run's folder.
        trial_id: the trial, a baseline or a trained one.

    Raises:
        RunError: it has no scores, its data or study changed, or (with exit code 1) it gave other scores.
    """
    terminate_as_interrupted()
    run = RunFolder(path)
    study, record = unedited_study(run), run.record(trial_id)
    if record.state == "failed":
        raise RunError(f"trial {trial_id} has no scores to reproduce, because it failed: {record.error}")
    run.scores(trial_id)  # raises now, and not after the training, if the stored scores are damaged
    what = "fitting" if record.ask.config is None else f"training {record.epochs} epochs of"
    yield (
        f"{what} {trial_id} again, in a process to which the run's records, scores and weights are closed "
        f"(it took {record.train_s:.0f} s)"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        retraining.write_job(folder, run, study, record)
        _in_a_process(folder, record.threads)
        made = RunFolder(folder / retraining.MADE)
        again = made.record(trial_id)
        if again.state == "failed":
            raise RunError(f"trial {trial_id} was not reproduced: now it failed: {again.error}", exit_code=1)
        found = compared(run, made, record, run.resolved().get("versions", {}), versions())
        if not found.succeeded:
            raise RunError(str(found), exit_code=1)
        yield str(found)
        if trial_id not in run.kept() and trial_id in made.kept():
            run.write_weights(trial_id, made.weights(trial_id))
            yield (
                "its weights had not been kept and are now; to ship it: "
                f"python search.py promote {path} --trial {trial_id} --to bundle"
            )


def _in_a_process(folder: Path, threads: int) -> None:
    """Runs the job of a folder in a process of its own.

    Raises:
        RunError: the error of the process, or how it ended.
    """
    # Libraries that load before any of our code read their threads from here, as in a worker of Ray's.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "search.trials.retraining", str(folder)]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    failed = folder / retraining.FAILED
    if failed.is_file():
        failure = retraining.Failure.model_validate_json(failed.read_bytes())
        raise RunError(failure.message, exit_code=failure.exit_code)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RunError(
            f"training the trial again must end by itself, but its process ended with "
            f"{ended.returncode}: {last[:300]}",
            exit_code=1,
        )
