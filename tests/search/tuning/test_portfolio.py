"""The portfolio in a search: asked first, once, at most half of the trials, and learnt from."""

import pytest

import spaces.portfolio
from cluster.driver import comparable
from search.networks.trunks import author_config
from search.record import Ask, Record
from search.runs.run_folder import RunFolder
from search.tuning.history import seen_trial
from search.tuning.searcher import METRIC, HeadSearcher
from spaces.configuration import Config
from spaces.portfolio import MOST, portfolio
from spaces.study import Study
from spaces.study_file import parse, read, to_yaml
from tests.helpers.records import record

SETUP = 3
"""Two baselines and the author's configuration."""
KNOWN = 10
"""Configurations of the table below, more than are asked."""


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """A table of `KNOWN` configurations of two heads, each better than those after it."""
    rows = [
        (
            Config(
                trunk="mlp", width=1.0, head=head, loss=loss, optimizer="adam", learning_rate=1e-3 + k / 1e4,
                batch_size=64, class_weight="none", hidden_layers="none", dropout=0.1, label_smoothing=0.0,
            ),
            (1 - k / KNOWN,),
        )
        for k in range(KNOWN)
        for head, loss in [("sigmoid", "bce") if k % 2 else ("softmax", "cce")]
    ]  # fmt: skip
    monkeypatch.setattr(spaces.portfolio, "TABLE", {"mlp": tuple(rows)})
    return [config for config, _ in rows]


def study(trials: int = 40, **changes: object) -> Study:
    return parse({"seed": 3, "trunk": {"name": "mlp"}, "budget": {"trials": trials}, **changes})


def searched(of: Study, count: int, records=(), asks=(), earlier=()) -> list[Ask]:
    """The next asks of a search that never hears of a result."""
    searcher = HeadSearcher(of, list(records), list(asks), lambda ask: None, earlier=list(earlier))
    found = [searcher.suggest(f"t{k}") for k in range(count)]
    searcher.close()
    return [Ask.model_validate(one["ask"]) for one in found]


def kinds(asks: list[Ask]) -> list[str]:
    return [ask.kind for ask in asks]


def done(asks: list[Ask]) -> list[Record]:
    return [record(ask=ask, steering_value=0.5) for ask in asks]


@pytest.mark.parametrize(("trials", "asked"), [(40, MOST), (16, MOST), (8, 4), (3, 1), (1, 0)])
def test_it_comes_after_the_author_s_and_takes_at_most_half_of_the_trials(trials, asked, table):
    asks = searched(study(trials), 2 + trials)
    drawn = trials - 1 - asked
    assert kinds(asks) == ["baseline"] * 2 + ["author"] + ["portfolio"] * asked + ["search"] * drawn
    assert [ask.config for ask in asks[SETUP : SETUP + asked]] == table[:asked]
    assert [ask.number for ask in asks] == list(range(2 + trials))
    assert len({ask.seed for ask in asks}) == len(asks)


def test_without_it_a_search_asks_what_it_asked_before_there_was_one(monkeypatch):
    off = searched(study(search={"portfolio": False}), SETUP + 12)
    assert set(kinds(off[SETUP:])) == {"search"}
    monkeypatch.setattr(spaces.portfolio, "TABLE", {})
    assert searched(study(), SETUP + 12) == off


def test_what_follows_goes_on_with_other_pairs_and_a_shorter_random_start():
    asks = searched(study(), SETUP + MOST + 12)
    pairs = [(ask.config.head, ask.config.loss) for ask in asks[SETUP + MOST :]]
    begun = {(ask.config.head, ask.config.loss) for ask in asks[SETUP : SETUP + MOST]}
    assert begun == {("sigmoid", "bce"), ("softmax", "cce")}
    others = [pair for pair in pairs if pair not in begun]
    assert pairs[: len(set(others))] == list(dict.fromkeys(others))


def test_the_sampler_learns_from_it_as_from_its_own_draws():
    first = searched(study(), SETUP + MOST)
    for ask in first[SETUP:]:
        drawn = ask.model_copy(update={"kind": "search"})
        told = seen_trial(record(ask=ask, steering_value=0.7))
        assert told == seen_trial(record(ask=drawn, steering_value=0.7))
        assert told.value == 0.7
    searcher = HeadSearcher(study(), done(first), first, lambda ask: None)
    assert [trial.drawn for trial in searcher._history.seen()] == [ask.drawn for ask in first[SETUP:]]
    searcher.close()


def test_one_that_ends_is_told_to_the_sampler():
    searcher = HeadSearcher(study(), [], [], lambda ask: None)
    for number in range(SETUP + 2):
        searcher.suggest(str(number))
    for number in range(SETUP + 2):
        searcher.on_trial_complete(str(number), {METRIC: 0.7, "epochs": 3, "ended": True, "error": None})
    for number in range(2):
        searcher.suggest(f"next {number}")  # the second is made after all of that was told
    assert [trial.value for trial in searcher._history.seen()] == [0.7, 0.7]
    searcher.close()


@pytest.mark.parametrize("asked", range(1, SETUP + MOST + 1))
def test_a_resumed_search_asks_what_is_left_and_none_twice(asked):
    whole = searched(study(), SETUP + MOST + 1)
    before = whole[:asked]
    rest = (
        searched(study(), SETUP + MOST + 1 - asked, records=done(before), asks=before) if asked < 12 else []
    )
    assert [*before, *rest][: SETUP + MOST] == whole[: SETUP + MOST]


def test_one_that_was_interrupted_is_asked_again_as_it_was():
    asks = searched(study(), SETUP + 4)
    again = searched(study(), 2, records=done([*asks[: SETUP + 1], *asks[SETUP + 2 :]]), asks=asks)
    assert again[0] == asks[SETUP + 1]
    assert again[1].number == SETUP + 4
    assert again[1].config not in [ask.config for ask in asks]


def test_a_finished_search_that_is_extended_asks_no_more_of_it():
    short = searched(study(8), 10)
    assert kinds(short).count("portfolio") == 4
    more = searched(study(40), 12, records=done(short), asks=short)
    assert set(kinds(more)) == {"search"}
    longer = short[: SETUP + 4]  # all of the portfolio, and no draw yet
    assert kinds(searched(study(40), 5, records=done(longer), asks=longer)) == ["portfolio"] * 4 + ["search"]


def test_what_another_run_tried_on_the_same_rows_is_not_asked_again(table):
    warm = study(warm_start="runs/other")
    other = done(searched(study(), SETUP + 3))
    asks = searched(warm, SETUP + MOST, earlier=other)
    assert [ask.config for ask in asks[SETUP:] if ask.kind == "portfolio"] == table[3:]
    cold = done(searched(study(search={"portfolio": False}), SETUP + 3))
    assert kinds(searched(warm, SETUP + MOST, earlier=cold))[SETUP:] == ["portfolio"] * MOST


def test_the_author_s_own_configuration_is_not_asked_twice(monkeypatch):
    sgd = study(space={"learning_rate": 0.1, "momentum": 0.003})
    rows = ((author_config(sgd), (1.0,)), *((one.config, (0.5,)) for one in portfolio(sgd)))
    monkeypatch.setattr(spaces.portfolio, "TABLE", {"mlp": rows})
    asks = searched(sgd, SETUP + 2)
    assert asks[SETUP - 1].config == author_config(sgd)
    assert asks[SETUP - 1].config not in [ask.config for ask in asks[SETUP:]]


def test_a_run_that_began_before_there_was_a_portfolio_asks_for_none(tmp_path):
    folder = RunFolder(tmp_path / "old")
    folder.create(study(), {"data_digest": "d"})
    assert folder.study() == study()
    text = folder.study_file.read_text()
    assert "search:\n  portfolio: true\n" in text
    folder.study_file.write_text(text.replace("search:\n  portfolio: true\n", ""))
    assert folder.study() == study(search={"portfolio": False})
    assert folder.study(("search.portfolio=true",)) == study()
    assert comparable(folder.study()) == comparable(study()), "no row depends on it"
    mine = tmp_path / "mine.yaml"
    mine.write_text(to_yaml(study()).replace("search:\n  portfolio: true\n", ""))
    assert read(mine).search.portfolio, "a study of one's own has the default"
