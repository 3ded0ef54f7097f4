"""A run that is watched: what its page shows, and what has changed of it."""

import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.commands.status import Status, status
from cluster.host_notes import HostNotes
from reports.page.data import as_text
from reports.page.live import LivePage
from reports.page.page import live_page
from search.record import Record
from search.runs.run_folder import RunFolder, read_record
from spaces.errors import RunError


class Watched:
    """A run that is watched.

    Args:
        run: its folder.

    Raises:
        RunError: this is no run's folder.
    """

    def __init__(self, run: Path) -> None:
        folder = RunFolder(run)
        self._run, self._live, self._records = run, LivePage(folder), _Records()
        self._hosts = HostNotes(folder.log.parent)
        self._name = f"{folder.path.resolve().name}: {folder.study().objective.metric}"
        self._lock = threading.Lock()

    def close(self) -> None:
        """Ends what was begun for it."""
        self._live.close()

    def page(self) -> str:
        """Returns the whole page."""
        return live_page(self._name, as_text(self._since(0)))

    def changes(self, since: int) -> str:
        """Returns what has changed after a version of the page, as JSON; or why it cannot be told."""
        return json.dumps(self._since(since), separators=(",", ":"), allow_nan=False)

    def _since(self, version: int) -> dict[str, Any]:
        try:
            with self._lock:
                now = status(self._run, read=self._records.read)
                found = self._live.changes(version, ended=now.driver is None)
        except (RunError, OSError) as error:
            return {"error": str(error)}
        return {**found, "now": {**asdict(now), **self._seen(now)}}

    def _seen(self, now: Status) -> dict[str, Any]:
        """What the driver at work sees of its hosts; null without one, or where it has not looked yet."""
        hosts = self._hosts.read()
        if hosts is None or now.driver is None or hosts.since < now.driver.since:
            return {"hosts": None, "starting": None}
        return {"hosts": [asdict(host) for host in hosts.hosts], "starting": hosts.starting}


class _Records:
    """Reads records, each once for as long as its file stays as it is."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Record]] = {}

    def read(self, path: Path, data_digest: str | None) -> Record:
        """Returns a record; see `search.runs.run_folder.read_record`."""
        stamp = path.stat().st_mtime_ns, path.stat().st_ino
        before = self._known.get(path)
        if before is None or before[0] != stamp:
            before = self._known[path] = stamp, read_record(path, data_digest)
        return before[1]
