"""Reads leaderboards of one run or several, for the command line and for notebooks."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from reports.boards.columns import KNOWN, SMALLER_IS_BETTER
from reports.boards.query import (
    FIRST,
    Facts,
    QueryResult,
    best_rows_per,
    check_readable,
    columns_in,
    first_rows,
    found,
    opened,
)
from spaces.errors import RunError
from spaces.tasks import sign_of


class Leaderboard(QueryResult):
    """Rows of leaderboards, as a query found them; a notebook shows it as a table."""

    def _repr_html_(self) -> str:
        from reports.boards.selection import selection_or_reason
        from reports.boards.table import as_html

        chosen, why_not = selection_or_reason(self.run)
        return as_html(self, chosen, why_not)


def read(
    *runs: str | Path,
    top: int | None = None,
    sort: str | None = None,
    where: str | None = None,
    best_per: str | None = None,
) -> Leaderboard:
    """Reads rows of one run's leaderboard or of several.

    Ranks are those of the files; of several runs that compare, those among all their rows.

    Args:
        runs: run folders, Parquet files, or patterns such as `runs/seizure-*`.
        top: at most so many rows.
        sort: a column, the best first: the largest, or of what is better when small the smallest;
            `column asc` and `column desc` say which, and `column[2]` which number of a list, from 1. Null
            comes last either way.
        where: an SQL condition on the columns.
        best_per: a column; only the best row for each of its values is kept, of those that `where` lets pass;
            of runs that do not compare, the best of each run.

    Raises:
        RunError: no such file, no leaderboard, or SQL that does not hold.
    """
    paths = found(runs)
    columns = (*(["run"] if len(paths) > 1 else []), *columns_in(paths))
    column, place, direction = _sorted_by(sort or "rank", columns)
    if best_per is not None and best_per not in columns:
        raise RunError(f"--best-per takes a column, but got {best_per!r}; {_known(best_per, columns)}")
    import duckdb

    try:
        with opened(paths) as (connection, facts):
            board = connection.sql("SELECT * FROM board")
            # `filter` takes one expression: a condition cannot end the query and begin another.
            fit = board.filter(where) if where is not None else board
            if best_per is not None:
                fit = fit.query("fit", best_rows_per(best_per, within_runs=not facts.comparable))
            direction = direction or ("asc" if _smaller_is_better(column, facts) else "desc")
            order = f'"{column}"{place} {direction} NULLS LAST, {FIRST}, trial_id'
            ordered = fit.order(order if len(paths) == 1 else f"{order}, run")
            table = first_rows(ordered, facts.trials if top is None else min(top, facts.trials), columns)
            table.validate(full=True)
            return Leaderboard(table, facts, paths)
    except (duckdb.Error, pa.ArrowException, OSError, UnicodeDecodeError) as error:
        check_readable(paths)
        reason = str(error).splitlines()[0]
        if where is None or not isinstance(error, duckdb.Error):
            raise RunError(f"leaderboards must read back, but: {reason}", exit_code=1) from None
        raise RunError(
            f"--where takes an SQL condition on the columns, but got {where!r}: {reason}; "
            f"columns: {', '.join(columns)}"
        ) from None


_SORTED = re.compile(r"\s*([^\s\[]+)(\[[1-9]\d*\])?(?:\s+(asc|desc))?\s*", re.IGNORECASE)


def _sorted_by(sort: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """The column, the place in its list such as `[2]`, or nothing, and the direction, or nothing.

    Raises:
        RunError: there is no such column, or it holds lists, which have no order.
    """
    said = _SORTED.fullmatch(sort)
    column, place, direction = said.groups(default="") if said else (sort.strip().partition(" ")[0], "", "")
    if said is None or column not in columns:
        raise RunError(f"--sort takes a column and asc or desc, but got {sort!r}; {_known(column, columns)}")
    numbers = KNOWN.get(column) == pa.list_(pa.float64())
    if pa.types.is_list(KNOWN.get(column, pa.string())) != bool(place) or (place and not numbers):
        raise RunError(
            "--sort takes a column that holds one number a row, or one of a list, such as each_recall[1] "
            f"for the first of answers, but got {sort!r}"
        )
    return column, place, direction


def _smaller_is_better(column: str, facts: Facts) -> bool:
    if column in ("value", "value_mean"):
        return facts.best is not None and sign_of(facts.best["objective"]) < 0
    return column in SMALLER_IS_BETTER


def _known(name: str, columns: Sequence[str]) -> str:
    """The columns there are, the nearest to a name first."""
    near = get_close_matches(name, columns, n=1)
    return "".join(f"nearest is {one!r}; " for one in near) + f"columns: {', '.join(columns)}"
