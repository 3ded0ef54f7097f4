"""A terminal that goes away does not fail what writes to it; a file that cannot be written does."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.cli import main
from tests.conftest import ROOT
from tests.helpers.driving import write_study
from tests.helpers.edf_files import write_bids

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


def test_a_reader_that_has_seen_enough_is_no_error():
    """As `search.py spaces | head -1`."""
    command = [sys.executable, "search.py", "spaces", "--task", "labels"]
    theirs, ours = os.pipe()
    os.close(theirs)
    done = subprocess.run(command, cwd=ROOT, stdout=ours, stderr=subprocess.PIPE, text=True)
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, "")


WARNED = """
import logging, sys
from cluster.cli import main
from cluster.process_state import as_guest
if {guest}:
    with as_guest():
        logging.getLogger("search.data").warning("ignored: %s", {name!r})
    logging.getLogger("search.data").warning("after")
else:
    main(["spaces", "--help"])
    logging.getLogger("another.package").warning("ignored: %s", {name!r})
    logging.getLogger("search.data").info("not told")
"""
ODD = "a\x1b]0;owned\x07[red]b\x1b[31m\u202ec\nd"


@pytest.mark.parametrize("guest", [False, True])
def test_what_is_in_a_warning_is_shown_and_not_obeyed(guest):
    program = WARNED.format(guest=guest, name=ODD)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown = "ignored: a\\x1b]0;owned\\x07[red]b\\x1b[31m\\u202ec\\nd\n"
    assert ran.stderr == shown + "after\n" * guest


def test_a_file_name_in_a_warning_of_a_data_source_is_shown(tmp_path):
    """On a terminal, with the progress of preparing data."""
    write_bids(tmp_path / "data", patients=6, recordings=1, seconds=30)
    (tmp_path / "data" / "[red]\x1b[31mecg\n.edf").write_bytes(b"")
    study = write_study(tmp_path, {"data": {"source": "eeg", "path": "data", "form": "raw"}})
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "search.py"), "describe", str(study)]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # what reading gives once nobody holds the other end
            while chunk := os.read(ours, 4096):
                said += chunk
    os.close(ours)
    assert process.returncode == 0
    assert rb"1 EDF file ([red]\x1b[31mecg\n.edf)" in said


def test_a_traceback_is_shown_as_it_is(tmp_path, capsys):
    study = tmp_path / "\x1b[31m.yaml"
    assert main(["-v", "describe", str(study)]) == 2
    said = capsys.readouterr().err
    assert "Traceback (most recent call last):" in said
    assert r"\x1b[31m.yaml" in said
    assert "\x1b" not in said
