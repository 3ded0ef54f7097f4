"""Production: a trial becomes a bundle, measured once on the test split."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import yaml

from reports import card
from reports.bundle import Outputs, outputs, write_sums
from reports.bundle_config import bundle_config, is_calibrated
from search import backend
from search.estimate import Estimate
from search.evaluation import estimates
from search.event_evaluation import patients
from search.files import write_atomically
from search.preparation import check_same, prepare
from search.record import Record
from search.run_folder import RunFolder
from search.shards import Part
from spaces.errors import RunError

SCORE_TOLERANCE = 1e-3
"""Largest difference allowed between a trial's stored scores and the bundle's, relative to 1 + |score|.

One CPU thread repeats them exactly; other thread counts and processors move the last digits.
"""


def pick(run: RunFolder, trial_id: str | None) -> Record:
    """Returns the trial to promote: the one named, or the best whose weights are kept.

    Raises:
        RunError: no such trial, it is not a trained model, or its numbers are not to be trusted.
    """
    if trial_id is None:
        kept = set(run.kept())
        fit = [
            r
            for r in run.records()
            if r.ask.kind != "baseline" and r.value is not None and r.ask.trial_id in kept
        ]
        if not fit:
            raise RunError(f"{run.path} has no finished trial with a value and kept weights", exit_code=1)
        chosen = max(fit, key=lambda r: (r.value or 0.0, -r.ask.number))
    else:
        chosen = run.record(trial_id)
    if chosen.ask.config is None or chosen.state == "failed":
        what = f"failed: {chosen.error}" if chosen.error else f"the baseline {chosen.ask.baseline}"
        raise RunError(f"only a trained trial can be promoted, but {chosen.ask.trial_id} is {what}")
    if chosen.leaky:
        raise RunError(
            f"trial {chosen.ask.trial_id} was measured on a leaky split (split.i_accept_leakage), "
            "so nothing is known of how it does on new data; run the study on parts that are independent"
        )
    return chosen


def best_baseline(run: RunFolder) -> Record | None:
    """Returns the baseline with the best value; None if none has one."""
    found = [r for r in run.records() if r.ask.kind == "baseline" and r.value is not None]
    return max(found, key=lambda r: r.value or 0.0, default=None)


def promote(run: RunFolder, record: Record, to: Path) -> dict[str, Estimate]:
    """Writes a trial's bundle, measured once on the test split.

    Args:
        run: the run it stands in.
        record: the trial, from `pick`.
        to: the bundle's folder; must be new or empty.

    Returns:
        The metrics on the test rows.

    Raises:
        RunError: the folder is taken, the data changed, or the rebuilt model gives other scores.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RunError(f"a bundle goes into a new or empty folder, but {to} is not empty")
    backend.import_keras()
    from search import export

    study = run.study()
    prepared = prepare(study, run.path, run.prepared)
    check_same(prepared, run.resolved())
    x, split = prepared.rows.x, prepared.split
    model = export.deciding_model(record, run.weights(record.ask.trial_id), x.shape[1:], str(x.dtype))
    _check_against_stored(run, record, outputs(model, Part(x, split.validation)))
    opened = run.open_test_split(record.ask.trial_id, datetime.now(UTC).isoformat(timespec="seconds"))
    score = outputs(model, Part(x, split.test))["score"]
    reference, threshold_score = prepared.test_reference(study), float(record.threshold_score or 0)
    test = estimates(
        reference,
        score,
        threshold_score,
        events=study.events,
        seed=study.seed,
        probabilistic=record.metrics["brier"].value is not None,
        prevalence=study.objective.prevalence if is_calibrated(record) else None,
    )
    seen = patients(reference, score, threshold_score, study.events)
    to.mkdir(parents=True, exist_ok=True)
    export.save(model, str(to / "model.keras"))
    yardstick = best_baseline(run)
    config = bundle_config(study, record, prepared, run.resolved(), test, seen, opened, yardstick)
    write_atomically(to / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode())
    write_atomically(to / "MODEL_CARD.md", card.text(record, config).encode())
    write_sums(to)
    return test


def _check_against_stored(run: RunFolder, record: Record, said: Outputs) -> None:
    """Shows that the rebuilt model is the trial: same scores, and same labels away from the threshold."""
    _, stored = run.scores(record.ask.trial_id)
    allowed = SCORE_TOLERANCE * (1 + np.abs(stored))
    difference = np.abs(said["score"] - stored)
    decided = stored >= np.float32(record.threshold_score or 0)
    sure = np.abs(stored.astype(np.float64) - (record.threshold_score or 0)) > allowed
    if (difference > allowed).any() or (said["label"].astype(bool) != decided)[sure].any():
        raise RunError(
            f"the model rebuilt from trial {record.ask.trial_id} must give its stored scores, "
            f"but they differ by up to {difference.max():.3g}",
            exit_code=1,
        )
