"""Prepared data: written once, mapped, reused while nothing changed, refused when anything did."""

import json
import os
import pickle
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data import store
from search.data.plan import Form, Piece, Plan
from search.data.rows import Labels, Recording
from search.data.shards import Part, Shards
from search.data.sources import registry
from spaces.data import Npz
from spaces.errors import RunError
from tests.helpers.stored import some_rows, stored

COUNTS = (3, 0, 5, 1)
WHOLE = np.random.default_rng(0).normal(size=(sum(COUNTS), 2, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    folder = tmp_path_factory.mktemp("shards")
    names = tuple(f"{k}.bin" for k in range(len(COUNTS)))
    for name, part in zip(names, np.split(WHOLE, np.cumsum(COUNTS)[:-1]), strict=True):
        if len(part):
            (folder / name).write_bytes(part.tobytes())
    return Shards(folder=str(folder), names=names, counts=COUNTS, row_shape=(2, 3), type_name="float32")


rows_taken = st.one_of(
    st.slices(len(WHOLE)),
    st.lists(st.integers(-len(WHOLE), len(WHOLE) - 1)).map(lambda rows: np.array(rows, dtype=np.int64)),
    st.lists(st.booleans(), min_size=len(WHOLE), max_size=len(WHOLE)).map(np.array),
    st.integers(-len(WHOLE), len(WHOLE) - 1),
)


@settings(deadline=None)
@given(taken=rows_taken)
def test_shards_are_read_like_one_array(shards, taken):
    np.testing.assert_array_equal(shards[taken], WHOLE[taken])


@settings(deadline=None)
@given(taken=rows_taken, seed=st.integers(0, 99))
def test_a_part_is_read_like_an_array_of_its_own(shards, taken, seed):
    order = np.random.default_rng(seed).permutation(len(WHOLE))
    np.testing.assert_array_equal(Part(shards, order)[taken], WHOLE[order][taken])


def test_shapes_types_and_limits(shards):
    assert (shards.shape, shards.dtype, len(shards)) == (WHOLE.shape, WHOLE.dtype, len(WHOLE))
    with pytest.raises(IndexError, match="within 0 to 8"):
        shards[np.array([9])]
    part = Part(shards, np.array([1, 4]))
    assert (part.shape, part.dtype, len(part)) == ((2, 2, 3), WHOLE.dtype, 2)


def test_pickles_carry_no_values(shards):
    shards[:]
    assert len(pickle.dumps(shards)) < 1000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(shards))[:], WHOLE)


def test_missing_shards_are_named_or_had_elsewhere(shards):
    absent = replace(shards, folder="/nowhere")
    with pytest.raises(RunError, match=r"must be whole, but /nowhere/0.bin is missing"):
        absent[:]
    there = replace(absent, elsewhere=shards.values)
    np.testing.assert_array_equal(there[:], WHOLE)


def test_what_is_stored_comes_back(tmp_path):
    rows = some_rows()
    made = stored(rows, tmp_path)
    back = made.rows
    np.testing.assert_array_equal(back.x[:], rows.x)
    for column in ("y", "groups", "recordings", "times", "parts"):
        np.testing.assert_array_equal(vars(back)[column], vars(rows)[column])
    for field in ("labels", "kind", "window_s", "channels", "timeline"):
        assert vars(back)[field] == vars(rows)[field]
    assert (made.bad, made.notes, made.reused) == ((), (), False)


def test_gaps_come_back_and_a_recording_without_is_stored_as_ever(tmp_path):
    """The digest is of what stands there, and runs go on with data of the digest they began with."""
    gapped = (Recording("a1", "ann", 9.5, ((1.0, 2.0),), ((0.0, 2.0), (3.0, 9.5))),)
    assert stored(some_rows(timeline=gapped), tmp_path).rows.timeline == gapped
    made = stored(some_rows(timeline=(Recording("a1", "ann", 9.5, ((1.0, 2.0),)),)), tmp_path)
    assert (made.path / "timeline.json").read_text() == (
        '[{"name": "a1", "group": "ann", "duration_s": 9.5, "seizures": [[1.0, 2.0]]}]'
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"timeline": None},
        {"timeline": (Recording("a1", "ann", 9.5, ()),)},
        {"timeline": (Recording("a1", "ann", 9.5, (), ((0.0, 2.0), (3.0, 9.5))),)},
        {"parts": None},
        {"channels": None},
        {"recordings": None},
        {"times": np.arange(4.0) / 2},
    ],
    ids=str,
)
def test_the_digest_sees_it(changes, tmp_path):
    assert stored(some_rows(**changes), tmp_path).digest != stored(some_rows(), tmp_path).digest


class Reads:
    """Counts how often a source is read."""

    def __init__(self, config: Npz, folder: Path) -> None:
        self.config, self.folder, self.count = config, folder, 0

    def prepare(self) -> store.Stored:
        plan = registry.plan(self.config, self.folder)

        def read(job):
            self.count += 1
            yield from plan.read(job)

        key = registry.key(self.config, plan)
        return store.prepare(replace(plan, read=read), key, self.folder / "prepared")


@pytest.fixture
def reads(tmp_path) -> Reads:
    np.savez(tmp_path / "rows.npz", X=np.arange(40.0).reshape(20, 2), y=np.arange(20) % 2)
    return Reads(Npz(source="npz", path="rows.npz"), tmp_path)


def test_it_is_read_once_until_the_file_or_a_setting_changes(reads, tmp_path):
    first, second = reads.prepare(), reads.prepare()
    assert (reads.count, first.reused, second.reused) == (1, False, True)
    assert first.path == second.path
    reads.config = Npz(source="npz", path="rows.npz", window_s=2)
    assert reads.prepare().digest != first.digest
    assert reads.count == 2
    reads.config = Npz(source="npz", path="rows.npz")
    np.savez(tmp_path / "rows.npz", X=np.arange(40.0).reshape(20, 2) + 1, y=np.arange(20) % 2)
    assert reads.prepare().digest != first.digest
    assert reads.count == 3


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    values = bytearray(path.read_bytes())
    values[len(values) // 2] ^= 1
    path.write_bytes(values)


@pytest.mark.parametrize("harm", [truncate, flip, Path.unlink], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", ["x-00000.bin", "columns.parquet", "timeline.json"])
def test_it_is_refused_when_manifest_and_files_disagree(harm, name, reads):
    folder = reads.prepare().path
    harm(folder / name)
    with pytest.raises(RunError, match=f"must be as they were written, but .*{name} is (not|missing);"):
        reads.prepare()


def test_another_folder_of_the_same_names_sizes_and_times_is_another_source(tmp_path):
    """As archives unpack: everything alike but the contents."""
    digests = []
    for site in ("a", "b"):
        (tmp_path / site).mkdir()
        x = np.arange(40.0).reshape(20, 2) + (site == "b")
        np.savez(tmp_path / site / "rows.npz", X=x, y=np.arange(20) % 2)
        os.utime(tmp_path / site / "rows.npz", (0, 0))
        plan = registry.plan(Npz(source="npz", path="rows.npz"), tmp_path / site)
        config = Npz(source="npz", path="rows.npz")
        made = store.prepare(plan, registry.key(config, plan), tmp_path / "prepared")
        np.testing.assert_array_equal(made.rows.x[:], x)
        digests.append(made.digest)
    assert digests[0] != digests[1]


def test_a_file_edited_in_place_is_read_again_whatever_its_time_says(reads, tmp_path):
    path = tmp_path / "rows.npz"
    first, before = reads.prepare(), path.stat()
    content = path.read_bytes()
    np.savez(path, X=np.arange(40.0).reshape(20, 2) + 1, y=np.arange(20) % 2)
    assert len(path.read_bytes()) == len(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reads.prepare().digest != first.digest
    assert reads.count == 2


@pytest.mark.parametrize(
    ("written", "edited"),
    [
        ('"positive": 1', '"positive": 0'),
        ('"window_s": null', '"window_s": 2'),
        ('"bad": []', '"bad": ["a: b"]'),
        ("{", "["),
    ],
)
def test_an_edited_manifest_is_refused(written, edited, reads):
    path = reads.prepare().path / "manifest.json"
    text = path.read_text()
    assert text.count(written) >= 1
    path.write_text(text.replace(written, edited, 1))
    with pytest.raises(RunError, match=r"a manifest must be as it was written, but .*manifest.json is not"):
        reads.prepare()


def test_half_written_data_are_no_data(reads):
    """The manifest comes last: without it the folder is written anew."""
    folder = reads.prepare().path
    (folder / "manifest.json").unlink()
    (folder / "x-00000.bin").write_bytes(b"")
    with pytest.raises(RunError, match="is in the way; delete it"):
        reads.prepare()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def failing(job):
    name, fails = job
    form = Form(Labels(0, 1), "table")
    x = np.full((2, 3), len(name), np.float32)
    yield Piece(form=form, x=x, y=np.array([0, 1], np.int8), groups=np.array([name] * 2))
    if fails:
        raise RunError(f"{name}: broken in the middle")
    yield Piece(form=form, x=x[:1], y=np.array([1], np.int8), groups=np.array([name]), notes=(f"{name}: ok",))


JOBS = (("one", False), ("three", True), ("four", False), ("seven", True))


def test_bad_files_stop_the_run_and_leave_nothing(tmp_path):
    plan = Plan(read=failing, jobs=JOBS, files=4, fingerprint="")
    expected = "2 of 4 are not: three, seven: broken in the middle; mend or remove"
    with pytest.raises(RunError, match=expected):
        store.prepare(plan, "key", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bad_files_are_left_out_whole_where_the_study_says_so(tmp_path):
    made = store.prepare(
        Plan(read=failing, jobs=JOBS, files=4, fingerprint="", skip_bad=True), "key", tmp_path
    )
    assert made.bad == ("three: broken in the middle", "seven: broken in the middle")
    assert made.notes == ("one: ok", "four: ok")
    assert made.rows.groups.tolist() == ["one"] * 3 + ["four"] * 3
    assert made.rows.x[:][:, 0].tolist() == [3] * 3 + [4] * 3
    with pytest.raises(RunError, match="nothing that could be read holds any; three, seven: broken"):
        store.prepare(
            Plan(read=failing, jobs=JOBS[1::2], files=2, fingerprint="", skip_bad=True), "other", tmp_path
        )


def unreadable_now(job):
    yield from failing(("one", False))
    raise RunError("the disk gave: Input/output error", exit_code=1)


def test_what_may_be_readable_in_an_hour_is_not_left_out_for_ever(tmp_path):
    plan = Plan(read=unreadable_now, jobs=(1, 2), files=2, fingerprint="", skip_bad=True)
    with pytest.raises(RunError, match="Input/output error"):
        store.prepare(plan, "key", tmp_path)
    assert list(tmp_path.iterdir()) == []


def unlike(job):
    shape = (2, job)
    yield Piece(form=Form(Labels(0, 1), "table"), x=np.zeros(shape, np.float32), y=np.zeros(2, np.int8))


def test_shards_of_another_shape_are_refused(tmp_path):
    with pytest.raises(RunError, match=r"must be alike, but x-00001.bin holds float32 \(4,\) and x"):
        store.prepare(Plan(read=unlike, jobs=(3, 4), fingerprint=""), "key", tmp_path)


def test_what_a_dead_process_left_is_removed(reads, tmp_path):
    root = tmp_path / "prepared"
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True)
    host = "".join(c if c.isalnum() else "_" for c in platform.node())
    gone, alive = root / f".a-key.{host}-{int(dead.stdout)}.tmp", root / f".a-key.{host}-{os.getppid()}.tmp"
    others = root / f".a-key.another-{int(dead.stdout)}.tmp"
    gone.mkdir(parents=True)
    alive.mkdir()
    others.mkdir()
    reads.prepare()
    assert not gone.exists()
    assert alive.exists()
    assert others.exists()


def test_the_manifest_says_what_is_there(reads):
    manifest = json.loads((reads.prepare().path / "manifest.json").read_text())
    assert (manifest["rows"], manifest["positive"], manifest["dtype"]) == (20, 10, "float32")
    assert manifest["row_shape"] == [2]


def test_a_manifest_of_another_format_is_passed_over_by_its_digest_and_refused_when_opened(reads):
    made = reads.prepare()
    assert store.known(made.path.parent, made.digest) is not None
    told = {"format": 0}
    text = json.dumps({**told, "sha256": store._sha256_of(told)})
    (made.path / "manifest.json").write_text(text)
    assert store.known(made.path.parent, made.digest) is None
    with pytest.raises(RunError, match=r"a manifest must be as it was written, but .*manifest.json is not"):
        reads.prepare()


def test_what_was_prepared_before_doubts_were_told_is_still_known(reads):
    made = reads.prepare()
    path = made.path / store.MANIFEST
    manifest = json.loads(path.read_text())
    assert manifest.pop("doubts") == []
    del manifest["sha256"]
    path.write_text(json.dumps({**manifest, "sha256": store._sha256_of(manifest)}))
    found = store.known(made.path.parent, made.digest)
    assert found is not None
    assert found.doubts == ()
