"""What the page says of the run as a whole: space, data, evaluation, time and machines."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.boards.table import duration
from search.data import splits, store
from search.data.rows import Rows, counted
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.space import Range
from spaces.study import Events, Study

DIGITS = 12
"""The first characters of a digest are shown, this many."""

Facts = list[tuple[str, str]]


def facts(
    run: RunFolder, study: Study, records: Sequence[Record], reference: Reference
) -> list[dict[str, Any]]:
    """Returns titled lists of facts in words.

    They hold no path of this machine: of a data file only its name.

    Args:
        run: the run's folder.
        study: its study.
        records: all of its records, at least one.
        reference: its validation rows.
    """
    resolved = run.resolved()
    rows = _rows(run, resolved)
    sections = {
        "Search": _searched(study),
        "Data": _data(study, reference, rows),
        "Parts": _parts(study, records[0], reference, rows, resolved["split_digest"]),
        "Measure": _measure(study, records[0]),
        "Course": _course(records),
        "Origin": _origin(resolved, records),
    }
    if not study.trains:  # scores that were given: nothing was searched, and no rows set aside
        del sections["Search"]
        sections["Parts"] = [("rows", _part(reference.y, reference.groups)), _cross_fit(reference)]
    return [{"title": title, "facts": found} for title, found in sections.items()]


def renewed(
    found: Sequence[Mapping[str, Any]], run: RunFolder, records: Sequence[Record]
) -> list[dict[str, Any]]:
    """Returns the facts of a run that goes on, with those renewed that change as trials finish.

    Args:
        found: from `facts`.
        run: the run's folder.
        records: all of its records.
    """
    moving = {"Course": _course(records), "Origin": _origin(run.resolved(), records)}
    return [{**section, "facts": moving.get(section["title"], section["facts"])} for section in found]


def _searched(study: Study) -> Facts:
    space = study.space
    pairs = "; ".join(f"{head}: {', '.join(losses)}" for head, losses in space.heads.items())
    found = [("network", f"{study.trunk.name}, width {study.trunk.width:g}"), ("heads: losses", pairs)]
    for name in type(space).model_fields:
        value = getattr(space, name)
        if isinstance(value, Range):
            found.append((name, _range(value)))
        elif isinstance(value, tuple) and value != ("none",):
            found.append((name, ", ".join(map(str, value))))
    threshold = study.threshold.model_dump(exclude={"policy"})
    if study.threshold.policy == "sampled":
        found.append(("threshold", f"{threshold['low']:g} to {threshold['high']:g}"))
    budget = study.budget.model_dump(exclude_none=True)
    found.append(("budget", _settings(budget)))
    found.append(("training", _settings(study.training.model_dump(include={"epochs", "patience"}))))
    halving = study.asha
    stops = f"compared from epoch {halving.grace} on, 1 of {halving.reduction} goes on"
    found.append(("stopped early", stops if halving.enabled else "no trial"))
    return found


def _data(study: Study, reference: Reference, rows: Rows | None) -> Facts:
    data = study.data
    found = [("source", source(study))]
    if rows is not None:
        found.append(("rows", f"{_count(rows.y)}, each {rows.x.dtype} {rows.x.shape[1:]}"))
        found += rows.labels.named
        if rows.channels:
            found.append(("channels", ", ".join(rows.channels)))
    elif getattr(data, "positive", None) is not None:
        found.append(("positive", repr(data.positive)))
    if reference.window_s is not None:
        found.append(("a row covers", f"{reference.window_s:g} s"))
    if reference.timeline is not None:
        hours = sum(recording.recorded_s for recording in reference.timeline) / 3600
        seizures = sum(len(recording.seizures) for recording in reference.timeline)
        count = f"{counted(reference.timeline)}, {hours:.3g} h, {seizures} seizures in the annotation"
        found.append(("validation recordings", count))
    return found


def source(study: Study) -> str:
    """Returns what the rows come from: the source and, of a file or a folder, its name."""
    name = Path(getattr(study.data, "path", "") or "").name
    return f"{study.data.source} ({name})" if name else study.data.source


def _parts(study: Study, first: Record, reference: Reference, rows: Rows | None, split_digest: str) -> Facts:
    made = None if rows is None else _split(rows, study, first, split_digest)
    by = "column" if made is not None and made.by == "column" else study.split.by
    whose = " (groups are unknown, rows are taken one by one)" if first.groups == "unknown" else ""
    if first.groups.startswith("one"):
        whose = " (all parts are of one patient: values say nothing of other patients)"
    found = [("split by", by if by == "column" else by + whose)]
    if rows is not None and made is not None:
        for name, taken in (("train", made.train), ("validation", made.validation), ("test", made.test)):
            units = rows.groups if made.units is None else made.units
            found.append((name, _part(rows.y[taken], None if units is None else units[taken], made.noun)))
    else:
        found.append(("validation", _part(reference.y, reference.groups)))
        parts = study.split
        shares = f"train {parts.train:g}, validation {parts.validation:g}, test {parts.test:g}"
        found.append(("shares", shares))
    found.append(("test part", "not touched by the search; promote opens it"))
    found.append(_cross_fit(reference))
    return found


def _cross_fit(reference: Reference) -> tuple[str, str]:
    halves = reference.halves
    return "cross-fit", f"{halves.mask.shape[1]} half-splits by {halves.by}"


def _measure(study: Study, first: Record) -> Facts:
    objective, policy = study.objective, study.threshold.model_dump(exclude={"policy"})
    found = [
        ("value", f"{objective.metric}, cross-fitted"),
        ("threshold by", study.threshold.policy + (f" ({_settings(policy)})" if policy else "")),
        ("epochs steered by", objective.steer),
        ("calibration", objective.calibration),
    ]
    if objective.prevalence is not None:
        found.append(("probabilities for a prevalence of", f"{objective.prevalence:g}"))
    scoring = first.event_scoring
    if scoring is not None:
        found.append(("events scored by", f"{scoring['scorer']}, timescoring {scoring['timescoring']}"))
        found.append(("events", _rules(study.events)))
    return found


def _rules(events: Events) -> str:
    done = []
    if events.drop_shorter_s > 0:
        done.append(f"shorter than {events.drop_shorter_s:g} s dropped")
    if events.merge_gaps_s > 0:
        done.append(f"gaps shorter than {events.merge_gaps_s:g} s closed")
    which = f" of {', '.join(map(str, events.positive))}" if events.positive else ""
    return f"touching windows{which} joined" + "".join(f", then {step}" for step in done)


def _course(records: Sequence[Record]) -> Facts:
    began = min(datetime.fromisoformat(record.started_at or record.finished_at) for record in records)
    ended = max(datetime.fromisoformat(record.finished_at) for record in records)
    later = duration((ended - began).total_seconds())
    devices = sorted({record.device for record in records})
    nodes = len({record.node for record in records})
    trained = sum(record.train_s for record in records)
    shown = {state: sum(r.state == state for r in records) for state in ("completed", "stopped", "failed")}
    return [
        ("began", f"{began:%Y-%m-%d %H:%M} UTC"),
        ("last trial ended", f"{ended:%Y-%m-%d %H:%M} UTC, {later} later"),
        ("training", f"{duration(trained)} in all trials together"),
        ("trials", ", ".join(f"{count} {state}" for state, count in shown.items() if count)),
        ("on", f"{', '.join(devices)}; {nodes} host{'' if nodes == 1 else 's'}"),
        ("threads per trial", ", ".join(map(str, sorted({record.threads for record in records})))),
    ]


def _origin(resolved: Mapping[str, Any], records: Sequence[Record]) -> Facts:
    code = {record.code_digest for record in records}
    found = [(name.replace("_", " "), resolved[name][:DIGITS]) for name in ("data_digest", "split_digest")]
    found.append(("code digest", ", ".join(sorted(digest[:DIGITS] for digest in code))))
    versions = resolved.get("versions", {})
    found.append(("versions", ", ".join(f"{name} {v}" for name, v in versions.items()) or "not noted"))
    return found


def _rows(run: RunFolder, resolved: Mapping[str, Any]) -> Rows | None:
    """All rows, where the prepared data still lie beside the run."""
    found = store.known(run.prepared, resolved["data_digest"])
    return None if found is None else found.rows


def _split(rows: Rows, study: Study, first: Record, split_digest: str) -> splits.Split | None:
    """The parts of the run's split; None if splitting again gives other parts."""
    try:
        made = replace(splits.divide(rows, study.split), leaky=first.leaky)
    except RunError:
        return None
    return made if splits.digest(made) == split_digest else None


def _part(y: NDArray[Any], groups: NDArray[np.str_] | None, noun: str = "groups") -> str:
    return _count(y) + ("" if groups is None else f", {len(np.unique(groups))} {noun}")


def _count(y: NDArray[Any]) -> str:
    if y.dtype != np.int8 or y.ndim > 1:
        return f"{len(y):,} rows"
    return f"{len(y):,} rows, {int(y.sum()):,} positive ({y.mean():.1%})"


def _range(value: Range) -> str:
    if value.low == value.high:
        return f"{value.low:g}"
    return f"{value.low:g} to {value.high:g}" + (", logarithmic" if value.log else "")


def _settings(values: Mapping[str, Any]) -> str:
    shown = ((name, f"{value:g}" if isinstance(value, float) else value) for name, value in values.items())
    return ", ".join(f"{name} {value}" for name, value in shown)
