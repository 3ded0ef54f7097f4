"""What a search tells Prometheus, through Ray's own exporter; docs/cluster.md names each metric."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from search.record import Record
from search.trials.trial import Finished
from search.tuning.worker_failures import LostTrial
from spaces.study import Study
from spaces.tasks import sign_of

PREFIX = "headsearch"
STATES = ("running", "completed", "stopped", "failed")


class SearchMetrics:
    """The metrics of one run, each tagged with its name; Ray must be connected.

    Where Ray exports no metrics, as in a Ray of our own, nothing comes of them.

    Args:
        run: its name.
        study: what is searched.
        rows: rows that a trial trains on in an epoch.
        records: trials that finished before.
    """

    def __init__(self, run: str, study: Study, rows: int, records: Sequence[Record]) -> None:
        # Imported late: with Ray comes half a second of its own.
        from ray.util import metrics

        self._rows, self._share = rows, study.resources.gpu_share
        self._states: Counter[str] = Counter(record.state for record in records)
        self._running: set[str] = set()
        self._sign = sign_of(study.objective.metric)
        self._best: float | None = None
        for record in records:
            self._consider(record)

        def made(kind: Callable[..., Any], name: str, what: str, *tags: str) -> Any:
            found = kind(f"{PREFIX}_{name}", description=what, tag_keys=("run", *tags))
            found.set_default_tags({"run": run})
            return found

        self._trials = made(metrics.Gauge, "trials", "Trials by state.", "state")
        self._value = made(metrics.Gauge, "best_value", "Best value so far, cross-fitted.", "objective")
        self._trained = made(
            metrics.Counter, "trained_rows", "Rows trained, each epoch anew, by finished trials."
        )
        self._gpus = made(metrics.Gauge, "gpus_used", "GPUs in use, shares of them included.")
        self._objective = study.objective.metric
        self._tell()

    def started(self, trial_id: str) -> None:
        """A worker has begun a trial."""
        self._running.add(trial_id)
        self._tell()

    def lost(self, lost: LostTrial) -> None:
        """A trial's worker or host is gone; it will start again."""
        self._running.discard(lost.trial_id)
        self._tell()

    def finished(self, finished: Finished) -> None:
        """A trial has finished."""
        record = finished.record
        self._running.discard(record.ask.trial_id)
        self._states[record.state] += 1
        self._consider(record)
        if record.epochs:
            self._trained.inc(record.epochs * self._rows)
        self._tell()

    def _consider(self, record: Record) -> None:
        if record.value is None:
            return
        if self._best is None or self._sign * record.value > self._sign * self._best:
            self._best = record.value

    def _tell(self) -> None:
        for state in STATES:
            count = len(self._running) if state == "running" else self._states[state]
            self._trials.set(count, tags={"state": state})
        self._gpus.set(len(self._running) * self._share)
        if self._best is not None:
            self._value.set(self._best, tags={"objective": self._objective})
