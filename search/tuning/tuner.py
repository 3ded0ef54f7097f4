"""Runs the search: Ray Tune schedules what the searcher suggests, and every result is handed on."""

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ray import tune

from search.data.trial_data import TrialData
from search.hosts.host_wait import JOIN_S, HostWait
from search.hosts.parallel import reachable
from search.hosts.provenance import code_digest
from search.record import Ask, Record
from search.scores.reference import Reference
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from search.trials.trial import Finished, RunFacts, record
from search.tuning.fusing import COMPILED, workers_for
from search.tuning.schedulers import ForgettingFifo, ForgettingHalving, NoProgress, NoReporter
from search.tuning.searcher import METRIC, HeadSearcher
from search.tuning.trainable import PAYLOAD, HeadTrainable
from search.tuning.tune_patches import survive_dead_workers, why_died
from search.tuning.worker_failures import LostTrial, WorkerFailures, in_short
from spaces.errors import RunError
from spaces.study import Study

_TUNE_SETTINGS = {
    # Records are the only truth, so nothing that Tune would write beside them is of use.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_THRESHOLD_S": "1000000",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "2",
    "RAY_AIR_NEW_OUTPUT": "0",
    # A worker whose host said that it goes is lost like any other. Tune would start its trial again by
    # itself, and end the search over that.
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",
}


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Functions that the search calls in the driver as things happen.

    Args:
        on_ask: an ask, before it is handed to a worker.
        on_record: a finished trial.
        on_start: the id of a trial that a worker has begun.
        on_lost: a trial that starts again, since its worker died.
        on_note: what a person should know of how trials are trained, in one line.
    """

    on_ask: Callable[[Ask], None]
    on_record: Callable[[Finished], None]
    on_start: Callable[[str], None]
    on_lost: Callable[[LostTrial], None] = lambda lost: None
    on_note: Callable[[str], None] = lambda note: None


def run_search(
    study: Study,
    data: TrialData,
    reference: Reference,
    facts: RunFacts,
    listeners: Listeners,
    *,
    records: Sequence[Record] = (),
    asks: Sequence[Ask] = (),
    earlier: Sequence[Record] = (),
    trainer: Trainer = keras_trainer,
    prepared: Path | None = None,
) -> bool:
    """Runs a study until its budget is spent; Ray must be connected.

    Args:
        study: what to search.
        data: the rows that trials see.
        reference: the validation rows they are measured on.
        facts: fields that are the same in every record.
        listeners: called as things happen.
        records, asks: what earlier executions of the run finished and asked.
        earlier: trials of another run, for the sampler to start from.
        trainer: starts a trial's training.
        prepared: the folder of all prepared data, in which compiled programs are kept, too.

    Returns:
        Whether the search came to its end; False where it was interrupted.

    Raises:
        RunError: everything failed for one reason, or a listener raised.
    """
    searcher = HeadSearcher(study, records, asks, listeners.on_ask, earlier)
    if not searcher.open:
        return True
    os.environ.update(_TUNE_SETTINGS)
    survive_dead_workers()
    # What Tune would print of a trial that died, traceback and all, stands in the trial's row.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    cache = None if prepared is None else str(prepared / COMPILED)
    mapped = reachable(data)
    with (
        closing(searcher),
        workers_for(study, mapped, trainer, cache, listeners.on_note) as workers,
        tempfile.TemporaryDirectory(prefix="headsearch-") as scratch,
    ):
        handler = _ResultHandler(workers.study, facts, reference, searcher, listeners)
        trainable = tune.with_parameters(
            HeadTrainable,
            study=workers.study,
            facts=facts,
            trainer=workers.trainer,
            reference=reference,
            data=mapped,
            host_digest=code_digest(study, data.x_train.shape[1:], source=False),
            cache=cache,
        )
        tune.Tuner(
            tune.with_resources(trainable, {"cpu": workers.cpus, "gpu": workers.study.resources.gpu_share}),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=_scheduler(study),
                num_samples=-1,  # the searcher says when it is over
                max_concurrent_trials=workers.at_once,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                # Nothing is to be saved, and from another host it could not be: the trial would fail.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
                callbacks=[handler, NoProgress()],
                progress_reporter=NoReporter(),
                stop=_NoHostLeft(study, searcher, handler),
            ),
        ).fit()
    if isinstance(searcher.broken, RunError):
        raise searcher.broken
    if searcher.broken is not None:
        raise RunError(
            f"what the run leaves behind could not be written, so it stopped: {searcher.broken}; "
            "mend that and resume",
            exit_code=1,
        ) from searcher.broken
    if searcher.one_failure is not None:
        raise RunError(f"every trial failed for one reason: {searcher.one_failure}", exit_code=1)
    return searcher.ended


def _scheduler(study: Study) -> Any:
    if not study.asha.enabled:
        return ForgettingFifo()
    return ForgettingHalving(
        time_attr="epochs",
        metric=METRIC,
        mode="max",
        max_t=study.training.epochs,
        grace_period=min(study.asha.grace, study.training.epochs),
        reduction_factor=study.asha.reduction,
    )


class _NoHostLeft(tune.Stopper):  # type: ignore[misc]  # ray carries no types
    """Ends a search that could only wait: no host is left that can hold a trial, or its time is over.

    Tune itself would wait for ever.
    """

    def __init__(self, study: Study, searcher: HeadSearcher, handler: "_ResultHandler") -> None:
        self._searcher, self._handler = searcher, handler
        self._wait = HostWait(study.resources)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # as the handler's

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        if not self._handler.idle:
            self._wait.seen()
            return False
        if self._wait.over():
            self._searcher.stop(
                RunError(
                    f"a search needs a host that can hold a trial, but for {JOIN_S / 60:.0f} minutes there "
                    "was none; resume when there is one",
                    exit_code=1,
                )
            )
        return self._searcher.over


class _ResultHandler(tune.Callback):  # type: ignore[misc]  # ray carries no types
    """Takes the arrays out of every result before Tune keeps them, and passes finished trials on."""

    def __init__(
        self,
        study: Study,
        facts: RunFacts,
        reference: Reference,
        searcher: HeadSearcher,
        listeners: Listeners,
    ) -> None:
        self._study, self._facts, self._reference = study, facts, reference
        self._searcher, self._listeners = searcher, listeners
        self._latest: dict[str, Finished] = {}
        self._deaths = WorkerFailures(study.budget.trial_minutes)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles all it is given in order to restore it, which we never do

    @property
    def idle(self) -> bool:
        """Whether no worker is at work on a trial."""
        return not self._deaths.under_way

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        ask = self._searcher.ask_of(trial.trial_id)
        self._deaths.begun(ask.trial_id)
        self._tell(self._listeners.on_start, ask.trial_id)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        latest = result.pop(PAYLOAD)
        if latest is None:
            self._searcher.stop(RunError(result["unfit"], exit_code=1))
        else:
            self._latest[trial.trial_id] = latest
            self._pass_on(latest)

    def _pass_on(self, latest: Finished) -> None:
        """Says what became of a trial that is trained together with others."""
        if latest.together is None:
            return
        trial_id = latest.record.ask.trial_id
        for reason in latest.together.lost:
            self._tell(self._listeners.on_lost, LostTrial(trial_id=trial_id, reason=in_short(reason)))
            self._tell(self._listeners.on_start, trial_id)
        for note in latest.together.notes:
            self._tell(self._listeners.on_note, note)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        latest = self._latest.pop(trial.trial_id, None)
        if latest is None:
            return  # begun on a host that is unfit: the run stops, and the trial starts again when resumed
        self._deaths.over(latest.record.ask.trial_id)
        if not latest.done:
            stopped = latest.record.model_copy(update={"state": "stopped"})
            latest = replace(latest, record=stopped)
        self._searcher.spend(latest.record)
        self._tell(self._listeners.on_record, latest)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._latest.pop(trial.trial_id, None)
        ask = self._searcher.ask_of(trial.trial_id)
        reason, actor_id = why_died(trial)
        ran_s = self._deaths.ran_s(ask.trial_id)
        verdict = self._deaths.verdict(ask.trial_id, reason, actor_id)
        if self._deaths.no_worker_starts is not None:
            self._searcher.stop(RunError(self._deaths.no_worker_starts, exit_code=1))
        if verdict is None:
            self._searcher.give_back(trial.trial_id)
            lost = LostTrial(trial_id=ask.trial_id, reason=in_short(reason, actor_id))
            self._tell(self._listeners.on_lost, lost)
            return
        self._searcher.give_up(trial.trial_id, verdict)
        died = record(
            ask,
            self._study,
            self._facts,
            state="failed",
            error=verdict[:500],
            cross_fit_by=self._reference.halves.by,
            device="unknown",
            node="unknown",
            gpu_share=self._study.resources.gpu_share,
            train_s=round(ran_s, 3),
        )
        self._searcher.spend(died)
        self._tell(self._listeners.on_record, Finished(died, None, None, [], done=True))

    def _tell(self, listener: Callable[[Any], None], news: Any) -> None:
        """Calls a listener; if it raises, no more trials are handed out and the run says why.

        Tune would take the exception for a failure of the trial, and train a finished trial again.
        """
        try:
            listener(news)
        except Exception as error:
            self._searcher.stop(error)
