"""`verify`: one configuration over folds of groups, trained at once on Ray, told as it goes, written down."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cluster import preparing
from cluster.connection import Address, lazily_connected
from cluster.runs import check_hosts, outlive_terminal, unedited_study
from reports.verification import Facts, pick, summarise, write
from reports.verification_table import verification_shown
from search.folds import Fold, draw_folds, find_fold_leakage
from search.preparation import check_same
from search.provenance import code_digest
from search.rows import Rows
from search.run_folder import RunFolder
from search.session import Trainer, keras_trainer
from search.verification import (
    FoldWorker,
    HeldOut,
    Outcome,
    Scorer,
    Work,
    check_fold_events,
    keras_scores,
)
from spaces.errors import RunError
from spaces.study import Study

ATTEMPTS = 3
"""A fold that kills its worker so many times is failed for good."""


def verify(
    path: Path,
    trial_id: str | None,
    k: int | None,
    address: Address | None,
    console: Console,
    trainer: Trainer = keras_trainer,
    scorer: Scorer = keras_scores,
) -> dict[str, Any]:
    """Trains a trial's configuration anew over folds of groups, and writes and prints what comes of it.

    Args:
        path: the run's folder.
        trial_id: the trial; None takes the best.
        k: number of folds; see `search.folds.draw_folds`.
        address: see `cluster.connection.connected`.
        console: where a person may be looking.
        trainer, scorer: train a fold's network and score with it.

    Returns:
        The summary; see `reports.verification.summarise`.

    Raises:
        RunError: the run, the trial or its data allow no folds; or a fold failed.
    """
    outlive_terminal()
    folder = RunFolder(path)
    study = unedited_study(folder)
    record, resolved = pick(folder, trial_id), folder.resolved()
    with lazily_connected(study, address) as connect:
        prepared = preparing.prepared(study, path, folder.prepared, console, connect)
        check_same(prepared, resolved)
        rows = prepared.seen()
        folds = draw_folds(rows, k, study)
        leaks = _accepted_leaks(rows, folds, study)
        code = code_digest(study, rows.x.shape[1:])
        check_fold_events(rows, folds, study)
        what = f"trial {record.ask.trial_id}: {_named(folds)} of the training and validation rows"
        preparing.say(console, f"{what}, on {connect()}")
        check_hosts(study, rows.x.shape[1:])
        work = Work(study=study, ask=record.ask, rows=rows, trainer=trainer, scorer=scorer)
        with _Told(console, len(folds), record.objective) as told:
            outcomes = [told.of(outcome) for outcome in _outcomes(work, folds)]
    groups = sorted((held for outcome in outcomes for held in outcome.groups), key=lambda held: held.group)
    facts = Facts(
        record=record,
        k=len(folds),
        leaks=leaks,
        seed=study.seed,
        digests={
            **{name: resolved[name] for name in ("data_digest", "split_digest", "study_digest")},
            "code_digest": code,
        },
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    summary = summarise(groups, facts)
    written = write(folder, groups, summary)
    title = f"trial {record.ask.trial_id} over {_named(folds)}"
    for part in verification_shown(groups, summary, title, console.width):
        console.print(part, highlight=False, soft_wrap=isinstance(part, str), markup=False)
    preparing.say(console, f"all groups: {written}")
    return summary


def _named(folds: Sequence[Fold]) -> str:
    groups = sum(len(fold.held_out) for fold in folds)
    return (
        f"{groups} folds, each leaving out one group"
        if groups == len(folds)
        else f"{len(folds)} folds of {groups} groups"
    )


def _accepted_leaks(rows: Rows, folds: tuple[Fold, ...], study: Study) -> tuple[str, ...]:
    leaks = find_fold_leakage(rows, folds)
    if leaks and not study.split.i_accept_leakage:
        raise RunError(
            f"folds must be independent, but {'; '.join(leaks)}; correct the groups (data.group), so that "
            "all windows of one patient share one, and start a new run"
        )
    return leaks


def _outcomes(work: Work, folds: Sequence[Fold]) -> Iterator[Outcome]:
    """Trains all folds, several at once, each worker one after another; yields them as they end.

    Raises:
        RunError: a fold failed, or killed its worker again and again; the others are not waited for.
    """
    import ray

    from search.parallel import reachable_inputs

    resources = work.study.resources
    shared = ray.put(replace(work, rows=replace(work.rows, x=reachable_inputs(work.rows.x))))
    actor = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpu_share)(FoldWorker)
    workers: list[Any] = []
    flying: dict[Any, tuple[Any, Fold | None]] = {}
    waiting, left, deaths = list(reversed(folds)), len(folds), Counter[Fold | None]()

    def add_worker() -> None:
        # It gets its first fold once it is there: hosts may be busy with the work of others.
        workers.append(actor.remote(resources.cpus, resources.gpu_share, resources.gpu_memory))
        flying[workers[-1].ready.remote()] = (workers[-1], None)

    try:
        for _ in range(min(len(folds), _at_once(work.study))):
            add_worker()
        while left:
            (done,), _ = ray.wait(list(flying), num_returns=1)
            worker, fold = flying.pop(done)
            try:
                outcome = ray.get(done)
            except ray.exceptions.RayError as error:
                deaths[fold] += 1
                if deaths[fold] == ATTEMPTS:
                    why = f"killed its worker {ATTEMPTS} times ({type(error).__name__}, see Ray's logs)"
                    raise RunError(f"{_where(fold)} {why}", exit_code=1) from error
                waiting += [fold] if fold is not None else []
                add_worker()
                continue
            if waiting:
                following = waiting.pop()
                flying[worker.run.remote(shared, following)] = (worker, following)
            if outcome is not None:
                if outcome.error is not None:
                    raise RunError(
                        f"{_where(fold)} failed, so nothing is verified: {outcome.error}", exit_code=1
                    )
                left -= 1
                yield outcome
    finally:
        for worker in workers:
            ray.kill(worker)


def _where(fold: Fold | None) -> str:
    return "starting" if fold is None else f"fold {fold.number} ({', '.join(fold.held_out)})"


def _at_once(study: Study) -> int:
    """How many folds the cluster can hold."""
    if study.resources.workers is not None:
        return study.resources.workers
    from search.parallel import hosts_for

    held, wanted = 0, study.resources
    for total in (node["Resources"] for node in hosts_for(wanted)):
        fit = [int(total["CPU"] // wanted.cpus)]
        fit += [int(total["GPU"] / wanted.gpu_share)] if wanted.gpu_share else []
        held += min(fit)
    return max(1, held)


class _Told:
    """A bar on a terminal, a line per fold elsewhere."""

    def __init__(self, console: Console, folds: int, objective: str) -> None:
        self._console, self._folds, self._objective, self._done = console, folds, objective, 0
        columns = (TextColumn("folds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> "_Told":
        if self._bar is not None:
            self._bar.add_task("", total=self._folds)
            with contextlib.suppress(OSError):
                self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def of(self, outcome: Outcome) -> Outcome:
        """Tells of a fold that is done, and returns it."""
        self._done += 1
        with contextlib.suppress(OSError):  # a terminal that went away is not an error
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=self._done)
            else:
                preparing.say(self._console, self._line(outcome.groups))
        return outcome

    def _line(self, groups: Sequence[HeldOut]) -> str:
        values = [value for held in groups if (value := held.metrics[self._objective]) is not None]
        mean = f"{sum(values) / len(values):.3f}" if values else "undefined"
        return (
            f"{self._done}/{self._folds} folds, the last without {', '.join(h.group for h in groups)}: "
            f"{self._objective} {mean}, {groups[0].epochs} epochs in {groups[0].train_s:.0f} s"
        )
