"""Names and errors that look like markup are printed as they are, by every command, and run nowhere."""

import ast
import io
import json

import numpy as np
import pytest
from rich.table import Table

from cluster import driver
from cluster.cli import main
from cluster.terminal import PlainConsole, say
from reports.boards import leaderboard
from search.record import Ask
from search.runs.run_folder import RunFolder, prepared_beside
from search.training.trainer import Place
from search.trials.preparation import prepare, with_absolute_paths
from search.trials.trial import RunFacts, Trial
from spaces.study_file import read
from tests.conftest import ROOT
from tests.helpers.driving import write_study
from tests.helpers.numpy_trainer import numpy_trainer
from tests.helpers.toys import config
from tests.test_architecture import FILES

GROUP, LABEL, ERROR = "[/red]p<b>", "[bold]on", "[/loss] of [red]nan\x1b[2J <script>alert(1)</script> :smile:"
SHOWN_ERROR = ERROR.replace("\x1b", "\\x1b")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a study and a finished run, in which every name holds brackets."""
    home = tmp_path_factory.mktemp("names") / "[/bold]home"
    changes = {
        "data": {"source": "npz", "path": "[red]data.npz", "group": "group", "positive": LABEL},
        "database": "none",
        "budget": {"trials": 2},
    }
    file = write_study(home, changes, labels=("[i]off", LABEL))
    with np.load(home / "data.npz") as held:
        values = {**held, "group": np.char.add(GROUP, held["group"])}
    np.savez(home / "[red]data.npz", **values)
    study = with_absolute_paths(read(file), home)
    for name in ("[red]one", "[/]two"):
        folder = RunFolder(home / "runs" / name)
        prepared = prepare(study, home, prepared_beside(home / "runs"))
        reference = prepared.reference(study)
        folder.write_reference(reference, prepared.split.validation)
        digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
        folder.create(study, {**digests, "study_digest": driver.digest(study), "code_digest": "c"})
        facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
        asks = [Ask(number=0, kind="baseline", baseline="prevalence", seed=0)]
        configs = {n: config("sigmoid", "bce", learning_rate=0.01 + n * 1e-9) for n in (1, 2, 3)}
        asks += [Ask(number=n, kind="search", config=one, seed=n) for n, one in configs.items()]
        for ask in asks:
            folder.append_ask(ask)
            trial = Trial(
                ask, study, prepared.trial_data(), reference, facts, numpy_trainer, Place(node="here")
            )
            finished = trial.to_next_rung()
            record = finished.record
            if ask.number == 3:
                failed = {"state": "failed", "error": ERROR, "value": None, "threshold_score": None}
                record = record.model_copy(update=failed)
            else:
                folder.write_scores(ask.trial_id, finished.raw, finished.score)
            folder.write_record(record)
        leaderboard.write(folder.leaderboard, folder.records())
    return home


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("describe study.yaml", [f"'{LABEL}'", "'[i]off'", f"{GROUP}g00"]),
        ("prepare study.yaml", ["/[/bold]home/"]),
        ("status runs/[red]one", ["runs/[red]one: complete", f"1 x {SHOWN_ERROR}"]),
        ("status runs/[red]one --format json", ["runs/[red]one", json.dumps(ERROR)]),
        ("leaderboard runs/[red]one --format table", ["runs/[red]one: f1", f"failed: {SHOWN_ERROR}"]),
        ("leaderboard runs/[red]one runs/[/]two --format table", ["runs/[red]one, runs/[/]two"]),
        ("leaderboard runs/[red]one --where head='[/x]' --format table", ["no trial matches"]),
        ("leaderboard runs/[red]one --diff runs/[/]two", ["runs/[red]one", "best of runs/[/]two (00001)"]),
        ("leaderboard runs/[red]one --format csv", ["[/loss] of [red]nan"]),
        ("rescore runs/[red]one --policy youden", ["runs/[red]one, youden", "promote runs/[red]one --trial"]),
        ("resume runs/[red]one", ["nothing left to run", "all trials: runs/[red]one/leaderboard.parquet"]),
        ("report runs/[red]one", ["runs/[red]one/report.html"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_command_prints_names_as_they_are(home, monkeypatch, capsys, command, shown):
    monkeypatch.chdir(home)
    assert main(command.split()) == 0
    said = capsys.readouterr()
    assert said.err == ""
    unfolded = " ".join(said.out.split())  # cells may be folded between words
    for text in shown:
        assert text in unfolded or text in said.out.replace("\n", "")
    if "csv" not in command:
        assert "\x1b" not in said.out


@pytest.mark.parametrize("name", ["[/red]x", "[red]x", "\x1b[2Jx", "x\udcff"])
def test_a_refusal_prints_names_as_they_are(home, monkeypatch, capsys, name):
    monkeypatch.chdir(home)
    for command in ("status", "resume", "report", "rescore", "leaderboard", "describe"):
        assert main([command, name]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert repr(name)[1:-1] in line


def test_the_page_holds_names_as_data_alone(home, monkeypatch):
    monkeypatch.chdir(home)
    assert main(["report", "runs/[red]one"]) == 0
    page = (home / "runs" / "[red]one" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\\u003cscript>alert(1)\\u003c/script>" in page


def test_cells_titles_and_lines_are_text():
    console = PlainConsole(file=io.StringIO(), width=200)
    table = Table("[/head]", title="[/title]", caption="[/caption]")
    table.add_row("[/cell] :smile: \x1b[2J")
    say(console, table)
    say(console, "[/line]\nnext\tone\r")
    said = console.file.getvalue()
    for text in ("[/head]", "[/title]", "[/caption]", "[/cell] :smile: \\x1b[2J", "[/line]\nnext\\tone\\r\n"):
        assert text in said


def test_one_module_makes_consoles_and_prints():
    """Another console, or a print of its own, would read names as markup again."""
    for path in FILES:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if str(path) != "cluster/terminal.py":
            assert not called & {"Console", "rich.print", "print", "typer.echo", "typer.secho"}, path
