"""The trial as Ray Tune runs it: a warm worker that takes one configuration after another."""

from typing import Any

import ray
from ray import tune

from search import backend
from search.record import Ask
from search.reference import Reference
from search.searcher import METRIC
from search.session import Trainer, TrialData
from search.trial import RunFacts, Trial
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
    ) -> None:
        """Readies the process; TensorFlow is imported by the first trial and stays."""
        backend.start(study.resources.cpus)
        self._study, self._facts, self._trainer = study, facts, trainer
        self._reference, self._data = reference, data
        self._node = ray.util.get_node_ip_address()
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next ask."""
        self._trial = Trial(
            Ask.model_validate(new_config["ask"]),
            self._study,
            self._data,
            self._reference,
            self._facts,
            self._trainer,
            self._node,
        )
        return True

    def step(self) -> dict[str, Any]:
        """Trains to the next rung."""
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
