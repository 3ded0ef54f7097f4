"""Top rows trained again with other seeds: which seeds, what is averaged, and nothing is trained twice."""

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console

from cluster import driver
from cluster.cli import main
from cluster.commands.seeds import show_means, trainable
from reports.boards import leaderboard, reading, seeds
from search.record import Ask
from search.runs.run_folder import RunFolder, prepared_beside
from search.training.trainer import Place
from search.trials.preparation import prepare, with_absolute_paths
from search.trials.seeds import seed_trainings, to_the_end
from search.trials.trial import RunFacts, Trial
from spaces.study_file import read
from tests.helpers.driving import write_study
from tests.helpers.numpy_trainer import numpy_trainer
from tests.helpers.toys import config


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run of a baseline and three trials, trained here and now with numpy."""
    home = tmp_path_factory.mktemp("seeds")
    file = write_study(home, {"resources": {"workers": 2}, "asha": {"enabled": True, "grace": 1}})
    study = with_absolute_paths(read(file), home)
    folder = RunFolder(home / "runs" / "toy")
    prepared = prepare(study, home, prepared_beside(home / "runs"))
    reference = prepared.reference(study)
    folder.write_reference(reference, prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    folder.create(study, {**digests, "study_digest": driver.digest(study)})
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    asks = [Ask(number=0, kind="baseline", baseline="prevalence", seed=0)]
    for number, rate in enumerate((0.1, 0.01, 0.001), start=1):
        asks.append(
            Ask(
                number=number, kind="search", config=config("sigmoid", "bce", learning_rate=rate), seed=number
            )
        )
    for ask in asks:
        trial = Trial(
            ask, to_the_end(study), prepared.trial_data(), reference, facts, numpy_trainer, Place(node="here")
        )
        folder.write_record(trial.to_next_rung().record)
    leaderboard.write(folder.leaderboard, folder.records())
    return folder


def test_seeds_follow_from_the_trials_own_and_are_never_it(run):
    record = run.records()[-1]
    five = seed_trainings(record, 5)
    assert seed_trainings(record, 3) == five[:3]
    found = [one.ask.seed for one in five]
    assert len({*found, record.ask.seed}) == 6
    assert all(one.ask.config == record.ask.config for one in five)
    assert [one.name for one in five] == [f"{record.ask.trial_id}-{k}" for k in range(1, 6)]


def test_the_study_trains_to_its_end(run):
    study = to_the_end(run.study())
    assert not study.asha.enabled
    assert study.training == run.study().training


@pytest.mark.slow
def test_means_are_those_of_the_trainings_and_nothing_is_trained_twice(run):
    console = Console(file=io.StringIO(), width=200)
    chosen = trainable(reading.read(run.path), 3)
    rows = show_means(run.path, 3, chosen, "table", console, "local", numpy_trainer)
    files = sorted((run.path / "seeds").iterdir())
    assert len(files) == 9
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    for row in rows:
        records = [
            seeds.stored(run, one, code_of(run, one)) for one in seed_trainings(run.record(row.trial_id), 3)
        ]
        values = [record.value for record in records]
        assert row.mean == pytest.approx(np.mean(values))
        assert row.sd == pytest.approx(np.std(values, ddof=1))
        assert (row.low, row.high) == (min(values), max(values))
        assert row.in_search == run.record(row.trial_id).value
    said = console.file.getvalue()
    assert "9 of 9 trainings to do" in said
    assert "the training in the search is not among them" in said

    before = [path.stat().st_mtime_ns for path in files]
    console = Console(file=io.StringIO(), width=200)
    assert show_means(run.path, 3, chosen, "table", console, "local", numpy_trainer) == rows
    assert "trainings to do" not in console.file.getvalue()
    assert [path.stat().st_mtime_ns for path in files] == before

    one = seed_trainings(run.record(chosen[0]), 1)[0]
    assert seeds.stored(run, one, "other code") is None
    files[0].write_text("{")
    assert seeds.stored(run, one, code_of(run, seed_trainings(run.record(chosen[0]), 2)[1])) is None


def code_of(run, one) -> str:
    return json.loads((run.path / "seeds" / f"{one.name}.json").read_text())["code_digest"]


def test_a_trial_one_of_whose_seeds_failed_has_no_mean(run):
    best, other = (run.record(trial) for trial in trainable(reading.read(run.path), 2))
    failed = best.model_copy(update={"value": None, "state": "failed", "error": "told to"})
    rows = seeds.ranked(
        [best, other], {best.ask.trial_id: [best, failed], other.ask.trial_id: [other, other]}
    )
    assert [(row.rank, row.trial_id, row.failed) for row in rows] == [
        (1, other.ask.trial_id, 0),
        (None, best.ask.trial_id, 1),
    ]
    assert rows[1].mean is None
    console = Console(file=io.StringIO(), width=200)
    console.print(seeds.table(rows, "toy"))
    assert "1 of 2 seeds came to nothing" in console.file.getvalue()
    read_back = list(csv.DictReader(io.StringIO(seeds.as_text(rows, "csv"))))
    assert read_back[1]["mean"] == ""
    assert json.loads(seeds.as_text(rows, "json"))[1]["mean"] is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--seeds", "1"], "Invalid value for '--seeds'"),
        (["elsewhere", "--seeds", "2"], "--seeds takes one run's folder, but got"),
        (["--seeds", "2", "--where", "kind = 'baseline'"], "no row was trained and has a value"),
    ],
)
def test_a_wrong_request_is_one_line(run, capsys, more, said):
    assert main(["leaderboard", str(run.path), *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
