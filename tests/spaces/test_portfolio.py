"""Which configurations are asked first, as a study's space allows them, and in which order."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import spaces.portfolio
from spaces.configuration import Config, suggest
from spaces.portfolio import greedy, place, portfolio
from spaces.portfolio_table import TABLE
from spaces.study import Study
from spaces.study_file import parse

GOOD = Config(
    trunk="mlp", width=1.0, head="sigmoid", loss="bce", optimizer="sgd", learning_rate=4e-3, momentum=0.9,
    batch_size=64, class_weight="balanced", hidden_layers="64", dropout=0.3, label_smoothing=0.05,
)  # fmt: skip


def study(**space: object) -> Study:
    return parse({"trunk": {"name": "mlp", "width": 0.5}, "space": space})


def placed(**space: object) -> Config | None:
    found = place(GOOD, study(**space))
    return None if found is None else found.config


def test_a_configuration_inside_the_space_is_asked_as_it_is_at_the_study_s_width():
    found = place(GOOD, study())
    assert found.config == GOOD.model_copy(update={"width": 0.5})
    assert found.drawn == {
        "head": "sigmoid", "sigmoid_loss": "bce", "optimizer": "sgd", "batch_size": 64,
        "class_weight": "balanced", "hidden_layers": "64", "learning_rate": 4e-3, "dropout": 0.3,
        "momentum": 0.9, "label_smoothing": 0.05,
    }  # fmt: skip


def test_a_number_outside_its_range_is_moved_to_the_nearer_end():
    rates = {"low": 1e-5, "high": 1e-3, "log": True}
    assert placed(learning_rate=rates).learning_rate == 1e-3
    assert placed(dropout={"low": 0.4, "high": 0.6}).dropout == 0.4


def test_what_has_no_choice_is_taken_from_the_study():
    found = placed(batch_size=[256], hidden_layers="none", momentum=0.95, learning_rate=1e-2)
    assert (found.batch_size, found.hidden_layers, found.momentum, found.learning_rate) == (
        256, "none", 0.95, 1e-2
    )  # fmt: skip


@pytest.mark.parametrize(
    "space",
    [
        {"batch_size": [16, 32]},
        {"hidden_layers": ["none", "128"]},
        {"heads": {"softmax": ["cce"]}},
        {"heads": {"sigmoid": ["focal"], "softmax": ["cce"]}},
        {"heads": {"sigmoid": ["focal"]}},
        {"optimizer": ["adam"]},
        {"optimizer": ["adam", "adamw"]},
    ],
    ids=str,
)
def test_a_choice_that_the_space_has_not_leaves_a_configuration_out(space):
    assert placed(**space) is None


def test_a_sampled_threshold_stands_in_the_middle():
    sampled = parse({"trunk": {"name": "mlp"}, "threshold": {"low": 0.2, "high": 0.6}})
    assert place(GOOD, sampled).config.threshold == pytest.approx(0.4)


@pytest.fixture
def table(monkeypatch):
    """A table of three: two that fall together where the rate ends at 1e-3, and one that adds to them."""
    faster = GOOD.model_copy(update={"learning_rate": 8e-3})
    other = GOOD.model_copy(update={"optimizer": "adam", "momentum": None})
    rows = ((GOOD, (1.0, 0.0)), (faster, (0.9, 0.5)), (other, (0.0, 0.9)))
    monkeypatch.setattr(spaces.portfolio, "TABLE", {"mlp": rows})
    return [GOOD, faster, other]


def configs(asked: Study) -> list[Config]:
    return [one.config.model_copy(update={"width": 1.0}) for one in portfolio(asked)]


def test_the_order_is_that_of_what_each_adds(table):
    good, faster, other = table
    assert configs(study()) == [faster, other, good]  # 1.4, then 0.4, then 0.1 more
    assert configs(study(optimizer="sgd")) == [faster, good]


def test_what_comes_to_the_same_is_asked_once(table):
    good, _, other = table
    slow = {"low": 1e-4, "high": 1e-3}
    asked = configs(study(learning_rate=slow))
    assert asked == [one.model_copy(update={"learning_rate": 1e-3}) for one in (good, other)]


def test_none_is_asked_where_the_study_wants_none_or_the_network_is_another(table):
    assert portfolio(parse({"trunk": {"name": "mlp"}, "search": {"portfolio": False}})) == ()
    assert portfolio(parse({"trunk": {"name": "conv1d_cnn"}})) == ()
    assert portfolio(parse({"trunk": {"name": "nets:mine"}})) == ()
    assert portfolio(parse({"data": {"source": "scores", "path": "a.csv", "label": "y", "score": "s"}})) == ()


SHARES = st.integers(1, 3).flatmap(
    lambda sets: st.lists(st.lists(st.integers(0, 10), min_size=sets, max_size=sets), max_size=6)
)


def covered(shares: list[list[int]], taken: tuple[int, ...]) -> int:
    return sum(max(of) for of in zip(*(shares[k] for k in taken), strict=True))


@given(SHARES)
def test_greedy_takes_each_once_and_comes_near_the_best_of_as_many(shares):
    order = greedy(shares)
    assert sorted(order) == list(range(len(shares)))
    for count in range(1, len(order) + 1):
        best = max(covered(shares, some) for some in combinations(order, count))
        assert covered(shares, tuple(order[:count])) >= (1 - 1 / 2.718281828) * best
    if shares:
        assert sum(shares[order[0]]) == max(map(sum, shares))


def test_every_configuration_of_the_table_is_a_point_of_the_default_space():
    for trunk, rows in TABLE.items():
        default = parse({"trunk": {"name": trunk}})
        assert len({len(shares) for _, shares in rows}) == 1
        assert len({config for config, _ in rows}) == len(rows)
        for config, shares in rows:
            found = place(config, default)
            assert found is not None
            assert found.config == config.model_copy(update={"width": 1.0})
            assert all(0 <= share <= 1 for share in shares)
            assert any(shares)


def test_what_is_drawn_makes_the_configuration_again():
    class Given:
        def __init__(self, drawn):
            self._drawn = drawn

        def suggest_float(self, name, low, high, *, log=False):
            return self._drawn[name]

        def suggest_categorical(self, name, choices):
            return self._drawn[name]

    found = place(GOOD, study(dropout={"low": 0.4, "high": 0.6}))
    assert suggest(Given(found.drawn), study(dropout={"low": 0.4, "high": 0.6})) == found.config
