"""Writes a trial as a production bundle, measured once on the test split."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from reports.boards.advice import best_baseline
from reports.bundles import card
from reports.bundles.bundle import Outputs, outputs, write_sums
from reports.bundles.config import bundle_config, training_scale
from reports.bundles.picking import Choice
from search.data.shards import Part
from search.evaluation.by_task import scoring_for
from search.evaluation.recorded_decisions import decided, fitted_of, seizures
from search.events.evaluation import decided_patients
from search.files import is_new_or_empty, write_atomically
from search.networks import backend
from search.networks.format_compatibility import Exported, readers
from search.record import Estimate, Record
from search.runs.opened_test_split import note_opening
from search.runs.run_folder import RunFolder
from search.trials.preparation import check_same, prepare
from spaces.errors import RunError

SCORE_TOLERANCE = 1e-3
"""Largest difference allowed between a trial's stored scores and the bundle's, relative to 1 + |score|.

The scores are repeated exactly on one CPU thread. Other thread counts and processors change the last digits.
"""


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The result of a promotion.

    Args:
        test: the metrics on the test rows.
        times_opened: how often the test split was opened, this time included.
        exports: what came of the other forms of the model.
    """

    test: dict[str, Estimate]
    times_opened: int
    exports: Sequence[Exported]


def promote(run: RunFolder, choice: Choice, to: Path, *, force: bool = False) -> Promoted:
    """Writes a trial's bundle and measures it once on the test split. Where a step fails, nothing is written.

    The bundle holds `model.keras`, the forms of `search.networks.export.FORMATS`, `config.yaml`,
    `MODEL_CARD.md` and `SHA256SUMS`. That the test split was opened is noted in `test_opened.json` beside all
    runs.

    Args:
        run: the trial's run.
        choice: the trial, from `reports.bundles.picking.pick`.
        to: the bundle's folder; must be new or empty.
        force: leaves out a form of the model that cannot be made, instead of refusing.

    Raises:
        RunError: the folder is not empty or cannot be made, the data changed, the rebuilt model gives
            other scores, or an export decides otherwise.
    """
    if not is_new_or_empty(to):
        raise RunError(f"a bundle goes into a new or empty folder, but {to} is not empty")
    with replacing(to) as made:
        return _make(run, choice, made, force=force)


@contextlib.contextmanager
def replacing(to: Path) -> Iterator[Path]:
    """Yields a new folder that replaces `to` at the end; where a step fails, it is deleted.

    Raises:
        RunError: no folder can be made there, or it cannot replace `to`.
    """
    place = to.resolve()
    if os.path.ismount(place):
        raise RunError(
            f"a bundle replaces its folder whole, but {to} is where a disk is mounted; name one in it"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        private = tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent)
    except OSError as error:
        raise RunError(
            f"a bundle is built beside its folder, but in {place.parent} no folder can be made: "
            f"{error.strerror}"
        ) from None
    with private as name:
        made = Path(name) / "bundle"  # which, unlike a temporary folder, has the usual permissions
        made.mkdir()
        yield made
        try:
            os.rename(made, place)
        except OSError as error:
            raise RunError(
                f"the bundle is done, but could not become {to}: {error.strerror}", exit_code=1
            ) from None


def _make(run: RunFolder, choice: Choice, made: Path, *, force: bool) -> Promoted:
    """Writes the bundle into an empty folder. All checks are made before the test split is opened."""
    backend.import_keras()
    from search.networks import export
    from search.networks.deciders import decider_of

    study, record = run.study(), choice.record
    prepared = prepare(study, run.path, run.prepared)
    check_same(prepared, run.resolved())
    x, split = prepared.rows.x, prepared.split
    shape, dtype, path = x.shape[1:], str(x.dtype), made / "model.keras"
    export.save(export.deciding_model(record, run.weights(record.ask.trial_id), shape, dtype), path)
    model = export.load(str(path), shape, dtype)  # what is checked and measured is what ships
    said = outputs(model, Part(x, split.validation))
    _check_against_stored(run, record, said)
    margin = decider_of(record).margin
    exported = export.export(model, made, Part(x, split.validation), said, margin, force=force)
    scale = training_scale(prepared)
    opened = note_opening(run, record.ask.trial_id, datetime.now(UTC).isoformat(timespec="seconds"))
    score = outputs(model, Part(x, split.test))["score"]
    reference = prepared.test_reference(study)
    scoring = scoring_for(study, study.threshold, reference)
    test = scoring.estimates(fitted_of(record, study), score, reference)
    found = seizures(record, study, score, prepared.rows.labels.seizures(study.events))
    seen = decided_patients(reference, found, study.events)
    config = bundle_config(
        study,
        choice,
        prepared,
        run.resolved(),
        test,
        seen,
        opened,
        best_baseline(run.records()),
        exported,
        readers(made, "" if record.ask.config is None else record.ask.config.trunk),
        scale,
        run.path,
    )
    write_atomically(made / "config.yaml", config.text().encode())
    write_atomically(made / "MODEL_CARD.md", card.text(record, config).encode())
    write_sums(made)
    return Promoted(test=test.whole, times_opened=opened, exports=exported)


def _check_against_stored(run: RunFolder, record: Record, said: Outputs) -> None:
    """Shows that the rebuilt model is the trial: same scores, and same decisions where these are sure."""
    from search.networks.deciders import decider_of, sure

    _, stored = run.scores(record.ask.trial_id)
    difference = np.abs(said["score"] - stored)
    other = (difference > SCORE_TOLERANCE * (1 + np.abs(stored))).any()
    margin, expected = decider_of(record).margin(stored), decided(record, run.study(), stored)
    if margin is not None and expected is not None:
        held = np.broadcast_to(sure(margin, stored, SCORE_TOLERANCE), expected.shape)
        other |= (said["label"] != expected)[held].any()
    if other:
        raise RunError(
            f"the model rebuilt from trial {record.ask.trial_id} must give its stored scores, "
            f"but they differ by up to {difference.max():.3g}",
            exit_code=1,
        )
