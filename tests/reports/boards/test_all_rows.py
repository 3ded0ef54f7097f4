"""A leaderboard that is read without DuckDB reads as it does with it."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.boards import leaderboard, reading
from reports.boards.all_rows import read_whole
from search.record import Ask
from spaces.errors import RunError
from tests.helpers.records import config_of, record

TRIALS = st.lists(
    st.fixed_dictionaries(
        {
            "value": st.sampled_from([None, 0.25, 0.5, 0.75, 1.0]),
            "config": st.integers(-1, 2),
            "state": st.sampled_from(["completed", "stopped", "failed"]),
            "constant": st.booleans(),
            "leaky": st.booleans(),
            "groups": st.sampled_from(["known", "unknown"]),
            "data_digest": st.sampled_from(["d", "d", "d", "e"]),
        }
    ),
    max_size=9,
)


def made(number: int, value, config: int, state: str, constant: bool, **facts):
    """A trial of one of three configurations, or for -1 a baseline; one that is constant decides nothing."""
    if config < 0:
        ask = Ask(number=number, kind="baseline", baseline="prevalence", seed=number)
    else:
        ask = Ask(number=number, kind="search", config=config_of(config), seed=number)
    metrics = {"sensitivity": {"value": 1.0, "low": None, "high": None}} if constant else {}
    metrics |= {"specificity": {"value": 0.0, "low": None, "high": None}} if constant else {}
    return record(number, ask=ask, value=value, state=state, metrics=metrics, **facts)


@settings(deadline=None, max_examples=60)
@given(trials=TRIALS, objective=st.sampled_from(["f1", "sensitivity"]))
def test_rows_and_facts_are_those_of_the_query(tmp_path_factory, trials, objective):
    path = tmp_path_factory.mktemp("whole") / "leaderboard.parquet"
    leaderboard.write(path, [made(k, **trial, objective=objective) for k, trial in enumerate(trials)])
    ours, queried = read_whole(path), reading.read(path)
    assert ours.table.equals(queried.table)
    assert ours.facts == queried.facts


def test_a_leaderboard_of_an_earlier_version_is_read_as_the_query_reads_it(tmp_path):
    path = tmp_path / "leaderboard.parquet"
    leaderboard.write(path, [record(k, value=k / 10) for k in range(4)])
    pq.write_table(pq.read_table(path).drop_columns(["value_mean", "seeds", "seed_of"]), path)
    assert read_whole(path).table.equals(reading.read(path).table)


def test_rows_in_another_order_are_put_in_that_of_their_ranks(tmp_path):
    path = tmp_path / "leaderboard.parquet"
    leaderboard.write(path, [record(k, value=None if k == 2 else k / 10) for k in range(5)])
    table = pq.read_table(path)
    pq.write_table(table.take(pa.array([4, 2, 0, 3, 1])), path)
    assert read_whole(path).table.equals(table)


def test_what_is_no_leaderboard_is_one_line(tmp_path):
    path = tmp_path / "leaderboard.parquet"
    path.write_bytes(b"torn")
    with pytest.raises(RunError, match=r"leaderboard\.parquet"):
        read_whole(path)
