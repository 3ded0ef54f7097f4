"""Each write, fsync, rename and open fails once, or for good, or is the last thing a driver does."""

import contextlib
import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.cli import main
from search import files
from search.runs import storage
from search.runs.recovery import brought_back
from search.runs.run_folder import RunFolder
from tests.helpers import driving
from tests.helpers.bookkeeping import RESOLVED, begin, check_complete, check_readable, go_on, resume, study_in
from tests.helpers.driving import contents, finish, numpy_driver, write_study


class Killed(BaseException):
    """The end of the driver: nothing that it would still do is done."""


class Faults:
    """Counts what touches the disk, and fails the n-th of it.

    Args:
        patch: undone by the caller.
        n: which, from 1.
        mode: `once`; `ever`, all that follow as well; `kill`, the driver is gone from there on.
    """

    def __init__(self, patch: pytest.MonkeyPatch, n: int, mode: str) -> None:
        self._n, self._mode, self._count = n, mode, 0
        real = Path.open, Path.unlink, Path.mkdir, os.replace

        def opened(path, mode="r", *arguments, **named):
            if mode not in ("wb", "ab"):
                return real[0](path, mode, *arguments, **named)
            self._step()
            return Writer(real[0](path, mode, *arguments, **named), self._step)

        def stepped(act):
            def acted(*arguments, **named):
                self._step()
                return act(*arguments, **named)

            return acted

        def unlinked(path, missing_ok=False):
            if self._mode == "kill" and self.hit:
                raise Killed
            real[1](path, missing_ok=missing_ok)

        patch.setattr(Path, "open", opened)
        patch.setattr(Path, "unlink", unlinked)
        patch.setattr(Path, "mkdir", stepped(real[2]))
        patch.setattr(files.os, "replace", stepped(real[3]))
        patch.setattr(files.os, "fsync", stepped(lambda handle: None))
        patch.setattr(storage.time, "sleep", lambda seconds: None)

    @property
    def hit(self) -> bool:
        """Whether the n-th has come."""
        return self._count >= self._n

    def _step(self) -> None:
        self._count += 1
        if self._mode == "kill" and self.hit:
            raise Killed
        if self._count == self._n or (self._mode == "ever" and self.hit):
            raise OSError(errno.ENOSPC, "No space left on device")


class Writer:
    """A file that is being written; what fails has written half."""

    def __init__(self, file, step) -> None:
        self._file, self._step = file, step
        self.flush, self.fileno = file.flush, file.fileno

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, content: bytes) -> None:
        try:
            self._step()
        except BaseException:
            self._file.write(content[: len(content) // 2])
            raise
        self._file.write(content)


def faults(act, mode: str):
    """Does an act, yields, and again, until the n-th of what touches the disk is more than it needs."""
    n = 0
    while True:
        n += 1
        with pytest.MonkeyPatch.context() as patch:
            made = Faults(patch, n, mode)
            try:
                act()
            except (OSError, Killed):
                assert made.hit
            if not made.hit:
                return
        yield


def finished(path: Path) -> dict[str, bytes]:
    """Returns the records of a run and their scores, byte for byte."""
    done = {record.stem for record in (path / "records").glob("*.json")}
    return {
        name: (path / name).read_bytes()
        for trial_id in done
        for name in (f"records/{trial_id}.json", f"scores/{trial_id}.parquet")
    }


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    """Nothing here takes the machine's power away."""
    monkeypatch.setattr(files.os, "fsync", lambda handle: None)


@pytest.mark.parametrize(
    ("stored", "mode"),
    [
        (None, "once"),
        (None, "ever"),
        (None, "kill"),
        ("stored", "once"),
        ("stored", "ever"),
        ("lost", "kill"),
    ],
)
def test_whatever_fails_while_trials_are_kept_nothing_finished_is_lost(stored, mode, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    study = study_in(shared if stored else None)
    path, place = tmp_path / "toy", shared / "toy"
    folder = begin(path, study)
    go_on(folder, study, trials=1)
    saved = {
        run: Path(shutil.copytree(run, tmp_path / "saved" / run.parent.name))
        for run in (path, place)[: 1 + bool(stored)]
    }

    def restore() -> None:
        for run, as_it_was in saved.items():
            shutil.rmtree(run)
            shutil.copytree(as_it_was, run)
        if stored:
            folder._mirror.claim()

    reached = 0
    for _ in faults(lambda: go_on(RunFolder(path, folder._mirror), study), mode):
        reached += 1
        before = finished(path)
        assert check_readable(path) >= {"00000"}
        if stored:
            assert finished(place).items() >= before.items(), "a trial was finished here and not there"
            assert check_readable(place) >= check_readable(path)
        if stored == "lost":
            shutil.rmtree(path)
            brought_back(str(place), tmp_path)
        resume(path, study)
        check_complete(path)
        if stored:
            check_complete(place)
        assert finished(path).items() >= before.items()
        restore()
    assert reached > (40 if stored else 20)


@pytest.mark.parametrize("mode", ["ever", "kill"])
@pytest.mark.parametrize("stored", [False, True])
def test_whatever_fails_while_a_run_begins_it_can_be_begun_or_gone_on_with(stored, mode, tmp_path):
    path, shared = tmp_path / "toy", tmp_path / "shared"
    shared.mkdir()
    study = study_in(shared if stored else None)

    def act() -> None:
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(shared / "toy", ignore_errors=True)
        try:
            begin(path, study)
        except storage.RunError as error:
            raise OSError(str(error)) from None

    reached = 0
    for _ in faults(act, mode):
        reached += 1
        if RunFolder(path).study_file.exists():
            resume(path, study)
        elif (shared / "toy" / "study.yaml").exists():
            brought_back(str(shared / "toy"), tmp_path)
            resume(path, study)
        else:
            shutil.rmtree(path, ignore_errors=True)
            go_on(begin(path, study), study)
        check_complete(path)
        resolved = RunFolder(path).resolved()
        assert resolved == {**RESOLVED, "reference_digest": resolved["reference_digest"]}
    assert reached > 10


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "headsearch-test", str(disk)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs to mount a small disk, which is refused here: {mounted.stderr.strip()}")
    yield disk
    driving.stop_all()
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Fills a disk to its last byte; returns the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return ballast


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_full_disk_leaves_what_stands_readable_and_the_run_goes_on_once_there_is_room(
    where, small_disk, tmp_path, monkeypatch
):
    monkeypatch.setattr(storage.time, "sleep", lambda seconds: None)
    path = (small_disk if where == "here" else tmp_path) / "toy"
    study = study_in(None if where == "here" else small_disk)
    folder = begin(path, study)
    go_on(folder, study, trials=2)
    before = finished(path)
    ballast = fill(small_disk)
    with pytest.raises(OSError, match="No space left on device"):
        go_on(folder, study, trials=12)
    assert finished(path).items() >= before.items()
    check_readable(path)
    ballast.unlink()
    resume(path, study, trials=12)
    check_complete(path, 12)
    assert finished(path).items() >= before.items()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_whose_disk_is_full_stops_with_one_line_and_goes_on_once_there_is_room(small_disk, tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 10}, "training": {"epochs": 2}})
    (tmp_path / "runs").symlink_to(small_disk)
    run, starts = tmp_path / "runs" / "toy", tmp_path / "starts"
    more = {"HEADSEARCH_TEST_EPOCH_S": "0.3", "HEADSEARCH_TEST_STARTS": str(starts)}
    driver = numpy_driver(study, **more)
    assert driver.until(lambda: len(contents(run)) >= 4), driver.said
    ballast = fill(small_disk)
    assert driver.wait() == 1, driver.said
    (line,) = driver.errors
    assert "could not be written, so it stopped: [Errno 28] No space left on device" in line
    assert "mend that and resume" in line
    before = contents(run)
    assert len(RunFolder(run).records()) == len(before) < 12
    assert main(["leaderboard", str(run)]) == 0

    ballast.unlink()
    begun = starts.read_text().split()
    resumed = finish(study, "--resume", str(run), **more)
    assert resumed.process.returncode == 0, resumed.said
    driving.check_complete(run, 12)
    assert contents(run).items() >= before.items()
    again = [n for n in starts.read_text().split()[len(begun) :] if f"{int(n):05d}.json" in before]
    assert not again, "a finished trial was trained again"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_whose_head_is_lost_is_brought_back_and_completed(tmp_path):
    (tmp_path / "shared").mkdir()
    study = write_study(
        tmp_path / "head", {"budget": {"trials": 8}, "training": {"epochs": 2}, "storage": "../shared"}
    )
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.2")
    run = study.parent / "runs" / "toy"
    assert driver.until(lambda: len(contents(run)) >= 4), driver.said
    driver.kill()
    before = contents(run)
    shutil.rmtree(study.parent / "runs")

    path, (setting,) = brought_back(str(tmp_path / "shared" / "toy"), study.parent / "runs")
    resumed = finish(study, "--resume", str(path), "--set", setting)
    assert resumed.process.returncode == 0, resumed.said
    driving.check_complete(path, 10)
    assert contents(path).items() >= before.items()
    assert contents(tmp_path / "shared" / "toy") == contents(path)
    assert main(["leaderboard", (tmp_path / "shared" / "toy").as_uri()]) == 0

    whole = {name: (path / name).read_bytes() for name in ("scores/reference.parquet", "leaderboard.parquet")}
    for name, content in whole.items():
        (path / name).write_bytes(content[: len(content) // 2])
    mended = finish(study, "--resume", str(path), "--set", "storage=null")
    assert mended.process.returncode == 0, mended.said
    driving.check_complete(path, 10)
    assert (path / "scores/reference.parquet").read_bytes() == whole["scores/reference.parquet"]
