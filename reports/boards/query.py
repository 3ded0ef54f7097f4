"""Queries leaderboard files with DuckDB: finds and checks them, filters and sorts their rows."""

import glob
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from reports.boards.columns import KNOWN, SCHEMA
from reports.boards.leaderboard import renewed
from reports.boards.standings import CERTAIN
from spaces.errors import RunError
from spaces.tasks import SMALLER_IS_BETTER

if TYPE_CHECKING:
    import duckdb

OWN = "leaderboard.parquet"
"""The name of a run's own leaderboard; other files beside it are leaderboards of other thresholds."""
ESSENTIAL = ("rank", "trial_id", "kind", "state", "objective", "value")
"""Columns without which a Parquet file is no leaderboard; an earlier version's may lack others."""
CONSTANT = "coalesce(constant_decision, false)"
"""SQL: whether a row decides all validation rows alike; files of earlier versions do not say."""
FIRST = "coalesce(seed_of, trial_id)"
"""SQL: the first trial of a row's configuration; the seeds of one stand together."""
_SQL_TYPES = {"string": "VARCHAR", "double": "DOUBLE", "int64": "BIGINT", "bool": "BOOLEAN"}
_SIGN = f"CASE WHEN objective IN {tuple(sorted(SMALLER_IS_BETTER))} THEN -1e0 ELSE 1e0 END"
"""SQL: what a value is multiplied by so that the larger is the better."""
_MERIT = f"value IS NULL, {CONSTANT}, {_SIGN} * value_mean DESC"
_RANKED = f"""
    SELECT * EXCLUDE (leads) REPLACE (
        CASE WHEN value IS NOT NULL THEN CAST(1 + coalesce(sum(leads) OVER (
            ORDER BY {_MERIT} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP
        ), 0) AS BIGINT) END AS rank)
    FROM (SELECT *, CAST(row_number() OVER (
        PARTITION BY run, {FIRST}, {CONSTANT} ORDER BY trial_id
    ) = 1 AS INTEGER) AS leads FROM rows)
"""
"""SQL: rows of several runs, ranked as `reports.boards.leaderboard` ranks those of one."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What holds for all rows of the runs that were read, whichever of them a query found.

    Args:
        runs: names of the runs, in the order they were given.
        trials: how many rows there are.
        comparable: whether one ranking over all rows makes sense: one objective, measured on the same rows
            by the same rules. Of several runs this is known where their studies stand beside the files.
        leaky, groups_unknown: whether any row says so.
        best: the first row of the best configuration that is no baseline, has a value and decides something,
            or None; None also of runs that do not compare.
        best_baseline: the best value of a baseline that counts, see `reports.boards.advice`, or None;
            likewise.
        best_lost, best_stopped: other trials of the best row's configuration: how many have no value, and how
            many were stopped early, unless the best row was.
    """

    runs: tuple[str, ...]
    trials: int
    comparable: bool
    leaky: bool
    groups_unknown: bool
    best: dict[str, Any] | None
    best_baseline: float | None
    best_lost: int = 0
    best_stopped: int = 0


@dataclass(frozen=True, eq=False)
class QueryResult:
    """Rows of leaderboards, as a query found them.

    Args:
        table: the rows, with the columns of their task; where several runs were read, `run` stands first.
        facts: of all rows of these runs.
        paths: the files.
    """

    table: pa.Table
    facts: Facts
    paths: tuple[Path, ...] = ()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries; undefined is None."""
        return list(self.table.to_pylist())

    def to_pandas(self) -> Any:
        """Returns the rows as a pandas DataFrame; undefined is None or NaN, as pandas has it.

        Raises:
            RunError: pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise RunError("to_pandas makes a table of pandas, which is not installed: pip install pandas")
        return self.table.to_pandas()

    def text(self, form: str) -> str:
        """Returns the rows as `csv` or `json`, every column, for other programs."""
        if form == "json":
            return json.dumps([{k: _plain(v) for k, v in row.items()} for row in self.rows], indent=1)
        import pyarrow.csv

        sink, table = io.BytesIO(), self.table
        for k, field in enumerate(table.schema):
            if pa.types.is_list(field.type):  # a cell of CSV is no list
                cells = [None if one is None else json.dumps(_plain(one)) for one in table[k].to_pylist()]
                table = table.set_column(k, field.name, pa.array(cells, pa.string()))
        pyarrow.csv.write_csv(table, sink)
        return sink.getvalue().decode().rstrip("\n")

    @property
    def run(self) -> Path | None:
        """The folder of the one run whose own leaderboard this is; None of several, and of other files."""
        own = len(self.paths) == 1 and self.paths[0].name == OWN
        return self.paths[0].parent if own else None


def found(runs: Sequence[str | Path]) -> tuple[Path, ...]:
    """Returns the leaderboard files of run folders, Parquet files and patterns, each once.

    Raises:
        RunError: nothing was named, or a pattern matches no run.
    """
    paths: dict[Path, Path] = {}
    for run in map(str, runs):
        places = [run]
        if glob.has_magic(run) and not Path(run).exists():
            places = sorted(place for place in glob.glob(run) if _file_of(place).is_file())
            if not places:
                raise RunError(f"a pattern must match runs with a leaderboard, but {run} matches none")
        paths |= {_file_of(place).resolve(): _file_of(place) for place in places}
    if not paths:
        raise RunError("a leaderboard is read from one or more run folders, but none was named")
    for path in paths.values():
        _check(path)
    return tuple(paths.values())


def _file_of(place: str) -> Path:
    path = Path(place)
    return path if path.suffix == ".parquet" else path / OWN


def _check(path: Path) -> None:
    if not path.is_file():
        raise RunError(f"a leaderboard is written when the first trial finishes, but {path} does not exist")
    try:
        schema = pq.read_schema(path)
        unlike = [one.name for one in schema if one.name in KNOWN and not _as_written(one)]
        names = [] if unlike else schema.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's, not the file's
        names = []
    if not set(ESSENTIAL) <= set(names):
        raise RunError(f"a leaderboard is a Parquet file with the columns of one, but {path} is not")


def _as_written(field: pa.Field) -> bool:
    """Whether a column holds what its name says: text, truth or numbers, or nothing at all."""
    kinds = (_is_text, pa.types.is_boolean, _is_number, pa.types.is_list)
    wanted = KNOWN[field.name]
    return pa.types.is_null(field.type) or any(kind(wanted) and kind(field.type) for kind in kinds)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def check_readable(paths: Sequence[Path]) -> None:
    """Reads leaderboard files whole.

    Raises:
        RunError: one is damaged behind its list of columns.
    """
    for path in paths:
        try:
            pq.ParquetFile(path).read().validate(full=True)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"a leaderboard must read back, but {path} does not: {reason}; resume the run: it is made "
                "again from the records",
                exit_code=1,
            ) from None


@contextmanager
def opened(paths: Sequence[Path]) -> "Iterator[tuple[duckdb.DuckDBPyConnection, Facts]]":
    """Yields a connection in which `board` is all rows, and which can read nothing but these files."""
    import duckdb

    with duckdb.connect() as connection:
        allowed = ", ".join(_quoted(path.resolve()) for path in paths)
        connection.execute(f"SET allowed_paths = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        names = _names(paths)
        columns = columns_in(paths)
        selects = [_select(connection, path, names[k], k, columns) for k, path in enumerate(paths)]
        connection.execute(f"CREATE TEMP VIEW rows AS {' UNION ALL '.join(selects)}")
        facts = _facts(connection, names, len(paths) == 1 or _alike(paths))
        shown = "SELECT * EXCLUDE (run) FROM rows" if len(paths) == 1 else "SELECT * FROM rows"
        again = len(paths) > 1 and facts.comparable
        connection.execute(f"CREATE TEMP VIEW board AS {_RANKED if again else shown}")
        yield connection, facts


def columns_in(paths: Sequence[Path]) -> tuple[str, ...]:
    """Returns the columns of leaderboards, in order: those of binary studies, or what the files have."""
    there = dict.fromkeys(name for path in paths for name in pq.read_schema(path).names)
    return tuple(name for name in there if name in KNOWN) if "task" in there else tuple(SCHEMA.names)


def _sql_type(kind: pa.DataType) -> str:
    return f"{_sql_type(kind.value_type)}[]" if pa.types.is_list(kind) else _SQL_TYPES[str(kind)]


def _select(
    connection: "duckdb.DuckDBPyConnection", path: Path, name: str, number: int, names: Sequence[str]
) -> str:
    """The SQL for the rows of one file; columns that it does not have are null.

    A file of an earlier version, which knows no seeds, is ranked anew and registered as a table, as is one
    whose name DuckDB would take for a pattern.
    """
    there = set(pq.read_schema(path).names)
    source = f"read_parquet({_quoted(path.resolve())})"
    if "value_mean" not in there or glob.has_magic(str(path.resolve())):
        source, table = f"file_{number}", pq.ParquetFile(path).read()
        table = table if "value_mean" in there else renewed(table)
        there = set(table.column_names)
        connection.register(source, table)
    columns = ", ".join(
        f'"{one}"' if one in there else f'CAST(NULL AS {_sql_type(KNOWN[one])}) AS "{one}"' for one in names
    )
    return f"SELECT {_quoted(name)} AS run, {columns} FROM {source}"


def _alike(paths: Sequence[Path]) -> bool:
    """Whether studies say that their runs were measured on the same rows by the same rules."""
    measured = []
    for path in paths:
        try:
            study = yaml.safe_load((path.parent / "study.yaml").read_bytes())
            resolved = study["resolved"]
            measured.append(
                (resolved["data_digest"], resolved["split_digest"], study["objective"], study["events"])
            )
        except (OSError, yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError):
            return False
    return all(one == measured[0] for one in measured)


def _facts(connection: "duckdb.DuckDBPyConnection", names: tuple[str, ...], alike: bool) -> Facts:
    said = connection.execute(
        "SELECT count(*), count(DISTINCT objective) <= 1 AND count(DISTINCT data_digest) <= 1, "
        "coalesce(bool_or(leaky), false), coalesce(bool_or(\"groups\" = 'unknown'), false), "
        f"max({_SIGN} * value) FILTER (kind = 'baseline' AND NOT ({CONSTANT} AND objective IN {CERTAIN})), "
        f"max({_SIGN}) FROM rows"
    ).fetchall()
    ((trials, comparable, leaky, unknown, best_baseline, sign),) = said
    best_baseline = None if best_baseline is None else sign * best_baseline
    comparable = comparable and alike
    best = connection.sql(
        f"SELECT * FROM rows WHERE value IS NOT NULL AND kind <> 'baseline' AND NOT {CONSTANT} "
        f"ORDER BY {_SIGN} * value_mean DESC, {FIRST}, trial_id LIMIT 1"
    ).to_arrow_table()
    first = best.to_pylist()[0] if len(best) and comparable else None
    lost = stopped = 0
    if first is not None:
        ((lost, stopped),) = connection.execute(
            "SELECT count(*) FILTER (value IS NULL), "
            "count(*) FILTER (value IS NOT NULL AND state = 'stopped' AND $state <> 'stopped') "
            "FROM rows WHERE run = $run AND params = $params",
            {name: first[name] for name in ("run", "params", "state")},
        ).fetchall()
    return Facts(
        runs=names,
        trials=trials,
        comparable=comparable,
        leaky=leaky,
        groups_unknown=unknown,
        best=first,
        best_baseline=best_baseline if comparable else None,
        best_lost=lost,
        best_stopped=stopped,
    )


def best_rows_per(column: str, *, within_runs: bool) -> str:
    """Returns the SQL that keeps the best row of `fit` for each value of a column."""
    of = f'"{column}"' + (", run" if within_runs and column != "run" else "")
    place = f"row_number() OVER (PARTITION BY {of} ORDER BY {_MERIT}, {FIRST}, trial_id)"
    return f"SELECT * FROM fit QUALIFY {place} = 1"


def first_rows(ordered: "duckdb.DuckDBPyRelation", top: int, columns: Sequence[str]) -> pa.Table:
    """The first rows as Arrow, in the types of `KNOWN`."""
    table = ordered.limit(top).to_arrow_table()
    types = {**KNOWN, "run": pa.string()}
    metadata = SCHEMA.metadata
    return table.select(list(columns)).cast(pa.schema([(name, types[name]) for name in columns], metadata))


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """The names of runs: those of their folders, or whole paths if folders share a name."""
    short = [p.resolve().parent.name + ("" if p.name == OWN else f"/{p.stem}") for p in paths]
    return tuple(short if len(set(short)) == len(short) else map(str, paths))


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _plain(value: Any) -> Any:
    # JSON knows no infinity; a threshold may be one.
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
