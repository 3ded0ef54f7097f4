"""The engine: who asks is advanced together, failures end their trial alone, a lack of memory halves K."""

import functools
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from search.fused.engine import Engine
from search.fused.program import Program
from search.fused.program_sizes import ProgramSizes, ladder
from search.fused.trial import share_of
from search.record import Ask
from spaces.study import Study, Training
from tests.conftest import ROOT
from tests.helpers.toys import config, trial_data

DATA = trial_data()
TOGETHER_S = 900


def study_of(**changes) -> Study:
    rules = Training(epochs=4).model_dump()
    return Study.model_validate({"objective": {"steer": "roc_auc"}, "training": rules, **changes})


def ask(number, **changes):
    chosen = changes.pop("chosen", None) or config(changes.pop("head", "sigmoid"), changes.pop("loss", "bce"))
    return Ask(number=number, kind="search", config=chosen.model_copy(update=changes), seed=number)


def started(study, most=4):
    engine = Engine(study, DATA, most)
    engine.start()
    return engine


def advanced(engine, asks, *rungs):
    """The last answers to asks of as many owners, who ask at the same time; and all notes."""
    answers, notes = {}, []

    def own(each):
        for epochs in rungs:
            answers[each.number] = engine.advance(f"owner {each.number}", each, epochs)
            notes.extend(answers[each.number].notes)

    threads = [threading.Thread(target=own, args=(each,), daemon=True) for each in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TOGETHER_S)
    assert not any(thread.is_alive() for thread in threads)
    return [answers[each.number] for each in asks], notes


def test_trials_of_all_kinds_come_to_their_ends():
    asks = [
        ask(0),
        ask(1, head="softmax", loss="cce", dropout=0.2),
        ask(2, head="margin", loss="hinge", optimizer="adamw", weight_decay=0.01),
        ask(3, head="two_sigmoids", loss="focal", focal_gamma=2.0, focal_alpha=0.5, learning_rate=0.02),
        ask(4, optimizer="sgd", momentum=0.9),
        ask(5, batch_size=32),
    ]
    engine = started(study_of())
    answers, notes = advanced(engine, asks, 2, 4)
    assert not notes
    assert [answer.error for answer in answers] == [None] * 6
    assert all(answer.finished and answer.trained.epochs == 4 for answer in answers)
    assert max(answer.together for answer in answers) > 1
    assert answers[0].trained.weights[-1].shape == (1,)
    assert answers[1].trained.weights[-1].shape == (2,)
    # Alone on an engine, one of them comes to the same, but for rounding.
    alone = advanced(started(study_of(), 1), asks[1:2], 4)[0][0].trained
    np.testing.assert_allclose(alone.raw, answers[1].trained.raw, atol=1e-4)
    assert engine.spent.epochs == 24


def test_what_an_engine_says_is_read_without_keras_and_jax():
    engine = started(study_of())
    said = pickle.dumps((engine.advance("owner", ask(0), 1), engine.spent))
    program = (
        "import pickle, sys\n"
        "answer, spent = pickle.load(sys.stdin.buffer)\n"
        "print(answer.trained.epochs, spent.epochs, *{'keras', 'jax'} & set(sys.modules))\n"
    )
    read = subprocess.run([sys.executable, "-c", program], cwd=ROOT, input=said, capture_output=True)
    assert read.stdout.split() == [b"1", b"1"], read.stderr.decode()


def test_networks_that_are_drawn_at_the_same_time_are_those_drawn_alone():
    chosen = ask(0, dropout=0.2).config
    group = Engine(study_of(), DATA).sizes_of(chosen).group
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda seed: group.draw(chosen, seed), range(24)))
    for seed, fresh in enumerate(drawn):
        both = group.begin(chosen, seed, fresh).state, group.begin(chosen, seed).state
        for mine, alone in zip(*both, strict=True):
            np.testing.assert_array_equal(mine, alone)


def test_networks_are_drawn_beside_the_engine_once_their_group_is_known(monkeypatch):
    engine, drawn = started(study_of()), []
    first = engine.advance("owner", ask(0), 1)
    group = engine.sizes_of(ask(0).config).group
    draw = group.draw

    def noted(config, seed):
        drawn.append((seed, threading.current_thread().name))
        return draw(config, seed)

    monkeypatch.setattr(group, "draw", noted)
    engine.advance("owner", ask(1), 1)
    again = engine.advance("owner", ask(0), 1)
    engine.advance("owner", ask(0), 2)
    assert drawn == [(1, "MainThread"), (0, "MainThread")]
    np.testing.assert_array_equal(first.trained.raw, again.trained.raw)
    assert engine.spent.epochs == 4


def test_a_trial_that_begins_alone_leaves_what_is_being_traced_as_it_is(monkeypatch):
    """Keras' global state went with it, of all threads: the program trained nothing, and was proven."""
    from search.training.training import Training

    study, chosen = study_of(), ask(0).config
    group = Engine(study, DATA, 2).sizes_of(chosen).group
    first = group.program._network.fitted.layers[1]
    call, traced = type(first).call, []

    @functools.wraps(call)
    def meanwhile(self, *args, **kwargs):
        if self is first and not traced:
            traced.append(self)
            beside = threading.Thread(target=lambda: Training(chosen, study.training, "roc_auc", DATA, 1))
            beside.start()
            beside.join()
        return call(self, *args, **kwargs)

    monkeypatch.setattr(type(first), "call", meanwhile)
    trials = [group.begin(chosen, seed) for seed in (0, 1)]
    before = [group.program.scorer.weights(trial.state, 1) for trial in trials]
    assert group.train(trials, 2) == [None, None]
    assert traced
    for trial, old in zip(trials, before, strict=True):
        new = group.program.scorer.weights(trial.state, 1)
        assert all(np.abs(one - other).max() > 1e-3 for one, other in zip(new, old, strict=True))


def test_a_rung_that_is_asked_for_again_is_the_same_rung():
    engine = started(study_of(), 1)
    first, again = (engine.advance("owner", ask(0), 2) for _ in range(2))
    assert first.trained.epochs == again.trained.epochs == engine.spent.epochs == 2
    assert engine.advance("owner", ask(0), 3).trained.epochs == 3


def test_a_rung_that_takes_long_is_not_forgotten_as_it_ends(monkeypatch):
    engine = started(study_of(), 1)
    engine.advance("warm", ask(9), 1)
    group, before = engine.sizes_of(ask(0).config).group, engine.spent.epochs
    train = group.train
    monkeypatch.setattr(group, "train", lambda *given: (time.sleep(3.5), train(*given))[1])
    monkeypatch.setattr("search.fused.engine.FORGOTTEN_S", 3.0)
    engine.advance("one", ask(0), 1)
    monkeypatch.setattr(group, "train", train)
    engine.advance("other", ask(1), 1)
    engine.advance("one", ask(0), 2)
    assert engine.spent.epochs - before == 3


def test_trials_in_flight_divide_the_clock():
    engine = started(study_of(), 8)
    asks = [ask(number, batch_size=size) for number, size in enumerate((8, 16, 32))]
    began = time.monotonic()
    answers, _ = advanced(engine, asks, 4)
    took = time.monotonic() - began
    assert 0.7 * took < sum(answer.clock_s for answer in answers) < took
    assert engine.spent.compiled > engine.spent.waited  # nobody else was waited for


def test_a_trial_that_overflows_fails_alone():
    wild = ask(1, head="margin", loss="squared_hinge", learning_rate=1e30, optimizer="sgd", momentum=0.9)
    fine = ask(0, optimizer="sgd", momentum=0.9)
    (good, bad), _ = advanced(started(study_of()), [fine, wild], 4)
    assert good.error is None
    assert "try a lower learning rate" in bad.error
    assert bad.finished
    assert bad.together == good.together > 1


def test_memory_that_runs_out_in_a_proof_costs_no_trial(monkeypatch):
    engine = started(study_of(), 4)
    asks = [ask(0), ask(1), ask(2, batch_size=32)]
    scorer = engine.sizes_of(asks[0].config).group.program.scorer
    tell = scorer.tell

    def short(weights, *given):
        if len(weights) > 1:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes")
        return tell(weights, *given)

    monkeypatch.setattr(scorer, "tell", short)
    answers, _ = advanced(engine, asks, 1)
    assert [answer.error for answer in answers] == [None] * 3


def test_an_error_in_one_proof_fails_that_trial_alone(monkeypatch):
    engine, broken = started(study_of(), 4), ask(1)
    group = engine.sizes_of(broken.config).group
    best = group.best

    def wrong(trials, size):
        if any(trial.seed == broken.seed for trial in trials):
            raise ValueError("a fault of ours")
        return best(trials, size)

    monkeypatch.setattr(group, "best", wrong)
    answers, _ = advanced(engine, [ask(0), broken, ask(2, batch_size=32)], 1)
    assert [answer.error and "a fault of ours" in answer.error for answer in answers] == [None, True, None]


def test_memory_that_runs_out_halves_what_one_program_holds(monkeypatch):
    engine, asks = started(study_of(), 8), [ask(number) for number in range(6)]
    group = engine.sizes_of(asks[0].config).group
    train, sizes = group.train, []

    def short(trials, size):
        sizes.append(size)
        if size > 2:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes")
        return train(trials, size)

    monkeypatch.setattr(group, "train", short)
    answers, notes = advanced(engine, asks, 1, 2)
    assert [answer.error for answer in answers] == [None] * 6
    assert engine.sizes_of(asks[0].config).most == 2
    assert all("memory ran out with" in note for note in notes)
    assert notes[-1] == "memory ran out with 4 trials in one program: from now on 2 at most"
    assert max(sizes) > 2
    assert set(sizes[-2:]) <= {1, 2}


def test_where_memory_does_not_hold_one_trial_it_fails_with_advice(monkeypatch):
    engine = started(study_of(), 2)
    group = engine.sizes_of(ask(0).config).group

    def short(trials, size):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes")

    monkeypatch.setattr(group, "train", short)
    answers, _ = advanced(engine, [ask(0), ask(1)], 1)
    assert all("try a smaller batch_size" in answer.error for answer in answers)


def test_what_vmap_cannot_take_trains_one_at_a_time(monkeypatch):
    engine, asks = started(study_of()), [ask(number) for number in range(3)]
    group = engine.sizes_of(asks[0].config).group
    train = group.train

    def refuse(trials, size):
        if size > 1:
            raise TypeError("this layer cannot be batched")
        return train(trials, size)

    monkeypatch.setattr(group, "train", refuse)
    answers, notes = advanced(engine, asks, 2)
    assert [answer.error for answer in answers] == [None] * 3
    if notes:  # unless they never came together
        assert notes == [
            "trials of one structure train one at a time: TypeError: this layer cannot be batched"
        ]


def test_a_trunk_of_the_users_own_is_fused_unless_it_holds_what_is_no_variable():
    small, own = "tests.helpers.networks:small", "tests.search.fused.on_jax.own_trunks:counted"
    asks = [ask(0, trunk=small, width=1.0), ask(1, trunk=small, width=1.0), ask(2, trunk=own, width=1.0)]
    engine = started(study_of())
    answers, notes = advanced(engine, asks, 2)
    assert [answer.error for answer in answers] == [None] * 3
    assert [answer.together is None for answer in answers] == [False, False, True]
    (note,) = notes
    assert note.startswith("trial 00002 trains alone: its layer counting")
    assert note.endswith("(Counting) may hold what is no variable")


def test_a_trial_past_its_limit_is_failed():
    engine = started(study_of(budget={"trial_minutes": 1e-6}))
    (answer,), _ = advanced(engine, [ask(0)], 2)
    assert answer.error.startswith("a trial may take 1e-06 min (budget.trial_minutes), but then this one had")


def test_a_worker_that_comes_with_another_trial_has_let_go_of_the_last_one():
    engine = started(study_of())
    first = engine.advance("owner", ask(0), 1)
    second = engine.advance("owner", ask(1), 1)
    again = engine.advance("owner", ask(0), 1)
    assert first.trained.history == again.trained.history
    assert first.trained.history != second.trained.history
    assert len(engine._entries) == 1


def test_one_that_does_not_come_is_not_waited_for():
    engine = started(study_of())
    engine.advance("gone for good", ask(0), 1)
    engine.advance("here", ask(1), 1)
    began = time.monotonic()
    engine.advance("here", ask(1), 2)
    assert time.monotonic() - began < TOGETHER_S


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_ladder(most, sizes):
    assert ladder(most) == sizes


def test_a_larger_program_serves_until_a_smaller_one_pays():
    group = Engine(study_of(), DATA, 4).sizes_of(ask(0).config).group
    sizes = ProgramSizes(group, 4, 1.0, ThreadPoolExecutor(1))
    first = sizes.size_for(3)
    assert sizes.size_for(1) is first
    first.result(TOGETHER_S)
    assert sizes.size_for(3) == sizes.size_for(4) == sizes.size_for(1) == 4
    sizes.took(4, 1e9)  # a call that takes for ever makes it worth while
    assert sizes.size_for(1) == 4
    deadline = time.monotonic() + TOGETHER_S
    while (size := sizes.size_for(1)) == 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert size == 1
    assert sizes.size_for(2) == 4


def test_the_first_size_is_that_of_the_trials_that_are_likely_to_come(monkeypatch):
    space = {"batch_size": [32, 64], "optimizer": ["adam", "adamw"], "hidden_layers": ["none"]}
    study = study_of(space=space)
    assert share_of(config("sigmoid", "bce", batch_size=32), study) == 0.5
    assert share_of(config("sigmoid", "bce", batch_size=32, optimizer="sgd", momentum=0.9), study) == 0
    sizes = []
    for share, count in ((0.5, 1), (0.5, 5), (0.0, 1)):
        group = Engine(study, DATA, 8).sizes_of(ask(0).config).group
        monkeypatch.setattr(group.program, "compile", sizes.append)
        ProgramSizes(group, 8, share, ThreadPoolExecutor(1)).size_for(count).result(5)
    assert sizes == [4, 8, 1]


def test_what_is_being_compiled_keeps_no_other_trial_waiting(monkeypatch):
    compiled, held = Program.compile, threading.Event()

    def compiled_late(program, size):
        if program._batch == 32:
            held.wait(TOGETHER_S)
        return compiled(program, size)

    monkeypatch.setattr(Program, "compile", compiled_late)
    engine, late = started(study_of()), []
    engine.advance("here", ask(2), 1)
    thread = threading.Thread(target=lambda: late.append(engine.advance("late", ask(1, batch_size=32), 1)))
    thread.start()
    assert engine.advance("here", ask(0), 2).error is None
    assert not late
    held.set()
    thread.join(TOGETHER_S)
    assert late[0].error is None


def test_a_call_that_hangs_ends_the_process():
    program = (
        "import time\n"
        "from search.networks import backend\n"
        "backend.start(1)\n"
        "backend.import_keras()\n"
        "from search.fused import engine as fused\n"
        "from tests.search.fused.on_jax.test_engine import ask, started, study_of\n"
        "fused.HANGING_S = 1.0\n"
        "engine = started(study_of(budget={'trial_minutes': 0.01}))\n"
        "engine.sizes_of(ask(0).config).group.train = lambda trials, size: time.sleep(3600)\n"
        "engine.advance('owner', ask(0), 1)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "Timeout (0:00:01.6" in ended.stderr
