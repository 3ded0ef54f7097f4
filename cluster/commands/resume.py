"""The command `resume`: continues a run from its records, or extends a finished one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster import preparation
from cluster.connection import Address, lazily_connected
from cluster.dashboard import check_database, open_view, run_id
from cluster.driver import (
    FREE,
    check_hosts,
    comparable,
    digest,
    earlier_trials,
    execute,
    locked,
    outlive_terminal,
    unedited_study,
)
from cluster.terminal import say
from cluster.tracking import Tracking, check_trackers
from reports.boards import leaderboard
from search.hosts.provenance import code_digest
from search.record import Record
from search.runs import recovery
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from search.trials.baselines import trials_of
from search.trials.preparation import Prepared, check_same, with_absolute_paths
from spaces.errors import RunError
from spaces.study import Study


def resume(
    path: Path,
    settings: tuple[str, ...],
    address: Address | None,
    console: Console,
    trainer: Trainer = keras_trainer,
) -> RunFolder:
    """Goes on with a run from its records; also extends a finished one.

    Args:
        path: the run's folder.
        settings: `a.b=c` changes; only budget, resources and keep may change.
        address, console, trainer: see `start`.

    Raises:
        RunError: no run, another driver is at work on it, or a change would make its rows incomparable.
    """
    outlive_terminal()
    folder = RunFolder(path)
    before, study = unedited_study(folder), folder.study(settings)
    was, now = comparable(before), comparable(study)
    changed = [key for key in was if was[key] != now[key]]
    if changed:
        raise RunError(
            f"resume may change {', '.join(sorted(FREE))}, but not {changed[0]}: "
            "the rows of one run must be comparable; start a new run"
        )
    left = len(folder.trial_ids()) < trials_of(study)
    with locked(folder), lazily_connected(study, address, for_sure=left) as connect:
        study = with_absolute_paths(study, Path.cwd())  # only a path from --set can be relative
        check_database(study, path.resolve().name, folder.resolved())
        check_trackers(study)
        folder = recovery.reunited(path, study)
        prepared = preparation.prepared(study, path, folder.prepared, console, connect)
        check_same(prepared, folder.resolved())
        _mend_reference(folder, study, prepared)
        records, total = folder.records(), trials_of(study)
        if len(records) >= total:
            leaderboard.write(folder.leaderboard, records)
            folder.mirror_leaderboard(at_once=True)
            with (
                open_view(folder, study, records, console),
                Tracking(folder, study, lambda line: say(console, line)) as tracking,
            ):
                tracking.ended(whole=True)  # opening them brings them up to date
            say(console, f"nothing left to run: {len(records)} of {total} trials are finished")
            return folder
        say(console, f"run {folder.path} on {connect()}")
        check_hosts(study, prepared.rows.x.shape[1:])
        earlier = _earlier_if_there(study, folder.resolved(), console)
        # All settings are written, also those that did not exist when the run began: hence another digest.
        resolved = folder.resolved()
        whole = {"run_id": run_id(resolved), **resolved, "study_digest": digest(study)}
        folder.create(study, whole)
        code = code_digest(study, prepared.rows.x.shape[1:])
        execute(folder, study, prepared, console, trainer, earlier, code)
    return folder


def _earlier_if_there(study: Study, resolved: Mapping[str, Any], console: Console) -> list[Record]:
    """As `earlier_trials`, but none if the other run was deleted since."""
    if study.warm_start is not None and not Path(study.warm_start).is_dir():
        say(console, f"{study.warm_start} is gone: the sampler goes on without it (warm_start)")
        return []
    return earlier_trials(study, resolved)


def _mend_reference(folder: RunFolder, study: Study, prepared: Prepared) -> None:
    """Writes the validation rows again if their file is damaged; data and split are known to be the same."""
    try:
        folder.reference()
    except RunError:
        folder.write_reference(prepared.reference(study), prepared.split.validation)
