"""A run's selection: read from its files, kept beside them, made again when they change."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from reports.boards import leaderboard, reading
from reports.boards import selection as selections
from reports.boards.footnotes import footnotes
from reports.boards.selection import Selection, selection
from search.evaluation.binary import policy_of
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from spaces.policies import with_policy
from spaces.study import Study
from tests.helpers.measured import measure
from tests.helpers.records import config_of, record
from tests.helpers.seizures import LIMIT, RULES
from tests.helpers.seizures import reference as event_reference


def reference(seed=0, n=240, groups=12) -> Reference:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.35).astype(np.int8)
    group = np.char.add("p", (np.arange(n) % groups).astype(str))
    return Reference(y, group, None, None, draw_halves(y, group, None, seed))


def trial(run, made, study, number, raw, **changes):
    """Leaves behind what a finished trial does."""
    found = measure(raw, made, study, policy_of(study, changes.pop("at", None)), probabilistic=True)
    said = record(number, value=found.value).model_copy(
        update={"objective": study.objective.metric, "threshold_score": found.choice.threshold_score}
    )
    ask = said.ask.model_copy(update=changes)
    run.write_scores(ask.trial_id, raw, found.score)
    run.write_record(said.model_copy(update={"ask": ask}))


def written(path, study, apart, made=None) -> RunFolder:
    """A run of one logistic baseline, trials as far apart as said, and one that failed."""
    made, rng = made or reference(), np.random.default_rng(1)
    run = RunFolder(path)
    run.write_reference(made, np.arange(made.y.size))
    run.create(study, {"data_digest": "d"})
    noise = rng.normal(size=made.y.size)
    for number, gap in enumerate(apart):
        raw = (noise + 0.3 * rng.normal(size=made.y.size) + gap * made.y).astype(np.float32)
        changes = (
            {"kind": "baseline", "baseline": "logistic_regression", "config": None} if not number else {}
        )
        trial(run, made, study, number, raw, **changes)
    failed = record(len(apart)).model_copy(update={"state": "failed", "value": None, "error": "no"})
    run.write_record(failed)
    leaderboard.write(run.leaderboard, run.records())
    return run


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return written(tmp_path / "run", Study(), [1.2, 0.4, 2.5, 2.4])


def test_what_a_run_can_tell(run):
    found = selection(run)
    board = {row["trial_id"]: row for row in leaderboard.ranked(run.records())}
    assert found.objective == "f1"
    assert found.best in ("00002", "00003")
    assert (found.trials, found.units, found.unit_count) == (3, "groups", 12)
    assert found.note == FEW_NOTE
    assert set(found.values) == set(found.differences) == set(found.ranks) == {f"0000{k}" for k in range(4)}
    best = found.values[found.best].value
    for trial_id, estimate in found.values.items():
        assert estimate.value == board[trial_id]["value"]
        assert found.differences[trial_id].value == best - estimate.value
    assert found.ranks["00002"] == found.ranks["00003"] == (1, 2)
    assert found.ranks["00000"] == (3, 3), "the baseline has its place in the ranking"
    assert found.corrected.low < found.corrected.value < found.corrected.high
    assert found.corrected.value < best + 0.02


FEW_NOTE = "intervals from 12 groups hold the truth in fewer than 95 of 100"


def cached(run):
    """What was kept and still holds."""
    study = run.study()
    return selections._kept(run, selections._digest(study, selections._rows(run, study)))


def test_it_is_kept_until_something_changes(run, monkeypatch):
    assert cached(run) is None
    found = selection(run)
    with monkeypatch.context() as patch:
        patch.setattr(selections, "_made", None)
        assert selection(run) == cached(run) == found
    made = reference()
    trial(run, made, Study(), 5, (3.0 * made.y + np.arange(made.y.size) % 7).astype(np.float32))
    assert cached(run) == found, "the leaderboard has not been written yet"
    leaderboard.write(run.leaderboard, run.records())
    assert cached(run) is None
    assert selection(run).trials == 4
    monkeypatch.setattr(selections, "METHOD", 0)
    assert cached(run) is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"digest": 1}', b"[]", b"\xff", "selection", "digest"], ids=str
)
def test_a_damaged_file_is_made_again(run, damage):
    found, path = selection(run), run.path / "selection.json"
    if isinstance(damage, str):
        content = json.loads(path.read_bytes())
        content[damage] = {**asdict(found), "values": 3} if damage == "selection" else "other"
        damage = json.dumps(content).encode()
    path.write_bytes(damage)
    assert cached(run) is None
    assert selection(run) == found == cached(run)


def test_the_records_are_the_truth(run):
    found = selection(run)
    run.leaderboard.write_bytes(b"torn")
    assert cached(run) == found
    run.leaderboard.unlink()
    assert cached(run) == found


def test_a_run_without_a_value_has_no_winner(tmp_path):
    found = selection(written(tmp_path / "run", Study(), [1.0]))
    assert found == Selection(
        objective="f1",
        best=None,
        values={},
        differences={},
        ranks={},
        corrected=None,
        trials=0,
        units="groups",
        unit_count=12,
        note="no trained trial has a value yet",
    )


@pytest.mark.parametrize(
    ("threshold", "metric"),
    [(0.4, "f1"), ({"low": 0.1, "high": 0.9}, "accuracy"), ("youden", "mcc"), ({}, "average_precision")],
)
def test_every_rule_and_kind_of_metric(tmp_path, threshold, metric):
    study = Study(threshold=with_policy(threshold), objective={"metric": metric})
    found = selection(written(tmp_path / "run", study, [1.0, 0.5, 2.0]))
    assert found.best == "00002"
    assert found.note == FEW_NOTE
    for estimate in (*found.values.values(), found.corrected):
        assert estimate.low < estimate.value < estimate.high


def test_many_trials_are_cut_off_and_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(selections, "COMPARED", 2)
    monkeypatch.setattr(selections, "PICKED", 3)
    found = selection(written(tmp_path / "run", Study(), [0.1, 1.0, 1.5, 2.0, 2.5]))
    assert set(found.values) == {"00000", "00003", "00004"}, "the best two, and the yardstick"
    assert found.ranks["00000"] == (5, 5)
    assert found.trials == 4
    assert found.note == (
        f"{FEW_NOTE}; compared with the winner: the best 2 of 4 trials; "
        "corrected for a pick among the best 3 of 4 trials"
    )


def test_event_objectives(tmp_path):
    made, _ = event_reference()
    study = Study(threshold=LIMIT, objective={"metric": "event_f1"}, events=RULES)
    found = selection(written(tmp_path / "run", study, [1.0, 1.5, 2.0], made))
    assert found.best == "00002"
    assert (found.units, found.unit_count) == ("groups", 6)
    assert found.note == "intervals from 6 groups hold the truth in fewer than 95 of 100"
    for estimate in (*found.values.values(), found.corrected):
        assert estimate.low <= estimate.value <= estimate.high


def test_a_folder_that_is_only_read_is_compared_all_the_same(run, monkeypatch):
    def refuse(path, content):
        raise PermissionError(path)

    monkeypatch.setattr(selections, "write_atomically", refuse)
    found = selection(run)
    assert found.best is not None
    assert not (run.path / "selection.json").exists()


def repeated(path, seeds=3, other=2.4) -> RunFolder:
    """A run of a baseline, a configuration with three seeds or more, of which one is lucky, and another."""
    made, rng = reference(), np.random.default_rng(3)
    run = RunFolder(path)
    run.write_reference(made, np.arange(made.y.size))
    run.create(Study(), {"data_digest": "d"})
    drawn = [0.5, *[1.2, 3.0, 1.0, *[1.1] * (seeds - 3)], other]
    for number, gap in enumerate(drawn):
        raw = (rng.normal(size=made.y.size) + gap * made.y).astype(np.float32)
        changes = {"config": config_of(7 if 0 < number <= seeds else 8)}
        if not number:
            changes = {"kind": "baseline", "baseline": "logistic_regression", "config": None}
        trial(run, made, Study(), number, raw, **changes)
    leaderboard.write(run.leaderboard, run.records())
    return run


def test_configurations_compete_and_not_the_luckiest_of_their_seeds(tmp_path):
    run = repeated(tmp_path / "run")
    found, board = selection(run), reading.read(run.path)
    assert (found.best, found.trials) == ("00004", 2)
    values = {row["trial_id"]: row for row in board.rows}
    assert values["00002"]["value"] > values["00004"]["value"], "the lucky one"
    assert set(found.values) == {f"0000{k}" for k in range(5)}
    for name in ("00001", "00002", "00003"):
        assert found.values[name] == found.values["00001"]
        assert found.values[name].value == values[name]["value_mean"]
        assert found.ranks[name] == found.ranks["00001"]
    assert found.values["00001"].low < found.values["00001"].value < found.values["00001"].high
    assert found.corrected.value < values["00004"]["value"] + 0.02
    notes = " ".join(footnotes(board, found))
    assert "corrected for having been picked from 2 " in notes
    run = repeated(tmp_path / "again", other=0.1)
    notes = " ".join(footnotes(reading.read(run.path), selection(run)))
    assert "best: trial 00001, mean of 3 seeds, has 0." in notes


def test_seeds_of_the_best_beyond_ten_are_not_resampled_and_the_note_says_so(tmp_path, monkeypatch):
    run = repeated(tmp_path / "run", seeds=12)
    assert selection(run).note == f"{FEW_NOTE}; of each configuration the first 10 seeds were resampled"
    monkeypatch.setattr(selections, "SEEDS", 2)
    monkeypatch.setattr(selections, "COMPARED", 1)
    monkeypatch.setattr(selections, "PICKED", 1)
    (run.path / "selection.json").unlink()
    assert selection(run).note == (
        f"{FEW_NOTE}; compared with the winner: the best 1 of 2 configurations; "
        "corrected for a pick among the best 1 of 2 configurations"
    )
