"""A session of a fused trial, while the process that trains it dies, starts again, or has lost its GPU."""

from types import SimpleNamespace

import pytest

from search.fused import trainer
from search.fused.answers import Answer
from search.fused.trainer import DEATHS, FusedSession, Plan, _GoneError
from search.training.trainer import Place
from spaces.errors import TrialError

GPU = Plan(
    most=8, reason=None, device="gpu:0", precision="mixed_bfloat16", place=Place(node="a", gpu_share=1.0)
)


class Clock:
    """Stands in for the module `time`: a second passes when somebody sleeps or says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(trainer, "time", made)
    return made


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(trainer, "_number", lambda first: 0)
    return FusedSession([(SimpleNamespace(), GPU)], None, None)


def answer(**fields):
    return Answer(
        **{"trained": None, "error": None, "finished": False, "together": 8, "clock_s": 0.0, **fields}
    )


@pytest.mark.parametrize("cycle_s", [3, 46, 75])
def test_a_process_that_dies_again_and_again_ends_its_trial(session, clock, monkeypatch, cycle_s):
    def dies(epochs):
        assert clock.now < 1000 + 3 * DEATHS * 75, "it is waited for for ever"
        clock.sleep(cycle_s - 1)
        raise _GoneError("gone")

    monkeypatch.setattr(session, "_answer", dies)
    with pytest.raises(TrialError, match=f"died {DEATHS} times"):
        session.advance(1)


def test_a_trial_has_the_part_of_the_gpu_that_it_took_and_keeps_it_where_it_fails(
    session, clock, monkeypatch
):
    said = iter([answer(clock_s=2.0), answer(clock_s=3.0, error="loss became nan", finished=True)])
    monkeypatch.setattr(session, "_answer", lambda epochs: (clock.sleep(8), (next(said), GPU))[1])
    session.advance(1)
    assert (session.together.fused, session.together.place.gpu_share) == (8, 0.25)
    with pytest.raises(TrialError, match="loss became nan"):
        session.advance(2)
    assert (session.together.fused, session.together.place.gpu_share) == (8, 3 / 16)


def test_a_process_that_took_over_says_where_it_is(session, monkeypatch):
    other = Plan(most=8, reason=None, device="gpu:1", precision="float32", place=Place(node="b"))
    monkeypatch.setattr(session, "_answer", lambda epochs: (answer(), other))
    session.advance(1)
    assert (session.device, session.precision, session.together.place.node) == ("gpu:1", "float32", "b")


def test_a_process_that_lost_its_gpu_trains_nothing(session, monkeypatch):
    other = Plan(most=8, reason=None, device="cpu", precision="float32", place=Place(node="a"))
    monkeypatch.setattr(session, "_answer", lambda epochs: (answer(), other))
    with pytest.raises(TrialError, match="gpu:0 is gone"):
        session.advance(1)
