"""The command `run`: searches a study in a new run folder."""

import re
import uuid
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster import preparation
from cluster.connection import Address, lazily_connected
from cluster.dashboard import check_database
from cluster.driver import check_hosts, digest, earlier_trials, execute, locked, outlive_terminal
from cluster.terminal import say
from cluster.tracking import check_trackers
from search.hosts.provenance import code_digest, versions
from search.runs import recovery
from search.runs.run_folder import RunFolder, prepared_beside
from search.scores.reference import Reference
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from search.trials.preparation import with_absolute_paths
from spaces.errors import RunError
from spaces.study import NAME, Study


def start(
    study: Study,
    base: Path,
    runs: Path,
    name: str | None,
    address: Address | None,
    console: Console,
    trainer: Trainer = keras_trainer,
) -> RunFolder:
    """Runs a study in a new folder `runs/NAME`.

    Args:
        study: the study.
        base: the folder that its relative paths are taken from.
        runs: the folder of all runs.
        name: the run's name; None takes the study's, with a number where it is taken.
        address: see `connection.connected`.
        console: prints progress and notes.
        trainer: starts a trial's training.

    Raises:
        RunError: the name is taken, or anything is wrong with data or resources.
    """
    outlive_terminal()
    path = new_path(runs, name or study.name, numbered=name is None)
    study = with_absolute_paths(study, base)
    check_database(study, path.name)
    check_trackers(study)
    folder = RunFolder(path, recovery.claimed(study.storage, path))
    with lazily_connected(study, address, for_sure=True) as connect:
        prepared = preparation.prepared(study, base, prepared_beside(runs), console, connect)
        study = prepared.study
        reference = prepared.reference(study)
        resolved: dict[str, Any] = {
            "run_id": uuid.uuid4().hex,
            "data_digest": prepared.data_digest,
            "split_digest": prepared.split_digest,
            "study_digest": digest(study),
            "code_digest": code_digest(study, prepared.rows.x.shape[1:]),
            "versions": versions(),
        }
        _say_how_rough(reference, console)
        earlier = earlier_trials(study, resolved)
        where = connect()
        check_hosts(study, prepared.rows.x.shape[1:])
        # The folder is made last, so that a refused request leaves nothing behind.
        _claim(folder.path)
        say(console, f"run {folder.path} on {where}")
        with locked(folder):
            folder.write_reference(reference, prepared.split.validation)
            folder.create(study, resolved)
            execute(folder, study, prepared, console, trainer, earlier, resolved["code_digest"])
    return folder


def _say_how_rough(reference: Reference, console: Console) -> None:
    """Prints a note where few groups allow only few different half-splits for cross-fitting."""
    halves = reference.halves.mask
    different = len({min(half.tobytes(), (~half).tobytes()) for half in halves.T})
    if different < halves.shape[1]:
        say(
            console,
            f"few {reference.halves.by}s in validation: its {halves.shape[1]} half-splits come to "
            f"{different} different ones, so values are rough",
        )


def _claim(path: Path) -> None:
    """Makes the folder of a run; of two drivers started at once only one gets it."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise RunError(f"a run needs a new name, but {path} was just taken; choose another --name") from None


def new_path(runs: Path, name: str, *, numbered: bool) -> Path:
    """Returns where a new run goes.

    Args:
        runs: the folder of all runs.
        name: of the run.
        numbered: whether a number is added where the name is taken.

    Raises:
        RunError: no name of a run, or one that is taken.
    """
    if not re.fullmatch(NAME, name):
        raise RunError(
            f"a run's name is made of letters, digits, '.', '_' and '-', but got {name!r} (--name)"
        )
    path = runs / name
    number = 2
    while numbered and path.exists():
        path = runs / f"{name}-{number}"
        number += 1
    if path.exists():
        raise RunError(f"a run needs a new name, but {path} exists; resume it, or choose another --name")
    return path
