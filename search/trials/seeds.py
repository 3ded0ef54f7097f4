"""Trains a configuration again with other seeds."""

from dataclasses import dataclass

import numpy as np

from search.data.trial_data import TrialData
from search.record import Ask, Record
from search.scores.reference import Reference
from search.training.trainer import Trainer, this_place
from search.trials.pooled_worker import PooledWorker
from search.trials.trial import RunFacts, Trial
from spaces.study import Study


@dataclass(frozen=True, kw_only=True)
class SeedTraining:
    """One more training of a trial.

    Args:
        ask: the trial's own, but for its seed.
        repeat: which of its trainings this is, from 1.
    """

    ask: Ask
    repeat: int

    @property
    def name(self) -> str:
        """The name of its file: trial and training."""
        return f"{self.ask.trial_id}-{self.repeat}"

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedWork:
    """What is the same for every training.

    Args:
        study: the study; it trains without successive halving, to the end of its patience or epochs.
        data, reference, facts: as for a trial of the run.
        trainer: starts a training.
    """

    study: Study
    data: TrialData
    reference: Reference
    facts: RunFacts
    trainer: Trainer


class SeedWorker(PooledWorker):
    """Trains one after another."""

    def run(self, work: SeedWork, training: SeedTraining) -> tuple[SeedTraining, Record]:
        """Trains and measures like a trial; an exception becomes a failed record."""
        place = this_place(self.gpu_share)
        trial = Trial(training.ask, work.study, work.data, work.reference, work.facts, work.trainer, place)
        return training, trial.to_next_rung().record


def to_the_end(study: Study) -> Study:
    """Returns the study without successive halving: its only rung is the last epoch."""
    return study.model_copy(update={"asha": study.asha.model_copy(update={"enabled": False})})


def seed_trainings(record: Record, repeats: int) -> list[SeedTraining]:
    """Returns so many trainings of a trial, with seeds that follow from its own and differ from it.

    The trial's own training is not among them, since it was picked for its good result.
    """
    seeds = np.random.SeedSequence(record.ask.seed).generate_state(repeats + 1) >> 1
    others = [int(seed) for seed in seeds if int(seed) != record.ask.seed][:repeats]
    return [
        SeedTraining(ask=record.ask.model_copy(update={"seed": seed}), repeat=number)
        for number, seed in enumerate(others, start=1)
    ]
