"""Brings a run back from its storage, and makes run folder and storage hold the same."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from search.files import make_folder, write_atomically
from search.record import Ask
from search.runs import record_file
from search.runs.run_folder import RunFolder, resolved_in
from search.runs.storage import DRIVER, Mirror, inside, is_uri, parted, unusable
from spaces.errors import RunError
from spaces.study import Study

AT_ONCE = 16
"""Files that travel at once: an object store answers many requests in the time of one."""
_PARTS = ("scores/", "checkpoints/", "records/")
"""What a trial leaves behind, in the order in which it is written: the record comes last."""

A = TypeVar("A")
B = TypeVar("B")


def is_copy(place: str) -> bool:
    """Whether a place is a run's copy in a storage, rather than a run folder."""
    return is_uri(place) or (Path(place) / DRIVER).is_file()


def brought_back(place: str, runs: Path) -> tuple[Path, tuple[str, ...]]:
    """Brings the study of a stored run back to `runs/NAME`; resuming that brings back the rest.

    Args:
        place: path or URI of the run's copy.
        runs: the folder of all runs.

    Returns:
        the run's folder, and the settings by which it goes on in the storage that was named.

    Raises:
        RunError: no run there, or a folder of this name that is another run.
    """
    mirror = Mirror(place)
    storage, name = parted(mirror.place)
    path = runs / name
    content = _read(mirror, "study.yaml", "a run is a folder with a study.yaml")
    if not RunFolder(path).study_file.is_file():
        make_folder(path)
        write_atomically(path / "study.yaml", content)
    _check_same_run(RunFolder(path), mirror, content)
    return path, (f"storage={json.dumps(storage)}",)


def reunited(path: Path, study: Study) -> RunFolder:
    """Returns a run with its mirror, claimed, after copying to each what only the other has.

    The run must be locked. Where a file differs between the two, that of the storage is taken: another driver
    has gone on from there.

    Raises:
        RunError: the storage cannot be used, or holds another run of this name.
    """
    folder = RunFolder(path)
    folder.make_folders()
    folder.sweep()
    if study.storage is None:
        return folder
    mirror = _elsewhere(study.storage, path)
    try:
        if _stands(mirror):
            _check_same_run(folder, mirror, mirror.read("study.yaml"))
        mirror.claim()
        there = mirror.list()
        _exchange(path, mirror, there)
        _exchange_asks(folder, mirror, there)
        if "study.yaml" not in there:  # the run has this storage only from now on
            mirror.write("study.yaml", folder.study_file.read_bytes())
    except OSError as error:
        raise RunError(
            f"a run and its copy must hold the same, but {path} and {mirror.place} could not be brought to: "
            f"{error}; mend that and resume",
            exit_code=1,
        ) from error
    return RunFolder(path, mirror)


def claimed(storage: str | None, path: Path) -> Mirror | None:
    """Returns the mirror of a new run.

    Args:
        storage: the study's; None for none.
        path: of the run folder.

    Raises:
        RunError: the storage cannot be written and read, or holds a run of this name.
    """
    if storage is None:
        return None
    mirror = _elsewhere(storage, path)
    # A driver may be at work there: nothing is claimed before this is known.
    if _stands(mirror):
        raise RunError(
            f"a run needs a new name, but {mirror.place} exists; go on with it by: "
            f"python search.py resume {mirror.place}, or choose another --name"
        )
    mirror.claim()
    return mirror


@contextmanager
def copy_of(place: str, name: str) -> Iterator[Path]:
    """Holds a copy of one file of a stored run.

    Args:
        place: path or URI of the run's copy.
        name: of the file.

    Raises:
        RunError: no such file there.
    """
    mirror = Mirror(place)
    with TemporaryDirectory(prefix="headsearch-") as folder:
        path = Path(folder) / place.rstrip("/").rpartition("/")[2] / name
        path.parent.mkdir()
        path.write_bytes(_read(mirror, name, f"{name} is written when the first trial finishes"))
        yield path


def _exchange(path: Path, mirror: Mirror, there: dict[str, int]) -> None:
    here = _files(path)
    for name in there:
        if name.endswith(".tmp"):
            mirror.delete(name)

    def take(name: str) -> None:
        content = mirror.read(name)
        if _is_whole(name, content):
            make_folder((path / name).parent)
            write_atomically(path / name, content)
        elif name in here and _is_whole(name, (path / name).read_bytes()):
            give(name)
        # Else the trial runs again, and is written anew in both places.

    def give(name: str) -> None:
        mirror.write(name, (path / name).read_bytes())

    for part in _PARTS:
        stored = {name for name in there if name.startswith(part) and not name.endswith(".tmp")}
        _each(take, (name for name in stored if here.get(name) != there[name]))
        _each(give, (name for name in here if name.startswith(part) and name not in stored))


def _is_whole(name: str, content: bytes) -> bool:
    """Whether a file of a trial can be read: a damaged one must not take the place of another."""
    try:
        if name.endswith(".json"):
            record_file.from_json(content)
        elif name.endswith(".parquet"):
            pq.ParquetFile(io.BytesIO(content)).read()
        else:
            return zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    except (ValueError, pa.ArrowException, zipfile.BadZipFile, OSError):
        return False
    return True


def _files(path: Path) -> dict[str, int]:
    patterns = ("records/*.json", "scores/*.parquet", "checkpoints/*/weights.npz")
    found = [file for pattern in patterns for file in path.glob(pattern)]
    return {file.relative_to(path).as_posix(): file.stat().st_size for file in found}


def _exchange_asks(folder: RunFolder, mirror: Mirror, there: dict[str, int]) -> None:
    """Only the asks of trials that have not finished: a record holds its own."""
    known = {ask.trial_id: ask for ask in folder.asks()}
    done = {name for name in _files(folder.path) if name.startswith("records/")}
    stored = [name for name in there if name.startswith("asked/") and name.endswith(".json")]
    open_there = [name for name in stored if name.replace("asked/", "records/") not in done]

    def take(name: str) -> Ask | None:
        try:
            return Ask.model_validate_json(mirror.read(name))
        except ValidationError:  # damaged from outside: the trial is asked anew
            return None

    for ask in _each(take, open_there):
        if ask is not None and known.get(ask.trial_id) != ask:
            folder.append_ask(ask)  # the last line of a trial holds

    def give(ask: Ask) -> None:
        mirror.write(f"asked/{ask.trial_id}.json", ask.model_dump_json().encode())

    missing = [
        ask
        for trial_id, ask in known.items()
        if f"asked/{trial_id}.json" not in there and f"records/{trial_id}.json" not in done
    ]
    _each(give, missing)


def _each(act: Callable[[A], B], items: Iterable[A]) -> list[B]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(act, items))


def _elsewhere(storage: str, path: Path) -> Mirror:
    mirror = Mirror(inside(storage, path.resolve().name))
    if mirror.local == path.resolve():
        raise RunError(f"storage must be another place than the runs themselves, but got {storage} (storage)")
    return mirror


def _stands(mirror: Mirror) -> bool:
    try:
        return "study.yaml" in mirror.list()
    except OSError as error:
        raise unusable(mirror.place, error) from None


def _read(mirror: Mirror, name: str, rule: str) -> bytes:
    try:
        return mirror.read(name)
    except FileNotFoundError:
        raise RunError(f"{rule}, but {mirror.place} has none") from None
    except OSError as error:
        raise unusable(mirror.place, error) from None


def _check_same_run(folder: RunFolder, mirror: Mirror, stored: bytes) -> None:
    """Refuses to mix runs: what a run resolved to, its id included, never changes."""
    if folder.resolved() != resolved_in(stored):
        raise RunError(
            f"{folder.path} and {mirror.place} must be one run, but are two; move the folder away, "
            "or resume from another one"
        )
