"""From what searches wrote down to ratios: incumbents, time to quality, throughput."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a search had at one moment: an epoch of a peer, a finished trial of ours.

    Args:
        seconds: since it was launched.
        trial: the trial's name.
        epoch: the epoch behind `value`, from 1.
        value: the validation value by which the search itself compares; None where there is none.
        rows: rows the trial had trained on by then, epochs times rows.
    """

    seconds: float
    trial: str
    epoch: int
    value: float | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """The best of a search from one moment on, as the judge finds it on rows no search saw.

    Args:
        seconds, trial, epoch, value: as in `Moment`.
        unseen: average precision on the unseen rows.
        f1_at_half: F1 there, where the probability reaches one half.
        f1_at_threshold: F1 there at the threshold that the search chose; None for those that choose none.
    """

    seconds: float
    trial: str
    epoch: int
    value: float
    unseen: float
    f1_at_half: float
    f1_at_threshold: float | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One search, judged.

    Args:
        system: `ours`, or a peer with its form, such as `ray_tune-conv3d`.
        seed: of the search.
        rows: the name of the rows it was judged on.
        commit: what was checked out.
        began: when it was launched, in seconds since 1970.
        wall_s: from its launch to its end.
        load: of the machine when it was launched: processes wanting to run, over the last minute.
        incumbents: in time.
        windows: rows that all its trials trained on.
        last_s: when the last of these was done.
        trials: how many trials had finished an epoch.
    """

    system: str
    seed: int
    rows: str
    commit: str
    began: float
    wall_s: float
    load: float
    incumbents: tuple[Incumbent, ...]
    windows: int
    last_s: float
    trials: int

    def write(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Judged":
        """Reads what `write` wrote."""
        return Judged.of(json.loads(path.read_text(encoding="utf-8")))

    @staticmethod
    def of(found: Mapping[str, Any]) -> "Judged":
        """Makes it of what JSON holds."""
        return Judged(**{**found, "incumbents": tuple(Incumbent(**one) for one in found["incumbents"])})


def incumbents(moments: Sequence[Moment], until_s: float) -> list[Moment]:
    """The moments at which the best value so far rose, up to the end; an equal value changes nothing."""
    best, found = -math.inf, []
    for moment in _counted(moments, until_s):
        if moment.value is not None and moment.value > best:
            best = moment.value
            found.append(moment)
    return found


def work(moments: Sequence[Moment], until_s: float) -> tuple[int, float, int]:
    """Rows that all trials trained on, when the last of them were, and how many trials these are.

    Epochs that were cut off at the end do not count.
    """
    counted = _counted(moments, until_s)
    rows: dict[str, int] = {}
    for moment in counted:
        rows[moment.trial] = max(moment.rows, rows.get(moment.trial, 0))
    return sum(rows.values()), counted[-1].seconds if counted else 0.0, len(rows)


def _counted(moments: Sequence[Moment], until_s: float) -> list[Moment]:
    return sorted((one for one in moments if one.seconds <= until_s), key=lambda one: one.seconds)


def reached_s(judged: Judged, quality: float) -> float | None:
    """When a search's incumbent was first as good as `quality` on the unseen rows; None if it never was."""
    return next((one.seconds for one in judged.incumbents if one.unseen >= quality), None)


def times_s(ours: Judged, peer: Judged) -> tuple[float | None, float]:
    """When ours was first as good as the peer ends, None if it never was, and when the peer itself was.

    Raises:
        ValueError: the peer found nothing, which is no quality to be reached.
    """
    if not peer.incumbents:
        raise ValueError(f"{peer.system} with seed {peer.seed} finished no epoch")
    quality = peer.incumbents[-1].unseen
    return reached_s(ours, quality), next(one.seconds for one in peer.incumbents if one.unseen >= quality)


def time_to_quality(ours: Judged, peer: Judged) -> float | None:
    """How many times sooner ours was as good as the peer ends; None if it never was."""
    at_s, peer_s = times_s(ours, peer)
    return None if at_s is None else peer_s / at_s


def time_to_quality_by_wall(ours: Judged, peer: Judged) -> float | None:
    """The same, with all the time that the peer was given: its user cannot know that no better one comes."""
    at_s, _ = times_s(ours, peer)
    return None if at_s is None else peer.wall_s / at_s


def rates(ours: Judged, peer: Judged) -> tuple[float, float]:
    """Windows trained per second, ours and the peer's.

    Ours from launch to end, the peer's to its last epoch: what it was in the middle of is not held
    against it.
    """
    return ours.windows / ours.wall_s, peer.windows / peer.last_s


def throughput(ours: Judged, peer: Judged) -> float:
    """Ours over the peer's."""
    mine, theirs = rates(ours, peer)
    return mine / theirs


def throughput_by_wall(ours: Judged, peer: Judged) -> float:
    """The same, both from launch to end."""
    return (ours.windows / ours.wall_s) / (peer.windows / peer.wall_s)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median and range of a ratio over seeds; None is "never", which is below every number."""

    median: float | None
    low: float | None
    high: float | None
    each: tuple[float | None, ...]


def spread(ratios: Sequence[float | None]) -> Spread:
    """Summarises ratios, at least one; of an even number the median is the lower one of the middle."""
    ordered = sorted(-math.inf if one is None else one for one in ratios)
    low, middle, high = (
        None if one == -math.inf else one for one in (ordered[0], statistics.median_low(ordered), ordered[-1])
    )
    return Spread(median=middle, low=low, high=high, each=tuple(ratios))
