"""Picks a column of given scores and writes its decision."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from reports.boards.requirements import Requirement, check_scored, other_thresholds, unmet
from reports.bundles.config import prevalence_of
from reports.bundles.picking import check_decides, row_of_record, short, with_threshold
from reports.bundles.promotion import replacing
from reports.decisions import decision_folder, judged_bundle
from reports.decisions.decide import GIVEN
from reports.decisions.decision_folder import Decision
from reports.decisions.judged_bundle import is_judged, takes_of
from search.data.rows import Labels
from search.data.sources.scores import Scale
from search.record import Record
from search.runs.parquet_files import read_table
from search.runs.run_folder import RunFolder
from search.scores.calibration import Calibration
from spaces.errors import RunError
from spaces.study import Study

_SCALES = TypeAdapter(dict[str, Scale])
_LABELS = TypeAdapter(Labels)


def promote(
    run: RunFolder,
    to: Path,
    trial_id: str | None = None,
    requirements: Sequence[Requirement] = (),
    threshold_score: float | None = None,
    *,
    force: bool = False,
) -> Decision:
    """Writes the decision of a row to a folder.

    Args:
        run: a run of given scores.
        to: the folder, new or empty.
        trial_id: the row; None takes the best by value.
        requirements: what the row must meet at the threshold that ships.
        threshold_score: replaces the row's threshold.
        force: writes a decision that is the same for every row.

    Raises:
        RunError: no such row, events required of a run without, the row has no value or does not meet the
            requirements, or its decision is constant.
    """
    check_scored(requirements, run)
    record = _picked(run, trial_id, requirements)
    by_hand = threshold_score is not None
    if threshold_score is not None:
        record, _ = with_threshold(run, record, threshold_score, force=force)
    row = row_of_record(record)
    if unmet(row, requirements):
        raise RunError(
            f"{record.ask.column} does not meet {', '.join(map(str, requirements))} at its threshold: "
            f"{short(row, requirements)}{other_thresholds(requirements, run)}",
            exit_code=1,
        )
    if not by_hand:
        check_decides(record)
    found = decision_of(run.resolved(), record, run.study(), by_hand=by_hand)
    given = _given(run, found)
    if not np.array_equal(found.scale.raw(given), run.raw_scores(record.ask.trial_id)):
        raise RunError(f"the files of {run.path} do not belong together: its raw scores are of other scores")
    if not is_judged(run):
        decision_folder.write(found, to, given)
        return found
    decision_folder.check_place(to)
    with replacing(to) as made:
        decision_folder.write(found, made, given)
        judged_bundle.write(run, record, found, made)
    return found


def decision_of(resolved: Mapping[str, Any], record: Record, study: Study, *, by_hand: bool) -> Decision:
    """Returns the decision that a record holds."""
    column = str(record.ask.column)
    measured = {name: found.value for name, found in record.metrics.items()}
    moved = prevalence_of(record, study)
    return Decision(
        column=column,
        scale=_SCALES.validate_python(resolved["scales"])[column],
        calibration=Calibration(float(record.calibration_a or 1), float(record.calibration_b or 0)),
        calibrated=record.metrics["brier"].value is not None,
        threshold_score=float(record.threshold_score or 0),
        labels=_LABELS.validate_python(resolved["labels"]),
        told={
            "chosen_by": "hand" if by_hand else study.threshold.policy,
            "objective": record.objective,
            "value": record.value,
            "cross_fit_by": record.cross_fit_by,
            "groups": record.groups,
            "rows": resolved["rows"],
            "in_sample": measured,
            "events": record.event_scoring,
            **({} if moved is None else {"prevalence": moved}),
            **takes_of(resolved),
            **{name: resolved[name] for name in ("run_id", "data_digest", "code_digest", "versions")},
        },
    )


def _picked(run: RunFolder, trial_id: str | None, requirements: Sequence[Requirement]) -> Record:
    if trial_id is not None:
        record = run.record(trial_id)
        if record.state == "failed":
            raise RunError(f"{record.ask.column} has no threshold: {record.error}")
        return record
    measured = [record for record in run.records() if record.value is not None]
    if not measured:
        raise RunError(f"{run.path} has no row with a value", exit_code=1)
    fitting = [record for record in measured if not unmet(row_of_record(record), requirements)] or measured
    return max(fitting, key=lambda record: (record.merit, -record.ask.number))


def _given(run: RunFolder, found: Decision) -> NDArray[np.float64]:
    table = read_table(run.path / GIVEN, "decide again from the scores", [found.column])
    return np.asarray(table[found.column].to_numpy())
