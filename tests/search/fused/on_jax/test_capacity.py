"""How many trials one program is to hold: what was asked for, or what fits and pays."""

import pytest

from search.fused import capacity
from search.fused.capacity import most_fused
from search.fused.engine import Engine
from spaces.study import Study
from tests.helpers.toys import trial_data

DATA = trial_data()


def study_of(fuse, trunk="mlp"):
    return Study.model_validate({"trunk": {"name": trunk, "width": 0.1}, "resources": {"fuse": fuse}})


def most(study, limit=32):
    return most_fused(study, DATA, Engine(study, DATA), limit)


def test_a_number_is_taken_as_it_is():
    assert most(study_of(48)) == (48, None)


def test_a_small_network_is_fused_as_far_as_it_pays(monkeypatch):
    assert most(study_of("auto")) == (32, None)
    engine = Engine(study_of("auto"), DATA)
    config = capacity.author_config(study_of("auto"))
    flop, moved = engine.sizes_of(config).group.program.cost_of_a_step()
    # At least two operations for every weight of a dense layer and row, forth, and twice as many back.
    assert flop > 6 * config.batch_size * 12 * 12
    monkeypatch.setattr(capacity, "FILLS_FLOP", 9 * flop)
    assert most(study_of("auto")) == (8, None)
    monkeypatch.setattr(capacity, "FILLS_FLOP", 1.5 * flop)
    assert most(study_of("auto")) == (1, "one trial fills the device")
    monkeypatch.setattr(capacity, "FILLS_FLOP", 9 * flop)
    monkeypatch.setattr(capacity, "memory_bytes", lambda: int(9 * moved))
    assert most(study_of("auto")) == (4, None)


def test_what_cannot_be_fused_says_why(monkeypatch):
    count, reason = most(study_of(8, "tests.search.fused.on_jax.own_trunks:counted"))
    assert count == 1
    assert reason.endswith("(Counting) may hold what is no variable")
    monkeypatch.setattr(capacity, "memory_bytes", lambda: 1000)
    count, reason = most(study_of(8))
    assert count == 1
    assert reason == "rows take 0.0 GiB, and 0.0 GiB of the device are for them"


@pytest.mark.parametrize("share", [capacity.ROWS_SHARE, capacity.TRIALS_SHARE])
def test_shares_leave_room(share):
    assert 0 < share < 1
    assert capacity.ROWS_SHARE + capacity.TRIALS_SHARE < 1
