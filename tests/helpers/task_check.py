"""Every number of a run of K classes, K labels or numbers, held against `task_reference`."""

import json
import math

import numpy as np
import pyarrow.parquet as pq

from search.scores.multiclass.offsets import choose_offsets
from spaces.errors import TrialError
from tests.helpers import task_reference as slow

RESAMPLES, SEED, SLACK = 200, 7, 0.055
"""Of plain resamples; and by how much the share below an end may differ, for of 200 each side has its own."""


def differences(run, rule=None, board=None, *, intervals=()):
    """What of a leaderboard is otherwise than computed anew from stored scores and labels, a line each.

    Args:
        run: a RunFolder.
        rule: of the decisions; the study's own if left out.
        board: the file; the run's own if left out.
        intervals: trials whose intervals are held against plain resampling, too.
    """
    study, table = run.study(), pq.read_table(run.path / "scores" / "reference.parquet")
    rows = pq.read_table(board or run.leaderboard).to_pylist()
    y, mask = (
        _matrix(table, "y"),
        np.stack([table[name] for name in table.column_names if "half_" in name], 1),
    )
    groups = table["group"].to_numpy() if "group" in table.column_names else np.arange(len(y))
    answers = json.loads((table.schema.metadata or {}).get(b"answers", b"[]"))
    found, compared = [], 0
    for row in rows:
        path = run.path / "scores" / f"{row['trial_id']}.parquet"
        if not path.is_file() or row["error"] is not None:
            continue
        scores = pq.read_table(path)
        raw, score = _matrix(scores, "raw"), _matrix(scores, "score")
        of = _OF_TASK[study.task.name](y, raw, score, row, rule or study.threshold, answers)
        expected, measured, value = of
        expected["value"] = value(mask)
        for name, wanted in expected.items():
            compared += 1
            if not _alike(row[name], wanted):
                found.append(f"{row['trial_id']} {name}: {row[name]}, not {wanted}")
        told = {name for name, one in row.items() if one is not None and name.startswith(("val_", "each_"))}
        left = {name for name in told if not name.endswith(("_low", "_high"))} - expected.keys()
        found += [f"{row['trial_id']} {name}: nobody computed it anew" for name in sorted(left)]
        if row["trial_id"] in intervals:
            found += _intervals(row, slow.resampled(measured, groups, repeats=RESAMPLES, seed=SEED))
    assert compared, "nothing was compared"
    return found


def _matrix(table, kind):
    if kind in table.column_names:
        return table[kind].to_numpy()
    return np.stack([table[name] for name in table.column_names if name.startswith(f"{kind}_")], axis=1)


def _alike(told, wanted):
    if told is None or isinstance(told, list):
        flat = [] if told is None else np.array(told, np.float64).ravel().tolist()
        wanted = np.ravel(np.array(wanted, np.float64)).tolist()
        if not flat:
            return all(math.isnan(one) for one in wanted)
        return len(flat) == len(wanted) and all(map(_alike, flat, wanted))
    if math.isnan(told):
        return math.isnan(wanted)
    return bool(told == wanted or abs(told - wanted) <= 1e-6 * (1 + abs(wanted)))


def _intervals(row, plain):
    found = []
    for name, values in plain.items():
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        several = values.ndim > 1
        for k, one in enumerate(values.T if several else [values]):
            ends = (low[k], high[k]) if several else (low, high)
            if not slow.is_95_percent(one, *ends, slack=SLACK):
                found.append(f"{row['trial_id']} {name} {k}: {ends} is no 95% interval")
    return found


def _named(whole, each):
    return {f"val_{name}": one for name, one in whole.items()} | {
        f"each_{name}": of for name, of in each.items()
    }


def _of_classes(y, raw, score, row, rule, answers):
    size, calibrated = raw.shape[1], row["calibration"] == "temperature"
    slope = slow.temperature(y, raw) if calibrated and row["calibration_note"] is None else 1.0
    assert (score == np.float32(row["calibration_a"]) * raw).all()
    decided = slow.decided_classes(score, row["offsets"], row["reject_below"])
    probabilistic, rest = row["val_brier"] is not None, slow.against_rest(score)

    def measured(rows):
        whole, each = slow.of_decided_classes(y[rows], decided[rows], size)
        more, areas = slow.of_scored_classes(
            y[rows], score[rows], probabilistic=probabilistic, rest=rest[rows]
        )
        return _named(whole | more, each | areas)

    def chosen(labels, scores):
        try:
            return choose_offsets(labels, np.ascontiguousarray(scores), rule, answers).offsets
        except TrialError:
            return None

    expected = measured(np.arange(len(y))) | {
        "calibration_a": slope,
        "confusion": slow.confusion(y, decided, size),
        "constant_decision": float(len(set(decided.tolist())) == 1),
    }
    if row["reject_below"] is not None:
        known = decided != slow.UNDECIDED
        expected["val_coverage"] = known.mean()
        if known.any():
            whole, _ = slow.of_decided_classes(y[known], decided[known], size)
            expected |= {f"val_decided_{name}": one for name, one in whole.items()}

    def value(mask):
        return slow.value_of_classes(
            y,
            raw,
            mask,
            row["objective"],
            calibrated=calibrated,
            offsets_of=chosen,
            reject_below=row["reject_below"],
        )

    return expected, measured, value


def _of_labels(y, raw, score, row, rule, answers):
    calibrated, probabilistic = row["calibration"] == "platt", row["val_brier"] is not None
    curves = [slow.platt(y[:, k], raw[:, k]) if calibrated else (1.0, 0.0) for k in range(y.shape[1])]
    assert (score == np.float32(row["calibrations_a"]) * raw + np.float32(row["calibrations_b"])).all()
    expected = {"calibrations_a": [a for a, _ in curves], "calibrations_b": [b for _, b in curves]}
    if row["top_k"] is not None:
        decided = slow.top_labels(score, rule.k)
    else:
        expected["thresholds"] = slow.thresholds_of_labels(y == 1, score, rule)
        decided = slow.decided_labels(score, row["thresholds"])

    def measured(rows):
        whole, each = slow.of_decided_labels(y[rows], decided[rows])
        more, areas = slow.of_scored_labels(y[rows], score[rows], probabilistic=probabilistic)
        return _named(whole | more, each | areas)

    expected |= measured(np.arange(len(y)))
    expected["constant_decision"] = float((decided == decided[0]).all())
    value = lambda mask: slow.value_of_labels(y, raw, mask, row["objective"], rule, calibrated=calibrated)  # noqa: E731
    return expected, measured, value


def _of_numbers(y, raw, score, row, rule, answers):
    assert (raw == score).all()

    def measured(rows):
        return _named(slow.of_numbers(y[rows], score[rows]), {})

    return (
        measured(np.arange(len(y))),
        measured,
        lambda mask: slow.value_of_numbers(y, score, mask, row["objective"]),
    )


_OF_TASK = {"classes": _of_classes, "labels": _of_labels, "number": _of_numbers}
