"""Storage: a run outlives the disk of the head, and two runs or drivers never mix in one copy."""

import json
import logging
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli import main
from search.files import write_atomically
from search.runs import storage
from search.runs.recovery import brought_back, claimed, reunited
from search.runs.run_folder import RunFolder
from search.runs.storage import CHECK_S, DRIVER, REFRESH_S, Mirror, inside, parted
from spaces.errors import RunError
from spaces.study_file import parse
from tests.helpers.bookkeeping import (
    RESOLVED,
    TRIALS,
    ask_of,
    begin,
    check_complete,
    check_readable,
    go_on,
    resume,
    study_in,
)


@pytest.fixture(scope="module")
def s3() -> str:
    """A bucket on a server that speaks S3."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer
    from pyarrow.fs import FileSystem

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "of-the-test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "of-the-test")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server.start()
        host, port = server.get_host_and_port()
        options = f"?endpoint_override=http://{host}:{port}&region=us-east-1"
        files, _ = FileSystem.from_uri(f"s3://bucket{options}&allow_bucket_creation=true")
        files.create_dir("bucket")
        yield f"s3://bucket/runs{options}"
        server.stop()


@pytest.fixture(params=["path", "uri", "s3"])
def store(request, tmp_path) -> str:
    """A storage of each kind, which holds no run of this test yet."""
    if request.param == "s3":
        return inside(request.getfixturevalue("s3"), tmp_path.name)
    folder = tmp_path / "a shared folder"
    folder.mkdir()
    return folder.as_uri() if request.param == "uri" else str(folder)


@pytest.fixture
def folder(tmp_path) -> str:
    """A storage that is a folder."""
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


@given(
    st.sampled_from(["s3://b", "s3://b/c/d", "file:///x%20y", "/a/b c"]), st.sampled_from(["", "?a=b&c=d/e"])
)
def test_a_place_is_parted_into_what_it_was_put_together_from(head, options):
    options = options if "://" in head else ""
    assert parted(inside(head + options, "toy")) == (head + options, "toy")
    assert parted(inside(head + "/" + options, "toy")) == (head + options, "toy")


@pytest.mark.parametrize("kind", ["path", "s3", "mock"])
def test_what_is_written_reads_back_is_listed_replaced_and_deleted(kind, tmp_path, request):
    place = {"path": str(tmp_path / "toy"), "mock": "mock:///runs/toy"}.get(kind)
    mirror = Mirror(place or inside(request.getfixturevalue("s3"), "contract"))
    assert mirror.list() == {}
    mirror.claim()
    mirror.write("records/00001.json", b"one")
    mirror.write("checkpoints/00001/weights.npz", bytes(range(256)) * 4)
    mirror.write("records/00001.json", b"other")
    listed = mirror.list()
    assert listed.pop(DRIVER) > 0
    assert listed == {"records/00001.json": 5, "checkpoints/00001/weights.npz": 1024}
    assert mirror.read("records/00001.json") == b"other"
    assert mirror.read("checkpoints/00001/weights.npz") == bytes(range(256)) * 4
    mirror.delete("records/00001.json")
    mirror.delete("records/00001.json")
    assert "records/00001.json" not in mirror.list()
    with pytest.raises(FileNotFoundError):
        mirror.read("records/00001.json")


def test_a_lost_run_comes_back_whole_and_goes_on_where_it_was(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = study_in(store)
    run = begin(Path("runs/toy"), study)
    go_on(run, study, trials=2)
    run.append_ask(ask_of(2))  # in flight
    before = {name: (run.path / name).read_bytes() for name in ("study.yaml", "scores/reference.parquet")}
    place = inside(store, "toy")
    shutil.rmtree("runs")

    path, settings = brought_back(place, Path("runs"))
    assert path == Path("runs/toy")
    assert RunFolder(path).study(settings) == study
    back = reunited(path, study)
    assert {name: (path / name).read_bytes() for name in before} == before
    assert check_readable(path) == {"00000", "00001"}
    assert back.asks() == [ask_of(2)], "a finished trial's record holds its ask"
    go_on(back, study, trials=3)
    check_complete(path, trials=3)
    assert [name for name in Mirror(place).list() if name.startswith("c")] == [
        "checkpoints/00002/weights.npz"
    ]
    shutil.rmtree("runs")
    brought_back(place, Path("runs"))
    resume(path, study, trials=3)
    check_complete(path, trials=3)


def test_the_leaderboard_of_a_stored_run_is_read_where_it_is(store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = study_in(store)
    run = begin(Path("runs/toy"), study)
    place = inside(store, "toy")
    if "://" in store:
        assert main(["leaderboard", place]) == 2
        assert capsys.readouterr().err == (
            f"search.py: leaderboard.parquet is written when the first trial finishes, but {place} has none\n"
        )
    go_on(run, study)
    assert main(["leaderboard", place, "--format", "json", "--sort", "trial_id asc"]) == 0
    assert [row["trial_id"] for row in json.loads(capsys.readouterr().out)] == ["00000", "00001"]
    assert main(["leaderboard", place, "--format", "table"]) == 0
    assert "toy" in capsys.readouterr().out
    if "://" in store:
        assert main(["promote", place, "--to", "bundle"]) == 2
        assert f"bring the run back first: python search.py resume {place}" in capsys.readouterr().err


def test_a_trial_stands_in_storage_before_it_stands_here(folder, tmp_path, monkeypatch):
    run = begin(tmp_path / "toy", study_in(folder))
    order = []
    original = storage.write_atomically

    def noted(where):
        def write(path, content):
            order.append((where, path.parent.name))
            original(path, content)

        return write

    monkeypatch.setattr(storage, "write_atomically", noted("there"))
    monkeypatch.setattr("search.runs.run_folder.write_atomically", noted("here"))
    run.append_ask(ask_of(0))
    go_on(run, study_in(folder), trials=1)
    assert [entry for entry in order if entry[1] not in ("toy", "shared")] == [
        ("there", "asked"),
        ("there", "scores"),
        ("here", "scores"),
        ("there", "00000"),
        ("here", "00000"),
        ("there", "records"),
        ("here", "records"),
    ]


def test_folder_and_storage_take_from_each_other_what_they_lack(folder, tmp_path):
    study = study_in(folder)
    path, there = tmp_path / "toy", Path(folder) / "toy"
    go_on(begin(path, study), study, trials=3)
    for name in ("records/00000.json", "scores/00000.parquet"):
        (path / name).unlink()
    for name in ("records/00001.json", "scores/00001.parquet", "checkpoints/00002/weights.npz"):
        (there / name).unlink()
    gone_on = record_of(there, 2).replace('"here"', '"elsewhere"')
    (there / "records" / "00002.json").write_text(gone_on)
    reunited(path, study)
    for name in ("records", "scores", "checkpoints/00002"):
        here = {file.name: file.read_bytes() for file in (path / name).iterdir()}
        assert here == {file.name: file.read_bytes() for file in (there / name).iterdir()}
        assert here
    assert record_of(path, 2) == gone_on, "where both hold a trial, the storage is right"


def test_a_damaged_copy_does_not_take_the_place_of_a_good_one(folder, tmp_path):
    study = study_in(folder)
    path, there = tmp_path / "toy", Path(folder) / "toy"
    go_on(begin(path, study), study, trials=2)
    names = ("records/00000.json", "scores/00001.parquet")
    good = {name: (path / name).read_bytes() for name in names}
    for name in names:
        (there / name).write_bytes(good[name][:-9])
    reunited(path, study)
    for name in names:
        assert (path / name).read_bytes() == (there / name).read_bytes() == good[name]


def record_of(path: Path, number: int) -> str:
    return (path / "records" / f"{number:05d}.json").read_text()


def test_a_run_is_given_storage_later(folder, tmp_path):
    before = study_in(None)
    go_on(begin(tmp_path / "toy", before), before)
    begun = RunFolder(tmp_path / "toy")
    begun.append_ask(ask_of(TRIALS))
    reunited(tmp_path / "toy", study_in(folder))
    assert check_readable(Path(folder) / "toy") == {"00000", "00001"}
    assert [path.name for path in (Path(folder) / "toy" / "asked").iterdir()] == [f"{TRIALS:05d}.json"]
    assert RunFolder(Path(folder) / "toy").resolved() == RESOLVED


def test_two_runs_of_one_name_never_mix(folder, tmp_path):
    study = study_in(folder)
    begin(tmp_path / "one" / "toy", study)
    note = (Path(folder) / "toy" / DRIVER).read_bytes()
    with pytest.raises(
        RunError, match=r"a run needs a new name, but .*toy exists; go on with it by: .* resume"
    ):
        claimed(folder, tmp_path / "two" / "toy")
    other = RunFolder(tmp_path / "two" / "toy")
    other.make_folders()
    other.create(study, {**RESOLVED, "run_id": "two"})
    for act in (
        lambda: reunited(other.path, study),
        lambda: brought_back(f"{folder}/toy", tmp_path / "two"),
    ):
        with pytest.raises(RunError, match="must be one run, but are two") as refused:
            act()
        assert refused.value.exit_code == 2
    assert (Path(folder) / "toy" / DRIVER).read_bytes() == note, "a refused driver took the run"
    with pytest.raises(RunError, match="storage must be another place than the runs"):
        claimed(str(tmp_path / "two"), tmp_path / "two" / "new")
    with pytest.raises(RunError, match=r"a run is a folder with a study\.yaml, but .*none has none"):
        brought_back(f"{folder}/none", tmp_path)


@pytest.mark.parametrize("kind", ["path", "s3"])
def test_a_driver_whose_run_was_taken_stops_at_its_next_write(kind, tmp_path, request):
    place = inside(request.getfixturevalue("s3"), "taken") if kind == "s3" else str(tmp_path / "toy")
    now = [0.0]
    first = Mirror(place, clock=lambda: now[0])
    first.claim()
    first.write("a", b"1")
    second = Mirror(place)
    second.claim()
    now[0] = CHECK_S
    with pytest.raises(RunError, match=r"one driver at a time, but another one, on .*, has taken") as stopped:
        first.write("a", b"2")
    assert stopped.value.exit_code == 1
    with pytest.raises(RunError):
        first.delete("a")
    assert second.read("a") == b"1"


def test_storage_that_cannot_be_used_is_one_clear_line(tmp_path, s3):
    (tmp_path / "file").write_text("no folder")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        places = {
            str(tmp_path / "none"): "is no folder; mount it, or make it",
            str(tmp_path / "file"): "not",
            s3.replace("s3://bucket", "s3://nobucket"): "NO_SUCH_BUCKET",
            f"s3://bucket/x?region=us-east-1&endpoint_override=http://127.0.0.1:{port}": "NETWORK_CONNECTION",
            "hdfs://nowhere:1/x": "",
            "file://host/x": "host",
        }
        for place, reason in places.items():
            with pytest.raises(RunError) as refused:
                claimed(place, tmp_path / "toy")
            said = str(refused.value)
            assert said.startswith("storage must be a place that can be reached, written and read, but ")
            assert reason in said
            assert refused.value.exit_code == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "value",
    [
        "s3://KEY:hush@bucket/x",
        "s3://bucket/x?secret_key=hush",
        "abfs://:hush@account/x",
        "gs://bucket/x?access_token=hush",
        "ftp://me:hush@host/x",
        "",
        "  ",
    ],
)
def test_a_secret_in_a_storage_is_refused_and_not_repeated(value):
    with pytest.raises(RunError, match=r"study: storage") as refused:
        parse({"storage": value})
    assert "hush" not in str(refused.value)
    assert "KEY" not in str(refused.value).replace("AWS_SECRET_ACCESS_KEY", "")


def test_a_secret_in_a_place_on_the_command_line_is_refused_and_not_repeated(capsys):
    for command in ("leaderboard", "resume", "status", "promote --to x"):
        assert main([*command.split(), "s3://me:hush@bucket/runs/toy"]) == 2
        said = capsys.readouterr().err
        assert "must not carry a secret" in said
        assert "hush" not in said


@pytest.mark.parametrize(
    "value", ["s3://bucket/x?region=y", "/mnt/x", "runs", "abfs://box@account.net/x", None]
)
def test_a_storage_without_a_secret_is_taken_as_it_is(value):
    assert parse({"storage": value}).storage == value


def test_what_fails_for_a_moment_is_tried_again_and_what_goes_on_failing_is_raised(tmp_path, monkeypatch):
    slept, left = [], [2]
    mirror = Mirror(str(tmp_path / "toy"), pauses_s=(0.1, 0.2, 0.3))
    mirror.claim()
    original = storage.write_atomically

    def flaky(path, content):
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(5, "Input/output error")
        original(path, content)

    monkeypatch.setattr(storage, "write_atomically", flaky)
    monkeypatch.setattr(storage.time, "sleep", slept.append)
    mirror.write("a", b"1")
    assert (mirror.read("a"), slept) == (b"1", [0.1, 0.2])
    left[0] = 99
    with pytest.raises(OSError, match="Input/output error"):
        mirror.write("a", b"2")
    assert (left[0], len(slept)) == (95, 5)
    with pytest.raises(FileNotFoundError):
        mirror.read("nothing")
    assert len(slept) == 5, "what is not there is not waited for"


def test_what_changes_all_the_time_is_stored_now_and_then(tmp_path):
    now, reads = [0.0], []
    mirror = Mirror(str(tmp_path / "toy"), clock=lambda: now[0])
    mirror.claim()

    def read(took_s: float = 0.0) -> bytes:
        now[0] += took_s
        reads.append(now[0])
        return b"x"

    mirror.refresh("board", read)
    mirror.refresh("board", read)
    assert len(reads) == 1
    mirror.refresh("board", read, at_once=True)
    now[0] += REFRESH_S
    mirror.refresh("board", lambda: read(took_s=10.0))
    assert len(reads) == 3
    now[0] += 199.0
    mirror.refresh("board", read)
    assert len(reads) == 3, "it took 10 s, and more than a 20th of the time would go into it"
    now[0] += 1.0
    mirror.refresh("board", read)
    assert len(reads) == 4


def test_what_killed_drivers_left_half_written_is_swept(folder, tmp_path):
    study = study_in(folder)
    path, there = tmp_path / "toy", Path(folder) / "toy"
    go_on(begin(path, study), study)
    for run in (path, there):
        for name in ("records/.00009.json.7.tmp", "scores/.x.parquet.7.tmp", "checkpoints/00001/.w.7.tmp"):
            (run / name).write_bytes(b"half")
        (run / ".leaderboard.parquet.7.tmp").write_bytes(b"half")
    (path / "checkpoints" / "00009").mkdir()
    (path / ".report.html.7.tmp").write_bytes(b"another command's")
    resume(path, study)
    assert [found.name for run in (path, there) for found in run.rglob("*.tmp")] == [".report.html.7.tmp"]
    assert not (path / "checkpoints" / "00009").exists()
    (path / ".report.html.7.tmp").unlink()
    check_complete(path)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"\x00" * 99])
def test_a_damaged_file_is_one_line_with_its_remedy(damage, folder, tmp_path, capsys):
    path = tmp_path / "toy"
    study = study_in(None)
    go_on(begin(path, study), study)
    run = RunFolder(path)
    board = run.leaderboard.read_bytes()
    for name, read, remedy in (
        (
            "scores/00001.parquet",
            lambda: run.scores("00001"),
            "move it and records/00001.json away and resume",
        ),
        ("scores/reference.parquet", run.reference, "resume: it is made again from the data"),
        ("checkpoints/00001/weights.npz", lambda: run.weights("00001"), "promote another trial"),
    ):
        whole = (path / name).read_bytes()
        for torn in (damage, whole[: len(whole) // 2], whole[:-1]):
            write_atomically(path / name, torn)
            with pytest.raises(RunError, match=f"must read back, but .*{name} does not; {remedy}") as stopped:
                read()
            assert stopped.value.exit_code == 1
    write_atomically(run.leaderboard, board[: len(board) // 2])
    assert main(["leaderboard", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    for text in ("", "{}", "resolved: 3", "a: [", run.study_file.read_text().partition("resolved")[0]):
        run.study_file.write_text(text)
        with pytest.raises(RunError):
            run.resolved()
