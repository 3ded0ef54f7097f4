"""A search that is watched in Chromium: `python -m tests.benchmarks.watching [TRIALS [ROUNDS [PICTURES]]]`.

Trials that train nothing, five a second, on a Ray of our own with two declared GPUs; everything else is real:
driver, records, leaderboard, `watch` in a process of its own, and a browser on its page. Each round is one
search that is watched and one that is not, in turns first. Printed are how long a refresh of the page took,
from the question to the drawn page, and the driver's CPU time from the first finished trial to the last, in
both searches. With PICTURES, a folder, the first round is photographed at its start, middle and end, as a
desktop and a phone show it.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cluster.progress import Progress
from search.data.trial_data import TrialData
from search.record import Ask
from search.training.trainer import Session
from spaces.study import Study
from tests.benchmarks.growth import NoOp
from tests.conftest import ROOT
from tests.helpers.browser import chromium
from tests.helpers.driving import Driver, environment, write_study
from tests.helpers.numpy_driver import main as driver_main

A_SECOND, WORKERS = 5, 2
FAILS = 29
"""Of so many trials one fails."""
WIDTHS = {"desktop": (1280, 1000), "phone": (390, 844)}
SETTINGS = {
    "database": "none",
    "resources": {"workers": WORKERS, "gpus": 0.5, "allow_cpu": True},
    "training": {"epochs": 1},
    "search": {"portfolio": False},
}
REFRESHED = (
    "const data = document.documentElement.dataset; return [data.version, data.refreshMs, data.askedMs]"
)
"""What the page says of its last refresh: milliseconds in all, and until the server had answered."""


class Paced(NoOp):
    """A trial that takes as long as it must for so many a second, and trains nothing."""

    def __init__(self, ask: Ask, data: TrialData) -> None:
        super().__init__(ask, data)
        self._number = ask.number

    def advance(self, epochs: int) -> None:
        time.sleep(WORKERS / A_SECOND * 0.9)  # the rest is the driver's bookkeeping
        if self._number % FAILS == FAILS - 1:
            raise MemoryError(f"no room for {self._number} MB" if self._number % 2 else "told to fail")
        super().advance(epochs)


def paced(ask: Ask, study: Study, data: TrialData) -> Session:
    """Starts a session."""
    return Paced(ask, data)


def drive(study: str, runs: str) -> int:
    """Runs the search here; prints how long it took from its first tenth of trials on, and its CPU time."""
    ends: list[tuple[float, float]] = []
    recorded = Progress.on_record

    def on_record(progress: Progress, finished: Any) -> None:
        recorded(progress, finished)
        used = resource.getrusage(resource.RUSAGE_SELF)
        ends.append((time.monotonic(), used.ru_utime + used.ru_stime))

    with patch.object(Progress, "on_record", on_record):
        code = driver_main([study, runs, "--address", "auto"], paced)
    # The first trials wait for their workers to start.
    tenth = len(ends) // 10
    (began, cpu), (ended, cpu_ended) = ends[tenth], ends[-1]
    said = {"wall_s": ended - began, "cpu_s": cpu_ended - cpu, "trials": len(ends) - 1 - tenth}
    print("\n" + json.dumps(said), flush=True)
    return code


def searched(folder: Path, trials: int, pictures: Path | None, *, watched: bool) -> dict[str, Any]:
    """Runs one search; returns what the driver said, and how long each refresh took, in milliseconds."""
    study = write_study(folder, {**SETTINGS, "budget": {"trials": trials}}, rows=2400)
    run = folder / "runs" / "toy"
    driver = Driver(["-m", "tests.benchmarks.watching", "drive", str(study), str(run.parent)], folder)
    refreshes: list[tuple[float, float]] = []
    if watched:
        driver.until(lambda: (run / "study.yaml").exists())
        refreshes = look(driver, run, trials, pictures)
    if driver.wait() != 0:
        raise RuntimeError(driver.said[-2000:])
    said = next(line for line in reversed(driver.said.splitlines()) if line.startswith('{"wall_s"'))
    return {**json.loads(said), "refreshes": refreshes}


def look(driver: Driver, run: Path, trials: int, pictures: Path | None) -> list[tuple[float, float]]:
    """Watches a run to its end, in a browser; returns how long each refresh took, and its answer."""
    command = [sys.executable, str(ROOT / "search.py"), "watch", str(run)]
    server = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().split()[-1]
    took: dict[str, tuple[float, float]] = {}
    wanted = {"start": 0, "middle": trials // 2, "end": None}
    try:
        with chromium(*WIDTHS["desktop"]) as browser:
            browser.get(address)
            while driver.process.poll() is None:
                time.sleep(0.1)
                version, ms, asked = browser.execute_script(REFRESHED)
                if ms is not None:
                    took[f"{version} {ms}"] = float(ms), float(asked)
                done = len(list((run / "records").glob("*.json")))
                for moment, least in list(wanted.items()):
                    if pictures and least is not None and done >= max(least, 1 if moment == "middle" else 0):
                        photograph(browser, pictures, moment)
                        del wanted[moment]
            if pictures:
                time.sleep(12)  # the end is looked for less often
                photograph(browser, pictures, "end")
            complaints = [entry["message"] for entry in browser.get_log("browser")]
            if complaints:
                print("the browser complains:", *complaints, sep="\n", flush=True)
    finally:
        server.terminate()
        server.wait()
    return list(took.values())


def photograph(browser: Any, folder: Path, moment: str) -> None:
    """Writes pictures of the page as a desktop and a phone show it."""
    for name, (width, height) in WIDTHS.items():
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name == "phone"}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        time.sleep(0.3)
        browser.save_screenshot(str(folder / f"watch-{moment}-{name}.png"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def main(trials: int = 200, rounds: int = 3, pictures: Path | None = None) -> None:
    """Runs the rounds and prints what they come to."""
    from ray.cluster_utils import Cluster

    with (
        tempfile.TemporaryDirectory(prefix="w-") as scratch,
        patch.dict(os.environ, environment(RAY_TMPDIR=scratch)),
    ):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "num_gpus": 2})
        os.environ["RAY_ADDRESS"] = cluster.address
        pairs = []
        for number in range(rounds):
            found = {}
            for watched in (True, False) if number % 2 == 0 else (False, True):
                folder = Path(scratch) / f"{number}-{watched}"
                shown = pictures if number == 0 else None
                found[watched] = searched(folder, trials, shown, watched=watched)
                one = found[watched]
                pace, a_trial = one["trials"] / one["wall_s"], 1000 * one["cpu_s"] / one["trials"]
                name = "watched" if watched else "alone"
                print(f"{name:<8}{pace:.1f} trials/s, driver's CPU {a_trial:.1f} ms a trial", flush=True)
                if one["refreshes"]:
                    ms = sorted(whole for whole, _ in one["refreshes"])
                    asked = statistics.median(asked for _, asked in one["refreshes"])
                    median, most = statistics.median(ms), ms[int(0.95 * (len(ms) - 1))]
                    print(
                        f"        {len(ms)} refreshes: median {median:.0f} ms ({asked:.0f} to the answer), "
                        f"95% within {most:.0f}, longest {ms[-1]:.0f}",
                        flush=True,
                    )
            pairs.append(
                (found[True]["cpu_s"] / found[True]["trials"])
                / (found[False]["cpu_s"] / found[False]["trials"])
            )
        cluster.shutdown()
    print(f"driver's CPU a trial, watched over alone: {', '.join(f'{ratio:.3f}' for ratio in pairs)}")
    print(f"median {statistics.median(pairs):.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        from tests.benchmarks.watching import drive as by_name  # workers import the trainer by its name

        sys.exit(by_name(*sys.argv[2:4]))
    given = sys.argv[1:4]
    main(*map(int, given[:2]), *(Path(one).absolute() for one in given[2:]))
