"""A run's files are as the run wrote them, or are named and not read."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from numpy.typing import NDArray

from search.data.rows import Recording
from search.runs.parquet_files import as_parquet, columns_of, reference_of
from search.runs.record_file import from_json
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.study import Study
from tests.helpers.records import record


@pytest.fixture
def scored(tmp_path) -> RunFolder:
    """A run of two trials, as it wrote itself."""
    rng = np.random.default_rng(1)
    folder = RunFolder(tmp_path / "scored")
    y = np.array([0, 1] * 4, np.int8)
    names = np.array([f"p{k // 2}" for k in range(8)])
    folder.write_reference(Reference(y, names, None, None, draw_halves(y, names, None, 0)), np.arange(8))
    folder.create(Study(), {"data_digest": "d", "split_digest": "s"})
    for number in range(2):
        folder.write_scores(f"{number:05d}", *rng.normal(size=(2, 8)).astype(np.float32))
        folder.write_record(record(number, value=0.5))
    return folder


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes a Parquet file again, with its metadata, as another program would."""
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def with_column(name: str, values: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[pa.Table], pa.Table]:
    """Changes one column."""

    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(values(table[name].to_numpy())))

    return change


def other_way_round(table: pa.Table) -> pa.Table:
    """The same rows, the last first."""
    return table.take(list(range(len(table)))[::-1])


@pytest.mark.parametrize(
    "change",
    [
        with_column("raw", lambda raw: -raw),
        other_way_round,
        lambda table: table.slice(0, 5),
        lambda table: pa.concat_tables([table, table.slice(0, 1)]),
        with_column("raw", lambda raw: raw.astype(np.float64)),
        with_column("raw", lambda raw: np.nextafter(raw, np.float32(9))),
    ],
    ids=["flipped", "swapped", "short", "long", "another type", "one bit"],
)
def test_changed_scores_are_named_and_not_read(scored, change):
    path = scored.path / "scores" / "00001.parquet"
    rewrite(path, change)
    says = rf"as it wrote them, but {path} is not: its scores are not .*records/00001.json away and resume"
    for read in (scored.scores, scored.raw_scores):
        with pytest.raises(RunError, match=says):
            read("00001")
    scored.scores("00000")


def test_scores_are_told_by_their_values_whatever_wrote_the_file(scored):
    path = scored.path / "scores" / "00001.parquet"
    expected = scored.scores("00001")
    before = path.read_bytes()
    pq.write_table(pq.read_table(path), path, compression="gzip", use_dictionary=False, row_group_size=3)
    assert path.read_bytes() != before
    for found, wrote in zip(scored.scores("00001"), expected, strict=True):
        np.testing.assert_array_equal(found, wrote)


def test_scores_of_another_trial_are_not_read(scored):
    folder = scored.path / "scores"
    (folder / "00001.parquet").write_bytes((folder / "00000.parquet").read_bytes())
    with pytest.raises(RunError, match="its scores are not those that the trial left"):
        scored.raw_scores("00001")


@pytest.mark.parametrize(
    "change",
    [
        with_column("y", lambda y: 1 - y),
        other_way_round,
        with_column("half_0", lambda half: ~half),
        with_column("group", lambda groups: groups[::-1]),
        lambda table: table.drop_columns(["group"]),
        lambda table: table.slice(0, 5),
    ],
    ids=["turned labels", "swapped", "other halves", "other groups", "no groups", "short"],
)
def test_changed_validation_rows_are_named_and_not_read(scored, change):
    path = scored.path / "scores" / "reference.parquet"
    scored.reference()
    rewrite(path, change)
    with pytest.raises(
        RunError, match=rf"but {path} is not: its rows have changed; resume: it is made again"
    ):
        scored.reference()


def test_a_record_of_other_data_or_another_name_is_not_read(scored):
    path = scored.path / "records" / "00002.json"
    path.write_text(record(2, value=0.9, data_digest="e").model_dump_json())
    says = rf"but {path} is not: its trial saw other data; move it away and resume: its trial runs again"
    for read in (scored.records, lambda: scored.record("00002")):
        with pytest.raises(RunError, match=says):
            read()
    path.write_text(record(1, value=0.9).model_dump_json())
    with pytest.raises(RunError, match=rf"but {path} is not: it holds trial 00001"):
        scored.records()


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ('"value": 0.', '"value": 9.'),
        ('"objective": "f1"', '"objective": "mcc"'),
        ('"digests": {', '"digests":{'),
    ],
)
def test_a_record_that_was_edited_is_named(scored, was, is_now):
    path = scored.path / "records" / "00001.json"
    text = path.read_text()
    assert text.count(was) == 1
    path.write_text(text.replace(was, is_now))
    says = rf"but {path} is not: its content is not what the trial left; move it away and resume"
    for read in (scored.records, lambda: scored.record("00001")):
        with pytest.raises(RunError, match=says):
            read()


def test_a_run_begun_before_digests_were_kept_is_read_and_its_short_scores_are_named(scored):
    for path in (scored.path / "records").glob("*.json"):
        path.write_text(from_json(path.read_bytes()).model_copy(update={"digests": {}}).model_dump_json())
    resolved = scored.resolved()
    del resolved["reference_digest"]
    study = yaml.safe_load(scored.study_file.read_text())
    scored.study_file.write_text(yaml.safe_dump(study | {"resolved": resolved}))
    scored.reference()
    scored.scores("00001")
    rewrite(scored.path / "scores" / "00001.parquet", lambda table: table.slice(0, 5))
    with pytest.raises(RunError, match="its scores are not those that the trial left"):
        scored.scores("00001")


def test_recordings_come_back_and_those_without_gaps_are_written_as_ever():
    y, names = np.array([0, 1] * 4, np.int8), np.array([f"p{k // 2}" for k in range(8)])
    told = {}
    for stretches in ((), ((0.0, 3.0), (4.0, 9.0))):
        timeline = (Recording("r", "p", 9.0, ((1.0, 2.0),), stretches),)
        halves = draw_halves(y, names, None, 0)
        made = Reference(y, names, None, None, halves, window_s=1.0, timeline=timeline)
        columns, metadata = columns_of(made, np.arange(8))
        told[stretches] = metadata["events"]
        table = pq.read_table(io.BytesIO(as_parquet(columns, metadata)))
        assert reference_of(table).timeline == timeline
    assert told[()] == (
        '{"window_s":1.0,"timeline":[{"name":"r","group":"p","duration_s":9.0,"seizures":[[1.0,2.0]]}]}'
    )
