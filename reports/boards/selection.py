"""What a run's ranking can tell: intervals, ties, and the winner corrected for having been picked."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from reports.boards import leaderboard
from reports.boards.columns import schema_of
from search.comparison import task_comparison
from search.comparison.resampling import F32, Setting, Units, units_of
from search.comparison.selection import Contender, compared, corrected
from search.comparison.ties import Compared
from search.evaluation.binary import ALWAYS, ALWAYS_ON, calibration_of, policy_of
from search.evaluation.by_task import contending_for
from search.events.scoring import EVENT_METRICS
from search.files import write_atomically
from search.record import Estimate
from search.runs.run_folder import RunFolder
from search.scores.metrics import METRICS
from search.scores.reference import Reference
from spaces.errors import RunError, TrialError
from spaces.policies import Sampled, SensitivityAtFaPerDay
from spaces.study import Study
from spaces.tasks import TASK_NAMES, TaskName

COMPARED, PICKED = 64, 200
"""How many trials, the best by value, are compared with the winner; and how many a resample may pick from."""
EVENT_ROWS, FEWEST = 10_000_000, 8
"""Scoring events reads all rows once per trial, so rows times trials stay below EVENT_ROWS; FEWEST trials are
taken in any case."""
FEW = 30
"""With fewer units, 95% percentile intervals cover less than 95%: in simulation 88% with 20, 76% with 8."""
SEEDS = 10
"""At most so many seeds of a configuration are resampled, its first ones."""
METHOD = 3
"""Version of the method, raised when the same scores give other numbers: files are then made anew."""
_COLUMNS = (
    *("rank", "trial_id", "kind", "trunk", "state", "value", "value_mean", "seeds", "seed_of"),
    "constant_decision",
)
DECIDED = ("threshold_score", "offsets", "thresholds")
"""Columns that say how a row is decided, where its task has them."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is known of a run's ranking; None is undefined.

    What competes are configurations: the seeds of one count as their mean, and each of them has its numbers.
    Baselines are yardsticks: they are never promoted, so they are compared with the winner but cannot win,
    and have no part in the correction. Trials whose decision is constant do not compete either: those that
    were trained are left out, and baselines keep their rank of the leaderboard.

    Args:
        objective: what `value` measures.
        best: id of the winner: the first seed of the trained configuration of the best value, of equal ones
            the first; None if no trained trial has a value.
        values: the cross-fitted value with its 95% interval, the mean over seeds, by trial id.
        differences: the winner's value minus the trial's, with an interval that knows that the winner was
            picked, see `search.comparison.ties`; by trial id.
        ranks: lowest and highest rank by trial id, `(1, k)` for the k trials that cannot be told from the
            winner; see `search.comparison.ties`. The rank of trials beyond the best COMPARED, which stand in
            none of the three, is that of the leaderboard.
        corrected: what the winner is worth on new data, corrected for having been picked: the mean over
            resamples with its 95% interval, see `search.comparison.bias_correction`.
        trials: how many trained configurations with a value competed.
        units: what was resampled.
        unit_count: how many of them there are.
        note: why something is missing, or what was left out.
    """

    objective: str
    best: str | None
    values: dict[str, Estimate]
    differences: dict[str, Estimate]
    ranks: dict[str, tuple[int, int]]
    corrected: Estimate | None
    trials: int
    units: str
    unit_count: int
    note: str | None


_STORED = TypeAdapter(Selection)


def selection(run: RunFolder) -> Selection:
    """Compares a run's trials and corrects its winner; read back where nothing has changed since.

    Takes seconds, and is kept in the run's `selection.json`.

    Args:
        run: a run, which may be going on.

    Raises:
        RunError: this is no run folder, or a file of it was damaged.
    """
    study = run.study()
    rows = _rows(run, study)
    digest = _digest(study, rows)
    found = _kept(run, digest)
    if found is None:
        found = _made(run, study, rows)
        content = {"digest": digest, "selection": _STORED.dump_python(found, mode="json")}
        with contextlib.suppress(OSError):  # a folder that is only read is compared anew each time
            write_atomically(_file_of(run), json.dumps(content, indent=1).encode())
    return found


def known(run: RunFolder) -> Selection | None:
    """Returns what `selection` left in a run's folder; None where that is not so any more, or never was.

    Args:
        run: a run, which may be going on.

    Raises:
        RunError: this is no run folder, or a file of it was damaged.
    """
    if not _file_of(run).is_file():
        return None
    study = run.study()
    return _kept(run, _digest(study, _rows(run, study)))


def _file_of(run: RunFolder) -> Path:
    return run.path / "selection.json"


def _rows(run: RunFolder, study: Study) -> pa.Table:
    """What a selection depends on, a row per trial, as the leaderboard ranks them."""
    columns = [*_COLUMNS, *(["params"] if isinstance(study.threshold, Sampled) else [])]
    columns += [name for name in DECIDED if name in schema_of(study.task.name).names]
    try:
        return pq.read_table(run.leaderboard, columns=columns)
    except (pa.ArrowException, OSError):  # none yet, or damaged: the records are the truth
        return leaderboard.Board(run.records()).ranked().select(columns)


def _digest(study: Study, rows: pa.Table) -> str:
    asked = study.model_dump_json(include={"seed", "threshold", "objective", "events"})
    total = hashlib.sha256(f"{METHOD} {COMPARED} {PICKED} {asked}".encode())
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        total.update(f"\n{name}\n".encode())
        total.update("\0".join(map(str, column.to_pylist())).encode())
    return total.hexdigest()


def _kept(run: RunFolder, digest: str) -> Selection | None:
    try:
        content = json.loads(_file_of(run).read_bytes())
        return _STORED.validate_python(content["selection"]) if content["digest"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged: it is made again
        return None


def _made(run: RunFolder, study: Study, rows: pa.Table) -> Selection:
    reference = run.reference()
    work = COMPARISONS[study.task.name](run, study, reference)
    ranked = rows.filter(pc.is_valid(rows["value"]))
    is_baseline = pc.equal(ranked["kind"], "baseline")
    decides = pc.invert(ranked["constant_decision"].fill_null(False))
    trained = ranked.filter(pc.and_(pc.invert(is_baseline), decides))
    configurations = pc.count_distinct(pc.coalesce(trained["seed_of"], trained["trial_id"])).as_py()
    most = _most(study, len(reference.y))
    candidates = _candidates(ranked, trained, max(COMPARED, PICKED) if most is None else most)
    beside = [*_first(candidates, COMPARED), *([row] for row in ranked.filter(is_baseline).to_pylist())]
    beside.sort(key=lambda rows: rows[0]["rank"])  # keeps the leaderboard's order among equals
    unknown = Selection(
        objective=study.objective.metric,
        best=None,
        values={},
        differences={},
        ranks={},
        corrected=None,
        trials=configurations,
        units=work.units.kind,
        unit_count=work.units.count,
        note=None,
    )
    if not candidates:
        constant = pc.any(pc.invert(is_baseline)).as_py()
        none = "no trained trial has a value yet"
        return replace(unknown, note="every trained trial's decision is constant" if constant else none)
    try:
        pickable = _first(candidates, PICKED)
        comparison, winner = work.made(beside, pickable)
    except TrialError as error:
        return replace(unknown, note=f"scores and values do not belong together: {error}")
    values, differences, ranks = {}, {}, {}
    for k, rows_of_one in enumerate(beside):
        rank = rows_of_one[0]["rank"]
        for name in (row["trial_id"] for row in rows_of_one if row["rank"] == rank):
            values[name], differences[name] = comparison.values[k], comparison.differences[k]
            ranks[name] = comparison.ranks[k] if comparison.tied[k] else (rank, rank)
    return replace(
        unknown,
        best=beside[comparison.best][0]["trial_id"],
        values=values,
        differences=differences,
        ranks=ranks,
        corrected=None if winner.value is None else winner,
        note=_note(
            work.units,
            study.objective.metric,
            reference,
            configurations,
            len(trained),
            len(_first(candidates, COMPARED)),
            len(pickable),
            max(len(rows_of_one) for rows_of_one in candidates),
            corrected=winner.value is not None,
        ),
    )


def _candidates(ranked: pa.Table, trained: pa.Table, most: int) -> list[list[dict[str, Any]]]:
    """The best configurations, at most so many: the rows of all seeds of each, those that decide first.

    Args:
        ranked: all rows with a value.
        trained: those that were trained and decide something.
        most: how many seeds are resampled in all; see `_first`.
    """
    best = pc.unique(pc.coalesce(trained["seed_of"], trained["trial_id"])).slice(0, most)
    first = pc.coalesce(ranked["seed_of"], ranked["trial_id"])
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in best.to_pylist()}
    for row in ranked.filter(pc.is_in(first, best)).to_pylist():
        found[row["seed_of"] or row["trial_id"]].append(row)
    return _first(list(found.values()), most)


def _first(candidates: list[list[dict[str, Any]]], most: int) -> list[list[dict[str, Any]]]:
    """The first configurations, until so many seeds are resampled."""
    before = np.cumsum([0, *(min(len(rows), SEEDS) for rows in candidates)])[:-1]
    return candidates[: np.count_nonzero(before < most)]


def _most(study: Study, rows: int) -> int | None:
    """How many trials event scores leave time for; None where no events are counted."""
    metric = study.objective.metric
    by_events = isinstance(study.threshold, SensitivityAtFaPerDay) and metric in METRICS
    return max(FEWEST, EVENT_ROWS // rows) if by_events or metric in EVENT_METRICS else None


_Rows = list[dict[str, Any]]
"""The rows of all seeds of one configuration."""


class _OfTwo:
    """The comparison of binary trials, from one sort of the scores of each.

    Args:
        run, study, reference: what is compared, and on which rows.
    """

    def __init__(self, run: RunFolder, study: Study, reference: Reference) -> None:
        self._run, self._study, self.units = run, study, units_of(reference, study.seed)
        self._setting = Setting(
            reference=reference,
            units=self.units,
            metric=study.objective.metric,
            calibrate=calibration_of(study),
            events=study.events,
            seed=study.seed,
        )

    def made(self, beside: Sequence[_Rows], pickable: Sequence[_Rows]) -> tuple[Compared, Estimate]:
        """Compares the configurations of `beside`, and corrects the pick among those of `pickable`."""
        found = {one[0]["trial_id"]: self._contender(one) for one in [*pickable, *beside]}
        return (
            compared([found[one[0]["trial_id"]] for one in beside], self._setting),
            corrected([found[one[0]["trial_id"]] for one in pickable], self._setting),
        )

    def _contender(self, rows: _Rows) -> Contender:
        row, study = rows[0], self._study
        params = json.loads(row.get("params") or "{}")
        return Contender(
            raws=_raws(self._run, rows),
            value=row["value_mean"],
            # The name of a baseline stands in the column of the trunk.
            policy=ALWAYS_ON if row["trunk"] == ALWAYS else policy_of(study, params.get("threshold")),
            may_win=row["kind"] != "baseline",
            may_tie=not row["constant_decision"],
        )


class _OfMany:
    """The comparison of trials of any other task, by what cross-fitting left of each; see `_OfTwo`."""

    def __init__(self, run: RunFolder, study: Study, reference: Reference) -> None:
        self._run, self.units = run, units_of(reference, study.seed)
        self._rows = task_comparison.TaskSetting(
            reference=reference,
            units=self.units,
            metric=study.objective.metric,
            scoring=contending_for(study, reference),
            seed=study.seed,
        )

    def made(self, beside: Sequence[_Rows], pickable: Sequence[_Rows]) -> tuple[Compared, Estimate]:
        """See `_OfTwo`."""
        found = {one[0]["trial_id"]: self._candidate(one) for one in [*pickable, *beside]}
        return (
            task_comparison.compared([found[one[0]["trial_id"]] for one in beside], self._rows),
            task_comparison.corrected([found[one[0]["trial_id"]] for one in pickable], self._rows),
        )

    def _candidate(self, rows: _Rows) -> task_comparison.Candidate:
        return task_comparison.Candidate(
            raws=_raws(self._run, rows),
            value=rows[0]["value_mean"],
            may_win=rows[0]["kind"] != "baseline",
            may_tie=not rows[0]["constant_decision"],
        )


COMPARISONS: Mapping[TaskName, Callable[[RunFolder, Study, Reference], _OfTwo | _OfMany]] = {
    **dict.fromkeys(TASK_NAMES, _OfMany),
    "binary": _OfTwo,
}
"""How trials are compared, by the task."""


def _raws(run: RunFolder, rows: _Rows) -> tuple[F32, ...]:
    names = sorted((one["trial_id"] for one in rows), key=int)
    return tuple(run.scores(name)[0] for name in names[:SEEDS])


def _note(
    units: Units,
    metric: str,
    reference: Reference,
    competed: int,
    trials: int,
    compared_most: int,
    picked_most: int,
    most_seeds: int,
    *,
    corrected: bool,
) -> str | None:
    notes = []
    if units.count < 2:
        notes.append(f"one of {units.kind} says nothing about the next, so there are no intervals")
    elif not corrected:
        notes.append(f"most resamples leave out too little to measure {metric} on")
    if units.kind == "recordings" and reference.groups is not None:
        notes.append("all rows are of one group, so recordings were resampled")
    if 2 <= units.count < FEW:
        notes.append(f"intervals from {units.count} {units.kind} hold the truth in fewer than 95 of 100")
    noun = "trials" if competed == trials else "configurations"
    if competed > compared_most:
        notes.append(f"compared with the winner: the best {compared_most} of {competed} {noun}")
    if competed > picked_most:
        notes.append(f"corrected for a pick among the best {picked_most} of {competed} {noun}")
    if most_seeds > SEEDS:
        notes.append(f"of each configuration the first {SEEDS} seeds were resampled")
    return "; ".join(notes) or None


def selection_or_reason(run: Path | None) -> tuple[Selection | None, str | None]:
    """Returns ties and the corrected winner of a run, or a line that says why they are not known.

    Args:
        run: its folder; None where rows are not those of one run's own leaderboard.
    """
    if run is None:
        return None, "ties are told within one run, by its own leaderboard"
    if not (run / "scores" / "reference.parquet").is_file():
        return None, "ties are not known without the run's scores"
    try:
        return selection(RunFolder(run)), None
    except (RunError, OSError) as error:
        return None, f"ties are not known: {error}"
