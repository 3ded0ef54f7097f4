"""The columns of a leaderboard. A column has the same name in study, record, leaderboard and bundle."""

import pyarrow as pa

from search.events.scoring import EVENT_METRICS
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS

ESTIMATED = (*METRICS, *RANKING_METRICS, *EVENT_METRICS)
"""Metrics that have columns for the ends of their interval."""
_TEXT, _FLOAT, _INT = pa.string(), pa.float64(), pa.int64()
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
"""The columns, one name per thing. Undefined is null."""
SMALLER_IS_BETTER = frozenset(
    {
        *("rank", "value_fa_per_day", "train_s", "proof"),
        *(f"val_fa_per_day{end}" for end in ("", "_low", "_high")),
        *(f"val_{name}" for name in PROBABILITY_METRICS),
    }
)
"""Columns whose best value is the smallest."""
