"""Trains one configuration without some groups and measures it on them: one fold of `verify`."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.folds import Fold
from search.data.rows import Rows
from search.data.shards import Inputs, Part
from search.data.trial_data import TrialData, features_of
from search.events.evaluation import event_counts, patients
from search.networks import backend
from search.record import Ask
from search.scores.crossfit import Halves
from search.scores.metrics import counts_at
from search.scores.reference import Reference
from search.trials.evaluation import Fitted, estimates, fit_decision, policy_of
from search.trials.preparation import reference_of
from search.trials.session import Trained, Trainer
from search.trials.trial import estimates_log_odds
from spaces.configuration import Config
from spaces.errors import RunError, TrialError
from spaces.policies import SensitivityAtFaPerDay
from spaces.study import Study

Scorer = Callable[[Config, list[NDArray[np.generic]], Inputs], NDArray[np.float32]]
"""From a configuration, its trained weights and rows `(n, ...)` to their raw scores `(n,)`; importable by
name, since workers import it."""

OF_POSITIVES = ("precision", "f1")
OF_SEIZURES = ("event_precision", "event_f1")
"""Metrics left undefined for a group without any: one false detection makes them 0, none makes them
undefined, and neither says how good a detector is. Its false detections stand in specificity and per day."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
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
class HeldOut:
    """The metrics of a model on one group it never saw; None is undefined or unknown.

    Args:
        group: who.
        fold: number of the fold that held it out.
        rows, positives: how many.
        tp, fp, tn, fn: rows by label and decision.
        metrics: every metric of `search.trials.evaluation.estimates`, at the fold's threshold.
        hours: of recording.
        seizures: as the scorer counts them.
        seizures_found: of these.
        false_alarms: detections that are none.
        delay_s: see `search.events.patients.Patient`.
        threshold_score, threshold: the fold's.
        calibration_a, calibration_b, calibration_note: likewise.
        epochs, best_epoch, train_s, seed: of the fold's training.
    """

    group: str
    fold: int
    rows: int
    positives: int
    tp: int
    fp: int
    tn: int
    fn: int
    metrics: dict[str, float | None]
    hours: float | None
    seizures: int | None
    seizures_found: int | None
    false_alarms: int | None
    delay_s: float | None
    threshold_score: float
    threshold: float
    calibration_a: float
    calibration_b: float
    calibration_note: str | None
    epochs: int
    best_epoch: int
    train_s: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a fold: its groups, or the error that ended it."""

    fold: Fold
    groups: tuple[HeldOut, ...]
    error: str | None


class FoldWorker:
    """Trains folds one after another in one process; TensorFlow is imported by the first and stays.

    Args:
        threads, gpu_share, gpu_memory: what the process may use, see `backend.start`.
    """

    def __init__(self, threads: int, gpu_share: float = 0.0, gpu_memory: str = "share") -> None:
        backend.start(threads, gpu_share, gpu_memory)

    def ready(self) -> None:
        """Returns once the process is there."""

    def run(self, work: Work, fold: Fold) -> Outcome:
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
    from search.trials.feeding import predict

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
        if _reference(rows, _rows_of(rows, fold.validation)).timeline is None:
            raise RunError(
                f"threshold {study.threshold.policy} needs recordings that the rows cover, but too little "
                f"is covered of those that fold {fold.number} fits it on ({', '.join(fold.validation)})"
            )


def verify_fold(work: Work, fold: Fold) -> tuple[HeldOut, ...]:
    """Trains without the held-out groups, then measures each of them.

    Epochs are chosen, and calibration and threshold fitted, on `fold.validation`, as a trial does on the
    study's validation rows; training ends by patience or with the last epoch, never by successive halving.

    Raises:
        TrialError: the training failed, or the threshold's rule cannot be met.
    """
    rows, study, config = work.rows, work.study, work.ask.config
    if config is None:
        raise RunError(f"trial {work.ask.trial_id} has no configuration to train")
    validation = _rows_of(rows, fold.validation)
    train = np.setdiff1d(np.arange(len(rows)), np.union1d(validation, _rows_of(rows, fold.held_out)))
    data = TrialData(
        Part(rows.x, train),
        rows.y[train],
        Part(rows.x, validation),
        rows.y[validation],
        features_of(work.features, train, validation),
    )
    session = work.trainer(work.ask, study, data)
    began = time.monotonic()
    session.advance(study.training.epochs)
    trained = session.best()
    train_s = round(time.monotonic() - began, 3)
    fitted = fit_decision(
        trained.raw,
        _reference(rows, validation),
        study,
        policy_of(study, config.threshold),
        probabilistic=estimates_log_odds(config),
    )
    held_out = _rows_of(rows, fold.held_out)
    score = fitted.calibration.apply(work.scorer(config, trained.weights, Part(rows.x, held_out)))
    found = []
    for group in fold.held_out:
        taken = _rows_of(rows, (group,))
        mine = score[np.isin(held_out, taken)]
        found.append(_measured(group, fold, _reference(rows, taken), mine, fitted, trained, train_s, work))
    return tuple(found)


def _measured(
    group: str,
    fold: Fold,
    reference: Reference,
    score: NDArray[np.float32],
    fitted: Fitted,
    trained: Trained,
    train_s: float,
    work: Work,
) -> HeldOut:
    study, threshold = work.study, fitted.choice.threshold_score
    found = estimates(
        reference,
        score,
        threshold,
        events=study.events,
        seed=study.seed,
        probabilistic=fitted.probabilistic,
        prevalence=fitted.prevalence,
    )
    metrics = {name: estimate.value for name, estimate in found.items()}
    cells = counts_at(reference.y, score, threshold)
    events = event_counts(reference, score, threshold, study.events)
    positives, seizures = int(reference.y.sum()), None if events is None else int(events.ref)
    for count, names in ((positives, OF_POSITIVES), (seizures, OF_SEIZURES)):
        metrics |= dict.fromkeys(names) if count == 0 else {}
    delays = [patient.delay_s for patient in patients(reference, score, threshold, study.events)]
    return HeldOut(
        group=group,
        fold=fold.number,
        rows=len(reference.y),
        positives=positives,
        tp=int(cells.tp),
        fp=int(cells.fp),
        tn=int(cells.tn),
        fn=int(cells.fn),
        metrics=metrics,
        hours=None if events is None else float(events.seconds) / 3600,
        seizures=seizures,
        seizures_found=None if events is None else int(events.tp),
        false_alarms=None if events is None else int(events.fp),
        delay_s=delays[0] if delays else None,
        threshold_score=threshold,
        threshold=fitted.choice.threshold,
        calibration_a=fitted.calibration.a,
        calibration_b=fitted.calibration.b,
        calibration_note=fitted.calibration_note,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        train_s=train_s,
        seed=work.ask.seed,
    )


def _rows_of(rows: Rows, groups: tuple[str, ...]) -> NDArray[np.int64]:
    """Which rows are of some groups, ascending."""
    known = rows.groups if rows.groups is not None else np.full(len(rows), "")
    return np.flatnonzero(np.isin(known, groups)).astype(np.int64)


def _reference(rows: Rows, taken: NDArray[np.int64]) -> Reference:
    """Rows of a fold; nothing is cross-fitted on them, so there are no half-splits."""
    return reference_of(rows, taken, Halves("group", np.zeros((len(taken), 0), np.bool_)))
