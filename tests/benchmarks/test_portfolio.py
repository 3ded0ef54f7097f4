"""How the portfolio is found: what is drawn, what is dropped, what is picked. Nothing is trained here."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from spaces.configuration import Config
from spaces.portfolio import place
from tests.benchmarks import portfolio_data, quality_data
from tests.benchmarks.portfolio import (
    KNOWN,
    Result,
    candidates,
    chosen,
    dropped,
    held_out,
    study_of,
    table,
    tried,
)
from tests.benchmarks.portfolio_data import SETS, WIDTHS, split

DRAWN = [config for _, config in islice(candidates("mlp", 0), 40)]


def results(values: dict[int, list[float | None]]) -> list[Result]:
    """Results of the trunk mlp: number of a configuration -> its values on the first data sets."""
    return [
        Result(trunk="mlp", number=number, data=one.name, value=value, seconds=1.0, config=DRAWN[number])
        for number, of in values.items()
        for one, value in zip(SETS["mlp"], of, strict=False)
    ]


def test_every_pair_of_head_and_loss_is_drawn_as_often_and_again_the_same():
    pairs = Counter((config.head, config.loss) for config in DRAWN)
    space = study_of("mlp").space
    assert set(pairs) == {(head, loss) for head, losses in space.heads.items() for loss in losses}
    assert max(pairs.values()) - min(pairs.values()) <= 1
    assert list(islice(candidates("mlp", 7), 33)) == list(enumerate(DRAWN))[7:]
    assert len(set(DRAWN)) == len(DRAWN)


@pytest.mark.parametrize("trunk", SETS)
def test_what_is_drawn_is_a_point_of_the_default_space(trunk):
    for _, config in islice(candidates(trunk, 0), 20):
        assert config.width == WIDTHS[trunk]
        assert place(config, study_of(trunk)).config == config


def test_the_learning_rates_of_every_pair_lie_spread():
    pairs = {(config.head, config.loss) for config in DRAWN}
    for pair in pairs:
        rates = [config.learning_rate for config in DRAWN if (config.head, config.loss) == pair]
        assert len(rates) == 5
        shares = np.sort(np.log10(rates) / 2 + 2)
        assert max(*np.diff(shares), 1 - shares[-1] + shares[0]) < 0.4  # the range as a circle


def test_a_configuration_in_the_worse_half_of_its_first_data_set_is_dropped():
    sets = len(SETS["mlp"])
    before = {number: [0.5 + number / 100] for number in range(1, KNOWN + 1)}
    number = 2 * sets  # begins on the first data set
    assert not dropped(results(before), "mlp", number), "not tried yet"
    for value, gone in ((0.51, True), (0.6, False), (None, True)):
        assert dropped(results({**before, number: [value]}), "mlp", number) is gone
    few = {number: [0.5] for number in range(1, KNOWN)}
    assert not dropped(results({**few, number: [0.1]}), "mlp", number)


def test_each_head_has_its_own_by_what_each_adds_from_those_tried_on_all():
    pairs = [(config.head, config.loss) for config in DRAWN]
    one, two, three = [k for k, pair in enumerate(pairs) if pair[0] == pairs[0][0]][:3]
    other = next(k for k in range(40) if pairs[k][0] != pairs[0][0])
    low = {number: [0.5] * 5 for number in range(40) if number not in (one, two, three, other)}
    found = results(
        {
            **low,
            one: [0.9, 0.9, 0.5, 0.5, 0.5],
            two: [0.8, 0.8, 0.7, None, 0.5],
            three: [1.0, 1.0, 1.0, 1.0],  # not tried on the last
            other: [0.5, 0.5, 0.5, 0.5, 0.6],
        }
    )
    picked = chosen(found, "mlp")
    assert [config for config, _ in picked] == [DRAWN[one], DRAWN[two], DRAWN[other]]
    shares = [given for _, given in picked]
    assert shares == [(0.8, 0.8, 0.0, 0.0, 0.0), (0.6, 0.6, 0.4, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 1.0)]


def test_a_choice_is_judged_on_the_data_set_that_it_did_not_see():
    found = results({0: [1.0, 1.0, 1.0, 1.0, 0.0], 1: [0.0, 0.0, 0.0, 0.0, 1.0], 2: [0.0] * 5, 3: [0.0] * 5})
    first = held_out(found, "mlp", 1)
    assert [chosen_first for chosen_first, _ in first] == [1.0, 1.0, 1.0, 1.0, 0.0]
    assert all(abs(at_random - 0.25) < 0.03 for _, at_random in first)
    both = held_out(found, "mlp", 2)
    assert [chosen_first for chosen_first, _ in both[:4]] == [1.0] * 4


def test_the_table_that_is_written_is_python_and_says_what_it_stands_on():
    found = results({number: [0.5 + number / 100] * 5 for number in range(12)})
    text = table(found, "2026-01-02")
    assert max(map(len, text.splitlines())) <= 110
    made: dict = {}
    exec(compile(text, "table", "exec"), made)
    assert made["TABLE"]["mlp"] == tuple(chosen(found, "mlp"))
    assert made["TABLE"]["seizure_cnn"] == ()
    assert "Chosen on 2026-01-02, from 12 configurations and 60 trainings of up to 12 epochs." in text
    assert isinstance(made["TABLE"]["mlp"][0][0], Config)


def test_results_come_back_and_a_torn_line_does_not(tmp_path):
    found = results({0: [0.5, None], 1: [0.25]})
    file = tmp_path / "found.jsonl"
    assert tried(file) == []
    lines = [one.model_dump_json(exclude_defaults=True) for one in found]
    file.write_text("\n".join([*lines, lines[0][:40]]))
    assert tried(file) == found


def test_no_row_is_the_benchmark_s_or_the_quickstart_s():
    seeds = {quality_data.SEED, quality_data.SEED + 1, quality_data.UNSEEN_SEED, 0}
    used = [
        made.make.args[0]
        for sets in SETS.values()
        for made in sets
        if getattr(made.make, "func", None) in (portfolio_data.simulated, portfolio_data.bands)
    ]
    assert len(used) == 4
    assert not seeds & set(used)


def test_groups_stand_on_one_side():
    group = np.repeat(np.arange(10), 5)
    x, y = group[:, None].astype(np.float32), (np.arange(50) % 2).astype(np.int8)
    data = split(x, y, group, seed=0)
    assert set(data.x_train[:, 0]) & set(data.x_validation[:, 0]) == set()
    assert (len(data.y_train), len(data.y_validation)) == (30, 20)
