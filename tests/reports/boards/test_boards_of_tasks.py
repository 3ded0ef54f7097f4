"""Leaderboards, ties, other rules and requirements of K classes, K labels and a number."""

import csv
import io

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

from cluster.cli import main
from reports.boards import reading
from reports.boards.columns import SCHEMA, schema_of
from reports.boards.difference import compare
from reports.boards.footnotes import footnotes
from reports.boards.requirements import other_thresholds, parse_for
from reports.boards.rescoring import _Asked, read_policy, rescore, rescore_all
from reports.boards.selection import selection
from reports.boards.standings import Standings
from reports.boards.table import table
from search.evaluation.recorded_decisions import decided
from search.record import Record
from spaces.errors import RunError
from tests.helpers.task_runs import (
    CLASS_TASK,
    LABEL_TASK,
    LABELS,
    NAMES,
    NUMBER_TASK,
    study_of,
    written,
)

TASKS = {task.name: task for task in (CLASS_TASK, LABEL_TASK, NUMBER_TASK)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = tmp_path_factory.mktemp("tasks")
    return {name: written(made / name, study_of(task)) for name, task in TASKS.items()}


@pytest.mark.parametrize("name", TASKS)
def test_the_best_stands_first_whichever_way_is_better(runs, name):
    board = reading.read(runs[name].path)
    assert [row["trial_id"] for row in board.rows] == ["00001", "00002", "00003", "00000"]
    assert [row["rank"] for row in board.rows] == [1, 2, 3, 4]
    assert board.facts.best["trial_id"] == "00001"
    baseline = runs[name].record("00000").value
    assert board.facts.best_baseline == pytest.approx(baseline)
    assert Standings(runs[name].records()).best.trial_id == "00001"
    assert max(runs[name].records(), key=lambda record: record.merit).ask.trial_id == "00001"
    assert "no trial is better than the best baseline" not in footnotes(board)
    best_first = reading.read(runs[name].path, sort="val_brier" if name != "number" else "val_rmse")
    assert reading.read(runs[name].path, sort="value").rows[0]["trial_id"] == "00001"
    assert best_first.rows[0]["trial_id"] == "00001"


def test_a_class_has_its_own_numbers_and_they_are_scikit_learns(runs):
    run = runs["classes"]
    row = reading.read(run.path).rows[0]
    record, (_, score) = run.record("00001"), run.scores("00001")
    y, found = run.reference().y, decided(record, run.study(), score)
    assert row["answers"] == list(NAMES)
    assert row["each_recall"] == pytest.approx(sk.recall_score(y, found, average=None))
    assert row["each_f1"] == pytest.approx(sk.f1_score(y, found, average=None))
    assert row["val_macro_f1"] == pytest.approx(sk.f1_score(y, found, average="macro"))
    assert np.array(row["confusion"])[:, :3].tolist() == sk.confusion_matrix(y, found).tolist()
    assert row["offsets"] == list(record.offsets)
    assert sum(row["offsets"]) == pytest.approx(0, abs=1e-6)
    assert row["constant_decision"] is False
    assert reading.read(run.path).rows[-1]["constant_decision"] is True


def test_labels_and_numbers_are_scikit_learns(runs):
    run = runs["labels"]
    row, (_, score) = reading.read(run.path).rows[0], run.scores("00001")
    y = run.reference().y
    found = score >= np.array(row["thresholds"], np.float32)
    assert row["each_precision"] == pytest.approx(sk.precision_score(y, found, average=None))
    assert row["val_hamming_loss"] == pytest.approx(sk.hamming_loss(y, found))
    assert (decided(run.record("00001"), run.study(), score) == found).all()
    run = runs["number"]
    row, (_, score) = reading.read(run.path).rows[0], run.scores("00001")
    y = run.reference().y
    assert row["val_mae"] == pytest.approx(sk.mean_absolute_error(y, score))
    assert row["val_r2"] == pytest.approx(sk.r2_score(y, score))
    assert row["val_rmse_low"] < row["val_rmse"] < row["val_rmse_high"]


@pytest.mark.parametrize("name", TASKS)
def test_a_file_has_the_columns_of_its_task_and_reads_back(runs, name):
    schema = pq.read_schema(runs[name].leaderboard)
    assert schema.names == schema_of(name).names
    assert "val_sensitivity" not in schema.names
    for record in runs[name].records():
        assert Record.model_validate_json(record.model_dump_json()) == record
    board = reading.read(runs[name].path)
    rows = list(csv.DictReader(io.StringIO(board.text("csv"))))
    assert [row["trial_id"] for row in rows] == ["00001", "00002", "00003", "00000"]
    assert '"task": "' in board.text("json")
    assert table(board, "x", 200).row_count == 4


def test_the_columns_of_binary_studies_are_as_they_were():
    assert schema_of("binary") == SCHEMA
    assert not {"task", "offsets", "answers"} & {*SCHEMA.names}


@pytest.mark.parametrize("name", TASKS)
def test_the_winner_is_compared_and_corrected(runs, name):
    found = selection(runs[name])
    assert (found.best, found.trials, found.unit_count) == ("00001", 3, 16)
    values = {trial: estimate.value for trial, estimate in found.values.items()}
    assert values["00001"] == pytest.approx(runs[name].record("00001").value)
    assert found.differences["00003"].low > 0
    assert found.ranks["00003"] == (3, 3)
    for estimate in (*found.values.values(), found.corrected):
        assert estimate.low <= estimate.value <= estimate.high
    assert found.corrected.value == pytest.approx(values["00001"], abs=0.15)


def test_other_rules_give_what_the_study_would_have_given(runs, tmp_path):
    asked = rescore_all(runs["classes"].path, ["argmax", "recall_at,of_class=focal,recall=0.9"])
    argmax, recall_at = (pq.read_table(one.path).to_pylist() for one in asked)
    own = written(tmp_path / "own", study_of(CLASS_TASK, threshold="argmax"))
    expected = pq.read_table(own.leaderboard).to_pylist()
    told = ("value", "val_macro_f1", "offsets", "each_recall", "confusion", "rank")
    assert [[row[k] for k in told] for row in argmax] == [[row[k] for k in told] for row in expected]
    assert recall_at[0]["each_recall"][1] >= 0.9
    [top] = rescore_all(runs["labels"].path, ["top_k,k=2"])
    assert pq.read_table(top.path)["top_k"].to_pylist() == [2] * 4
    [by_mae] = rescore_all(runs["number"].path, [None], objective="mae")
    row = pq.read_table(by_mae.path).to_pylist()[0]
    assert row["objective"] == "mae"
    assert row["value"] == pytest.approx(row["val_mae"], rel=0.1)


def test_costs_and_names_of_classes_are_written_in_a_rule(runs, tmp_path):
    """Commas inside a list, and in the name of a class, end no parameter."""
    costs = ((0.0, 1.0, 5.0), (2.0, 0.0, 1.0), (1.0, 3.0, 0.0))
    rule = read_policy("cost,costs=[[0,1,5], [2,0,1], [1,3,0]],reject_below=.4", CLASS_TASK)
    assert (rule.costs, rule.reject_below) == (costs, 0.4)
    assert read_policy("recall_at,of_class=a,b,recall=.9", CLASS_TASK).of_class == "a,b"
    written_so = {"threshold": {"policy": "cost", "costs": costs}}
    own = written(tmp_path / "own", study_of(CLASS_TASK, **written_so))
    made = rescore(runs["classes"].path, "cost,costs=[[0,1,5],[2,0,1],[1,3,0]]")
    told = ("value", "offsets", "confusion")
    rows, expected = (pq.read_table(path).to_pylist() for path in (made, own.leaderboard))
    assert [[row[k] for k in told] for row in rows] == [[row[k] for k in told] for row in expected]
    many = np.arange(900).reshape(30, 30) * (1 - np.eye(30))
    with pytest.raises(RunError, match=r"must have a row for each class, but got 30 rows for 3 classes"):
        rescore(runs["classes"].path, f"cost,costs={many.tolist()}")
    with pytest.raises(RunError, match=r"--policy takes lists of numbers such as \[\[0,1\],\[5,0\]\], but"):
        read_policy("cost,costs=[[0,1],[5,0]", CLASS_TASK)
    with pytest.raises(RunError, match=r"--policy takes NAME or NAME,KEY=VALUE, such as cost,c_fn=10, but"):
        read_policy("fixed,0.3", LABEL_TASK)


def test_a_rule_of_many_costs_has_a_file_with_a_name_that_a_disk_takes(tmp_path):
    study = study_of(CLASS_TASK)
    asked = _Asked(path=str(tmp_path), policies=(), requirements=(), objective=None)
    costs = 1 - np.eye(40)
    names = {
        asked.file_name(read_policy(f"cost,costs={one.tolist()}", CLASS_TASK), study)
        for one in (costs, 2 * costs)
    }
    assert len(names) == 2
    assert max(map(len, names)) < 100


def test_what_is_required_of_value_is_asked_of_every_task(runs):
    [made] = rescore_all(runs["number"].path, [None], parse_for(runs["number"], ["value.max=0.9"]))
    assert made.met == 1
    rows = pq.read_table(made.path).to_pylist()
    assert [row["rank"] for row in rows] == [1, None, None, None]
    assert "the row does not meet value.max=0.9: value is 1.003" in [row["error"] for row in rows]
    [none] = rescore_all(runs["classes"].path, [None], parse_for(runs["classes"], ["value.min=0.999"]))
    assert (none.met, none.nearest["trial_id"]) == (0, "00001")


def test_what_is_required_of_a_class_is_asked_of_the_row(runs):
    run = runs["classes"]
    recall = reading.read(run.path).rows[1]["each_recall"][2]
    asked = parse_for(run, [f"recall.gener/alised.min={recall + 1e-9:.10f}", "macro_f1>=0.1"])
    assert str(asked[0]).startswith("recall.gener/alised.min=0.")
    [made] = rescore_all(run.path, [None], asked)
    assert made.path.parent == run.path
    assert made.met == 1
    rows = pq.read_table(made.path).to_pylist()
    assert "does not meet recall.gener/alised.min" in next(r["error"] for r in rows if r["rank"] is None)


@pytest.mark.parametrize("name", TASKS)
def test_what_is_required_of_the_value_is_asked_of_the_mean(runs, name, capsys):
    run = runs[name]
    values = {trial: run.record(trial).value for trial in ("00001", "00002")}
    between, side = sum(values.values()) / 2, "max" if name == "number" else "min"
    for other in run.path.glob("leaderboard_*"):
        other.unlink()
    assert main(["rescore", str(run.path), "--require", f"value.{side}={between}"]) == 0
    assert "1 of 3 trials meet value." in capsys.readouterr().out
    rows = pq.read_table(next(run.path.glob("leaderboard_*__value.*.parquet"))).to_pylist()
    met = {row["trial_id"]: row["value"] for row in rows}
    assert met == {"00000": None, "00001": values["00001"], "00002": None, "00003": None}
    second = next(row for row in rows if row["trial_id"] == "00002")
    assert second["error"].startswith(f"the row does not meet value.{side}=")


def test_a_file_of_requirements_names_their_class_as_people_read_it(runs):
    run = runs["classes"]
    [made] = rescore_all(
        run.path, ["argmax"], parse_for(run, ["recall.gener/alised.min=.5", "f1.none.max=1"])
    )
    assert made.path.name == "leaderboard_argmax__f1.none.max-1__recall.gener%2Falised.min-0.5.parquet"
    [made] = rescore_all(runs["labels"].path, [None], parse_for(runs["labels"], ["recall.a rare one.min=.5"]))
    assert made.path.name == "leaderboard_max_f1__recall.a%20rare%20one.min-0.5.parquet"


def test_a_file_of_many_requirements_has_a_name_that_file_systems_take(runs):
    run = runs["classes"]
    metrics = ("recall", "precision", "f1", "average_precision", "roc_auc")
    asked = parse_for(run, [f"{metric}.{name}.min=0" for metric in metrics for name in NAMES])
    [made] = rescore_all(run.path, ["argmax"], asked)
    [other] = rescore_all(run.path, ["argmax"], asked[:-1])
    assert made.path != other.path
    assert len(made.path.name) < 220
    assert made.path.name.startswith("leaderboard_argmax__average_precision.focal.min-0__average_precision.")
    assert made.path == rescore_all(run.path, ["argmax"], asked)[0].path


@pytest.mark.parametrize(
    ("name", "asked", "advice"),
    [
        ("classes", "recall.gener/alised.min=1", "--policy RULE"),
        ("classes", "balanced_accuracy.min=1", "--policy RULE"),
        ("labels", "precision.a rare one.min=1", "--policy RULE"),
        ("classes", "macro_average_precision.min=1", None),
        ("number", "rmse.max=0", None),
    ],
)
def test_other_rules_are_advised_where_they_move_what_is_required(runs, name, asked, advice):
    told = other_thresholds(parse_for(runs[name], [asked]), runs[name])
    assert told == (
        ""
        if advice is None
        else f"; other thresholds may: python search.py rescore {runs[name].path} {advice}"
    )


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        (
            "classes",
            "recall.toe.min=.5",
            "class or label of 'none', 'focal', 'gener/alised', but got 'toe'",
        ),
        ("classes", "sensitivity.min=.5", "but got 'sensitivity'; of each class or label recall, precision"),
        ("classes", "mae.focal.max=1", "takes one of recall, precision, f1, average_precision, roc_auc, but"),
        ("number", "accuracy.min=.5", "takes one of value, mae, rmse, r2, median_absolute_error, but got"),
        ("number", "recall.x.min=.5", "takes one of value, mae"),
        ("labels", "macro_f1", "such as macro_f1.min=0.95, got 'macro_f1'"),
    ],
)
def test_what_cannot_be_required_is_one_line(runs, name, asked, message):
    with pytest.raises(RunError, match=message):
        parse_for(runs[name], [asked])


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        (
            "classes",
            ["--policy", "youden"],
            "of a task of classes must be one of argmax, max_macro_f1",
        ),
        (
            "classes",
            ["--policy", "recall_at,of_class=toe"],
            "threshold.of_class must be one of the classes 'none', 'focal', 'gener/alised', but got 'toe'",
        ),
        (
            "classes",
            ["--policy", "cost,costs=[[0,1],[1,0]]"],
            "threshold.costs must have a row for each class, but got 2 rows for 3 classes",
        ),
        (
            "labels",
            ["--policy", "top_k,k=4"],
            "threshold.k must be at most the number of labels, 3, but got 4",
        ),
        (
            "labels",
            ["--policy", "argmax"],
            "it gives every row exactly one label, and rows have none or",
        ),
        ("number", ["--policy", "argmax"], "and nothing is decided"),
        ("number", ["--objective", "accuracy"], "equal the target exactly, which a real number never does"),
    ],
)
def test_rules_and_metrics_of_another_task_are_refused_in_one_line(runs, name, option, message, capsys):
    assert main(["rescore", str(runs[name].path), *option]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("name", TASKS)
def test_the_commands_tell_of_the_run(runs, name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["leaderboard", str(runs[name].path), "--format", "table"]) == 0
    shown = capsys.readouterr().out
    assert {"classes": "bal.acc.", "labels": "micro F1", "number": "MAE"}[name] in shown
    assert "in sample" in shown
    assert "corrected for having been picked from 3" in shown
    assert main(["status", str(runs[name].path)]) == 0
    assert "baseline" in capsys.readouterr().out


def test_rows_are_sorted_by_one_number_of_a_list(runs):
    """A list has no order that means anything: its first number would decide."""
    path = runs["classes"].path
    rows = reading.read(path, sort="each_recall[2]").rows
    recalls = [row["each_recall"][1] for row in rows]
    assert recalls == sorted(recalls, reverse=True)
    last = reading.read(path, sort="each_recall[3] ASC").rows
    assert [row["each_recall"][2] for row in last] == sorted(row["each_recall"][2] for row in last)
    for sort in ("each_recall", "confusion", "confusion[1]", "answers[1]", "value[1]", "offsets desc"):
        with pytest.raises(RunError) as caught:
            reading.read(path, sort=sort)
        assert str(caught.value) == (
            "--sort takes a column that holds one number a row, or one of a list, such as each_recall[1] "
            f"for the first of answers, but got {sort!r}"
        )
    with pytest.raises(
        RunError, match=r"takes a column and asc or desc, but got 'each_recal\[1\]'; nearest is"
    ):
        reading.read(path, sort="each_recal[1]")


def test_names_of_labels_are_kept(runs):
    assert runs["labels"].reference().answers == LABELS
    assert runs["number"].reference().answers == ()


@pytest.mark.parametrize("name", TASKS)
def test_two_trials_are_compared_on_the_same_rows(runs, name):
    run = runs[name]
    found = compare(run, "00003", "00001")
    metric = run.study().objective.metric
    values = [run.record(trial).metrics[metric].value for trial in ("00003", "00001")]
    assert found.difference == pytest.approx(values[0] - values[1])
    assert found.low <= found.difference <= found.high
    assert not found.tied


def test_two_runs_say_which_is_ahead_where_less_is_better(runs, tmp_path, capsys):
    better = written(tmp_path / "better", study_of(NUMBER_TASK), (0.1, 1.0, 3.0))
    assert main(["leaderboard", "--diff", str(runs["number"].path), str(better.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{better.path} is ahead on these rows".replace(" ", "") in shown.replace(" ", "")


@pytest.mark.parametrize("name", TASKS)
def test_trackers_and_the_study_database_are_told(runs, name, tmp_path):
    from cluster.tensorboard_tracker import TensorboardTracker
    from cluster.tracked_values import tracked

    run, record = runs[name], runs[name].record("00001")
    told = tracked(record)
    assert told.metrics["value"] == record.value
    assert "task" not in told.params
    tracker = TensorboardTracker(tmp_path, run)
    tracker.log(record)
    assert tracker.has(record)
