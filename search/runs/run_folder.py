"""The run folder: reads and writes the files of a run, each atomically."""

import io
import os
import shutil
import zipfile
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from search.files import make_folder, sweep, write_atomically
from search.record import Ask, Record
from search.runs import record_file
from search.runs.parquet_files import (
    as_parquet,
    columns_of,
    damaged,
    digest_of,
    digests_of,
    not_as_written,
    read_table,
    reference_of,
    score_columns,
    scores_in,
)
from search.runs.storage import Mirror
from search.scores.reference import Reference
from spaces import yaml_text
from spaces.errors import RunError
from spaces.study import Study
from spaces.study_file import read, to_yaml

MADE_AGAIN = "resume: it is made again from the data"
"""What to do about validation rows that are not as the run wrote them."""
REFERENCE_DIGEST = "reference_digest"
"""Names the digest of the validation rows among what a run resolved to; runs begun before it have none."""


def prepared_beside(runs: Path) -> Path:
    """Returns the folder of all prepared data, which lies beside the folder of all runs."""
    return runs.resolve().parent / "prepared"


class RunFolder:
    """One run on disk.

    A trial is finished when its file in `records/` is there: scores and weights are written before it.

    With a mirror, every file is written there first: whatever stands here stands there as well, and no
    trial is finished that would not outlive this disk. A crash between the two leaves the mirror ahead by
    one file, which the next execution brings here (`search.runs.recovery`).

    Args:
        path: the folder; it need not exist yet.
        mirror: the run's copy in a storage, claimed; None for none.
    """

    def __init__(self, path: Path | str, mirror: Mirror | None = None) -> None:
        path = Path(path)
        self.path, self._mirror = path, mirror
        self.study_file = path / "study.yaml"
        self.leaderboard = path / "leaderboard.parquet"
        self.log = path / "logs" / "driver.log"
        self.prepared = prepared_beside(path.resolve().parent)
        self._records = path / "records"
        self._scores = path / "scores"
        self._reference = self._scores / "reference.parquet"
        self._checkpoints = path / "checkpoints"
        self._asked = path / "logs" / "asked.jsonl"
        self._digests: dict[str, dict[str, str]] = {}

    def create(self, study: Study, resolved: Mapping[str, Any]) -> None:
        """Makes the folder; call it after `write_reference`, so that a folder with a study is whole.

        Args:
            study: written with every default.
            resolved: digests and versions, written beside it; that of the validation rows is added.
        """
        self.make_folders()
        added = {REFERENCE_DIGEST: digest_of(self._read_reference())} if self._reference.is_file() else {}
        text = to_yaml(study) + yaml_text.dump({"resolved": added | dict(resolved)})
        self._publish("study.yaml", text.encode())

    def make_folders(self) -> None:
        """Makes the folders that a run's files stand in."""
        for folder in (self._records, self._scores, self._checkpoints, self.log.parent):
            make_folder(folder)

    def sweep(self) -> None:
        """Deletes what a killed driver left half written; the run must be locked."""
        for name in ("study.yaml.*", "leaderboard*.parquet.*"):
            sweep([self.path], name)
        sweep([self._records, self._scores, *self._checkpoints.glob("*")])
        for folder in self._checkpoints.glob("*"):
            if not any(folder.iterdir()):
                folder.rmdir()

    def study(self, settings: tuple[str, ...] = ()) -> Study:
        """Reads the run's study, with `a.b=c` settings laid over it.

        Raises:
            RunError: this is no run folder.
        """
        self._check_there()
        return _study(self.study_file, settings, self.study_file.read_bytes())

    def resolved(self) -> dict[str, Any]:
        """Reads the digests and versions that the run began with.

        Raises:
            RunError: this is no run folder, or its study was damaged.
        """
        self._check_there()
        found = resolved_in(self.study_file.read_bytes())
        if found is None:
            raise damaged(self.study_file, "move the run away and resume its copy, if it has storage")
        return found

    def write_record(self, record: Record) -> None:
        """Writes a record, with the digests of its scores: from here on, the trial is finished."""
        digests = self._digests.pop(record.ask.trial_id, record.digests)
        content = record_file.as_json(record.model_copy(update={"digests": digests}))
        self._publish(f"records/{record.ask.trial_id}.json", content)

    def trial_ids(self) -> list[str]:
        """Returns the ids of all finished trials, by trial number."""
        return [path.stem for path in sorted(self._records.glob("*.json"))]

    def records(self) -> list[Record]:
        """Reads all records, by trial number.

        Raises:
            RunError: a record was damaged from outside, or is of other data.
        """
        data = self._data_digest()
        return [read_record(path, data) for path in sorted(self._records.glob("*.json"))]

    def record(self, trial_id: str) -> Record:
        """Reads one record.

        Raises:
            RunError: there is none of this id, or it was damaged from outside, or is of other data.
        """
        path = self._records / f"{trial_id}.json"
        if path.parent != self._records or not path.is_file():  # an id is no path to elsewhere
            known = self.trial_ids()
            raise RunError(
                f"no trial {trial_id!r} in {self.path}; "
                + (f"its trials are {known[0]} to {known[-1]}" if known else "it has no finished trial yet")
            )
        return read_record(path, self._data_digest())

    def append_ask(self, ask: Ask) -> None:
        """Notes an ask, so that it starts again with its own seed should it not finish."""
        if self._mirror is not None:
            self._mirror.write(f"asked/{ask.trial_id}.json", ask.model_dump_json().encode())
        with self._asked.open("ab") as file:
            # The newline in front ends a line that an earlier crash may have torn.
            file.write(b"\n" + ask.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def asks(self) -> list[Ask]:
        """Reads all asks; a line torn by a crash was never handed to a worker, and is left out."""
        if not self._asked.is_file():
            return []
        found = []
        for line in self._asked.read_bytes().split(b"\n"):
            try:
                found.append(Ask.model_validate_json(line))
            except ValidationError:
                continue
        return found

    def write_scores(self, trial_id: str, raw: NDArray[np.float32], score: NDArray[np.float32]) -> None:
        """Writes a trial's validation scores."""
        columns = {**score_columns("raw", raw), **score_columns("score", score)}
        self._digests[trial_id] = digests_of(pa.table(columns))
        self._publish(f"scores/{trial_id}.parquet", as_parquet(columns))

    def scores(self, trial_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Reads a trial's raw scores and scores, `(n, ...)` each.

        Raises:
            RunError: they were damaged or changed from outside.
        """
        table = self._read_scores(trial_id, ("raw", "score"))
        return scores_in(table, "raw"), scores_in(table, "score")

    def raw_scores(self, trial_id: str) -> NDArray[np.float32]:
        """Reads a trial's raw scores alone, `(n, ...)`.

        Raises:
            RunError: they were damaged or changed from outside.
        """
        return scores_in(self._read_scores(trial_id, ("raw",)), "raw")

    def _read_scores(self, trial_id: str, kinds: tuple[str, ...]) -> pa.Table:
        path, record = self._scores / f"{trial_id}.parquet", self._records / f"{trial_id}.json"
        remedy = f"move it and records/{trial_id}.json away and resume: the trial runs again"
        # A trial without a record is not finished.
        written = read_record(record).digests if record.is_file() else {}
        columns = [name for name in written or kinds if name.partition("_")[0] in kinds]
        table = read_table(path, remedy, columns)
        if written:
            as_written = digests_of(table) == {name: written.get(name) for name in columns}
        else:
            as_written = not self._reference.is_file() or len(table) == len(self._read_reference(["y"]))
        if not as_written:
            raise not_as_written(path, remedy, "its scores are not those that the trial left")
        return table

    def write_reference(self, reference: Reference, rows: NDArray[np.int64]) -> None:
        """Writes the validation rows: their place in the data, labels, groups, times and halves."""
        make_folder(self._scores)
        self._publish("scores/reference.parquet", as_parquet(*columns_of(reference, rows)))

    def reference(self) -> Reference:
        """Reads the validation rows.

        Raises:
            RunError: they were damaged or changed from outside.
        """
        table = self._read_reference()
        if self.study_file.is_file():
            digest = self.resolved().get(REFERENCE_DIGEST)
            if digest is not None and digest != digest_of(table):
                raise not_as_written(self._reference, MADE_AGAIN, "its rows have changed")
        return reference_of(table)

    def _read_reference(self, columns: list[str] | None = None) -> pa.Table:
        return read_table(self._reference, MADE_AGAIN, columns)

    def write_weights(self, trial_id: str, weights: list[NDArray[np.generic]]) -> None:
        """Writes a trial's best weights, in `get_weights()` order."""
        buffer = io.BytesIO()
        np.savez(buffer, *weights)
        make_folder(self._checkpoints / trial_id)
        self._publish(f"checkpoints/{trial_id}/weights.npz", buffer.getvalue())

    def weights(self, trial_id: str) -> list[NDArray[np.generic]]:
        """Reads a trial's best weights.

        Raises:
            RunError: they were not kept, or were damaged from outside.
        """
        path = self._checkpoints / trial_id / "weights.npz"
        if not path.is_file():
            raise RunError(
                f"weights are kept for the best trials only (keep.checkpoints), and not for {trial_id}; "
                f"kept: {', '.join(self.kept()) or 'none'}; "
                f"train it again: python search.py reproduce {self.path} {trial_id}"
            )
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                return [arrays[name] for name in arrays.files]
        except (ValueError, EOFError, zipfile.BadZipFile):
            raise damaged(path, "promote another trial, or train it again: search.py reproduce") from None

    def kept(self) -> list[str]:
        """Returns the ids of the trials whose weights are kept."""
        return sorted(path.parent.name for path in self._checkpoints.glob("*/weights.npz"))

    def drop_weights(self, trial_id: str) -> None:
        """Deletes a trial's weights."""
        shutil.rmtree(self._checkpoints / trial_id, ignore_errors=True)
        if self._mirror is not None:
            self._mirror.delete(f"checkpoints/{trial_id}/weights.npz")

    def mirror_leaderboard(self, *, at_once: bool = False) -> None:
        """Copies the leaderboard to the mirror, unless that was done a short while ago.

        Args:
            at_once: copies it in any case.
        """
        if self._mirror is not None and self.leaderboard.is_file():
            self._mirror.refresh(self.leaderboard.name, self.leaderboard.read_bytes, at_once=at_once)

    def _data_digest(self) -> str | None:
        found = self.resolved().get("data_digest") if self.study_file.is_file() else None
        return None if found is None else str(found)

    def _check_there(self) -> None:
        if not self.study_file.is_file():
            raise RunError(f"a run is a folder with a study.yaml, but {self.path} has none")

    def _publish(self, name: str, content: bytes) -> None:
        """Writes a file of the run: in storage first, see the class."""
        if self._mirror is not None:
            self._mirror.write(name, content)
        write_atomically(self.path / name, content)


def resolved_in(study: bytes) -> dict[str, Any] | None:
    """Returns the digests and versions in a run's `study.yaml`; None where it was damaged."""
    try:
        found = _parsed(study)["resolved"]
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, KeyError):
        return None
    return deepcopy(found) if isinstance(found, dict) else None


@lru_cache(maxsize=8)
def _study(path: Path, settings: tuple[str, ...], content: bytes) -> Study:
    """A study file as it reads while it holds this content: whoever watches a run asks every second."""
    return read(path, settings)


@lru_cache(maxsize=8)
def _parsed(study: bytes) -> Any:
    """What a study holds: records, scores and validation rows are all read with its digests at hand."""
    return yaml.safe_load(study)


def read_record(path: Path, data_digest: str | None = None) -> Record:
    """Reads a record, which must be the one of its name, and of these data where they are known.

    Raises:
        RunError: it was damaged or changed from outside, or is of another trial or other data.
    """
    remedy = "move it away and resume: its trial runs again"
    try:
        record = record_file.from_json(path.read_bytes())
    except ValidationError as error:
        raise RunError(
            f"a record must parse, but {path} does not ({error.error_count()} errors); {remedy}", exit_code=1
        ) from None
    except record_file.ChangedError as error:
        raise not_as_written(path, remedy, str(error)) from None
    if path.stem != record.ask.trial_id:
        raise not_as_written(path, remedy, f"it holds trial {record.ask.trial_id}")
    if data_digest not in (None, record.data_digest):
        raise not_as_written(path, remedy, "its trial saw other data")
    return record
