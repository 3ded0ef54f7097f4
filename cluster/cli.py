"""The command line. Exit codes: 0 done, 1 the work failed, 2 the request was wrong."""

import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.arguments import Address, Name, Policies, Require, Run, RunOrCopy, Set, StudyFile, Trial
from cluster.commands.audit import audit
from cluster.commands.decide import decide
from cluster.commands.judge import judge
from cluster.commands.watch import watch
from cluster.failures import explained, misspelt
from cluster.terminal import PlainConsole, VisibleWarnings, outlast_terminal, say
from spaces.errors import RunError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from search.data.store import Stored
    from spaces.study import Study

app = typer.Typer(
    name="search.py",
    help="Search head configurations, read the leaderboard, ship a bundle.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
RUNS = Path("runs")
INTERRUPTED = 130
"""What the command-line library returns after an interrupt."""


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
        _print(f"running {beside}")
        run(beside)
        return
    _print(
        "no study.yaml beside search.py: running the quickstart, on simulated EEG made on the spot",
    )
    from spaces.study_file import parse

    _run(parse({"preset": "quickstart"}), Path.cwd(), None, None)


@app.command()
def run(
    study: StudyFile,
    name: Name = None,
    settings: Set = None,
    address: Address = None,
) -> None:
    """Search a study: train its trials in a new folder runs/NAME."""
    from spaces.study_file import read

    _run(read(study, tuple(settings or ())), study.resolve().parent, name, address)


@app.command()
def resume(run: RunOrCopy, settings: Set = None, address: Address = None) -> None:
    """Go on with a run, or extend a finished one.

    A finished one is extended by --set budget.trials=200. A run whose folder is
    lost is brought back from its storage first, to runs/NAME.
    """
    from cluster.commands.leaderboard import show_finished
    from cluster.commands.resume import resume as resume_run
    from search.runs import recovery

    console = PlainConsole()
    path, where = recovery.brought_back(run, RUNS) if recovery.is_copy(run) else (Path(run), ())
    folder = resume_run(path, (*where, *(settings or ())), address, console)
    show_finished(folder.leaderboard, console)


@app.command()
def status(
    run: Run,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="lines for people, or JSON")
    ] = "text",
) -> None:
    """Show where a run stands, and what to do next.

    That is trials done and in flight, the best so far, and failures by reason.
    """
    from cluster.commands.status import as_json, as_lines
    from cluster.commands.status import status as status_of

    found = status_of(run)
    _print(as_json(found) if form == "json" else "\n".join(as_lines(found)))


@app.command()
def prepare(
    study: StudyFile,
    settings: Set = None,
    address: Address = None,
) -> None:
    """Prepare a study's data ahead of the search.

    They are read, cut into windows, and written once.
    """
    stored, _ = _stored(study, settings, address)
    _print(
        f"{len(stored.rows)} rows in {stored.path}"
        + (", prepared before and unchanged" if stored.reused else ""),
    )


@app.command()
def describe(
    study: StudyFile,
    settings: Set = None,
    address: Address = None,
) -> None:
    """Show what a study's data hold, and signs of leakage.

    That is classes, groups, hours, and the parts of the split.
    """
    from cluster.commands.describe import describe as describe_data
    from search.networks.checks import check_network

    stored, made = _stored(study, settings, address)
    for part in describe_data(made, stored):
        _print(part)
    check_network(made, stored.rows.x.shape[1:])


@app.command()
def leaderboard(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="a run's folder, or several, or a pattern such as 'runs/seizure-*'; a copy STORAGE/NAME",
            metavar="RUN...",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="rows to show")] = 10,
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="a column, the best first; or 'COLUMN asc', 'COLUMN desc'"),
    ] = None,
    where: Annotated[str | None, typer.Option(metavar="SQL", help="an SQL condition on the columns")] = None,
    best_per: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="a column, such as head: the best row for each of its values"),
    ] = None,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", help="compare two runs: their settings, the best of each head, the best trials"
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(min=2, help="train the top rows again with this many other seeds, and rank by the mean"),
    ] = None,
    form: Annotated[
        Literal["table", "csv", "json"] | None,
        typer.Option("--format", help="if left out, a table on a terminal and csv elsewhere"),
    ] = None,
    address: Address = None,
) -> None:
    """Show the trials of a run or of several, best first."""
    from cluster.commands.leaderboard import only, opened, show, show_difference

    console = PlainConsole()
    if diff:
        given = {"--sort": sort, "--where": where, "--best-per": best_per, "--seeds": seeds, "--format": form}
        for option in (name for name, value in given.items() if value is not None):
            raise RunError(f"--diff compares two whole runs and takes no other option, but got {option}")
        show_difference(runs, console)
        return
    form = form or ("table" if console.is_terminal else "csv")
    if seeds is not None:
        from cluster.commands.seeds import show_means, trainable
        from reports.boards.reading import read

        rows = read(only(runs, "--seeds"), sort=sort, where=where, best_per=best_per)
        show_means(Path(runs[0]), seeds, trainable(rows, top), form, console, address)
        return
    with opened(runs) as (places, names):
        show(places, names, form, console, top=top, sort=sort, where=where, best_per=best_per)


@app.command()
def report(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="the file to write; report.html in the run's folder if left out",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a run as one HTML page, which opens anywhere, offline."""
    from cluster.commands.report import report as report_run

    path = report_run(run, out)
    _print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, in one file")


@app.command()
def rescore(
    run: Run,
    policy: Policies = None,
    require: Require = None,
    objective: Annotated[
        str | None, typer.Option(metavar="METRIC", help="the metric that ranks; the study's if left out")
    ] = None,
) -> None:
    """Show what other thresholds make of a run, without training: each a leaderboard beside its own."""
    from cluster.commands.rescore import rescore as rescore_run

    rescore_run(run, policy or [], require or [], objective, PlainConsole())


for command in (decide, judge, audit, watch):
    app.command()(command)


@app.command()
def promote(
    run: Run,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="the bundle's folder, new or empty", show_default=False)
    ],
    trial: Trial = None,
    require: Require = None,
    threshold_score: Annotated[
        float | None, typer.Option(help="another cut on the scores of --trial, chosen by hand")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="ship what would be refused; the card begins with that")
    ] = False,
) -> None:
    """Ship a trial as a bundle, measured on the test split, once."""
    from cluster.commands.promote import promote as promote_trial

    for line in promote_trial(run, to, trial, tuple(require or ()), threshold_score, force=force):
        _print(line)


@app.command()
def reproduce(
    run: Run,
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="a trial's id", show_default=False)],
) -> None:
    """Train a trial again, and compare.

    It is trained in a process to which the run's records, scores and weights are closed.
    """
    from cluster.commands.reproduce import reproduce as reproduce_trial

    for line in reproduce_trial(run, trial):
        _print(line)


@app.command()
def verify(
    run: Run,
    trial: Trial = None,
    folds: Annotated[Literal["group"], typer.Option(help="what is held out whole")] = "group",
    k: Annotated[
        int | None,
        typer.Option(
            "--k", min=2, help="number of folds; if left out, one per group, or 10 where groups are many"
        ),
    ] = None,
    address: Address = None,
) -> None:
    """Train one configuration anew over folds of groups.

    Shows mean and spread over the groups, and the worst of them.
    """
    from cluster.commands.verify import verify as verify_trial

    verify_trial(run, trial, k, address, PlainConsole())


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="a bundle's folder", show_default=False)],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="a table (.csv, .parquet), arrays (.npz, .mat, .h5), .edf files, photos, or simulated_eeg",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="the Parquet file to write; events of recordings go beside it, to STEM_events.tsv "
            "or into STEM_events/",
            show_default=False,
        ),
    ],
) -> None:
    """Predict with a bundle.

    Writes score, probability and label of each row, and the events of recordings.
    """
    from cluster.commands.predict import predict as predict_with

    _print(predict_with(bundle, data, out, PlainConsole()))


@app.command()
def spaces(
    settings: Annotated[
        bool, typer.Option("--settings", help="show every setting of a study instead")
    ] = False,
    task: Annotated[
        Literal["binary", "classes", "labels", "number"],
        typer.Option(help="what is asked: yes or no, one of K classes, each of K labels, or how much"),
    ] = "binary",
) -> None:
    """Show which heads take which losses, and why others do not."""
    if settings:
        from spaces.settings import tables as tables_of_settings

        _print(tables_of_settings())
        return
    from cluster.commands.spaces import tables

    for table in tables(task):
        _print(table)
        _print("")


def main(arguments: list[str]) -> int:
    """Runs a command line and returns its exit code; what was wrong is one line on standard error."""
    outlast_terminal()
    logging.lastResort = VisibleWarnings()
    command = typer.main.get_command(app)
    verbose = "-v" in arguments  # wherever it stands: people append it to the line that failed
    arguments = [argument for argument in arguments if argument != "-v"]
    try:
        code = int(command.main(arguments, prog_name="search.py", standalone_mode=False) or 0)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code
    except BaseException as error:  # an exit of somebody else's code, too: nothing was done
        if verbose:
            say(PlainConsole(stderr=True), traceback.format_exc().rstrip())
        if hasattr(error, "format_message"):  # a usage error of the command-line library
            line, code = misspelt(error, arguments), 2
        else:
            line, code = explained(KeyboardInterrupt() if isinstance(error, typer.Abort) else error)
    say(PlainConsole(stderr=True), f"search.py: {' '.join(line.split())}")
    return code


def _print(part: "RenderableType") -> None:
    say(PlainConsole(), part)


def _run(study: "Study", base: Path, name: str | None, address: Literal["auto", "local"] | None) -> None:
    from cluster.commands.leaderboard import show_finished
    from cluster.commands.run import start

    console = PlainConsole()
    show_finished(start(study, base, RUNS, name, address, console).leaderboard, console)


def _stored(
    file: Path, settings: list[str] | None, address: Literal["auto", "local"] | None
) -> "tuple[Stored, Study]":
    """Prepares what a study file names; also returns the study, with absolute paths."""
    from cluster.connection import lazily_connected
    from cluster.preparation import prepared_rows
    from search.runs.run_folder import prepared_beside
    from search.trials.preparation import with_absolute_paths
    from spaces.study_file import read

    base = file.resolve().parent
    study = with_absolute_paths(read(file, tuple(settings or ())), base)
    with lazily_connected(study, address) as connect:
        return prepared_rows(study, base, prepared_beside(RUNS), PlainConsole(), connect), study
