"""Faults that are done to searches, a few times by the tests and for hours by `python -m tests.soak`."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from search.runs.run_folder import RunFolder
from tests.helpers import driving
from tests.helpers.accounts import Account
from tests.helpers.driving import Driver, check_complete, contents, finish, numpy_driver, write_study
from tests.helpers.raylets import Hosts

RANDOM_PHASE = 12
"""Trials that do not depend on who finished first: baselines, the author's, portfolio, random ones."""
LEAST = 18
"""Trials of a run: with fewer, two runs of different lengths would not ask the same of the portfolio."""


def clean_run(folder: Path) -> Path:
    """Runs the scenarios' study undisturbed."""
    study = write_study(folder)
    driver = finish(study, "--set", f"budget.trials={LEAST - 2}")
    assert driver.process.returncode == 0, driver.said
    run = folder / "runs" / "toy"
    check_complete(run, LEAST)
    return run


def same_random_phase(clean: Path, other: Path) -> None:
    """Asserts that the random phase is the clean run's: configurations, seeds, and what came of them."""
    ours, theirs = (RunFolder(run).records()[:RANDOM_PHASE] for run in (clean, other))
    for one, two in zip(ours, theirs, strict=True):
        assert one.ask == two.ask
        if two.state != "failed":
            assert (one.value, one.threshold_score) == (two.value, two.threshold_score)


def kill_workers(folder: Path, clean: Path, rng: random.Random, kills: int) -> Account:
    """`kill -9` of workers, from outside, whatever they are at."""
    account = Account("worker killed", "`kill -9` of a random worker")
    trials = max(LEAST, 6 + 2 * kills)
    study, run, starts = _study(folder, trials)
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.3", HEADSEARCH_TEST_STARTS=str(starts))
    for _ in range(kills):
        victim = _some_worker(driver, [driver.process.pid], rng)
        if victim is None:
            break
        recovered = account.note(run, starts)
        os.kill(victim, signal.SIGKILL)
        recovered(_until_another(driver, run))
    assert driver.wait() == 0, driver.said
    _check_end(run, clean, trials)
    for record in RunFolder(run).records():
        if record.state == "failed":
            lost = f"trial {record.ask.trial_id} starts again"
            assert RunFolder(run).log.read_text().count(lost) >= 2, record.error
    return account


def kill_worker_at_work(driver: Driver, run: Path) -> Account:
    """`kill -9` of the one worker of a real search, in the middle of a trial."""
    account = Account("TensorFlow worker killed", "`kill -9` of a worker that trains with Keras")
    victim = _some_worker(driver, [driver.process.pid], random.Random(0), at_work=True)
    assert victim is not None, driver.said
    recovered = account.note(run)
    os.kill(victim, signal.SIGKILL)
    recovered(_until_another(driver, run))
    return account


def kill_hosts(folder: Path, clean: Path, rng: random.Random, kills: int) -> Account:
    """`kill -9` of raylets, each like a host, while a trial runs there; a new host joins for each."""
    account = Account("host killed", "`kill -9` of the raylet under a running trial")
    trials = max(LEAST, 6 + 6 * kills)
    study, run, starts = _study(folder, trials)
    told = {"HEADSEARCH_TEST_EPOCH_S": "1.0", "HEADSEARCH_TEST_STARTS": str(starts)}
    hosts = Hosts(folder, **told)
    try:
        alive = [hosts.add()]
        driver = numpy_driver(study, "--address", "auto", **hosts.environment)
        driver.until(lambda: len(contents(run)) >= 2)
        for _ in range(kills):
            alive.append(hosts.add())
            worker = _some_worker(driver, alive, rng, at_work=True)
            if worker is None:
                break
            victim = next(raylet for raylet in alive if worker in driving.workers(raylet))
            recovered = account.note(run, starts)
            os.kill(victim, signal.SIGKILL)
            alive.remove(victim)
            recovered(_until_another(driver, run))
        assert driver.wait() == 0, driver.said
    finally:
        hosts.stop()
    _check_end(run, clean, trials)
    assert all(record.state == "completed" for record in RunFolder(run).records())
    return account


def kill_drivers(
    folder: Path, clean: Path, rng: random.Random, kills: int, early: float = 0.3
) -> tuple[Account, dict[tuple[int, int], str]]:
    """`kill -9` of a driver, then `resume`, again and again; some kills come before the first trial.

    Returns:
        The account, and the processes below killed drivers, which should end by themselves.
    """
    account = Account("driver killed", "`kill -9` of the driver, then `resume`")
    trials = LEAST + 2 * kills
    study, run, starts = _study(folder, trials)
    more = {"HEADSEARCH_TEST_EPOCH_S": "0.1", "HEADSEARCH_TEST_STARTS": str(starts)}
    orphans: dict[tuple[int, int], str] = {}
    recovered: Callable[[float | None], None] | None = None
    killed = 0
    while True:
        before = len(contents(run))
        driver = numpy_driver(study, *(["--resume", str(run)] if before else []), **more)
        is_early = before > 0 and rng.random() < early
        if not is_early:
            seconds = _until_another(driver, run)
            if recovered is not None:
                recovered(seconds)
                recovered = None
        if killed < kills:
            _for_seconds(driver, rng.uniform(0, 6 if is_early else 1.5))
        else:
            driver.wait()
        ended = driver.process.poll() is not None
        if recovered is not None:
            recovered(None)
        if ended:
            assert driver.process.returncode == 0, driver.said
            break
        recovered = account.note(run, starts)
        orphans |= driver.kill()
        RunFolder(run).records()
        killed += 1
    _check_end(run, clean, trials)
    return account, orphans


def misbehave(folder: Path, clean: Path, limit_minutes: float = 0.1) -> list[Account]:
    """Trials that hang, in Python and in C with the interpreter's lock held; that crash; that die later."""
    names = {3: "hang", 5: "hang_in_c", 7: "segfault", 9: "late"}
    study, run, starts = _study(folder, LEAST)
    driver = numpy_driver(
        study, "--set", f"budget.trial_minutes={limit_minutes}",
        HEADSEARCH_TEST_FAULTS=" ".join(f"{n}={fault}" for n, fault in names.items()),
        HEADSEARCH_TEST_STARTS=str(starts),
    )  # fmt: skip
    accounts = {
        3: Account("trial hangs in Python", f"limit of {60 * limit_minutes:g} s a trial"),
        5: Account("trial hangs in C", "the same, interpreter's lock held"),
        7: Account("trial crashes", "segmentation fault, three times"),
        9: Account("worker dies between two trials", "SIGKILL 50 ms after a short trial began"),
    }
    for number, account in accounts.items():
        if driver.until(lambda number=number: str(number) in _begun(starts)):
            recovered = account.note(run, starts)
            recovered(_until_another(driver, run))
    assert driver.wait() == 0, driver.said
    _check_end(run, clean, LEAST)
    failed = {r.ask.number: r.error for r in RunFolder(run).records() if r.state == "failed"}
    begun = _begun(starts)
    assert failed.keys() == {3, 5, 7}, failed
    for number in (3, 5):
        assert begun.count(str(number)) == 1, "a trial that hung was begun again"
        assert f"a trial may take {limit_minutes:g} minutes (budget.trial_minutes), but it" in failed[number]
    assert begun.count("7") == 3
    assert failed[7].startswith("its worker died 3 times"), failed[7]
    return list(accounts.values())


def eat_memory(folder: Path, clean: Path, room_gb: float = 2.0) -> Account:
    """A trial that takes memory until Ray's monitor kills its worker, and whoever runs beside it."""
    total, used = _memory()
    account = Account("trial eats memory", f"killed by Ray's monitor at {room_gb:g} GB over the use before")
    study, run, starts = _study(folder, LEAST)
    driver = numpy_driver(
        study,
        HEADSEARCH_TEST_FAULTS="4=eat", HEADSEARCH_TEST_EPOCH_S="0.3", HEADSEARCH_TEST_STARTS=str(starts),
        RAY_memory_usage_threshold=f"{used / total + room_gb * 2**30 / total:.5f}",
        RAY_memory_monitor_refresh_ms="100",
    )  # fmt: skip
    driver.until(lambda: "4" in _begun(starts))
    recovered = account.note(run, starts)
    recovered(_until_another(driver, run))
    assert driver.wait() == 0, driver.said
    _check_end(run, clean, LEAST)
    (failed,) = (record for record in RunFolder(run).records() if record.state == "failed")
    assert failed.ask.number == 4
    assert _begun(starts).count("4") == 3
    assert failed.error.startswith(
        "its worker died 3 times: the host ran out of memory (a smaller batch_size or fewer resources."
    ), failed.error
    return account


def _study(folder: Path, trials: int) -> tuple[Path, Path, Path]:
    """Writes the study; returns it, its run, and the file that notes which trials were begun."""
    study = write_study(folder, {"budget": {"trials": trials - 2}, "resources": {"workers": 2}})
    return study, folder / "runs" / "toy", folder / "starts"


def _check_end(run: Path, clean: Path, trials: int) -> None:
    check_complete(run, trials)
    same_random_phase(clean, run)


def _begun(starts: Path) -> list[str]:
    return starts.read_text().split() if starts.exists() else []


def _some_worker(
    driver: Driver, above: list[int], rng: random.Random, *, at_work: bool = False
) -> int | None:
    """Returns a worker below a driver or raylets, after a random while; None once the driver has ended."""
    _for_seconds(driver, rng.uniform(0, 2))
    while True:
        found = [worker for pid in above for worker in driving.workers(pid)]
        if at_work:
            found = [pid for pid in found if b".train" in driving.command_of(pid)]
        if found:
            return rng.choice(found)
        if driver.process.poll() is not None:
            return None
        time.sleep(0.02)


def _until_another(driver: Driver, run: Path) -> float:
    """Waits until another trial has finished, or the driver ended; returns how long that took, in seconds."""
    before, began = len(contents(run)), time.monotonic()
    driver.until(lambda: len(contents(run)) > before)
    return time.monotonic() - began


def _for_seconds(driver: Driver, seconds: float) -> None:
    over = time.monotonic() + seconds
    driver.until(lambda: time.monotonic() > over)


def _memory() -> tuple[int, int]:
    """Returns this machine's memory and how much of it is in use, in bytes."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    found = {name.rstrip(":"): int(kib) * 1024 for name, kib, *_ in lines}
    return found["MemTotal"], found["MemTotal"] - found["MemAvailable"]
