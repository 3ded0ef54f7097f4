"""The lock that a driver holds on its run, and who holds it."""

import contextlib
import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

TRIES, PAUSE_S = 10, 0.05
"""Who only asks whether a driver is at work holds the lock for an instant, which is waited for."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Who holds the lock.

    Args:
        process: its id.
        host: where it runs.
        since: when it took the lock, with a time zone, in ISO format.
    """

    process: int
    host: str
    since: str


class DriverLock:
    """The lock in a run's folder of logs. It goes with the process that holds it, however that ends.

    Args:
        logs: the folder.
    """

    def __init__(self, logs: Path) -> None:
        self._path = logs / "driver.lock"

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Holds the lock; yields False where another process does."""
        with self._path.open("ab", buffering=0) as lock:
            for attempt in range(TRIES):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if attempt == TRIES - 1:
                        yield False
                        return
                    time.sleep(PAUSE_S)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            holder = Driver(process=os.getpid(), host=platform.node(), since=since)
            with contextlib.suppress(OSError):  # a note for people: a full disk does not keep the lock away
                lock.truncate(0)
                lock.write(json.dumps(asdict(holder)).encode())
            yield True

    def driver(self) -> Driver | None:
        """Returns the driver that holds the lock now; None if there is none."""
        with contextlib.suppress(OSError), self._path.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self.last() or Driver(process=0, host="unknown", since="")
        return None

    def last(self) -> Driver | None:
        """Returns who held the lock last, or holds it; None where that was not noted."""
        try:
            return Driver(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
