"""Progress of jobs: plain lines elsewhere than on a terminal, one bar there, no error where it went away."""

import io

import pytest
from rich.console import Console

from cluster import progress
from cluster.progress import JobProgress


def test_elsewhere_than_on_a_terminal_each_job_is_a_line():
    console = Console(file=io.StringIO(), width=80)
    with JobProgress(console, "folds", 2) as shown:
        shown.done("p1: f1 0.9")
        shown.done("p2: f1 0.8")
    assert console.file.getvalue() == "1/2 folds, p1: f1 0.9\n2/2 folds, p2: f1 0.8\n"


def test_counted_jobs_are_a_line_every_ten_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=80)
    with JobProgress(console, "preparing") as shown:
        for done in range(1, 26):
            now[0] += 1.0
            shown.on_done(done, 25)
    assert console.file.getvalue() == "preparing: 10 of 25\npreparing: 20 of 25\n"


@pytest.mark.parametrize("total", [2, 0])
def test_on_a_terminal_a_bar_says_it_and_no_line(total):
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    with JobProgress(console, "folds", total) as shown:
        shown.on_done(1, 2)
        shown.on_done(2, 2)
    said = console.file.getvalue()
    assert "2/2" in said
    assert "folds: " not in said


def test_a_terminal_that_goes_away_is_no_error():
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError("gone")

    with JobProgress(Console(file=Gone(), force_terminal=True, width=80), "folds", 2) as shown:
        shown.done("p1")
    with JobProgress(Console(file=Gone(), width=80), "folds", 2) as shown:
        shown.done("p1")
