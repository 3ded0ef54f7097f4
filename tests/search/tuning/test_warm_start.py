"""Starting from another run, and the budget of GPU hours."""

import pytest
from ray.tune.search import Searcher

from search.record import Record
from search.tuning.searcher import HeadSearcher
from spaces.study_file import parse
from tests.helpers import driving
from tests.helpers.driving import check_complete, finish, write_study
from tests.helpers.records import record

STUDY = {
    "seed": 3,
    "trunk": {"name": "mlp"},
    "budget": {"trials": 60},
    "search": {"portfolio": False},
}
SETUP = 3
"""Two baselines and the author's configuration."""


def drawn_by(searcher: HeadSearcher, count: int) -> list[dict]:
    """The next suggestions, nothing being told in between."""
    return [searcher.suggest(f"t{k}")["ask"] for k in range(count)]


def measured(study, count: int) -> list[Record]:
    """Records of the first trials of a study; the nearer the learning rate to 1e-3, the better."""
    asks = []
    searcher = HeadSearcher(study, [], [], asks.append)
    drawn_by(searcher, count)
    values = [0.0 if ask.config is None else 1 - abs(ask.config.learning_rate - 1e-3) for ask in asks]
    return [
        record(ask=ask, value=value, steering_value=value) for ask, value in zip(asks, values, strict=True)
    ]


def test_the_sampler_learns_from_an_earlier_run():
    study = parse(STUDY)
    records = measured(study, SETUP + 30)
    cold, warm, same = (
        HeadSearcher(study, [], [], lambda ask: None, earlier=earlier) for earlier in ([], records, records)
    )
    after_cold, after_warm, after_same = (drawn_by(searcher, SETUP + 20) for searcher in (cold, warm, same))
    assert after_cold[:SETUP] == after_warm[:SETUP], "yardsticks are no suggestions"
    assert after_warm == after_same
    assert after_warm[SETUP:] != after_cold[SETUP:]
    rates = [[ask["config"]["learning_rate"] for ask in asks[SETUP:]] for asks in (after_cold, after_warm)]
    distances = [sorted(abs(rate - 1e-3) for rate in found)[len(found) // 2] for found in rates]
    assert distances[1] < distances[0], "the median suggestion lies nearer to what was good"


def test_what_lies_outside_the_space_is_left_out():
    study = parse(STUDY)
    narrow = parse({**STUDY, "space": {"heads": ["sigmoid"], "learning_rate": {"low": 2e-3, "high": 3e-3}}})
    records = measured(study, SETUP + 30)
    cold, warm = (HeadSearcher(narrow, [], [], lambda ask: None, earlier=e) for e in ([], records))
    assert all(2e-3 <= ask["config"]["learning_rate"] <= 3e-3 for ask in drawn_by(warm, SETUP + 5)[SETUP:])
    assert drawn_by(cold, SETUP)  # baselines alone


def test_gpu_hours_end_a_search():
    study = parse({**STUDY, "budget": {"trials": 60, "gpu_hours": 1.0}, "resources": {"gpus": 0.5}})
    spent = [record(number, train_s=1800.0, gpu_share=0.5) for number in range(3)]
    searcher = HeadSearcher(study, spent, [], lambda ask: None)
    assert searcher.suggest("a") != Searcher.FINISHED
    assert not searcher.ended
    searcher.spend(record(3, train_s=1800.0, gpu_share=0.5))
    assert searcher.suggest("b") == Searcher.FINISHED
    assert searcher.ended
    again = HeadSearcher(study, [*spent, record(3, train_s=1800.0, gpu_share=0.5)], [], lambda ask: None)
    assert again.suggest("c") == Searcher.FINISHED, "the hours of a run, not of one execution"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_starts_from_another_on_the_same_rows_alone(tmp_path):
    first = write_study(tmp_path / "first", {"budget": {"trials": 3}})
    assert finish(first).process.returncode == 0
    run = first.parent / "runs" / "toy"
    second = write_study(tmp_path / "second", {"budget": {"trials": 2}})
    data = f"data.path={first.parent / 'data.npz'}"
    warm = ["--set", f"warm_start={run}"]
    driver = finish(second, *warm, "--set", data)
    assert driver.process.returncode == 0, driver.said
    check_complete(second.parent / "runs" / "toy", 4)

    other = write_study(tmp_path / "other", {"budget": {"trials": 2}}, seed=1)
    for changes in ([], ["--set", data, "--set", "objective.steer=roc_auc"]):
        refused = finish(other, *warm, *changes)
        assert refused.process.returncode == 2
        (line,) = refused.errors
        assert "a warm start learns from trials measured on the same rows" in line
        assert not (other.parent / "runs").exists()
    lost = finish(other, "--set", "warm_start=runs/none")
    assert lost.process.returncode == 2
    assert "a run is a folder with a study.yaml" in lost.errors[0]


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()
