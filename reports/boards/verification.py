"""Summarises the folds of `verify`: spread over groups, all rows together, and the worst group."""

import io
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from reports.boards.standings import Standings
from reports.boards.table import Column, lay_out, number
from reports.boards.verification_by_task import SHOWN, VERIFIED, row_of, schema_of
from search.files import write_atomically
from search.record import Record
from search.runs.run_folder import RunFolder
from search.trials.verification import HeldOutGroup
from spaces.errors import RunError
from spaces.tasks import TaskName, sign_of


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


def summarise(groups: Sequence[HeldOutGroup[Any]], facts: Facts) -> dict[str, Any]:
    """Returns the content of the summary file.

    A mean counts every group once and leaves out groups where the metric is undefined. Pooled metrics are of
    all held-out rows (events: recordings) together, each decided by its own fold; there are none of rankings
    and probabilities, for scores of different models have no common scale. Intervals are by bootstrap over
    groups.
    """
    record, asked = facts.record, VERIFIED[facts.record.task]
    pooled = {name: [asdict(one) for one in of] for name, of in asked.pooled(groups, facts.seed).items()}
    known = [name for name in asked.metrics if any(name in held.metrics for held in groups)]
    each: dict[str, Any] = {}
    if record.answers is not None:
        each = {
            "answers": list(record.answers),
            "each_over_groups": {name: _spreads_of_each(groups, name) for name in asked.each},
            "each_pooled": {name: pooled[name] for name in asked.each if name in pooled},
        }
    return {
        "trial_id": record.ask.trial_id,
        "folds": {"by": "group", "number": facts.k, "leave_one_out": facts.k == len(groups)},
        "groups": len(groups),
        "rows": sum(held.rows for held in groups),
        **asked.facts(groups),
        "leaky": bool(facts.leaks),
        "leaks": list(facts.leaks),
        "objective": record.objective,
        "value_in_search": record.value,
        "search_leaky": record.leaky,
        "over_groups": {name: _spread([held.metrics.get(name) for held in groups]) for name in known},
        "pooled": {name: of[0] for name, of in pooled.items() if name in asked.metrics},
        **each,
        "worst": _worst(groups, (record.objective, *asked.beside(groups))),
        "train_s": round(sum({held.fold: held.train_s for held in groups}.values()), 3),
        "seed": facts.seed,
        **facts.digests,
        "finished_at": facts.finished_at,
    }


def write(
    run: RunFolder, groups: Sequence[HeldOutGroup[Any]], summary: Mapping[str, Any], record: Record
) -> Path:
    """Writes `verify/TRIAL.parquet` and `verify/TRIAL.json`, each in one step; returns the former."""
    path = run.path / "verify" / f"{summary['trial_id']}.parquet"
    path.parent.mkdir(exist_ok=True)
    rows = [row_of(held, record.answers or ()) for held in groups]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema_of(record.task)), sink)
    write_atomically(path, sink.getvalue())
    write_atomically(path.with_suffix(".json"), json.dumps(summary, indent=1, allow_nan=False).encode())
    return path


Spread = dict[str, float | int | None]


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    return {
        "mean": statistics.fmean(known) if known else None,
        "sd": statistics.stdev(known) if len(known) > 1 else None,
        "min": min(known, default=None),
        "max": max(known, default=None),
        "defined": len(known),
    }


def _spreads_of_each(groups: Sequence[HeldOutGroup[Any]], name: str) -> list[Spread]:
    """The spread of a metric of each class or label."""
    return [_spread(values) for values in zip(*(held.measured.each[name] for held in groups), strict=True)]


def _worst(groups: Sequence[HeldOutGroup[Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The worst group by each of some metrics."""
    found = []
    for name in dict.fromkeys(names):
        known = [(value, held.group) for held in groups if (value := held.metrics[name]) is not None]
        if not known:
            continue
        value, group = min(known, key=lambda pair: (_goodness(name, pair[0]), pair[1]))
        found.append({"by": name, "group": group, "value": value})
    return found


def _goodness(metric: str, value: float) -> float:
    return -value if metric == "fa_per_day" else sign_of(metric) * value


def verification_shown(
    groups: Sequence[HeldOutGroup[Any]], summary: Mapping[str, Any], title: str, width: int, task: TaskName
) -> Iterator[Table | str]:
    """Yields tables and lines, for a terminal.

    Args:
        groups: one per held-out group.
        summary: from `reports.boards.verification.summarise`.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
        task: what is asked.
    """
    objective, asked = str(summary["objective"]), VERIFIED[task]
    from_worst = sorted(groups, key=lambda held: _badness(held, objective))
    yield lay_out(title, _columns(asked.shown(groups, objective)), from_worst[:SHOWN], width)
    if len(groups) > SHOWN:
        yield f"{len(groups) - SHOWN} more groups are in the file"
    yield from asked.tables(summary)
    shown = list(dict.fromkeys((objective, *asked.beside(groups))))
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


def _columns(of_task: list[Column[HeldOutGroup[Any]]]) -> list[Column[HeldOutGroup[Any]]]:
    return [
        Column("group", lambda held: held.group, number=False),
        Column("fold", lambda held: str(held.fold)),
        Column("rows", lambda held: str(held.rows), least_width=100),
        *of_task,
        Column("epochs", lambda held: str(held.epochs), least_width=140),
        Column("seconds", lambda held: f"{held.train_s:.0f}", least_width=140),
    ]


def _badness(held: HeldOutGroup[Any], objective: str) -> tuple[bool, float, str]:
    value = held.metrics[objective]
    return value is None, 0.0 if value is None else _goodness(objective, value), held.group


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
