"""Drivers as processes of their own, to be watched and killed; and small studies for them to run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from search.runs.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
"""Nothing that a test waits for takes longer, on a busy machine too."""

STARTED: list["Driver"] = []
"""Every driver of this process."""


def write_data(path: Path, *, seed: int = 0, rows: int = 480, features: int = 4, labels=(0, 1)) -> None:
    """Writes a learnable two-class problem of 24 groups, 40% of whose rows are positive."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"g{k:02d}" for k in range(24)], rows // 24)
    y = (rng.random(rows) < 0.4).astype(int)
    x = rng.normal(size=(rows, features)) + 0.9 * y[:, None] * (np.arange(features) < 2)
    np.savez(path, X=x.astype(np.float32), y=np.array(labels)[y], group=groups)


def write_study(folder: Path, changes: dict | None = None, **data) -> Path:
    """Writes `data.npz` and `study.yaml` into a folder; returns the study's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder / "data.npz", **data)
    study = {
        "name": "toy",
        "data": {"source": "npz", "path": "data.npz", "group": "group"},
        "trunk": {"name": "mlp", "width": 0.1},
        "training": {"epochs": 3},
        "asha": {"enabled": False},
        "budget": {"trials": 6},
        **(changes or {}),
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def environment(**more: str) -> dict[str, str]:
    """Returns this process's environment for a driver, with the project on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


class Driver:
    """A driver in a session of its own, as under a terminal.

    Args:
        command: what to run, after `python`.
        folder: where it runs, and where it writes `out.txt` and `err.txt`.
        more: added to its environment.
    """

    def __init__(self, command: list[str], folder: Path, **more: str) -> None:
        self.folder = folder
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        STARTED.append(self)

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Waits for the driver's end, kills it if that does not come, and returns its exit code."""
        try:
            return self.process.wait(timeout_s)
        finally:
            if self.process.poll() is None:
                self.kill()

    def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Waits until a condition holds; False if the driver ended before."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if self.process.poll() is not None:
                return condition()
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"waited {timeout_s} s in vain: {self.said}")
            time.sleep(0.03)  # some conditions read every record
        return True

    def signal_all(self, number: int) -> None:
        """Signals the driver's whole process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> dict[tuple[int, int], str]:
        """`kill -9` of the driver alone; returns the processes below it, see `descendants`."""
        children = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        return children

    @property
    def said(self) -> str:
        """What it wrote on standard output and error."""
        return self._out.read_text() + self._err.read_text()

    @property
    def errors(self) -> list[str]:
        """The lines it wrote on standard error."""
        return self._err.read_text().splitlines()


def numpy_driver(study: Path, *arguments: str, **more: str) -> Driver:
    """Starts `tests.helpers.numpy_driver` on a study; its runs are beside the study."""
    folder = study.parent
    command = ["-m", "tests.helpers.numpy_driver", str(study), str(folder / "runs"), *arguments]
    return Driver(command, folder, **more)


def finish(study: Path, *arguments: str, **more: str) -> Driver:
    """Lets `tests.helpers.numpy_driver` run to its end."""
    driver = numpy_driver(study, *arguments, **more)
    driver.wait()
    return driver


def stop_all() -> None:
    """Kills every driver that still runs, so that a test that failed leaves none behind."""
    for driver in STARTED:
        if driver.process.poll() is None:
            driver.kill()


def contents(run: Path) -> dict[str, bytes]:
    """Returns every record of a run, byte for byte."""
    return {path.name: path.read_bytes() for path in sorted((run / "records").glob("*.json"))}


def check_complete(run: Path, trials: int) -> None:
    """Asserts that trials 0 to n - 1 stand once each in records, scores and leaderboard."""
    import pyarrow.parquet as pq

    folder = RunFolder(run)
    records = folder.records()
    assert [record.ask.number for record in records] == list(range(trials))
    rows = pq.read_table(folder.leaderboard).to_pylist()
    assert sorted(row["trial_id"] for row in rows) == [record.ask.trial_id for record in records]
    n = len(folder.reference().y)
    for record in records:
        if record.state != "failed":
            raw, score = folder.scores(record.ask.trial_id)
            assert raw.shape == score.shape == (n,)


def descendants(pid: int) -> dict[tuple[int, int], str]:
    """Returns all processes below a process: (pid, start time) -> name."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        child = int(path.parent.name), int(fields[19])
        parents[child], names[child] = int(fields[1]), name.partition("(")[2]
    below, found = {pid}, {}
    while True:
        new = {key: names[key] for key in parents if parents[key] in below and key not in found}
        if not new:
            return found
        found |= new
        below |= {key[0] for key in new}


def workers(pid: int) -> list[int]:
    """Returns the processes below a process, a driver or a raylet, that train trials or are about to."""
    return [child for child, _ in descendants(pid) if b"Trainable" in command_of(child)]


def command_of(pid: int) -> bytes:
    """Returns a process's command line; empty if it is gone. Ray's workers write there what they do."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def start_of(pid: int) -> int | None:
    """Returns when a process was started, in ticks since boot; None if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def assert_gone(processes: dict[tuple[int, int], str], timeout_s: float = 120) -> None:
    """Waits until processes have ended; ends those that have not, and fails.

    Ray's agents look for their raylet every few seconds, and give it half a minute to come back.
    """
    deadline = time.monotonic() + timeout_s
    left = list(processes)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [(pid, start) for pid, start in left if start_of(pid) == start]
    for pid, _ in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"processes outlived their driver: {[processes[key] for key in left]}"
