"""Reads scores of models that exist already, with labels and, where they are known, patients and times."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Rows
from search.data.sources.array_files import SUFFIXES, open_arrays
from search.data.sources.columns import (
    check_named,
    labels,
    numbers,
    open_table,
    read_columns,
    values,
)
from search.data.sources.labels import binarize
from search.data.sources.npz import groups_and_recordings, squeezed
from search.data.sources.seizures import read_seizures, with_seizures
from search.data.sources.times import Settings, check_times
from spaces.data import Scores
from spaces.errors import RunError

F64 = NDArray[np.float64]
OPTIONS = Settings(time="--start", window="--window-s", step="--set data.step_s")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a column of scores holds, and so how it becomes raw scores.

    Probabilities become log-odds, between two ends: an exact 0 or 1, whose log-odds are infinite, stands
    half as far from its end of the unit interval as the nearest value within does.

    Args:
        probability: whether the column holds probabilities.
        low, high: the lowest and the highest log-odds; None of scores, which stay as they are.
    """

    probability: bool
    low: float | None = None
    high: float | None = None

    def unchecked(self, given: F64) -> NDArray[np.float32]:
        """Returns raw scores `(n,)`; NaN where `given` is NaN or, of probabilities, outside [0, 1]."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if not self.probability:
                return given.astype(np.float32)
            return np.asarray(np.clip(np.log(given) - np.log(1 - given), self.low, self.high), np.float32)

    def raw(self, given: F64) -> NDArray[np.float32]:
        """Returns raw scores `(n,)` of what the column holds, `(n,)`.

        Raises:
            RunError: a number is not finite, no probability, or too large for float32.
        """
        found = self.unchecked(given)
        bad = np.flatnonzero(~np.isfinite(found))
        if bad.size:
            rule = (
                "probabilities lie in [0, 1]"
                if self.probability
                else "scores must be numbers below 3.4e38, as float32 holds them"
            )
            raise RunError(f"{rule}, but row {bad[0] + 1} has {given[bad[0]]}")
        return found


def scale_of(given: F64, name: str) -> Scale:
    """Tells probabilities from scores: probabilities all lie in [0, 1].

    Args:
        given: finite, `(n,)`.
        name: of the column, for messages.

    Raises:
        RunError: the column holds one value alone, or nothing but 0 and 1.
    """
    low, high = float(given.min()), float(given.max())
    if low == high:
        raise RunError(f"scores must differ between rows, but {name} is {low:g} in all {given.size}")
    if not 0 <= low <= high <= 1:
        return Scale(probability=False)
    within = given[(given > 0) & (given < 1)]
    if not within.size:
        raise RunError(
            f"scores must be graded, but {name} holds 0 and 1 alone: these are decisions, made already; "
            "give what they were made from"
        )
    ends = np.array([within.min(), within.max()])
    low_odds, high_odds = np.log(ends) - np.log(1 - ends)
    return Scale(probability=True, low=float(low_odds - np.log(2)), high=float(high_odds + np.log(2)))


@dataclass(frozen=True, kw_only=True)
class Given:
    """Scores with what is known of their rows.

    Args:
        rows: `x` holds the raw scores, `(n, columns)`; `channels` names the columns.
        scales: of each column.
        columns: the scores as they were given, `(n,)` float64 each, by column.
        log_odds: columns of scores whose sigmoid is a probability before any calibration.
    """

    rows: Rows
    columns: Mapping[str, F64]
    scales: tuple[Scale, ...]
    log_odds: frozenset[str] = frozenset()


def read_scores(config: Scores, base: Path) -> Given:
    """Reads the file that `config` names.

    Args:
        config: file, columns and the positive label.
        base: the folder a relative `config.path` is taken from.

    Raises:
        RunError: the file or a column is missing, or holds what scores cannot.
    """
    path = base / config.path
    given = {
        "--label": config.label,
        "--group": config.group,
        "--recording": config.recording,
        "--start": config.start,
    }
    named = {key: name for key, name in given.items() if name is not None}
    named |= {f"--score {name}": name for name in config.score}
    numeric = [*config.score, *([config.start] if config.start else [])]
    found = _read(path, named, numeric)
    stated = None if config.seizures is None else read_seizures(base / config.seizures, zeros=True)
    return given_from(found, config, path.name, stated)


def given_from(
    found: Mapping[str, NDArray[Any]], config: Scores, where: str, stated: NDArray[Any] | None = None
) -> Given:
    """Takes scores, labels and the rest from columns, wherever these were read.

    Args:
        found: `(n,)` each, by name.
        config: which column is what, and the positive label.
        where: what to call the place they come from in messages.
        stated: the seizures that `config.seizures` names, see `with_seizures`.

    Raises:
        RunError: they hold what scores cannot.
    """
    counts = {name: len(values) for name, values in found.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise RunError(f"all columns must have the same number of rows, but {listed} ({where})")
    known = {"group": config.group, "recording": config.recording}
    columns = {key: found[name] for key, name in known.items() if name is not None}
    groups, recordings, notes = groups_and_recordings(columns, config, where)
    return given_of(
        {name: numbers(found[name], name, where) for name in config.score},
        labels(found[config.label]),
        config,
        groups=groups,
        recordings=recordings,
        times=None if config.start is None else numbers(found[config.start], config.start, where),
        where=where,
        notes=notes,
        stated=stated,
    )


def _read(path: Path, named: Mapping[str, str], numeric: list[str]) -> dict[str, NDArray[Any]]:
    """Reads the columns, or arrays, that options name."""
    if path.suffix.lower() in SUFFIXES:
        with open_arrays(path) as arrays:
            return {name: squeezed(arrays.take(name, key)) for key, name in named.items()}
    file = open_table(path)
    for key, name in named.items():
        check_named(key, name, file.names, path.name)
    table = read_columns(file, numeric, [name for name in named.values() if name not in numeric])
    return {name: values(table, name, path.name) for name in named.values()}


def given_of(
    scores: Mapping[str, F64],
    y: NDArray[np.generic],
    config: Scores,
    *,
    groups: NDArray[np.str_] | None,
    recordings: NDArray[np.str_] | None,
    times: F64 | None,
    where: str,
    notes: tuple[str, ...] = (),
    stated: NDArray[Any] | None = None,
) -> Given:
    """Puts scores and what is known of their rows together.

    Args:
        scores: by column, `(n,)` each, finite.
        y: labels as they are, `(n,)`.
        config: names the positive label and `window_s`.
        groups, recordings, times: see `search.data.rows.Rows`; without groups, recordings are the groups.
        where: what to call the place they come from in messages.
        notes: what was mended.
        stated: the seizures that `config.seizures` names.

    Raises:
        RunError: labels of other than two classes, or scores that tell nothing apart.
    """
    encoded, values = binarize(y, config.positive, f"{where}: {config.label}", "--positive")
    scales = tuple(scale_of(given, name) for name, given in scores.items())
    raw = [scale.raw(given) for scale, given in zip(scales, scores.values(), strict=True)]
    rows = Rows(
        x=np.stack(raw, axis=1),
        y=encoded,
        labels=values,
        groups=recordings if groups is None else groups,
        recordings=recordings,
        times=times,
        window_s=config.window_s,
        channels=tuple(scores),
        notes=notes,
    )
    check_times(rows, config.step_s, where, OPTIONS)
    if stated is not None:
        name = Path(config.seizures or "").name
        rows = with_seizures(rows, stated, name, where, exact_names=config.exact_names)
    return Given(rows=rows, scales=scales, columns=scores)
