"""Storage: a copy is written before the run, whole, by one driver alone."""

import json
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli import main
from search.runs import storage
from search.runs.recovery import claimed
from search.runs.storage import CHECK_S, DRIVER, REFRESH_S, Mirror, inside, parted
from spaces.errors import RunError
from spaces.study_file import parse
from tests.helpers.bookkeeping import (
    ask_of,
    begin,
    go_on,
    study_in,
)


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
