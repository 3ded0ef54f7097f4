"""Optuna's dashboard beside a running search: `python -m tests.benchmarks.dashboard OUT.png [TRIALS]`.

Starts a search of a trainer without Keras, the dashboard on loopback, and headless Chromium on the study's
page; prints what the dashboard's interface says at that moment, and writes the page as a picture.
"""

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.helpers.driving import contents, numpy_driver, write_study
from tests.helpers.watching import dashboard

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1400,1500",
    "--virtual-time-budget=15000",
]


def photograph(address: str, out: Path, folder: Path) -> None:
    """Writes a picture of a page, as a browser with a profile of its own shows it."""
    profile = f"--user-data-dir={folder / 'browser'}"
    command = ["chromium", *CHROMIUM, profile, f"--screenshot={out}", address]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@contextmanager
def searching(folder: Path, trials: int):
    """A search at work; yields its run's folder once a third of it is done."""
    changes = {"training": {"epochs": 12}, "asha": {"enabled": True}, "budget": {"trials": trials}}
    study = write_study(folder, changes)
    run = folder / "runs" / "toy"
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.15", HEADSEARCH_TEST_FAULTS="6=raise")
    try:
        if not driver.until(lambda: len(contents(run)) >= trials // 3):
            raise RuntimeError(driver.said)
        yield run
        if driver.process.poll() is not None:
            raise RuntimeError("the search was over before it was seen; give it more trials")
    finally:
        driver.kill()


def main(out: Path, trials: int = 60) -> None:
    folder = Path(tempfile.mkdtemp(prefix="headsearch-dashboard-"))
    try:
        with searching(folder, trials) as run, dashboard(f"sqlite:///{run / 'optuna.db'}") as shown:
            study = shown.studies()[0]
            states = [trial["state"] for trial in shown.trials(study["study_id"])]
            photograph(f"{shown.address}/dashboard/studies/{study['study_id']}", out, folder)
            print(f"study {study['study_name']}: {len(states)} trials at the dashboard,", end=" ")
            print(", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))))
            print(f"{len(contents(run))} records; {out}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), *map(int, sys.argv[2:3]))
