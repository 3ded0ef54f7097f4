"""The notes below a leaderboard: what its numbers are, ties, and what to beware of."""

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reports.boards.advice import worth_shipping
from reports.boards.query import QueryResult
from reports.boards.standings import mean_of
from search.events.scoring import EVENT_METRICS
from search.record import Estimate
from spaces.errors import first_of
from spaces.tasks import TaskName

if TYPE_CHECKING:
    from reports.boards.selection import Selection

NAMED = 10
"""Classes that a note names."""
EVENT_POLICY = "sensitivity_at_fa_per_day"
HEADLINES: Mapping[TaskName, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "binary": (("sens.", "val_sensitivity"), ("prec.", "val_precision")),
        "classes": (("bal.acc.", "val_balanced_accuracy"), ("macro F1", "val_macro_f1")),
        "labels": (("macro F1", "val_macro_f1"), ("micro F1", "val_micro_f1")),
        "number": (("MAE", "val_mae"), ("R2", "val_r2")),
    }
)
"""What the table shows of a row beside its value, by the task: names, and their columns."""
_AT: Mapping[TaskName, str] = MappingProxyType(
    {
        "binary": " at the threshold",
        "classes": " at the offsets",
        "labels": " at the thresholds",
        "number": "",
    }
)


def about_events(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the study asked for events: for rows ranked or thresholds chosen by them, or of classes."""
    return any(
        r["objective"] in EVENT_METRICS
        or r["threshold_policy"] == EVENT_POLICY
        or (r.get("task") is not None and r.get("event_scoring") is not None)
        for r in rows
    )


def repeated(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any row has the configuration of another one."""
    return any((row["seeds"] or 1) > 1 for row in rows)


def footnotes(
    board: QueryResult,
    chosen: "Selection | None" = None,
    why_not: str | None = None,
    edges: Sequence[str] = (),
) -> list[str]:
    """Returns notes on what the numbers mean and what to beware of.

    Args:
        board: the rows that are shown.
        chosen: ties and the corrected winner, where they are known.
        why_not: why they are not; None says nothing of it.
        edges: see `reports.boards.footnotes.edges`.
    """
    rows, facts = board.rows, board.facts
    if not rows:
        return []
    by = {"group": "groups", "recording": "recordings", "block": "blocks of time", "row": "single rows"}.get(
        rows[0]["cross_fit_by"], "unknown units"
    )
    task: TaskName = rows[0].get("task") or "binary"
    objectives = ", ".join(sorted({row["objective"] for row in rows}))
    notes = [
        f"value: {objectives}, cross-fitted over 10 half-splits by {by}; "
        f"{', '.join(name for name, _ in HEADLINES[task])}: in sample{_AT[task]}"
    ]
    if repeated(rows):
        notes.append(
            "mean: of value over the seeds of a configuration, its trials that trained equally far; it ranks"
        )
    lost = [f"{facts.best_lost} failed or have no value"] if facts.best_lost else []
    lost += [f"{facts.best_stopped} stopped early"] if facts.best_stopped else []
    if lost:
        notes.append(
            f"more trials of the best configuration: {', '.join(lost)}; its value is of the others, so it "
            "flatters"
        )
    if any(row["value"] is None and row["error"] is None for row in rows):
        notes.append("value -: on some half the metric is undefined, or its rule cannot be met")
    if about_events(rows):
        scoring = json.loads(rows[0]["event_scoring"] or "{}")
        of = f"; seizures are {first_of(scoring['positive'], NAMED)}" if "positive" in scoring else ""
        behind = (
            "its fa/day: false alarms per 24 h of the decisions behind value; " if task == "binary" else ""
        )
        notes.append(
            f"{behind}ev.sens., fa/day: seizures found and false alarms per 24 h, in sample{of}; all scored "
            f"by {scoring.get('scorer', 'no scorer')}"
        )
    if chosen is not None:
        notes += _picked(chosen, repeated(rows), facts.best)
    elif why_not is not None:
        notes.append(why_not)
    if len(facts.runs) > 1 and not facts.comparable:
        notes.append(
            "the runs differ in objective, rows or events, or do not say: their values do not compare, and "
            "ranks are each run's own"
        )
    if facts.groups_unknown:
        notes.append(
            "groups: unknown; if rows belong to patients or recordings, name them, or numbers flatter"
        )
    if any((row["groups"] or "").startswith("one") for row in rows):
        notes.append("one patient: parts are of the same patient, so values say nothing of other patients")
    if facts.leaky:
        notes.append(
            "leaky: the parts of the split are known not to be independent; do not trust these values"
        )
    if facts.best is not None and not worth_shipping(
        facts.best["value_mean"], facts.best_baseline, facts.best["objective"]
    ):
        notes.append("no trial is better than the best baseline")
    return [*notes, *edges]


def _picked(chosen: "Selection", seeds: bool, best: Mapping[str, Any] | None) -> list[str]:
    """Notes on the winner's value, as measured and corrected, and on the trials that tie with it."""
    notes, noun = [], "configurations" if seeds else "trials"
    low, high = chosen.ranks.get(chosen.best or "", (1, 1))
    if low != high:
        notes.append(
            f"rank {low}-{high}: {high - low + 1} {noun} that {chosen.unit_count} {chosen.units} cannot tell "
            "from the best (comparison with the best by paired bootstrap, 95%)"
        )
    measured = chosen.values.get(chosen.best or "")
    if measured is not None and measured.value is not None and chosen.corrected is not None:
        of_seeds = mean_of(best["seeds"] or 1, ",") if best and best["trial_id"] == chosen.best else ""
        notes.append(
            f"best: trial {chosen.best}{of_seeds} has {_with_interval(measured)} as measured on the rows "
            f"it was picked by; {_with_interval(chosen.corrected)} corrected for having been picked from "
            f"{chosen.trials} (bootstrap bias corrected cross-validation, Tsamardinos 2018)"
        )
    return notes + ([chosen.note] if chosen.note else [])


def _with_interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "an undefined value"
    ends = (
        ""
        if estimate.low is None or estimate.high is None
        else f" ({estimate.low:.3f} to {estimate.high:.3f})"
    )
    return f"{estimate.value:.3f}{ends}"


EDGE = 0.05
"""A value within this share of its range, on its own scale, lies at an end of it."""
FLOORS = {"dropout": 0.0, "label_smoothing": 0.0, "focal_gamma": 0.0}
"""Lowest values that these settings can have: a best value there gets no note."""


def edges(best: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    """Returns a line for each drawn number of the best trial that lies at an end of its range.

    Args:
        best: its row of the leaderboard.
        study: the run's study with every default, as `study.yaml` holds it.
    """
    if best["kind"] != "search" or not best["params"]:
        return []
    drawn: dict[str, Any] = json.loads(best["params"])
    notes = []
    for name, values in study["space"].items():
        if name not in drawn or not isinstance(values, Mapping) or not {"low", "high"} <= values.keys():
            continue
        low, high, value = float(values["low"]), float(values["high"]), float(drawn[name])
        if low == high:
            continue
        place = _share(low, high, value, log=bool(values.get("log")))
        end = "lower" if place <= EDGE else "upper" if place >= 1 - EDGE else None
        if end is None or (end == "lower" and FLOORS.get(name) == low):
            continue
        notes.append(
            f"{name} {value:.2g} of the best trial lies at the {end} end of its range ({low:g} to {high:g}): "
            f"widen space.{name}"
        )
    epochs = study["training"]["epochs"]
    if best["best_epoch"] is not None and best["best_epoch"] == best["epochs"] == epochs:
        notes.append(f"the best trial was still improving in its last epoch, {epochs}: raise training.epochs")
    return notes


def _share(low: float, high: float, value: float, *, log: bool) -> float:
    """How far up a range a value lies, from 0 to 1."""
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)
