"""What a fault did to a run: trials finished before and after, lost, twice, and the time to recover."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from search.runs.run_folder import RunFolder
from tests.helpers.driving import contents

COLUMNS = ("fault", "what was done", "times", "before", "after", "lost", "twice", "recovery s, median (most)")
COUNTED = ("times", "before", "after", "lost", "twice", "recovery_s")


@dataclass
class Account:
    """Of one kind of fault, over all times that it was done.

    Args:
        fault: its name.
        done: what was done.
        times: how often.
        before, after: trials finished at the fault and after the recovery, of each time.
        lost: records that are gone or have changed.
        twice: finished trials that were trained again, or stand twice in the leaderboard.
        recovery_s: seconds until the next trial finished, or until the run ended.
    """

    fault: str
    done: str
    times: int = 0
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)

    def __add__(self, other: "Account | None") -> "Account":
        """The account of both; of this one alone where there is no other."""
        if other is None:
            return self
        both = {name: getattr(other, name) + getattr(self, name) for name in COUNTED}
        return Account(self.fault, self.done, **both)

    def note(self, run: Path, starts: Path | None = None) -> Callable[[float | None], None]:
        """Notes where a run stands, right before a fault.

        Args:
            run: its folder.
            starts: the file of `HEADSEARCH_TEST_STARTS`.

        Returns:
            To be called with the time of the recovery, once the run has finished more trials or ended.
        """
        before, begun = contents(run), _lines(starts)
        self.times += 1
        self.before.append(len(before))

        def recovered(recovery_s: float | None) -> None:
            after = contents(run)
            self.after.append(len(after))
            self.lost += [name for name in before if after.get(name) != before[name]]
            self.twice += [
                n for n in _lines(starts)[len(begun) :] if f"{int(n):05d}.json" in before
            ] + _twice_in_leaderboard(run)
            if recovery_s is not None:
                self.recovery_s.append(recovery_s)

        return recovered

    def check(self) -> None:
        """Asserts that no time did any harm."""
        assert self.times > 0
        assert len(self.after) == self.times
        assert not self.lost
        assert not self.twice

    def row(self) -> tuple[str, ...]:
        """The account as a row of the table; `before` and `after` are sums over all times."""
        waits = sorted(self.recovery_s)
        recovery = f"{waits[len(waits) // 2]:.1f} ({waits[-1]:.1f})" if waits else "-"
        counts = (self.times, sum(self.before), sum(self.after), len(self.lost), len(self.twice))
        return (self.fault, self.done, *map(str, counts), recovery)


def table(accounts: list[Account]) -> str:
    """Returns accounts as a Markdown table."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(account.row() for account in accounts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _twice_in_leaderboard(run: Path) -> list[str]:
    path = RunFolder(run).leaderboard
    if not path.exists():
        return []
    ids = pq.ParquetFile(path).read(["trial_id"])["trial_id"].to_pylist()
    return sorted({name for name in ids if ids.count(name) > 1})


def _lines(path: Path | None) -> list[str]:
    return [] if path is None or not path.exists() else path.read_text().split()
