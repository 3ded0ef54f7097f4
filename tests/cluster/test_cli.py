"""The command line: exit codes, one line for whatever is wrong, and no traceback unless asked for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.cli import main
from tests.helpers import driving
from tests.helpers.driving import Driver, check_complete, write_study


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Every command runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def refused(capsys, arguments: list[str], code: int = 2) -> str:
    """Runs a command that must end with this code, silence on standard output, and one line of error."""
    assert main(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("search.py: ")
    assert len(line) < 1000
    return line.removeprefix("search.py: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["--frobnicate"], "No such option"),
        (["run"], "Missing argument 'STUDY.yaml'"),
        (["run", "nowhere.yaml"], "a study is a readable YAML file, but got nowhere.yaml: No such file"),
        (["run", "."], "a study is a readable YAML file, but got .: Is a directory"),
        (["run", "nowhere.yaml", "--address", "10.0.0.1"], "'10.0.0.1' is not one of 'auto', 'local'"),
        (["resume", "nowhere"], "a run is a folder with a study.yaml, but nowhere has none"),
        (["resume", "."], "a run is a folder with a study.yaml, but . has none"),
        (["leaderboard", "."], "a leaderboard is written when the first trial finishes, but"),
        (["leaderboard", "nowhere"], "a leaderboard is written when the first trial finishes, but"),
        (["leaderboard", ".", "--top", "0"], "Invalid value for '--top'"),
        (["leaderboard", ".", "--top", "many"], "Invalid value for '--top'"),
        (["leaderboard", ".", "--format", "xml"], "'xml' is not one of 'table', 'csv', 'json'"),
        (["promote", "."], "Missing option '--to'"),
        (["promote", ".", "--to", "bundle"], "a run is a folder with a study.yaml, but . has none"),
        (
            ["predict", "nowhere", "x.npz", "--out", "out.parquet"],
            "a bundle is a folder with SHA256SUMS, but",
        ),
        (["predict", "nowhere", "x.npz"], "Missing option '--out'"),
        (["predict", "nowhere"], "Missing argument 'DATA'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_is_one_line(capsys, arguments, message):
    assert message in refused(capsys, arguments)
    assert list(Path.cwd().iterdir()) == [], "a refused request left something behind"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "a study is a YAML file, but study.yaml does not parse"),
        ("- a\n- b\n", "a study is a mapping of settings, but study.yaml holds list"),
        ("", "a study is a mapping of settings, but study.yaml holds NoneType"),
        ("trails: 3\n", "unknown key 'trails'"),
        ("budget: {trials: 0}\n", "study.yaml: budget.trials"),
        (
            "!!python/object/apply:os.system ['true']\n",
            "a study is a YAML file, but study.yaml does not parse",
        ),
    ],
)
def test_a_study_that_is_none_is_one_line(capsys, text, message):
    Path("study.yaml").write_text(text)
    assert message in refused(capsys, ["run", "study.yaml"])
    assert not Path("runs").exists()


def test_a_study_of_bytes_is_one_line(capsys):
    Path("study.yaml").write_bytes(b"\xff\xfe\x00")
    assert "a study is a readable YAML file" in refused(capsys, ["run", "study.yaml"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("budget.trials", "--set takes key=value, such as budget.trials=8, but got 'budget.trials'"),
        ("=8", "--set takes key=value"),
        ("budget.trials=many", "budget.trials"),
        ("budget.trails=8", "unknown key 'trails'; nearest is 'trials'"),
        ("budget=8", "budget"),
        ("space.heads=softmax_1", "must be among"),
        ("data.path=elsewhere.npz", "data.path must exist, but there is no"),
        ("trunk.name=seizure_cnn", "trunk seizure_cnn takes rows of shape"),
        ("name=../toy", "name"),
    ],
)
def test_a_bad_setting_is_one_line(capsys, tmp_path, setting, message):
    study = write_study(tmp_path)
    assert main(["run", str(study), "--set", setting]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: ")
    assert message in line
    assert not list(Path("runs").glob("*"))


@pytest.mark.parametrize("name", ["../toy", "a/b", ".", "-x", "a b"])
def test_a_name_that_is_no_folder_name_is_one_line(capsys, tmp_path, name):
    study = write_study(tmp_path)
    line = refused(capsys, ["run", str(study), f"--name={name}"])
    assert line == f"a run's name is made of letters, digits, '.', '_' and '-', but got {name!r} (--name)"
    assert not Path("runs").exists()


def test_a_name_that_is_taken_is_one_line(capsys, tmp_path):
    study = write_study(tmp_path)
    Path("runs/mine").mkdir(parents=True)
    line = refused(capsys, ["run", str(study), "--name", "mine"])
    assert line == "a run needs a new name, but runs/mine exists; resume it, or choose another --name"


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"x" * 100, None])
def test_a_file_that_is_no_leaderboard_is_one_line(capsys, content):
    path = Path("leaderboard.parquet")
    if content is None:
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_bytes(content)
    for more in ([], ["--sort", "value"], ["--format", "json"]):
        line = refused(capsys, ["leaderboard", str(path), *more])
        assert line == f"a leaderboard is a Parquet file with the columns of one, but {path} is not"


def test_v_shows_the_traceback_and_nothing_else_does(capsys):
    assert main(["run", "nowhere.yaml"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    for arguments in (["-v", "run", "nowhere.yaml"], ["run", "nowhere.yaml", "-v"]):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith("Traceback (most recent call last)")
        assert said.splitlines()[-1].startswith("search.py: a study is a readable YAML file")


def test_what_nobody_foresaw_is_one_line_and_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr("cluster.commands.status.status", lambda run: 1 / 0)
    assert main(["status", "."]) == 1
    assert capsys.readouterr().err == "search.py: ZeroDivisionError: division by zero (-v for more)\n"


def test_the_entry_answers_fast_and_without_keras_and_ray(tmp_path):
    code = (
        "import sys; from cluster.cli import main\n"
        "codes = [main(['--help']), main(['spaces']), main(['leaderboard', 'nowhere'])]\n"
        "heavy = {'tensorflow', 'keras', 'ray', 'sklearn', 'optuna'} & sys.modules.keys()\n"
        "assert (codes, heavy) == ([0, 0, 2], set()), (codes, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=driving.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for command in ("run", "resume", "leaderboard", "promote", "predict", "spaces"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["frobnicate"], 2)])
def test_the_process_ends_with_the_exit_code(tmp_path, arguments, code):
    search = str(driving.ROOT / "search.py")
    done = subprocess.run([sys.executable, search, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_a_command_the_study_beside_it_runs_on_a_ray_of_its_own(tmp_path):
    """Another driver's Ray is no cluster to join: it ends with that driver."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = "import ray, time; ray.init(address='local', num_cpus=1); print('up', flush=True); time.sleep(900)"
    other = Driver(["-c", code], elsewhere)
    try:
        assert other.until(lambda: "up" in other.said), other.said
        for package in ("spaces", "audit", "search", "reports", "cluster"):
            shutil.copytree(
                driving.ROOT / package, home / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(driving.ROOT / "search.py", home)
        write_study(home, {"training": {"epochs": 1}, "budget": {"trials": 2}})
        driver = Driver([str(home / "search.py")], home, PYTHONPATH="", RAY_ADDRESS="")
        assert driver.wait() == 0, driver.said
    finally:
        other.kill()
    assert f"running {home / 'study.yaml'}" in driver.said
    assert " on local Ray: " in driver.said
    assert driver.errors == []
    check_complete(home / "runs" / "toy", 4)
    assert main(["leaderboard", str(home / "runs" / "toy"), "--where", "state = 'failed'"]) == 0


@pytest.mark.slow
def test_auto_joins_no_ray_of_another_driver(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    study = write_study(tmp_path)
    for note in (None, "127.0.0.1:9", "nonsense"):
        if note is not None:
            (tmp_path / "ray").mkdir(exist_ok=True)
            (tmp_path / "ray" / "ray_current_cluster").write_text(note)
        assert main(["run", str(study), "--address", "auto"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(
            "search.py: --address auto joins a running Ray cluster, but none runs on this host"
        )


def test_a_python_without_the_libraries_is_named_in_one_line():
    bare = [sys.executable, "-S", str(driving.ROOT / "search.py"), "--help"]
    ended = subprocess.run(bare, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"search.py: this Python ({sys.executable}) lacks ")
    assert ended.stderr.endswith("use the one that `make search` sets up: source .venv/bin/activate\n")
    assert ended.stderr.count("\n") == 1
