"""The columns of a leaderboard. A column has the same name in study, record, leaderboard and bundle."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import pyarrow as pa

from search.events.scoring import EVENT_METRICS
from search.record import Record
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from search.scores.multiclass import metrics as of_classes
from search.scores.multilabel import metrics as of_labels
from search.scores.regression import NUMBER_METRICS
from spaces import tasks
from spaces.tasks import TaskName

ESTIMATED = (*METRICS, *RANKING_METRICS, *EVENT_METRICS)
"""Metrics that have columns for the ends of their interval."""
_TEXT, _FLOAT, _INT = pa.string(), pa.float64(), pa.int64()
_FLOATS = pa.list_(_FLOAT)
SCHEMA = pa.schema(
    [
        ("rank", _INT),
        ("trial_id", _TEXT),
        ("kind", _TEXT),
        ("state", _TEXT),
        ("trunk", _TEXT),
        ("head", _TEXT),
        ("loss", _TEXT),
        ("learning_rate", _FLOAT),
        ("optimizer", _TEXT),
        ("batch_size", _INT),
        ("class_weight", _TEXT),
        ("hidden_layers", _TEXT),
        ("dropout", _FLOAT),
        ("threshold_score", _FLOAT),
        ("threshold", _FLOAT),
        ("threshold_policy", _TEXT),
        ("constant_decision", pa.bool_()),
        ("plateau_low", _FLOAT),
        ("plateau_high", _FLOAT),
        ("calibration", _TEXT),
        ("calibration_a", _FLOAT),
        ("calibration_b", _FLOAT),
        ("calibration_note", _TEXT),
        ("objective", _TEXT),
        ("value", _FLOAT),
        ("value_mean", _FLOAT),
        ("seeds", _INT),
        ("seed_of", _TEXT),
        ("value_fa_per_day", _FLOAT),
        ("cross_fit_by", _TEXT),
        ("groups", _TEXT),
        ("leaky", pa.bool_()),
        ("steering", _TEXT),
        ("steering_value", _FLOAT),
        *((f"val_{name}{end}", _FLOAT) for name in ESTIMATED for end in ("", "_low", "_high")),
        *((f"val_{name}", _FLOAT) for name in PROBABILITY_METRICS),
        ("event_scoring", _TEXT),
        ("epochs", _INT),
        ("best_epoch", _INT),
        ("train_s", _FLOAT),
        ("params", _TEXT),
        ("seed", _INT),
        ("device", _TEXT),
        ("gpu_ids", _TEXT),
        ("gpu_share", _FLOAT),
        ("fused", _INT),
        ("precision", _TEXT),
        ("node", _TEXT),
        ("threads", _INT),
        ("cpu_flags", _TEXT),
        ("onednn", _TEXT),
        ("proof", _FLOAT),
        ("data_digest", _TEXT),
        ("code_digest", _TEXT),
        ("started_at", _TEXT),
        ("finished_at", _TEXT),
        ("error", _TEXT),
    ],
    metadata={
        "value": "cross-fitted on validation rows: threshold and calibration fitted on one half, "
        "measured on the other",
        "value_mean": "the mean of value over the seeds of the configuration; ranks",
        "val_": "in sample: threshold and calibration fitted on the same validation rows",
    },
)
"""The columns of a binary study, one name per thing. Undefined is null."""
ENDS = ("", "_low", "_high")
EACH = (*of_classes.CLASS_METRICS, *RANKING_METRICS)
"""Metrics of each class or label: lists in the order of `answers`."""


def _measured(names: Iterable[str]) -> list[tuple[str, pa.DataType]]:
    return [(f"val_{name}{end}", _FLOAT) for name in names for end in ENDS]


_OF_MANY = [("answers", pa.list_(_TEXT)), *((f"each_{name}{end}", _FLOATS) for name in EACH for end in ENDS)]
_DECIDED = [(name, _FLOATS) for name in ("plateaus_low", "plateaus_high")]
SCALARS: Mapping[TaskName, tuple[str, ...]] = {
    "classes": (*of_classes.DECISION_METRICS, *of_classes.RANKING_METRICS, *of_classes.PROBABILITY_METRICS),
    "labels": (*of_labels.DECISION_METRICS, *of_labels.RANKING_METRICS, *of_labels.PROBABILITY_METRICS),
    "number": tuple(NUMBER_METRICS),
}
"""Metrics of all rows together, of tasks that are not binary."""
REJECTED = ("coverage", *(f"decided_{name}" for name in of_classes.DECISION_METRICS))
"""Those of classes where rows may be left undecided."""
OF_TASK: Mapping[TaskName, list[tuple[str, pa.DataType]]] = MappingProxyType(
    {
        "classes": [
            *(("task", _TEXT), ("offsets", _FLOATS), *_DECIDED, ("reject_below", _FLOAT)),
            *_measured((*SCALARS["classes"], *REJECTED)),
            *(*_OF_MANY, ("confusion", pa.list_(_FLOATS))),
        ],
        "labels": [
            *(("task", _TEXT), ("thresholds", _FLOATS), *_DECIDED, ("top_k", _INT)),
            *(("calibrations_a", _FLOATS), ("calibrations_b", _FLOATS)),
            *(*_measured(SCALARS["labels"]), *_OF_MANY),
        ],
        "number": [("task", _TEXT), *_measured(SCALARS["number"])],
    }
)
"""The columns of other tasks beside those that all tasks share."""
_OF_BINARY = frozenset(
    {"threshold_score", "threshold", "plateau_low", "plateau_high", "value_fa_per_day", "event_scoring"}
)


_OF_EVENTS = [*_measured(EVENT_METRICS), ("event_scoring", _TEXT)]


def schema_of(task: TaskName, *, events: bool = False) -> pa.Schema:
    """Returns the columns of a leaderboard of a task, in order.

    Args:
        task: the task.
        events: whether a task that is not binary has event scores, too; a binary one always has the columns.
    """
    if task not in OF_TASK:
        return SCHEMA
    shared = [field for field in SCHEMA if field.name not in _OF_BINARY and not field.name.startswith("val_")]
    place = 1 + next(k for k, field in enumerate(shared) if field.name == "steering_value")
    own = [pa.field(name, kind) for name, kind in (*OF_TASK[task], *(_OF_EVENTS if events else ()))]
    return pa.schema([*shared[:place], *own, *shared[place:]], metadata=SCHEMA.metadata)


def schema_for(record: Record) -> pa.Schema:
    """Returns the columns of the leaderboard that a record is a row of."""
    return schema_of(record.task, events=record.event_scoring is not None)


KNOWN: Mapping[str, pa.DataType] = MappingProxyType(
    {field.name: field.type for task in ("binary", *OF_TASK) for field in schema_of(task)}
)
"""The type of every column of any task."""
SMALLER_IS_BETTER = frozenset(
    {
        *("rank", "value_fa_per_day", "train_s", "proof"),
        *(f"val_fa_per_day{end}" for end in ENDS),
        *(f"val_{name}{end}" for name in tasks.SMALLER_IS_BETTER for end in ENDS),
    }
    & KNOWN.keys()
)
"""Columns whose best value is the smallest."""
