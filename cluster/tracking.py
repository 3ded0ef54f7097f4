"""Starts the processes that log a run to the user's trackers, and ends them when the search ends."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from cluster.tracked_values import End
from search.hosts.provenance import ROOT
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from spaces.study import Study

CLOSE_S = 60.0
"""What the end of a run waits for its trackers."""
EXTRAS = {"mlflow": ("mlflow", "mlflow-skinny"), "tensorboard": ("tensorboardX", "tensorboardX")}
"""Of each tracker the module that writes to it, and the package that brings it."""


def places(study: Study) -> dict[str, str]:
    """Returns the trackers that a study names, with their places."""
    named = {"mlflow": study.track.mlflow, "tensorboard": study.track.tensorboard}
    return {name: place for name, place in named.items() if place is not None}


def check_trackers(study: Study) -> None:
    """Refuses a study whose trackers lack a package here; whether a server answers is not asked.

    Raises:
        RunError: a package is missing.
    """
    for name in places(study):
        module, package = EXTRAS[name]
        found = find_spec(module)
        if found is None or found.origin is None:  # a folder of that name is no package
            raise RunError(
                f"track.{name} needs the package {package}, but this Python ({sys.executable}) lacks it; "
                f"install the extra {name} of pyproject.toml (uv pip install {package}), "
                f"or leave track.{name} out"
            )


class Tracking:
    """Logs a run to its trackers while a search goes on; nothing that they do reaches it.

    Args:
        folder: the run, with its study written.
        study: names the trackers.
        say: called with one line where a run is found, and when a tracker fails or is back.
        close_s: what the end waits for all of them.
    """

    def __init__(
        self, folder: RunFolder, study: Study, say: Callable[[str], None], close_s: float = CLOSE_S
    ) -> None:
        self._folder, self._places, self._say, self._close_s = folder, places(study), say, close_s
        self._followers: list[_Follower] = []
        self._state: End = "FAILED"

    def __enter__(self) -> "Tracking":
        for name, place in self._places.items():
            try:
                self._followers.append(_Follower(name, place, self._folder, self._say))
            except OSError as error:
                self._say(f"{name}: could not be started, and the search goes on: {error}")
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        state: End = "KILLED" if interrupted else self._state
        deadline = time.monotonic() + self._close_s
        try:
            for follower in self._followers:
                follower.end(state)
            for follower in self._followers:
                follower.wait(deadline)
        finally:
            for follower in self._followers:
                follower.kill()

    def ended(self, *, whole: bool) -> None:
        """Notes that the search ended by itself, or was interrupted; one of which this is not said failed."""
        self._state = "FINISHED" if whole else "KILLED"


class _Follower:
    """The process of one tracker; see `cluster.tracker_process`."""

    def __init__(self, name: str, place: str, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._name, self._say, self._folder = name, say, folder
        with (folder.log.parent / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                _command(name, place, folder),
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # an interrupt of the driver is none of it
            )
        self._reader = threading.Thread(target=self._read, name=f"{name} tracker", daemon=True)
        self._reader.start()

    def end(self, state: End) -> None:
        """Says how the search ended."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(f"{state}\n")
                self._process.stdin.flush()

    def wait(self, deadline: float) -> None:
        """Waits for what is left to be logged, and says if something is missing."""
        missing = "resume logs what is missing"
        try:
            code = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._tell(f"did not take everything in time; {missing}")
            return
        self._reader.join(1.0)
        if code:
            self._tell(f"ended early, see {self._folder.log.parent / f'{self._name}.log'}; {missing}")

    def kill(self) -> None:
        """Ends the process, if it is still there."""
        self._process.kill()
        self._process.wait()
        self._reader.join(1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._tell(line.rstrip("\n"))

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # a terminal that went away is not an error
            self._say(f"{self._name}: {line}")


def promoted(folder: RunFolder, study: Study, trial_id: str, bundle: Path) -> Iterator[str]:
    """Logs the model of a bundle to MLflow, if the study names one; yields lines to print.

    Args:
        folder: the run.
        study: names the trackers.
        trial_id: the trial that was promoted.
        bundle: its folder.
    """
    if study.track.mlflow is None:
        return
    command = [*_command("mlflow", study.track.mlflow, folder), trial_id, str(bundle)]
    try:
        ended = subprocess.run(
            command,
            env=_environment(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=CLOSE_S,
        )
    except subprocess.TimeoutExpired:
        yield "mlflow: the model could not be logged: it does not answer"
        return
    lines = ended.stdout.splitlines() or [f"the model could not be logged: {ended.stderr.strip()[-300:]}"]
    yield from (f"mlflow: {' '.join(line.split())}" for line in lines)


def _command(name: str, place: str, folder: RunFolder) -> list[str]:
    # -P: in the folder where one stands may lie a search.py.
    return [sys.executable, "-P", "-m", "cluster.tracker_process", name, place, str(folder.path)]


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}
