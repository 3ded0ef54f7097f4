"""Fused trials as sessions: a trial's worker speaks to the process that trains it together with others."""

import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from search.data.trial_data import TrialData
from search.fused.answers import Answer, Spent
from search.hosts.preflight import why_unfit
from search.networks import backend
from search.record import Ask
from search.training.trainer import Place, Together, Trained, this_place
from spaces.errors import RunError, TrialError, one_line
from spaces.resources import Resources
from spaces.study import Study

DEATHS = 20
"""A trial starts again so many times when the process that trains it dies: another may be at fault."""
RESTART_S = 60.0
"""Errors within so many seconds of each other tell of one death: the process is not there yet."""
MOST = 32
"""Trials of one program, at most, unless the study says how many: each has a worker, which takes seconds to
start, and of more an H100 trains hardly a tenth more in the same time."""
SILENT_S = 600.0
"""A process that does not answer for so long is given up: no host can hold it any more."""
LOOK_S = 20.0
"""Seconds between two looks at a process that trains."""


@cache
def owner() -> str:
    """Returns what this process is called by the one that trains; it has one trial at a time."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a process that trains fused trials has found out before the first one.

    Args:
        most: the most trials of one program.
        reason: why trials are not fused; None where they are.
        device, precision, place: where and in what it trains.
    """

    most: int
    reason: str | None
    device: str
    precision: str
    place: Place


@dataclass(frozen=True, kw_only=True, eq=False)
class FusedWork:
    """What such a process is to train.

    Args:
        study: the study.
        data: what trials see.
        cache: the folder of compiled programs; None for none.
    """

    study: Study
    data: TrialData
    cache: str | None


class FusedWorker:
    """Trains fused trials in a process of its own; see `search.fused.engine`.

    It is made without arguments: one that takes the place of one that died is told its work by who asks.
    """

    def __init__(self) -> None:
        self._engine: Any = None
        self._plan: Plan | None = None
        self._importing, self._imported = threading.Lock(), False
        self._beginning = threading.Lock()
        self._owners: list[str] = []

    def ready(self, resources: Resources) -> None:
        """Imports Keras and finds the device, which needs none of the data; once."""
        with self._importing:
            if self._imported:
                return
            backend.start(resources.cpus, resources.gpu_share, resources.gpu_memory)
            backend.import_keras()
            import search.fused.capacity  # noqa: F401

            backend.device()
            self._imported = True

    def why_unfit(self, study: Study, code_digest: str, shape: tuple[int, ...]) -> str | None:
        """Says why this process must not train, see `search.hosts.preflight.why_unfit`."""
        self.ready(study.resources)
        return why_unfit(study, code_digest, shape)

    def plan(self, work: FusedWork) -> Plan:
        """Readies the process, and says how many trials are fused."""
        self._begin(work)
        from search.fused.capacity import most_fused
        from search.fused.engine import Engine

        study = work.study
        engine = Engine(study, work.data)
        most, reason = most_fused(study, work.data, engine, min(MOST, study.resources.workers or MOST))
        engine.hold(most)
        if reason is None:
            engine.compile_ahead()
        self._plan = self._planned(study, most, reason)
        self._engine = engine
        engine.start()
        return self._plan

    def _planned(self, study: Study, most: int, reason: str | None) -> Plan:
        return Plan(
            most=most,
            reason=reason,
            device=backend.device(),
            precision=backend.precision(study.training.mixed_precision),
            place=this_place(study.resources.gpu_share),
        )

    def take_over(self, work: FusedWork, most: int) -> None:
        """Readies a process that took the place of one that died, once.

        Args:
            work: what it is to train.
            most: how many trials one program may hold.
        """
        with self._beginning:
            if self._engine is None:
                self._begin(work)
                from search.fused.engine import Engine

                engine = Engine(work.study, work.data, most)
                self._plan = self._planned(work.study, most, None)
                engine.start()
                self._engine = engine

    def _begin(self, work: FusedWork) -> None:
        self.ready(work.study.resources)
        if work.cache is not None:
            backend.keep_compiled(work.cache)

    def advance(self, owner: str, ask: Ask, epochs: int) -> tuple[Answer, Plan] | None:
        """Trains a trial to a rung, see `Engine.advance`; None where the process does not know its work.

        It may be another process than was asked before, on another device, so it says what it has.
        """
        if self._engine is None or self._plan is None:
            return None
        return self._engine.advance(owner, ask, epochs), self._plan

    def number(self, owner: str) -> int:
        """Returns the number of a trial's worker, in the order in which they first ask."""
        with self._beginning:
            if owner not in self._owners:
                self._owners.append(owner)
            return self._owners.index(owner)

    def alive(self) -> None:
        """Returns at once."""

    def spent(self) -> Spent | None:
        """Returns where the seconds went; None before the first trial."""
        return None if self._engine is None else self._engine.spent


class FusedSession:
    """A trial that another process trains together with others.

    Args:
        workers: processes with a `FusedWorker`, with what each planned.
        work: what these train.
        ask: the trial.
    """

    def __init__(self, workers: Sequence[tuple[Any, Plan]], work: FusedWork, ask: Ask) -> None:
        self._work, self._ask = work, ask
        self._worker, self._plan = workers[_number(workers[0][0]) % len(workers)]
        self._trained: Trained | None = None
        self._fused: int | None = None
        self._took_s = self._clock_s = 0.0
        self._notes: tuple[str, ...] = ()
        self._lost: tuple[str, ...] = ()
        self._deaths = 0
        self.finished = False

    @property
    def device(self) -> str:
        """What its process computes on."""
        return self._plan.device

    @property
    def precision(self) -> str:
        """What its process trains in."""
        return self._plan.precision

    @property
    def together(self) -> Together:
        """How it was trained together with others."""
        place = self._plan.place
        # Of the seconds that it took, its part of the device's clock.
        share = place.gpu_share * min(1.0, self._clock_s / self._took_s) if self._took_s else place.gpu_share
        return Together(
            place=Place(node=place.node, gpu_ids=place.gpu_ids, gpu_share=share),
            fused=self._fused,
            notes=self._notes,
            lost=self._lost,
        )

    def advance(self, epochs: int) -> None:
        """Trains on until `epochs` epochs are done in all; from the beginning where the process has died.

        Raises:
            TrialError: the training cannot go on.
        """
        self._notes, self._lost, counted, began = (), (), -RESTART_S, time.monotonic()
        while True:
            try:
                answer, plan = self._answer(epochs)
                break
            except _GoneError as error:
                if time.monotonic() - counted > RESTART_S:
                    self._deaths += 1
                    self._lost = (*self._lost, str(error))
                    counted = time.monotonic()
                if self._deaths >= DEATHS:
                    raise TrialError(f"the process that trained it died {DEATHS} times: {error}") from error
                time.sleep(1)
        if plan.device == "cpu" != self._plan.device:
            raise TrialError(
                f"{self._plan.device} is gone: the process that trains started again and sees none"
            )
        self._plan, self._fused, self._notes = plan, answer.together, answer.notes
        self._took_s += time.monotonic() - began
        self._clock_s = answer.clock_s
        if answer.error is not None:
            raise TrialError(answer.error)
        self._trained, self.finished = answer.trained, answer.finished

    def best(self) -> Trained:
        """Returns the best epoch so far, its decode proven."""
        if self._trained is None:
            raise RunError("a trial must be advanced before its best epoch is asked for", exit_code=1)
        return self._trained

    def _answer(self, epochs: int) -> tuple[Answer, Plan]:
        answer: tuple[Answer, Plan] | None = self._called(self._worker.advance, owner(), self._ask, epochs)
        while answer is None:
            self._called(self._worker.take_over, self._work, self._plan.most)
            answer = self._called(self._worker.advance, owner(), self._ask, epochs)
        return answer

    def _called(self, method: Any, *arguments: Any) -> Any:
        """Returns what a method of the process returns, however long that takes, while it is alive."""
        import ray

        waits = method.remote(*arguments)
        silent_since = time.monotonic()
        try:
            while True:
                done, _ = ray.wait([waits], timeout=LOOK_S)
                if done:
                    return ray.get(waits)
                alive, _ = ray.wait([self._worker.alive.remote()], timeout=LOOK_S)
                if alive:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENT_S:
                    raise TrialError(f"the process that trains it has not answered for {SILENT_S / 60:g} min")
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            raise _GoneError(one_line(error, 200)) from error


@cache
def _number(first: Any) -> int:
    """Returns the number of this process, by which its trials go to one of those that train."""
    import ray

    try:
        number: int = ray.get(first.number.remote(owner()))
    except ray.exceptions.RayActorError:  # it has died, and starts again
        return os.getpid()
    return number


class _GoneError(Exception):
    """The process that trains has died."""


class FusedTrainer:
    """Starts sessions of fused trials; a `search.training.trainer.Trainer`.

    Args:
        workers: see `FusedSession`.
        study: the study, with the resources of such a process.
        cache: the folder of compiled programs; None for none.
    """

    def __init__(self, workers: Sequence[tuple[Any, Plan]], study: Study, cache: str | None) -> None:
        self._workers, self._study, self._cache = tuple(workers), study, cache

    def __call__(self, ask: Ask, study: Study, data: TrialData) -> FusedSession:
        """Starts a session."""
        return FusedSession(self._workers, FusedWork(study=self._study, data=data, cache=self._cache), ask)
