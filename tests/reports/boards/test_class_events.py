"""Leaderboards of classes with events: columns, table, what is required, other rules, the page."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.cli import main
from cluster.tracked_values import tracked
from reports.boards import leaderboard, reading
from reports.boards.columns import schema_of
from reports.boards.footnotes import footnotes
from reports.boards.requirements import check_scored, parse_for
from reports.boards.rescoring import rescore_all
from reports.boards.selection import selection
from reports.boards.table import table
from reports.bundles.picking import pick
from reports.page.data import as_text, document
from search.evaluation.recorded_decisions import decided
from search.events.evaluation import decided_estimates, decided_patients
from search.events.scoring import EVENT_METRICS
from search.record import Ask, Record
from search.trials.trial import record as record_of
from spaces.errors import RunError
from tests.helpers.task_runs import CLASS_TASK, FACTS, config_of, study_of, written

EVENTS = {"scorer": "ovlp", "positive": ["focal", "gener/alised"]}
COLUMNS = [f"val_{name}{end}" for name in EVENT_METRICS for end in ("", "_low", "_high")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return written(tmp_path_factory.mktemp("plain") / "run", study_of(CLASS_TASK))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return written(tmp_path_factory.mktemp("events") / "run", study_of(CLASS_TASK, events=EVENTS))


def test_a_run_has_the_columns_of_classes_and_those_of_events(run, plain):
    names, without = (pq.read_schema(one.leaderboard).names for one in (run, plain))
    assert [name for name in names if name not in without] == [*COLUMNS, "event_scoring"]
    assert [name for name in names if name in without] == without == schema_of("classes").names
    for one in run.records():
        assert Record.model_validate_json(one.model_dump_json()) == one
        assert one.event_scoring["positive"] == EVENTS["positive"]
    same, other = (
        [
            {name: row[name] for name in without if not name.endswith("_at")}
            for row in reading.read(one.path).rows
        ]
        for one in (run, plain)
    )
    assert same == other
    assert "positive" not in plain.study().events.model_dump()
    assert all(one.event_scoring is None for one in plain.records())


def test_a_row_holds_what_its_decisions_come_to(run):
    study, reference = run.study(), run.reference()
    for row in reading.read(run.path).rows:
        record, (_, score) = run.record(row["trial_id"]), run.scores(row["trial_id"])
        seizures = np.isin(decided(record, study, score), (1, 2))
        expected = decided_estimates(reference, seizures, study.events, study.seed)
        assert {name: row[f"val_{name}"] for name in EVENT_METRICS} == {
            name: one.value for name, one in expected.items()
        }
        assert row["val_event_sensitivity_low"] == expected["event_sensitivity"].low
        assert json.loads(row["event_scoring"])["scorer"] == "ovlp"
        assert tracked(record).metrics["val_fa_per_day"] == row["val_fa_per_day"]


def test_a_board_that_begins_with_a_failed_trial_has_them_too(run, tmp_path):
    study = run.study()
    ask = Ask(number=9, kind="search", config=config_of(CLASS_TASK, 9), seed=9)
    about = {"device": "cpu", "train_s": 1.0, "cross_fit_by": "group"}
    failed = record_of(ask, study, FACTS, state="failed", error="no memory", **about)
    leaderboard.write(tmp_path / "leaderboard.parquet", [failed, *run.records()])
    rows = pq.read_table(tmp_path / "leaderboard.parquet").to_pylist()
    assert rows[0]["val_fa_per_day"] is not None
    assert rows[-1]["val_fa_per_day"] is None


def test_the_table_shows_them_and_says_what_they_are(run, plain):
    board = reading.read(run.path)
    shown = table(board, "x", 200)
    assert [c.header for c in shown.columns if c.header in ("ev.sens.", "fa/day", "its fa/day")] == [
        "ev.sens.",
        "fa/day",
    ]
    assert (
        "ev.sens., fa/day: seizures found and false alarms per 24 h, in sample; seizures are focal, "
        "gener/alised; all scored by ovlp"
    ) in footnotes(board)
    assert "fa/day" not in " ".join(footnotes(reading.read(plain.path)))
    assert selection(run).best == "00001"


def test_they_are_required_as_of_two_values(run, plain, capsys):
    rows = reading.read(run.path).rows
    alarms = [row["val_fa_per_day"] for row in rows if row["kind"] != "baseline"]
    asked = parse_for(run, [f"fa_per_day.max={min(alarms)}"])
    [made] = rescore_all(run.path, [None], asked)
    assert made.met == alarms.count(min(alarms)) < 3
    assert made.path.name.startswith("leaderboard_max_macro_f1__fa_per_day.max-")
    [argmax] = rescore_all(run.path, ["argmax"])
    assert pq.read_table(argmax.path)["val_fa_per_day"].null_count == 0
    asked = parse_for(run, ["fa_per_day.min=1000000"])
    with pytest.raises(
        RunError, match=r"no trial meets fa_per_day.min=1000000; the nearest is 0000\d: its fa_"
    ):
        pick(run, None, asked, force=True)
    with pytest.raises(RunError) as caught:
        check_scored(parse_for(plain, ["fa_per_day.max=2"]), plain)
    assert str(caught.value) == (
        f"--require fa_per_day.max=2 needs event scores, but {plain.path} has none, since its study names no "
        "classes that are seizures (events.positive)"
    )
    assert main(["rescore", str(plain.path), "--require", "event_sensitivity.min=.5"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "names no classes that are seizures (events.positive)" in line


def test_a_value_is_required_of_classes(run):
    values = [row["value"] for row in reading.read(run.path).rows]
    [made] = rescore_all(run.path, [None], parse_for(run, [f"value.min={values[1] - 1e-6:.6f}"]))
    assert made.met == 2
    assert pq.read_table(made.path).column_names == pq.read_schema(run.leaderboard).names


def test_the_page_draws_them(run, plain):
    found = document(run)
    assert found["about_events"]
    assert found["events"]["scorer"] == "ovlp"
    assert set(EVENT_METRICS) <= {*found["measured"]}
    reference, study = run.reference(), run.study()
    record, (_, score) = run.record("00001"), run.scores("00001")
    seizures = np.isin(decided(record, study, score), (1, 2))
    mine = found["details"]["00001"]["events"]
    patients = decided_patients(reference, seizures, study.events)
    assert mine["patients"]["group"] == [one.group for one in patients]
    assert mine["patients"]["seizures"] == [one.seizures for one in patients]
    assert mine["tp"] == [sum(round(one.sensitivity * one.seizures) for one in patients if one.seizures)]
    assert len(mine["detected"]) == len(found["events"]["recordings"]) == 16
    assert as_text(found)
    bare = document(plain)
    assert (bare["events"], bare["about_events"]) == (None, False)
    assert bare["details"]["00001"]["events"] is None
    assert not set(EVENT_METRICS) & {*bare["measured"]}
