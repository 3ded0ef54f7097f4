"""Parses the hand-written seizure lists of the Siena Scalp EEG Database.

Seen in the published lists (Detti 2020, doi:10.13026/5d4a-j060), and read: `PNO6-1.edf` with a letter O,
`PN11-.edf` and `PN01.edf` for a patient's only recording, `16:13.23`, `1 6.49.25`, `Start time:` for `Seizure
start time:`, one file named before two seizures, a second seizure without registration times, clinical and
electric onsets side by side. What can be read in two ways is an error.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.data.sources.eeg.event_types import is_missing
from spaces.errors import RunError

DAY_S = 24 * 3600

_HEADING = re.compile(r"seizure\s*(n|nr|no|number)?\W*\d", re.IGNORECASE)
_CLOCK = re.compile(r"(?<![\d.:])(\d{1,2})[.:](\d{2})[.:](\d{2})(?![\d.:]*\d)")
_ELECTRIC = re.compile(r"[^;(]*\([^)]*electric[^)]*\)", re.IGNORECASE)
_FILE = re.compile(r"pn\d+-\d+(\.\d+)*")


@dataclass
class _Block:
    """The lines under one `Seizure n`, or before the first one.

    Args:
        line: number of its first line.
        fields: by field, line number and text.
        repeated: line number, field and text of fields that stand there a second time.
    """

    line: int = 1
    fields: dict[str, tuple[int, str]] = field(default_factory=dict)
    repeated: list[tuple[int, str, str]] = field(default_factory=list)


def seizures(text: str, recording: str) -> list[tuple[float, float]]:
    """Seizures of one recording, midnight crossed at most once.

    Args:
        text: the list of one patient.
        recording: name of the EDF file without suffix.

    Returns:
        Start and end of each in seconds from the registration's start, as listed; an end that is not listed,
        or not known there, is NaN.

    Raises:
        RunError: the list does not name the recording, or one of its seizures cannot be read.
    """
    _, mine = _sources(text, recording)
    begin, _ = registration(text, recording)
    return [(float((_time("start", block) - begin) % DAY_S), _end(block, begin)) for block in mine]


def _end(block: _Block, begin: int) -> float:
    if is_missing(block.fields.get("end", (0, ""))[1]):
        return math.nan
    return float((_time("end", block) - begin) % DAY_S)


def registration(text: str, recording: str) -> tuple[int, int | None]:
    """When a recording began, in seconds since midnight, and how many it lasted; None where no end is listed.

    Raises:
        RunError: the list does not name the recording, or gives no one start for it.
    """
    sources, _ = _sources(text, recording)
    start = _agreed("registration start", sources)
    if start is None:
        raise RunError("a list must give the registration start time of a recording, but it gives none")
    end = _agreed("registration end", sources)
    return start, None if end is None else (end - start) % DAY_S


def _sources(text: str, recording: str) -> tuple[list[_Block], list[_Block]]:
    """All blocks that say something of a recording, and those of its seizures."""
    preamble, *blocks = _blocks(text)
    mine = [block for name, block in _named(preamble, blocks) if name == _plain(recording)]
    if not mine:
        raise RunError("no annotation: the list of seizures does not name it")
    sources = [preamble, *mine] if "file" in preamble.fields else mine
    for block in (preamble, *blocks):
        for line, name, value in block.repeated:
            # Under a heading that was not read, a seizure hides in the block of another recording.
            if block in sources or (name == "file" and _plain(value) == _plain(recording)):
                raise RunError(
                    f"a list must give each file name and time of a seizure once, but line {line} repeats"
                )
    return sources, mine


def _blocks(text: str) -> list[_Block]:
    blocks = [_Block()]
    for number, line in enumerate(text.split("\n"), start=1):
        if _HEADING.match(line.strip()):
            blocks.append(_Block(number))
            continue
        label, _, value = line.partition(":")
        name = _field(label.casefold())
        if name is None:
            continue
        if name in blocks[-1].fields:
            blocks[-1].repeated.append((number, name, value.strip()))
        else:
            blocks[-1].fields[name] = (number, value.strip())
    return blocks


def _field(label: str) -> str | None:
    if "file" in label and "name" in label:
        return "file"
    edge = next((edge for edge in ("start", "end") if re.search(rf"\b{edge}", label)), None)
    if edge is None or "time" not in label:
        return None
    return f"registration {edge}" if "regist" in label else edge


def _named(preamble: _Block, blocks: Sequence[_Block]) -> list[tuple[str, _Block]]:
    """Blocks with the plain names of their recordings: their own, or the one named before all of them."""
    named = []
    for block in blocks:
        if "file" not in (block.fields | preamble.fields):
            raise RunError(f"every listed seizure must name its file, but that of line {block.line} does not")
        line, name = block.fields.get("file") or preamble.fields["file"]
        named.append((line, _plain(name), block))
    names = {name for _, name, _ in named}
    only = len(names) == 1  # a patient's only recording may go without its number
    for line, name, _ in named:
        if not _FILE.fullmatch(name) and not (only and _FILE.fullmatch(_first(name))):
            raise RunError(f"a list must name files such as PN00-1.edf, but line {line} has another name")
    return [(name if _FILE.fullmatch(name) else _first(name), block) for _, name, block in named]


def _plain(name: str) -> str:
    """A file's name without suffix, blanks, case, and letters O among its digits."""
    return re.sub(r"\.[eb]df$", "", re.sub(r"\s", "", name).casefold()).replace("o", "0")


def _first(name: str) -> str:
    return f"{name.removesuffix('-')}-1"


def _agreed(name: str, blocks: Sequence[_Block]) -> int | None:
    """The one time that the blocks of a recording give; None where none does."""
    times = {_time(name, block) for block in blocks if name in block.fields}
    if len(times) > 1:
        raise RunError(f"a recording must have one {name} time, but the list gives {len(times)}")
    return next(iter(times), None)


def _time(name: str, block: _Block) -> int:
    """Seconds since midnight."""
    if name not in block.fields:
        raise RunError(f"every listed seizure needs a start, but that of line {block.line} has none")
    line, value = block.fields[name]
    if re.fullmatch(r"[\d\s.:]+", value):
        value = re.sub(r"\s", "", value)
    times = _CLOCK.findall(value)
    if len(times) > 1 and (electric := _ELECTRIC.findall(value)):  # what the EEG shows, not the patient
        times = _CLOCK.findall(electric[0])
    if len(times) != 1:
        raise RunError(
            f"the {name} must be one time of day such as 19.58.36, but line {line} has {len(times)}"
        )
    hours, minutes, seconds = map(int, times[0])
    if hours > 24 or minutes > 59 or seconds > 59:
        raise RunError(f"the {name} must be a time of day, but line {line} has {'.'.join(times[0])}")
    return hours * 3600 + minutes * 60 + seconds
