"""Running a study: a folder made or reopened, data prepared, Ray connected, every record kept."""

import contextlib
import fcntl
import hashlib
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster import preparing
from cluster.connection import Address, lazily_connected
from cluster.progress import Progress
from reports import leaderboard
from search.baselines import trials_of
from search.preparation import Prepared, check_same, with_absolute_paths
from search.provenance import code_digest, versions
from search.record import Record
from search.reference import Reference
from search.run_folder import RunFolder, prepared_beside
from search.session import Trainer, keras_trainer
from search.trial import Finished, RunFacts
from spaces.errors import RunError
from spaces.study import NAME, Study

LEADERBOARD_S = 1.0
"""The leaderboard is rewritten at most so often while trials finish, and once at the end."""


FREE = {"budget", "resources", "keep"}
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
    folder = RunFolder(_new_path(runs, name or study.name, numbered=name is None))
    study = with_absolute_paths(study, base)
    with lazily_connected(study, address) as connect:
        prepared = preparing.prepared(study, base, prepared_beside(runs), console, connect)
        reference = prepared.reference(study)
        resolved = {
            "data_digest": prepared.data_digest,
            "split_digest": prepared.split_digest,
            "study_digest": _digest(study),
            "code_digest": code_digest(study, prepared.rows.x.shape[1:]),
            "versions": versions(),
        }
        _say_how_rough(reference, console)
        where = connect()
        # The folder comes last: a request that cannot be met leaves nothing behind.
        _claim(folder.path)
        console.print(f"run {folder.path} on {where}", highlight=False, soft_wrap=True)
        with _locked(folder):
            folder.write_reference(reference, prepared.split.validation)
            folder.create(study, resolved)
            _execute(folder, study, prepared, console, trainer)
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
        prepared = preparing.prepared(study, path, folder.prepared, console, connect)
        check_same(prepared, folder.resolved())
        records, total = folder.records(), trials_of(study)
        if len(records) >= total:
            leaderboard.write(folder.leaderboard, records)
            console.print(
                f"nothing left to run: {len(records)} of {total} trials are finished", highlight=False
            )
            return folder
        console.print(f"run {folder.path} on {connect()}", highlight=False, soft_wrap=True)
        folder.create(study, folder.resolved())
        _execute(folder, study, prepared, console, trainer)
    return folder


def unedited_study(folder: RunFolder) -> Study:
    """Reads a run's study.

    Raises:
        RunError: no run, or its study is not the one it began with.
    """
    study = folder.study()
    if _digest(study) != folder.resolved()["study_digest"]:
        raise RunError(
            f"{folder.study_file} was edited since the run began: the rows of one run must be comparable; "
            "start a new run"
        )
    return study


def _execute(folder: RunFolder, study: Study, prepared: Prepared, console: Console, trainer: Trainer) -> None:
    began, records, total = time.monotonic(), folder.records(), trials_of(study)
    facts = RunFacts(
        groups="known" if prepared.split.groups_known else "unknown",
        leaky=prepared.split.leaky,
        data_digest=prepared.data_digest,
        code_digest=code_digest(study, prepared.rows.x.shape[1:]),
    )
    with Progress(total, records, folder.log, console) as progress:
        keeper = _Keeper(folder, study, records, progress)
        # Imported late: with Ray comes half a second of its own.
        from search.tuner import Listeners, run_search

        try:
            run_search(
                study,
                prepared.trial_data(),
                folder.reference(),
                facts,
                Listeners(on_ask=folder.append_ask, on_record=keeper.keep, on_start=progress.on_start),
                records=list(records),
                asks=folder.asks(),
                trainer=trainer,
            )
        except BaseException:
            with contextlib.suppress(OSError):  # what stopped the search is what the user should read
                keeper.write_leaderboard()
            raise
        keeper.write_leaderboard()
    finished = len(folder.records())
    hours = study.budget.hours
    if finished < total and (hours is None or time.monotonic() - began < hours * 3600):
        raise RunError(
            f"the search was interrupted with {finished} of {total} trials finished; "
            f"go on with: python search.py resume {folder.path}",
            exit_code=1,
        )


class _Keeper:
    """Writes down every finished trial, keeps the best weights, and keeps the leaderboard live."""

    def __init__(
        self,
        folder: RunFolder,
        study: Study,
        records: list[Record],
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._study, self._progress, self._clock = folder, study, progress, clock
        self._records = list(records)
        self._written = -LEADERBOARD_S

    def keep(self, finished: Finished) -> None:
        """Writes scores and weights, then the record: with the record in place, the trial is finished."""
        record, trial_id = finished.record, finished.record.ask.trial_id
        if finished.raw is not None and finished.score is not None:
            self._folder.write_scores(trial_id, finished.raw, finished.score)
        best = self._best_trained([*self._records, record])
        if finished.weights and trial_id in best:
            self._folder.write_weights(trial_id, finished.weights)
        self._folder.write_record(record)
        self._records.append(record)
        for kept in set(self._folder.kept()) - best:
            self._folder.drop_weights(kept)
        if self._clock() - self._written >= LEADERBOARD_S:
            self.write_leaderboard()
        self._progress.on_record(finished)

    def write_leaderboard(self) -> None:
        """Rewrites the leaderboard from all records."""
        leaderboard.write(self._folder.leaderboard, self._records)
        self._written = self._clock()

    def _best_trained(self, records: list[Record]) -> set[str]:
        trained = [r for r in records if r.ask.kind != "baseline" and r.value is not None]
        trained.sort(key=lambda r: (-(r.value or 0.0), r.ask.number))
        return {r.ask.trial_id for r in trained[: self._study.keep.checkpoints]}


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
    """Ignores the signal of a terminal that goes away; Ray's processes inherit this."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


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


def _digest(study: Study) -> str:
    return hashlib.sha256(json.dumps(_comparable(study), sort_keys=True).encode()).hexdigest()


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
    with (folder.log.parent / "driver.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"a run has one driver at a time, but another one is at work on {folder.path}"
            ) from None
        yield
