"""Hosts: none left that can hold a trial, trials that were lost with theirs, GPUs that were not given."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from ray.tune.search import Searcher

from cluster import driver
from search.hosts import host_wait, parallel
from search.runs.run_folder import RunFolder
from search.tuning import tuner
from search.tuning.schedulers import ForgettingHalving
from search.tuning.searcher import HeadSearcher
from spaces.study_file import parse
from tests.helpers.driving import ROOT

STUDY = parse({"trunk": {"name": "mlp"}, "budget": {"trials": 3}})


@pytest.fixture
def waiting(monkeypatch):
    """A search with a trial that has no worker; `hosts` is what the cluster has, `now` the time."""
    searcher = HeadSearcher(STUDY, [], [], lambda ask: None)
    found = SimpleNamespace(searcher=searcher, hosts=[{}], now=0.0, handler=SimpleNamespace(idle=True))
    monkeypatch.setattr(parallel, "hosts_for", lambda resources: found.hosts)
    monkeypatch.setattr(host_wait.time, "monotonic", lambda: found.now)
    found.stopper = tuner._NoHostLeft(STUDY, searcher, found.handler)
    yield found
    monkeypatch.undo()
    searcher.close()


def after(waiting, seconds: float) -> bool:
    """Whether the search is over, looked at every two seconds until then."""
    over, until = False, waiting.now + seconds
    while waiting.now < until and not over:
        waiting.now += 2
        over = waiting.stopper.stop_all()
    return over


def test_a_search_without_a_host_waits_for_one_and_then_says_so(waiting):
    assert not after(waiting, 2 * host_wait.JOIN_S), "a host that is busy is a host"
    waiting.hosts = []
    assert not after(waiting, host_wait.JOIN_S / 2)
    waiting.hosts = [{}]
    assert not after(waiting, host_wait.LOOK_S + 2)
    waiting.hosts = []
    assert not after(waiting, host_wait.JOIN_S - 20), "another one had come in between"
    assert after(waiting, 60)
    assert "for 10 minutes there was none; resume" in str(waiting.searcher.broken)
    assert waiting.searcher.suggest("a") == Searcher.FINISHED


def test_a_trial_under_way_is_a_host_enough(waiting):
    waiting.hosts, waiting.handler.idle = [], False
    assert not after(waiting, 3 * host_wait.JOIN_S)


def test_a_trial_that_starts_again_does_not_compete_with_its_lost_start():
    halving = ForgettingHalving(
        time_attr="epochs", metric="value", mode="max", max_t=9, grace_period=3, reduction_factor=3
    )
    lists = {"_trials": [], "_live_trials": set(), "_stopped_trials": set(), "_failed_trials": set()}
    controller = SimpleNamespace(
        **lists, _trial_to_actor={}, _trials_to_cache=set(), _trial_metadata={}, _cached_trial_decisions={}
    )
    decisions = []
    for name, value in (("dead", 0.90120), ("again", 0.90119)):
        trial = SimpleNamespace(trial_id=name)
        halving.on_trial_add(controller, trial)
        decisions.append(halving.on_trial_result(controller, trial, {"epochs": 3, "value": value}))
        if name == "dead":
            halving.on_trial_error(controller, trial)
    assert decisions == ["CONTINUE", "CONTINUE"]


@pytest.mark.parametrize(("share", "seen"), [("0.0", "-1"), ("0.5", "3"), ("None", "3")])
def test_a_worker_without_a_share_sees_no_gpu(share, seen):
    """Ray leaves the GPUs of its host visible to a worker that was given none."""
    start = f"import os; from search.networks import backend; backend.start(1, {share})"
    code = f"{start}; print(os.environ['CUDA_VISIBLE_DEVICES'])"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == seen


def test_a_run_from_before_a_setting_was_invented_goes_on_and_an_edited_one_does_not(tmp_path):
    folder = RunFolder(tmp_path / "run")
    older = json.loads(json.dumps(driver.comparable(STUDY)))
    for name in ("xla", "mixed_precision"):
        del older["training"][name]
    digest = driver.digest(STUDY, older)
    assert digest != driver.digest(STUDY)
    folder.create(STUDY, {"study_digest": digest})
    written = yaml.safe_load(folder.study_file.read_text())
    for name in ("xla", "mixed_precision"):
        del written["training"][name]
    folder.study_file.write_text(yaml.safe_dump(written))
    assert driver.unedited_study(folder) == STUDY
    written["training"]["epochs"] = 7
    folder.study_file.write_text(yaml.safe_dump(written))
    with pytest.raises(Exception, match="was edited since the run began"):
        driver.unedited_study(folder)
