"""The command `decide`: a table in, a run and a decision out; what was asked wrongly is one line."""

import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cluster.cli import main
from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers import predictions

GIVEN = [
    "--label",
    "label",
    "--positive",
    "seizure",
    "--score",
    "probability",
    "--group",
    "patient",
    "--to",
    "out",
]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    predictions.write(tmp_path / "p.csv")


def test_a_table_becomes_a_leaderboard_a_page_and_a_decision(capsys, tmp_path):
    events = ["--recording", "recording", "--start", "start", "--window-s", "2"]
    assert main(["decide", "p.csv", *GIVEN, *events, "--policy", "max_f1", "--policy", "cost,c_fn=10"]) == 0
    said = capsys.readouterr().out
    assert "probability holds probabilities, and is decided upon by their log-odds" in said
    assert "decision: probability -> out/decision: f1" in said
    assert (tmp_path / "out/report.html").stat().st_size > 50_000
    assert (tmp_path / "out/leaderboard_cost__c_fn-10.parquet").is_file()
    # What takes a run takes this one.
    assert main(["rescore", "out", "--policy", "youden"]) == 0
    capsys.readouterr()
    assert main(["status", "out"]) == 0
    assert "(probability, trial 00000)" in capsys.readouterr().out
    assert main(["report", "out"]) == 0
    assert main(["promote", "out", "--trial", "00000", "--threshold-score", "1.5", "--to", "by_hand"]) == 0
    assert yaml.safe_load((tmp_path / "by_hand/decision.yaml").read_text())["threshold_score"] == 1.5


def test_why_there_are_no_event_scores_is_said(capsys):
    assert main(["decide", "p.csv", *GIVEN]) == 0
    assert "event scores: none, since the data name no recordings, no times, no window_s" in spaced(capsys)
    events = ["--recording", "recording", "--start", "start", "--window-s"]
    given = [*GIVEN[:-1], "other"]
    assert main(["decide", "p.csv", *given, *events, "1"]) == 0
    assert "event scores: none, since windows cover 50.21% of their recordings and not 90%" in spaced(capsys)
    given = [*GIVEN[:-1], "third"]
    assert main(["decide", "p.csv", *given, *events, "2"]) == 0
    assert "event scores: recordings 10, hours 0.6667, seizures by labels 10" in spaced(capsys)
    assert main(["decide", "p.csv", *given, *events, "120"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "search.py: times are the start of each window in seconds, but windows of 120 s of recording 'p0_r1' "
        "start 2 apart, as if in minutes (p.csv: --start); give seconds, correct --window-s, or state --set "
        "data.step_s, the seconds from one start to the next, where windows do overlap or lie apart so far"
    )


def spaced(capsys) -> str:
    """What was printed, without its line breaks."""
    return " ".join(capsys.readouterr().out.split())


def test_neither_keras_nor_ray_is_imported():
    code = (
        "import sys; from cluster.cli import main; "
        f"assert main(['decide', 'p.csv', *{GIVEN!r}]) == 0; "
        "print(sorted({'keras', 'tensorflow', 'jax', 'ray'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'SCORES'"),
        (["p.csv"], "Missing option"),
        (["nowhere.csv", *GIVEN], "search.py: SCORES must exist, but there is no"),
        (["p.csv", *GIVEN, "--score", "q"], "--score q must name a column of p.csv"),
        (
            ["p.csv", *GIVEN, "--score", "probability"],
            "must name different columns, but got probability, probability (decide: --score)",
        ),
        (["p.csv", *GIVEN, "--positive", "ictal"], "--positive must be one of the labels"),
        (["p.csv", *GIVEN, "--policy", "max_f2"], "must be one of"),
        (["p.csv", *GIVEN, "--policy", "sensitivity_at_fa_per_day,fa_per_day=2"], "needs recordings"),
        (["p.csv", *GIVEN, "--require", "sensitivity"], "sensitivity"),
        (
            ["p.csv", *GIVEN, "--set", "data.source=npz"],
            "decide takes scores, so data.source must stay as it is, but got --set data.source=npz",
        ),
        (["p.csv", *GIVEN, "--to", "."], "decisions are written to a new or empty folder"),
        (["p.csv", *GIVEN, "--window-s", "0.0005"], "must be greater than or equal to 0.001, but got 0.0005"),
        (
            ["p.csv", *GIVEN, "--window-s", "0"],
            "must be greater than or equal to 0.001, but got 0.0 (decide: --window-s)",
        ),
        (["p.csv", *GIVEN, "--positive", "a: b"], "--positive must be one of the labels"),
    ],
)
def test_a_wrong_call_is_one_line(capsys, tmp_path, arguments, message):
    assert main(["decide", *arguments]) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["resume", "out"], ["verify", "out"]])
def test_what_trains_says_that_there_is_nothing_to_train(capsys, command):
    assert main(["decide", "p.csv", *GIVEN]) == 0
    capsys.readouterr()
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nothing to train" in line


def refused(capsys, *arguments) -> str:
    """The one line of a command that was asked wrongly."""
    assert main([*arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_messages_name_options_and_not_the_settings_of_a_study(capsys, tmp_path):
    bare = ["p.csv", "--label", "label", "--score", "probability", "--to", "out"]
    line = refused(capsys, "decide", *bare)
    assert "--positive is required unless labels are 0/1 or false/true" in line
    assert line.endswith("name the positive one, e.g. --positive seizure (p.csv: label)")
    line = refused(capsys, "decide", *bare, "--positive", "fit")
    assert line.endswith(
        '--positive must be one of the labels "background", "seizure", but got "fit" (p.csv: label)'
    )
    line = refused(capsys, "decide", *bare, "--positive", "1")
    assert line.endswith("but got 1; e.g. --positive seizure (p.csv: label)")
    rows = (tmp_path / "p.csv").read_text().splitlines()
    (tmp_path / "one.csv").write_text("\n".join([rows[0], *(row for row in rows[1:] if ",p1," in row)]))
    line = refused(capsys, "decide", "one.csv", *GIVEN)
    assert "a decision needs two groups (or recordings) with positive rows and two" in line
    assert line.endswith("give scores of more groups (--group, --recording)")
    line = refused(capsys, "decide", "p.csv", *GIVEN, "--policy", "sensitivity_at_fa_per_day,fa_per_day=2")
    assert "of decide --recording, --start, --window-s" in line
    np.savez(tmp_path / "p.npz", label=np.arange(9) % 2, probability=np.linspace(0.1, 0.9, 9))
    line = refused(capsys, "decide", "p.npz", *GIVEN)
    assert "--group must name an array of p.npz" in line
    assert "data." not in line


def test_requirements_on_events_are_refused_where_a_run_has_none(capsys):
    assert main(["decide", "p.csv", *GIVEN]) == 0
    capsys.readouterr()
    for requirement in ("fa_per_day.max=2", "event_f1.min=0.5"):
        for command in (["rescore", "out", "--policy", "max_f1"], ["promote", "out", "--to", "decided"]):
            assert refused(capsys, *command, "--require", requirement) == (
                f"search.py: --require {requirement} needs event scores, but out has none, since the data "
                "name no recordings, no times, no window_s"
            )
    events = ["--recording", "recording", "--start", "start", "--window-s", "1"]
    assert main(["decide", "p.csv", *GIVEN[:-1], "thin", *events]) == 0
    capsys.readouterr()
    line = refused(capsys, "promote", "thin", "--to", "decided", "--require", "fa_per_day.max=2")
    assert "but thin has none, since windows cover less than 90% of their recordings, and false" in line


def test_what_a_decision_lacks_is_said_and_what_may_reach_it(capsys):
    assert main(["decide", "p.csv", *GIVEN]) == 0
    capsys.readouterr()
    for requirement, advice in (
        (
            "specificity.min=1",
            "; other thresholds may: python search.py rescore out --require specificity.min=1",
        ),
        ("roc_auc.min=1", ""),
    ):
        assert main(["promote", "out", "--to", "decided", "--require", requirement]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        name = requirement.partition(".")[0]
        assert re.fullmatch(
            rf"search\.py: probability does not meet {requirement} at its threshold: its {name} [\d.]+ is "
            rf"[\d.]+ below 1{re.escape(advice)}",
            line,
        )


TIMED = ["--recording", "recording", "--start", "start", "--window-s", "2"]


def events_of(folder) -> tuple:
    """The event scores that a decision's run has, and its digest."""
    (row,) = pq.read_table(folder / "leaderboard.parquet").to_pylist()
    return row["val_event_sensitivity"], row["val_fa_per_day"], row["data_digest"]


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_true_seizures_take_the_place_of_those_that_labels_tell(capsys, tmp_path, suffix):
    assert main(["decide", "p.csv", *GIVEN, *TIMED]) == 0
    given, study = RunFolder(tmp_path / "out").reference(), RunFolder(tmp_path / "out").study()
    assert study.data.seizures is None
    told = [(one.name, *span) for one in given.timeline for span in one.seizures]
    found = dict(zip(("recording", "start", "end"), map(np.array, zip(*told, strict=True)), strict=True))
    # The same intervals, on the clock of the rows, which begins at 0 here: the same scores.
    write_columns(tmp_path / f"sz{suffix}", found)
    assert main(["decide", "p.csv", *GIVEN[:-1], "same", *TIMED, "--seizures", f"sz{suffix}"]) == 0
    assert "event scores: recordings 10, hours 0.6667, seizures by annotation 10" in spaced(capsys)
    assert events_of(tmp_path / "same")[:2] == events_of(tmp_path / "out")[:2]
    assert RunFolder(tmp_path / "same").study().data.seizures == str(tmp_path / f"sz{suffix}")
    # Alarms where no seizure is stated are false, whatever the labels say.
    write_columns(tmp_path / "fewer.csv", {name: column[:5] for name, column in found.items()})
    assert main(["decide", "p.csv", *GIVEN[:-1], "fewer", *TIMED, "--seizures", "fewer.csv"]) == 0
    said = spaced(capsys)
    assert "seizures by annotation 5" in said
    assert "p.csv: 60 of 120 positive rows lie in no seizure of fewer.csv" in said
    assert events_of(tmp_path / "fewer")[1] > events_of(tmp_path / "same")[1]
    assert len({events_of(tmp_path / name)[2] for name in ("out", "same", "fewer")}) == 3


def write_columns(path, columns) -> None:
    if path.suffix == ".npz":
        np.savez(path, **columns)
    else:
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]))


def test_a_wrong_file_of_seizures_is_named_by_its_option(capsys, tmp_path):
    assert refused(capsys, "decide", "p.csv", *GIVEN, *TIMED, "--seizures", "no.csv") == (
        f"search.py: --seizures must exist, but there is no {tmp_path}/no.csv (--seizures: no.csv)"
    )
    write_columns(tmp_path / "sz.csv", {"recording": ["p0_r0"], "start": [1.0], "end": [3.0]})
    assert refused(capsys, "decide", "p.csv", *GIVEN, "--seizures", "sz.csv") == (
        "search.py: --seizures needs --recording, --start and --window-s, to tell when sz.csv happened"
    )
    write_columns(tmp_path / "sz.csv", {"recording": ["x"], "start": [1.0], "end": [3.0]})
    line = refused(capsys, "decide", "p.csv", *GIVEN, *TIMED, "--seizures", "sz.csv")
    assert line.endswith("but seizure 1 of sz.csv, 1 to 3 s of 'x', is of none (p.csv)")
