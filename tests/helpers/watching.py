"""Optuna's dashboard on loopback, and what it answers."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ANSWER_S = 60


class Dashboard:
    """A dashboard that runs.

    Args:
        address: where, without a path.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def studies(self) -> list[dict[str, Any]]:
        """The studies it lists."""
        return self._answer("/api/studies")["study_summaries"]

    def trials(self, study_id: int) -> list[dict[str, Any]]:
        """The trials of a study that it shows."""
        return self._answer(f"/api/studies/{study_id}?after=0")["trials"]

    def _answer(self, path: str) -> Any:
        deadline = time.monotonic() + ANSWER_S
        while True:
            try:
                with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                    return json.load(answer)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def dashboard(url: str) -> Iterator[Dashboard]:
    """Runs a dashboard of a database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).parent / "optuna-dashboard")
    process = subprocess.Popen(
        [program, url, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Dashboard(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
