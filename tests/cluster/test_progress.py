"""Progress of jobs: plain lines elsewhere than on a terminal, one bar there, no error where it went away.

Of a search: the best configuration by its mean, and once that its space is used up.
"""

import io
import math

import pytest
from rich.console import Console

from cluster import progress
from cluster.progress import JobProgress, Progress
from search.trials.trial import Finished
from tests.helpers.records import config_of, record, seed_of


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


def finished(made) -> Finished:
    return Finished(made, None, None, [], done=True)


def test_a_best_that_says_the_same_of_every_row_is_marked(tmp_path):
    console = Console(file=io.StringIO(), width=200)
    with Progress(8, [], tmp_path / "driver.log", console) as shown:
        shown.on_record(finished(record(2, value=0.9, threshold_score=math.inf)))
        assert "best f1 0.900 (sigmoid, trial 00002, constant)" in shown.line()
        shown.on_record(finished(record(3, value=0.1)))
        assert "best f1 0.100 (sigmoid, trial 00003)" in shown.line()


def test_a_space_that_is_used_up_is_told_once(tmp_path):
    console = Console(file=io.StringIO(), width=200)
    space = frozenset({config_of(0), config_of(1)})
    line = "the space holds 2 configurations, all tried: further trials are further seeds of them"
    log = tmp_path / "driver.log"
    with Progress(8, [record(7, value=0.2)], log, console, space=space) as shown:
        shown.on_record(finished(seed_of(0, 2, value=0.9)))
        shown.on_record(finished(seed_of(0, 3, value=0.3)))
        assert line not in console.file.getvalue()
        shown.on_record(finished(seed_of(1, 4, value=None, state="failed", error="no")))
        assert console.file.getvalue().count(line) == 1
        shown.on_record(finished(seed_of(1, 5, value=0.5)))
        assert "best f1 0.600 (sigmoid, trial 00002, mean of 2 seeds)" in shown.line()
        shown.on_record(finished(seed_of(0, 6, value=0.0)))
        assert "best f1 0.500 (sigmoid, trial 00005)" in shown.line()
    assert console.file.getvalue().count(line) == 1
    assert log.read_text().count(line) == 1
    console = Console(file=io.StringIO(), width=200)
    with Progress(8, [seed_of(0, 2), seed_of(1, 4)], log, console, space=space):
        assert console.file.getvalue() == f"{line}\n", "a run that goes on says it, too"


def test_a_space_of_ranges_is_never_used_up(tmp_path):
    console = Console(file=io.StringIO(), width=200)
    with Progress(3, [], tmp_path / "driver.log", console) as shown:
        for number in range(3):
            shown.on_record(finished(record(number)))
    assert "space" not in console.file.getvalue()
