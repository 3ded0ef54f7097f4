"""Reading leaderboards: several runs at once, the best of each kind, two runs side by side, footnotes."""

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from cluster.cli import main
from cluster.commands.leaderboard import show
from reports.boards import leaderboard, query, reading
from reports.boards.columns import SCHEMA
from reports.boards.difference import Comparison, difference
from reports.boards.footnotes import edges, footnotes
from reports.boards.table import as_html, table
from search.record import Ask, Estimate
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from search.trials.trial import RunFacts, record
from spaces.study_file import parse
from tests.helpers.toys import config

ROWS, GROUPS = 400, 20


def write_run(path: Path, values, seed=0, **changes) -> RunFolder:
    """A run of a baseline and trials of given values, whose scores tell the better ones apart."""
    study = parse(
        {"name": "toy", "space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}, **changes}
    )
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"g{k:02d}" for k in range(GROUPS)], ROWS // GROUPS)
    y = (np.random.default_rng(0).random(ROWS) < 0.3).astype(np.int8)
    folder = RunFolder(path)
    folder.write_reference(Reference(y, groups, None, None, draw_halves(y, groups, None, 0)), np.arange(ROWS))
    folder.create(study, {"data_digest": "d", "split_digest": "s"})
    facts = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")
    common = {
        "cross_fit_by": "group",
        "device": "cpu",
        "train_s": 1.0,
        "state": "completed",
        "threshold_score": 0.0,
    }
    asks = [Ask(number=0, kind="baseline", baseline="prevalence", seed=0)]
    heads = [("sigmoid", "bce"), ("softmax", "cce"), ("sigmoid", "focal"), ("margin", "hinge")]
    for number in range(1, len(values)):
        head, loss = heads[(number - 1) % 4]
        chosen = config(head, loss, learning_rate=1e-3 if number > 1 else 9.9e-3)
        asks.append(Ask(number=number, kind="search", config=chosen, seed=number))
    for ask, value in zip(asks, values, strict=True):
        score = ((value or 0) * np.where(y == 1, 2, -2) + rng.normal(size=ROWS)).astype(np.float32)
        folder.write_scores(ask.trial_id, score, score)
        trained = {"epochs": 30, "best_epoch": 30} if ask.config else {}
        folder.write_record(record(ask, study, facts, value=value, **trained, **common))
    leaderboard.write(folder.leaderboard, folder.records())
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("runs")
    write_run(home / "first", [0.3, 0.9, 0.7, 0.8, None])
    write_run(home / "second", [0.3, 0.6, 0.8, 0.1], training={"epochs": 30, "patience": 4})
    return home


def test_one_run_is_read_as_it_was_written(runs):
    board = reading.read(runs / "first")
    assert board.table.equals(pq.read_table(runs / "first" / "leaderboard.parquet"))
    assert board.facts.runs == ("first",)
    assert (board.facts.trials, board.facts.best["trial_id"], board.facts.best_baseline) == (5, "00001", 0.3)


@pytest.mark.parametrize("named", ["both", "pattern", "twice"])
def test_several_runs_are_one_ranking(runs, named):
    both = [runs / "first", runs / "second"]
    places = {
        "both": both,
        "pattern": [f"{runs}/*"],
        "twice": [*both, runs / "second" / "leaderboard.parquet"],
    }
    board = reading.read(*places[named])
    shown = [(row["rank"], row["run"], row["trial_id"]) for row in board.rows]
    assert shown == [
        (1, "first", "00001"),
        (2, "second", "00002"),
        (2, "first", "00003"),
        (4, "first", "00002"),
        (5, "second", "00001"),
        (6, "first", "00000"),
        (6, "second", "00000"),
        (8, "second", "00003"),
        (None, "first", "00004"),
    ]
    assert board.table.column_names == ["run", *SCHEMA.names]
    only = reading.read(*places[named], where="run = 'second' and value > .5", sort="value asc")
    assert [row["trial_id"] for row in only.rows] == ["00001", "00002"]


def test_runs_that_do_not_compare_keep_their_ranks_and_say_so(runs, tmp_path):
    other = write_run(tmp_path / "other", [0.2, 0.5], objective={"metric": "mcc"})
    board = reading.read(runs / "first", other.path)
    assert [row["rank"] for row in board.rows if row["run"] == "other"] == [1, 2]
    assert any("their values do not compare" in note for note in footnotes(board))
    assert (board.facts.best, board.facts.best_baseline) == (None, None)
    assert not any("no trial is better" in note for note in footnotes(board))
    best = reading.read(runs / "first", other.path, best_per="kind", where="kind = 'search'")
    assert [(row["run"], row["value"]) for row in best.rows] == [("first", 0.9), ("other", 0.5)]


@pytest.mark.parametrize("hidden", ["split", "study"])
def test_runs_on_other_rows_of_the_same_data_are_no_ranking(runs, tmp_path, hidden):
    other = write_run(tmp_path / "other", [0.2, 0.5])
    if hidden == "study":
        other.study_file.unlink()
    else:
        text = other.study_file.read_text().replace("split_digest: s", "split_digest: t")
        other.study_file.write_text(text)
    assert not reading.read(runs / "first", other.path).facts.comparable


def test_a_name_that_looks_like_a_pattern_is_a_name(runs, tmp_path):
    for name, value in (("a[1]", 0.9), ("a1", 0.1), ("a?", 0.4), ("it's", 0.7)):
        write_run(tmp_path / name, [0.0, value])
    for name, value in (("a[1]", 0.9), ("a1", 0.1), ("a?", 0.4), ("it's", 0.7)):
        assert reading.read(tmp_path / name).facts.best["value"] == value
    both = reading.read(tmp_path / "a[1]", tmp_path / "a1")
    assert [(row["run"], row["value"]) for row in both.rows[:2]] == [("a[1]", 0.9), ("a1", 0.1)]


def test_a_rescored_leaderboard_is_not_shown_with_ties_of_another(runs, tmp_path, capsys):
    run = write_run(tmp_path / "toy", [0.3, 0.9, 0.7])
    other = run.path / "leaderboard_youden.parquet"
    other.write_bytes(run.leaderboard.read_bytes())
    assert (reading.read(run.path).run, reading.read(other).run) == (run.path, None)
    assert main(["leaderboard", str(other), "--format", "table"]) == 0
    said = capsys.readouterr().out
    assert "ties are told within one run, by its own leaderboard" in said
    assert "as measured" not in said


def test_the_best_per_column_is_the_best_of_those_that_pass(runs):
    rows = reading.read(runs / "first", best_per="head").rows
    assert [(row["head"], row["trial_id"]) for row in rows] == [
        ("sigmoid", "00001"),
        ("softmax", "00002"),
        (None, "00000"),
        ("margin", "00004"),
    ]
    rows = reading.read(runs / "first", best_per="head", where="loss <> 'bce'", top=1).rows
    assert [(row["head"], row["trial_id"]) for row in rows] == [("sigmoid", "00003")]


def test_a_file_of_an_earlier_version_reads_with_nulls(runs, tmp_path):
    whole = pq.read_table(runs / "first" / "leaderboard.parquet")
    pq.write_table(whole.drop_columns(["gpu_share", "leaky", "val_f1"]), tmp_path / "leaderboard.parquet")
    board = reading.read(tmp_path)
    assert board.table.schema.equals(SCHEMA)
    assert board.table["gpu_share"].null_count == 5
    assert not board.facts.leaky
    pq.write_table(whole.select(list(query.ESSENTIAL)), tmp_path / "leaderboard.parquet")
    assert "00001" in reading.read(tmp_path)._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs/none-*"], "a pattern must match runs with a leaderboard, but runs/none-* matches none"),
        (["first", "--best-per", "beauty"], "--best-per takes a column, but got 'beauty'"),
        (["first", "nowhere"], "a leaderboard is written when the first trial finishes, but nowhere"),
        (["first", "--diff"], "--diff compares two runs, but got 1"),
        (["first", "elsewhere", "--diff"], "a run is a folder with a study.yaml, but elsewhere has none"),
        (["first", "--sort", "run"], "--sort takes a column and asc or desc, but got 'run'"),
        ([], "Missing argument 'RUN...'"),
    ],
)
def test_a_wrong_request_is_one_line(runs, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(runs)
    assert main(["leaderboard", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_elsewhere_than_on_a_terminal_it_is_csv(runs, capsys):
    assert main(["leaderboard", str(runs / "first"), str(runs / "second"), "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('"run","rank","trial_id"')
    assert len(lines) == 3


def test_two_runs_side_by_side(runs, capsys):
    found = difference(runs / "first", runs / "second")
    assert found.settings == {"training.patience": (8, 4)}
    assert found.incomparable is None
    assert found.values[("sigmoid", "bce")] == (0.9, 0.6)
    assert found.values[("sigmoid", "focal")] == (0.8, 0.1)
    assert ("margin", "hinge") not in found.values
    assert found.best == ("00001", "00002")
    assert found.comparison is not None
    same = difference(runs / "first", runs / "first")
    assert (same.settings, same.comparison) == ({}, Comparison(0.0, 0.0, 0.0))
    assert main(["leaderboard", "--diff", str(runs / "first"), str(runs / "second")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "training.patience 8 4" in said
    assert "sigmoid bce 0.900 0.600 -0.300" in said


def test_runs_on_other_rows_are_not_subtracted(runs, tmp_path, capsys):
    other = write_run(tmp_path / "other", [0.2, 0.5])
    text = other.study_file.read_text().replace("data_digest: d", "data_digest: e")
    other.study_file.write_text(text)
    assert difference(runs / "first", other.path).comparison is None
    assert main(["leaderboard", "--diff", str(runs / "first"), str(other.path)]) == 0
    assert "their values do not compare" in capsys.readouterr().out


def test_an_undefined_difference_is_no_difference():
    assert Comparison(float("nan"), float("nan"), float("nan")).tied


CHOSEN = SimpleNamespace(
    best="00001",
    values={
        "00001": Estimate(value=0.9, low=0.81, high=0.95),
        "00003": Estimate(value=0.8, low=None, high=None),
    },
    ranks={"00001": (1, 2), "00003": (1, 2), "00002": (3, 3)},
    corrected=Estimate(value=0.85, low=0.7, high=0.93),
    trials=3,
    units="groups",
    unit_count=20,
    note=None,
)


def test_ties_are_shown_as_ties_and_the_winner_twice(runs):
    board = reading.read(runs / "first")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(board, "first", 200, CHOSEN))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert [line[:2] for line in lines if line and line[0] == "1-2"] == [["1-2", "00001"], ["1-2", "00003"]]
    assert "0.81-0.95" in next(line for line in lines if "00001" in line)
    notes = footnotes(board, CHOSEN)
    assert any(
        note.startswith("rank 1-2: 2 trials that 20 groups cannot tell from the best") for note in notes
    )
    (best,) = (note for note in notes if note.startswith("best:"))
    assert "0.900 (0.810 to 0.950) as measured" in best
    assert "0.850 (0.700 to 0.930) corrected for having been picked from 3" in best


def test_the_tie_of_the_winner_is_told_wherever_it_stands(runs):
    behind = SimpleNamespace(**{**vars(CHOSEN), "ranks": {"00000": (1, 1), "00001": (2, 3), "00003": (2, 3)}})
    (tie,) = (note for note in footnotes(reading.read(runs / "first"), behind) if note.startswith("rank"))
    assert tie.startswith("rank 2-3: 2 trials")
    alone = SimpleNamespace(**{**vars(CHOSEN), "ranks": {"00001": (1, 1), "00003": (2, 2)}})
    assert not [note for note in footnotes(reading.read(runs / "first"), alone) if note.startswith("rank")]


def test_a_notebook_shows_the_same_cells_and_nothing_of_them_is_markup(runs, tmp_path):
    board = reading.read(runs / "first")
    shown = board._repr_html_()
    assert shown.count("<tr>") == 6
    for cell in ("00001", "0.900", "sigmoid", "focal"):
        assert f">{cell}</td>" in shown
    evil = board.table.set_column(
        board.table.column_names.index("error"), "error", pa.array(["<script>x</script>"] * 5, pa.string())
    )
    text = as_html(reading.Leaderboard(evil, board.facts), CHOSEN)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert ">1-2</td>" in text


def space_of(**ranges) -> dict:
    return {"space": ranges, "training": {"epochs": 30}}


@pytest.mark.parametrize(
    ("value", "said"),
    [(9.9e-3, "upper"), (1.05e-4, "lower"), (1e-3, None), (7e-3, None)],
)
def test_a_best_value_at_the_end_of_its_range_is_told(value, said):
    best = {"kind": "search", "params": json.dumps({"learning_rate": value}), "best_epoch": 3, "epochs": 9}
    notes = edges(best, space_of(learning_rate={"low": 1e-4, "high": 1e-2, "log": True}))
    assert [f"the {said} end" in note for note in notes] == ([True] if said else [])


def test_an_end_that_no_range_can_pass_is_not_told():
    best = {"kind": "search", "params": '{"dropout": 0.001}', "best_epoch": 3, "epochs": 9}
    assert edges(best, space_of(dropout={"low": 0.0, "high": 0.5, "log": False})) == []
    assert edges({**best, "kind": "author"}, space_of(dropout={"low": 0.1, "high": 0.5, "log": False})) == []
    late = edges({**best, "best_epoch": 30, "epochs": 30}, space_of())
    assert late == ["the best trial was still improving in its last epoch, 30: raise training.epochs"]


def test_the_command_tells_of_edges(runs, capsys):
    assert main(["leaderboard", str(runs / "first"), "--format", "table"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "learning_rate 0.0099 of the best trial lies at the upper end of its range (0.0001 to 0.01)" in said
    )


def test_a_damaged_study_does_not_keep_a_leaderboard_from_being_read(runs, tmp_path, capsys):
    folder = write_run(tmp_path / "hurt", [0.3, 0.9])
    for content in ("{", "space: 1", yaml.safe_dump({"space": {"dropout": {"low": "x", "high": 1}}})):
        folder.study_file.write_text(content)
        show(
            [str(folder.path)],
            "hurt",
            "table",
            Console(width=100),
            top=5,
            sort=None,
            where=None,
            best_per=None,
        )
        assert "00001" in capsys.readouterr().out


@pytest.mark.parametrize(("column", "values"), [("value", "text"), ("trial_id", 1.5), ("leaky", "no")])
def test_a_leaderboard_whose_columns_hold_something_else_is_none(runs, tmp_path, capsys, column, values):
    whole = pq.read_table(runs / "first" / "leaderboard.parquet")
    place = whole.column_names.index(column)
    path = tmp_path / "leaderboard.parquet"
    pq.write_table(whole.set_column(place, column, pa.array([values] * len(whole))), path)
    for form in ("table", "json"):
        assert main(["leaderboard", str(path), "--format", form]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line == (
            f"search.py: a leaderboard is a Parquet file with the columns of one, but {path} is not"
        )
    pq.write_table(whole.set_column(place, column, pa.nulls(len(whole))), path)
    assert query.found([path]) == (path,)
