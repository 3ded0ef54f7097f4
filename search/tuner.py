"""The search: Ray Tune schedules what the searcher suggests, and every finished trial is handed on."""

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

from search.parallel import reachable
from search.record import Ask, Record
from search.reference import Reference
from search.searcher import METRIC, HeadSearcher
from search.session import Trainer, TrialData, keras_trainer
from search.trainable import PAYLOAD, HeadTrainable
from search.trial import Finished, RunFacts, record
from spaces.errors import RunError
from spaces.study import Study

ATTEMPTS = 3
"""A configuration that kills its worker so many times is failed for good."""

_TUNE_SETTINGS = {
    # Records are the only truth, so nothing that Tune would write beside them is of use.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_THRESHOLD_S": "1000000",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "2",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who is told what, in the driver, as it happens.

    Args:
        on_ask: an ask, before it is handed to a worker.
        on_record: a finished trial.
        on_start: the id of a trial that a worker has begun.
    """

    on_ask: Callable[[Ask], None]
    on_record: Callable[[Finished], None]
    on_start: Callable[[str], None]


def run_search(
    study: Study,
    data: TrialData,
    reference: Reference,
    facts: RunFacts,
    listeners: Listeners,
    *,
    records: Sequence[Record] = (),
    asks: Sequence[Ask] = (),
    trainer: Trainer = keras_trainer,
) -> None:
    """Runs a study until its budget is spent; Ray must be connected.

    Args:
        study: what to search.
        data: the rows that trials see.
        reference: the validation rows they are measured on.
        facts: what stands in every record.
        listeners: who is told.
        records, asks: what earlier executions of the run finished and asked.
        trainer: starts a trial's training.

    Raises:
        RunError: everything failed for one reason, or a listener raised.
    """
    searcher = HeadSearcher(study, records, asks, listeners.on_ask)
    if not searcher.open:
        return
    os.environ.update(_TUNE_SETTINGS)
    # What Tune would print of a trial that died, traceback and all, stands in the trial's row.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    resources = {"cpu": study.resources.cpus, "gpu": study.resources.gpus}
    trainable = tune.with_parameters(
        HeadTrainable, study=study, facts=facts, trainer=trainer, reference=reference, data=reachable(data)
    )
    with tempfile.TemporaryDirectory(prefix="headsearch-") as scratch:
        tune.Tuner(
            tune.with_resources(trainable, resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=_scheduler(study),
                num_samples=-1,  # the searcher says when it is over
                max_concurrent_trials=study.resources.workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=ATTEMPTS - 1),
                callbacks=[_Keeper(study, facts, reference, searcher, listeners)],
            ),
        ).fit()
    if searcher.broken is not None:
        raise RunError(
            f"what the run leaves behind could not be written, so it stopped: {searcher.broken}; "
            "mend that and resume",
            exit_code=1,
        ) from searcher.broken
    if searcher.one_failure is not None:
        raise RunError(f"every trial failed for one reason: {searcher.one_failure}", exit_code=1)


def _scheduler(study: Study) -> Any:
    if not study.asha.enabled:
        return FIFOScheduler()
    return AsyncHyperBandScheduler(
        time_attr="epochs",
        metric=METRIC,
        mode="max",
        max_t=study.training.epochs,
        grace_period=min(study.asha.grace, study.training.epochs),
        reduction_factor=study.asha.reduction,
    )


class _Keeper(tune.Callback):  # type: ignore[misc]  # ray carries no types
    """Takes the arrays out of every result before Tune can keep them, and hands on what has ended."""

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

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles all it is given in order to restore it, which we never do

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._tell(self._listeners.on_start, self._searcher.ask_of(trial.trial_id).trial_id)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self._latest[trial.trial_id] = result.pop(PAYLOAD)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        latest = self._latest.pop(trial.trial_id)
        if not latest.done:
            stopped = latest.record.model_copy(update={"state": "stopped"})
            latest = replace(latest, record=stopped)
        self._tell(self._listeners.on_record, latest)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._latest.pop(trial.trial_id, None)
        known = trial.get_pickled_error()  # Ray does not always keep one
        reason = f": {' '.join(str(known).split())}" if known else ""
        died = record(
            self._searcher.ask_of(trial.trial_id),
            self._study,
            self._facts,
            state="failed",
            error=f"its worker died {ATTEMPTS} times{reason}"[:500],
            cross_fit_by=self._reference.halves.by,
            device="unknown",
            train_s=0.0,
        )
        self._tell(self._listeners.on_record, Finished(died, None, None, [], done=True))

    def _tell(self, listener: Callable[[Any], None], news: Any) -> None:
        """Tells a listener; should it raise, no more trials are handed out and the run says why.

        Tune would take the exception for a failure of the trial, and train a finished trial again.
        """
        try:
            listener(news)
        except Exception as error:
            self._searcher.stop(error)
