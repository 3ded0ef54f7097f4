"""The command line. Exit codes: 0 done, 1 the work failed, 2 the request was wrong."""

import traceback
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from spaces.errors import RunError
from spaces.study import Study

app = typer.Typer(
    name="search.py",
    help="Search head configurations, read the leaderboard, ship a bundle.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
RUNS = Path("runs")

Set = Annotated[list[str] | None, typer.Option("--set", help="change a setting, such as budget.trials=8")]
Name = Annotated[str | None, typer.Option(help="name of the run's folder; the study's name if left out")]
Address = Annotated[
    Literal["auto", "local"] | None,
    typer.Option(help="auto: the cluster this host is in; local: a new one; left out: whichever there is"),
]
Run = Annotated[Path, typer.Argument(help="a run's folder, such as runs/quickstart", show_default=False)]


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("-v", help="show tracebacks")] = False,
) -> None:
    """Without a command: runs study.yaml beside search.py if there is one, else the quickstart."""
    if context.invoked_subcommand is not None:
        return
    beside = Path(__file__).parents[1] / "study.yaml"
    if beside.is_file():
        typer.echo(f"running {beside}")
        run(beside)
        return
    typer.echo("no study.yaml beside search.py: running the quickstart, on simulated EEG made on the spot")
    from spaces.study_file import parse

    _run(parse({"preset": "quickstart"}), Path.cwd(), None, None)


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="a study file", metavar="STUDY.yaml", show_default=False)],
    name: Name = None,
    settings: Set = None,
    address: Address = None,
) -> None:
    """Run a study."""
    from spaces.study_file import read

    _run(read(study, tuple(settings or ())), study.resolve().parent, name, address)


@app.command()
def resume(run: Run, settings: Set = None, address: Address = None) -> None:
    """Go on with a run, or extend a finished one with --set budget.trials=200."""
    from cluster import runs

    console = _console()
    folder = runs.resume(run, tuple(settings or ()), address, console)
    _show(folder.leaderboard, console)


@app.command()
def leaderboard(
    run: Run,
    top: Annotated[int, typer.Option(min=1, help="rows to show")] = 10,
    sort: Annotated[str | None, typer.Option(help="a column, the largest first; or 'COLUMN asc'")] = None,
    where: Annotated[str | None, typer.Option(help="an SQL condition on the columns")] = None,
    form: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
) -> None:
    """Show a run's trials, best first."""
    from reports import leaderboard as board

    rows = board.read(_leaderboard_of(run), top=top, sort=sort, where=where)
    if form != "table":
        typer.echo(board.as_text(rows, form))
        return
    _print_table(rows, _leaderboard_of(run), str(run), _console())


@app.command()
def promote(
    run: Run,
    to: Annotated[Path, typer.Option(help="the bundle's folder, new or empty", show_default=False)],
    trial: Annotated[str | None, typer.Option(help="a trial's id; the best if left out")] = None,
) -> None:
    """Ship a trial as a bundle; measures it on the test split, once."""
    from search.backend import start
    from search.run_folder import RunFolder

    folder = RunFolder(run)
    start(folder.study().resources.cpus)
    from reports import production

    record = production.pick(folder, trial)
    test = production.promote(folder, record, to)
    objective = test[record.objective]
    typer.echo(
        f"trial {record.ask.trial_id} -> {to}: "
        f"{record.objective} {_number(objective.value)} on the test split "
        f"(95% interval {_number(objective.low)} to {_number(objective.high)}); "
        f"{_number(record.value)} in validation, from which it was picked"
    )


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="a bundle's folder", show_default=False)],
    data: Annotated[
        str, typer.Argument(help="a .npz file, an image folder, or simulated_eeg", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="the Parquet file to write", show_default=False)],
) -> None:
    """Predict with a bundle: score, probability and label in the original values."""
    from search.backend import start

    start(threads=1)
    from reports.prediction import predict_file
    from reports.production import load

    loaded = load(bundle)
    console = _console()

    def progress(done: int, total: int) -> None:
        if console.is_terminal and total > done:
            console.print(f"{done}/{total} rows", end="\r", highlight=False)

    rows = predict_file(loaded, data, out, progress)
    typer.echo(f"{rows} rows -> {out}; positive is {loaded.labels.positive!r}")


@app.command()
def spaces() -> None:
    """Show heads x losses: valid, the same as another, or refused and why."""
    from reports.spaces_table import tables

    console = _console()
    for table in tables():
        console.print(table)
        console.print()


def main(arguments: list[str]) -> int:
    """Runs a command line and returns its exit code; what was wrong is one line on standard error."""
    command = typer.main.get_command(app)
    verbose = "-v" in arguments  # wherever it stands: people append it to the line that failed
    arguments = [argument for argument in arguments if argument != "-v"]
    try:
        code = command.main(arguments, prog_name="search.py", standalone_mode=False)
        return int(code or 0)
    except RunError as error:
        return _stop(str(error), error.exit_code, verbose)
    except (KeyboardInterrupt, typer.Abort):
        return _stop("interrupted", 1, verbose)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command-line library
            return _stop(f"{error.format_message()} (see: python search.py --help)", 2, verbose)
        return _stop(
            f"{type(error).__name__}: {' '.join(str(error).split())}"[:500] + " (-v for more)", 1, verbose
        )


def _stop(message: str, code: int, verbose: bool) -> int:
    if verbose:
        traceback.print_exc()
    typer.echo(f"search.py: {' '.join(message.split())}", err=True)
    return code


def _console() -> Console:
    """A console as wide as its terminal; elsewhere nothing needs to be cut to fit."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def _run(study: Study, base: Path, name: str | None, address: Literal["auto", "local"] | None) -> None:
    from cluster import runs

    console = _console()
    folder = runs.start(study, base, RUNS, name, address, console)
    _show(folder.leaderboard, console)


def _show(path: Path, console: Console) -> None:
    from reports import leaderboard as board

    _print_table(board.read(path, top=10), path, str(path.parent), console)
    console.print(
        f"\nall trials: {path}\nship the best: python search.py promote {path.parent} --to bundle",
        highlight=False,
        soft_wrap=True,
    )


def _print_table(rows: list[dict[str, object]], path: Path, title: str, console: Console) -> None:
    from reports import leaderboard as board
    from reports.table import footnotes, table

    console.print(table(rows, title, console.width))
    for note in footnotes(board.read(path)):
        console.print(note, highlight=False, soft_wrap=True, style="dim")


def _leaderboard_of(run: Path) -> Path:
    return run if run.suffix == ".parquet" else run / "leaderboard.parquet"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
