"""What benchmarks come to is told rightly; what they measure is measured by `make bench`, never here."""

import importlib
import math
import re
import subprocess

import numpy as np
import pytest
from rich.console import Console

from tests.benchmarks import __main__ as bench
from tests.benchmarks import busy, machine, marked, scaling, spans, sweep
from tests.benchmarks.results import Result, Target, exponent, from_json, grown, markdown, paired, table
from tests.benchmarks.spans import Span
from tests.benchmarks.test_quality import PARENT, wait_for_both

SLOWER = Result(
    what="a", ours=(3.0, 2.0, 8.0), unit="s", against="floor", theirs=(1.0, 2.0, 2.0),
    target=Target(limit=2, of="ratio"),
)  # fmt: skip
FASTER = Result(
    what="b", ours=(1.0, 2.0), unit="s", against="peer", theirs=(20.0, 20.0), ratio_of="theirs/ours",
    target=Target(limit=10, sense="at least", of="ratio"), note="as users | write it",
)  # fmt: skip
FAILED = Result(what="c", error="exit code 1; ValueError: no", target=Target(limit=1))


def test_ratios_are_of_rounds_not_of_medians():
    assert SLOWER.ratios == (3.0, 1.0, 4.0)  # median 3; of the medians it would be 1.5, which is met
    assert SLOWER.met is False
    assert FASTER.ratios == (20.0, 10.0)
    assert FASTER.met is True


def test_a_target_of_ours_is_held_against_ours():
    assert Result(what="x", ours=(0.89,), target=Target(limit=0.9, sense="at least")).met is False
    assert Result(what="x", ours=(0.9,), target=Target(limit=0.9, sense="at least")).met is True
    assert Result(what="x", ours=(1.0,)).met is None
    assert Result(what="x", ours=(math.nan,), target=Target(limit=1)).met is False
    assert FAILED.met is False


def test_what_was_never_reached_is_a_ratio_below_one():
    never = Result(
        what="x", ours=(math.inf, math.inf, 3.0), theirs=(9.0, 9.0, 9.0), against="peer",
        ratio_of="theirs/ours", target=Target(limit=2, sense="at least", of="ratio"),
    )  # fmt: skip
    assert never.met is False
    assert never.cells()[1] == "never (3.00 to never)"
    assert never.cells()[3] == "< 1 (< 1 to 3.00)"
    assert Result(what="x", ours=(0.002,), theirs=(1.0,)).cells()[3] == "0.00200"
    assert from_json(never.to_json()) == never


def test_a_result_needs_a_number_or_a_reason_and_whole_pairs():
    with pytest.raises(ValueError, match="needs a number or an error"):
        Result(what="x")
    with pytest.raises(ValueError, match="paired, but got 2 of ours and 1 of theirs"):
        Result(what="x", ours=(1.0, 2.0), theirs=(1.0,))


def test_rounds_are_taken_in_turn():
    calls = []
    rounds = paired(2, lambda: calls.append("ours") or 1.0, lambda: calls.append("floor") or 2.0)
    assert list(rounds) == [(1.0, 2.0)] * 2
    assert calls == ["ours", "floor", "ours", "floor"]


def test_results_pass_from_one_process_to_another():
    for result in (SLOWER, FASTER, FAILED):
        assert from_json(result.to_json()) == result


def test_the_table_says_met_or_missed(tmp_path):
    with (tmp_path / "out").open("w+") as file:
        Console(width=200, file=file).print(table([SLOWER, FASTER, FAILED]))
        file.seek(0)
        said = file.read()
    assert re.search(
        r"a +│ 3\.00 s \(2\.00 to 8\.00\) +│ floor: .* │ 3\.00 \(1\.00 to 4\.00\) │ <= 2x .*missed", said
    )
    assert re.search(r"b .*│ >= 10x │ met", said)
    assert re.search(r"c +│ failed: exit code 1; ValueError: no .*missed", said)


def test_the_log_keeps_machine_commit_and_rows():
    block = bench.block([SLOWER, FASTER, FAILED], False, "2 cores", minutes=3.2)
    assert re.match(r"\n## \d{4}-\d\d-\d\d, `make bench`\n2 cores; commit .+; 3 min\.\n\n\| what \|", block)
    rows = [line for line in block.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert {row.count("|") for row in rows} == {7}
    assert block.endswith("- b: as users | write it\n")


def test_the_machine_is_told_without_its_name():
    import platform

    said = machine.described()
    assert re.match(r"\d+ cores \(.+\), \d+ GiB, .+; load [\d.]+ before$", said)
    assert platform.node() not in said


def test_an_exponent_is_exact_on_exact_data():
    x = [10, 100, 1000, 5000]
    assert exponent(x, [3 * v**1.7 for v in x]) == pytest.approx(1.7, abs=1e-9)
    told = grown("y against x", [1, 2, 4], [1, 2, 8], "s at")
    assert told.ours[0] == pytest.approx(1.5)
    assert "1.00 to 2.00 between neighbours" in told.note


def test_every_benchmark_there_is_has_results():
    for benchmark in bench.BENCHMARKS:
        module = importlib.import_module(f"tests.benchmarks.{benchmark.name}")
        assert callable(module.results), benchmark.name
    assert sum(benchmark.minutes for benchmark in bench.BENCHMARKS) <= 90


def test_a_benchmark_that_fails_is_a_row_that_says_so(monkeypatch):
    missing = bench.Benchmark("no_such_benchmark", 1, 1, "nothing")
    (row,) = bench.measured(missing, full=False)
    assert row.what == "nothing"
    assert "exit code 2" in row.error
    monkeypatch.setattr(bench, "PATIENCE", 0)
    (row,) = bench.measured(bench.BENCHMARKS[0], full=False)
    assert "took longer than 0 min" in row.error


def test_what_a_benchmark_started_ends_with_it(monkeypatch):
    """Also what has a session of its own, as the searches of `quality` have."""
    marks = []

    def popen(command, *, env, **options):
        marks.append(env[bench.MARK])
        process = started(PARENT, env=env, **options)
        wait_for_both(bench.MARK, marks[0])
        return process

    started = subprocess.Popen
    monkeypatch.setattr(bench.subprocess, "Popen", popen)
    monkeypatch.setattr(bench, "PATIENCE", 0)
    (row,) = bench.measured(bench.BENCHMARKS[0], full=False)
    assert "took longer" in row.error
    assert marked.started(bench.MARK, marks[0]) == []


def trial(pid: int, number: int, began: float, *parts: tuple[str, float]) -> list[Span]:
    """A trial of one rung whose parts follow one another."""
    found, at = [], began
    for what, seconds in parts:
        found.append(Span(pid, number, what, at, at + seconds))
        at += seconds
    return [*found, Span(pid, number, spans.RUNG, began, at)]


def test_shares_of_a_workers_time_sum_to_one_and_end_with_the_last_start():
    found = [
        *trial(1, 0, 0.0, (spans.BUILD, 1.0), (spans.FIT, 3.0), (spans.EVALUATE, 1.0)),
        *trial(1, 2, 6.0, (spans.FIT, 3.0), (spans.MEASURE, 1.0)),
        *trial(2, 1, 1.0, (spans.FIT, 7.0), (spans.MEASURE, 1.0)),
        *trial(1, 3, 10.0, (spans.FIT, 9.0)),  # the last start: nothing after it counts
    ]
    share, gaps = busy.shares(found, workers=2)
    assert sum(share.values()) == pytest.approx(1)
    assert busy.busy(share) == pytest.approx((3 + 1 + 3 + 7) / 20)
    assert share["before a worker's first trial"] == pytest.approx(1 / 20)
    assert share["after a worker's last trial"] == pytest.approx(1 / 20)
    assert share["between trials"] == pytest.approx(1 / 20)
    assert sorted(gaps) == [0.0, 1.0]


def test_the_seconds_of_a_trial_are_those_of_trained_ones_and_apart_for_a_workers_first():
    found = [
        *trial(1, 0, 0.0, (spans.BUILD, 1.0), (spans.MEASURE, 9.0)),  # a baseline
        *trial(1, 1, 10.0, (spans.IMPORT, 5.0), (spans.BUILD, 1.0), (spans.FIT, 3.0)),
        *trial(1, 2, 20.0, (spans.IMPORT, 0.0), (spans.FIT, 2.0)),
        *trial(1, 2, 30.0, (spans.FIT, 4.0), (spans.EVALUATE, 1.0)),  # its second rung
        *trial(1, 3, 40.0, (spans.IMPORT, 0.0), (spans.FIT, 2.0), ("?", 1.0)),
        *trial(2, 4, 0.0, (spans.IMPORT, 7.0), (spans.FIT, 1.0)),
    ]
    first = {spans.IMPORT: 6.0, spans.BUILD: 0.5, spans.FIT: 2.0, spans.RUNG: 8.5}
    assert busy.one_trial(found, first=True) == first
    later = busy.one_trial([span for span in found if span.what != "?"], first=False)
    assert later == {spans.IMPORT: 0.0, spans.FIT: 4.0, spans.EVALUATE: 0.5, spans.RUNG: 5.0}
    assert busy.in_words(later) == "fit 4.00 s, evaluate 0.50 s, else 0.50 s, import 0.00 s"


def test_throughput_counts_once_all_workers_are_there():
    found = [
        *(span for k in range(10) for span in trial(1, k, 2.0 * k, (spans.FIT, 2.0))),
        *(span for k in range(3) for span in trial(2, 10 + k, 10 + 2.0 * k, (spans.FIT, 2.0))),
    ]
    # From 12 s, when the second has finished its first, to 18 s: three trials of one and two of the other.
    assert scaling.throughput(found, workers=2) == pytest.approx(5 / 6)
    assert scaling.throughput(found, workers=3) == 0.0


def test_a_sweep_is_held_against_brute_force(monkeypatch):
    sweep.check_small(0)
    y, score = sweep.drawn(5000, seed=0)
    sweep.check_large(y, score)
    right = sweep.curve
    monkeypatch.setattr(sweep, "curve", lambda y, score: right(y, score + np.float32(0.01)))
    with pytest.raises(AssertionError):
        sweep.check_large(y, score)


def test_the_log_is_markdown():
    assert markdown([SLOWER]).splitlines()[1] == "| --- | --- | --- | --- | --- | --- |"
