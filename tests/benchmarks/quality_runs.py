"""Launching one search of `tests.benchmarks.quality`, in a session of its own, and ending it in time."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import machine, marked, quality_data
from tests.conftest import ROOT

STUDY = ROOT / "tests" / "benchmarks" / "quality.yaml"
PEERS = ("ray_tune", "keras_tuner", "optuna_alone")
FORMS = ("conv3d", "conv2d")
MARK = "HEADSEARCH_QUALITY_RUN"
"""Variable by which the processes of one search are known."""
NOT_PASSED_ON = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "RAY_ADDRESS")
"""Settings of the shell that would hold a search back, or lead it to another one's Ray."""
GRACE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Search:
    """One search to be run.

    Args:
        system: `ours`, or one of `PEERS`.
        form: one of `FORMS`; None for ours.
        batch: rows per step of a peer.
        seed: its seed.
        seconds: how long it may take.
    """

    system: str
    form: str | None
    batch: int
    seed: int
    seconds: float

    @property
    def label(self) -> str:
        """Its name in tables and folders."""
        return self.system if self.form is None else f"{self.system}-{self.form}"

    @property
    def made_of(self) -> str:
        """What another search under the same label may differ in."""
        given = f"{self.seconds:g} s of {quality_data.seen_name()}"
        if self.system == "ours":
            study = hashlib.sha256(STUDY.read_bytes()).hexdigest()
            return f"{study}, mixed precision {machine.precision()}, {given}"
        return f"batch {self.batch}, {given}"

    def folder(self, out: Path) -> Path:
        """Where it writes."""
        return out / f"seed-{self.seed}" / self.label

    def command(self, folder: Path, rows: Path, began: float) -> list[str]:
        """How it is launched, from `folder` for ours and from the project for a peer."""
        if self.system == "ours":
            settings = {
                "data.path": rows / "windows.npz",
                "budget.hours": self.seconds / 3600,
                "training.mixed_precision": machine.precision(),
                "seed": self.seed,
            }
            chosen = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
            entry = [sys.executable, str(ROOT / "search.py"), "run", str(STUDY)]
            return [*entry, "--name", "run", "--address", "local", *chosen]
        options = {
            "data": rows,
            "out": folder,
            "began": began,
            "form": self.form,
            "batch": self.batch,
            "seed": self.seed,
            "seconds": self.seconds,
        }
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [sys.executable, "-m", f"tests.benchmarks.peers.{self.system}", *given]


def finished(search: Search, folder: Path) -> bool:
    """Whether a folder holds this search: of the same rows, with a peer's batch or our study unchanged.

    A change of our code is not seen: delete what it should be measured anew with.
    """
    path = folder / "run.json"
    return path.is_file() and _made_of(path) == search.made_of


def of_these_rows(path: Path) -> bool:
    """Whether a `run.json` tells of a search on the rows that `quality_data` describes."""
    return _made_of(path).endswith(quality_data.seen_name())


def _made_of(path: Path) -> str:
    made_of: str = json.loads(path.read_text(encoding="utf-8"))["made_of"]
    return made_of


def run(search: Search, folder: Path, rows: Path) -> None:
    """Runs a search for its time; `run.json` says how it went.

    Args:
        search: what to run.
        folder: its own folder, made anew.
        rows: the folder of the rows it may see.

    Raises:
        RuntimeError: it ended by itself with an error: a fault, and no result.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    load, mark = os.getloadavg()[0], uuid.uuid4().hex
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    began = time.time()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            search.command(folder.resolve(), rows.resolve(), began),
            cwd=folder if search.system == "ours" else ROOT,
            env={**environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(search.seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            ended = time.time()
            end(process, mark)
    # 473 MB, and prepared anew by every search: that is part of its time.
    shutil.rmtree(folder / "prepared", ignore_errors=True)
    if code:
        tail = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        raise RuntimeError(
            f"{search.label} ended with {code} after {ended - began:.0f} s:\n" + "\n".join(tail)
        )
    facts = {
        "system": search.label,
        "seed": search.seed,
        "made_of": search.made_of,
        "seconds": search.seconds,
        "commit": machine.commit(),
        "began": began,
        "wall_s": round(ended - began, 3),
        "ended_by_itself": code is not None,
        "load": load,
    }
    (folder / "run.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def end(process: "subprocess.Popen[bytes]", mark: str, grace_s: float = GRACE_S) -> None:
    """Ends a search and all that it started, by force after `grace_s`; returns when nothing is left."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    deadline = time.monotonic() + grace_s
    # Ray's processes leave the group of their driver, and outlive it by a moment.
    marked.end(MARK, mark, lambda: process.poll() is None or time.monotonic() > deadline)
    process.wait()
