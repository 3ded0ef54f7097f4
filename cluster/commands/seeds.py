"""The option `leaderboard --seeds`: trains the top rows again with other seeds, and ranks by the means."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from cluster import feature_computation, preparation
from cluster.connection import Address, lazily_connected
from cluster.driver import check_hosts, outlive_terminal, run_facts, unedited_study
from cluster.pool import run_jobs
from cluster.progress import JobProgress
from cluster.terminal import PlainConsole, say
from reports.boards import seeds as board
from reports.boards.reading import Leaderboard
from search.hosts.provenance import code_digest
from search.record import Record
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from search.trials.preparation import check_same
from search.trials.seeds import SeedTraining, SeedWork, SeedWorker, seed_trainings, to_the_end
from spaces.errors import RunError


def show_means(
    path: Path,
    repeats: int,
    chosen: Sequence[str],
    form: Literal["table", "csv", "json"],
    console: Console,
    address: Address | None = None,
    trainer: Trainer = keras_trainer,
) -> list[board.Repeated]:
    """Trains the best trials of a run again and prints them by their means.

    Each training is stored as it ends, and a stored one is not trained again.

    Args:
        path: the run's folder.
        repeats: trainings of each trial.
        chosen: ids of the trials, from `trainable`.
        form: how they are printed.
        console: prints progress and notes.
        address: see `cluster.connection.connected`.
        trainer: starts a training.

    Raises:
        RunError: no run, or other data than it was searched on.
    """
    outlive_terminal()
    folder = RunFolder(path)
    study = unedited_study(folder)
    trials = [folder.record(trial_id) for trial_id in chosen]
    tell = console if form == "table" else PlainConsole(stderr=True)
    with lazily_connected(study, address) as connect:
        prepared = preparation.prepared(study, path, folder.prepared, tell, connect)
        check_same(prepared, folder.resolved())
        shape = prepared.rows.x.shape[1:]
        code = code_digest(study, shape)
        trained: dict[str, list[Record]] = defaultdict(list)
        missing: list[SeedTraining] = []
        for one in (one for trial in trials for one in seed_trainings(trial, repeats)):
            record = board.stored(folder, one, code)
            if record is None:
                missing.append(one)
            else:
                trained[one.ask.trial_id].append(record)
        if missing:
            say(tell, f"{len(missing)} of {len(trials) * repeats} trainings to do, on {connect()}")
            check_hosts(study, shape)
            features = feature_computation.features(study, prepared, folder.prepared, tell)
            from search.hosts.parallel import reachable

            work = SeedWork(
                study=to_the_end(study),
                data=reachable(prepared.trial_data(features)),
                reference=folder.reference(),
                facts=run_facts(prepared, code),
                trainer=trainer,
            )
            with JobProgress(tell, "trainings", len(missing)) as told:
                for one, record in run_jobs(
                    study, SeedWorker, work, missing, lambda one: f"training {one.name}"
                ):
                    board.store(folder, one, record)
                    trained[one.ask.trial_id].append(record)
                    value = "undefined" if record.value is None else f"{record.value:.3f}"
                    told.done(f"the last {one.name}: {record.error or f'{record.objective} {value}'}")
    rows = board.ranked(trials, trained)
    if form == "table":
        say(console, board.table(rows, f"{path}: over {repeats} seeds"))
        for note in board.footnotes(rows):
            say(console, note, "dim")
    else:
        console.file.write(board.as_text(rows, form) + "\n")
    return rows


def trainable(board: Leaderboard, top: int) -> list[str]:
    """Returns the ids of the first rows that were trained and have a value, one of each configuration.

    Raises:
        RunError: there is none.
    """
    fit = [row for row in board.rows if row["kind"] != "baseline" and row["value"] is not None]
    if not fit:
        raise RunError("--seeds trains the top rows again, but no row was trained and has a value")
    first: dict[str, str] = {}
    for row in fit:
        first.setdefault(row["seed_of"] or row["trial_id"], row["trial_id"])
    return list(first.values())[:top]
