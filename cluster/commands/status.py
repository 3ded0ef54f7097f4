"""The command `status`: says from the files of a run alone how far it is."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reports.boards.advice import best_baseline, best_trained, worth_shipping
from reports.boards.standings import mean_of
from reports.boards.table import duration
from search.record import Record, kind_of
from search.runs.driver_lock import Driver, DriverLock
from search.runs.run_folder import RunFolder, read_record
from search.runs.start_times import StartTimes
from search.trials.baselines import trials_of
from spaces.configuration import every, used_up
from spaces.errors import RunError
from spaces.study import Study

REASONS_SHOWN, FLIGHTS_SHOWN = 5, 8
"""At most this many reasons and trials in flight are shown as lines; the JSON has all."""
RATE_OF = 50
"""The time left is estimated from at most this many of the latest trials of the running driver."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best trained trial, or the best baseline.

    Args:
        trial_id: its name.
        what: its head and loss, or the name of a baseline.
        value: of the objective, cross-fitted: the mean over the seeds of its configuration.
        seeds: how many seeds that are.
    """

    trial_id: str
    what: str
    value: float
    seeds: int = 1


@dataclass(frozen=True, kw_only=True)
class Flight:
    """A trial that was asked and has not finished.

    Args:
        trial_id: its name.
        running_s: seconds since a worker began it; None if none has, or none of a driver at work.
    """

    trial_id: str
    running_s: float | None


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Trials that failed for one reason; reasons that differ only in numbers are one.

    Args:
        trials: how many.
        reason: the latest one's.
    """

    trials: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where a run stands.

    Args:
        run: its folder.
        driver: the process that works on it; None if there is none.
        finished, total: trials, the baselines included.
        stopped: of the finished, those that successive halving stopped early.
        in_flight: trials asked and not finished.
        failed: the failed trials by reason, the most frequent first.
        damaged: records that do not parse, or are not as the run wrote them.
        nodes: finished trials by the address of their host.
        objective: what `value` is.
        configurations: how many the space holds, once all are tried; None before that, or where it holds
            numbers in ranges.
        best: the best trained trial that decides something; None without one.
        best_baseline: the best baseline that counts, see `reports.boards.advice`.
        none_decides: whether trained trials have a value and all say the same of every row.
        last_finished_at: when a trial finished last.
        left_s: estimate of the seconds left; None without a driver, or before it has finished a trial or two.
        next: the command line to type next.
    """

    run: str
    driver: Driver | None
    finished: int
    total: int
    stopped: int
    in_flight: tuple[Flight, ...]
    failed: tuple[Failures, ...]
    damaged: tuple[str, ...]
    nodes: dict[str, int]
    objective: str
    configurations: int | None
    best: Best | None
    best_baseline: Best | None
    none_decides: bool
    last_finished_at: str | None
    left_s: float | None
    next: str


def status(
    run: Path, now: datetime | None = None, read: Callable[[Path, str | None], Record] = read_record
) -> Status:
    """Reads where a run stands.

    Args:
        run: its folder.
        now: with a time zone; the present if left out.
        read: reads one of its records; see `read_record`.

    Raises:
        RunError: this is no run's folder.
    """
    now, folder = now or datetime.now(UTC), RunFolder(run)
    study, lock = folder.study(), DriverLock(folder.log.parent)
    driver, total = lock.driver(), trials_of(study)
    # Asks are read before records: a trial that ends in between is then counted once, as finished.
    asks, starts = folder.asks(), StartTimes(folder.log.parent).read()
    records, damaged = _records(run / "records", folder.resolved().get("data_digest"), read)
    done = {record.ask.trial_id for record in records} | {path.stem for path in damaged}
    waiting = sorted({ask.trial_id for ask in asks} - done)
    tried_all = _tried_all(study, records)
    best, baseline = _best_trained(records), _best(best_baseline(records))
    none_decides = best is None and any(
        record.constant_decision and record.ask.kind != "baseline" for record in records
    )
    return Status(
        run=str(run),
        driver=driver,
        finished=len(records),
        total=total,
        stopped=sum(record.state == "stopped" for record in records),
        in_flight=tuple(
            Flight(trial_id=t, running_s=_running_s(starts.get(t), driver, now)) for t in waiting
        ),
        failed=_failures(records),
        damaged=tuple(map(str, damaged)),
        nodes=dict(Counter(record.node for record in records if record.node).most_common()),
        objective=study.objective.metric,
        configurations=tried_all,
        best=best,
        best_baseline=baseline,
        none_decides=none_decides,
        last_finished_at=max((record.finished_at for record in records), default=None),
        left_s=_left_s(records, driver, total, now),
        next=_next(
            run,
            driver,
            complete=len(records) >= total,
            ships=_is_worth_shipping(best, baseline, study.objective.metric),
            exhausted=tried_all is not None,
            none_decides=none_decides,
        ),
    )


def as_json(status: Status) -> str:
    """Returns a status as JSON; undefined is null."""
    return json.dumps(asdict(status), indent=1, allow_nan=False)


def as_lines(status: Status, now: datetime | None = None) -> list[str]:
    """Returns a status as lines for people, each with its subject in front."""
    now = now or datetime.now(UTC)
    count = f"{status.finished} of {status.total} trials"
    aside = [f"{status.stopped} stopped early"] if status.stopped else []
    aside += [_since(status.last_finished_at, now)] if status.last_finished_at else []
    lines = [("run", f"{status.run}: {_driver(status)}")]
    lines += [("finished", ", ".join([count, *aside]))]
    if status.in_flight:
        what = "in flight" if status.driver else "waiting"
        shown = [_flight(flight) for flight in status.in_flight[:FLIGHTS_SHOWN]]
        more = [f"and {len(status.in_flight) - FLIGHTS_SHOWN} more"] * (len(status.in_flight) > FLIGHTS_SHOWN)
        lines.append((what, f"{len(status.in_flight)}: {', '.join([*shown, *more])}"))
    if status.nodes:
        lines.append(("nodes", ", ".join(f"{node} ({trials} done)" for node, trials in status.nodes.items())))
    lines += [("failed", f"{f.trials} x {f.reason}") for f in status.failed[:REASONS_SHOWN]]
    if len(status.failed) > REASONS_SHOWN:
        lines.append(("failed", f"for {len(status.failed) - REASONS_SHOWN} more reasons"))
    if status.damaged:
        damaged = ", ".join(status.damaged)
        lines.append(
            ("damaged", f"{damaged}: no record of this run; move it away and resume: its trial runs again")
        )
    if status.configurations is not None:
        lines.append(("space", used_up(status.configurations)))
    lines += (
        [("best", _best_line(status))] if status.best or status.best_baseline or status.none_decides else []
    )
    lines += [("left", f"about {duration(status.left_s)}")] if status.left_s is not None else []
    lines.append(("next", status.next))
    return [f"{name:<10}{text}" for name, text in lines]


def _records(
    folder: Path, data_digest: str | None, read: Callable[[Path, str | None], Record]
) -> tuple[list[Record], list[Path]]:
    """Reads all records that are as the run wrote them; also returns the files that are not."""
    records, damaged = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            records.append(read(path, data_digest))
        except (RunError, OSError):
            damaged.append(path)
    return records, damaged


def _tried_all(study: Study, records: Sequence[Record]) -> int | None:
    """How many configurations the space holds, if all of them were tried."""
    tried = {record.ask.config for record in records if record.ask.config is not None}
    space = every(study, len(tried)) if study.trains else None
    return len(space) if space is not None and space <= tried else None


def _running_s(began: datetime | None, driver: Driver | None, now: datetime) -> float | None:
    since = _when(driver.since) if driver else None
    if began is None or since is None or began < since:  # begun by an earlier driver
        return None
    return max(0.0, (now - began).total_seconds())


def _failures(records: Sequence[Record]) -> tuple[Failures, ...]:
    kinds: Counter[str] = Counter()
    latest: dict[str, str] = {}
    for record in records:
        if record.state == "failed":
            reason = record.error or "no reason given"
            kinds[kind_of(reason)] += 1
            latest[kind_of(reason)] = reason
    return tuple(Failures(trials=trials, reason=latest[kind]) for kind, trials in kinds.most_common())


def _best_trained(records: Sequence[Record]) -> Best | None:
    standing = best_trained(records)
    if standing is None:
        return None
    shown = next(record for record in records if record.ask.trial_id == standing.trial_id)
    found = _best(shown)
    return found and replace(found, value=standing.mean, seeds=standing.seeds)


def _best(record: Record | None) -> Best | None:
    if record is None or record.value is None:
        return None
    config = record.ask.config
    what = f"{config.head}, {config.loss}" if config else str(record.ask.name)
    return Best(trial_id=record.ask.trial_id, what=what, value=record.value)


def _is_worth_shipping(best: Best | None, baseline: Best | None, objective: str) -> bool:
    known = None if baseline is None else baseline.value
    return worth_shipping(None if best is None else best.value, known, objective)


def _left_s(records: Sequence[Record], driver: Driver | None, total: int, now: datetime) -> float | None:
    """Estimates the seconds left from the pace of the latest trials."""
    since = _when(driver.since) if driver else None
    if since is None:
        return None
    ends = sorted(datetime.fromisoformat(record.finished_at) for record in records)
    ends = [end for end in ends if end >= since][-RATE_OF:]
    if len(ends) < 2 or len(records) >= total:
        return None
    return max(0.0, (now - ends[0]).total_seconds()) / (len(ends) - 1) * (total - len(records))


def _next(
    run: Path,
    driver: Driver | None,
    *,
    complete: bool,
    ships: bool,
    exhausted: bool,
    none_decides: bool,
) -> str:
    if driver is not None or (complete and none_decides):  # the leaderboard says why
        return f"python search.py leaderboard {run}"
    if complete and ships:
        return f"python search.py promote {run} --to bundle"
    if complete and exhausted:  # more trials would try nothing else
        return f"python search.py leaderboard {run}"
    return f"python search.py resume {run}" + (" --set budget.trials=N" if complete else "")


def _driver(status: Status) -> str:
    if status.driver is not None:
        at = f" (process {status.driver.process} on {status.driver.host}, since {status.driver.since})"
        return "a driver is at work" + at * bool(status.driver.process)
    return (
        "complete" if status.finished >= status.total else "no driver is at work: interrupted, or out of time"
    )


def _flight(flight: Flight) -> str:
    return flight.trial_id + ("" if flight.running_s is None else f" for {duration(flight.running_s)}")


def _best_line(status: Status) -> str:
    parts = [
        f"{status.objective} {found.value:.3f} ({found.what}, trial {found.trial_id}{mean_of(found.seeds)})"
        for found in (status.best, status.best_baseline)
        if found is not None
    ]
    if status.best and status.best_baseline:
        beaten = _is_worth_shipping(status.best, status.best_baseline, status.objective)
        return f"{parts[0]}; " + ("baseline" if beaten else "the baseline is not beaten:") + f" {parts[1]}"
    if status.none_decides:
        return "; baseline ".join(("none: every trained trial says the same of every row", *parts))
    return parts[0]


def _since(when: str, now: datetime) -> str:
    seconds = max(0.0, (now - datetime.fromisoformat(when)).total_seconds())
    return f"the last {duration(seconds)} ago"


def _when(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
