"""A terminal that goes away does not fail what writes to it; a file that cannot be written does."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = """
import sys, time
{first}
open({ready!r}, "w").close()
while not __import__("os").path.exists({gone!r}):
    time.sleep(0.05)
from rich.console import Console
print("x" * 100_000)
print("e", file=sys.stderr)
Console().print("y" * 1000)
"""
OUTLAST = "from cluster.terminal import outlast_terminal; outlast_terminal()"


def ended(first: str, folder: Path, output: int, close: int | None = None) -> int:
    """Runs the program, ends its terminal once it is ready, and returns its exit code."""
    ready, gone = folder / "ready", folder / "gone"
    program = PROGRAM.format(first=first, ready=str(ready), gone=str(gone))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    os.close(output)
    while not ready.exists():
        assert process.poll() is None
    if close is not None:
        os.close(close)
    gone.touch()
    return process.wait(60)


@pytest.mark.parametrize(("first", "good"), [(OUTLAST, True), ("", False)])
def test_a_terminal_that_goes_away(tmp_path, first, good):
    ours, theirs = pty.openpty()
    assert (ended(first, tmp_path, theirs, close=ours) == 0) is good


def test_a_full_disk_is_still_an_error(tmp_path):
    assert ended(OUTLAST, tmp_path, os.open("/dev/full", os.O_WRONLY)) != 0
