"""Progress of a search: a live line on a terminal, plain lines elsewhere, and a log file."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from search.record import Record
from search.trials.trial import Finished
from search.tuning.worker_failures import LostTrial

PLAIN_LINE_S = 10.0
"""Elsewhere than on a terminal, a line at most so often."""


class Progress:
    """Counts trials and shows where the search stands.

    It never stops the search: a terminal that went away is not an error.

    Args:
        total: trials of the complete run, baselines included.
        records: what earlier executions finished.
        log: file that every line goes to.
        console: where a person may be looking.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        total: int,
        records: list[Record],
        log: Path,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._log, self._console, self._clock = total, log, console, clock
        self._before = self._done = len(records)
        self._failed = sum(record.state == "failed" for record in records)
        self._running: set[str] = set()
        self._best: Record | None = None
        self._began = clock()
        self._shown = -PLAIN_LINE_S
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )
        for record in records:
            self._consider(record)

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._gently(self._live.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is None and self._done > self._before:
            self._gently(lambda: self._console.print(self.line(), highlight=False))
        if self._live is not None:
            self._gently(self._live.stop)

    def on_start(self, trial_id: str) -> None:
        """Counts a trial as running."""
        self._running.add(trial_id)
        self._show()
        if self._live is None and self._clock() - self._shown >= PLAIN_LINE_S:
            self._shown = self._clock()
            self._gently(lambda: self._console.print(self.line(), highlight=False, soft_wrap=True))

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
        self._consider(record)
        value = "-" if record.value is None else f"{record.value:.3f}"
        self._write_log(
            f"trial {record.ask.trial_id} {record.state}: {record.objective} {value}"
            + (f"; {record.error}" if record.error else "")
        )
        self._show()

    def line(self) -> str:
        """Returns where the search stands: done, running, failed, best so far, time left."""
        parts = [f"{self._done}/{self._total} trials", f"{len(self._running)} running"]
        parts += [f"{self._failed} failed"] if self._failed else []
        if self._best is not None and self._best.value is not None:
            ask = self._best.ask
            what = ask.config.head if ask.config else ask.baseline
            parts.append(f"best {self._best.objective} {self._best.value:.3f} ({what}, trial {ask.trial_id})")
        elapsed = self._clock() - self._began
        if self._done > self._before and self._done < self._total:
            left = elapsed / (self._done - self._before) * (self._total - self._done)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def _consider(self, record: Record) -> None:
        if record.value is not None and (self._best is None or record.value > (self._best.value or 0)):
            self._best = record

    def _show(self) -> None:
        if self._live is not None:
            live = self._live
            self._gently(lambda: live.update(Text(self.line()), refresh=True))

    def _write_log(self, text: str) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")

    @staticmethod
    def _gently(show: Callable[[], object]) -> None:
        with contextlib.suppress(OSError):
            show()


def duration(seconds: float) -> str:
    """Returns a time as people say it: `2 h 5 min`, `3 min 20 s`, `7 s`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
