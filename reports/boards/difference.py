"""Compares two runs: their settings, the best of each head and loss, and their best trials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.table import Table

from reports.boards.reading import Leaderboard, read
from reports.boards.table import Column, lay_out, number
from search.runs.run_folder import RunFolder
from search.scores.bootstrap import paired_difference
from spaces.errors import RunError

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
        metric: a metric of decisions or of the order of scores; the study's own if left out.
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
        if record.threshold_score is None:
            raise RunError(f"only measured trials can be compared, but {trial_id} failed: {record.error}")
        sides.append((folder.scores(trial_id)[1], record.threshold_score))
    (score_a, threshold_a), (score_b, threshold_b) = sides
    return Comparison(
        *paired_difference(
            reference.y,
            score_a,
            threshold_a,
            score_b,
            threshold_b,
            reference.groups,
            metric or study.objective.metric,
            study.seed,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The differences between two runs.

    Args:
        settings: the settings that differ, by their dotted names: of the first, of the second.
        incomparable: why values do not compare: other rows, or another objective; None where they do.
        values: best cross-fitted values by head and loss: of the first, of the second; None without.
        best: ids of the best trials; None without.
        comparison: the second's best minus the first's; None where they do not compare or none is best.
    """

    settings: dict[str, tuple[Any, Any]]
    incomparable: str | None
    values: dict[tuple[str, str], tuple[float | None, float | None]]
    best: tuple[str | None, str | None]
    comparison: Comparison | None


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
        ahead = name_b if c.difference > 0 else name_a
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
        if row["head"] is not None and row["value_mean"] is not None:
            pair = (str(row["head"]), str(row["loss"]))
            found[pair] = max(found.get(pair, float("-inf")), float(row["value_mean"]))
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
