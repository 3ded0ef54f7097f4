"""Summarises the folds of `verify`: spread over groups, all rows together, and the worst group."""

import io
import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from reports.boards.standings import Standings
from reports.boards.table import Column, lay_out, number
from search.events.scoring import EVENT_METRICS, EventCounts
from search.files import write_atomically
from search.record import Estimate, Record, defined
from search.runs.run_folder import RunFolder
from search.scores.bootstrap import REPEATS, interval, resampled_counts
from search.scores.metrics import F64, METRICS, PROBABILITY_METRICS, RANKING_METRICS, Counts
from search.trials.verification import HeldOut
from spaces.errors import RunError

METRIC_NAMES = (*METRICS, *RANKING_METRICS, *PROBABILITY_METRICS, *EVENT_METRICS)
_Sums = TypeVar("_Sums")
_TEXT, _FLOAT, _INT = pa.string(), pa.float64(), pa.int64()
SCHEMA = pa.schema(
    [
        ("group", _TEXT),
        ("fold", _INT),
        *((name, _INT) for name in ("rows", "positives", "tp", "fp", "tn", "fn")),
        *((name, _FLOAT) for name in METRIC_NAMES),
        ("hours", _FLOAT),
        *((name, _INT) for name in ("seizures", "seizures_found", "false_alarms")),
        *((name, _FLOAT) for name in ("delay_s", "threshold_score", "threshold")),
        *((name, _FLOAT) for name in ("calibration_a", "calibration_b")),
        ("calibration_note", _TEXT),
        ("epochs", _INT),
        ("best_epoch", _INT),
        ("train_s", _FLOAT),
        ("seed", _INT),
    ],
    metadata={
        "": "one row per held-out group, measured by a model of its fold, which never saw it; "
        "threshold_score to seed are the fold's"
    },
)
"""The columns of a verification, one row per held-out group. Undefined is null."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a verification's summary says beside its measurements.

    Args:
        record: the trial.
        k: number of folds.
        leaks: signs that folds share content, which the study accepted.
        seed: of the study: it drew the folds, and draws the intervals.
        digests: of data, split, study and code, as they are now.
        finished_at: the time of its end, in ISO 8601.
    """

    record: Record
    k: int
    leaks: tuple[str, ...]
    seed: int
    digests: Mapping[str, str]
    finished_at: str


def pick(run: RunFolder, trial_id: str | None) -> Record:
    """Returns the trial to verify: the one named, or the best that was trained.

    Raises:
        RunError: no such trial, or nothing was trained in it.
    """
    if trial_id is None:
        trained = [r for r in run.records() if r.ask.config is not None and r.value is not None]
        if not trained:
            raise RunError(f"{run.path} has no trained trial with a value", exit_code=1)
        return max(trained, key=Standings(trained).merit)
    chosen = run.record(trial_id)
    if chosen.ask.config is None or chosen.state == "failed":
        what = f"failed: {chosen.error}" if chosen.error else f"the baseline {chosen.ask.baseline}"
        raise RunError(f"only a trained trial can be verified, but {trial_id} is {what}")
    return chosen


def summarise(groups: Sequence[HeldOut], facts: Facts) -> dict[str, Any]:
    """Returns the content of the summary file.

    A mean counts every group once and leaves out groups where the metric is undefined. Pooled metrics are of
    all held-out rows (events: recordings) together, each decided by its own fold; there are none of rankings
    and probabilities, for scores of different models have no common scale. Intervals are by bootstrap over
    groups.
    """
    record = facts.record
    return {
        "trial_id": record.ask.trial_id,
        "folds": {"by": "group", "number": facts.k, "leave_one_out": facts.k == len(groups)},
        "groups": len(groups),
        "rows": sum(held.rows for held in groups),
        "positives": sum(held.positives for held in groups),
        "leaky": bool(facts.leaks),
        "leaks": list(facts.leaks),
        "objective": record.objective,
        "value_in_search": record.value,
        "search_leaky": record.leaky,
        "over_groups": _spreads(groups),
        "pooled": {name: asdict(found) for name, found in _pooled(groups, facts.seed).items()},
        "worst": _worst(groups, record.objective),
        "train_s": round(sum({held.fold: held.train_s for held in groups}.values()), 3),
        "seed": facts.seed,
        **facts.digests,
        "finished_at": facts.finished_at,
    }


def write(run: RunFolder, groups: Sequence[HeldOut], summary: Mapping[str, Any]) -> Path:
    """Writes `verify/TRIAL.parquet` and `verify/TRIAL.json`, each in one step; returns the former."""
    path = run.path / "verify" / f"{summary['trial_id']}.parquet"
    path.parent.mkdir(exist_ok=True)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_row(held) for held in groups], SCHEMA), sink)
    write_atomically(path, sink.getvalue())
    write_atomically(path.with_suffix(".json"), json.dumps(summary, indent=1, allow_nan=False).encode())
    return path


def _row(held: HeldOut) -> dict[str, Any]:
    found = {**asdict(held), **held.metrics}
    del found["metrics"]
    return found


def _spreads(groups: Sequence[HeldOut]) -> dict[str, dict[str, float | int | None]]:
    found: dict[str, dict[str, float | int | None]] = {}
    for name in METRIC_NAMES:
        values = [value for held in groups if (value := held.metrics[name]) is not None]
        found[name] = {
            "mean": statistics.fmean(values) if values else None,
            "sd": statistics.stdev(values) if len(values) > 1 else None,
            "min": min(values, default=None),
            "max": max(values, default=None),
            "defined": len(values),
        }
    return found


def _pooled(groups: Sequence[HeldOut], seed: int) -> dict[str, Estimate]:
    cells = np.array([(held.tp, held.fp, held.tn, held.fn) for held in groups], np.float64)
    events = np.array(
        [
            (held.seizures_found, held.false_alarms, held.seizures, held.hours * 3600)
            for held in groups
            if held.hours is not None
        ],
        np.float64,
    ).reshape(-1, 4)
    return _of_sums(cells, Counts, METRICS, seed) | _of_sums(events, EventCounts, EVENT_METRICS, seed)


def _of_sums(
    table: F64, kind: Callable[..., _Sums], metrics: Mapping[str, Callable[[_Sums], F64]], seed: int
) -> dict[str, Estimate]:
    """Metrics of the sums of counts `(groups, 4)`, with their intervals."""
    whole = kind(*table.sum(axis=0))
    drawn = kind(*resampled_counts(table, REPEATS, np.random.default_rng(seed)).T) if len(table) > 1 else None
    found = {}
    for name, metric in metrics.items():
        low, high = (math.nan, math.nan) if drawn is None else interval(metric(drawn))
        value = float(metric(whole))
        found[name] = Estimate(value=defined(value), low=defined(low), high=defined(high))
    return found


def _worst(groups: Sequence[HeldOut], objective: str) -> list[dict[str, Any]]:
    """The worst group by the objective, and by what is missed and what is falsely alarmed."""
    timed = any(held.hours is not None for held in groups)
    names = (objective, *(("event_sensitivity", "fa_per_day") if timed else ("sensitivity", "specificity")))
    found = []
    for name in dict.fromkeys(names):
        known = [(value, held.group) for held in groups if (value := held.metrics[name]) is not None]
        if not known:
            continue
        value, group = min(known, key=lambda pair: (-pair[0] if name == "fa_per_day" else pair[0], pair[1]))
        found.append({"by": name, "group": group, "value": value})
    return found


SHOWN = 30
"""Groups that are listed."""
SHORT = {"sensitivity": "sens.", "specificity": "spec.", "event_sensitivity": "event sens."}
"""Metrics that have a column of their own, whatever the objective."""


def verification_shown(
    groups: Sequence[HeldOut], summary: Mapping[str, Any], title: str, width: int
) -> Iterator[Table | str]:
    """Yields a table and lines, for a terminal.

    Args:
        groups: one per held-out group.
        summary: from `reports.boards.verification.summarise`.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
    """
    objective, timed = str(summary["objective"]), any(held.hours is not None for held in groups)
    from_worst = sorted(groups, key=lambda held: _badness(held, objective))
    yield lay_out(title, _columns(objective, timed), from_worst[:SHOWN], width)
    if len(groups) > SHOWN:
        yield f"{len(groups) - SHOWN} more groups are in the file"
    beside = ("event_sensitivity", "fa_per_day") if timed else ("sensitivity", "specificity")
    shown = list(dict.fromkeys((objective, *beside)))
    for name in shown:
        yield _mean(name, summary)
    for name in shown:
        yield _pooled_line(name, summary)
    for worst in summary["worst"]:
        yield f"worst by {worst['by']}: {worst['group']} ({number(worst['value'])})"
    flattered = "; on a leaky split, so flattered" if summary["search_leaky"] else ""
    yield (
        f"in the search: {objective} {number(summary['value_in_search'])} (cross-fitted on its validation "
        f"rows{flattered})"
    )
    if summary["leaky"]:
        yield f"leaky: folds are not independent, so do not trust these values: {'; '.join(summary['leaks'])}"
    yield "the test split stays closed, it is for promote; the weights that ship stay the trial's own"


def _columns(objective: str, timed: bool) -> list[Column[HeldOut]]:
    found = [
        Column("group", lambda held: held.group, number=False),
        Column("fold", lambda held: str(held.fold)),
        Column("rows", lambda held: str(held.rows), least_width=100),
        Column("positive", lambda held: str(held.positives)),
        *([] if objective in SHORT else [_metric(objective, objective)]),
        _metric("sensitivity", SHORT["sensitivity"], 100 if timed and objective != "sensitivity" else 0),
        _metric("specificity", SHORT["specificity"], 100 if timed and objective != "specificity" else 0),
    ]
    if timed:
        found += [
            _metric("event_sensitivity", SHORT["event_sensitivity"]),
            _metric("fa_per_day", "fa/day"),
            Column("hours", lambda held: number(held.hours, 2), least_width=140),
            Column("seizures", lambda held: "-" if held.seizures is None else str(held.seizures)),
            Column("delay s", lambda held: number(held.delay_s, 1), least_width=100),
        ]
    return [
        *found,
        Column("threshold", lambda held: number(held.threshold), least_width=120),
        Column("epochs", lambda held: str(held.epochs), least_width=140),
        Column("seconds", lambda held: f"{held.train_s:.0f}", least_width=140),
    ]


def _metric(metric: str, name: str, least_width: int = 0) -> Column[HeldOut]:
    return Column(name, lambda held: number(held.metrics[metric]), least_width=least_width)


def _badness(held: HeldOut, objective: str) -> tuple[bool, float, str]:
    value = held.metrics[objective]
    return value is None, value or 0.0, held.group


def _mean(name: str, summary: Mapping[str, Any]) -> str:
    found = summary["over_groups"][name]
    return (
        f"over groups: {name} {number(found['mean'])}, standard deviation {number(found['sd'])}, "
        f"{number(found['min'])} to {number(found['max'])}, defined for {found['defined']} of "
        f"{summary['groups']}"
    )


def _pooled_line(name: str, summary: Mapping[str, Any]) -> str:
    if name not in summary["pooled"]:
        return f"pooled: no {name}, for scores of different models have no common scale"
    found = summary["pooled"][name]
    return (
        f"pooled: {name} {number(found['value'])} "
        f"(95% interval {number(found['low'])} to {number(found['high'])})"
    )
