"""The summary of `verify` of K classes, K labels and a number: sums, spreads, intervals, the worst."""

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from cluster.terminal import PlainConsole, say
from reports.boards.columns import SCALARS
from reports.boards.verification import Facts, summarise, verification_shown, write
from reports.boards.verification_by_task import VERIFIED, schema_of
from search.evaluation.scoring import Described
from search.evaluation.tallies import ClassTally, LabelTally, Measured, NumberTally
from search.scores.bootstrap import REPEATS
from search.trials.verification import HeldOutGroup
from tests.helpers.task_runs import CLASS_TASK, LABEL_TASK, LABELS, NAMES, study_of, written
from tests.helpers.task_runs import NUMBER_TASK as NUMBER

TASKS = {"classes": CLASS_TASK, "labels": LABEL_TASK, "number": NUMBER}


def held(number, tally, metrics, each=None, rows=10, described=None):
    """A group that was held out."""
    return HeldOutGroup(
        group=f"p{number:02d}",
        fold=number + 1,
        rows=rows,
        measured=Measured(tally=tally, metrics=metrics, each=each or {}),
        described=described or Described(),
        epochs=3,
        best_epoch=2,
        train_s=1.0,
        seed=7,
    )


def drawn(task, groups=6, rows=30, seed=0):
    """Rows of each group, labels and decisions, and the groups as `verify` measures them."""
    rng, found = np.random.default_rng(seed), []
    for k in range(groups):
        n = rows + k
        if task == "classes":
            y = rng.choice([0, 1, 2] if k % 2 else [1, 2], n)
            decided = np.where(rng.random(n) < 0.7, y, rng.choice(3, n))
            matrix = np.column_stack([sk.confusion_matrix(y, decided, labels=[0, 1, 2]), np.zeros(3, int)])
            tally = ClassTally(confusion=tuple(map(tuple, matrix.tolist())))
            metrics = dict.fromkeys(SCALARS[task]) | {"accuracy": sk.accuracy_score(y, decided)}
            metrics["macro_f1"] = sk.f1_score(y, decided, average="macro") if k % 2 else None
            each = dict.fromkeys(VERIFIED[task].each, (None if k % 2 == 0 else 0.5, 0.25, k / 10))
        elif task == "labels":
            y = (rng.random((n, 3)) < [0.5, 0.3, 0.1]).astype(int)
            decided = np.where(rng.random((n, 3)) < 0.8, y, 1 - y)
            right, said, actual = (of.sum(axis=0) for of in (y & decided, decided, y))
            counts = {"right": right, "decided": said, "actual": actual}
            exact = int((y == decided).all(axis=1).sum())
            tally = LabelTally(**{name: tuple(of.tolist()) for name, of in counts.items()}, exact=exact)
            metrics = dict.fromkeys(VERIFIED[task].metrics) | {"macro_f1": k / 10, "micro_f1": None}
            each = dict.fromkeys(VERIFIED[task].each, (k / 10, None, 1.0))
        else:
            y = rng.normal(1e6 + k, 3, n)
            decided = (y + rng.normal(size=n)).astype(np.float32)
            tally = NumberTally(target_mean=float(y.mean()), target_sd=float(y.std()))
            metrics = {
                "mae": sk.mean_absolute_error(y, decided),
                "rmse": sk.root_mean_squared_error(y, decided),
                "r2": sk.r2_score(y, decided),
                "median_absolute_error": sk.median_absolute_error(y, decided),
            }
            each = {}
        found.append((y, decided, held(k, tally, metrics, each, rows=n)))
    ys, decisions, groups = zip(*found, strict=True)
    return ys, decisions, list(groups)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = tmp_path_factory.mktemp("tasks")
    return {name: written(made / name, study_of(task)) for name, task in TASKS.items()}


def facts_of(run, groups, k=None):
    return Facts(
        record=run.record("00001"),
        k=k or len(groups),
        leaks=(),
        seed=3,
        digests={"data_digest": "d"},
        finished_at="2026-11-28T10:00:00.000+00:00",
    )


ON_ALL_ROWS = {
    "classes": {
        "accuracy": sk.accuracy_score,
        "macro_f1": lambda y, d: sk.f1_score(y, d, average="macro"),
        "weighted_f1": lambda y, d: sk.f1_score(y, d, average="weighted"),
        "balanced_accuracy": sk.balanced_accuracy_score,
        "macro_precision": lambda y, d: sk.precision_score(y, d, average="macro"),
        "mcc": sk.matthews_corrcoef,
    },
    "labels": {
        "macro_f1": lambda y, d: sk.f1_score(y, d, average="macro"),
        "micro_f1": lambda y, d: sk.f1_score(y, d, average="micro"),
        "weighted_recall": lambda y, d: sk.recall_score(y, d, average="weighted"),
        "subset_accuracy": sk.accuracy_score,
        "hamming_loss": sk.hamming_loss,
    },
    "number": {
        "mae": sk.mean_absolute_error,
        "rmse": sk.root_mean_squared_error,
        "r2": sk.r2_score,
    },
}


@pytest.mark.parametrize("task", TASKS)
def test_pooled_metrics_are_of_all_held_out_rows(runs, task):
    ys, decisions, groups = drawn(task)
    summary = summarise(groups, facts_of(runs[task], groups))
    y, decided = np.concatenate(ys), np.concatenate(decisions)
    for name, metric in ON_ALL_ROWS[task].items():
        found = summary["pooled"][name]
        # The numbers lie a million from 0 and 3 apart: their squares would keep no digit of that.
        assert found["value"] == pytest.approx(metric(y, decided), rel=1e-9), name
        assert found["low"] < found["value"] < found["high"], name
    for name in ("macro_average_precision", "roc_auc_ovr_macro", "brier", "median_absolute_error"):
        assert name not in summary["pooled"]
    assert summary["rows"] == len(y)
    if task == "number":
        assert "each_pooled" not in summary
        return
    scores = {"recall": sk.recall_score, "precision": sk.precision_score, "f1": sk.f1_score}
    for name, metric in scores.items():
        values = [one["value"] for one in summary["each_pooled"][name]]
        assert values == pytest.approx(metric(y, decided, average=None)), name
    if task == "classes":
        assert np.array(summary["confusion"])[:, :3].tolist() == sk.confusion_matrix(y, decided).tolist()
        assert summary["answers"] == list(NAMES)
    else:
        assert summary["positives"] == y.sum(axis=0).tolist()
        assert summary["answers"] == list(LABELS)


@pytest.mark.parametrize("task", TASKS)
def test_intervals_are_those_of_plain_resamples_of_whole_groups(runs, task):
    ys, decisions, groups = drawn(task)
    summary = summarise(groups, facts_of(runs[task], groups))
    rng = np.random.default_rng(0)
    name, metric = next(iter(ON_ALL_ROWS[task].items()))
    values = []
    for _ in range(REPEATS):
        taken = rng.integers(len(groups), size=len(groups))
        parts = ([ys[k] for k in taken], [decisions[k] for k in taken])
        values.append(metric(*map(np.concatenate, parts)))
    low, high = np.percentile(values, [2.5, 97.5])
    found, width = summary["pooled"][name], high - low
    assert found["low"] == pytest.approx(low, abs=0.15 * width)
    assert found["high"] == pytest.approx(high, abs=0.15 * width)


@pytest.mark.parametrize("task", TASKS)
def test_spreads_are_of_the_groups_where_a_metric_is_defined(runs, task):
    *_, groups = drawn(task)
    summary = summarise(groups, facts_of(runs[task], groups))
    for name in ("accuracy", "macro_f1", "micro_f1", "rmse"):
        values = [one.metrics[name] for one in groups if one.metrics.get(name) is not None]
        if name not in VERIFIED[task].metrics:
            continue
        spread = summary["over_groups"][name]
        assert spread["defined"] == len(values)
        if values:
            assert spread["mean"] == pytest.approx(np.mean(values))
            assert spread["sd"] == pytest.approx(np.std(values, ddof=1))
            assert (spread["min"], spread["max"]) == (min(values), max(values))
        else:
            assert spread == {"mean": None, "sd": None, "min": None, "max": None, "defined": 0}
    if task == "classes":
        first, second, third = summary["each_over_groups"]["recall"]
        assert (first["defined"], first["mean"], second["sd"]) == (3, 0.5, 0)
        assert (third["min"], third["max"]) == (0, 0.5)
        assert "decided_accuracy" not in summary["over_groups"], "no rule left rows undecided"


def test_the_worst_is_the_smallest_or_of_errors_the_largest(runs):
    *_, groups = drawn("number")
    summary = summarise(groups, facts_of(runs["number"], groups))
    for by, worst in (("rmse", max), ("mae", max), ("r2", min)):
        group = worst(groups, key=lambda one, by=by: one.metrics[by])
        assert {"by": by, "group": group.group, "value": group.metrics[by]} in summary["worst"]
    *_, groups = drawn("classes")
    summary = summarise(groups, facts_of(runs["classes"], groups))
    known = [one for one in groups if one.metrics["macro_f1"] is not None]
    assert summary["worst"][0]["group"] == min(known, key=lambda one: one.metrics["macro_f1"]).group


@pytest.mark.parametrize("task", TASKS)
def test_files_have_the_columns_of_the_task_and_undefined_is_null(runs, task):
    *_, groups = drawn(task)
    described = {
        "classes": Described(calibration_a=2.0, calibration_b=0.0, offsets=(0.5, -0.5, -math.inf)),
        "labels": Described(calibrations_a=(1.0, 1.0, 1.0), thresholds=(0.0, math.inf, 1.0)),
        "number": Described(),
    }[task]
    groups.append(held(99, groups[0].tally, groups[0].metrics, groups[0].measured.each, described=described))
    run, summary = runs[task], summarise(groups, facts_of(runs[task], groups))
    path = write(run, groups, summary, run.record("00001"))
    assert json.loads(path.with_suffix(".json").read_text()) == summary
    table = pq.read_table(path)
    assert table.schema.names == schema_of(task).names
    assert table.schema.metadata == schema_of(task).metadata
    assert not {"tp", "threshold_score"} & set(table.column_names)
    rows = table.to_pylist()
    for row, group in zip(rows, groups, strict=True):
        assert (row["group"], row["fold"], row["seed"]) == (group.group, group.fold, 7)
        assert {name: row[name] for name in group.metrics} == group.metrics
        for name, values in group.measured.each.items():
            assert row[f"each_{name}"] == list(values)
    if task == "classes":
        assert rows[-1]["offsets"] == [0.5, -0.5, -math.inf]
        assert rows[0]["confusion"] == [list(row) for row in groups[0].tally.confusion]
        assert rows[0]["answers"] == list(NAMES)
    elif task == "labels":
        assert rows[-1]["thresholds"] == [0.0, math.inf, 1.0]
        assert rows[0]["right"] == list(groups[0].tally.right)
    else:
        assert rows[0]["target_mean"] == groups[0].tally.target_mean


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), groups=st.integers(1, 5), rows=st.integers(1, 6))
def test_a_summary_of_few_rows_holds_no_nan_and_pools_as_scikit_learn(runs, seed, groups, rows):
    ys, decisions, made = drawn("labels", groups, rows, seed)
    summary = summarise(made, facts_of(runs["labels"], made))
    json.dumps(summary, allow_nan=False)
    y, decided = np.concatenate(ys), np.concatenate(decisions)
    known = y.any(axis=0) | decided.any(axis=0)
    for k, one in enumerate(summary["each_pooled"]["f1"]):
        if known[k]:
            assert one["value"] == pytest.approx(sk.f1_score(y[:, k], decided[:, k]))
        else:
            assert one == {"value": None, "low": None, "high": None}
        if groups == 1:
            assert one["low"] is None, "one group says nothing of the next one"


def test_what_is_undecided_is_pooled_apart(runs):
    matrices = (((5, 0, 1, 4), (0, 0, 0, 0), (1, 0, 6, 2)), ((3, 1, 0, 0), (0, 7, 0, 1), (0, 0, 2, 8)))
    described = Described(reject_below=0.5)
    metrics = dict.fromkeys(VERIFIED["classes"].metrics, 0.5)
    each = dict.fromkeys(VERIFIED["classes"].each, (1.0, None, 0.0))
    groups = [
        held(k, ClassTally(confusion=one), metrics, each, described=described, rows=20)
        for k, one in enumerate(matrices)
    ]
    pooled = summarise(groups, facts_of(runs["classes"], groups))["pooled"]
    total = np.sum(matrices, axis=0)
    y, decided = np.repeat(np.indices((3, 4)).reshape(2, -1), total.ravel(), axis=1)
    known = decided < 3
    assert pooled["coverage"]["value"] == pytest.approx(known.mean())
    assert pooled["accuracy"]["value"] == pytest.approx(sk.accuracy_score(y, decided))
    assert pooled["decided_accuracy"]["value"] == pytest.approx(sk.accuracy_score(y[known], decided[known]))
    of_known = sk.f1_score(y[known], decided[known], average="macro")
    assert pooled["decided_macro_f1"]["value"] == pytest.approx(of_known)
    assert pooled["macro_f1"]["value"] == pytest.approx(
        sk.f1_score(y, decided, labels=[0, 1, 2], average="macro")
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_terminal_shows_the_worst_first_and_what_stands_beside(runs, task):
    *_, groups = drawn(task)
    summary = summarise(groups, facts_of(runs[task], groups, 3))
    console = PlainConsole(width=140, record=True)
    for part in verification_shown(groups, summary, "trial 00001 over 3 folds", 140, task):
        say(console, part)
    said = console.export_text()
    objective = summary["objective"]
    for words in (f"over groups: {objective} ", f"pooled: {objective} ", f"worst by {objective}: p"):
        assert words in said
    worst = summary["worst"][0]["group"]
    assert next(line.split()[0] for line in said.splitlines() if line.strip().startswith("p0")) == worst
    if task != "number":
        assert "all held-out rows together" in said
        assert (NAMES if task == "classes" else LABELS)[2] in said
    if task == "classes":
        assert "defined for 3 of 6" in said
