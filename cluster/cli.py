"""The command line. Exit codes: 0 done, 1 the work failed, 2 the request was wrong."""

import traceback
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cluster.failures import explained
from cluster.terminal import PlainConsole, outlast_terminal, say
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


def _folder(run: str) -> Path:
    from search.runs.storage import check_no_secret, is_uri

    if is_uri(run):
        check_no_secret(run)
        raise RunError(
            "this takes a run's folder, but got a URI; bring the run back first: "
            f"python search.py resume {run}"
        )
    return Path(run)


Set = Annotated[list[str] | None, typer.Option("--set", help="change a setting, such as budget.trials=8")]
Name = Annotated[str | None, typer.Option(help="name of the run's folder; the study's name if left out")]
Address = Annotated[
    Literal["auto", "local"] | None,
    typer.Option(help="auto: the cluster this host is in; local: a new one; left out: whichever there is"),
]
Run = Annotated[
    Path,
    typer.Argument(
        help="a run's folder, such as runs/quickstart", parser=_folder, metavar="RUN", show_default=False
    ),
]
RunOrCopy = Annotated[
    str,
    typer.Argument(
        help="a run's folder, or its copy STORAGE/NAME, a folder or a URI", metavar="RUN", show_default=False
    ),
]


StudyFile = Annotated[Path, typer.Argument(help="a study file", metavar="STUDY.yaml", show_default=False)]


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
    """Run a study."""
    from spaces.study_file import read

    _run(read(study, tuple(settings or ())), study.resolve().parent, name, address)


@app.command()
def resume(run: RunOrCopy, settings: Set = None, address: Address = None) -> None:
    """Go on with a run, or extend a finished one with --set budget.trials=200.

    A run whose folder is lost is brought back from its storage first, to runs/NAME.
    """
    from cluster.commands.leaderboard import show_finished
    from cluster.commands.resume import resume as resume_run
    from search.runs import recovery

    console = PlainConsole()
    path, where = recovery.brought_back(run, RUNS) if recovery.is_copy(run) else (Path(run), ())
    folder = resume_run(path, (*where, *(settings or ())), address, console)
    show_finished(folder.leaderboard, console)


@app.command()
def status(run: Run, form: Annotated[Literal["text", "json"], typer.Option("--format")] = "text") -> None:
    """Show where a run stands: trials done and in flight, best so far, failures, what to do next."""
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
    """Prepare a study's data ahead of the search: read, windowed, and written once."""
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
    """Show what a study's data hold: classes, groups, hours, parts, signs of leakage."""
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
    sort: Annotated[str | None, typer.Option(help="a column, the largest first; or 'COLUMN asc'")] = None,
    where: Annotated[str | None, typer.Option(help="an SQL condition on the columns")] = None,
    best_per: Annotated[
        str | None, typer.Option(help="a column, such as head: the best row for each of its values")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="compare two runs: settings, heads, bests")] = False,
    seeds: Annotated[
        int | None, typer.Option(min=2, help="train the top rows again so often, and rank by the mean")
    ] = None,
    form: Annotated[Literal["table", "csv", "json"] | None, typer.Option("--format")] = None,
    address: Address = None,
) -> None:
    """Show a run's trials, best first; a table on a terminal, csv elsewhere."""
    from cluster.commands.leaderboard import only, opened, show, show_difference

    console = PlainConsole()
    if diff:
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
            help="the file to write; report.html in the run's folder if left out", show_default=False
        ),
    ] = None,
) -> None:
    """Write a run as one HTML page, which opens anywhere, offline."""
    from reports.boards.selection import selection
    from reports.page import page
    from search.runs.run_folder import RunFolder

    folder = RunFolder(run)
    path = page.write(folder, out, selection=selection(folder))
    _print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, in one file")


@app.command()
def rescore(
    run: Run,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="a rule, such as max_f1 or cost,c_fn=10; may be repeated; the study's if left out"),
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="what a trial must reach, such as sensitivity.min=0.95")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="the metric that ranks; the study's if left out")
    ] = None,
) -> None:
    """Show what other thresholds make of a run: a new leaderboard beside its own, without training."""
    from cluster.commands.rescore import rescore as rescore_run

    rescore_run(run, policy or [], require or [], objective, PlainConsole())


@app.command()
def promote(
    run: Run,
    to: Annotated[Path, typer.Option(help="the bundle's folder, new or empty", show_default=False)],
    trial: Annotated[str | None, typer.Option(help="a trial's id; the best if left out")] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="what it must reach, such as sensitivity.min=0.95")
    ] = None,
    threshold_score: Annotated[
        float | None, typer.Option(help="another cut on the scores of --trial, chosen by hand")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="ship what would be refused; the card begins with that")
    ] = False,
) -> None:
    """Ship a trial as a bundle; measures it on the test split, once."""
    from cluster.commands.promote import promote as promote_trial

    for line in promote_trial(run, to, trial, tuple(require or ()), threshold_score, force=force):
        _print(line)


@app.command()
def reproduce(
    run: Run,
    trial: Annotated[str, typer.Argument(help="a trial's id", show_default=False)],
) -> None:
    """Train a trial again in a process to which the run is closed, and compare."""
    from cluster.commands.reproduce import reproduce as reproduce_trial

    for line in reproduce_trial(run, trial):
        _print(line)


@app.command()
def verify(
    run: Run,
    trial: Annotated[str | None, typer.Option(help="a trial's id; the best if left out")] = None,
    folds: Annotated[Literal["group"], typer.Option(help="what is held out whole")] = "group",
    k: Annotated[
        int | None, typer.Option("--k", min=2, help="folds; if left out, one per group, but 10 of many")
    ] = None,
    address: Address = None,
) -> None:
    """Train one configuration anew over folds of groups: mean, spread and the worst patient."""
    from cluster.commands.verify import verify as verify_trial

    verify_trial(run, trial, k, address, PlainConsole())


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="a bundle's folder", show_default=False)],
    data: Annotated[
        str,
        typer.Argument(
            help="an .edf file or a folder of them, a .npz file, an image folder, or simulated_eeg",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="the Parquet file to write; events of recordings go beside it, to STEM_events.tsv "
            "or into STEM_events/",
            show_default=False,
        ),
    ],
) -> None:
    """Predict with a bundle: score, probability and label of each row, and the events of recordings."""
    from cluster.commands.predict import predict as predict_with

    _print(predict_with(bundle, data, out, PlainConsole()))


@app.command()
def spaces(
    settings: Annotated[
        bool, typer.Option("--settings", help="show every setting of a study instead")
    ] = False,
) -> None:
    """Show heads x losses: valid, the same as another, or refused and why."""
    if settings:
        from spaces.settings import tables as tables_of_settings

        _print(tables_of_settings())
        return
    from cluster.commands.spaces import tables

    for table in tables():
        _print(table)
        _print("")


def main(arguments: list[str]) -> int:
    """Runs a command line and returns its exit code; what was wrong is one line on standard error."""
    outlast_terminal()
    command = typer.main.get_command(app)
    verbose = "-v" in arguments  # wherever it stands: people append it to the line that failed
    arguments = [argument for argument in arguments if argument != "-v"]
    try:
        code = int(command.main(arguments, prog_name="search.py", standalone_mode=False) or 0)
        if code == INTERRUPTED:  # the command-line library turns an interrupt into a code of its own
            raise KeyboardInterrupt
        return code
    except (Exception, KeyboardInterrupt) as error:
        if verbose:
            traceback.print_exc()
        if hasattr(error, "format_message"):  # a usage error of the command-line library
            line, code = _misspelt(error, arguments), 2
        else:
            line, code = explained(KeyboardInterrupt() if isinstance(error, typer.Abort) else error)
    say(PlainConsole(stderr=True), f"search.py: {' '.join(line.split())}")
    return code


def _misspelt(error: Any, arguments: list[str]) -> str:
    """Says what is wrong with a command line, what came, and where help is."""
    said = error.format_message().replace("Value error, ", "").rstrip(".")
    if "Input should" in said:
        names = error.param.opts
        came = [value for name, value in pairwise(arguments) if name in names]
        came += [one.partition("=")[2] for one in arguments if one.partition("=")[0] in names and "=" in one]
        said = said.replace("Input should be", "must be") + "".join(f", but got {one!r}" for one in came[-1:])
    where = error.ctx.command_path if error.ctx is not None else "search.py"
    return f"{said} (see: python {where} --help)"


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
