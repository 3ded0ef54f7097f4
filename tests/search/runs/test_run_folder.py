"""The run folder: whole files or none, and everything that is written reads back as it was."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.finished_trials import FinishedTrials
from search.files import write_atomically
from search.record import Ask, Estimate, Record
from search.runs import run_folder
from search.runs.opened_test_split import note_opening
from search.runs.run_folder import RunFolder
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from search.trials.trial import Finished
from spaces.errors import RunError
from spaces.study import Study
from spaces.study_file import parse
from tests.helpers import driving
from tests.helpers.records import CONFIG, record


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.create(Study(), {"data_digest": "d", "split_digest": "s"})
    return made


finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | finite
maybe_infinite = st.none() | st.floats(allow_nan=False)
text = st.text(max_size=40)
estimate = st.builds(Estimate, value=maybe, low=maybe, high=maybe)
drawn = st.dictionaries(text, finite | st.integers(-(2**53), 2**53) | text, max_size=4)
asks = st.builds(
    Ask,
    number=st.integers(0, 99_999),
    kind=st.sampled_from(["baseline", "author", "portfolio", "search"]),
    baseline=st.none() | st.just("prevalence"),
    config=st.none()
    | st.just(CONFIG)
    | st.builds(lambda v: CONFIG.model_copy(update={"dropout": v}), finite),
    drawn=drawn,
    seed=st.integers(0, 2**62),
)
records = st.builds(
    record,
    number=st.integers(0, 99_999),
    ask=asks,
    state=st.sampled_from(["completed", "stopped", "failed"]),
    error=st.none() | text,
    value=maybe,
    threshold_score=maybe_infinite,
    threshold=maybe,
    plateau_low=maybe_infinite,
    plateau_high=maybe_infinite,
    calibration_a=maybe,
    calibration_b=maybe,
    calibration_note=st.none() | text,
    metrics=st.dictionaries(text, estimate, max_size=4),
    epochs=st.none() | st.integers(0, 1000),
    history=st.lists(st.tuples(finite, finite, finite), max_size=4).map(tuple),
    proof=maybe,
)


@settings(deadline=None, max_examples=300)
@given(records)
def test_a_record_reads_back_as_it_was(made):
    text = made.model_dump_json(indent=1)
    assert Record.model_validate_json(text) == made
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@settings(deadline=None, max_examples=200)
@given(asks)
def test_an_ask_reads_back_as_it_was_on_one_line(ask):
    text = ask.model_dump_json()
    assert "\n" not in text
    assert Ask.model_validate_json(text) == ask


def test_files_hold_records_with_infinities(folder):
    made = record(threshold_score=-math.inf, plateau_low=-math.inf, plateau_high=math.inf, threshold=0.0)
    folder.write_record(made)
    assert folder.records() == [made]
    assert folder.record("00002") == made
    with pytest.raises(RunError, match=r"no trial '00009' in .*; its trials are 00002 to 00002"):
        folder.record("00009")
    with pytest.raises(RunError, match=r"no trial '../records/00002' in "):
        folder.record("../records/00002")


def test_a_record_never_holds_nan():
    with pytest.raises(ValueError, match="but got nan"):
        Estimate(value=math.nan, low=None, high=None)
    for name in ("value", "steering_value", "threshold_score", "plateau_low", "proof"):
        with pytest.raises(ValueError, match=name):
            record(**{name: math.nan})


def test_asks_survive_a_torn_line_wherever_it_was_torn(folder):
    one, two, three = (Ask(number=n, kind="author", config=CONFIG, seed=n) for n in (2, 3, 4))
    folder.append_ask(one)
    folder.append_ask(two)
    whole = folder._asked.read_bytes()
    start = whole.rindex(b"{", 0, whole.rindex(b'"config"'))
    for end in range(start, len(whole)):
        folder._asked.write_bytes(whole[:end])
        found = folder.asks()
        assert found in ([one], [one, two])
        folder.append_ask(three)
        assert folder.asks() == [*found, three]


def test_a_run_without_asks_has_none(folder):
    assert folder.asks() == []


class Broken(OSError):
    """What a full or failing disk raises."""


def _fails(*_):
    raise Broken("the disk is full")


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch, broken):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(run_folder.os, broken, _fails)
    with pytest.raises(Broken):
        write_atomically(path, b"new and longer")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_halfway_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text, which the file does not take")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_on_disk_before_it_takes_the_name_and_the_name_is_on_disk_after(tmp_path, monkeypatch):
    done = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(handle):
        done.append(("fsync", os.readlink(f"/proc/self/fd/{handle}")))
        real_fsync(handle)

    def replace(source, target):
        done.append(("replace", str(target)))
        real_replace(source, target)

    monkeypatch.setattr(run_folder.os, "fsync", fsync)
    monkeypatch.setattr(run_folder.os, "replace", replace)
    write_atomically(tmp_path / "file", b"new")
    assert [what for what, _ in done] == ["fsync", "replace", "fsync"]
    assert done[2][1] == str(tmp_path)


def silent(finished):
    """Takes the place of a progress view."""


@pytest.mark.parametrize("working", range(12))
def test_no_record_stands_without_its_scores_whenever_the_disk_fails(folder, monkeypatch, working):
    """The disk takes so many replacements and no more: whatever is finished by then is whole."""
    keeper = FinishedTrials(
        folder, parse({"keep": {"checkpoints": 2}}), [], silent, clock=iter(range(0, 99_000, 2000)).__next__
    )
    left, real = [working], os.replace

    def replace(source, target):
        left[0] -= 1
        if left[0] < 0:
            _fails()
        real(source, target)

    monkeypatch.setattr(run_folder.os, "replace", replace)
    scores = np.arange(5, dtype=np.float32)
    failed = False
    for number in range(3):
        made = Finished(record(number, value=0.1 * number), scores, scores, [np.ones(3)], done=True)
        try:
            keeper.keep(made)
        except Broken:
            failed = True
            break
    assert failed == (working < 12)  # all of them at the latest
    monkeypatch.undo()
    for made in folder.records():
        raw, score = folder.scores(made.ask.trial_id)
        np.testing.assert_array_equal(raw, scores)
        np.testing.assert_array_equal(score, scores)
    for kept in folder.kept():
        np.testing.assert_array_equal(folder.weights(kept)[0], np.ones(3))
    # scores, weights, record, leaderboard: four replacements a trial
    assert len(folder.records()) == (working + 1) // 4


def test_scores_weights_and_reference_read_back_as_they_were(folder):
    rng = np.random.default_rng(0)
    raw, score = rng.normal(size=(2, 9)).astype(np.float32)
    folder.write_scores("00002", raw, score)
    for found, wrote in zip(folder.scores("00002"), (raw, score), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wrote)

    weights = [rng.normal(size=shape).astype(np.float32) for shape in [(3, 2), (2,), ()] + [(1,)] * 12]
    folder.write_weights("00002", weights)
    for found, wrote in zip(folder.weights("00002"), weights, strict=True):
        np.testing.assert_array_equal(found, wrote)
    assert folder.kept() == ["00002"]
    folder.drop_weights("00002")
    assert folder.kept() == []
    with pytest.raises(RunError, match=r"weights are kept for the best trials only .*kept: none"):
        folder.weights("00002")

    y = np.array([0, 1] * 4 + [1], np.int8)
    names = np.array([f"p{k}" for k in range(9)])
    mask = rng.random((9, 3)) < 0.5
    for groups, times in ((names, np.arange(9.0)), (None, None)):
        wrote = Reference(y, groups, groups, times, Halves("group", mask))
        folder.write_reference(wrote, np.arange(9))
        found = folder.reference()
        np.testing.assert_array_equal(found.y, y)
        np.testing.assert_array_equal(found.halves.mask, mask)
        assert found.halves.by == "group"
        if groups is None:
            assert (found.groups, found.recordings, found.times) == (None, None, None)
        else:
            np.testing.assert_array_equal(found.groups, groups)
            np.testing.assert_array_equal(found.recordings, groups)
            np.testing.assert_array_equal(found.times, times)


def test_the_study_of_a_run_reads_back_with_its_digests(folder):
    assert folder.study() == Study()
    assert folder.study(("budget.trials=7",)).budget.trials == 7
    assert folder.resolved() == {"data_digest": "d", "split_digest": "s"}


def test_digests_are_those_that_stand_there_now(folder):
    """Though a text is parsed once: neither is another text's told, nor what a caller made of an answer."""
    told = folder.resolved()
    told["versions"] = {"keras": "0"}
    assert folder.resolved() == {"data_digest": "d", "split_digest": "s"}
    folder.create(Study(), {"data_digest": "other", "versions": {"keras": "3"}})
    folder.resolved()["versions"]["keras"] = "0"
    assert folder.resolved() == {"data_digest": "other", "versions": {"keras": "3"}}


def test_every_opening_of_the_test_split_is_noted(folder):
    assert [note_opening(folder, "00002", "now"), note_opening(folder, "00003", "then")] == [1, 2]
    other = RunFolder(folder.path.parent / "other")
    other.create(Study(), {"data_digest": "d", "split_digest": "s"})
    assert note_opening(other, "00002", "later") == 3, "another run on the same rows has seen them too"
    apart = RunFolder(folder.path.parent / "apart")
    apart.create(Study(), {"data_digest": "d", "split_digest": "another"})
    assert note_opening(apart, "00002", "later") == 1
    noted = json.loads((folder.path.parent / "test_opened.json").read_text())
    assert [(entry["run"], entry["trial_id"], entry["when"]) for entry in noted] == [
        (folder.path.name, "00002", "now"),
        (folder.path.name, "00003", "then"),
        ("other", "00002", "later"),
        ("apart", "00002", "later"),
    ]


OPENS = """
import sys
from search.runs.run_folder import RunFolder
from search.runs.opened_test_split import note_opening
run = RunFolder(sys.argv[1])
print("ready", flush=True)
sys.stdin.read(1)
print(*(note_opening(run, "00002", "now") for _ in range(25)))
"""


def test_two_who_open_the_test_split_at_once_are_both_counted(folder):
    command = [sys.executable, "-c", OPENS, str(folder.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=driving.ROOT, **pipes) for _ in range(2)]
    assert [one.stdout.readline() for one in both] == ["ready\n"] * 2
    for one in both:
        one.stdin.write("g")
        one.stdin.flush()
    counts = [[int(count) for count in one.communicate()[0].split()] for one in both]
    assert sorted(counts[0] + counts[1]) == list(range(1, 51))
    assert len(json.loads((folder.path.parent / "test_opened.json").read_text())) == 50
