"""Running a study: a folder made or reopened, data prepared, Ray connected, every record kept."""

import contextlib
import hashlib
import json
import re
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from rich.console import Console

from cluster import computing, preparing
from cluster.connection import Address, lazily_connected, terminate_as_interrupted
from cluster.keeping import Keeper
from cluster.progress import Progress
from cluster.viewing import check_database, viewed
from reports import leaderboard
from search import recovery
from search.baselines import trials_of
from search.driver_lock import DriverLock
from search.preparation import Prepared, check_same, with_absolute_paths
from search.provenance import code_digest, versions
from search.record import Record
from search.reference import Reference
from search.run_folder import RunFolder, prepared_beside
from search.session import Trainer, keras_trainer
from search.starts import Starts
from search.trial import RunFacts
from spaces.errors import RunError
from spaces.study import NAME, Study

T = TypeVar("T")

FREE = {"budget", "resources", "keep", "storage", "database", "warm_start"}
"""What may change between two executions of a run: nothing that a row depends on.

The data may also have moved: its digest says whether it is still the same.
"""


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
        console: where a person may be looking.
        trainer: starts a trial's training.

    Raises:
        RunError: the name is taken, or anything is wrong with data or resources.
    """
    outlive_terminal()
    path = _new_path(runs, name or study.name, numbered=name is None)
    study = with_absolute_paths(study, base)
    check_database(study, path.name)
    folder = RunFolder(path, recovery.claimed(study.storage, path))
    with lazily_connected(study, address) as connect:
        prepared = preparing.prepared(study, base, prepared_beside(runs), console, connect)
        reference = prepared.reference(study)
        resolved: dict[str, Any] = {
            "run_id": uuid.uuid4().hex,
            "data_digest": prepared.data_digest,
            "split_digest": prepared.split_digest,
            "study_digest": _digest(study),
            "code_digest": code_digest(study, prepared.rows.x.shape[1:]),
            "versions": versions(),
        }
        _say_how_rough(reference, console)
        earlier = _earlier(study, resolved)
        where = connect()
        check_hosts(study, prepared.rows.x.shape[1:])
        # The folder comes last: a request that cannot be met leaves nothing behind.
        _claim(folder.path)
        console.print(f"run {folder.path} on {where}", highlight=False, soft_wrap=True)
        with _locked(folder):
            folder.write_reference(reference, prepared.split.validation)
            folder.create(study, resolved)
            _execute(folder, study, prepared, console, trainer, earlier, resolved["code_digest"])
    return folder


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
        RunError: no run, another driver at work on it, or a change that would make its rows incomparable.
    """
    outlive_terminal()
    folder = RunFolder(path)
    before, study = unedited_study(folder), folder.study(settings)
    was, now = _comparable(before), _comparable(study)
    changed = [key for key in was if was[key] != now[key]]
    if changed:
        raise RunError(
            f"resume may change {', '.join(sorted(FREE))}, but not {changed[0]}: "
            "the rows of one run must be comparable; start a new run"
        )
    with _locked(folder), lazily_connected(study, address) as connect:
        study = with_absolute_paths(study, Path.cwd())  # only a path from --set can be relative
        check_database(study, path.resolve().name, folder.resolved())
        folder = recovery.reunited(path, study)
        prepared = preparing.prepared(study, path, folder.prepared, console, connect)
        check_same(prepared, folder.resolved())
        _mend_reference(folder, study, prepared)
        records, total = folder.records(), trials_of(study)
        if len(records) >= total:
            leaderboard.write(folder.leaderboard, records)
            folder.mirror_leaderboard(at_once=True)
            with viewed(folder, study, records, console):
                pass  # only to complete it
            console.print(
                f"nothing left to run: {len(records)} of {total} trials are finished", highlight=False
            )
            return folder
        console.print(f"run {folder.path} on {connect()}", highlight=False, soft_wrap=True)
        check_hosts(study, prepared.rows.x.shape[1:])
        earlier = _earlier_if_there(study, folder.resolved(), console)
        folder.create(study, folder.resolved())
        code = code_digest(study, prepared.rows.x.shape[1:])
        _execute(folder, study, prepared, console, trainer, earlier, code)
    return folder


def check_hosts(study: Study, shape: tuple[int, ...]) -> None:
    """Refuses hosts that would spoil the work; see `search.preflight`."""
    from search.preflight import check_nodes  # late: with Ray comes half a second of its own

    check_nodes(study, code_digest(study, shape, source=False), shape)


def unedited_study(folder: RunFolder) -> Study:
    """Reads a run's study.

    Raises:
        RunError: no run, or its study is not the one it began with.
    """
    study = folder.study()
    written = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    if _digest(study, written) != folder.resolved()["study_digest"]:
        raise RunError(
            f"{folder.study_file} was edited since the run began: the rows of one run must be comparable; "
            "start a new run"
        )
    return study


def _execute(
    folder: RunFolder,
    study: Study,
    prepared: Prepared,
    console: Console,
    trainer: Trainer,
    earlier: list[Record],
    code: str,
) -> None:
    records, total = folder.records(), trials_of(study)
    features = computing.features(study, prepared, folder.prepared, console)
    facts = RunFacts(
        groups="known" if prepared.split.groups_known else "unknown",
        leaky=prepared.split.leaky,
        data_digest=prepared.data_digest,
        code_digest=code,
    )
    database, starts = viewed(folder, study, records, console), Starts(folder.log.parent)
    with database, Progress(total, records, folder.log, console) as progress:
        keeper = Keeper(folder, study, records, progress)
        # Imported late: with Ray comes half a second of its own.
        from search.tuner import Listeners, run_search

        try:
            ended = run_search(
                study,
                prepared.trial_data(features),
                folder.reference(),
                facts,
                Listeners(
                    on_ask=_in_turn(folder.append_ask, database.asked),
                    on_record=_in_turn(keeper.keep, lambda finished: database.finished(finished.record)),
                    on_start=_in_turn(starts.note, database.started, progress.on_start),
                    on_lost=_in_turn(lambda lost: database.lost(lost.trial_id), progress.on_lost),
                ),
                records=list(records),
                asks=folder.asks(),
                earlier=earlier,
                trainer=trainer,
            )
        except BaseException:
            # What stopped the search is what the user should read.
            with contextlib.suppress(OSError, RunError):
                keeper.write_leaderboard()
                folder.mirror_leaderboard(at_once=True)
            raise
        keeper.write_leaderboard()
        folder.mirror_leaderboard(at_once=True)
    if not ended:
        finished = len(folder.records())
        raise RunError(
            f"the search was interrupted with {finished} of {total} trials finished; "
            f"go on with: python search.py resume {folder.path}",
            exit_code=1,
        )


def _in_turn(*listeners: Callable[[T], None]) -> Callable[[T], None]:
    """Tells several listeners; one that raises keeps the news from those after it."""

    def tell(news: T) -> None:
        for listener in listeners:
            listener(news)

    return tell


def _earlier(study: Study, resolved: Mapping[str, Any]) -> list[Record]:
    """Reads the trials of another run that the sampler is to start from.

    Raises:
        RunError: no such run, or its trials were measured on other rows or steered by another metric.
    """
    if study.warm_start is None:
        return []
    other = RunFolder(Path(study.warm_start))
    before, there = other.study(), other.resolved()
    if before.objective.steer != study.objective.steer or any(
        resolved[key] != there[key] for key in ("data_digest", "split_digest")
    ):
        raise RunError(
            "a warm start learns from trials measured on the same rows by the same steering metric, "
            f"but {study.warm_start} has others (warm_start)"
        )
    return other.records()


def _earlier_if_there(study: Study, resolved: Mapping[str, Any], console: Console) -> list[Record]:
    """As `_earlier`, but a run that has gone meanwhile is no reason to stop."""
    if study.warm_start is not None and not Path(study.warm_start).is_dir():
        preparing.say(console, f"{study.warm_start} is gone: the sampler goes on without it (warm_start)")
        return []
    return _earlier(study, resolved)


def _mend_reference(folder: RunFolder, study: Study, prepared: Prepared) -> None:
    """Makes the validation rows anew where their file was damaged: data and split are those of before."""
    try:
        folder.reference()
    except RunError:
        folder.write_reference(prepared.reference(study), prepared.split.validation)


def _say_how_rough(reference: Reference, console: Console) -> None:
    """Says so where few groups leave few half-splits to cross-fit over."""
    halves = reference.halves.mask
    different = len({min(half.tobytes(), (~half).tobytes()) for half in halves.T})
    if different < halves.shape[1]:
        preparing.say(
            console,
            f"few {reference.halves.by}s in validation: its {halves.shape[1]} half-splits come to "
            f"{different} different ones, so values are rough",
        )


def outlive_terminal() -> None:
    """Ignores the signal of a terminal that goes away; Ray inherits this. Takes SIGTERM for Ctrl-C."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    terminate_as_interrupted()


def _claim(path: Path) -> None:
    """Makes a run's folder; two drivers started at once never get the same one."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        raise RunError(f"a run needs a new name, but {path} was just taken; choose another --name") from None


def _comparable(study: Study) -> dict[str, Any]:
    """Everything in a study that its rows depend on."""
    found = study.model_dump(mode="json", exclude=FREE)
    for part, place in (("data", "path"), ("data", "folder"), ("trunk", "folder")):
        found[part].pop(place, None)
    if study.trunk.weights not in ("none", "imagenet"):
        found["trunk"]["weights"] = "file"  # which may have moved; the rows' code digest covers what it holds
    return found


def _digest(study: Study, written: Mapping[str, Any] | None = None) -> str:
    """The digest of what rows depend on; of the settings that `written` names, where it is given.

    A run that began before a setting was invented goes on at the setting's default.
    """
    found = _comparable(study)
    if written is not None:
        found = _restricted(found, written)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _restricted(found: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _restricted(value, written[key])
        if isinstance(value, Mapping) and isinstance(written[key], Mapping)
        else value
        for key, value in found.items()
        if key in written
    }


def _new_path(runs: Path, name: str, *, numbered: bool) -> Path:
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


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    """Holds the run for this driver alone; the lock goes with the process, however it ends."""
    folder.log.parent.mkdir(exist_ok=True)
    with DriverLock(folder.log.parent).held() as got_it:
        if not got_it:
            raise RunError(f"a run has one driver at a time, but another one is at work on {folder.path}")
        yield
