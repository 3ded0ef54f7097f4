"""Trials of one configuration are seeds of it: one rank by their mean, and none is picked for its luck."""

import math
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli import main
from cluster.commands.seeds import trainable
from cluster.finished_trials import FinishedTrials
from reports.boards import advice, leaderboard, reading
from reports.boards.footnotes import footnotes
from reports.boards.standings import CERTAIN, Standings
from reports.boards.verification import pick
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.trials.trial import Finished
from spaces.study_file import parse
from tests.helpers.records import config_of, record, seed_of

LUCKY = [
    seed_of(0, 1, value=0.6),
    seed_of(0, 2, value=0.9),
    seed_of(0, 3, value=0.3),
    seed_of(50, 4, value=0.7),
]
"""A configuration whose second seed is the best trial of all, and whose mean is not; and the better one."""


def standing_rows(records):
    names = ("rank", "trial_id", "value_mean", "seeds", "seed_of")
    return [tuple(row[name] for name in names) for row in leaderboard.ranked(records)]


def test_the_luckiest_seed_is_not_the_winner():
    made = [*LUCKY, record(5, value=0.65), record(6, value=0.1), record(7, value=None)]
    assert standing_rows(made) == [
        (1, "00004", 0.7, 1, None),
        (2, "00005", 0.65, 1, None),
        (3, "00001", 0.6, 3, None),
        (3, "00002", 0.6, 3, "00001"),
        (3, "00003", 0.6, 3, "00001"),
        (4, "00006", 0.1, 1, None),
        (None, "00007", None, None, None),
    ]
    best = advice.best_trained(made)
    assert (best.trial_id, best.mean, best.seeds) == ("00004", 0.7, 1)


def test_configurations_of_equal_means_tie_though_the_numbers_of_seeds_differ():
    """0.1 + 0.1 + 0.1 is not 0.3 in floating point; their mean must be 0.1."""
    made = [*(seed_of(0, k, value=0.1) for k in range(3)), record(3, value=0.1), seed_of(0, 4, value=0.1)]
    assert [row[:3] for row in standing_rows(made)] == [
        *((1, f"{k:05d}", 0.1) for k in (0, 1, 2, 4)), (1, "00003", 0.1),
    ]  # fmt: skip


def test_a_trial_that_was_stopped_early_is_no_seed_of_those_that_were_not():
    made = [
        seed_of(0, 1, value=0.6),
        seed_of(0, 2, value=0.4),
        seed_of(0, 3, value=0.9, state="stopped", epochs=3),
        seed_of(0, 4, value=0.1, state="stopped", epochs=3),
        seed_of(0, 5, value=0.2, state="stopped", epochs=9),
        seed_of(0, 6, value=None, state="failed", error="no"),
    ]
    assert standing_rows(made) == [
        (1, "00001", 0.5, 2, None),
        (1, "00002", 0.5, 2, "00001"),
        (1, "00003", 0.5, 2, None),
        (1, "00004", 0.5, 2, "00003"),
        (3, "00005", 0.2, 1, None),
        (None, "00006", None, None, None),
    ]


def test_a_seed_that_decides_nothing_lowers_the_mean_and_ranks_after_those_that_decide():
    made = [
        seed_of(0, 1, value=0.2, threshold_score=-math.inf),
        seed_of(0, 2, value=0.8),
        record(3, value=0.6),
        record(4, value=0.3),
    ]
    assert standing_rows(made) == [
        (1, "00003", 0.6, 1, None),
        (2, "00002", 0.5, 2, "00001"),
        (3, "00004", 0.3, 1, None),
        (4, "00001", 0.5, 2, None),
    ]
    assert Standings(made[:2]).best.trial_id == "00002", "which stands for the configuration"


@pytest.mark.parametrize("objective", CERTAIN)
def test_a_constant_decision_raises_no_mean_where_it_is_perfect_by_definition(objective):
    made = [
        seed_of(0, 1, value=1.0, threshold_score=-math.inf, objective=objective),
        seed_of(0, 2, value=0.4, objective=objective),
        record(3, value=0.6, objective=objective),
    ]
    assert [row[1:3] for row in standing_rows(made)] == [("00003", 0.6), ("00002", 0.4), ("00001", 1.0)]


@pytest.mark.parametrize("kind", ["given", "baseline"])
def test_given_scores_and_baselines_are_never_seeds(kind):
    name = {"column": "a"} if kind == "given" else {"baseline": "prevalence"}
    plain = [Ask(number=k, kind=kind, seed=5, **name) for k in range(2)]
    odd = [Ask(number=k, kind=kind, seed=5, config=config_of(0), **name) for k in range(2, 4)]
    made = [record(ask=ask, value=0.1 * (1 + ask.number)) for ask in [*plain, *odd]]
    assert [row[1:] for row in standing_rows(made)] == [
        (made[k].ask.trial_id, made[k].value, None, None) for k in (3, 2, 1, 0)
    ]


trials = st.lists(
    st.builds(
        lambda config, value, kind, cut, state, epochs: (config, value, kind, cut, state, epochs),
        st.integers(0, 3),
        st.sampled_from([None, 0.0, 0.1, 0.3, 0.7, 1.0]),
        st.sampled_from(["search", "search", "author", "baseline"]),
        st.sampled_from([0.0, 0.0, math.inf]),
        st.sampled_from(["completed", "completed", "stopped"]),
        st.sampled_from([3, 9]),
    ),
    max_size=12,
)


@given(trials, st.sampled_from(["f1", "sensitivity"]), st.randoms(use_true_random=False))
def test_leaderboard_and_standings_equal_brute_force(drawn, objective, order):
    made = []
    for k, (config, value, kind, cut, state, epochs) in enumerate(drawn):
        ask = Ask(number=k, kind=kind, config=config_of(config), seed=k)
        rules = {"objective": objective, "threshold_score": cut, "state": state, "epochs": epochs}
        made.append(record(ask=ask, value=value, **rules))
    measured = [one for one in made if one.value is not None]

    def seeds(one):
        def part(other):
            constant = other.constant_decision and objective == "sensitivity"
            alone = other.ask.kind == "baseline" or constant
            stopped = other.epochs if other.state == "stopped" else None
            return other.ask.number if alone else (other.ask.config.learning_rate, stopped)

        return [other for other in measured if part(other) == part(one)]

    def merit(one):
        found = seeds(one)
        mean = float(sum(Fraction(other.value) for other in found) / len(found))
        return not one.constant_decision, mean

    expected = sorted(
        measured, key=lambda one: (*(-part for part in merit(one)), seeds(one)[0].ask.number, one.ask.number)
    )
    shuffled = order.sample(made, len(made))
    rows = [row for row in leaderboard.ranked(shuffled) if row["value"] is not None]
    assert [row["trial_id"] for row in rows] == [one.ask.trial_id for one in expected]
    for row, one in zip(rows, expected, strict=True):
        found = seeds(one)
        above = {
            (seeds(other)[0].ask.number, other.constant_decision)
            for other in measured
            if merit(other) > merit(one)
        }
        assert row["rank"] == 1 + len(above)
        assert row["value_mean"] == merit(one)[1]
        assert row["seed_of"] == (None if found[0] is one else found[0].ask.trial_id)
        assert row["seeds"] in (len(found), None)
    standings = Standings(shuffled)
    assert sorted(measured, key=standings.merit, reverse=True) == expected
    if expected:
        deciding = standings.best
        assert (deciding.decides, deciding.mean) == max(
            (any(not other.constant_decision for other in seeds(one)), merit(one)[1]) for one in measured
        )


def test_the_best_changes_as_its_further_seeds_disappoint():
    standings, said = Standings(), []
    for one in LUCKY[1:2] + LUCKY[3:] + LUCKY[2:3] + [record(5, value=0.65)]:
        standings.add(one)
        said.append((standings.best.trial_id, standings.best.mean, standings.best.seeds))
    assert said == [("00002", 0.9, 1), ("00002", 0.9, 1), ("00004", 0.7, 1), ("00004", 0.7, 1)]


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    found = RunFolder(tmp_path / "toy")
    found.path.mkdir()
    found.create(parse({"keep": {"checkpoints": 2}}), {"data_digest": "d", "split_digest": "s"})
    return found


def written(folder: RunFolder, records) -> RunFolder:
    for one in records:
        folder.write_record(one)
    leaderboard.write(folder.leaderboard, folder.records())
    return folder


def test_a_file_of_a_version_that_knew_no_seeds_is_ranked_as_one_of_today(folder):
    written(folder, [*LUCKY, record(5, value=None)])
    today = reading.read(folder.path)
    old = pq.read_table(folder.leaderboard).drop_columns(["value_mean", "seeds", "seed_of", "onednn"])
    by_value = old.sort_by([("value", "descending")])
    pq.write_table(by_value.set_column(0, "rank", [[1, 2, 3, 4, None]]), folder.leaderboard)
    again = reading.read(folder.path)
    assert again.table.equals(today.table)
    assert again.facts.best["trial_id"] == today.facts.best["trial_id"] == "00004"


def test_ranks_of_several_runs_count_configurations(folder, tmp_path):
    written(folder, [*LUCKY, record(5, value=0.1)])
    other = RunFolder(tmp_path / "other")
    other.path.mkdir()
    other.create(folder.study(), {"data_digest": "d", "split_digest": "s"})
    written(other, [seed_of(0, 1, value=0.6), seed_of(0, 2, value=0.2), record(3, value=0.5)])
    board = reading.read(folder.path, other.path)
    assert board.facts.comparable
    assert [(row["rank"], row["run"], row["trial_id"]) for row in board.rows] == [
        (1, "toy", "00004"),
        (2, "toy", "00001"),
        (2, "toy", "00002"),
        (2, "toy", "00003"),
        (3, "other", "00003"),
        (4, "other", "00001"),
        (4, "other", "00002"),
        (5, "toy", "00005"),
    ]
    best = reading.read(folder.path, other.path, best_per="run")
    assert [row["trial_id"] for row in best.rows] == ["00004", "00003"]


def test_the_table_shows_means_and_seeds_where_there_are_any(folder, capsys):
    written(folder, LUCKY)
    assert main(["leaderboard", str(folder.path), "--format", "table"]) == 0
    said = capsys.readouterr().out
    first, second = (line.split() for line in said.splitlines()[2:4])
    assert first[:2] == ["1", "00004"]
    assert (first[5:8], second[5:8]) == (["0.700", "0.700", "1"], ["0.600", "0.600", "3"])
    assert "mean: of value over the seeds of a configuration" in " ".join(said.split())
    written(RunFolder(folder.path), [record(k, value=0.1) for k in range(1, 5)])
    assert main(["leaderboard", str(folder.path), "--format", "table"]) == 0
    said = capsys.readouterr().out
    assert " mean " not in said
    assert " seeds " not in said


def test_seeds_that_came_to_nothing_are_told(folder):
    lost = [seed_of(50, 6, value=None, state="failed", error="no"), seed_of(50, 7, value=None)]
    stopped = seed_of(50, 8, value=0.1, state="stopped", epochs=3)
    written(folder, [*LUCKY, *lost, stopped])
    notes = [note for note in footnotes(reading.read(folder.path)) if note.startswith("more trials")]
    assert notes == [
        "more trials of the best configuration: 2 failed or have no value, 1 stopped early; its value is "
        "of the others, so it flatters"
    ]


def test_other_seeds_are_trained_of_one_trial_of_each_configuration(folder):
    written(folder, LUCKY)
    assert trainable(reading.read(folder.path), 3) == ["00004", "00001"]
    assert trainable(reading.read(folder.path, where="value <> 0.6"), 3) == ["00004", "00002"]


def test_verify_takes_the_first_seed_of_the_best_configuration(folder):
    assert pick(written(folder, LUCKY), None).ask.trial_id == "00004"
    written(folder, [seed_of(50, 5, value=0.0)])
    assert pick(folder, None).ask.trial_id == "00001"


def test_kept_are_a_trial_of_each_of_the_best_configurations_then_further_seeds(folder):
    keeper = FinishedTrials(folder, folder.study(), [], lambda finished: None)
    kept = []
    for one in [*LUCKY, record(5, value=0.1), seed_of(50, 6, value=0.8)]:
        raw = np.zeros(4, np.float32)
        keeper.keep(Finished(one, raw, raw, [np.ones(3)], done=True))
        kept.append(folder.kept())
    assert kept == [
        ["00001"], ["00001", "00002"], ["00001", "00002"], ["00001", "00004"],
        ["00001", "00004"], ["00001", "00004"],
    ]  # fmt: skip
    resumed = FinishedTrials(folder, folder.study(), folder.records(), lambda finished: None)
    raw = np.zeros(4, np.float32)
    resumed.keep(Finished(record(7, value=0.65), raw, raw, [np.ones(3)], done=True))
    assert folder.kept() == ["00004", "00007"]
