"""A BIDS data set made of real files is predicted, and scored by others as it is scored here."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from edfio import Bdf, BdfSignal, Edf, EdfSignal, read_edf

from cluster.cli import main
from search.data.rows import Recording
from search.data.sources.eeg import annotation_formats
from search.events.intervals import detected, windows_of
from search.events.scoring import EVENT_METRICS, score_events, summed
from spaces.study import Events
from tests.helpers.edf_files import COLUMNS
from tests.helpers.shipping import bundle_of_recordings
from tests.helpers.szcore import szcore

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]
SECONDS, RECORDINGS = 400, 12
SEIZURES = {0: [(30, 25)], 1: [(20, 12), (300, 40)], 3: [(100, 60)], 4: [(200, 15)], 6: [(10, 20), (150, 4)],
            7: [(350, 50)], 9: [(5, 30)], 10: [(60, 330)]}  # fmt: skip
"""Start and length of those of each recording; the last one is longer than SzCORE lets an event be."""
RHYTHMS = {**SEIZURES, 5: [(50, 8), (250, 20)]}
"""What the signals hold: those, and in one recording two that nobody annotated."""
WEAK = (4, 6)
"""Recordings whose seizures are faint."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, keras) -> Path:
    return bundle_of_recordings(tmp_path_factory.mktemp("eeg"))


@pytest.fixture(scope="module")
def converted(tmp_path_factory, shared) -> Path:
    """Twelve recordings of the TUH corpus, their labels and rates kept, lengthened, with planted seizures."""
    root = tmp_path_factory.mktemp("bids")
    files = sorted((shared / "eeg_recordings" / "tuh").rglob("*.edf"))
    for number, file in enumerate(files[:: len(files) // RECORDINGS][:RECORDINGS]):
        stem = f"sub-{number // 3 + 1:02d}_ses-{number % 3 + 1:02d}_task-szMonitoring_run-00"
        folder = root / stem.split("_")[0] / stem.split("_")[1] / "eeg"
        folder.mkdir(parents=True)
        convert(file, folder / f"{stem}_eeg.edf", number)
        rows = [f"{start:.1f}\t{length:.1f}\tsz" for start, length in SEIZURES.get(number, [])]
        rows = rows or [f"0.0\t{SECONDS:.1f}\tbckg"]
        text = "".join(f"{row}\tn/a\tall\tn/a\t{SECONDS:.2f}\n" for row in rows)
        (folder / f"{stem}_events.tsv").write_text(COLUMNS + text)
    return root


def convert(source: Path, to: Path, number: int) -> None:
    rng = np.random.default_rng(number)
    made = []
    for signal in read_edf(source).signals:
        rate_hz = signal.sampling_frequency
        values = 20 * rng.standard_normal(round(SECONDS * rate_hz))
        for start, length in RHYTHMS.get(number, []):
            at = np.arange(round(length * rate_hz)) / rate_hz
            first = round(start * rate_hz)
            gain = 8 if number in WEAK else 150
            values[first : first + at.size] += gain * np.sin(2 * np.pi * 5 * at)
        made.append(
            EdfSignal(
                values,
                rate_hz,
                label=signal.label,
                physical_dimension=signal.physical_dimension,
                physical_range=(-3276.8, 3276.7),
            )
        )
    Edf(made).write(to)


def test_the_counts_are_those_of_szcore_evaluation(bundle, converted, tmp_path):
    out = tmp_path / "windows.parquet"
    assert main(["predict", str(bundle), str(converted), "--out", str(out)]) == 0
    table = pq.ParquetFile(out).read()
    names = np.array(table["recording"].to_pylist())
    recordings = []
    for name in np.unique(names).tolist():
        text = (converted / f"{name.removesuffix('_eeg')}_events.tsv").read_text()
        seizures = tuple(annotation_formats.bids(text))
        recordings.append(Recording(name, name.split("/")[0], float(SECONDS), seizures))
    assert len(recordings) == RECORDINGS
    windows = windows_of(recordings, names, table["start_s"].to_numpy(), 1.0)
    decided = np.array(table["label"].to_pylist()) == "seizure"
    events = detected(windows, decided, Events(drop_shorter_s=3, merge_gaps_s=5))
    ours = summed(score_events(recordings, events, "szcore"))
    theirs = szcore(converted, tmp_path / "windows_events")
    assert (ours.tp, ours.fp, ours.ref, ours.seconds) == theirs
    assert ours.ref > sum(map(len, SEIZURES.values())), "one was split"
    assert 0 < ours.tp < ours.ref
    assert ours.fp == 2
    print({name: float(metric(ours)) for name, metric in EVENT_METRICS.items()}, theirs)


def test_bdf_gives_what_edf_gives(bundle, converted, tmp_path):
    file = sorted(converted.rglob("*.edf"))[3]
    (tmp_path / "wide").mkdir()
    same = [
        BdfSignal.from_digital(
            signal.digital.astype(np.int32),
            signal.sampling_frequency,
            label=signal.label,
            physical_dimension=signal.physical_dimension,
            physical_range=signal.physical_range,
            digital_range=signal.digital_range,
        )
        for signal in read_edf(file).signals
    ]
    status = BdfSignal(
        np.arange(same[0].digital.size) % 9.0, same[0].sampling_frequency, label="Status",
        physical_dimension="Boolean",
    )  # fmt: skip
    Bdf([status, *same]).write(tmp_path / "wide" / f"{file.stem}.bdf")
    for data in (file, tmp_path / "wide" / f"{file.stem}.bdf", tmp_path / "wide"):
        assert (
            main(["predict", str(bundle), str(data), "--out", str(tmp_path / f"{data.suffix}.parquet")]) == 0
        )
    edf, bdf, folder = (pq.ParquetFile(tmp_path / f"{name}.parquet").read() for name in (".edf", ".bdf", ""))
    assert len(edf) == SECONDS
    assert edf.equals(bdf)
    assert bdf.equals(folder)
    texts = [(tmp_path / name).read_text() for name in (".edf_events.tsv", ".bdf_events.tsv")]
    assert texts[0] == texts[1]
    assert "\tsz\t" in texts[0]
