"""The driver of a search: what the commands `run` and `resume` share."""

import contextlib
import hashlib
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from rich.console import Console

from cluster import feature_computation
from cluster.connection import terminate_as_interrupted
from cluster.dashboard import open_view
from cluster.finished_trials import FinishedTrials
from cluster.host_notes import HostNotes
from cluster.metrics import SearchMetrics
from cluster.progress import Progress
from cluster.terminal import say
from cluster.tracking import Tracking
from search.hosts.provenance import code_digest
from search.record import Record
from search.runs.driver_lock import DriverLock
from search.runs.run_folder import RunFolder
from search.runs.start_times import StartTimes
from search.training.trainer import Trainer
from search.trials.baselines import trials_of
from search.trials.preparation import Prepared
from search.trials.trial import RunFacts
from spaces.configuration import every
from spaces.data import Table
from spaces.errors import RunError
from spaces.study import Study

T = TypeVar("T")

FREE = {"search", "budget", "resources", "keep", "track", "storage", "database", "warm_start"}
"""The parts of a study that `resume` may change, since no row depends on them.

The path of the data may change as well: its digest tells whether the content is the same.
"""


def check_hosts(study: Study, shape: tuple[int, ...]) -> None:
    """Checks every host before work begins; see `search.hosts.preflight`."""
    from search.hosts.preflight import check_nodes  # late: with Ray comes half a second of its own
    from search.tuning import fusing

    code = code_digest(study, shape, source=False)
    if not fusing.check(study, code, shape):
        check_nodes(study, code, shape)


def unedited_study(folder: RunFolder) -> Study:
    """Reads a run's study.

    Raises:
        RunError: no run, or its study was edited since the run began.
    """
    study = folder.study()
    written = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    if not study.trains:
        raise RunError(
            f"{folder.path} holds scores of models that exist, so there is nothing to train; decide again, "
            "in a new folder: python search.py decide"
        )
    if digest(study, written) != folder.resolved().get("study_digest"):
        raise RunError(
            f"{folder.study_file} was edited since the run began: the rows of one run must be comparable; "
            "start a new run"
        )
    return study


def comparable(study: Study) -> dict[str, Any]:
    """Returns all settings that the rows depend on."""
    found = study.model_dump(mode="json", exclude=FREE)
    for part, place in (("data", "path"), ("data", "folder"), ("trunk", "folder")):
        found[part].pop(place, None)
    if isinstance(study.data, Table):
        found["data"].pop("seizures", None)  # a file, whose content the data's digest tells
    if study.trunk.weights not in ("none", "imagenet"):
        found["trunk"]["weights"] = "file"  # which may have moved; the rows' code digest covers what it holds
    return found


def digest(study: Study, written: Mapping[str, Any] | None = None) -> str:
    """Returns the digest of all settings that rows depend on; with `written`, only of those that it names.

    Thus a run that began before a setting existed can go on, with that setting's default.
    """
    found = comparable(study)
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


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Locks the run for this driver; the lock ends with the process, however that ends."""
    folder.log.parent.mkdir(exist_ok=True)
    with DriverLock(folder.log.parent).held() as got_it:
        if not got_it:
            raise RunError(f"a run has one driver at a time, but another one is at work on {folder.path}")
        yield


def execute(
    folder: RunFolder,
    study: Study,
    prepared: Prepared,
    console: Console,
    trainer: Trainer,
    earlier: list[Record],
    code: str,
) -> None:
    """Runs the trials that a run still lacks; the run must be locked, and Ray connected.

    Args:
        folder: the run.
        study: as it is searched now.
        prepared: its data.
        console: prints progress and notes.
        trainer: starts a trial's training.
        earlier: trials of another run, see `warm_start`.
        code: the digest of our code.

    Raises:
        RunError: the search was interrupted, or cannot go on.
    """
    records, total = folder.records(), trials_of(study)
    features = feature_computation.features(study, prepared, folder.prepared, console)
    database, starts = open_view(folder, study, records, console), StartTimes(folder.log.parent)
    space = every(study, total)
    tracking = Tracking(folder, study, lambda line: say(console, line))
    hosts = HostNotes(folder.log.parent).kept()
    with database, tracking, hosts, Progress(total, records, folder.log, console, space=space) as progress:
        keeper = FinishedTrials(folder, study, records, progress.on_record)
        # Imported late: with Ray comes half a second of its own.
        from search.tuning.tuner import Listeners, run_search

        metrics = SearchMetrics(folder.path.name, study, len(prepared.split.train), list(records))
        try:
            ended = run_search(
                study,
                prepared.trial_data(features),
                folder.reference(),
                run_facts(prepared, code),
                Listeners(
                    on_ask=_in_turn(folder.append_ask, database.asked),
                    on_record=_in_turn(
                        keeper.keep, lambda finished: database.finished(finished.record), metrics.finished
                    ),
                    on_start=_in_turn(starts.note, database.started, metrics.started, progress.on_start),
                    on_lost=_in_turn(
                        lambda lost: database.lost(lost.trial_id), metrics.lost, progress.on_lost
                    ),
                    on_note=progress.on_note,
                ),
                records=list(records),
                asks=folder.asks(),
                earlier=earlier,
                trainer=trainer,
                prepared=folder.prepared,
            )
        except BaseException:
            # An error of this last write must not hide what stopped the search.
            with contextlib.suppress(OSError, RunError):
                keeper.write_leaderboard()
                folder.mirror_leaderboard(at_once=True)
            raise
        keeper.write_leaderboard()
        folder.mirror_leaderboard(at_once=True)
        tracking.ended(whole=ended)
    if not ended:
        finished = len(folder.records())
        raise RunError(
            f"the search was interrupted with {finished} of {total} trials finished; "
            f"go on with: python search.py resume {folder.path}",
            exit_code=1,
        )


def run_facts(prepared: Prepared, code: str) -> RunFacts:
    """Returns what every record of a run says of its data and code.

    Args:
        prepared: the data.
        code: the digest of our code.
    """
    return RunFacts(
        groups=prepared.split.groups,
        leaky=prepared.split.leaky,
        data_digest=prepared.data_digest,
        code_digest=code,
    )


def _in_turn(*listeners: Callable[[T], None]) -> Callable[[T], None]:
    """Calls several listeners in turn; if one raises, those after it are not called."""

    def tell(news: T) -> None:
        for listener in listeners:
            listener(news)

    return tell


def earlier_trials(study: Study, resolved: Mapping[str, Any]) -> list[Record]:
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


def outlive_terminal() -> None:
    """Ignores SIGHUP, which a terminal sends when it goes away; Ray inherits this. SIGTERM acts as Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    terminate_as_interrupted()
