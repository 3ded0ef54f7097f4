"""Production: a trial becomes a bundle, measured once on the test split; and a bundle is loaded."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from reports import bundle, card
from reports.bundle import Bundle, Outputs, outputs, write_sums
from reports.bundle_config import bundle_config, is_calibrated
from reports.picking import Choice
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


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """What a promotion came to.

    Args:
        test: the metrics on the test rows.
        times_opened: how often the test split was opened, this time included.
        exports: what came of SavedModel and ONNX, see `search.exports.Exported`.
    """

    test: dict[str, Estimate]
    times_opened: int
    exports: Sequence[dict[str, Any]]


def load(folder: Path | str) -> Bundle:
    """Loads a bundle, which predicts: `load(folder).predict(x)` is a table of score, probability and label.

    Every file is verified before any is loaded, and the model is loaded in Keras' safe mode.

    Args:
        folder: the bundle.

    Raises:
        RunError: no bundle, a later format, a file that is not as it was written, or a model of other rows.
    """
    return bundle.load(Path(folder))


def best_baseline(run: RunFolder) -> Record | None:
    """Returns the baseline with the best value; None if none has one."""
    found = [r for r in run.records() if r.ask.kind == "baseline" and r.value is not None]
    return max(found, key=lambda r: r.value or 0.0, default=None)


def promote(run: RunFolder, choice: Choice, to: Path, *, force: bool = False) -> Promoted:
    """Writes a trial's bundle, measured once on the test split.

    Args:
        run: the run it stands in.
        choice: the trial, from `reports.picking.pick`.
        to: the bundle's folder; must be new or empty.
        force: leaves out a SavedModel or ONNX export that fails, rather than fail.

    Raises:
        RunError: the folder is taken, the data changed, the rebuilt model gives other scores, or an export
            decides otherwise.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RunError(f"a bundle goes into a new or empty folder, but {to} is not empty")
    backend.import_keras()
    from search import export, exports

    study, record = run.study(), choice.record
    prepared = prepare(study, run.path, run.prepared)
    check_same(prepared, run.resolved())
    x, split = prepared.rows.x, prepared.split
    model = export.deciding_model(record, run.weights(record.ask.trial_id), x.shape[1:], str(x.dtype))
    said = outputs(model, Part(x, split.validation))
    _check_against_stored(run, record, said)
    threshold_score = float(record.threshold_score or 0)
    with tempfile.TemporaryDirectory() as private:
        # Whatever can go wrong does so before the test split is opened.
        made = Path(private) / "bundle"  # with the permissions of any folder
        made.mkdir()
        export.save(model, str(made / "model.keras"))
        exported = [
            asdict(one)
            for one in exports.export(
                model, made, Part(x, split.validation), said, threshold_score, force=force
            )
        ]
        opened = run.open_test_split(record.ask.trial_id, datetime.now(UTC).isoformat(timespec="seconds"))
        score = outputs(model, Part(x, split.test))["score"]
        reference = prepared.test_reference(study)
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
        shutil.copytree(made, to, dirs_exist_ok=True)
    config = bundle_config(
        study, choice, prepared, run.resolved(), test, seen, opened, best_baseline(run), exported
    )
    write_atomically(to / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode())
    write_atomically(to / "MODEL_CARD.md", card.text(record, config).encode())
    write_sums(to)
    return Promoted(test=test, times_opened=opened, exports=exported)


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
