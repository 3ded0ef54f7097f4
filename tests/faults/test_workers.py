"""Workers and hosts that die under a search, at random moments; trials that hang, crash, or eat memory."""

import random

import pytest

from search.runs.run_folder import RunFolder
from tests.helpers import driving, scenarios
from tests.helpers.accounts import table
from tests.helpers.driving import Driver, check_complete, contents, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ACCOUNTS = []
"""What the tests of this module found."""


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return scenarios.clean_run(tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module", autouse=True)
def _shown(pytestconfig):
    """Shows the table, whatever pytest captures."""
    yield
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n" + table(ACCOUNTS))


def test_workers_killed_at_random_moments_cost_nothing_but_time(tmp_path, clean):
    account = scenarios.kill_workers(tmp_path, clean, random.Random(1), 3)
    ACCOUNTS.append(account)
    account.check()
    assert account.times >= 2


def test_a_host_that_dies_is_not_blamed_on_its_trial(tmp_path, clean):
    account = scenarios.kill_hosts(tmp_path, clean, random.Random(2), 1)
    ACCOUNTS.append(account)
    account.check()
    log = RunFolder(tmp_path / "runs" / "toy").log.read_text()
    assert "starts again, its worker died" in log
    assert "node" in log


def test_trials_that_hang_or_crash_are_failed_rows(tmp_path, clean):
    for account in scenarios.misbehave(tmp_path, clean):
        ACCOUNTS.append(account)
        account.check()


@pytest.mark.alone
def test_a_trial_that_eats_memory_fails_alone(tmp_path, clean):
    account = scenarios.eat_memory(tmp_path, clean)
    ACCOUNTS.append(account)
    account.check()


def test_a_worker_of_keras_killed_in_a_trial_is_replaced_and_its_trial_starts_again(tmp_path):
    # Long enough, on a fast machine too, for a trial to be met at work.
    long = {"training": {"epochs": 120, "patience": 120}, "asha": {"enabled": False}}
    study = write_study(tmp_path, {**long, "budget": {"trials": 3}, "resources": {"workers": 1}})
    run = tmp_path / "runs" / "toy"
    driver = Driver([str(driving.ROOT / "search.py"), "run", str(study), "--address", "local"], tmp_path)
    assert driver.until(lambda: len(contents(run)) >= 3), driver.said
    account = scenarios.kill_worker_at_work(driver, run)
    assert driver.wait() == 0, driver.said
    ACCOUNTS.append(account)
    account.check()
    check_complete(run, 5)
    records = RunFolder(run).records()
    assert all(record.state == "completed" for record in records)
    asked = [ask.number for ask in RunFolder(run).asks()]
    assert asked == sorted(set(asked)), "a trial that starts again is asked anew"
    assert "starts again, its worker died" in RunFolder(run).log.read_text()
