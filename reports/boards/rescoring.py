"""Writes a run's leaderboard under other thresholds and requirements, from stored scores."""

import hashlib
import json
import multiprocessing
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.boards.leaderboard import Board, with_seeds
from reports.boards.leaderboard import row as leaderboard_row
from reports.boards.requirements import Requirement, check_scored, nearest, unmet
from search.evaluation.binary import Policy
from search.evaluation.binary_rescoring import BinaryRescoring
from search.evaluation.rescoring import TaskRescoring
from search.events.evaluation import check_events
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores.metrics import METRICS
from search.scores.reference import Reference
from search.scores.thresholds import Limits
from spaces.errors import RunError
from spaces.policies import Sampled, check_answers
from spaces.study import Study
from spaces.study_file import parse
from spaces.tasks import BINARY, TASK_NAMES, Task, TaskName

CHUNK = 32
"""Trials that a process takes at a time."""
ALONE = 2 * CHUNK
"""Up to so many trials, starting other processes would take longer than it saves."""
LONGEST_NAME = 180
"""Characters of a file's name, of 255 that file systems take; what is cut off is told apart by a digest."""


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """One new leaderboard.

    Args:
        path: its file.
        policy: the name of the rule it follows.
        rule: the rule; None for the study's own.
        trials: trained trials with scores.
        met: how many of them have a value and meet the requirements.
        nearest: if none, the row that falls short by least, with the value it would have had; None of none.
    """

    path: Path
    policy: str
    rule: Policy | None
    trials: int
    met: int
    nearest: Mapping[str, Any] | None


_BETWEEN = re.compile(r",(?=\s*\w+\s*=)")
"""Stands between two parameters of a rule; other commas are part of a list, or of the name of a class."""
LONGEST = 120
"""Characters of a setting in the name of a file, at the most."""


def read_policy(text: str, task: Task = BINARY) -> Policy:
    """Reads a rule with its parameters, such as `max_f1`, `fixed,at=0.3` or `cost,costs=[[0,1],[5,0]]`.

    Args:
        text: the rule.
        task: whose rules it is one of.

    Raises:
        RunError: an unknown rule or parameter, or a value that breaks its rule.
    """
    name, *parameters = _BETWEEN.split(text)
    written: dict[str, Any] = {"policy": name.strip()}
    if "," in name:
        raise RunError(f"--policy takes NAME or NAME,KEY=VALUE, such as cost,c_fn=10, but got {text!r}")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        written[key.strip()] = _listed(value.strip(), text)
    return rule_of(written, "--policy", task)


def _listed(value: str, text: str) -> Any:
    """A list of numbers such as `[[0,1],[5,0]]`; anything else is text, which settings read by themselves."""
    if not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise RunError(f"--policy takes lists of numbers such as [[0,1],[5,0]], but got {text!r}") from None


def rule_of(written: Mapping[str, Any], where: str, task: Task = BINARY) -> Policy:
    """Returns the rule that settings name.

    Args:
        written: its policy and parameters.
        where: what to call the place they come from in messages.
        task: whose rules it is one of.

    Raises:
        RunError: an unknown rule or parameter, or a value that breaks its rule.
    """
    sampled = written.get("policy") == "sampled"
    policy = None if sampled else parse(_asks(task) | {"threshold": dict(written)}, where).threshold
    if policy is None or isinstance(policy, Sampled):
        raise RunError(
            f"{where} takes a rule that chooses from scores, but sampled draws a threshold before a trial "
            f"trains; leave {where} out for the study's own thresholds"
        )
    return cast("Policy", policy)


def _asks(task: Task) -> dict[str, Any]:
    """A study that asks what a task asks, for its rules and metrics to be read by."""
    data = {"source": "npz", "path": "x.npz", "x": "x", "y": "y", "task": task.name}
    return {} if task == BINARY else {"data": data, "task": task.model_dump()}


def rescore(
    run: Path | str,
    policy: Policy | str | None = None,
    requirements: Sequence[Requirement] = (),
    objective: str | None = None,
) -> Path:
    """Writes the leaderboard that a run would have had under another threshold policy.

    See `rescore_all`, which also says how many trials meet the requirements.
    """
    return rescore_all(run, [policy], requirements, objective)[0].path


def rescore_all(
    run: Path | str,
    policies: Sequence[Policy | str | None],
    requirements: Sequence[Requirement] = (),
    objective: str | None = None,
    processes: int | None = None,
) -> list[Rescored]:
    """Writes the leaderboards that a run would have had under other threshold policies.

    A requirement on a metric of single decisions is part of the rule: the threshold is chosen among the cuts
    that meet it, on all rows and, for `value`, on each half anew. Any other (ranking, probabilities, events)
    is asked of the finished row, and `value` of the mean over the seeds of its configuration; of tasks that
    are not binary every one is asked of the row. A row that does not meet all of them has no value and no
    rank; its `error` says why, and its threshold is the policy's, or that of the cut that falls short by
    least.

    Args:
        run: a run's folder; what it has finished is rescored.
        policies: the rules, or their texts; see `read_policy`. None is the study's own.
        requirements: see `reports.boards.requirements.parse`.
        objective: the metric that ranks; None for the study's own.
        processes: at most so many at work; as many as there are processors if left out.

    Returns:
        One for each policy; its file lies beside the run's own leaderboard, which does not change.

    Raises:
        RunError: no run, no such policy or metric, events asked of a run without, or damaged files.
    """
    folder = RunFolder(Path(run))
    task = folder.study().task
    asked = _Asked(
        path=str(folder.path),
        policies=tuple(read_policy(one, task) if isinstance(one, str) else one for one in policies),
        requirements=tuple(dict.fromkeys(requirements)),
        objective=objective,
    )
    rescorer = _Rescorer(asked)  # also raises if something cannot be asked
    ids = folder.trial_ids()
    parts = _parts(rescorer, asked, ids, processes)
    made = []
    for k, (name, policy) in enumerate(zip(rescorer.file_names, asked.policies, strict=True)):
        path, together, board = folder.path / name, Board(), Board()
        together.add_rows(part[k][0] for part in parts)
        board.add_rows([_judged_by_means(together.rows(), asked.requirements)])
        before = [value for part in parts for value in part[k][1]]
        rows, used = board.rows(), (policy or rescorer.study.threshold).policy
        board.write(path)
        trained = pc.and_(pc.not_equal(rows["kind"], "baseline"), pc.not_equal(rows["state"], "failed"))
        met = pc.sum(pc.and_(trained, pc.is_valid(rows["value"])).cast(pa.int64())).as_py() or 0
        closest = (
            None
            if met or not asked.requirements
            else _nearest(rows.filter(trained), before, trained, asked.requirements)
        )
        trials = pc.sum(trained.cast(pa.int64())).as_py() or 0
        made.append(Rescored(path=path, policy=used, rule=policy, trials=trials, met=met, nearest=closest))
    return made


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a process needs for its trials."""

    path: str
    policies: tuple[Policy | None, ...]
    requirements: tuple[Requirement, ...]
    objective: str | None

    def file_name(self, policy: Policy | None, study: Study) -> str:
        """`leaderboard_<policy>`, then what differs from its defaults and from the study, all in order."""
        parts: list[str] = [study.threshold.policy if policy is None else policy.policy]
        if policy is not None:
            defaults = type(policy).model_fields
            settings = policy.model_dump(exclude={"policy"}).items()
            parts += [f"{key}-{_text(value)}" for key, value in settings if value != defaults[key].default]
        parts += sorted({f"{_about(one)}.{one.bound}-{_text(one.limit)}" for one in self.requirements})
        parts += [f"by-{self.objective}"] if self.objective not in (None, study.objective.metric) else []
        name = f"leaderboard_{'__'.join(parts)}"
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
        return f"{name}.parquet"


def _about(one: Requirement) -> str:
    return one.metric if one.of is None else f"{one.metric}.{_text(one.of)}"


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(np.format_float_positional(value, trim="-"))
    text = quote(str(value), safe="")  # a class may be called a/b
    return text if len(text) <= LONGEST else hashlib.sha256(text.encode()).hexdigest()[:12]


def _of_two(
    reference: Reference, study: Study, policies: Sequence[Policy | None], limits: Limits
) -> BinaryRescoring:
    return BinaryRescoring(reference, study, policies, limits)


def _of_many(
    reference: Reference, study: Study, policies: Sequence[Policy | None], limits: Limits
) -> TaskRescoring:
    return TaskRescoring(reference, study, policies)


_RESCORING: Mapping[TaskName, Callable[..., BinaryRescoring | TaskRescoring]] = {
    **dict.fromkeys(TASK_NAMES, _of_many),
    "binary": _of_two,
}
"""What applies other rules to trials, by the task."""


class _Rescorer:
    """A run's trials, rescored one after the other."""

    def __init__(self, asked: _Asked) -> None:
        self._folder, self._asked = RunFolder(Path(asked.path)), asked
        study, reference = self._folder.study(), self._folder.reference()
        self.file_names = [asked.file_name(policy, study) for policy in asked.policies]
        if asked.objective is not None:
            changed = {**study.objective.model_dump(), "metric": asked.objective}
            objective = parse(_asks(study.task) | {"objective": changed}, "--objective").objective
            study = study.model_copy(update={"objective": objective})
        for policy in asked.policies:
            used = study if policy is None else study.model_copy(update={"threshold": policy})
            check_events(used, reference)
            check_answers(used.threshold, reference.answers)
        self.study = study
        check_scored(asked.requirements, self._folder)
        window = tuple(one for one in asked.requirements if one.metric in METRICS)
        self._rescoring = _RESCORING[study.task.name](reference, study, asked.policies, Limits(window))

    def part(self, ids: Sequence[str]) -> "_Part":
        """Rescores some trials."""
        boards = [Board() for _ in self._asked.policies]
        values: list[list[float | None]] = [[] for _ in boards]
        for trial_id in ids:
            record = self._folder.record(trial_id)
            for board, before, found in zip(boards, values, self._of(record), strict=True):
                before.append(found.value)
                board.add(self._judged(found))
        return [(board.rows(), before) for board, before in zip(boards, values, strict=True)]

    def _of(self, record: Record) -> list[Record]:
        if record.state != "failed":
            return self._rescoring.of(record, self._folder.raw_scores(record.ask.trial_id))
        policies = [policy or self.study.threshold for policy in self._asked.policies]
        metric = self.study.objective.metric
        return [
            record.model_copy(update={"threshold_policy": one.policy, "objective": metric})
            for one in policies
        ]

    def _judged(self, record: Record) -> Record:
        """The record without its value, and with the reason, where it does not meet the requirements."""
        if record.error is not None or not self._asked.requirements:
            return record
        row = leaderboard_row(record)
        missed = unmet(row, self._asked.requirements)
        if record.value is not None and all(one.metric == "value" for one in missed):
            return record  # judged with the other seeds of its configuration
        if missed:
            error = _missed(missed, row)
        else:
            error = "a half of the rows has no cut that meets the requirements, or no value at it"
        return record.model_copy(update={"value": None, "value_fa_per_day": None, "error": error})


_Part = list[tuple[pa.Table, list[float | None]]]
"""For each policy the rows of some trials, and their values before requirements were applied."""


@lru_cache(maxsize=1)
def _of_this_process(asked: _Asked) -> _Rescorer:
    return _Rescorer(asked)


def _work(asked: _Asked, ids: Sequence[str]) -> _Part:
    return _of_this_process(asked).part(ids)


def _parts(rescorer: _Rescorer, asked: _Asked, ids: Sequence[str], processes: int | None) -> list[_Part]:
    chunks = [ids[k : k + CHUNK] for k in range(0, len(ids), CHUNK)]
    workers = min(processes or os.cpu_count() or 1, len(chunks))
    if workers < 2 or len(ids) <= ALONE:
        return [rescorer.part(chunk) for chunk in chunks]
    # Spawned, not forked: a notebook that calls this may have threads. This process works as well: it starts
    # from the end, while the others still import, until every trial is taken.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers - 1, context) as pool:
        given = [pool.submit(_work, asked, chunk) for chunk in chunks]
        try:
            taken = {k: rescorer.part(chunks[k]) for k in reversed(range(len(chunks))) if given[k].cancel()}
            return [taken[k] if k in taken else given[k].result() for k in range(len(chunks))]
        finally:
            # After an error, jobs that no process has begun are dropped.
            pool.shutdown(wait=False, cancel_futures=True)


def _judged_by_means(rows: pa.Table, requirements: Sequence[Requirement]) -> pa.Table:
    """Rows without their value where the mean of their configuration is not what is required of `value`."""
    asked = [one for one in requirements if one.metric == "value"]
    if not asked:
        return rows
    judged = [{"value": mean} for mean in with_seeds(rows)["value_mean"].to_pylist()]
    missed = [[] if row["value"] is None else unmet(row, asked) for row in judged]
    is_missed = pa.array(list(map(bool, missed)))
    errors = [_missed(those, row) if those else None for those, row in zip(missed, judged, strict=True)]
    changes = {
        "value": pa.nulls(len(rows), pa.float64()),
        "value_fa_per_day": pa.nulls(len(rows), pa.float64()),
        "error": pa.array(errors, pa.string()),
    }
    for name, other in changes.items():
        if name not in rows.column_names:
            continue  # of the decisions behind a value, tasks that are not binary count no alarms
        column = pc.if_else(is_missed, other, rows[name])
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _missed(missed: Sequence[Requirement], row: Mapping[str, Any]) -> str:
    came = ", ".join(f"{one.name} {_shown(one.value_in(row))}" for one in missed)
    return f"the row does not meet {', '.join(map(str, missed))}: {came}"


def _nearest(
    rows: pa.Table, values: list[float | None], trained: pa.Array, requirements: Sequence[Requirement]
) -> Mapping[str, Any] | None:
    of_trained = [value for value, is_one in zip(values, trained.to_pylist(), strict=True) if is_one]
    found = [{**row, "value": value} for row, value in zip(rows.to_pylist(), of_trained, strict=True)]
    return nearest(found, requirements)


def _shown(value: float | None) -> str:
    return "is undefined" if value is None else f"is {value:.4g}"
