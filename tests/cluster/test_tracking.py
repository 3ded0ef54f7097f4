"""Trackers: what a run leaves in TensorBoard and MLflow, once, whatever becomes of them."""

import json
import math
import os
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from cluster.tensorboard_tracker import TensorboardTracker, metrics_of
from cluster.tracked_values import PARAMETERS, tracked
from cluster.tracker_process import follow
from cluster.tracking import Tracking, check_trackers
from search.record import Ask, Estimate
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from spaces.study_file import parse
from tests.conftest import ROOT
from tests.helpers.bookkeeping import RESOLVED, begin, go_on
from tests.helpers.driving import finish, numpy_driver, write_study
from tests.helpers.event_files import hparams, scalars
from tests.helpers.records import CONFIG, record

WITH_MLFLOW = pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed")
NONE = Estimate(value=None, low=None, high=None)
TRAINED = record(
    3,
    metrics={"f1": Estimate(value=0.75, low=0.5, high=1.0), "brier": NONE},
    history=((0.7, 0.5, 1e-3), (0.5, 0.8, 1e-3), (0.4, 0.6, 5e-4)),
    epochs=3,
    best_epoch=2,
    threshold_score=-math.inf,
    threshold=0.0,
    started_at="2024-12-31T23:59:58.500+00:00",
)
UNDEFINED = dict.fromkeys(("value", "steering_value", "threshold_score", "threshold"))
FAILED = record(4, state="failed", error="nan in epoch 2", **UNDEFINED)
BASELINE = record(0, ask=Ask(number=0, kind="baseline", baseline="prevalence", seed=5), steering_value=None)


def study_for(**track):
    return parse({"name": "toys", "keep": {"checkpoints": 1}, "track": track})


def run_in(folder, study, run_id="one"):
    """A run with a trained, a failed and a baseline's record."""
    made = begin(folder / "runs" / "toy", study)
    made.create(study, RESOLVED | {"run_id": run_id})
    for one in (BASELINE, TRAINED, FAILED):
        made.write_record(one)
    return made


def at_its_end(wait_s):
    return "FINISHED"


def test_a_trial_is_told_in_the_names_of_the_leaderboard():
    told = tracked(TRAINED)
    config = CONFIG.model_dump(exclude_none=True, exclude={"code"})
    assert told.params == {**config, "learning_rate": 1e-3 + 3e-9, "seed": 5}
    assert told.metrics == {
        "value": 0.5,
        "steering_value": 0.6,
        "threshold": 0.0,
        "val_f1": 0.75,
        "val_f1_low": 0.5,
        "val_f1_high": 1.0,
        "epochs": 3,
        "best_epoch": 2,
        "train_s": 1.0,
    }
    assert told.curves == {
        "epoch/loss": ((1, 0.7), (2, 0.5), (3, 0.4)),
        "epoch/average_precision": ((1, 0.5), (2, 0.8), (3, 0.6)),
        "epoch/learning_rate": ((1, 1e-3), (2, 1e-3), (3, 5e-4)),
    }
    shown = ("trial_id", "kind", "state", "threshold_score", "constant_decision", "threads", "leaky")
    assert [told.tags[name] for name in shown] == ["00003", "search", "completed", "-Infinity", "true", "1",
                                                   "false"]  # fmt: skip
    assert (told.began_ms, told.ended_ms) == (1735689598500, 1735689600000)


def test_what_is_undefined_is_left_out():
    told = tracked(FAILED)
    assert told.metrics == {"train_s": 1.0}
    assert told.tags["error"] == "nan in epoch 2"
    assert not told.curves
    assert tracked(BASELINE).params == {"trunk": "prevalence", "seed": 5}


def test_no_path_of_this_host_is_told():
    ask = Ask(
        number=3, kind="search", config=CONFIG.model_copy(update={"folder": "/home/x", "code": "1"}), seed=5
    )
    told = tracked(record(3, ask=ask))
    assert "folder" not in told.params
    assert "/home/x" not in json.dumps([dict(told.params), dict(told.tags)])


def test_tensorboard_shows_curves_and_a_row_of_hyperparameters(tmp_path):
    folder = run_in(tmp_path, study_for())
    follow(lambda: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    (overview,) = (tmp_path / "tb" / "toy").glob("events.out.tfevents.*")
    experiment = hparams(overview)["experiment"].experiment
    assert [info.name for info in experiment.hparam_infos] == ["kind", *PARAMETERS]
    assert [info.name.tag for info in experiment.metric_infos] == list(metrics_of("binary"))
    types = {info.name: info.type for info in experiment.hparam_infos}
    assert (types["head"], types["frozen"], types["learning_rate"], types["focal_gamma"]) == (1, 2, 3, 3)
    (trial,) = (tmp_path / "tb" / "toy" / "00003").iterdir()
    shown = scalars(trial)
    assert shown["epoch/loss"] == [(1, pytest.approx(0.7)), (2, 0.5), (3, pytest.approx(0.4))]
    assert [epoch for epoch, _ in shown["epoch/average_precision"]] == [1, 2, 3]
    assert shown["value"] == [(2, 0.5)]
    assert "threshold_score" not in shown
    assert "val_brier" not in shown
    row = hparams(trial)
    assert row["session_start_info"].session_start_info.hparams["head"].string_value == "sigmoid"
    assert row["session_start_info"].session_start_info.hparams["learning_rate"].number_value == 1e-3 + 3e-9
    assert row["session_start_info"].session_start_info.hparams["kind"].string_value == "search"
    assert row["session_end_info"].session_end_info.status == 1  # success
    (failed,) = (tmp_path / "tb" / "toy" / "00004").iterdir()
    assert hparams(failed)["session_end_info"].session_end_info.status == 2  # failure
    assert "value" not in scalars(failed)


def test_tensorflow_reads_these_files(tmp_path, keras):
    import tensorflow as tf

    folder = run_in(tmp_path, study_for())
    follow(lambda: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    for path in (tmp_path / "tb").rglob("events.out.tfevents.*"):
        assert len(list(tf.data.TFRecordDataset(str(path)))) > 1  # it compares checksums


def test_nothing_is_logged_twice_and_a_trial_that_ran_again_replaces_itself(tmp_path):
    folder = run_in(tmp_path, study_for())

    def files():
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "tb").rglob("*") if path.is_file()}

    follow(lambda: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    before = files()
    follow(lambda: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    assert files() == before
    folder.write_record(TRAINED.model_copy(update={"finished_at": "2025-01-02T00:00:00.000+00:00"}))
    follow(lambda: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    assert len(files()) == len(before)
    assert len(files().keys() - before.keys()) == 1


def test_another_run_of_the_same_name_gets_a_folder_of_its_own(tmp_path):
    for place, run_id in (("a", "one"), ("b", "two" * 4), ("a", "one")):
        folder = RunFolder(tmp_path / place / "runs" / "toy")
        if not folder.path.exists():
            folder = run_in(tmp_path / place, study_for(), run_id)
        follow(lambda folder=folder: TensorboardTracker(tmp_path / "tb", folder), folder, at_its_end, print)
    assert sorted(path.name for path in (tmp_path / "tb").iterdir()) == ["toy", "toy-twotwotw"]


def test_a_tracker_that_fails_is_said_once_and_gets_everything(tmp_path):
    folder, said, failures = run_in(tmp_path, study_for()), [], iter(range(3))

    class Failing(TensorboardTracker):
        def log(self, one):
            if one.ask.number == 3 and next(failures, None) is not None:
                raise OSError("no server at http://user:secret@host/api")
            super().log(one)

    waits = iter([None] * 7)
    follow(
        lambda: Failing(tmp_path / "tb", folder),
        folder,
        lambda wait_s: next(waits, "FINISHED"),
        said.append,
    )
    assert said == [
        f"the run is in {tmp_path / 'tb' / 'toy'}",
        "fails, and the search goes on: OSError: no server at http://host/api",
        "is logged to again",
    ]
    assert len(list((tmp_path / "tb" / "toy").glob("*/events*"))) == 3


def test_a_tracker_that_is_gone_at_the_end_is_given_up(tmp_path):
    folder, said = run_in(tmp_path, study_for()), []

    def gone():
        raise ConnectionError("refused")

    follow(gone, folder, at_its_end, said.append)
    assert said == [
        "fails, and the search goes on: ConnectionError: refused",
        "is given up with the search at its end; resume logs what is missing",
    ]


def test_a_search_is_followed_from_a_process_of_its_own(tmp_path):
    """The trials that finish meanwhile, and those that had finished before."""
    study, said = study_for(tensorboard=str(tmp_path / "tb")), []
    folder = begin(tmp_path / "runs" / "toy", study)
    for trials in (2, 3):
        with Tracking(folder, study, said.append) as tracking:
            go_on(folder, study, trials)
            tracking.ended(whole=True)
        assert len(list((tmp_path / "tb" / "toy").glob("*/events*"))) == trials
    assert said == [f"tensorboard: the run is in {tmp_path / 'tb' / 'toy'}"] * 2


def test_a_tracker_that_hangs_is_not_waited_for_for_long(tmp_path):
    """An earlier process that is stuck holds its lock."""
    study, said = study_for(tensorboard=str(tmp_path / "tb")), []
    folder = begin(tmp_path / "runs" / "toy", study)
    held = "import fcntl, sys; fcntl.flock(file := open(sys.argv[1], 'ab'), 2); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(folder.log.parent / "tensorboard.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as stuck:
        stuck.stdout.readline()
        began = time.monotonic()
        with Tracking(folder, study, said.append, close_s=1.0) as tracking:
            assert time.monotonic() - began < 5
            go_on(folder, study)
            tracking.ended(whole=True)
        stuck.communicate(b"\n")
    assert said == ["tensorboard: did not take everything in time; resume logs what is missing"]
    with Tracking(folder, study, said.append) as tracking:
        tracking.ended(whole=True)
    assert len(list((tmp_path / "tb" / "toy").glob("*/events*"))) == 2


def test_a_driver_that_is_gone_takes_the_process_with_it(tmp_path):
    folder = begin(tmp_path / "runs" / "toy", study_for())
    command = [
        sys.executable,
        "-P",
        "-m",
        "cluster.tracker_process",
        "tensorboard",
        str(tmp_path / "tb"),
        str(folder.path),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    process.stdin.close()
    assert process.wait(60) == 1


@pytest.mark.slow
def test_a_search_that_was_killed_and_resumed_stands_there_once(tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 3}, "track": {"tensorboard": "tb"}})
    run, place = tmp_path / "runs" / "toy", tmp_path / "tb" / "toy"
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.3")
    assert driver.until(lambda: len(list(place.glob("*/events*"))) >= 1)
    driver.kill()
    for settings in ((), ("--set", "budget.trials=4")):
        resumed = finish(study, "--resume", str(run), *settings)
        assert resumed.process.returncode == 0, resumed.said
        assert resumed.said.count(f"tensorboard: the run is in {place}\n") == 1, resumed.said
    records = RunFolder(run).records()
    assert len(records) >= 4
    shown = {path.parent.name: scalars(path) for path in place.glob("*/events*")}
    assert shown.keys() == {one.ask.trial_id for one in records}
    for one in records:
        (at,) = shown[one.ask.trial_id]["value"]
        assert at == (one.best_epoch or 0, pytest.approx(one.value))
    assert RunFolder(run).study().track.tensorboard == str(tmp_path / "tb")


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(RunError) as refused:
        check_trackers(study_for(mlflow="http://127.0.0.1:5000", tensorboard="tb"))
    assert str(refused.value) == (
        f"track.mlflow needs the package mlflow-skinny, but this Python ({sys.executable}) lacks it; "
        "install the extra mlflow of pyproject.toml (uv pip install mlflow-skinny), or leave track.mlflow out"
    )
    check_trackers(study_for(tensorboard="tb"))
