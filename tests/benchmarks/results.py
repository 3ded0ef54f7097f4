"""What a benchmark comes to: ours and its peer or floor in paired rounds, a ratio with its spread, a target.

A benchmark is a module with a function `results(full: bool) -> Iterator[Result]`, which yields each result as
soon as it stands; `python -m tests.benchmarks.NAME` shows them alone, and the table in
`tests/benchmarks/__main__.py` names all that `make bench` runs.
"""

import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is wanted of a result's median.

    Args:
        limit: how large it may be, or must be.
        sense: which of the two.
        of: whether the limit is one of our own number or of the ratio.
    """

    limit: float
    sense: Literal["at most", "at least"] = "at most"
    of: Literal["ours", "ratio"] = "ours"

    def met_by(self, value: float) -> bool:
        """Whether a median is good enough; NaN is not."""
        return value <= self.limit if self.sense == "at most" else value >= self.limit


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table.

    Args:
        what: what was measured.
        ours: our number, one per round; infinity stands for "never".
        unit: of `ours` and `theirs`; empty for a share or an exponent.
        against: the peer or the floor; None where there is none.
        theirs: its number in the same rounds.
        ratio_of: whether a ratio is ours over theirs (the smaller, the better) or the other way round.
        target: what is wanted; None if nothing is.
        note: what else a reader should know.
        error: why there is no number; empty otherwise.
    """

    what: str
    ours: tuple[float, ...] = ()
    unit: str = ""
    against: str | None = None
    theirs: tuple[float, ...] = ()
    ratio_of: Literal["ours/theirs", "theirs/ours"] = "ours/theirs"
    target: Target | None = None
    note: str = ""
    error: str = ""

    def __post_init__(self) -> None:
        if self.theirs and len(self.theirs) != len(self.ours):
            raise ValueError(
                f"rounds are paired, but got {len(self.ours)} of ours and {len(self.theirs)} of theirs"
            )
        if not self.ours and not self.error:
            raise ValueError(f"a result needs a number or an error, but {self.what!r} has neither")

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratio of every round."""
        pairs = zip(self.ours, self.theirs, strict=False)
        turned = self.ratio_of == "theirs/ours"
        return tuple(theirs / ours if turned else ours / theirs for ours, theirs in pairs)

    @property
    def met(self) -> bool | None:
        """Whether the target is met by the median; None without a target."""
        if self.target is None:
            return None
        judged = self.ours if self.target.of == "ours" else self.ratios
        return bool(judged) and self.target.met_by(statistics.median(judged))

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """What the table says of it: what, ours, peer or floor, ratio, target, met."""
        if self.error:
            return self.what, f"failed: {self.error}", "", "", _target(self.target), _met(self.met)
        theirs = "" if self.against is None else self.against
        if self.theirs:
            theirs += f": {spread(self.theirs, self.unit)}"
        ratio = spread(self.ratios, of=times) if self.theirs else ""
        return self.what, spread(self.ours, self.unit), theirs, ratio, _target(self.target), _met(self.met)

    def to_json(self) -> str:
        """One line, which `from_json` reads."""
        return json.dumps(asdict(self))


def from_json(line: str) -> Result:
    """Reads what `Result.to_json` wrote."""
    fields: dict[str, Any] = json.loads(line)
    target = fields.pop("target")
    ours, theirs = tuple(fields.pop("ours")), tuple(fields.pop("theirs"))
    return Result(**fields, ours=ours, theirs=theirs, target=None if target is None else Target(**target))


def _target(target: Target | None) -> str:
    if target is None:
        return ""
    unit = "x" if target.of == "ratio" else ""
    return f"{'<=' if target.sense == 'at most' else '>='} {target.limit:g}{unit}"


def _met(met: bool | None) -> str:
    return {True: "met", False: "missed", None: ""}[met]


def number(value: float) -> str:
    """A number with three digits; infinity is a time at which something never came."""
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def times(ratio: float) -> str:
    """A ratio; over a time that never came it is 0, of which all that is known is that it is below 1."""
    return "< 1" if ratio == 0 else number(ratio)


def spread(values: Sequence[float], unit: str = "", of: Callable[[float], str] = number) -> str:
    """The median with its unit, and from where to where the rounds went if there were several."""
    median = statistics.median(values)
    middle = of(median) if math.isinf(median) else f"{of(median)} {unit}".strip()
    return middle if len(values) == 1 else f"{middle} ({of(min(values))} to {of(max(values))})"


def paired(rounds: int, *systems: Callable[[], float]) -> Iterator[tuple[float, ...]]:
    """Measures several systems in turn, round after round, so that a machine that slows down slows all.

    Yields:
        One number per system, for each round.
    """
    for _ in range(rounds):
        yield tuple(system() for system in systems)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The k for which `y` grows like `x ** k`: the slope of a line through the logarithms (least squares)."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def grown(what: str, x: Sequence[float], y: Sequence[float], of: str, **more: Any) -> Result:
    """A result that is an exponent, with what it was fitted to.

    Args:
        what: what grows with what.
        x, y: where it was measured, and what came; positive.
        of: what x counts.
        more: further fields of the result.
    """
    came = ", ".join(f"{number(b)} at {number(a)}" for a, b in zip(x, y, strict=True))
    slopes = [exponent(x[k : k + 2], y[k : k + 2]) for k in range(len(x) - 1)]
    local = f"{min(slopes):.2f} to {max(slopes):.2f} between neighbours"
    return Result(what=what, ours=(exponent(x, y),), note=f"exponent; {came} {of}; {local}", **more)


def notes(results: Sequence[Result]) -> list[str]:
    """What else there is to know, a line per result that has a note."""
    return [f"{result.what}: {result.note}" for result in results if result.note]


def table(results: Sequence[Result]) -> Table:
    """All results as people read them."""
    found = Table(show_lines=True, caption="\n".join(notes(results)), caption_justify="left")
    for name in ("what", "ours", "peer or floor", "ratio", "target", "met"):
        found.add_column(name, overflow="fold")
    for result in results:
        found.add_row(*result.cells(), style="bold red" if result.error or result.met is False else None)
    return found


def markdown(results: Sequence[Result]) -> str:
    """All results as a log keeps them: a table, then the notes."""
    rows = [("what", "ours", "peer or floor", "ratio", "target", "met"), ("---",) * 6]
    rows += [result.cells() for result in results]
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes(results))]) + "\n"


def collected(results: Iterator[Result], path: Path) -> None:
    """Writes results to a file, a line each, as they come."""
    with path.open("a", encoding="utf-8") as file:
        for result in results:
            file.write(result.to_json() + "\n")
            file.flush()


def shown(results: Callable[[bool], Iterator[Result]]) -> None:
    """What `python -m tests.benchmarks.NAME [--full]` does: measures and prints."""
    Console().print(table(list(results("--full" in sys.argv[1:]))))
