"""Predicts files with a bundle: a table of rows, and for recordings their events."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reports.bundles import events_file
from reports.bundles.bundle import Bundle, Outputs
from reports.bundles.inputs import Inputs, open_inputs
from reports.bundles.schema import Rules
from search.data.rows import Recording
from search.events.intervals import detections
from spaces.errors import RunError

Progress = Callable[[int, int], None]
"""Called with the number of rows that are done, and about how many there are."""
TABLE, EVENTS = "table.parquet", "events"
"""Names in the temporary folder in which everything is written first."""


@dataclass(frozen=True)
class Written:
    """The result of a prediction.

    Args:
        rows: in the table.
        recordings, hours, events: how many recordings, how long, and the events found in them; None where
            the rows are of no recordings, or no decision is an event.
        events_path: the file of events, or the folder of such files.
        told: gaps and stuck signals of recordings, each as `name: what`.
    """

    rows: int
    recordings: int | None = None
    hours: float | None = None
    events: int | None = None
    events_path: Path | None = None
    told: tuple[str, ...] = ()


def predict_file(bundle: Bundle, data: str, out: Path, progress: Progress) -> Written:
    """Predicts and writes Parquet: which row, score, probability, label in the original values.

    For recordings it writes events too: `STEM_events.tsv` beside `STEM.parquet` where DATA is one file, and
    where it is a folder, `STEM_events/` with a file for each recording. Of a BIDS data set that folder is a
    BIDS derivative. All that an earlier call wrote is replaced; where a step fails, nothing is written.
    Memory is that of one block of rows, and some 13 bytes for each window of the recording being read.

    Args:
        bundle: a loaded bundle.
        data: see `reports.bundles.inputs.DATA`.
        out: the Parquet file.
        progress: called after every block.

    Raises:
        RunError: data that the bundle does not take, or a place where nothing may be written.
    """
    _check_out(out, data)
    inputs = open_inputs(bundle, data)
    events_path = None
    if inputs.recordings and bundle.config.events is not None:
        events_path = out.with_name(out.stem + ("_events" if inputs.several else events_file.SUFFIX))
        _check_events_path(events_path, out)
    writing = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir()
    try:
        below = Path(data).expanduser() if inputs.several else Path("/")
        paths = events_file.file_paths(inputs.recordings, below)
        written = _write(bundle, inputs, paths, writing, progress)
        if events_path is not None:
            _put_events(writing, events_path)
        os.replace(writing / TABLE, out)
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    return replace(written, events_path=events_path)


def _check_out(out: Path, data: str) -> None:
    if out.is_dir() or not out.parent.is_dir():
        raise RunError(f"--out takes a file in a folder that exists, but got {out}")
    if out.exists() and out.resolve() == Path(data).expanduser().resolve():
        raise RunError(f"--out would replace the data that is read, {out}; name another file")


def _check_events_path(path: Path, out: Path) -> None:
    """Refuses to replace what may be an expert's annotation: those have the names of files of events."""
    if not path.exists():
        return
    files = [file for file in path.rglob("*") if not file.is_dir()] if path.is_dir() else [path]
    of_events = all(file.name.endswith((events_file.SUFFIX, events_file.DESCRIPTION)) for file in files)
    if not (of_events and out.exists()):
        raise RunError(
            f"events go to {path}, but what is there was not written together with {out}; "
            "name another file as --out"
        )


def _write(
    bundle: Bundle, inputs: Inputs, paths: Mapping[str, PurePosixPath], folder: Path, progress: Progress
) -> Written:
    """Writes the table and the files of events, at their paths, into a folder."""
    (folder / EVENTS).mkdir()
    rules, calibrated = bundle.config.events, bundle.config.decision.probability_is_calibrated
    seizures = () if rules is None else bundle.labels.seizures(rules)
    if inputs.several and rules is not None:
        for path, content in events_file.descriptions(paths.values(), bundle.config).items():
            (folder / EVENTS / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / EVENTS / path).write_text(content, encoding="utf-8")
    rows, seconds, events = 0, 0.0, 0
    told: list[str] = []
    writer: pq.ParquetWriter | None = None
    try:
        for series in inputs.series:
            windows = _Windows(seizures)
            for batch in series.batches:
                outputs = bundle.outputs(batch.x)
                table = pa.table({**batch.columns, **bundle.columns(outputs)})
                writer = writer or pq.ParquetWriter(folder / TABLE, table.schema)
                writer.write_table(table)
                if batch.starts_s is not None and rules is not None:
                    windows.add(batch.starts_s, outputs)
                rows += len(batch.x)
                progress(rows, inputs.rows)
            if series.recording is None:
                continue
            told += (f"{series.recording.name}: {what}" for what in series.told())
            if rules is not None:
                seconds += series.recording.recorded_s
                to = folder / EVENTS / paths[series.recording.name]
                to.parent.mkdir(parents=True, exist_ok=True)
                events += windows.write_events(to, series.recording, rules, calibrated=calibrated)
    finally:
        if writer is not None:
            writer.close()
    if not paths or rules is None:
        return Written(rows, told=tuple(told))
    return Written(rows, recordings=len(paths), hours=seconds / 3600, events=events, told=tuple(told))


class _Windows:
    """The decisions for the windows of one recording, so far.

    Args:
        seizures: the labels that are seizures; the probability of one is that of these classes together.
    """

    def __init__(self, seizures: tuple[int, ...]) -> None:
        self._seizures = seizures
        self._starts_s: list[NDArray[np.float64]] = []
        self._decided: list[NDArray[np.bool_]] = []
        self._probability: list[NDArray[np.float32]] = []

    def add(self, starts_s: NDArray[np.float64], outputs: Outputs) -> None:
        self._starts_s.append(starts_s)
        self._decided.append(np.isin(outputs["label"], self._seizures))
        probability = outputs["probability"]
        of_classes = probability.ndim > 1
        self._probability.append(probability[:, self._seizures].sum(axis=1) if of_classes else probability)

    def write_events(self, path: Path, recording: Recording, rules: Rules, *, calibrated: bool) -> int:
        """Writes the events of the recording; returns how many there are."""
        starts_s, decided = np.concatenate(self._starts_s), np.concatenate(self._decided)
        length_s, stretches = recording.duration_s, recording.stretches
        events = detections(starts_s, rules.window_s, decided, length_s, rules, stretches)
        probability = np.concatenate(self._probability) if calibrated else None
        text = events_file.text(events, length_s, starts_s, probability, stretches)
        path.write_text(text, encoding="utf-8")
        return len(events)


def _put_events(writing: Path, path: Path) -> None:
    if path.name.endswith(events_file.SUFFIX):
        (made,) = (writing / EVENTS).iterdir()
        os.replace(made, path)
        return
    if path.exists():
        os.rename(path, writing / "before")
    os.rename(writing / EVENTS, path)
