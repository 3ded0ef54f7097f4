"""A run whose rule decides nothing: it says so, ranks such rows last, and no command advises to ship them."""

import math

import numpy as np
import pytest

from cluster.cli import main
from reports.boards import advice, leaderboard, reading
from reports.boards.constant_decisions import constant_notes
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from spaces.study import Study
from tests.helpers.scored_runs import add, ask, begin, measured

ROWS, GROUPS = 1200, 12
COST = {"policy": "cost", "c_fp": 1, "c_fn": 1}


def _run(path, metric: str, threshold) -> RunFolder:
    """The prevalence, logistic regression that separates well, and three weak trials."""
    rng = np.random.default_rng(0)
    y, groups = (rng.random(ROWS) < 0.05).astype(np.int8), np.arange(ROWS) % GROUPS
    names = groups.astype(str)
    reference = Reference(
        y=y, groups=names, recordings=None, times=None, halves=draw_halves(y, names, None, 0)
    )
    study = Study.model_validate(
        {"name": "toy", "objective": {"metric": metric, "calibration": "none"}, "threshold": threshold}
    )
    folder = begin(path, study, reference)
    for number, apart in enumerate((0.0, 6.0, 0.1, 0.2, 0.1)):
        raw = (rng.normal(size=ROWS) * bool(apart) + apart * y).astype(np.float32)
        raw[np.flatnonzero(y == 0)[0]] += 9 * (number > 1)  # the highest score of a weak trial is a negative
        name = ("prevalence", "logistic_regression")[number] if number < 2 else None
        asked = Ask(number=number, kind="baseline", baseline=name, seed=number) if name else ask(number)
        add(folder, measured(asked, raw, reference, study), raw)
    leaderboard.write(folder.leaderboard, folder.records())
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return _run(tmp_path_factory.mktemp("constant") / "runs" / "toy", "average_precision", COST)


def test_rows_that_decide_nothing_rank_last_and_are_marked(run):
    rows = reading.read(run.path).rows
    assert [row["threshold_score"] for row in rows if row["constant_decision"]] == [math.inf] * 4
    assert [row["rank"] for row in rows if not row["constant_decision"]] == [1]
    assert rows[0]["trunk"] == "logistic_regression"
    assert rows[1]["kind"] == "search"  # among those that decide nothing by value


def test_the_reason_and_the_nearest_cut_stand_below(run, capsys):
    best = reading.read(run.path).rows[1]["trial_id"]
    count, why = constant_notes(run.path, run.leaderboard)
    assert count == (
        "constant: 3 of 3 trained trials decide all validation rows alike; they rank last, and no rule ships "
        "them"
    )
    assert why.startswith(f"why, of trial {best}: at costs c_fp 1 and c_fn 1 a cut pays where more than 0.5")
    assert "; the nearest cut that decides, " in why
    assert main(["leaderboard", str(run.path), "--format", "table"]) == 0
    said = capsys.readouterr().out
    assert count in said
    assert why in said
    assert "every trained trial's decision is constant" in said


def test_no_command_advises_to_ship_what_decides_nothing(run, capsys):
    assert advice.best_trained(run.records()) is None
    assert advice.best_baseline(run.records()).ask.baseline == "logistic_regression"
    assert main(["rescore", str(run.path)]) == 0
    said = capsys.readouterr().out
    assert "constant: 3 of 3 trained trials" in said
    assert "ship the best" not in said
    assert main(["status", str(run.path)]) == 0
    assert "promote" not in capsys.readouterr().out


def test_rescore_advises_only_what_beats_the_baseline(run, capsys):
    """Under another rule all trials decide something, but logistic regression is far better."""
    assert main(["rescore", str(run.path), "--policy", "max_f1"]) == 0
    said = capsys.readouterr().out
    assert "no trial is better than the best baseline" in said
    assert "ship the best" not in said


def test_a_constant_decision_is_no_yardstick_where_it_is_perfect_by_definition(tmp_path):
    rule = {"policy": "precision_at_recall", "recall": 0.5}
    run = _run(tmp_path / "runs" / "toy", "sensitivity", rule)
    prevalence = run.record("00000")
    assert prevalence.constant_decision
    assert prevalence.value == 1
    assert advice.best_baseline(run.records()).ask.baseline == "logistic_regression"
    assert reading.read(run.path).facts.best_baseline == run.record("00001").value
