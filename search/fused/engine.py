"""The engine of fused trials: whoever asks for an epoch is advanced with whoever else is waiting.

One thread does all work on the device. Trials come and go between two calls: one that ends frees its place,
and the next takes it with its first epoch. What cannot be fused trains alone, an epoch in between.
"""

import faulthandler
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from search.data.trial_data import TrialData, in_place_of_rows
from search.fused.answers import Answer, Spent
from search.fused.entry import Entry
from search.fused.inference import DeviceRows, Scorer
from search.fused.program_sizes import ProgramSizes
from search.fused.trial import DRAWN, DeviceTrial, Group, group_of, own_layer, share_of, unfit
from search.networks import backend
from search.networks.trunks import author_config
from search.record import Ask
from search.training.compiled_networks import Structure
from search.training.trainer import Trained
from search.training.training import Training
from spaces.configuration import Config
from spaces.errors import RunError, TrialError, one_line
from spaces.portfolio import portfolio
from spaces.study import Study

LONGEST_WAIT_S, LEAST_WAIT_S = 1.0, 0.02
"""The next trial between two rungs is waited for so long, at most and at least."""
CORES_OF_A_COMPILER = 8
"""Programs are compiled one after another, or as many at once as the host has so many cores for each."""
FORGOTTEN_S = 1800.0
"""A trial that has not been asked for so long is let go: its worker is gone."""
HANGING_S = 60.0
"""So long past the limit of a trial, a call that does not return ends the process."""


class Engine:
    """Trains the trials of one device.

    Args:
        study: the study.
        data: what trials see.

    Attributes:
        most: how many trials one program may hold.
        spent: where its seconds went.
    """

    def __init__(self, study: Study, data: TrialData, most: int = 1) -> None:
        self._study, self._data, self.most = study, data, most
        minutes = study.budget.trial_minutes
        self._limit_s = None if minutes is None else minutes * 60
        self._rows: DeviceRows | None = None
        self._own_layers: dict[str, str | None] = {}
        self._sizes: dict[object, ProgramSizes] = {}
        self._scorers: dict[Structure, Scorer] = {}
        cores = os.cpu_count() or 1
        self._compiler = ThreadPoolExecutor(max(1, cores // CORES_OF_A_COMPILER), "compiler")
        self._entries: dict[str, Entry] = {}
        self._away: set[str] = set()
        self._notes: list[str] = []
        self._changed = threading.Condition()
        self._shared_until = time.monotonic()
        self._call_s = 0.0
        self.spent = Spent()
        self._thread = threading.Thread(target=self._work, daemon=True, name="engine")

    def start(self) -> None:
        """Starts the thread that trains."""
        self._thread.start()

    def advance(self, owner: str, ask: Ask, epochs: int) -> Answer:
        """Trains a trial until `epochs` are done in all, patience runs out or it fails; begins it if need be.

        Args:
            owner: who asks; it has one trial at a time.
            ask: the trial.
            epochs: up to where.
        """
        known = self._entries.get(owner)
        fresh = self._drawn(ask) if known is None or known.ask != ask else None
        with self._changed:
            self._share_the_clock()
            entry = self._entries.get(owner)
            if entry is None or entry.ask != ask:
                entry = self._entries[owner] = Entry(owner, ask, fresh)
            elif (answer := entry.answer) is not None and answer.holds(epochs):
                return answer  # which was lost on its way
            entry.target, entry.answer, entry.asked = epochs, None, time.monotonic()
            self._away.discard(owner)
            self._changed.notify_all()
            while (answer := entry.answer) is None:
                self._changed.wait()
            notes, self._notes = tuple(self._notes), []
            return replace(answer, notes=notes)

    def sizes_of(self, config: Config) -> ProgramSizes:
        """Returns the programs of a configuration's group; puts the rows on the device if need be."""
        if (key := self._key(config)) not in self._sizes:
            if self._rows is None:
                self._rows = DeviceRows(in_place_of_rows(self._data))
            # Networks are scored alike, whatever optimizer trains them.
            alike = replace(key[0], optimizer="")
            scorer = self._scorers.get(alike)
            group = Group(key[0], config, self._study, self._data, self._rows, scorer)
            self._scorers[alike] = group.program.scorer
            share = share_of(config, self._study)
            self._sizes[key] = ProgramSizes(group, self.most, share, self._compiler)
        return self._sizes[key]

    def _key(self, config: Config) -> tuple[Structure, int]:
        return group_of(config, self._study, self._data), config.batch_size

    def _drawn(self, ask: Ask) -> Any:
        """Draws a trial's network while the device computes; None where it is drawn as it begins."""
        config = ask.config
        sizes = None if config is None else self._sizes.get(self._key(config))
        if config is None or sizes is None or unfit(config) is not None:
            return None
        try:
            return sizes.group.draw(config, ask.seed)
        except Exception:  # it is raised again, and told, as the trial begins
            return None

    def hold(self, most: int) -> None:
        """Settles how many trials one program may hold; before `start`."""
        self.most = most
        for sizes in self._sizes.values():
            sizes.most = most

    def compile_ahead(self) -> None:
        """Begins to compile what the first trials are likely to need; before `start`."""
        first = [author_config(self._study), *(placed.config for placed in portfolio(self._study))]
        wanted = [self.sizes_of(config) for config in first[: self.most] if self.unfit(config) is None]
        common = [sizes for sizes, _ in Counter(wanted).most_common(1)]
        for sizes in dict.fromkeys((*common, *wanted[:1])):
            sizes.compile_ahead()

    def unfit(self, config: Config) -> str | None:
        """Says why a configuration cannot be trained together with others; None where it can."""
        if (reason := unfit(config)) is not None:
            return reason
        if config.trunk not in self._own_layers:
            self._own_layers[config.trunk] = own_layer(config, self._data)
        return self._own_layers[config.trunk]

    def _work(self) -> None:
        while True:
            ready = self._next()
            try:
                self._turn(ready)
            except BaseException as error:  # whatever it is, nobody waits for ever
                for entry in ready:
                    if entry.waiting:
                        self._fail(entry, backend.failure(error))

    def _next(self) -> list[Entry]:
        """Waits for trials to advance, and a little for those that are likely to come."""
        began, compiling = time.monotonic(), False
        with self._changed:
            while True:
                left = None
                ready = [entry for entry in self._entries.values() if entry.ready]
                if ready:
                    # While another one comes within the time that a call takes for each, more are trained in
                    # a second by waiting.
                    patience = min(LONGEST_WAIT_S, max(LEAST_WAIT_S, self._call_s / len(ready)))
                    left = max(entry.asked for entry in ready) + patience - time.monotonic()
                    if not self._away or left <= 0:
                        break
                else:
                    compiling = any(entry.waiting for entry in self._entries.values())
                self._changed.wait(left)
            # Each is waited for once: a worker may have gone for good.
            self._away.clear()
        took = time.monotonic() - began
        self._add(**({"compiled": took} if compiling else {"waited": took}))
        return ready

    def _turn(self, ready: Sequence[Entry]) -> None:
        """Begins what is new, and trains an epoch of every trial."""
        together: dict[ProgramSizes, list[Entry]] = {}
        for entry in sorted(ready, key=lambda entry: entry.asked):
            config = entry.ask.config
            if config is None:
                self._fail(entry, f"trial {entry.ask.trial_id} has no configuration to train")
                continue
            if entry.fused is None and entry.alone is None:
                self._begin(entry, config)
            if entry.alone is not None:
                with _ended_if_it_hangs(self._limit_s):
                    self._train_alone(entry, entry.alone)
            elif entry.sizes is not None:
                together.setdefault(entry.sizes, []).append(entry)
        for sizes, entries in together.items():
            for first in range(0, len(entries), sizes.most):
                with _ended_if_it_hangs(self._limit_s):
                    self._train(sizes, entries[first : first + sizes.most])

    def _begin(self, entry: Entry, config: Config) -> None:
        began, fresh = time.monotonic(), entry.fresh
        entry.fresh = None
        try:
            if fresh is not None:
                self._fuse(entry, config, fresh)
            else:
                with DRAWN:
                    self._begin_here(entry, config)
        except (TrialError, RunError) as error:
            self._fail(entry, str(error))
        except Exception as error:
            self._fail(entry, backend.failure(error))
        self._let_go()
        self._add(began=time.monotonic() - began)

    def _begin_here(self, entry: Entry, config: Config) -> None:
        reason = self.unfit(config)
        if reason is None:
            self._fuse(entry, config)
            return
        self._note(f"trial {entry.ask.trial_id} trains alone: {reason}")
        rules, steer = self._study.training, self._study.objective.steer
        entry.alone = Training(config, rules, steer, self._data, entry.ask.seed, self._limit_s)

    def _fuse(self, entry: Entry, config: Config, fresh: Any = None) -> None:
        entry.sizes = self.sizes_of(config)
        entry.fused = entry.sizes.group.begin(config, entry.ask.seed, fresh)

    def _let_go(self) -> None:
        """Forgets trials whose workers are gone, and networks that served only to begin a trial."""
        now = time.monotonic()
        with self._changed:
            for owner, entry in list(self._entries.items()):
                if not entry.waiting and now - entry.asked > FORGOTTEN_S:
                    del self._entries[owner]
        gc.collect(1)

    def _train(self, sizes: ProgramSizes, entries: Sequence[Entry]) -> None:
        """Trains an epoch of trials of one group, and answers those that have come to their rung."""
        trials = [entry.fused for entry in entries if entry.fused is not None]
        began, size = time.monotonic(), sizes.most
        try:
            found = sizes.size_for(len(trials))
            if isinstance(found, Future):
                self._wait_for(found, entries)
                return
            size = found
            ended = sizes.group.train(trials, size)
        except Exception as error:
            self._recover(sizes, entries, size, error)
            return
        took = time.monotonic() - began
        sizes.took(size, took)
        self._call_s = took
        self._add(trained=took, epochs=len(trials), calls=1, rows=len(trials) * len(self._data.y_train))
        began, arrived = time.monotonic(), []
        for entry, trial, failed in zip(entries, trials, ended, strict=True):
            late = self._too_late(entry, trial.epochs)
            if failed is not None or late is not None:
                self._fail(entry, str(failed or late))
            elif trial.course.finished or trial.epochs >= entry.target:
                arrived.append((entry, trial))
        if arrived:
            bests = self._bests(sizes, [trial for _, trial in arrived], size)
            for (entry, trial), best in zip(arrived, bests, strict=True):
                if isinstance(best, TrialError):
                    self._fail(entry, str(best))
                else:
                    self._give(entry, best, finished=trial.course.finished)
        self._add(scored=time.monotonic() - began)

    def _bests(self, sizes: ProgramSizes, trials: list[DeviceTrial], size: int) -> list[Trained | TrialError]:
        """Returns the best epochs as `Group.best` does; what fails for all is tried for each by itself."""
        try:
            return sizes.group.best(trials, size)
        except Exception as error:
            if size == 1:
                return [TrialError(backend.failure(error))]
        return [found for trial in trials for found in self._bests(sizes, [trial], 1)]

    def _wait_for(self, compiled: Future[None], entries: Sequence[Entry]) -> None:
        """Lets trials wait for their program, and others go on meanwhile."""
        for entry in entries:
            entry.pending = compiled

        def tell(_: Future[None]) -> None:
            with self._changed:
                self._changed.notify_all()

        compiled.add_done_callback(tell)

    def _recover(self, sizes: ProgramSizes, entries: Sequence[Entry], size: int, error: Exception) -> None:
        """Trains the trials of a call that failed in smaller programs: half as many where memory ran out."""
        if size == 1:
            self._fail(entries[0], backend.failure(error))
            return
        why = backend.memory_advice(error)
        if why is None:
            sizes.most = 1
            reason = one_line(error, 200, named=True)
            self._note(f"trials of one structure train one at a time: {reason}")
        else:
            sizes.most = size // 2
            self._note(f"memory ran out with {size} trials in one program: from now on {sizes.most} at most")
        for first in range(0, len(entries), sizes.most):
            self._train(sizes, entries[first : first + sizes.most])

    def _train_alone(self, entry: Entry, training: Training) -> None:
        try:
            training.advance(training.epochs + 1)
            if training.finished or training.epochs >= entry.target:
                self._give(entry, training.best(), finished=training.finished)
        except (TrialError, RunError) as error:
            self._fail(entry, str(error))
        except Exception as error:
            self._fail(entry, backend.failure(error))

    def _too_late(self, entry: Entry, epochs: int) -> str | None:
        if self._limit_s is None or time.monotonic() - entry.began <= self._limit_s:
            return None
        return (
            f"a trial may take {self._limit_s / 60:g} min (budget.trial_minutes), but then this one had "
            f"trained {epochs} of {self._study.training.epochs} epochs"
        )

    def _fail(self, entry: Entry, error: str) -> None:
        self._settle(entry, None, error, finished=True)

    def _give(self, entry: Entry, trained: Trained, *, finished: bool) -> None:
        self._settle(entry, trained, None, finished=finished)

    def _settle(self, entry: Entry, trained: Trained | None, error: str | None, *, finished: bool) -> None:
        together = None if entry.fused is None else entry.fused.together
        with self._changed:
            self._share_the_clock()
            entry.answer = Answer(
                trained=trained, error=error, finished=finished, together=together, clock_s=entry.clock_s
            )
            entry.asked = time.monotonic()  # its worker may be away from now on
            if finished:
                entry.fused = entry.sizes = entry.alone = None
            self._away.add(entry.owner)
            self._changed.notify_all()

    def _note(self, text: str) -> None:
        with self._changed:
            self._notes.append(text)

    def _share_the_clock(self) -> None:
        """Divides the seconds since the last call among the trials that somebody waits for."""
        now = time.monotonic()
        waiting = [entry for entry in self._entries.values() if entry.waiting]
        for entry in waiting:
            entry.clock_s += (now - self._shared_until) / len(waiting)
        self._shared_until = now

    def _add(self, **more: float) -> None:
        fields = {name: getattr(self.spent, name) + value for name, value in more.items()}
        self.spent = replace(self.spent, **fields)


@contextmanager
def _ended_if_it_hangs(limit_s: float | None) -> Iterator[None]:
    """Ends this process where the block takes much longer than a trial may; Ray starts another one."""
    if limit_s is None:
        yield
        return
    faulthandler.dump_traceback_later(limit_s + HANGING_S, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
