"""What a notebook calls: refusals in one line, arrays that are kept, decisions equal to the command's."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest

import headsearch
from cluster.cli import main
from cluster.process_state import as_guest, in_one_line
from search.data import store
from search.data.sources import arrays
from search.data.sources.npz import load_npz
from search.data.sources.registry import key, plan
from spaces.data import Arrays, Npz
from spaces.errors import RunError
from tests.helpers import predictions
from tests.helpers.stored import digest

X = np.random.default_rng(0).normal(size=(12, 3, 2))
Y = np.arange(12) % 2
GROUPS = np.repeat(["a", "b", "c"], 4)
GIVEN = Arrays(source="arrays", digest="0" * 64)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def build(inputs, width):
    """A network of a module."""
    raise NotImplementedError


def of_a_notebook(text: str):
    """The function that a cell defines."""
    cell = {"__name__": "__main__"}
    exec(text, cell)
    return cell["build"]


BUILD = of_a_notebook("def build(inputs): pass")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: headsearch.search(X, Y, epochs=3), "unknown key 'epochs'; nearest is '"),
        (lambda: headsearch.search(X, Y, study={"budget": {"trial": 3}}), "nearest is 'trials' (study: "),
        (lambda: headsearch.search(X, Y, study="absent.yaml"), "is a readable YAML file, but got abs"),
        (lambda: headsearch.search(X, Y, study=3), "study must be a study file or settings, but got int"),
        (lambda: headsearch.search(X), "learns from labels, but got no y"),
        (lambda: headsearch.search(y=Y), "belong to rows, but got no X"),
        (lambda: headsearch.search(X, Y[:3], network="mlp"), "number of rows, but X has 12, y has 3; rows"),
        (lambda: headsearch.search(X, Y, groups=GROUPS[:2], network="mlp"), "groups has 2 (the arrays)"),
        (lambda: headsearch.search(X * np.inf, Y, network="mlp"), "finite, but 12 of 12 rows hold NaN"),
        (lambda: headsearch.search([[1], [1, 2]], [0, 1]), "rows must all have one shape"),
        (
            lambda: headsearch.search(np.ma.masked_less(np.eye(4), 1), [0, 1, 0, 1]),
            "every value must be known, but 12 of 16 are masked; fill or drop them (the arrays)",
        ),
        (
            lambda: headsearch.decide([0, 1, 0, 1], np.ma.masked_less([0.1, 0.9, 0.2, 0.8], 0.2)),
            "every value must be known, but 1 of 4 are masked; fill or drop them (the arrays)",
        ),
        (lambda: headsearch.search(X, ["ab"[k] for k in Y], network="mlp"), 'one, e.g. positive: "b"'),
        (lambda: headsearch.search(X, Y, groups=[None, *GROUPS[1:]], network="mlp"), "groups must hold text"),
        (lambda: headsearch.search(X, Y), "trunk seizure_cnn takes rows of shape (frequencies >= 18"),
        (lambda: headsearch.search(X, Y, network="resnet"), "must be one of seizure_cnn, image_cnn"),
        (lambda: headsearch.search(X, Y, network=3), "network must be a function of inputs, or"),
        (
            lambda: headsearch.search(X, Y, network=of_a_notebook("def build(a, b, c): pass")),
            "network must take inputs, or inputs and width, but build takes (a, b, c)",
        ),
        (
            lambda: headsearch.search(X, Y, network=BUILD, trunk={"width": 0.5}),
            "build takes inputs alone, so a width changes nothing, but got 0.5 (trunk.width)",
        ),
        (
            lambda: headsearch.search(X, Y, data={"source": "npz", "path": "a.npz"}),
            "rows come from X or from the study, but got both: X, and data.source 'npz'",
        ),
        (lambda: headsearch.search(X, Y, space={"heads": {"softmax_1": "bce"}}), "softmax_1"),
        (lambda: headsearch.search(X, Y, name="a b"), "name"),
        (lambda: headsearch.resume("runs/none"), "a run is a folder with a study.yaml, but runs/none"),
        (lambda: headsearch.Run("runs/none"), "a run is a folder with a study.yaml, but runs/none has none"),
        (lambda: headsearch.load("none"), "a bundle is a folder with SHA256SUMS, but none has none"),
        (lambda: headsearch.decide(Y, Y), "score holds 0 and 1 alone: these are decisions"),
        (lambda: headsearch.decide(Y, {"y": Y}), "scores need names of their own, but y means something"),
        (lambda: headsearch.decide(Y, X), "score must hold one number per row, (n,), but has shape"),
        (lambda: headsearch.decide(Y, X[:, 0, 0], policy="nice"), "but got 'nice' (--policy: threshold)"),
        (lambda: headsearch.decide(Y, X[:, 0, 0], policy={"policy": "cost", "c": 1}), "unknown key 'c'"),
        (lambda: headsearch.decide(Y, X[:, 0, 0], data={}), "there is no other data, but got data"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_no_run(call, message):
    with pytest.raises(RunError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("runs").exists()
    (shown,) = caught.value._render_traceback_()
    assert shown == f"RunError: {caught.value}"


def test_what_a_notebook_shows_of_an_error_moves_no_cursor():
    assert RunError("no \x1b[31mred\n")._render_traceback_() == ["RunError: no \\x1b[31mred\\n"]


def test_arrays_are_kept_once_and_found_again():
    table = pandas.DataFrame({"who": GROUPS, "y": np.where(Y, "yes", "no"), "t": np.arange(12)})
    named = GIVEN.model_copy(update={"positive": "yes", "window_s": 2.0})
    given = {"X": X, "y": table["y"], "groups": table["who"], "recordings": None, "times": table["t"]}
    kept, again = (arrays.keep(given, named, Path("prepared")) for _ in range(2))
    assert kept == again
    assert [path.name for path in Path("prepared").iterdir()] == [f"arrays-{kept.digest[:16]}"]
    planned = plan(kept, Path.cwd())
    found = store.prepare(planned, key(kept, planned), Path("prepared"))
    assert found.reused
    assert found.digest == kept.digest
    np.testing.assert_array_equal(found.rows.x[:], X.astype(np.float32))
    assert found.rows.groups.tolist() == GROUPS.tolist()
    assert found.rows.times.tolist() == list(range(12))
    assert (found.rows.labels.positive, found.rows.window_s) == ("yes", 2.0)
    other = arrays.keep({**given, "X": X + 1}, named, Path("prepared"))
    assert other.digest != kept.digest
    # As the same arrays of a file would be.
    np.savez("rows.npz", X=X, y=np.where(Y, "yes", "no"), who=GROUPS, t=np.arange(12))
    file = Npz(source="npz", path="rows.npz", group="who", time="t", window_s=2.0, positive="yes")
    assert digest(load_npz(file, Path.cwd())) == kept.digest


def test_arrays_that_are_gone_are_refused_with_what_brings_them_back():
    kept = arrays.keep({"X": X, "y": Y}, GIVEN, Path("prepared"))
    planned = plan(kept, Path.cwd())
    with pytest.raises(RunError) as caught:
        store.prepare(planned, key(kept, planned), Path("elsewhere"))
    assert str(caught.value) == (
        f"the arrays of a notebook are kept in prepared/ alone, but prepared/arrays-{kept.digest[:16]} is "
        "gone; headsearch.search with the same arrays writes it again"
    )


def rows_of(path: Path):
    """A leaderboard without what a clock says."""
    table = pq.read_table(path)
    return table.drop_columns([name for name in table.column_names if name.endswith("_s") or "_at" in name])


def test_decisions_are_those_of_the_command_to_the_last_bit(capsys):
    predictions.write(Path("p.csv"))
    y, p, patient, recording, start = predictions.table()
    arguments = ["p.csv", "--label", "label", "--positive", "seizure", "--score", "probability"]
    arguments += ["--group", "patient", "--recording", "recording", "--start", "start", "--window-s", "2"]
    rules = ["--policy", "max_f1", "--policy", "cost,c_fn=10", "--set", "objective.metric=mcc"]
    assert main(["decide", *arguments, *rules, "--to", "by_command"]) == 0
    by_command = capsys.readouterr().out
    run = headsearch.decide(
        np.where(y, "seizure", "background"),
        {"probability": p[:, None]},  # as Keras returns it
        groups=patient,
        recordings=recording,
        times=start,
        window_s=2,
        positive="seizure",
        policy=["max_f1", {"policy": "cost", "c_fn": 10}],
        objective={"metric": "mcc"},
    )
    assert run.path == Path("runs/decide")
    assert capsys.readouterr().out.count("\n") == by_command.count("\n")
    for name in ("leaderboard.parquet", "leaderboard_cost__c_fn-10.parquet", "scores/reference.parquet"):
        assert rows_of(run.path / name).equals(rows_of(Path("by_command", name))), name
    decided = [Path(folder, "decision/decision.py").read_bytes() for folder in ("by_command", run.path)]
    assert decided[0] == decided[1]

    # The run is one: its board, its page, other rules, another decision.
    best = run.best
    assert best is not None
    assert run.board.rows[0] == best
    assert run.board.to_pandas()["value"].tolist() == [best["value"]]
    assert "<table>" in run._repr_html_()
    assert run.page() == run.path / "report.html"
    assert run.page("elsewhere.html").stat().st_size > 50_000
    assert main(["rescore", "by_command", "--policy", "youden"]) == 0
    youden = run.rescore("youden")
    assert youden.table.num_rows == 1
    assert rows_of(run.path / "leaderboard_youden.parquet").equals(
        rows_of(Path("by_command/leaderboard_youden.parquet"))
    )
    with pytest.raises(RunError, match=r"no trial meets sensitivity\.min=1, precision\.min=1 under max_f1"):
        run.rescore(require=["sensitivity.min=1", "precision.min=1"])
    assert run.promote("by_hand", trial="00000", threshold_score=1.5) == Path("by_hand")
    assert main(["status", str(run.path)]) == 0
    assert main(["leaderboard", str(run.path)]) == 0
    again = headsearch.decide(np.where(y, 1, 0), p)
    assert again.path == Path("runs/decide-2")


def test_a_guest_leaves_signals_and_environment_as_they_were(monkeypatch):
    monkeypatch.setenv("HEADSEARCH_TEST_KEPT", "1")
    monkeypatch.setenv("PYTHONPATH", "mine")
    before, numbers = dict(os.environ), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    with as_guest():
        assert os.environ["PYTHONPATH"].endswith(os.pathsep + "mine")
        os.environ["HEADSEARCH_TEST_NEW"] = "1"
        del os.environ["HEADSEARCH_TEST_KEPT"]
        for number in numbers:
            signal.signal(number, lambda *_: None)
    assert dict(os.environ) == before
    assert [signal.getsignal(number) for number in numbers] == handlers
    outcome = []

    def in_a_thread() -> None:
        from cluster.driver import outlive_terminal

        with as_guest():
            outlive_terminal()
            outcome.append(signal.getsignal(signal.SIGHUP))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert outcome == [handlers[2]]


def test_what_the_commands_tell_in_one_line_a_notebook_does_as_well(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"must be a folder, but got .*file.*Not a dir") as caught,
        in_one_line(),
    ):
        (tmp_path / "file" / "below").mkdir()
    assert caught.value.exit_code == 2
    with pytest.raises(RunError, match="interrupted") as caught, in_one_line():
        raise KeyboardInterrupt
    assert caught.value.exit_code == 1
    with pytest.raises(ZeroDivisionError), in_one_line():
        1 / 0  # noqa: B018


def test_a_network_goes_by_its_name_where_a_module_has_it_and_whole_where_none_has():
    from cluster.api import _trunk

    by_name = _trunk(build)
    assert by_name == {"name": "tests.cluster.test_api:build", "folder": str(Path(__file__).parents[2])}
    whole = _trunk(BUILD)
    assert (whole["name"], whole["folder"]) == ("notebook:build", str(Path.cwd()))
    assert whole["code"].startswith("3.")
    assert _trunk(lambda inputs, width: None)["name"] == "notebook:network"
