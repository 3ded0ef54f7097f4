"""Runs that nobody trained: records and raw scores made up, measured as a study measures them."""

from pathlib import Path
from typing import Any

import numpy as np

from search.evaluation.binary import policy_of_trial
from search.record import Ask, Record
from search.runs.run_folder import RunFolder
from search.scores.reference import Reference
from search.trials.trial import RunFacts, record
from spaces.errors import TrialError
from spaces.study import Study
from tests.helpers.measured import measure
from tests.helpers.toys import config

FACTS = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")


def measured(ask: Ask, raw: Any, reference: Reference, study: Study, policy: Any = None) -> Record:
    """The record of a trial with these raw scores under a study, or under another policy: the slow way."""
    policy = policy or policy_of_trial(study, ask)
    fields = {"cross_fit_by": reference.halves.by, "device": "cpu", "train_s": 1.0}
    try:
        found = measure(raw, reference, study, policy, probabilistic=True)
    except TrialError as error:
        return record(ask, study, FACTS, state="failed", error=str(error), **fields)
    return record(
        ask,
        study,
        FACTS,
        state="completed",
        value=found.value,
        value_fa_per_day=found.value_fa_per_day,
        threshold_score=found.choice.threshold_score,
        threshold=found.choice.threshold,
        plateau_low=found.choice.low,
        plateau_high=found.choice.high,
        calibration_a=found.calibration.a,
        calibration_b=found.calibration.b,
        calibration_note=found.calibration_note,
        metrics=found.metrics,
        **fields,
    )


def ask(number: int, **changes: Any) -> Ask:
    """A trial drawn by a sampler; its configuration, by its learning rate, is that of no other number."""
    drawn = config("sigmoid", "bce", **{"learning_rate": 0.01 + number * 1e-9, **changes})
    return Ask(number=number, kind="search", config=drawn, seed=number)


def begin(path: Path, study: Study, reference: Reference) -> RunFolder:
    """A run's folder without trials."""
    folder = RunFolder(path)
    folder.write_reference(reference, np.arange(reference.y.size))
    folder.create(study, {"data_digest": "d", "split_digest": "s"})
    return folder


def add(folder: RunFolder, made: Record, raw: Any) -> None:
    """Writes a finished trial."""
    if made.calibration_a is not None:
        folder.write_scores(made.ask.trial_id, raw, raw)
    folder.write_record(made)
