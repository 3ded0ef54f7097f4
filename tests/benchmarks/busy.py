"""How busy workers are, and where the rest of their time goes: `python -m tests.benchmarks.busy [--full]`.

Busy are the seconds inside `fit` and `evaluate`, which are those that a record's `train_s` counts: training
with the steering after each epoch, and the best epoch's scores with the proof of their decode. Thresholds,
intervals and making the network are not. They stand over workers x wall, both from the start of the first
trial to the start of the last.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np

from tests.benchmarks import spans
from tests.benchmarks.results import Result, Target, shown
from tests.benchmarks.spans import Span
from tests.benchmarks.studies import cores, quickstart, run_here

TRIALS = 64


def shares(found: Sequence[Span], workers: int) -> tuple[dict[str, float], list[float]]:
    """Where the time between the first trial's start and the last one's went.

    Args:
        found: all spans of a search, or of trials that were made up.
        workers: processes that could have been at work all the time.

    Returns:
        Shares of workers x wall, which sum to 1; and the seconds between the end of a trial and the start of
        the next on the same worker, one per change.
    """
    rungs = [span for span in found if span.what == spans.RUNG]
    starts: dict[int, float] = {}
    for span in rungs:
        starts[span.number] = min(span.began, starts.get(span.number, span.began))
    first, last = min(starts.values()), max(starts.values())
    spent: dict[str, float] = {}
    gaps = []

    def spend(what: str, began: float, ended: float) -> None:
        spent[what] = spent.get(what, 0.0) + max(0.0, min(ended, last) - max(began, first))

    for span in found:
        spend(span.what, span.began, span.ended)
    for pid in {span.pid for span in rungs}:
        own = sorted((span for span in rungs if span.pid == pid), key=lambda span: span.began)
        spend("before a worker's first trial", first, own[0].began)
        for before, after in pairwise(own):
            between = before.number != after.number
            spend("between trials" if between else "between rungs", before.ended, after.began)
            gaps += [after.began - before.ended] if between else []
        spend("after a worker's last trial", own[-1].ended, last)
    inside = spent.pop(spans.RUNG)
    parts = (spans.IMPORT, spans.BUILD, spans.FIT, spans.EVALUATE, spans.MEASURE)
    spent["else in a trial"] = inside - sum(spent.get(part, 0.0) for part in parts)
    total = workers * (last - first)
    spent["no such worker"] = total - inside - sum(
        spent.get(part, 0.0)
        for part in ("before a worker's first trial", "between trials", "between rungs",
                     "after a worker's last trial")
    )  # fmt: skip
    return {what: seconds / total for what, seconds in spent.items()}, gaps


def busy(share: dict[str, float]) -> float:
    """The share inside `fit` and `evaluate`."""
    return share[spans.FIT] + share[spans.EVALUATE]


def one_trial(found: Sequence[Span], *, first: bool) -> dict[str, float]:
    """Where the seconds of one trained trial go, the mean over trials.

    Args:
        found: all spans of a search.
        first: whether of trials that were a worker's first to be trained, which import Keras; else of all
            others.

    Returns:
        Seconds by part, the whole under `spans.RUNG`; empty where there are no such trials.
    """
    trained = {span.number for span in found if span.what == spans.FIT and span.ended > span.began}
    trained &= {span.number for span in found if span.what == spans.IMPORT}  # baselines import nothing
    earliest: dict[int, Span] = {}
    for span in sorted(found, key=lambda span: span.began):
        if span.number in trained:
            earliest.setdefault(span.pid, span)
    wanted = {span.number for span in earliest.values()}
    wanted = wanted if first else trained - wanted
    total: dict[str, float] = {}
    for span in found:
        if span.number in wanted:
            total[span.what] = total.get(span.what, 0.0) + span.ended - span.began
    return {what: seconds / len(wanted) for what, seconds in total.items()}


def in_words(parts: dict[str, float]) -> str:
    """`fit 3.10 s, evaluate 0.20 s, ...`, the longest first, and what is left of the whole."""
    named = {what: seconds for what, seconds in parts.items() if what != spans.RUNG}
    named["else"] = parts[spans.RUNG] - sum(named.values())
    listed = sorted(named.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{what} {seconds:.2f} s" for what, seconds in listed)


def results(full: bool = False) -> Iterator[Result]:
    """Runs the quickstart's study with 64 trials; in full three times."""
    came, rest, gaps, of_one = [], [], [], {True: [], False: []}
    for number in range(3 if full else 1):
        with tempfile.TemporaryDirectory() as scratch:
            noted = Path(scratch) / "spans.jsonl"
            study = quickstart(Path(scratch), seed=number, budget={"trials": TRIALS})
            with patch.dict(os.environ, {spans.FILE: str(noted)}):
                folder = run_here(study, "busy", spans.timed_trainer)
            found = spans.read(noted)
            share, between = shares(found, cores())
            train_s = sum(record.train_s for record in folder.records())
        came.append(busy(share))
        rest.append(share)
        gaps += between
        for first, trials in of_one.items():
            trials.append(one_trial(found, first=first))
    mean = {what: np.mean([share.get(what, 0.0) for share in rest]) for what in rest[0]}
    listed = sorted(mean.items(), key=lambda pair: -pair[1])
    yield Result(
        what=f"busy share of {cores()} workers, {TRIALS} trials of the quickstart",
        ours=tuple(came),
        target=Target(limit=0.9, sense="at least"),
        note=", ".join(f"{what} {share:.1%}" for what, share in listed if share >= 0.0005)
        + f"; {train_s:.0f} s of fit and evaluate",
    )
    yield Result(
        what="between the end of a trial and the start of the next on the same worker",
        ours=(float(np.median(gaps)) * 1000,),
        unit="ms",
        note=f"median of {len(gaps)}; 95th percentile {np.percentile(gaps, 95) * 1000:.0f} ms",
    )
    for first, trials in of_one.items():
        mean = {what: float(np.mean([parts[what] for parts in trials])) for what in trials[0]}
        yield Result(
            what="a trained trial"
            + (", the first of its worker" if first else ", of a worker that has trained"),
            ours=tuple(parts[spans.RUNG] for parts in trials),
            unit="s",
            note=in_words(mean),
        )


if __name__ == "__main__":
    shown(results)
