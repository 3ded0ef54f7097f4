"""The headline benchmark's arithmetic: incumbents, time to quality, throughput, spreads, and its picture."""

import json
import os
import subprocess
import sys
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.benchmarks import marked, quality, quality_data, quality_plot, quality_runs
from tests.benchmarks import quality_scores as scores
from tests.benchmarks.quality_judge import of_journal
from tests.benchmarks.quality_scores import Incumbent, Judged, Moment


def moment(seconds: float, value: float | None, trial: str = "a", rows: int = 100) -> Moment:
    return Moment(seconds=seconds, trial=trial, epoch=1, value=value, rows=rows)


def judged(system: str, *found: tuple[float, float], seed: int = 0, windows: int = 1000) -> Judged:
    """A search of 100 s whose incumbents appear at these seconds, this good on the unseen rows."""
    steps = [
        Incumbent(
            seconds=seconds, trial=str(number), epoch=1, value=number / 10, unseen=unseen, f1_at_half=0.5,
            f1_at_threshold=0.6 if system == "ours" else None,
        )
        for number, (seconds, unseen) in enumerate(found)
    ]  # fmt: skip
    last_s = 80.0 if found else 0.0
    return Judged(
        system=system, seed=seed, rows="rows", commit="abc1234", began=0.0, wall_s=100.0, load=0.1,
        incumbents=tuple(steps), windows=windows, last_s=last_s, trials=len(found),
    )  # fmt: skip


def test_an_incumbent_is_replaced_by_what_is_better_and_in_time():
    told = [
        moment(30, 0.7),
        moment(10, 0.5),  # journals of several processes are not in order
        moment(20, None),
        moment(40, 0.7, "b"),  # a tie changes nothing
        moment(50, 0.6, "b"),
        moment(61, 0.9, "c"),  # after the end
    ]
    assert [one.seconds for one in scores.incumbents(told, 60)] == [10, 30]
    assert [one.seconds for one in scores.incumbents(told, 61)] == [10, 30, 61]
    assert scores.incumbents([], 60) == []
    assert scores.incumbents([moment(1, None)], 60) == []


def test_work_is_what_every_trial_had_trained_by_the_end():
    told = [moment(10, 0.1, "a", 100), moment(12, 0.1, "b", 100), moment(20, 0.1, "a", 200)]
    assert scores.work(told, 60) == (300, 20, 2)
    assert scores.work(told, 15) == (200, 12, 2)
    assert scores.work([], 60) == (0, 0.0, 0)


def test_time_to_quality_is_until_either_is_as_good_as_the_peer_ends():
    ours = judged("ours", (3, 0.8), (6, 0.9), (9, 0.85))
    peer = judged("peer", (10, 0.89), (60, 0.9))
    assert scores.time_to_quality(ours, peer) == pytest.approx(60 / 6)  # a tie is reached
    assert scores.time_to_quality_by_wall(ours, peer) == pytest.approx(100 / 6)
    # It was better on the unseen rows before the end, as ours is; that counts for it, too.
    peer = judged("peer", (10, 0.95), (60, 0.9))
    assert scores.time_to_quality(ours, peer) == pytest.approx(10 / 6)
    assert scores.time_to_quality_by_wall(ours, peer) == pytest.approx(100 / 6)


def test_quality_never_reached_is_no_ratio():
    peer = judged("peer", (60, 0.9))
    for ours in (judged("ours", (3, 0.8999)), judged("ours")):
        assert scores.time_to_quality(ours, peer) is None
        assert scores.time_to_quality_by_wall(ours, peer) is None


def test_a_peer_that_finished_no_epoch_is_no_victory():
    ours, peer = judged("ours", (3, 0.8)), judged("peer")
    with pytest.raises(ValueError, match="peer with seed 0 finished no epoch"):
        scores.time_to_quality(ours, peer)
    assert quality.compared([ours, peer]) == {}
    assert "finished no epoch" in quality.table([ours, peer], {})


def test_throughput_does_not_hold_an_unfinished_epoch_against_the_peer():
    ours, peer = judged("ours", (3, 0.8), windows=4000), judged("peer", (3, 0.8), windows=800)
    assert scores.throughput(ours, peer) == pytest.approx(40 / 10)
    assert scores.throughput_by_wall(ours, peer) == pytest.approx(40 / 8)


def test_never_is_below_every_ratio():
    found = scores.spread([2.0, None, 12.0])
    assert (found.median, found.low, found.high) == (2.0, None, 12.0)
    assert scores.spread([None, None, 3.0]).median is None
    assert scores.spread([3.0, 1.0]).median == 1.0


def test_seeds_are_compared_each_with_its_own(tmp_path):
    found = [
        judged("ours", (5, 0.9), seed=0),
        judged("ours", (2, 0.7), (20, 0.8), seed=1),
        judged("ours", (2, 0.7), seed=3),  # no peer has it
        judged("ray_tune-conv3d", (50, 0.9), seed=0),
        judged("ray_tune-conv3d", (40, 0.9), seed=1),
        judged("ray_tune-conv3d", (40, 0.9), seed=2),  # ours has it not
    ]
    ratios = quality.compared(found)
    assert ratios["ray_tune-conv3d"]["time to quality"].each == (10.0, None)
    shown = quality.table(found, ratios)
    assert "< 1 to 10.0" in shown
    quality.write(tmp_path / "quality.json", found, ratios)
    read = json.loads((tmp_path / "quality.json").read_text())
    assert read["ratios"]["ray_tune-conv3d"]["time to quality"]["each"] == [10.0, None]
    assert len(read["searches"]) == len(found)


def test_a_judgement_reads_back(tmp_path):
    for one in (judged("ours", (5, 0.9)), judged("peer")):
        one.write(tmp_path / "judged.json")
        assert Judged.read(tmp_path / "judged.json") == one


def test_a_torn_journal_is_read_as_far_as_it_goes(tmp_path):
    line = {"seconds": 1.5, "trial": "a", "epoch": 1, "value": 0.5, "rows": 9, "model": None}
    text = json.dumps(line) + "\n" + json.dumps({**line, "value": float("nan")}) + '\n{"seconds": 2.5, "tri'
    (tmp_path / "journal.jsonl").write_text(text)
    assert of_journal(tmp_path) == [moment(1.5, 0.5, rows=9), moment(1.5, None, rows=9)]
    assert of_journal(tmp_path / "elsewhere") == []


def test_searches_take_turns_seed_by_seed():
    plan = quality.planned(2, 600, ["ours", "ray_tune"], ["conv3d", "conv2d"], 64)
    labels = ["ours", "ray_tune-conv3d", "ray_tune-conv2d"]
    assert [(one.seed, one.label) for one in plan] == [(seed, label) for seed in (0, 1) for label in labels]
    assert [one.batch for one in plan[:3]] == [64, 32, 64]


def test_a_peer_is_run_again_with_another_batch_or_on_other_rows(tmp_path, monkeypatch):
    search, other = (quality.planned(1, 600, ["ray_tune"], ["conv2d"], batch)[0] for batch in (64, 128))
    assert not quality_runs.finished(search, tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"made_of": search.made_of}))
    assert quality_runs.finished(search, tmp_path)
    assert quality_runs.of_these_rows(tmp_path / "run.json")
    assert not quality_runs.finished(other, tmp_path)
    monkeypatch.setattr(quality_data, "NOISE", 2.0)
    assert not quality_runs.finished(search, tmp_path)
    assert not quality_runs.of_these_rows(tmp_path / "run.json")


def test_the_judge_has_patients_that_nobody_chose_by(tmp_path, monkeypatch):
    monkeypatch.setattr(quality_data, "PATIENTS", {"train": 2, "validation": 1, "tuning": 1, "unseen": 1})
    monkeypatch.setattr(quality_data, "WINDOWS", 40)
    first = quality_data.written(tmp_path)
    monkeypatch.setattr(quality_data, "UNSEEN_SEED", quality_data.UNSEEN_SEED + 1)
    second = quality_data.written(tmp_path)
    assert quality_data.written(tmp_path) == second != first
    for same in ("seen/x_train.npy", "seen/y_validation.npy", "seen/windows.npz", "tuning/x.npy"):
        assert (first / same).read_bytes() == (second / same).read_bytes(), same
    x, other, tuning = (
        np.load(folder / "x.npy") for folder in (first / "unseen", second / "unseen", first / "tuning")
    )
    assert x.shape == other.shape == tuning.shape == (40, 32, 9, 19)
    assert not np.isin(x[:, 0, 0, 0], np.concatenate([other[:, 0, 0, 0], tuning[:, 0, 0, 0]])).any()
    with np.load(first / "seen" / "windows.npz", allow_pickle=True) as windows:
        assert not np.isin(x[:, 0, 0, 0], windows["X"][:, 0, 0, 0]).any()
        assert windows["X"].shape[0] == 3 * 40 + quality_data.SHUT


INNER = "import time; time.sleep(60)"
OUTER = (
    "import subprocess, sys, time; "
    f"subprocess.Popen([sys.executable, '-c', {INNER!r}], start_new_session=True); time.sleep(60)"
)
PARENT = [sys.executable, "-c", OUTER]
"""A process with a child in a session of its own."""


def wait_for_both(variable, mark):
    """Returns once `PARENT`, launched with a mark, and its child are there."""
    deadline = time.monotonic() + 20
    while len(marked.started(variable, mark)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(marked.started(variable, mark)) == 2


def test_what_a_search_started_ends_with_it():
    """Also what left its process group, as Ray's processes do."""
    mark = f"test-{os.getpid()}"
    process = subprocess.Popen(
        PARENT,
        env={**os.environ, quality_runs.MARK: mark},
        start_new_session=True,
    )
    wait_for_both(quality_runs.MARK, mark)
    quality_runs.end(process, mark, grace_s=0.2)
    assert marked.started(quality_runs.MARK, mark) == []
    assert process.returncode is not None


def test_the_picture_shows_every_system(tmp_path):
    found = [judged("ours", (3, 0.8), (6, 0.9)), judged("ray_tune-conv3d", (50, 0.85)), judged("peer")]
    text = quality_plot.drawn(found, 100)
    ElementTree.fromstring(text)
    assert "ours" in text
    assert "ray_tune-conv3d" in text
    assert len(text) < 20_000
    assert text.count("<path") == 2  # the peer without an incumbent has no line


def test_results_pair_ours_with_every_peer_of_the_same_seed():
    found = [
        judged("ours", (50, 0.95), windows=3000),
        judged("ray_tune-conv3d", (90, 0.8), (100, 0.9), seed=0, windows=400),
        judged("ray_tune-conv3d", (10, 0.9), seed=1),  # ours has no such seed
        judged("optuna_alone-conv2d", (80, 0.96)),
        judged("keras_tuner-conv2d"),
    ]
    times, rates, other, _ = quality.against_peers(found)
    assert times.ratios == (2.0,)  # 100 s over 50 s
    assert times.met is False
    assert rates.ratios == (30 / 5,)  # theirs to its last epoch, at 80 s
    assert rates.met is True
    assert other.cells()[1] == "never"
    assert other.met is False
