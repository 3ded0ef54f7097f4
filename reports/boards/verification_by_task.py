"""What `verify` writes and shows of each task: columns of groups, sums over them, and what stands beside."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from rich.table import Table

from reports.boards.columns import EACH, REJECTED, SCALARS
from reports.boards.table import Column, lay_out, number
from search.evaluation.tallies import ClassTally, EventTally, LabelTally, NumberTally, TallyT, TwoTally
from search.events.scoring import EVENT_METRICS, EventCounts
from search.record import Estimate, defined
from search.scores import regression
from search.scores.bootstrap import REPEATS, interval, resampled_counts
from search.scores.metrics import F64, METRICS, PROBABILITY_METRICS, RANKING_METRICS, Counts
from search.scores.multiclass import metrics as of_classes
from search.scores.multiclass.decisions import ClassCounts, class_counts
from search.scores.multilabel import metrics as of_labels
from search.trials.verification import HeldOutGroup
from spaces.tasks import TaskName

SHOWN = 30
"""Groups, and classes or labels, that are listed."""
_TEXT, _FLOAT, _INT = pa.string(), pa.float64(), pa.int64()
_FLOATS, _INTS = pa.list_(_FLOAT), pa.list_(_INT)
Pooled = Mapping[str, tuple[Estimate, ...]]
"""Metrics of sums over groups, by name: one of all classes together, or one of each."""

Columns = list[Column[HeldOutGroup[Any]]]
"""Of a table with a row for each held-out group."""


class Verified(Protocol[TallyT]):
    """What a verification asks of a task; a value without state."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of a group, each with a column and a spread."""

    @property
    def each(self) -> tuple[str, ...]:
        """Those of each class or label."""

    @property
    def columns(self) -> tuple[list[tuple[str, pa.DataType]], list[tuple[str, pa.DataType]]]:
        """The columns of the file before the metrics and after them, without those that all tasks share."""

    def facts(self, groups: Sequence[HeldOutGroup[TallyT]]) -> dict[str, Any]:
        """What the summary says of the rows beside their number."""

    def pooled(self, groups: Sequence[HeldOutGroup[TallyT]], seed: int) -> Pooled:
        """The metrics of all held-out rows together that sums tell, with intervals over groups."""

    def beside(self, groups: Sequence[HeldOutGroup[TallyT]]) -> tuple[str, ...]:
        """The metrics that are told beside the objective."""

    def shown(self, groups: Sequence[HeldOutGroup[TallyT]], objective: str) -> Columns:
        """The columns of a terminal's table between `rows` and `epochs`."""

    def tables(self, summary: Mapping[str, Any]) -> Iterator[Table]:
        """Further tables for a terminal."""


_OF_EVENTS = [
    ("hours", _FLOAT),
    *((name, _INT) for name in ("seizures", "seizures_found", "false_alarms")),
    ("delay_s", _FLOAT),
]


class _OfTwo:
    metrics = (*METRICS, *RANKING_METRICS, *PROBABILITY_METRICS, *EVENT_METRICS)
    each = ()
    columns = (
        [(name, _INT) for name in ("positives", "tp", "fp", "tn", "fn")],
        [
            *_OF_EVENTS,
            *((name, _FLOAT) for name in ("threshold_score", "threshold")),
            *((name, _FLOAT) for name in ("calibration_a", "calibration_b")),
            ("calibration_note", _TEXT),
        ],
    )

    def facts(self, groups: Sequence[HeldOutGroup[TwoTally]]) -> dict[str, Any]:
        return {"positives": sum(held.tally.positives for held in groups)}

    def pooled(self, groups: Sequence[HeldOutGroup[TwoTally]], seed: int) -> Pooled:
        tallies = [held.tally for held in groups]
        cells = np.array([(one.tp, one.fp, one.tn, one.fn) for one in tallies], np.float64)
        decisions = _of_sums(cells, lambda sums: _measured(METRICS, Counts(*sums.T)), seed)
        return {**decisions, **_of_events(tallies, seed)}

    def beside(self, groups: Sequence[HeldOutGroup[TwoTally]]) -> tuple[str, ...]:
        return ("event_sensitivity", "fa_per_day") if _timed(groups) else ("sensitivity", "specificity")

    def shown(self, groups: Sequence[HeldOutGroup[TwoTally]], objective: str) -> Columns:
        timed = _timed(groups)
        found: Columns = [
            Column("positive", lambda held: str(held.tally.positives)),
            *([] if objective in SHORT else [_metric(objective, objective)]),
            _metric("sensitivity", SHORT["sensitivity"], 100 if timed and objective != "sensitivity" else 0),
            _metric("specificity", SHORT["specificity"], 100 if timed and objective != "specificity" else 0),
        ]
        found += _event_columns() if timed else []
        threshold: Column[HeldOutGroup[Any]] = Column(
            "threshold", lambda held: number(held.described.threshold), least_width=120
        )
        return [*found, threshold]

    def tables(self, summary: Mapping[str, Any]) -> Iterator[Table]:
        yield from ()


SHORT = {"sensitivity": "sens.", "specificity": "spec.", "event_sensitivity": "event sens."}
"""Metrics that have a column of their own, whatever the objective."""


def _timed(groups: Sequence[HeldOutGroup[Any]]) -> bool:
    return any(held.tally.hours is not None for held in groups)


def _of_events(tallies: Sequence[EventTally], seed: int) -> Pooled:
    """The event metrics of all recordings together."""
    events = np.array(
        [
            (one.seizures_found, one.false_alarms, one.seizures, one.hours * 3600)
            for one in tallies
            if one.hours is not None
        ],
        np.float64,
    ).reshape(-1, 4)
    return _of_sums(events, lambda sums: _measured(EVENT_METRICS, EventCounts(*sums.T)), seed)


def _event_columns() -> Columns:
    return [
        _metric("event_sensitivity", SHORT["event_sensitivity"]),
        _metric("fa_per_day", "fa/day"),
        Column("hours", lambda held: number(held.tally.hours, 2), least_width=140),
        Column("seizures", lambda held: _count(held.tally.seizures)),
        Column("delay s", lambda held: number(held.tally.delay_s, 1), least_width=100),
    ]


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _metric(metric: str, name: str, least_width: int = 0) -> Column[HeldOutGroup[Any]]:
    return Column(name, lambda held: number(held.metrics[metric]), least_width=least_width)


class _OfClasses:
    metrics = (*SCALARS["classes"], *REJECTED, *EVENT_METRICS)
    each = EACH
    columns = (
        [("confusion", pa.list_(_INTS))],
        [
            *(*_OF_EVENTS, ("offsets", _FLOATS), ("reject_below", _FLOAT)),
            *(("calibration_a", _FLOAT), ("calibration_b", _FLOAT), ("calibration_note", _TEXT)),
        ],
    )

    def facts(self, groups: Sequence[HeldOutGroup[ClassTally]]) -> dict[str, Any]:
        return {"task": "classes", "confusion": _confusions(groups).sum(axis=0).astype(int).tolist()}

    def pooled(self, groups: Sequence[HeldOutGroup[ClassTally]], seed: int) -> Pooled:
        matrices = _confusions(groups)
        rejects = any(held.described.reject_below is not None for held in groups)
        counts = [class_counts(matrices), *([class_counts(matrices, decided_alone=True)] * rejects)]
        cells = np.hstack([part for one in counts for part in (one.right, one.decided, one.actual)])

        def measure(sums: F64) -> dict[str, F64]:
            all_rows, *known = (
                ClassCounts(*np.split(of, 3, axis=-1)) for of in np.split(sums, len(counts), axis=-1)
            )
            found = _measured(of_classes.DECISION_METRICS | of_classes.CLASS_METRICS, all_rows)
            for of in known:
                found["coverage"] = of_classes.coverage(all_rows)
                decided = _measured(of_classes.DECISION_METRICS, of)
                found |= {f"decided_{name}": value for name, value in decided.items()}
            return found

        events = _of_events([held.tally for held in groups], seed) if _timed(groups) else {}
        return {**_of_sums(cells, measure, seed), **events}

    def beside(self, groups: Sequence[HeldOutGroup[ClassTally]]) -> tuple[str, ...]:
        return ("event_sensitivity", "fa_per_day") if _timed(groups) else ("accuracy", "weighted_f1")

    def shown(self, groups: Sequence[HeldOutGroup[ClassTally]], objective: str) -> Columns:
        classes: Column[HeldOutGroup[Any]] = Column(
            "classes", lambda held: str(sum(any(row) for row in held.tally.confusion))
        )
        if _timed(groups):
            return [classes, _metric(objective, objective), *_event_columns()]
        return [classes, *_beside(objective, self.beside(groups))]

    def tables(self, summary: Mapping[str, Any]) -> Iterator[Table]:
        yield from _of_each(summary, "class", [sum(row) for row in summary["confusion"]])


def _confusions(groups: Sequence[HeldOutGroup[ClassTally]]) -> F64:
    """The confusion matrices of all groups, `(groups, K, K + 1)`."""
    return np.array([held.tally.confusion for held in groups], np.float64)


class _OfLabels:
    metrics = SCALARS["labels"]
    each = EACH
    columns = (
        [*((name, _INTS) for name in ("right", "decided", "actual")), ("exact", _INT)],
        [
            *(("thresholds", _FLOATS), ("top_k", _INT)),
            *(("calibrations_a", _FLOATS), ("calibrations_b", _FLOATS), ("calibration_note", _TEXT)),
        ],
    )

    def facts(self, groups: Sequence[HeldOutGroup[LabelTally]]) -> dict[str, Any]:
        sums = np.array([held.tally.actual for held in groups]).sum(axis=0)
        return {"task": "labels", "positives": sums.tolist()}

    def pooled(self, groups: Sequence[HeldOutGroup[LabelTally]], seed: int) -> Pooled:
        cells = np.array(
            [
                (*one.right, *one.decided, *one.actual, one.exact, held.rows)
                for held in groups
                for one in [held.tally]
            ],
            np.float64,
        )

        def measure(sums: F64) -> dict[str, F64]:
            counts = of_labels.label_counts(sums)
            return _measured(of_labels.DECISION_METRICS, counts) | _measured(
                of_classes.CLASS_METRICS, counts.each
            )

        return _of_sums(cells, measure, seed)

    def beside(self, groups: Sequence[HeldOutGroup[LabelTally]]) -> tuple[str, ...]:
        return ("subset_accuracy", "micro_f1")

    def shown(self, groups: Sequence[HeldOutGroup[LabelTally]], objective: str) -> Columns:
        labels: Column[HeldOutGroup[Any]] = Column(
            "labels", lambda held: str(sum(map(bool, held.tally.actual)))
        )
        return [labels, *_beside(objective, self.beside(groups))]

    def tables(self, summary: Mapping[str, Any]) -> Iterator[Table]:
        yield from _of_each(summary, "label", summary["positives"])


class _OfNumber:
    metrics = SCALARS["number"]
    each = ()
    columns = ([("target_mean", _FLOAT), ("target_sd", _FLOAT)], list[tuple[str, pa.DataType]]())

    def facts(self, groups: Sequence[HeldOutGroup[NumberTally]]) -> dict[str, Any]:
        return {"task": "number"}

    def pooled(self, groups: Sequence[HeldOutGroup[NumberTally]], seed: int) -> Pooled:
        # Of means and roots: a group has no other sums of its errors in its row.
        n = np.array([held.rows for held in groups], np.float64)
        mae, rmse = (
            np.array([held.metrics[name] for held in groups], np.float64) for name in ("mae", "rmse")
        )
        mean = np.array([held.tally.target_mean for held in groups])
        spread = np.array([held.tally.target_sd for held in groups])
        centred = mean - n @ mean / n.sum()
        each_row = (np.ones(len(n)), mae, np.square(rmse), centred, np.square(spread) + np.square(centred))
        return _of_sums(n[:, None] * np.column_stack(each_row), regression.of_sums, seed)

    def beside(self, groups: Sequence[HeldOutGroup[NumberTally]]) -> tuple[str, ...]:
        return ("mae", "r2")

    def shown(self, groups: Sequence[HeldOutGroup[NumberTally]], objective: str) -> Columns:
        targets: Columns = [
            Column("mean", lambda held: number(held.tally.target_mean)),
            Column("sd", lambda held: number(held.tally.target_sd)),
        ]
        return [*targets, *_beside(objective, self.beside(groups))]

    def tables(self, summary: Mapping[str, Any]) -> Iterator[Table]:
        yield from ()


def _beside(objective: str, others: Sequence[str]) -> Columns:
    return [_metric(name, name) for name in dict.fromkeys((objective, *others))]


def _of_each(summary: Mapping[str, Any], what: str, rows: Sequence[int]) -> Iterator[Table]:
    """The classes or labels in all held-out rows together."""
    pooled, answers = summary["each_pooled"], summary["answers"]
    columns: list[Column[int]] = [
        Column(what, lambda k: str(answers[k]), number=False),
        Column("rows", lambda k: str(rows[k])),
    ]
    for name in of_classes.CLASS_METRICS:
        columns += _pooled_of_each(name, pooled[name])
    more = "" if len(answers) <= SHOWN else f", the first {SHOWN} of {len(answers)}"
    yield lay_out(f"all held-out rows together{more}", columns, range(len(answers))[:SHOWN])


def _pooled_of_each(name: str, found: Sequence[Mapping[str, float | None]]) -> list[Column[int]]:
    return [Column(name, lambda k: number(found[k]["value"])), Column("95%", lambda k: _interval(found[k]))]


def _interval(found: Mapping[str, float | None]) -> str:
    low, high = found["low"], found["high"]
    return "-" if low is None or high is None else f"{low:.2f}-{high:.2f}"


def _measured(metrics: Mapping[str, Callable[[Any], F64]], counts: object) -> dict[str, F64]:
    return {name: metric(counts) for name, metric in metrics.items()}


def _of_sums(table: F64, measure: Callable[[F64], Mapping[str, F64]], seed: int) -> Pooled:
    """Metrics of the sums of what groups add, with their intervals.

    Args:
        table: what each group adds, `(groups, columns)`.
        measure: from sums `(..., columns)` to metrics by name, `(...)`, or `(..., K)` of each of K classes.
        seed: of the resamples.
    """
    drawn = None
    if len(table) > 1:
        drawn = measure(resampled_counts(table, REPEATS, np.random.default_rng(seed)))
    found = {}
    for name, value in measure(table.sum(axis=0)).items():
        values = np.atleast_1d(value)
        ends = [(math.nan, math.nan)] * len(values)
        if drawn is not None:
            ends = [interval(column) for column in drawn[name].reshape(REPEATS, -1).T]
        found[name] = tuple(
            Estimate(value=defined(float(one)), low=defined(low), high=defined(high))
            for one, (low, high) in zip(values, ends, strict=True)
        )
    return found


VERIFIED: Mapping[TaskName, Verified[Any]] = MappingProxyType(
    {"binary": _OfTwo(), "classes": _OfClasses(), "labels": _OfLabels(), "number": _OfNumber()}
)
"""What a verification asks, by the task."""


_DECIDED = ("threshold_score", "offsets", "thresholds")


def schema_of(task: TaskName) -> pa.Schema:
    """Returns the columns of a verification, one row per held-out group. Undefined is null."""
    asked = VERIFIED[task]
    before, after = asked.columns
    of_each = [("answers", pa.list_(_TEXT)), *((f"each_{name}", _FLOATS) for name in asked.each)]
    decided = [name for name, _ in after if name in _DECIDED]
    return pa.schema(
        [
            *(("group", _TEXT), ("fold", _INT), ("rows", _INT), *before),
            *((name, _FLOAT) for name in asked.metrics),
            *(of_each if asked.each else []),
            *(*after, ("epochs", _INT), ("best_epoch", _INT), ("train_s", _FLOAT), ("seed", _INT)),
        ],
        metadata={
            "": "one row per held-out group, measured by a model of its fold, which never saw it; "
            f"{(decided or ['epochs'])[0]} to seed are the fold's"
        },
    )


def row_of(held: HeldOutGroup[Any], answers: Sequence[object]) -> dict[str, Any]:
    """Returns a held-out group as a row of the file.

    Args:
        held: the group.
        answers: the classes or labels, in order.
    """
    return {
        **asdict(held.described),
        **asdict(held.tally),
        **held.metrics,
        **{f"each_{name}": values for name, values in held.measured.each.items()},
        "answers": [str(answer) for answer in answers],
        "group": held.group,
        "fold": held.fold,
        "rows": held.rows,
        "epochs": held.epochs,
        "best_epoch": held.best_epoch,
        "train_s": held.train_s,
        "seed": held.seed,
    }
