"""True intervals of seizures beside rows: what is read, cut and refused, and event scores of them."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cluster.driver import comparable
from search.data.sources.npz import load_npz
from search.data.sources.table import load_table
from search.events.evaluation import event_estimates
from search.events.timelines import find_timeline
from search.scores.half_splits import draw_halves
from search.trials.preparation import prepare_rows, reference_of, with_absolute_paths
from spaces.data import Custom, Npz, Table
from spaces.errors import RunError
from spaces.study import Events
from spaces.study_file import parse
from tests.helpers.stored import load

START = 1.7e9
SEIZURES = [("r0", START + 20.4, START + 101.4), ("r2", START + 60.0, START + 90.25)]


def arrays(seizures, names=("r0", "r1", "r2"), start=START, **more):
    """Recordings of 200 windows of 2 s with a step of 1 s; a row is positive where it touches a seizure."""
    names, times = np.repeat(names, 200), np.tile(np.arange(200.0), 3) + start
    y = np.zeros(600, int)
    for name, begin, end in SEIZURES:
        y |= (
            (np.repeat(["r0", "r1", "r2"], 200) == name)
            & (times - start + START < end)
            & (times - start + START + 2 > begin)
        )
    x = np.random.default_rng(0).normal(size=(600, 3))
    return {"X": x, "y": y, "recording": names, "time": times, "seizures": seizures} | more


def read(folder, stated, config=None, **changes):
    """Rows of an `.npz` file, as `load_npz` returns them, and as they are stored."""
    np.savez(folder / "rows.npz", **arrays(stated, **changes))
    named = {"recording": "recording", "time": "time", "window_s": 2, "step_s": 1, "seizures": "seizures"}
    as_npz = Npz(source="npz", path="rows.npz", **named | (config or {}))
    rows, stored = load_npz(as_npz, folder), load(as_npz, folder)
    assert (stored.timeline, stored.times.tolist()) == (rows.timeline, rows.times.tolist())
    return rows


STRUCTURED = np.array(SEIZURES, dtype=[("recording", "U4"), ("start_s", "f8"), ("end_s", "f8")])


@pytest.mark.parametrize("seizures", [np.array(SEIZURES), STRUCTURED, np.array(SEIZURES)[::-1]])
def test_seizures_of_an_npz_are_those_that_it_states(seizures, tmp_path):
    rows = read(tmp_path, seizures)
    assert [(one.name, one.duration_s) for one in rows.timeline] == [("r0", 201), ("r1", 201), ("r2", 201)]
    assert [one.seizures for one in rows.timeline] == [((20.4, 101.4),), (), ((60.0, 90.25),)]
    assert rows.times.tolist() == np.tile(np.arange(200.0), 3).tolist()
    assert rows.notes == ()
    told = find_timeline(rows, np.arange(600))
    assert told.recordings == rows.timeline
    assert told.told == "event scores: recordings 3, hours 0.1675, seizures by annotation 2"
    # Read off the labels, a seizure of 81 s is one of 84 s: windows that touch it reach beyond both its ends.
    labels = find_timeline(read(tmp_path, np.array(SEIZURES), {"seizures": None}), np.arange(600))
    assert labels.recordings[0].seizures == ((19.0, 103.0),)


def test_names_that_are_numbers_and_a_function_of_the_users(tmp_path):
    numbers = np.array([[0, 20.4, 101.4], [2, 60, 90.25]])
    rows = read(tmp_path, numbers, names=[0, 1, 2], start=0.0)
    assert [one.seizures for one in rows.timeline] == [((20.4, 101.4),), (), ((60.0, 90.25),)]
    (tmp_path / "with_seizures.py").write_text(
        "import numpy as np\n"
        "def load(path):\n"
        "    arrays = dict(np.load(path))\n"
        "    return arrays | {'seizures': [(0, 20.4, 101.4), (2, 60, 90.25)]}\n"
    )
    options = {"path": str(tmp_path / "rows.npz")}
    custom = load(Custom(source="with_seizures:load", options=options, window_s=2, step_s=1), tmp_path)
    assert custom.timeline == rows.timeline


def test_seizures_that_reach_beyond_their_windows_are_cut_and_spellings_are_one(tmp_path):
    rows = read(tmp_path, np.array([("R 0", START - 3, START + 101.4), ("r2", START + 60, START + 400)]))
    assert [one.seizures for one in rows.timeline] == [((0.0, 101.4),), (), ((60.0, 201.0),)]
    assert "rows.npz: 2 of 2 seizures (seizures) reach beyond the windows and were cut" in rows.notes


@pytest.mark.parametrize(
    ("seizures", "changes", "message"),
    [
        ([("r9", 20, 30)], {}, "seizure 1 of seizures, 20 to 30 s of 'r9', is of none"),
        ([("R0", START, START + 9)], {"exact_names": True}, "of 'R0', is of none"),
        ([("r0", START + 30, START + 20)], {}, "ends after it starts, but seizure 1"),
        ([("r0", 20.4, 101.4)], {}, r"of 'r0', lies outside of its windows, 1.7e\+09 to 1.7e\+09 s"),
        ([*SEIZURES, ("r0", START + 90, START + 110)], {}, "must not overlap, but two of 'r0' do"),
        ([("r1", START + 5, START + 9)], {}, "none of .* positive rows lies in a seizure of seizures"),
        ([("r0", "early", "late")], {}, r"\(k, 3\), but holds what is no number"),
        ([("r0", "nan", "5")], {}, "some are not finite"),
        (np.zeros((4, 2)), {}, r"a recording, a start and an end .* is float64 of shape \(4, 2\)"),
        (SEIZURES, {"window_s": None}, "data.seizures needs data.recording, data.time and data.window_s"),
    ],
)
def test_what_cannot_be_seizures_of_these_rows_is_refused(seizures, changes, message, tmp_path):
    with pytest.raises(RunError, match=message) as caught:
        read(tmp_path, np.array(seizures), changes)
    assert "\n" not in str(caught.value)


def test_seizures_beside_classes_are_held_against_no_one_class(tmp_path):
    """A class is not known to be a seizure by its place: here the second of three is none."""
    y = np.where(arrays(())["y"] == 1, 2, np.arange(600) % 2)
    rows = read(tmp_path, np.array(SEIZURES), y=y)
    assert (rows.labels.answers, rows.notes) == ((0, 1, 2), ())
    assert [one.seizures for one in rows.timeline] == [((20.4, 101.4),), (), ((60.0, 90.25),)]


def test_event_scores_are_of_the_stated_seizures(tmp_path):
    """Decisions that find the second half of a seizure, and one seizure nobody labelled: the recording r1."""
    more = np.array([*SEIZURES, ("r1", START + 120, START + 150)])
    rows = read(tmp_path, more)
    halves = draw_halves(rows.y, rows.groups, rows.recordings, 0)
    reference = reference_of(rows, np.arange(600), halves)
    score = np.where(rows.y == 1, 1, -1).astype(np.float32)
    found = event_estimates(reference, score, 0.0, Events(scorer="ovlp"), seed=0)
    assert found["event_sensitivity"].value == pytest.approx(2 / 3)
    assert found["fa_per_day"].value == 0


def write_table(folder, stated, suffix=".csv", names=("r0", "r1", "r2")):
    """Rows, labels and times of `arrays` as a table, and a file of seizures beside it."""
    made = arrays(np.array(SEIZURES), names=names)
    columns = {f"x{k}": made["X"][:, k] for k in range(3)}
    columns |= {name: made[name] for name in ("y", "recording", "time")}
    frame(columns, folder / f"rows{suffix}")
    if stated is not None:
        frame(stated, folder / f"sz{suffix}")
    return Table(
        source="table", path=f"rows{suffix}", label="y", features=("x*",), recording="recording", time="time",
        window_s=2, step_s=1, seizures=f"sz{suffix}",
    )  # fmt: skip


def frame(columns, path):
    table = pa.table(columns)
    (pa.csv.write_csv if path.suffix == ".csv" else pq.write_table)(table, str(path))


def of_seizures(seizures=SEIZURES, names=("recording", "start", "end")):
    return dict(zip(names, map(list, zip(*seizures, strict=True)), strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_has_the_seizures_of_an_array(suffix, tmp_path):
    config = write_table(tmp_path, of_seizures(), suffix)
    rows, expected = load_table(config, tmp_path), read(tmp_path, np.array(SEIZURES))
    assert rows.timeline == expected.timeline
    assert (rows.times.tolist(), rows.y.tolist()) == (expected.times.tolist(), expected.y.tolist())
    assert load(config, tmp_path).timeline == expected.timeline
    told = find_timeline(rows, np.arange(600)).told
    assert told == "event scores: recordings 3, hours 0.1675, seizures by annotation 2"


def test_an_edited_file_of_seizures_is_read_anew(tmp_path):
    config = write_table(tmp_path, of_seizures())
    study = parse({"data": config.model_dump()})
    before = prepare_rows(study, tmp_path, tmp_path / "prepared")
    assert prepare_rows(study, tmp_path, tmp_path / "prepared").reused
    frame(of_seizures([SEIZURES[0], ("r2", START + 60, START + 91)]), tmp_path / "sz.csv")
    after = prepare_rows(study, tmp_path, tmp_path / "prepared")
    assert not after.reused
    assert after.digest != before.digest
    assert after.rows.timeline[2].seizures == ((60.0, 91.0),)


def test_names_written_as_numbers_are_those_of_the_rows(tmp_path):
    """A table saved from floats says 7.0, and the file of seizures may or may not."""
    seizures = [("7.0", *SEIZURES[0][1:]), ("9.0", *SEIZURES[1][1:])]
    config = write_table(tmp_path, of_seizures(seizures), names=("7.0", "8.0", "9.0"))
    assert [len(one.seizures) for one in load_table(config, tmp_path).timeline] == [1, 0, 1]
    frame(of_seizures([("7", *SEIZURES[0][1:])]), tmp_path / "sz.csv")
    assert [one.name for one in load_table(config, tmp_path).timeline if one.seizures] == ["7"]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            of_seizures(names=("recording", "begin", "end")),
            "a file of seizures has the columns recording, start, end, in seconds, but sz.csv lacks start; "
            "it has: 'recording', 'begin', 'end'",
        ),
        (
            of_seizures([("r9", START + 1, START + 2)]),
            "seizures are of recordings that rows are of, but seizure 1 of sz.csv, 1.7e+09 to 1.7e+09 s of "
            "'r9', is of none (rows.csv)",
        ),
        (
            of_seizures([("r0", 30.0, 20.0)]),
            "a seizure ends after it starts, but seizure 1 of sz.csv, 30 to 20 s of 'r0', does not "
            "(rows.csv)",
        ),
        (
            {"recording": ["r0"], "start": ["00:10"], "end": ["20"]},
            "start must hold numbers, but row 1 has '00:10' (sz.csv)",
        ),
        (None, "sz.csv is not there"),
    ],
)
def test_a_wrong_file_of_seizures_is_one_clear_line(stated, message, tmp_path):
    config = write_table(tmp_path, stated)
    with pytest.raises(RunError) as refused:
        load_table(config, tmp_path)
    assert message in str(refused.value)


def test_a_file_of_seizures_needs_to_know_when_rows_are(tmp_path):
    config = write_table(tmp_path, of_seizures()).model_copy(update={"window_s": None, "step_s": None})
    with pytest.raises(RunError, match=r"^data.seizures needs data.recording, data.time and data.window_s"):
        load_table(config, tmp_path)


def test_a_run_may_move_its_files_and_takes_them_along(tmp_path):
    write_table(tmp_path, of_seizures())
    data = {"source": "table", "path": "rows.csv", "label": "y", "features": "x*", "seizures": "sz.csv"}
    study = with_absolute_paths(parse({"data": data}), tmp_path)
    assert (study.data.path, study.data.seizures) == (str(tmp_path / "rows.csv"), str(tmp_path / "sz.csv"))
    moved = study.model_copy(update={"data": study.data.model_copy(update={"path": "a", "seizures": "b"})})
    assert comparable(moved) == comparable(study)
    with pytest.raises(RunError, match=r"^data.seizures must exist, but there is no .*/no.csv \("):
        with_absolute_paths(parse({"data": data | {"seizures": "no.csv"}}), tmp_path)
