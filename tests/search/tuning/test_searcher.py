"""What is suggested, in which order, from what knowledge, and how soon."""

import sys
import threading

import numpy as np
import pytest
from ray.tune.search import Searcher

from search.record import Ask
from search.tuning.history import STARTUP_TRIALS, History, SeenTrial, seen_trial
from search.tuning.searcher import METRIC, HeadSearcher
from search.tuning.suggestion_queue import SuggestionQueue
from spaces.study_file import parse
from tests.helpers.records import record

DRAWS = {"search": {"portfolio": False}}
"""A search that draws from its first trial on: see test_portfolio.py."""
STUDY = parse({"seed": 3, "trunk": {"name": "mlp"}, "budget": {"trials": 40}, **DRAWS})
SETUP = 3
"""Two baselines and the author's configuration."""
PATIENCE_S = 60


@pytest.fixture
def searcher():
    """A searcher of nothing finished, and the asks it persisted."""
    asks: list[Ask] = []
    made = HeadSearcher(STUDY, [], [], asks.append)
    made.asks = asks
    yield made
    made.close()


def end(searcher: HeadSearcher, trial_id: str, value: float = 0.5, **changes) -> None:
    result = {METRIC: value, "epochs": 3, "ended": True, "error": None}
    searcher.on_trial_complete(trial_id, result | changes)


def drawn(count: int, seed: int = 0) -> list[dict]:
    """What a sampler that knows nothing draws."""
    history = History(STUDY)
    return [history.draw(number, seed + number, {})[1] for number in range(count)]


def asked(study, count=STARTUP_TRIALS + 2):
    """The first asks of a search that never hears of a result."""
    searcher = HeadSearcher(study, [], [], lambda ask: None)
    asks = [Ask.model_validate(searcher.suggest(str(number))["ask"]) for number in range(SETUP + count)]
    searcher.close()
    return asks[SETUP:]


@pytest.mark.parametrize("seed", range(5))
def test_the_first_learning_rates_are_spread_over_their_range(seed):
    rates = {"low": 1e-5, "high": 1e-1, "log": True}
    asks = asked(parse({"seed": seed, "trunk": {"name": "mlp"}, "space": {"learning_rate": rates}, **DRAWS}))
    shares = np.array([np.log10(ask.config.learning_rate) / 4 + 1.25 for ask in asks])[:STARTUP_TRIALS]
    for count, widest in ((2, 0.62), (3, 0.39), (5, 0.24), (10, 0.15)):
        first = np.sort(shares[:count])
        assert max(*np.diff(first), 1 - first[-1] + first[0]) < widest  # the range as a circle
    assert [ask.drawn["learning_rate"] for ask in asks] == [ask.config.learning_rate for ask in asks]
    assert asks == asked(
        parse({"seed": seed, "trunk": {"name": "mlp"}, "space": {"learning_rate": rates}, **DRAWS})
    )


def test_first_learning_rates_differ_by_seed_and_keep_to_any_range():
    def rates(**of):
        return [ask.config.learning_rate for ask in asked(parse({"trunk": {"name": "mlp"}, **of, **DRAWS}))]

    assert not set(rates(seed=1)) & set(rates(seed=2))
    assert rates(space={"learning_rate": 3e-3}) == [3e-3] * 12
    linear = np.array(rates(space={"learning_rate": {"low": 0.1, "high": 0.3}}))[:STARTUP_TRIALS]
    assert ((linear >= 0.1) & (linear <= 0.3)).all()
    assert np.diff(np.sort(linear)).max() < 0.2 * 0.15
    known = asked(parse({"trunk": {"name": "mlp"}, "warm_start": "runs/other", **DRAWS}))
    first = [ask.config.learning_rate for ask in known][:STARTUP_TRIALS]
    assert not set(first) & set(rates())  # left to the sampler, which has learnt


def kept(values, history: History) -> list[float]:
    for value, values_drawn in zip(values, drawn(len(values)), strict=True):
        history.learn(SeenTrial(drawn=values_drawn, ended=True, value=value, epochs=3))
    return [trial.value for trial in history.seen()]


def test_the_latest_are_seen_and_the_best_of_the_older_in_the_order_they_came():
    history = History(STUDY, best=2, latest=3)
    assert kept([0.9, 0.1, 0.5, 0.2, 0.7, 0.3, 0.0, 0.4], history) == [0.9, 0.7, 0.3, 0.0, 0.4]


def test_a_trial_stopped_early_counts_as_worse_than_any_that_was_not():
    history = History(STUDY, best=1, latest=1)
    trials = zip((0.2, 0.9, 0.1), (True, False, True), drawn(3), strict=True)
    for value, ended, values_drawn in trials:
        history.learn(SeenTrial(drawn=values_drawn, ended=ended, value=value, epochs=3))
    assert [trial.value for trial in history.seen()] == [0.2, 0.1]


def known(history: History, state: str) -> list:
    """What stands in the sampler's own study."""
    return [trial for trial in history._current().get_trials() if trial.state.name == state]


def test_the_sampler_holds_what_is_seen_and_what_runs_however_many_have_ended():
    history = History(STUDY, best=5, latest=10, renewed_after=4)
    rng, running, most = np.random.default_rng(0), [], 0
    for number in range(60):
        history.draw(number, number, {})
        running.append(number)
        if len(running) == 3:
            over = running.pop(int(rng.integers(3)))
            values = history._running[over]
            failed = rng.random() < 0.2
            result = SeenTrial(drawn=values, ended=rng.random() < 0.5, value=float(rng.random()), epochs=3)
            history.end(over, None if failed else result)
        finished = [trial.params for state in ("COMPLETE", "PRUNED") for trial in known(history, state)]
        assert [trial.drawn for trial in history.seen() if trial.drawn not in finished] == []
        assert sorted(map(str, (trial.params for trial in known(history, "RUNNING")))) == sorted(
            str(dict(history._running[one])) for one in running
        )
        most = max(most, len(history._current().get_trials()))
    # what is kept, what runs, and until it is renewed two entries for each trial that ended
    assert most <= 15 + 3 + 2 * 4 + 1


def test_trials_that_end_one_upon_another_leave_those_that_run():
    history = History(STUDY, renewed_after=1)
    for number, chosen in enumerate(drawn(5)):
        history.begin(number, chosen)
    for number in (0, 3, 1):
        history.end(number, SeenTrial(drawn=drawn(5)[number], ended=True, value=0.5, epochs=3))
    assert [trial.params for trial in known(history, "RUNNING")] == [drawn(5)[2], drawn(5)[4]]
    assert len(known(history, "COMPLETE")) == 3


def test_a_renewed_history_draws_as_one_that_was_told_the_same_and_never_renewed():
    rng, values = np.random.default_rng(1), drawn(30)
    often, never = (History(STUDY, best=20, latest=20, renewed_after=after) for after in (3, 1000))
    for number, chosen in enumerate(values):
        trial = SeenTrial(drawn=chosen, ended=True, value=float(rng.random()), epochs=3)
        for history in (often, never):
            history.begin(number, chosen)
            history.end(number, trial)
    for history in (often, never):
        history.begin(99, values[0])
    assert often.draw(100, 7, {}) == never.draw(100, 7, {})
    assert often.draw(101, 8, {})[1] != values[8]


def test_histories_draw_beside_each_other_without_a_warning():
    """Each in a thread of its own, as searchers do; a warning that comes through is an error here."""
    broken: list[str] = []

    def draw() -> None:
        try:
            drawn(30)
        except Warning as warning:
            broken.append(str(warning))

    every = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(6):
            threads = [threading.Thread(target=draw) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(every)
    assert broken == []


def test_values_of_another_space_are_left_out():
    narrow = parse(
        {"trunk": {"name": "mlp"}, "space": {"heads": ["sigmoid"], "dropout": {"low": 0.9, "high": 0.95}}}
    )
    history = History(narrow)
    assert kept([0.5] * 4, history) == []
    history.begin(0, drawn(1)[0])
    history.end(0, None)  # drawn in another space, running none the less
    assert history.draw(1, 0, {})[0].dropout >= 0.9


def test_records_tell_what_the_sampler_drew_and_only_that():
    assert seen_trial(record(state="failed", value=None, steering_value=None)) is None
    assert seen_trial(record(ask=Ask(number=0, kind="baseline", baseline="prevalence", seed=0))) is None
    assert seen_trial(record(state="stopped", epochs=4)) == SeenTrial(
        drawn={"learning_rate": 1e-3}, ended=False, value=0.6, epochs=4
    )


def test_the_random_phase_does_not_depend_on_who_finished_when():
    configurations = []
    for workers, seed in ((1, 0), (3, 1), (3, 2)):
        searcher, rng, running, asks = (
            HeadSearcher(STUDY, [], [], lambda ask: None),
            np.random.default_rng(seed),
            [],
            [],
        )
        for number in range(SETUP + 9):
            running.append(str(number))
            asks.append(searcher.suggest(str(number))["ask"])
            if len(running) == workers:
                end(searcher, running.pop(int(rng.integers(workers))), float(rng.random()))
        searcher.close()
        configurations.append(asks)
    assert configurations[0] == configurations[1] == configurations[2]


def test_asks_are_persisted_when_handed_out_in_the_order_of_their_numbers(searcher):
    for number in range(SETUP + 4):
        searcher.suggest(str(number))
        assert [ask.number for ask in searcher.asks] == list(range(number + 1)), (
            "and none that was made ahead"
        )


def test_a_lost_trial_goes_first_and_what_was_made_ahead_comes_next(searcher):
    for number in range(SETUP + 2):
        searcher.suggest(str(number))
    lost = searcher.ask_of("3")
    searcher.give_back("3")
    assert searcher.suggest("again")["ask"] == lost.model_dump(mode="json")
    assert searcher.suggest("next")["ask"]["number"] == SETUP + 2
    assert [ask.number for ask in searcher.asks] == list(range(SETUP + 3))


def test_an_interrupted_trial_is_asked_again_as_it_was(searcher):
    for number in range(SETUP + 3):
        searcher.suggest(str(number))
    finished = [record(ask=ask) for ask in searcher.asks if ask.number != SETUP + 1]
    resumed = HeadSearcher(STUDY, iter(finished), searcher.asks, lambda ask: None)
    assert resumed.suggest("a")["ask"] == searcher.asks[SETUP + 1].model_dump(mode="json")
    assert resumed.suggest("b")["ask"]["number"] == SETUP + 3
    end(resumed, "a")
    end(resumed, "b")
    assert resumed.suggest("c")["ask"]["number"] == SETUP + 4
    resumed.close()


def test_a_search_that_is_over_hands_out_nothing_that_was_made_ahead(searcher):
    for number in range(SETUP + 1):
        searcher.suggest(str(number))
    searcher.stop(OSError("the disk is full"))
    assert searcher.suggest("late") == Searcher.FINISHED
    assert len(searcher.asks) == SETUP + 1


def test_the_next_is_made_while_the_last_is_in_use_and_none_beyond_the_end():
    made, begun = [], threading.Event()

    def make(number: int) -> int:
        made.append(number)
        begun.set()
        return number * 10

    ahead = SuggestionQueue(make, 4)
    assert ahead.take(2) == 20
    ahead.do(lambda: None)
    begun.wait(PATIENCE_S)
    assert ahead.take(3) == 30
    ahead.close()
    assert made == [2, 3]


def test_what_is_done_is_known_to_whatever_is_made_after_it():
    told_so_far: list[str] = []
    ahead = SuggestionQueue(lambda number: (number, *told_so_far), 9)
    assert ahead.take(0) == (0,)
    assert ahead.take(1) == (1,), "made when the one before was taken"
    ahead.do(told_so_far.append, "a")
    assert ahead.take(2) == (2,)
    assert ahead.take(3) == (3, "a")
    ahead.close()


@pytest.mark.parametrize("where", ["make", "do"])
def test_an_error_in_the_thread_is_raised_where_a_suggestion_is_taken(where):
    def fail(*_: int) -> int:
        raise ValueError("the sampler is broken")

    ahead = SuggestionQueue(fail if where == "make" else int, 9)
    if where == "do":
        ahead.take(0)
        ahead.do(fail)
    with pytest.raises(ValueError, match="the sampler is broken"):
        list(map(ahead.take, (1, 2, 3)))
    ahead.close()


def test_the_thread_ends_with_the_search(searcher):
    searcher.suggest("0")
    assert any(thread.name.startswith("sampler") for thread in threading.enumerate())
    searcher.close()
    assert not any(thread.name.startswith("sampler") for thread in threading.enumerate())


def test_a_configuration_that_is_drawn_again_has_a_seed_of_its_own():
    space = {
        "heads": {"sigmoid": ["bce"]}, "learning_rate": 1e-3, "optimizer": "adam", "batch_size": [32, 64],
        "class_weight": "none", "hidden_layers": "none", "dropout": 0.0, "label_smoothing": 0.0,
    }  # fmt: skip
    asks = asked(parse({"trunk": {"name": "mlp"}, "space": space, "budget": {"trials": 60}, **DRAWS}), 50)
    assert len({ask.config for ask in asks}) == 2
    assert len({ask.seed for ask in asks}) == 50
