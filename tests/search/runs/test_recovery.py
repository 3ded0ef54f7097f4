"""Recovery: a run outlives the disk of the head, and two runs never mix in one copy."""

import shutil
from pathlib import Path

import pytest

from cluster.cli import main
from search.files import write_atomically
from search.runs import record_file
from search.runs.recovery import brought_back, claimed, reunited
from search.runs.run_folder import RunFolder
from search.runs.storage import DRIVER, Mirror, inside
from spaces.errors import RunError
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


def test_folder_and_storage_take_from_each_other_what_they_lack(folder, tmp_path):
    study = study_in(folder)
    path, there = tmp_path / "toy", Path(folder) / "toy"
    go_on(begin(path, study), study, trials=3)
    for name in ("records/00000.json", "scores/00000.parquet"):
        (path / name).unlink()
    for name in ("records/00001.json", "scores/00001.parquet", "checkpoints/00002/weights.npz"):
        (there / name).unlink()
    other = record_file.from_json(record_of(there, 2).encode()).model_copy(update={"node": "elsewhere"})
    gone_on = record_file.as_json(other).decode()
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
    assert RunFolder(Path(folder) / "toy").resolved() == begun.resolved()


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
