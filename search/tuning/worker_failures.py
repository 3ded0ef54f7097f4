"""Decides after a worker's death whether its trial starts again or has failed for good."""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

ATTEMPTS = 3
"""A configuration that kills its worker so many times is failed for good."""
INTERRUPTIONS = 20
"""A trial whose worker died through no fault of its own starts again so many times, but not for ever."""
GRACE_S = 30.0
"""Seconds that a trial may run past its limit before its worker is killed, at most."""

_HOST_DIED = (
    "its node has died",
    "its node was",
    "node has been marked dead",
    "node was preempted",
    "local raylet died",
    "node failure",
    "is unavailable:",  # its connection broke
)
_MEMORY = "killed due to the node running low on memory"
_NO_SETUP = ("raised in its creation task", "failed to be imported", "failed to import")
_USED = re.compile(r"was ([\d.]+)GB used / ([\d.]+)GB limit")
_WORKER = re.compile(r"Actor\(([0-9a-f]+)\)[^()]*actual memory used=([\d.]+)GB")
_ID = re.compile(r"\b[0-9a-f]{16,}\b")
_HEADER = re.compile(r"^The actor died unexpectedly before finishing this task\. class_name: .*? ip: \S+ ")
_GUESSES = re.compile(r" Some common causes include:.*")


@dataclass(frozen=True, kw_only=True)
class LostTrial:
    """A trial that starts again, since its worker died; and why that was, in short."""

    trial_id: str
    reason: str


def grace_s(limit_s: float) -> float:
    """How long past its limit a trial may take to end by itself, in seconds.

    A trial that is merely slow ends by itself between two batches. A short limit means that batches are
    short.

    Args:
        limit_s: the limit of one trial, in seconds.
    """
    return min(GRACE_S, limit_s)


class WorkerFailures:
    """Judges the death of each worker from what Ray says of it, and from how long its trial had run.

    Args:
        trial_minutes: the limit of one trial; None for none.
        clock: seconds, monotonic.
    """

    def __init__(self, trial_minutes: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = None if trial_minutes is None else trial_minutes * 60
        self._clock = clock
        self._began: dict[str, float] = {}
        self._kills: Counter[str] = Counter()
        self._interruptions: Counter[str] = Counter()
        self._not_set_up = 0
        self.no_worker_starts: str | None = None

    @property
    def under_way(self) -> int:
        """How many trials have a worker."""
        return len(self._began)

    def ran_s(self, trial_id: str) -> float:
        """How long a trial has had its worker, in seconds; 0 where it has none."""
        now = self._clock()
        return now - self._began.get(trial_id, now)

    def begun(self, trial_id: str) -> None:
        """Notes that a trial was handed to a worker."""
        self._began[trial_id] = self._clock()

    def over(self, trial_id: str) -> None:
        """Forgets a trial that has ended."""
        for known in (self._began, self._kills, self._interruptions):
            known.pop(trial_id, None)

    def verdict(self, trial_id: str, reason: str, actor_id: str = "") -> str | None:
        """Judges a trial whose worker died.

        Args:
            trial_id: the trial.
            reason: what Ray says of the death, on one line; may be empty.
            actor_id: the worker's, by which Ray names it in the reason; may be empty.

        Returns:
            Why the trial has failed for good; None where it is to start again.
        """
        ran_s = self.ran_s(trial_id)
        began = self._began.pop(trial_id, None) is not None
        # The grace is left out, since the worker's clock started a little earlier than this one.
        if self._limit_s is not None and ran_s >= self._limit_s:
            self.over(trial_id)
            return (
                f"a trial may take {self._limit_s / 60:g} minutes (budget.trial_minutes), but it hung: "
                f"its worker was ended after {ran_s / 60:.1f}"
            )
        if not began and any(sign in reason for sign in _NO_SETUP):
            # This is not the trial's fault either: its host cannot train at all.
            self._not_set_up += 1
            if self._not_set_up >= ATTEMPTS:
                self.no_worker_starts = (
                    f"a worker must start, but {ATTEMPTS} did not: {in_short(reason, actor_id)}"[:500]
                )
            return None
        # A worker that dies before the trial begins was killed.
        if not began or _another_is_at_fault(reason, actor_id):
            self._interruptions[trial_id] += 1
            if self._interruptions[trial_id] < INTERRUPTIONS:
                return None
            self.over(trial_id)
            return f"it lost its worker {INTERRUPTIONS} times, by no fault of its own: {in_short(reason)}"
        self._kills[trial_id] += 1
        if self._kills[trial_id] < ATTEMPTS:
            return None
        self.over(trial_id)
        return f"its worker died {ATTEMPTS} times: {in_short(reason, actor_id)}".rstrip(": ")


def in_short(reason: str, actor_id: str = "") -> str:
    """Returns the part of Ray's reason that concerns a person, with advice where there is some.

    Ids of processes are left out, so that the same failure of several trials has the same words.
    """
    if _MEMORY not in reason:
        said = _GUESSES.sub("", _HEADER.sub("", reason))
        return _ID.sub("...", said)
    used, own = _USED.search(reason), dict(_WORKER.findall(reason)).get(actor_id)
    return (
        "the host ran out of memory (a smaller batch_size or fewer resources.workers)"
        + (f": {used[1]} of {used[2]} GB in use" if used else "")
        + (f", {own} by this worker" if own else "")
    )


def host_died(reason: str) -> bool:
    """Whether Ray says of a worker that it died with its host."""
    return any(sign in reason for sign in _HOST_DIED)


def _another_is_at_fault(reason: str, actor_id: str) -> bool:
    """Whether a worker died with its host, or was killed for memory that another worker held.

    Ray kills the workers that were started last, whatever each of them holds.
    """
    if host_died(reason):
        return True
    memory_gb = {actor: float(gb) for actor, gb in _WORKER.findall(reason)}
    # A worker that is not among them was just being started.
    return (
        _MEMORY in reason and bool(memory_gb) and memory_gb.get(actor_id, 0.0) < max(memory_gb.values()) / 2
    )
