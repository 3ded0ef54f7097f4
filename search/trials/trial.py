"""One trial on a worker: trained rung by rung, measured, and turned into a record."""

import platform
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.trial_data import TrialData
from search.evaluation.binary import ALWAYS, policy_of_trial
from search.evaluation.by_task import scoring_for
from search.evaluation.scoring import Evaluated, evaluate
from search.events.scoring import scoring_of
from search.networks import backend
from search.networks.backend import cpu_flags, onednn
from search.record import Ask, GroupsKnown, Record
from search.scores.reference import Reference
from search.training.trainer import Place, Session, Together, Trained, Trainer, rungs
from search.trials import baselines
from spaces.configuration import Config
from spaces.errors import RunError, TrialError
from spaces.study import Study


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Fields of a record that are the same for every trial of a run."""

    groups: GroupsKnown
    leaky: bool
    data_digest: str
    code_digest: str


@dataclass(frozen=True, eq=False)
class Finished:
    """A trial's record with the arrays that belong to it.

    Args:
        record: what the trial came to.
        raw, score: validation scores `(n, ...)` float32; None for a failed trial.
        weights: the best epoch's weights; empty for a baseline or a failed trial.
        done: whether the trial has ended by itself, rather than reached a rung.
        together: how it was trained together with others; None where it had a process of its own.
    """

    record: Record
    raw: NDArray[np.float32] | None
    score: NDArray[np.float32] | None
    weights: list[NDArray[np.generic]]
    done: bool
    together: Together | None = None

    def __repr__(self) -> str:
        """Says which trial it is: Ray Tune formats every result for its log, whatever the level of that."""
        return f"<{type(self).__name__} {self.record.ask.trial_id}>"


class Trial:
    """One ask, in training.

    Args:
        ask: what to train.
        study: the study.
        data: the rows it sees.
        reference: the validation rows it is measured on.
        facts: what the run writes into every record.
        trainer: starts the session; baselines bring their own.
        place: where this is.
    """

    def __init__(
        self,
        ask: Ask,
        study: Study,
        data: TrialData,
        reference: Reference,
        facts: RunFacts,
        trainer: Trainer,
        place: Place,
    ) -> None:
        self._ask, self._study, self._data, self._reference = ask, study, data, reference
        self._facts, self._place = facts, place
        self._begin = trainer if ask.baseline is None else baselines.start
        self._rungs = iter(rungs(study))
        self._train_s = 0.0
        self._session: Session | None = None
        self._started_at = now()

    def to_next_rung(self) -> Finished:
        """Trains to the next rung, or to the end, and measures; an exception becomes a failed record."""
        try:
            if self._session is None:
                self._session = self._begin(self._ask, self._study, self._data)
            began = time.monotonic()
            try:
                self._session.advance(next(self._rungs))
                trained = self._session.best()
            finally:
                self._train_s += time.monotonic() - began
            return self._measured(trained, self._session.finished)
        except (TrialError, RunError) as error:
            return self._failed(str(error))
        except Exception as error:  # the search goes on whatever a trial raises, and its row says what
            traceback.print_exc()
            return self._failed(backend.failure(error))

    def _measured(self, trained: Trained, done: bool) -> Finished:
        config, study = self._ask.config, self._study
        policy, always = policy_of_trial(study, self._ask), self._ask.baseline == ALWAYS
        # The other baselines estimate log-odds.
        probabilistic = not always if config is None else estimates_log_odds(config)
        scoring = scoring_for(study, policy, self._reference)
        found = evaluate(trained.raw, self._reference, scoring, probabilistic=probabilistic)
        record = self._record(
            state="completed",
            steering_value=trained.steering_value,
            threshold_policy=policy.policy if always else study.threshold.policy,
            **fields_of(found, study, self._reference),
            epochs=trained.epochs,
            best_epoch=trained.best_epoch,
            history=trained.history,
            proof=trained.proof,
        )
        return Finished(record, trained.raw, found.score, trained.weights, done, self._together)

    def _failed(self, error: str) -> Finished:
        return Finished(self._record(state="failed", error=error), None, None, [], True, self._together)

    @property
    def _together(self) -> Together | None:
        return None if self._session is None else self._session.together

    def _record(self, **fields: object) -> Record:
        precision = None if self._session is None else self._session.precision
        together = self._together
        place = self._place if together is None else together.place
        return record(
            self._ask,
            self._study,
            self._facts,
            cross_fit_by=self._reference.halves.by,
            node=place.node,
            gpu_ids=place.gpu_ids,
            gpu_share=place.gpu_share,
            fused=None if together is None else together.fused,
            started_at=self._started_at,
            device="cpu" if self._session is None else self._session.device,
            precision=precision,
            cpu_flags=cpu_flags(),
            onednn=None if precision is None else onednn(),
            train_s=round(self._train_s, 3),
            **fields,
        )


def fields_of(found: Evaluated[Any], study: Study, reference: Reference) -> dict[str, object]:
    """Returns the fields of a record that tell how its scores were measured."""
    return {
        "value": found.value,
        "value_fa_per_day": found.value_fa_per_day,
        **found.fields,
        "answers": reference.answers or None,
        "event_scoring": None if reference.timeline is None else scoring_of(study.events),
    }


def estimates_log_odds(config: Config) -> bool:
    """Whether sigmoid(raw score) is a probability as trained: neither loss nor weights distort it."""
    return (
        config.made_head.probabilistic
        and config.made_head.loss(config.loss).probabilistic
        and config.class_weight == "none"
        and not config.label_smoothing
    )


def record(ask: Ask, study: Study, facts: RunFacts, **fields: object) -> Record:
    """Returns a record with the fields that follow from the study and the run."""
    return Record.model_validate(
        {
            "ask": ask,
            "task": study.task.name,
            "objective": study.objective.metric,
            "steering": study.objective.steer,
            "threshold_policy": study.threshold.policy,
            "calibration": study.objective.calibration,
            "threads": study.resources.cpus,
            "finished_at": now(),
            "groups": facts.groups,
            "leaky": facts.leaky,
            "data_digest": facts.data_digest,
            "code_digest": facts.code_digest,
            "node": platform.node(),
            # Whether there are event scores is known before a trial of classes is measured, or fails.
            "event_scoring": scoring_of(study.events) if study.events.positive else None,
            **fields,
        }
    )


def now() -> str:
    """Returns the time, in UTC and ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
