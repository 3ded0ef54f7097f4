"""Collects the numbers of the page as one JSON document. The page shows nothing else."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.boards import reading
from reports.boards.columns import SCALARS, SMALLER_IS_BETTER
from reports.boards.footnotes import HEADLINES, about_events, footnotes
from reports.boards.selection import Selection
from reports.page import facts, table, task_trial, trial
from reports.page.events import Detector
from search.events.scoring import EVENT_METRICS
from search.record import Estimate, Record
from search.runs.run_folder import RunFolder
from search.scores.calibration import weights_at
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.policies import Cost
from spaces.study import Study
from spaces.tasks import TASK_NAMES, TaskName, sign_of

FORMAT = 1
DETAILED = 50
"""The best trials, this many, have curves and cuts."""

READINGS = ("value: ", "mean: ", "its fa/day: ", "ev.sens., ")
"""Footnotes that begin so explain a column; the others are warnings."""


def document(run: RunFolder, selection: Selection | None = None) -> dict[str, Any]:
    """Returns everything the page shows, ready for `json.dumps`.

    Args:
        run: a run with at least one finished trial.
        selection: see `reports.boards.selection`; None where it was not computed.

    Raises:
        RunError: no run, no finished trial, or a damaged file.
    """
    study = run.study()
    board = reading.read(run.leaderboard)
    if not board.rows:
        raise RunError(f"a page needs a finished trial, but {run.path} has none yet")
    records = {record.ask.trial_id: record for record in run.records()}
    reference = run.reference()
    detector = Detector.of(reference, study.events)
    contents = Contents(
        facts=facts.facts(run, study, list(records.values()), reference),
        table=table.columns(board.rows),
        importances=importances_of(list(records.values()), study),
        events=None if detector is None else detector.whole(),
        details={
            row["trial_id"]: detail(run, study, records[row["trial_id"]], reference, detector)
            for row in detailed(board.rows)
            if row["trial_id"] in records  # a record may be gone
        },
        selection=selection,
    )
    return assembled(run, study, board, reference, contents)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The parts of a page that take work.

    Args:
        facts: from `reports.page.facts`.
        table: from `reports.page.table.columns`.
        importances: from `importances_of`.
        events: from `reports.page.events.Detector.whole`; None where there are none.
        details: from `detail`, by trial id.
        selection: see `reports.boards.selection`; None where it was not computed.
    """

    facts: list[dict[str, Any]]
    table: dict[str, table.Column]
    importances: dict[str, Any]
    events: dict[str, Any] | None
    details: dict[str, dict[str, Any]]
    selection: Selection | None


def assembled(
    run: RunFolder, study: Study, board: reading.Leaderboard, reference: Reference, contents: Contents
) -> dict[str, Any]:
    """Returns everything that a page shows, given the parts of it that take work.

    Args:
        run: the run.
        study: its study.
        board: its leaderboard.
        reference: its validation rows.
        contents: these parts.
    """
    rows, notes, task = board.rows, footnotes(board), study.task.name
    return {
        "format": FORMAT,
        "name": run.path.resolve().name,
        "study": study.name,
        "run": shlex.quote(_as_typed(run.path)),
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "objective": study.objective.metric,
        "policy": study.threshold.policy,
        "source": facts.source(study),
        "trunk": study.trunk.name if study.trains else None,
        "about_events": about_events(rows),
        "facts": contents.facts,
        "readings": [note for note in notes if note.startswith(READINGS)],
        "caveats": [note for note in notes if not note.startswith(READINGS)],
        "costs": _costs(study),
        "rows": len(reference.y),
        "positives": None if task in HEADLINES_OF_MANY else int(reference.y.sum()),
        "headlines": HEADLINES_OF_MANY.get(task),
        "measured": [*SCALARS[task], *(EVENT_METRICS if contents.events else ())]
        if task in SCALARS
        else None,
        "trials": len(rows),
        "smaller_is_better": sorted(SMALLER_IS_BETTER | _values_if_less(study.objective.metric)),
        "table": contents.table,
        "kept": run.kept(),
        "importances": contents.importances,
        "events": contents.events,
        "details": contents.details,
        "selection": None if contents.selection is None else _selection(contents.selection),
    }


def _values_if_less(metric: str) -> frozenset[str]:
    return frozenset({"value", "value_mean"}) if sign_of(metric) < 0 else frozenset()


def detailed(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the rows that have detail: the `DETAILED` best, and every baseline."""
    measured = [row for row in rows if row["value"] is not None]
    return [row for k, row in enumerate(measured) if k < DETAILED or row["kind"] == "baseline"]


def as_text(found: Mapping[str, Any]) -> str:
    """Returns a document as JSON that cannot end the script element it stands in."""
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def detail(
    run: RunFolder, study: Study, record: Record, reference: Reference, detector: Detector | None
) -> dict[str, Any]:
    """Returns what the page draws of one trial: of two values curves and cuts.

    Args:
        run: the run.
        study: its study.
        record: the trial's; it has a value.
        reference: the run's validation rows.
        detector: of these rows; None where there are no events.
    """
    return DETAILS[study.task.name](run, study, record, reference, detector)


def _of_two(
    run: RunFolder, study: Study, record: Record, reference: Reference, detector: Detector | None
) -> dict[str, Any]:
    _, score = run.scores(record.ask.trial_id)
    y, cuts = reference.y, trial.cuts_of(reference.y, score, record.threshold_score or 0.0)
    found = {
        **trial.as_json(cuts),
        "histogram": trial.histogram(y, score),
        "reliability": None,
        "history": trial.learning_curve(record),
        "events": None,
    }
    if record.metrics["brier"].value is not None:
        moved = study.objective.prevalence if record.calibration_note is None else None
        weight = None if moved is None else weights_at(moved, y)
        found["reliability"] = trial.reliability(y, score, weight)
    if detector is not None:
        found["events"] = detector.as_json(detector.detect(score, cuts.cuts, cuts.own))
    return found


def _of_many(
    run: RunFolder, study: Study, record: Record, reference: Reference, detector: Detector | None
) -> dict[str, Any]:
    return task_trial.detail(run, study, record, reference, detector)


HEADLINES_OF_MANY = {task: headline for task, headline in HEADLINES.items() if task in SCALARS}
DETAILS: Mapping[TaskName, Callable[..., dict[str, Any]]] = {
    **dict.fromkeys(TASK_NAMES, _of_many),
    "binary": _of_two,
}


def importances_of(records: Sequence[Record], study: Study) -> dict[str, Any]:
    """Returns how much each dimension explains, from so many trials; see `search.comparison.importance`."""
    from search.comparison.importance import LEAST_TRIALS, importances, ranking

    found = importances(records, study)
    return {
        "trials": len(ranking(records)),
        "least": LEAST_TRIALS,
        "shares": None if found is None else {name: round(share, 4) for name, share in found.items()},
    }


def _selection(selection: Selection) -> dict[str, Any]:
    def estimate(found: Estimate) -> dict[str, float | None]:
        low, high = table.rounded(found.low), table.rounded(found.high)
        return {"value": found.value, "low": low, "high": high}

    return {
        "best": selection.best,
        "corrected": None if selection.corrected is None else estimate(selection.corrected),
        "values": {trial: estimate(found) for trial, found in selection.values.items()},
        "ranks": {trial: list(ends) for trial, ends in selection.ranks.items()},
        "note": selection.note,
    }


def _costs(study: Study) -> dict[str, float]:
    rule = study.threshold if isinstance(study.threshold, Cost) else Cost(policy="cost")
    return {"fp": rule.c_fp, "fn": rule.c_fn}


def _as_typed(path: Path) -> str:
    """The folder as one would type it here: relative to the current folder if it lies below it."""
    here, there = Path.cwd(), path.resolve()
    return str(there.relative_to(here)) if there.is_relative_to(here) else str(path)
