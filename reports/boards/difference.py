"""Compares two runs: their settings, the best of each head and loss, and their best trials."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rich.table import Table

from reports.boards.reading import Leaderboard, read
from reports.boards.table import Column, lay_out, number
from search.evaluation.recorded_decisions import fitted_of
from search.events.evaluation import paired_event_difference
from search.events.scoring import EVENT_METRICS
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores import regression
from search.scores.bootstrap import paired_difference
from search.scores.metrics import decide
from search.scores.multiclass import bootstrap as of_classes
from search.scores.multiclass.metrics import against_rest
from search.scores.multilabel import bootstrap as of_labels
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.study import Study
from spaces.tasks import TaskName, sign_of

Shown = Table | str


@dataclass(frozen=True)
class Comparison:
    """Trial a minus trial b, each at its own threshold, in sample.

    Args:
        difference: of the metric on the validation rows.
        low, high: 95% interval over resampled groups (rows where groups are unknown), the same for both.
    """

    difference: float
    low: float
    high: float

    @property
    def tied(self) -> bool:
        """Whether the interval contains no difference at all, or is undefined."""
        return not (self.low > 0 or self.high < 0)


_Side = tuple[Record, NDArray[np.float32]]
"""A trial and its scores."""
_Found = tuple[float, float, float]
"""A difference and the ends of its interval."""


def _of_two(reference: Reference, a: _Side, b: _Side, metric: str, study: Study) -> _Found:
    cut_a, cut_b = (float(record.threshold_score or 0) for record, _ in (a, b))
    if metric in EVENT_METRICS:
        one, two = decide(a[1], cut_a), decide(b[1], cut_b)
        return paired_event_difference(reference, one, two, study.events, metric, study.seed)
    return paired_difference(reference.y, a[1], cut_a, b[1], cut_b, reference.groups, metric, study.seed)


def _of_classes(reference: Reference, a: _Side, b: _Side, metric: str, study: Study) -> _Found:
    one, two = (
        of_classes.Predictions(against_rest(score), fitted_of(record, study).choice.decide(score))
        for record, score in (a, b)
    )
    return of_classes.paired_difference(reference.y, one, two, reference.groups, metric, study.seed)


def _of_labels(reference: Reference, a: _Side, b: _Side, metric: str, study: Study) -> _Found:
    one, two = (
        of_labels.Predictions(score, fitted_of(record, study).choice.decide(score))
        for record, score in (a, b)
    )
    return of_labels.paired_difference(reference.y, one, two, reference.groups, metric, study.seed)


def _of_numbers(reference: Reference, a: _Side, b: _Side, metric: str, study: Study) -> _Found:
    return regression.paired_difference(reference.y, a[1], b[1], reference.groups, metric, study.seed)


DIFFERENCES: Mapping[TaskName, Callable[[Reference, _Side, _Side, str, Study], _Found]] = {
    "binary": _of_two,
    "classes": _of_classes,
    "labels": _of_labels,
    "number": _of_numbers,
}
"""How two trials are compared on the same rows, by the task."""


def compare(
    run: RunFolder,
    trial_a: str,
    trial_b: str,
    metric: str | None = None,
    *,
    other: RunFolder | None = None,
) -> Comparison:
    """Compares two trials by a paired bootstrap.

    Args:
        run: the run of `trial_a`.
        trial_a, trial_b: their ids.
        metric: a metric of decisions, of the order of scores or of events; the study's own if left out.
        other: the run of `trial_b`, on the same validation rows; the same run if left out.

    Raises:
        RunError: no such trial, one that failed, or runs that were not measured on the same rows.
    """
    study, reference = run.study(), run.reference()
    if other is not None and not np.array_equal(other.reference().y, reference.y):
        raise RunError("trials compare on the same validation rows, but the two runs have others")
    sides = []
    for folder, trial_id in ((run, trial_a), (other or run, trial_b)):
        record = folder.record(trial_id)
        if record.state == "failed":
            raise RunError(f"only measured trials can be compared, but {trial_id} failed: {record.error}")
        sides.append((record, folder.scores(trial_id)[1]))
    a, b = sides
    asked = metric or study.objective.metric
    return Comparison(*DIFFERENCES[study.task.name](reference, a, b, asked, study))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The differences between two runs.

    Args:
        settings: the settings that differ, by their dotted names: of the first, of the second.
        incomparable: why values do not compare: other rows, or another objective; None where they do.
        values: best cross-fitted values by head and loss: of the first, of the second; None without.
        best: ids of the best trials; None without.
        comparison: the second's best minus the first's; None where they do not compare or none is best.
        sign: what a value is multiplied by so that the larger is the better.
    """

    settings: dict[str, tuple[Any, Any]]
    incomparable: str | None
    values: dict[tuple[str, str], tuple[float | None, float | None]]
    best: tuple[str | None, str | None]
    comparison: Comparison | None
    sign: float = 1.0


def difference(run_a: Path, run_b: Path) -> Difference:
    """Compares two runs.

    Raises:
        RunError: one is no run folder or has no leaderboard.
    """
    folders = RunFolder(run_a), RunFolder(run_b)
    studies = [_flat(_study(folder)) for folder in folders]
    keys = list(dict.fromkeys([*studies[0], *studies[1]]))
    settings = {
        key: (studies[0].get(key), studies[1].get(key))
        for key in keys
        if key != "name" and studies[0].get(key) != studies[1].get(key)
    }
    resolved = [folder.resolved() for folder in folders]
    incomparable = None
    if any(resolved[0].get(key) != resolved[1].get(key) for key in ("data_digest", "split_digest")):
        incomparable = "the runs were measured on different rows"
    elif any(key.split(".")[0] in ("objective", "events") for key in settings):
        incomparable = "the runs differ in objective or events"
    boards = [read(path) for path in (run_a, run_b)]
    values = [_best_values(board) for board in boards]
    pairs = sorted({*values[0], *values[1]})
    best_a, best_b = (None if b.facts.best is None else str(b.facts.best["trial_id"]) for b in boards)
    return Difference(
        settings=settings,
        incomparable=incomparable,
        values={pair: (values[0].get(pair), values[1].get(pair)) for pair in pairs},
        best=(best_a, best_b),
        sign=1.0 if boards[0].facts.best is None else sign_of(boards[0].facts.best["objective"]),
        comparison=compare(folders[1], best_b, best_a, other=folders[0])
        if incomparable is None and best_a is not None and best_b is not None
        else None,
    )


def difference_shown(found: Difference, name_a: str, name_b: str) -> Iterator[Shown]:
    """Yields tables and lines, for a terminal."""
    if found.settings:
        settings = [(key, _said(a), _said(b)) for key, (a, b) in found.settings.items()]
        yield lay_out("settings that differ", _text_columns("", name_a, name_b), settings)
    else:
        yield "no setting differs"
    values = [
        (*pair, number(a), number(b), "" if a is None or b is None or found.incomparable else f"{b - a:+.3f}")
        for pair, (a, b) in found.values.items()
    ]
    columns = _text_columns("head", "loss", name_a, name_b, "difference", numbers_from=2)
    yield lay_out("best value of each head and loss", columns, values)
    if found.incomparable is not None:
        yield f"{found.incomparable}: their values do not compare"
    elif found.comparison is not None:
        c, (a, b) = found.comparison, found.best
        ahead = name_b if found.sign * c.difference > 0 else name_a
        verdict = "the rows cannot tell them apart" if c.tied else f"{ahead} is ahead on these rows"
        yield (
            f"best of {name_b} ({b}) minus best of {name_a} ({a}), each at its threshold on the same rows: "
            f"{c.difference:+.3f} (95% {c.low:+.3f} to {c.high:+.3f}): {verdict}; in sample, and each was "
            "picked as the best of its run, so the one picked from more trials flatters more"
        )


def _text_columns(*names: str, numbers_from: int | None = None) -> list[Column[tuple[str, ...]]]:
    """Columns of rows that are text already; those from `numbers_from` on are aligned right."""
    first = len(names) if numbers_from is None else numbers_from
    return [Column(name, itemgetter(k), number=k >= first, wrap=True) for k, name in enumerate(names)]


def _study(folder: RunFolder) -> dict[str, Any]:
    folder.resolved()  # raises, naming what is wrong with a folder that is no run
    study: dict[str, Any] = yaml.safe_load(folder.study_file.read_text(encoding="utf-8"))
    return {key: value for key, value in study.items() if key != "resolved"}


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def _best_values(board: Leaderboard) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for row in board.rows:
        # A constant decision ranks after all that decide something, whatever its value.
        if row["head"] is not None and row["value_mean"] is not None and not row["constant_decision"]:
            pair = (str(row["head"]), str(row["loss"]))
            known, value = found.get(pair), float(row["value_mean"])
            better = known is None or sign_of(row["objective"]) * (value - known) > 0
            found[pair] = value if known is None or better else known
    return found


def _said(value: Any) -> str:
    return "-" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def check_two(runs: list[str]) -> tuple[Path, Path]:
    """Returns the two run folders that a difference is between.

    Raises:
        RunError: there are not two.
    """
    if len(runs) != 2:
        raise RunError(f"--diff compares two runs, but got {len(runs)}: leaderboard --diff RUN_A RUN_B")
    return Path(runs[0]), Path(runs[1])
