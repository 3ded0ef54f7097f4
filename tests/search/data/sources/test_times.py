"""Times are seconds: other units, rounded and constant times are refused by every source that takes times."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.data.rows import Labels, Rows
from search.data.sources.scores import read_scores
from search.data.sources.times import check_times, likely_unit
from spaces.data import Custom, Npz, Scores, Table
from spaces.errors import RunError
from tests.helpers.stored import load

SECONDS = np.tile(np.arange(120.0), 4)
NAMES = np.repeat(["r0", "r1", "r2", "r3"], 120)


def rows_at(times, names=NAMES, window_s=1.0) -> Rows:
    n = len(times)
    return Rows(
        x=np.zeros((n, 1), np.float32), y=np.zeros(n, np.int8), labels=Labels(0, 1),
        recordings=None if names is None else np.asarray(names, np.str_), times=np.asarray(times, np.float64),
        window_s=window_s,
    )  # fmt: skip


def from_npz(folder, columns, **changes):
    np.savez(folder / "rows.npz", **columns)
    named = {"recording": "recording", "time": "time", "window_s": 1.0}
    return load(Npz(source="npz", path="rows.npz", **named | changes), folder)


def from_custom(folder, columns, **changes):
    np.savez(folder / "kept.npz", **columns)
    (folder / "timed_rows.py").write_text(
        "import numpy as np\ndef load(path):\n    return dict(np.load(path))\n", encoding="utf-8"
    )
    options = {"path": str(folder / "kept.npz")}
    return load(Custom(source="timed_rows:load", options=options, **{"window_s": 1.0} | changes), folder)


def from_table(folder, columns, **changes):
    flat = {name: values.ravel() for name, values in columns.items()}
    pq.write_table(pa.table(flat), folder / "rows.parquet")
    named = {"label": "y", "features": "X", "recording": "recording", "time": "time", "window_s": 1.0}
    return load(Table(source="table", path="rows.parquet", **named | changes), folder)


def from_scores(folder, columns, **changes):
    flat = {name: values.ravel() for name, values in columns.items()}
    pq.write_table(pa.table(flat), folder / "rows.parquet")
    named = {"label": "y", "score": "X", "recording": "recording", "start": "time", "window_s": 1.0}
    return read_scores(Scores(source="scores", path="rows.parquet", **named | changes), folder).rows


SOURCES = {"npz": from_npz, "custom": from_custom, "table": from_table, "scores": from_scores}
FAULTS = {
    "minutes": (SECONDS / 60, "windows of 1 s of recording 'r0' start 0.01667 apart, as if in minutes"),
    "hours": (SECONDS / 3600, "start 0.0002778 apart, as if in hours"),
    "milliseconds": (
        SECONDS * 1000,
        r"start 1000 apart, as if in milliseconds or samples at 1000 per second",
    ),
    "samples": (SECONDS * 256, "start 256 apart, as if in samples at 256 per second"),
    "constant": (SECONDS * 0 + 1.7e9, "all 120 rows of recording 'r0' start at the same time"),
    "float32": (
        (SECONDS + 1.7e9).astype(np.float32),
        r"\d+ of 120 rows of recording 'r0' repeat the time of another, .* are 128 s apart, as if rounded",
    ),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_source_refuses_times_that_are_no_seconds(source, fault, tmp_path):
    times, message = FAULTS[fault]
    x = np.random.default_rng(0).normal(size=(480, 1))
    columns = {"X": x, "y": np.arange(480) // 40 % 2, "recording": NAMES, "time": times}
    with pytest.raises(RunError, match=message) as caught:
        SOURCES[source](tmp_path, columns)
    assert "\n" not in str(caught.value)
    option = "--start" if source == "scores" else "data.time"
    assert f": {option})" in str(caught.value)
    rows = SOURCES[source](tmp_path, columns | {"time": SECONDS})
    assert rows.times.tolist() == SECONDS.tolist()


@pytest.mark.parametrize(
    ("times", "names", "window_s", "message"),
    [
        (np.floor(SECONDS / 60), NAMES, 1.0, "start 0.01667 apart, as if in minutes"),
        (
            np.floor(SECONDS / 60) * 60,
            NAMES,
            1.0,
            "118 of 120 rows of recording 'r0' repeat .* are 60 s apart",
        ),
        (np.round(SECONDS / 60, 1), NAMES, 1.0, "as if in minutes"),
        (
            SECONDS * 2.5 / 60,
            NAMES,
            2.5,
            "windows of 2.5 s of recording 'r0' start 0.04167 apart, as if in min",
        ),
        (SECONDS * 0.5 / 60, NAMES, 1.0, "start 0.008333 apart, as if in minutes"),
        (SECONDS / 86400, NAMES, 1.0, "start 1.157e-05 apart, as if in days"),
        (SECONDS * 1e6, NAMES, 1.0, "start 1e.06 apart, as if in microseconds"),
        (SECONDS * 200, NAMES, 1.0, "as if in milliseconds or samples at 200 per second"),
        (np.where(NAMES == "r2", SECONDS / 60, SECONDS), NAMES, 1.0, "of recording 'r2' start 0.01667 apart"),
        (np.where(NAMES == "r3", 0, SECONDS), NAMES, 1.0, "all 120 rows of recording 'r3'"),
        (np.tile(np.arange(5) / 60, 96), np.arange(480) // 5, 1.0, "fewer than 10 rows start 0.01667 apart"),
        (
            np.zeros(480),
            np.arange(480) // 5,
            1.0,
            "rows of recordings of fewer than 10 rows start at the same",
        ),
        (np.arange(480) * 1000.0, None, 1.0, "windows of 1 s start 1000 apart"),
    ],
)
def test_variants_of_such_times_are_refused(times, names, window_s, message):
    with pytest.raises(RunError, match=message):
        check_times(rows_at(times, names, window_s), None, "rows.npz")


@given(
    window_s=st.sampled_from([0.5, 1.0, 4.0, 10.0, 60.0]),
    share=st.sampled_from([1 / 20, 1 / 16, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 5.0, 60.0]),
    kept=st.sampled_from([1.0, 0.5, 0.2]),
    epoch=st.sampled_from([0.0, 1.7e9]),
    copies=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_overlaps_gaps_thinned_out_rows_and_copies_are_seconds(window_s, share, kept, epoch, copies, seed):
    rng = np.random.default_rng(seed)
    times = np.tile(np.arange(120) * share * window_s, 4)
    times[NAMES == "r1"] += 3000 * window_s * (SECONDS[NAMES == "r1"] > 60)  # an hour's pause
    some = np.flatnonzero(rng.random(480) < kept)
    taken = np.repeat(some, copies)
    rng.shuffle(taken)
    check_times(rows_at(epoch + times[taken], NAMES[taken], window_s), None, "rows.npz")


def test_what_says_nothing_of_steps_is_accepted():
    several = np.repeat(SECONDS, 19)  # rows of 19 channels at each time
    check_times(rows_at(several, np.repeat(NAMES, 19)), None, "rows.npz")
    check_times(rows_at(np.zeros(480), np.arange(480)), None, "rows.npz")
    check_times(rows_at(SECONDS / 60, window_s=None), None, "rows.npz")
    check_times(rows_at(SECONDS / 60, None), None, "rows.npz")  # may be of many recordings
    check_times(rows_at([0, 300, 0, 900], ["a", "a", "b", "b"]), None, "rows.npz")


def test_a_step_that_is_stated_is_what_times_are_held_against(tmp_path):
    x = np.random.default_rng(0).normal(size=(480, 1))
    columns = {"X": x, "y": np.arange(480) // 40 % 2, "recording": NAMES, "time": SECONDS}
    for load_from in SOURCES.values():
        with pytest.raises(
            RunError, match="windows of 60 s of recording 'r0' start 1 apart, as if in minutes"
        ):
            load_from(tmp_path, columns, window_s=60.0)
        assert load_from(tmp_path, columns, window_s=60.0, step_s=1.0).window_s == 60
        with pytest.raises(
            RunError, match=r"start 1 apart, not 60 \((data|--set data).step_s\), as if in min"
        ):
            load_from(tmp_path, columns, window_s=1.0, step_s=60.0)
    check_times(rows_at(SECONDS * 300), 300.0, "rows.npz")


@pytest.mark.parametrize(
    ("ratio", "unit"),
    [
        (1 / 60, "minutes"),
        (1 / 120, "minutes"),
        (1 / 3600, "hours"),
        (1e-9, ""),
        (1000, "milliseconds or samples at 1000 per second"),
        (512, "samples at 512 per second"),
        (1e9, "nanoseconds"),
        (1e12, ""),
    ],
)
def test_the_likely_unit(ratio, unit):
    assert likely_unit(ratio) == unit
