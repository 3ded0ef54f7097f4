"""The process that logs a run to one tracker: it follows the records in the run's folder.

Trackers may be slow or gone, and their libraries are large, change the logging of the process and hold its
interpreter for seconds. In a process of its own none of this reaches the search.

`python -m cluster.tracker_process NAME PLACE RUN`, started by `cluster.tracking`, which ends it by a line
on standard input: how the search ended. `python -m cluster.tracker_process mlflow PLACE RUN TRIAL BUNDLE`
logs a promoted model. What it prints on standard output is for the user.
"""

import fcntl
import os
import re
import select
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TextIO

from cluster.tracked_values import End
from search.record import Record
from search.runs.run_folder import RunFolder
from spaces.errors import one_line

POLL_S = 1.0
"""How often the run's folder is looked at."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Before the first attempt after a failure, and the longest before a later one."""
LONGEST = 300
"""Characters of a failure that are told."""


class Tracker(Protocol):
    """One run in a tracker, looked up or begun when it is made."""

    @property
    def where(self) -> str:
        """Where the run is found, in words."""

    def has(self, record: Record) -> bool:
        """Whether a trial stands in it whole, as it is recorded."""

    def log(self, record: Record) -> None:
        """Logs a finished trial; replaces what stands there of it."""

    def end(self, state: End) -> None:
        """Notes how the search ended."""


def follow(
    connect: Callable[[], Tracker],
    folder: RunFolder,
    ended: Callable[[float], End | None],
    say: Callable[[str], None],
) -> None:
    """Logs every record of a run, and its end; begins again with a new connection after a failure.

    Nothing is remembered over a failure, for who knows what was written: the tracker is looked at anew. What
    then fails with the search at its end is left to `resume`.

    Args:
        connect: makes the tracker.
        folder: the run.
        ended: waits so many seconds, or until the search ends; returns how it ended, None if it goes on.
        say: called with one line: where the run is found, that the tracker fails, that it is back.
    """
    failing, shown, pause_s = False, False, PAUSE_S
    while True:
        last = ended(0) is not None
        try:
            tracker, seen = connect(), set[str]()
            if not shown:
                shown = True
                say(tracker.where)
            state = ended(0)
            while True:
                for record in _new(folder, seen):
                    if not tracker.has(record):
                        tracker.log(record)
                    seen.add(record.ask.trial_id)
                if failing:
                    failing, pause_s = False, PAUSE_S
                    say("is logged to again")
                if state is not None:
                    tracker.end(state)
                    return
                state = ended(POLL_S)
        except Exception as error:  # whatever it is: the search goes on
            if not failing:
                say(f"fails, and the search goes on: {told(error)}")
            if last:
                say("is given up with the search at its end; resume logs what is missing")
                return
            failing = True
            began = time.monotonic()
            ended(pause_s)
            time.sleep(max(0.0, min(pause_s, PAUSE_S) - (time.monotonic() - began)))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _new(folder: RunFolder, seen: set[str]) -> list[Record]:
    """The records of trials that were not seen; the first time all at once, which is faster."""
    if not seen:
        return folder.records()
    return [folder.record(trial_id) for trial_id in folder.trial_ids() if trial_id not in seen]


def told(error: BaseException) -> str:
    """Returns an error as one line, without what an address in it may hold before its host."""
    return re.sub(r"://[^/\s@]*@", "://", one_line(error, LONGEST, named=True))


class DriverPipe:
    """What the driver says on a pipe: how the search ended. A driver that is gone ends this process.

    Args:
        pipe: where it says so.
    """

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe
        self._state: End | None = None

    def ended(self, wait_s: float) -> End | None:
        """Waits so long for the end of the search; returns how it ended, or None.

        Raises:
            SystemExit: the driver is gone; what is missing is logged by `resume`.
        """
        if self._state is None and select.select([self._pipe], [], [], wait_s)[0]:
            match self._pipe.readline().strip():
                case "FINISHED" | "FAILED" | "KILLED" as state:
                    self._state = state
                case _:
                    raise SystemExit(1)
        return self._state


def connector(name: str, place: str, folder: RunFolder) -> Callable[[], Tracker]:
    """Returns what connects to a tracker."""
    if name == "mlflow":
        from cluster.mlflow_tracker import MlflowTracker

        return lambda: MlflowTracker(place, folder)
    from cluster.tensorboard_tracker import TensorboardTracker

    return lambda: TensorboardTracker(Path(place), folder)


def main(name: str, place: str, run: Path, promoted: Sequence[str]) -> None:
    """Follows a run, alone: an earlier process that is still busy with it is waited for.

    Args:
        name, place: the tracker.
        run: the run's folder.
        promoted: the id of a trial and its bundle, which are logged instead.
    """
    user, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    folder = RunFolder(run)

    def say(line: str) -> None:
        with suppress(OSError):
            user.write(f"{line}\n")
            user.flush()

    with (folder.log.parent / f"{name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if promoted:
            from cluster.mlflow_tracker import MlflowTracker

            trial_id, bundle = promoted
            try:
                tracker = MlflowTracker(place, folder, searching=False)
                say(tracker.promoted(folder.record(trial_id), Path(bundle)))
            except Exception as error:  # the bundle is done, whatever a tracker does
                say(f"the model could not be logged: {told(error)}")
        else:
            follow(connector(name, place, folder), folder, DriverPipe(sys.stdin).ended, say)
    os._exit(0)  # threads of a library must not keep it


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
