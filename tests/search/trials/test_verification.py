"""A fold of `verify` of K classes, K labels and a number: as by hand, undefined where it says nothing."""

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn import metrics as sk

from reports.boards.verification import Facts, summarise, verification_shown, write
from search.data.folds import draw_folds
from search.trials.verification import FoldWorker, verify_fold
from tests.helpers.linear_trainer import linear_scores, linear_trainer
from tests.helpers.verified_runs import CLASSES, EACH, data_of, work_of, write_run, write_study

TASKS = ("classes", "labels", "number")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = tmp_path_factory.mktemp("verified")
    return {task: write_run(write_study(made / task, task)) for task in TASKS}


def folds_of(run, k=None, **changes):
    """Each fold with its held-out groups, and the labels, raw scores and groups of their rows."""
    raws = []

    def keeping(config, weights, x):
        raws.append(linear_scores(config, weights, x))
        return raws[-1]

    work = dataclasses.replace(work_of(run, scorer=keeping), **changes)
    for fold in draw_folds(work.rows, k, work.study):
        groups = verify_fold(work, fold)
        taken = np.isin(work.rows.groups, fold.held_out)
        for held in groups:
            mine = work.rows.groups[taken] == held.group
            yield held, work.rows.y[taken][mine], raws[-1][mine]


@pytest.mark.parametrize("k", [None, 3])
def test_classes_of_a_group_are_scikit_learns_and_undefined_without_rows(runs, k):
    lacking = 0
    for held, y, raw in folds_of(runs["classes"], k):
        score = np.float32(held.described.calibration_a) * raw
        decided = np.argmax(score + np.array(held.described.offsets, np.float32), axis=1)
        matrix = sk.confusion_matrix(y, decided, labels=[0, 1, 2])
        assert np.array(held.tally.confusion)[:, :3].tolist() == matrix.tolist()
        assert np.array(held.tally.confusion)[:, 3].tolist() == [0, 0, 0]
        there = [0, 1, 2] if (y == 0).any() else [1, 2]
        found = held.metrics
        assert held.rows == len(y)
        assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, decided))
        weighted = sk.f1_score(y, decided, average="weighted", labels=there, zero_division=0)
        assert found["weighted_f1"] == pytest.approx(weighted)
        recall = sk.recall_score(y, decided, average=None, labels=there, zero_division=0)
        of_each = held.measured.each
        if len(there) == 3:
            assert found["macro_f1"] == pytest.approx(sk.f1_score(y, decided, average="macro"))
            assert found["balanced_accuracy"] == pytest.approx(recall.mean())
            assert of_each["recall"] == pytest.approx(recall)
            assert of_each["f1"] == pytest.approx(sk.f1_score(y, decided, average=None))
        else:
            lacking += 1
            for name in ("macro_f1", "macro_precision", "balanced_accuracy", "macro_average_precision"):
                assert found[name] is None, name
            assert {name: values[0] for name, values in of_each.items()} == dict.fromkeys(of_each)
            assert of_each["recall"][1:] == pytest.approx(recall)
    assert lacking > 2, "no group lacks a class"


def test_labels_of_a_group_are_scikit_learns_and_undefined_without_rows(runs):
    quiet = 0
    for held, y, raw in folds_of(runs["labels"]):
        slopes, shifts = (
            np.array(of, np.float32) for of in (held.described.calibrations_a, held.described.calibrations_b)
        )
        decided = slopes * raw + shifts >= np.array(held.described.thresholds, np.float32)
        found, of_each = held.metrics, held.measured.each
        assert held.tally.actual == tuple(y.sum(axis=0))
        assert held.tally.decided == tuple(decided.sum(axis=0))
        assert held.tally.right == tuple((decided & (y == 1)).sum(axis=0))
        assert held.tally.exact == (decided == y).all(axis=1).sum()
        assert found["hamming_loss"] == pytest.approx(sk.hamming_loss(y, decided))
        assert found["subset_accuracy"] == pytest.approx(sk.accuracy_score(y, decided))
        expected = sk.f1_score(y, decided, average=None, zero_division=np.nan)
        there = y.any(axis=0)
        assert of_each["f1"] == tuple(
            pytest.approx(one) if has else None for one, has in zip(expected, there, strict=True)
        )
        assert (found["macro_f1"] is None) == (not there.all())
        if there.all():
            assert found["macro_f1"] == pytest.approx(expected.mean())
        if there.any():
            assert found["micro_f1"] == pytest.approx(sk.f1_score(y, decided, average="micro"))
            assert found["weighted_f1"] == pytest.approx(sk.f1_score(y, decided, average="weighted"))
        else:
            quiet += 1
            assert decided.any(), "nothing is decided, so the rule is not tested"
            assert {found[f"{mean}_f1"] for mean in ("macro", "micro", "weighted")} == {None}
            assert found["micro_precision"] is None
    assert quiet == 1


def test_a_number_of_a_group_is_scikit_learns_and_standardised_by_what_the_fold_trains_on(runs):
    seen = []

    def spying(ask, study, data):
        seen.append((ask.config.task, data.y_train))
        return linear_trainer(ask, study, data)

    for held, y, raw in folds_of(runs["number"], trainer=spying):
        assert held.metrics["mae"] == pytest.approx(sk.mean_absolute_error(y, raw))
        assert held.metrics["rmse"] == pytest.approx(sk.root_mean_squared_error(y, raw))
        assert held.metrics["r2"] == pytest.approx(sk.r2_score(y, raw))
        assert held.metrics["median_absolute_error"] == pytest.approx(sk.median_absolute_error(y, raw))
        assert (held.tally.target_mean, held.tally.target_sd) == pytest.approx((y.mean(), y.std()))
    for task, y_train in seen:
        assert (task.location, task.scale) == pytest.approx((y_train.mean(), y_train.std()))
    assert len({task.location for task, _ in seen}) > 4


def test_r2_of_a_group_whose_targets_are_equal_is_undefined(runs):
    work = work_of(runs["number"])
    y = np.where(work.rows.groups == work.rows.groups[0], 50.0, work.rows.y)
    changed = dataclasses.replace(work.rows, y=y)
    (held,) = [
        held for held, *_ in folds_of(runs["number"], rows=changed) if held.group == work.rows.groups[0]
    ]
    assert held.metrics["r2"] is None
    assert held.metrics["rmse"] > 0


@pytest.mark.parametrize("task", TASKS)
def test_held_out_labels_move_neither_decision_nor_training(runs, task):
    work = work_of(runs[task])
    fold = draw_folds(work.rows, 4, work.study)[0]
    mine = np.isin(work.rows.groups, fold.held_out)
    y = work.rows.y.copy()
    y[mine] = np.roll(y[mine], 7, axis=0) if task == "classes" else (1 - y[mine] if task == "labels" else 99)
    before = verify_fold(work, fold)
    after = verify_fold(dataclasses.replace(work, rows=dataclasses.replace(work.rows, y=y)), fold)
    for one, two in zip(before, after, strict=True):
        assert (one.described, one.epochs) == (two.described, two.epochs)
        assert one.metrics != two.metrics


def test_rows_that_are_not_decided_are_counted_apart(tmp_path):
    policy = {"policy": "max_macro_f1", "reject_below": 0.6}
    run = write_run(write_study(tmp_path, "classes", threshold=policy))
    undecided = 0
    for held, y, _ in folds_of(run):
        matrix = np.array(held.tally.confusion)
        undecided += matrix[:, 3].sum()
        assert held.metrics["coverage"] == pytest.approx(matrix[:, :3].sum() / len(y))
        if matrix[:, :3].sum():
            decided = np.trace(matrix[:, :3]) / matrix[:, :3].sum()
            assert held.metrics["decided_accuracy"] == pytest.approx(decided)
        without = (matrix[:, :3].sum(axis=1) == 0).any()
        assert (held.metrics["decided_macro_f1"] is None) == without
    assert undecided > 10


def runs_of(marked):
    """The runs of true values, as sets of their places."""
    found, last = [], False
    for place, is_marked in enumerate(marked):
        if is_marked and not last:
            found.append(set())
        if is_marked:
            found[-1].add(place)
        last = is_marked
    return found


def test_events_of_the_classes_that_are_seizures_are_counted_and_pooled(tmp_path):
    """One recording a group, one row a second: any overlap counts, by plain sets."""
    x, _, group = data_of("classes")
    rng = np.random.default_rng(3)
    y = np.array(CLASSES)[np.repeat(rng.choice(3, len(x) // 8, p=[0.6, 0.2, 0.2]), 8)]
    y[group == "p05"] = CLASSES[0]
    x = x / x.std() + np.eye(3)[np.unique(y, return_inverse=True)[1]] @ rng.normal(size=(3, 5))
    x[rng.choice(len(x), 60)] = x[rng.choice(len(x), 60)]
    study = write_study(
        tmp_path,
        "classes",
        (x.astype(np.float32), y, group),
        events={"positive": list(CLASSES[1:]), "scorer": "ovlp"},
    )
    about = yaml.safe_load(study.read_text())
    about["data"] |= {"recording": "recording", "time": "time", "window_s": 1}
    study.write_text(yaml.safe_dump(about))
    with np.load(tmp_path / "data.npz") as kept:
        time = np.arange(len(x)) % EACH
        np.savez(tmp_path / "data.npz", **kept, recording=group, time=time.astype(np.float64))
    run, sums, groups, calm = write_run(study), np.zeros(4), [], sorted(CLASSES).index(CLASSES[0])
    for held, code, raw in folds_of(run):
        score = np.float32(held.described.calibration_a) * raw
        decided = np.argmax(score + np.array(held.described.offsets, np.float32), axis=1)
        true, detected = runs_of(code != calm), runs_of(decided != calm)
        hit = sum(any(one & other for other in detected) for one in true)
        false = sum(not any(one & other for other in true) for one in detected)
        tally = held.tally
        counted = (tally.seizures_found, tally.false_alarms, tally.seizures, tally.hours * 3600)
        assert counted == pytest.approx((hit, false, len(true), EACH))
        assert held.metrics["fa_per_day"] == pytest.approx(false / EACH * 86400)
        assert held.metrics["event_sensitivity"] == (hit / len(true) if true else None)
        if not true:
            assert held.metrics["event_precision"] is held.metrics["event_f1"] is None
        sums, groups = sums + counted, [*groups, held]
    assert sums[0] > 10
    assert sums[1] > 3
    assert {held.group for held in groups if not held.tally.seizures} == {"p05"}
    facts = Facts(record=run.record("00001"), k=12, leaks=(), seed=0, digests={}, finished_at="")
    summary = summarise(groups, facts)
    pooled = {name: summary["pooled"][name]["value"] for name in ("event_sensitivity", "fa_per_day")}
    assert pooled["event_sensitivity"] == pytest.approx(sums[0] / sums[2])
    assert pooled["fa_per_day"] == pytest.approx(sums[1] / sums[3] * 86400)
    assert [worst["by"] for worst in summary["worst"]] == ["macro_f1", "event_sensitivity", "fa_per_day"]
    assert pq.read_table(write(run, groups, summary, run.record("00001")))["false_alarms"].to_pylist() == [
        held.tally.false_alarms for held in groups
    ]
    shown = [*verification_shown(groups, summary, "title", 160, "classes")]
    assert "fa/day" in [column.header for column in shown[0].columns]


def test_predictions_that_are_not_finite_fail_the_fold(runs):
    work = work_of(runs["number"], scorer=lambda config, weights, x: np.full(len(x), np.nan, np.float32))
    fold = draw_folds(work.rows, 3, work.study)[0]
    assert "predictions must be finite, but got" in FoldWorker(1).run(work, fold).error
