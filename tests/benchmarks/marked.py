"""Processes known by a variable of their environment, whoever their parent, group or session is by now."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def started(variable: str, mark: str) -> list[int]:
    """The processes that carry a mark."""
    wanted, found = f"{variable}={mark}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        # Another's process, or one that is gone; a zombie's is empty.
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def end(variable: str, mark: str, by_force: Callable[[], bool]) -> None:
    """Returns when no process carries the mark; kills those that do once `by_force` says so."""
    while left := started(variable, mark):
        if by_force():
            for number in left:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        time.sleep(0.2)
