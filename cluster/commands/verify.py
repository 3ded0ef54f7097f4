"""The command `verify`: trains one configuration over folds of groups, in parallel on Ray."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster import feature_computation, preparation
from cluster.connection import Address, lazily_connected
from cluster.driver import check_hosts, outlive_terminal, unedited_study
from cluster.pool import run_jobs
from cluster.progress import JobProgress
from cluster.terminal import say
from reports.boards.verification import Facts, pick, summarise, verification_shown, write
from search.data.folds import Fold, draw_folds, find_fold_leakage
from search.data.rows import Rows
from search.hosts.provenance import code_digest
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from search.trials.preparation import check_same
from search.trials.verification import (
    FoldWork,
    FoldWorker,
    HeldOutGroup,
    Outcome,
    Scorer,
    check_fold_events,
    keras_scores,
)
from spaces.errors import RunError
from spaces.study import Study


def verify(
    path: Path,
    trial_id: str | None,
    k: int | None,
    address: Address | None,
    console: Console,
    trainer: Trainer = keras_trainer,
    scorer: Scorer = keras_scores,
) -> dict[str, Any]:
    """Trains a trial's configuration anew over folds of groups; writes and prints the results.

    Args:
        path: the run's folder.
        trial_id: the trial; None takes the best.
        k: number of folds; see `search.data.folds.draw_folds`.
        address: see `cluster.connection.connected`.
        console: prints progress and notes.
        trainer, scorer: train a fold's network and score with it.

    Returns:
        The summary; see `reports.boards.verification.summarise`.

    Raises:
        RunError: the run, the trial or its data allow no folds; or a fold failed.
    """
    outlive_terminal()
    folder = RunFolder(path)
    study = unedited_study(folder)
    record, resolved = pick(folder, trial_id), folder.resolved()
    with lazily_connected(study, address) as connect:
        prepared = preparation.prepared(study, path, folder.prepared, console, connect)
        check_same(prepared, resolved)
        rows = prepared.seen()
        folds = draw_folds(rows, k, study)
        leaks = _accepted_leaks(rows, folds, study)
        code = code_digest(study, rows.x.shape[1:])
        check_fold_events(rows, folds, study)
        what = f"trial {record.ask.trial_id}: {_named(folds)} of the training and validation rows"
        say(console, f"{what}, on {connect()}")
        check_hosts(study, rows.x.shape[1:])
        features = feature_computation.features(study, prepared, folder.prepared, console)
        work = FoldWork(
            study=study, ask=record.ask, rows=rows, trainer=trainer, scorer=scorer, features=features
        )
        with JobProgress(console, "folds", len(folds)) as told:
            ended = list(_outcomes(work, folds, told))
    groups = sorted((held for outcome in ended for held in outcome.groups), key=lambda held: held.group)
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
    written = write(folder, groups, summary, record)
    title = f"trial {record.ask.trial_id} over {_named(folds)}"
    for part in verification_shown(groups, summary, title, console.width, record.task):
        say(console, part)
    say(console, f"all groups: {written}")
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


def _outcomes(work: FoldWork, folds: Sequence[Fold], told: JobProgress) -> Iterator[Outcome]:
    """Trains all folds; yields them as they end.

    Raises:
        RunError: a fold failed, or killed its worker three times; the others are not waited for.
    """
    from search.hosts.parallel import reachable_inputs

    features = None if work.features is None else reachable_inputs(work.features)
    shared = replace(work, rows=replace(work.rows, x=reachable_inputs(work.rows.x)), features=features)
    for outcome in run_jobs(work.study, FoldWorker, shared, folds, _where):
        if outcome.error is not None:
            raise RunError(
                f"{_where(outcome.fold)} failed, so nothing is verified: {outcome.error}", exit_code=1
            )
        told.done(_line(outcome.groups, work.study.objective.metric))
        yield outcome


def _where(fold: Fold) -> str:
    return f"fold {fold.number} ({', '.join(fold.held_out)})"


def _line(groups: Sequence[HeldOutGroup[Any]], objective: str) -> str:
    values = [value for held in groups if (value := held.metrics[objective]) is not None]
    mean = f"{sum(values) / len(values):.3f}" if values else "undefined"
    return (
        f"the last without {', '.join(held.group for held in groups)}: "
        f"{objective} {mean}, {groups[0].epochs} epochs in {groups[0].train_s:.0f} s"
    )
