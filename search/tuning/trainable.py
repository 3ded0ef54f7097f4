"""The Ray Tune trainable: a warm worker that trains one configuration after another."""

import faulthandler
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray import tune

from search.data.trial_data import TrialData
from search.hosts.preflight import why_unfit
from search.networks import backend
from search.record import Ask
from search.scores.reference import Reference
from search.training.trainer import Trainer, this_place
from search.trials.trial import RunFacts, Trial
from search.tuning.searcher import METRIC
from search.tuning.worker_failures import grace_s
from spaces.study import Study

PAYLOAD = "finished"
"""Where a result carries the trial's record and arrays to the driver."""


class HeadTrainable(tune.Trainable):  # type: ignore[misc]  # ray carries no types
    """Trains asks one after another in one process; a step goes to the next rung.

    Inputs are mapped from prepared data, labels come from Ray's object store: one copy a node, none a worker.
    """

    def setup(
        self,
        config: dict[str, Any],
        *,
        study: Study,
        facts: RunFacts,
        trainer: Trainer,
        reference: Reference,
        data: TrialData,
        host_digest: str,
        cache: str | None = None,
    ) -> None:
        """Readies the process; TensorFlow is imported by the first trial and stays."""
        resources = study.resources
        backend.start(resources.cpus, resources.gpu_share, resources.gpu_memory, cache)
        self._study, self._facts, self._trainer = study, facts, trainer
        self._reference, self._data = reference, data
        self._place = this_place(study.resources.gpu_share)
        self._unfit = why_unfit(study, host_digest, data.x_train.shape[1:])
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next ask."""
        self._began = time.monotonic()
        self._trial = Trial(
            Ask.model_validate(new_config["ask"]),
            self._study,
            self._data,
            self._reference,
            self._facts,
            self._trainer,
            self._place,
        )
        return True

    def step(self) -> dict[str, Any]:
        """Trains to the next rung."""
        if self._unfit is not None:
            return {METRIC: 0.0, "epochs": 0, "ended": True, "done": True, "unfit": self._unfit,
                    "error": self._unfit, PAYLOAD: None}  # fmt: skip
        with ended_if_it_hangs(self._study.budget.trial_minutes, self._began):
            finished = self._trial.to_next_rung()
        record = finished.record
        return {
            METRIC: record.steering_value or 0.0,
            "epochs": record.epochs or 0,
            "error": record.error,
            "ended": finished.done,
            "done": finished.done,
            PAYLOAD: finished,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Saves nothing: weights travel in the results, and a run is rebuilt from its records."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Loads nothing: an interrupted trial starts again with its own seed."""


@contextmanager
def ended_if_it_hangs(trial_minutes: float | None, began: float) -> Iterator[None]:
    """Ends this process if the block still runs well past the trial's limit.

    The timer runs outside the interpreter: it also ends a trial that hangs in compiled code. A trial that is
    merely slow ends by itself before.

    Args:
        trial_minutes: the limit; None for none.
        began: when the trial began, in monotonic seconds.
    """
    if trial_minutes is None:
        yield
        return
    limit_s = trial_minutes * 60
    left_s = limit_s - (time.monotonic() - began)
    faulthandler.dump_traceback_later(max(0.0, left_s) + grace_s(limit_s), exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
