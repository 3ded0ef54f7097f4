"""Trains one configuration without some groups and measures it on them: one fold of `verify`."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from search.data.folds import Fold
from search.data.rows import Rows
from search.data.shards import Inputs, Part
from search.data.trial_data import TrialData, features_of
from search.evaluation.binary import policy_of
from search.evaluation.by_task import scoring_for
from search.evaluation.scoring import Described
from search.evaluation.tallies import MEASURED, Measured, TallyT
from search.networks import backend
from search.record import Ask
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from search.training.trainer import Trainer
from search.trials.pooled_worker import PooledWorker
from search.trials.preparation import reference_of
from search.trials.trial import estimates_log_odds
from spaces.configuration import Config
from spaces.errors import RunError, TrialError
from spaces.policies import SensitivityAtFaPerDay
from spaces.study import Study

Scorer = Callable[[Config, list[NDArray[np.generic]], Inputs], NDArray[np.float32]]
"""From a configuration, its trained weights and rows `(n, ...)` to their raw scores `(n, ...)`; importable by
name, since workers import it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldWork:
    """What is the same for every fold.

    Args:
        study: the study.
        ask: the trial: a configuration and its seed.
        rows: the training and validation rows of the study, of known groups.
        trainer: starts a training.
        scorer: scores held-out rows.
        features: of the rows, `(n, units)`; None where there are none.
    """

    study: Study
    ask: Ask
    rows: Rows
    trainer: Trainer
    scorer: Scorer
    features: Inputs | None = None


@dataclass(frozen=True, kw_only=True)
class HeldOutGroup(Generic[TallyT]):
    """The metrics of a model on one group it never saw; None is undefined or unknown.

    Args:
        group: who.
        fold: number of the fold that held it out.
        rows: how many.
        measured: its metrics at the fold's decision, and what it adds to sums.
        described: calibration and decision of the fold.
        epochs, best_epoch, train_s, seed: of the fold's training.
    """

    group: str
    fold: int
    rows: int
    measured: Measured[TallyT]
    described: Described
    epochs: int
    best_epoch: int
    train_s: float
    seed: int

    @property
    def tally(self) -> TallyT:
        """What it adds to sums over groups."""
        return self.measured.tally

    @property
    def metrics(self) -> dict[str, float | None]:
        """Every metric of the task's `Scoring`, of all its rows."""
        return self.measured.metrics


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a fold: its groups, or the error that ended it."""

    fold: Fold
    groups: tuple[HeldOutGroup[Any], ...]
    error: str | None


class FoldWorker(PooledWorker):
    """Trains folds one after another."""

    def run(self, work: FoldWork, fold: Fold) -> Outcome:
        """Verifies one fold; an exception becomes its error."""
        try:
            return Outcome(fold=fold, groups=verify_fold(work, fold), error=None)
        except (TrialError, RunError) as error:
            return Outcome(fold=fold, groups=(), error=str(error))
        except Exception as error:
            traceback.print_exc()
            return Outcome(fold=fold, groups=(), error=backend.failure(error))


def keras_scores(config: Config, weights: list[NDArray[np.generic]], x: Inputs) -> NDArray[np.float32]:
    """Scores rows with a Keras network rebuilt from its weights, as a bundle is."""
    from search.networks import model as network
    from search.training.feeding import predict

    model = network.build(config, x.shape[1:], str(x.dtype), pretrained=False)
    model.set_weights(weights)
    return config.made_head.score(predict(model, x))


def check_fold_events(rows: Rows, folds: Iterable[Fold], study: Study) -> None:
    """Refuses folds in which an event policy has no recordings to choose a threshold on.

    Raises:
        RunError: naming the fold.
    """
    if not isinstance(study.threshold, SensitivityAtFaPerDay):
        return
    for fold in folds:
        if _reference(rows, _rows_of(rows, fold.validation), study).timeline is None:
            raise RunError(
                f"threshold {study.threshold.policy} needs recordings that the rows cover, but too little "
                f"is covered of those that fold {fold.number} fits it on ({', '.join(fold.validation)})"
            )


def verify_fold(work: FoldWork, fold: Fold) -> tuple[HeldOutGroup[Any], ...]:
    """Trains without the held-out groups, then measures each of them.

    Epochs are chosen, and calibration and decision fitted, on `fold.validation`, as a trial does on the
    study's validation rows; training ends by patience or with the last epoch, never by successive halving.

    Raises:
        TrialError: the training failed, or the threshold's rule cannot be met.
    """
    rows, study, config = work.rows, work.study, work.ask.config
    if config is None:
        raise RunError(f"trial {work.ask.trial_id} has no configuration to train")
    validation, held_out = _rows_of(rows, fold.validation), _rows_of(rows, fold.held_out)
    train = np.setdiff1d(np.arange(len(rows)), np.union1d(validation, held_out))
    data = TrialData(
        Part(rows.x, train),
        rows.y[train],
        Part(rows.x, validation),
        rows.y[validation],
        features_of(work.features, train, validation),
    )
    # Targets of a number are standardised by the rows that the fold trains on, and by no other.
    config = config.model_copy(update={"task": rows.labels.task.of_rows(rows.y[train])})
    session = work.trainer(work.ask.model_copy(update={"config": config}), study, data)
    began = time.monotonic()
    session.advance(study.training.epochs)
    trained = session.best()
    train_s = round(time.monotonic() - began, 3)
    fitted_on = _reference(rows, validation, study)
    scoring = scoring_for(study, policy_of(study, config.threshold), fitted_on)
    fitted = scoring.fit(trained.raw, fitted_on, probabilistic=estimates_log_odds(config))
    score = fitted.apply(work.scorer(config, trained.weights, Part(rows.x, held_out)))
    measure, found = MEASURED[study.task.name], []
    for group in fold.held_out:
        taken = _rows_of(rows, (group,))
        mine, reference = score[np.isin(held_out, taken)], _reference(rows, taken, study)
        estimates = scoring.estimates(fitted, mine, reference)
        found.append(
            HeldOutGroup(
                group=group,
                fold=fold.number,
                rows=len(taken),
                measured=measure(fitted, mine, reference, estimates, study),
                described=fitted.described,
                epochs=trained.epochs,
                best_epoch=trained.best_epoch,
                train_s=train_s,
                seed=work.ask.seed,
            )
        )
    return tuple(found)


def _rows_of(rows: Rows, groups: tuple[str, ...]) -> NDArray[np.int64]:
    """Which rows are of some groups, ascending."""
    known = rows.groups if rows.groups is not None else np.full(len(rows), "")
    return np.flatnonzero(np.isin(known, groups)).astype(np.int64)


def _reference(rows: Rows, taken: NDArray[np.int64], study: Study) -> Reference:
    """Rows of a fold; nothing is cross-fitted on them, so there are no half-splits."""
    return reference_of(rows, taken, Halves("group", np.zeros((len(taken), 0), np.bool_)), study.events)
