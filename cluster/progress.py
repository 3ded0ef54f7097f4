"""Progress of a search: a live line on a terminal or in a notebook, plain lines elsewhere, and a log file."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from cluster.terminal import NotebookLine, say
from reports.boards.standings import Standings, mean_of
from reports.boards.table import duration
from search.record import Record
from search.trials.trial import Finished
from search.tuning.worker_failures import LostTrial
from spaces.configuration import Config, used_up

PLAIN_LINE_S = 10.0
"""Least seconds between two lines where there is no terminal."""


class Progress:
    """Counts trials and shows where the search stands.

    A terminal that went away is no error: the search goes on.

    Args:
        total: trials of the complete run, baselines included.
        records: what earlier executions finished.
        log: file that every line goes to.
        console: prints progress and notes.
        clock: seconds, monotonic.
        space: all configurations there are, see `spaces.configuration.every`; once none is left untried,
            that is said.
    """

    def __init__(
        self,
        total: int,
        records: list[Record],
        log: Path,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        space: frozenset[Config] | None = None,
    ) -> None:
        self._total, self._log, self._console, self._clock = total, log, console, clock
        self._before = self._done = len(records)
        self._failed = sum(record.state == "failed" for record in records)
        self._running: set[str] = set()
        self._standings = Standings(records)
        self._objective = next((record.objective for record in records), "")
        self._space = space
        self._untried = set(space or ()) - {record.ask.config for record in records}
        self._began = clock()
        self._shown = -PLAIN_LINE_S
        self._live: Live | NotebookLine | None = None
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)
        elif console.is_jupyter:
            self._live = NotebookLine()

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._gently(self._live.start)
        if not self._untried:
            self._say_used_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._gently(self._live.stop)
        elif self._done > self._before:
            self._gently(lambda: say(self._console, self.line()))

    def on_start(self, trial_id: str) -> None:
        """Counts a trial as running."""
        self._running.add(trial_id)
        self._show()
        if self._live is None and self._clock() - self._shown >= PLAIN_LINE_S:
            self._shown = self._clock()
            self._gently(lambda: say(self._console, self.line()))

    def on_lost(self, lost: LostTrial) -> None:
        """Notes that a trial starts again."""
        self._running.discard(lost.trial_id)
        self._write_log(f"trial {lost.trial_id} starts again, its worker died: {lost.reason}")

    def on_record(self, finished: Finished) -> None:
        """Counts a trial as done."""
        record = finished.record
        self._running.discard(record.ask.trial_id)
        self._done += 1
        self._failed += record.state == "failed"
        self._standings.add(record)
        self._objective = record.objective
        value = "-" if record.value is None else f"{record.value:.3f}"
        self._write_log(
            f"trial {record.ask.trial_id} {record.state}: {record.objective} {value}"
            + (f"; {record.error}" if record.error else "")
        )
        if record.ask.config in self._untried:
            self._untried.discard(record.ask.config)
            if not self._untried:
                self._say_used_up()
        self._show()

    def line(self) -> str:
        """Returns where the search stands: done, running, failed, best so far, time left."""
        parts = [f"{self._done}/{self._total} trials", f"{len(self._running)} running"]
        parts += [f"{self._failed} failed"] if self._failed else []
        if (best := self._standings.best) is not None:
            what = f"{best.name}, trial {best.trial_id}{mean_of(best.seeds)}" + ", constant" * (
                not best.decides
            )
            parts.append(f"best {self._objective} {best.mean:.3f} ({what})")
        elapsed = self._clock() - self._began
        if self._done > self._before and self._done < self._total:
            left = elapsed / (self._done - self._before) * (self._total - self._done)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def on_note(self, note: str) -> None:
        """Says how trials are trained, above the line of progress."""
        self._write_log(note)
        self._gently(lambda: say(self._console, note))

    def _say_used_up(self) -> None:
        if self._space is not None:
            self.on_note(f"the space {used_up(len(self._space))}")

    def _show(self) -> None:
        if (live := self._live) is not None:
            self._gently(lambda: live.update(Text(self.line()), refresh=True))

    def _write_log(self, text: str) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")

    @staticmethod
    def _gently(show: Callable[[], object]) -> None:
        with contextlib.suppress(OSError):
            show()


class JobProgress:
    """Progress of jobs: on a terminal a bar, unless there is a single job; elsewhere plain lines.

    Args:
        console: prints progress and notes.
        what: the name of the work or of its jobs, such as `preparing` or `folds`.
        total: how many jobs there are, where that is known beforehand.
    """

    def __init__(self, console: Console, what: str, total: int = 0) -> None:
        self._console, self._what, self._total, self._done = console, what, total, 0
        self._said = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> "JobProgress":
        with contextlib.suppress(OSError):  # a terminal that went away is not an error
            self._show_bar(0, self._total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def on_done(self, done: int, total: int) -> None:
        """Shows how many of all jobs are done; as a plain line at most every ten seconds."""
        with contextlib.suppress(OSError):
            if not self._show_bar(done, total) and time.monotonic() - self._said >= PLAIN_LINE_S:
                self._said = time.monotonic()
                say(self._console, f"{self._what}: {done} of {total}")

    def done(self, line: str) -> None:
        """Counts one more job as done, and shows its result."""
        self._done += 1
        with contextlib.suppress(OSError):
            if not self._show_bar(self._done, self._total):
                say(self._console, f"{self._done}/{self._total} {self._what}, {line}")

    def _show_bar(self, done: int, total: int) -> bool:
        """Moves the bar; returns False where there is no terminal to show it on."""
        if not self._console.is_terminal:
            return False
        if total > 1 or self._bar is not None:
            if self._bar is None:
                columns = (
                    TextColumn(self._what, markup=False),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TimeRemainingColumn(),
                )
                self._bar = Bar(*columns, console=self._console, transient=True)
                self._bar.add_task("", total=total)
                self._bar.start()
            self._bar.update(self._bar.task_ids[0], completed=done)
        return True
