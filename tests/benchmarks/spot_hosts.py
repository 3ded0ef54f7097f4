"""A host that goes, with notice and without: `python -m tests.benchmarks.spot_hosts [ROUNDS]`.

Hosts are namespaces (`tests.two_hosts.hosts`): a head, which trains nothing, and three others of one
processor each, for two trials at once. One that trains goes. Printed is how long after that its trial began
anew on the host that was free, for how long it had trained, which is lost in any case, and what the driver
says of it. Needs root.
"""

import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from search.runs.run_folder import RunFolder
from search.runs.start_times import StartTimes
from tests.conftest import ROOT
from tests.helpers.driving import write_study
from tests.two_hosts.hosts import HOME, Host, hosts

NAMES = ("head", "one", "two", "three")
PORT = 6379
EPOCHS, EPOCH_S = 240, 1.0
TRAINS_S = 8.0
"""For how long a trial has trained when its host goes."""
PATIENCE_S = 300
BLOCKING = "kill -TERM $(pgrep -f 'ray start [-]-address')"
WAYS = {
    "all processes are told to end, as by a shutdown or Slurm": "kill -TERM -1",
    "the raylet is told to end": "kill -TERM {raylet}",
    "`ray start --block` is told to end, as a container is": BLOCKING,
    "the same, with no time to drain": f"{BLOCKING} # at once",
    "`ray stop`": "ray stop",
    "the raylet is killed": "kill -9 {raylet}",
    "the host is gone, and its network": None,
}


def until(condition, what: str):
    """Waits until something holds, and returns it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain until {what}")
        time.sleep(0.02)
    return found


def start_ray(made: dict[str, Host], logs: Path, drain_s: int) -> None:
    """Starts one Ray over all hosts; a host whose Ray is told to end drains for so long."""
    head = made["head"]
    settings = (
        f"export PYTHONPATH={ROOT} HEADSEARCH_TEST_EPOCH_S={EPOCH_S} "
        f"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S={drain_s};"
    )
    common = "--disable-usage-stats --num-cpus"
    begin = f"ray start --head --port={PORT} --node-ip-address={head.address} --include-dashboard=false"
    head.run(f"{settings} {begin} {common} 0", timeout_s=180)
    for name in NAMES[1:]:
        host = made[name]
        join = f"ray start --address={head.address}:{PORT} --node-ip-address={host.address}"
        host.start(f"{settings} exec {join} {common} 1 --block", logs / f"{name}.txt")
    for name in NAMES[1:]:
        until(
            lambda said=logs / f"{name}.txt": "Ray runtime started" in said.read_text(), f"{name} has joined"
        )


def gone(way: str | None, logs: Path, environment: Path) -> tuple[float, float, str]:
    """Lets a host go; returns the seconds until its trial began anew, those it had trained, and why."""
    network = f"10.{random.SystemRandom().randrange(64, 128)}.9"
    home = logs / "home"
    home.mkdir()
    study = {
        "training": {"epochs": EPOCHS, "patience": EPOCHS},
        "budget": {"trials": 4},
        "database": "none",
        "resources": {"workers": 2},
        "search": {"portfolio": False},
    }
    write_study(home / "s", study)
    with hosts(network, NAMES, environment, shared_home=home) as made:
        start_ray(made, logs, 0 if way is not None and way.endswith("at once") else 30)
        head = made["head"]
        drive = f"PYTHONPATH={ROOT} RAY_ADDRESS={head.address}:{PORT} HEADSEARCH_TEST_EPOCH_S={EPOCH_S}"
        line = (
            f"{drive} python -m tests.helpers.numpy_driver {HOME}/s/study.yaml {HOME}/s/runs --address auto"
        )
        head.start(line, logs / "driver.txt")
        run = RunFolder(home / "s" / "runs" / "toy")
        starts = StartTimes(run.log.parent)

        def training() -> dict[str, datetime]:
            done = set(run.trial_ids()) if run.path.exists() else set()
            return {trial: at for trial, at in starts.read().items() if trial not in done}

        until(lambda: len(training()) == 2 and len(run.trial_ids()) == 2, "two trials train")
        time.sleep(TRAINS_S)
        host, before = until(lambda: _one_at_work(made), "a host trains"), starts.read()
        went = datetime.now(UTC)
        if way is None:
            host.holder.kill()
        else:
            (raylet,) = host.pids("raylet/raylet ")
            host.run(way.format(raylet=raylet), check=False)
        again = until(
            lambda: {t: at for t, at in starts.read().items() if before.get(t, went) < at}, "it begins"
        )
        ((trial, at),) = again.items()
        said = next(
            line for line in run.log.read_text().splitlines() if f"trial {trial} starts again" in line
        )
        why = said.partition("its worker died: ")[2]
        return (at - went).total_seconds(), (went - before[trial]).total_seconds(), why


def _one_at_work(made: dict[str, Host]) -> Host | None:
    return next(
        (made[name] for name in NAMES[1:] if made[name].pids("ray::.*[Tt]rainable|ray::ImplicitFunc")), None
    )


def main(rounds: int = 3, ways: int = len(WAYS)) -> None:
    """Lets hosts go, and prints what it costs."""
    environment = Path(sys.prefix).resolve()
    for what, way in list(WAYS.items())[:ways]:
        found = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="spot-") as scratch:
                found.append(gone(way, Path(scratch), environment))
        waits = ", ".join(f"{wait:.1f}" for wait, _, _ in found)
        print(f"{what}: begun anew after {waits} s; {found[0][1]:.0f} s of training lost", flush=True)
        for why in dict.fromkeys(why for _, _, why in found):
            print(f"    {why}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
