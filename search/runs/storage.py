"""Storage: a second copy of a run, in a shared folder or at a URI.

A run's copy is `STORAGE/NAME`, laid out as the run folder is, but for the asks: they are one file each,
`asked/TRIAL.json`, since no object can be appended to. `driver.json` says which driver writes there.
"""

import json
import os
import platform
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from search.files import make_folder, write_atomically
from spaces.errors import RunError
from spaces.resources import without_secret

DRIVER = "driver.json"
"""Names the driver that took the run last; a folder that holds it is a run's copy."""
PAUSES_S = (0.5, 2.0, 5.0)
"""What failed is tried again after these pauses; what fails then stops the run."""
CHECK_S = 1.0
"""A driver looks at most so often whether another one has taken its run."""
REFRESH_S, REFRESH_SHARE = 30.0, 0.05
"""A file that changes all the time is stored at most so often, and for at most so much of the time."""
OBJECT_STORES = ("s3", "gcs", "abfs")
"""By pyarrow's names. An object appears whole, once it is; elsewhere a file is written beside and renamed."""

T = TypeVar("T")


def is_uri(place: str) -> bool:
    """Whether a place is a URI, and no path."""
    return "://" in place


def check_no_secret(place: str) -> None:
    """Refuses a place that carries a secret, without repeating it.

    Raises:
        RunError: it does.
    """
    try:
        without_secret(place)
    except ValueError as error:
        raise RunError(f"a storage {error}") from None


def absolute(storage: str, base: Path) -> str:
    """Returns a storage as it holds from anywhere: a path made absolute, a URI as it is."""
    return storage if is_uri(storage) else str((base / Path(storage).expanduser()).resolve())


def inside(storage: str, name: str) -> str:
    """Returns the place of a run in a storage; a URI's options stay at its end."""
    head, mark, options = storage.partition("?") if is_uri(storage) else (storage, "", "")
    return f"{head.rstrip('/')}/{name}{mark}{options}"


def parted(place: str) -> tuple[str, str]:
    """Returns storage and name of a run's place: what `inside` put together."""
    head, mark, options = place.partition("?") if is_uri(place) else (place, "", "")
    storage, _, name = head.rstrip("/").rpartition("/")
    return f"{storage}{mark}{options}", name


class Mirror:
    """A run's copy in a storage.

    Once claimed, what fails is tried again after each of the pauses, but for a file that is not there:
    a storage that has answered will do so again, one that never has is more likely misnamed.

    Args:
        place: the copy's own path or URI, see `inside`.
        pauses_s: see above.
        clock: seconds, monotonic.

    Raises:
        RunError: pyarrow knows no such filesystem, or cannot reach it.
    """

    def __init__(
        self,
        place: str,
        pauses_s: tuple[float, ...] = PAUSES_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Imported late: most runs need no storage.
        from pyarrow.fs import FileSystem

        check_no_secret(place)
        self.place = place if is_uri(place) else absolute(place, Path.cwd())
        self._pauses_s, self._clock = pauses_s, clock
        self._driver = uuid.uuid4().hex
        self._claimed, self._checked = False, float("-inf")
        self._refreshed: dict[str, tuple[float, float]] = {}
        try:
            self._files, root = self._again(lambda: FileSystem.from_uri(self.place))
        except (OSError, ValueError, NotImplementedError) as error:
            raise unusable(self.place, error) from None
        self._root = str(root).rstrip("/")
        self.local = Path(self._root) if self._files.type_name == "local" else None

    def claim(self) -> None:
        """Takes the run for this driver; shows thereby that the storage can be written and read.

        A driver that had it before, on a host that was merely out of reach, stops at its next write.

        Raises:
            RunError: it cannot be.
        """
        since = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"driver": self._driver, "node": platform.node(), "pid": os.getpid(), "since": since}
        try:
            self._put(DRIVER, json.dumps(note).encode())
            self._checked = float("-inf")
            self._check_driver()
        except OSError as error:
            raise unusable(self.place, error) from None
        self._claimed = True

    def write(self, name: str, content: bytes) -> None:
        """Writes a file whole.

        Raises:
            OSError: it cannot be written.
            RunError: another driver has taken the run.
        """
        self._check_driver()
        self._put(name, content)

    def refresh(self, name: str, read: Callable[[], bytes], *, at_once: bool = False) -> None:
        """Writes a file that changes all the time, unless that was done a short while ago.

        Args:
            name: of the file.
            read: gives the content.
            at_once: writes it in any case.
        """
        began = self._clock()
        written, took = self._refreshed.get(name, (float("-inf"), 0.0))
        if at_once or began - written >= max(REFRESH_S, took / REFRESH_SHARE):
            self.write(name, read())
            self._refreshed[name] = self._clock(), self._clock() - began

    def read(self, name: str) -> bytes:
        """Reads a file.

        Raises:
            FileNotFoundError: there is none.
            OSError: it cannot be read.
        """

        def get() -> bytes:
            with self._files.open_input_stream(f"{self._root}/{name}", compression=None) as stream:
                return bytes(stream.read())

        return self._again(get)

    def list(self) -> dict[str, int]:
        """Returns all files below the copy's place: name -> size in bytes."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._root, recursive=True, allow_not_found=True)
        found = self._again(lambda: self._files.get_file_info(selector))
        start = len(self._root) + 1
        return {info.path[start:]: info.size for info in found if info.type == FileType.File}

    def delete(self, name: str) -> None:
        """Deletes a file; nothing happens if it is not there. Raises as `write` does."""
        self._check_driver()
        try:
            self._again(lambda: self._files.delete_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return

    def _put(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        if self.local is not None:
            self._again(lambda: self._write_local(Path(path), content))
        elif self._files.type_name in OBJECT_STORES:
            self._again(lambda: self._stream(path, content))
        else:
            self._again(lambda: self._stream_and_move(path, content))

    def _write_local(self, path: Path, content: bytes) -> None:
        storage = Path(self._root).parent
        if not storage.is_dir():
            # Making it would fill the head's own disk where a shared one is not mounted.
            raise FileNotFoundError(f"{storage} is no folder; mount it, or make it")
        make_folder(path.parent)
        write_atomically(path, content)

    def _stream(self, path: str, content: bytes) -> None:
        with self._files.open_output_stream(path) as stream:
            stream.write(content)

    def _stream_and_move(self, path: str, content: bytes) -> None:
        from pyarrow.fs import FileType

        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.{os.getpid()}.tmp"
        self._files.create_dir(folder, recursive=True)
        self._stream(beside, content)
        if self._files.get_file_info(path).type == FileType.File:
            self._files.delete_file(path)  # HDFS moves no file onto another
        self._files.move(beside, path)

    def _check_driver(self) -> None:
        if self._clock() - self._checked < CHECK_S:
            return
        note: dict[str, Any] = json.loads(self.read(DRIVER))
        if note["driver"] != self._driver:
            raise RunError(
                f"a run has one driver at a time, but another one, on {note['node']}, has taken {self.place} "
                f"since {note['since']}",
                exit_code=1,
            )
        self._checked = self._clock()

    def _again(self, act: Callable[[], T]) -> T:
        for pause_s in self._pauses_s if self._claimed else ():
            try:
                return act()
            except FileNotFoundError:
                raise
            except OSError:
                time.sleep(pause_s)
        return act()


def unusable(place: str, error: Exception) -> RunError:
    """Returns what to say of a storage that does not serve."""
    return RunError(
        f"storage must be a place that can be reached, written and read, but {place} is not: {error}"
    )
