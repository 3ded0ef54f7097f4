"""From EDF files to a leaderboard, a bundle and the events of new recordings; and all that may be wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cluster.cli import main
from search.data.sources.eeg.recordings import plan_recordings, read_recording, windows
from search.data.sources.eeg.stft import spectrogram
from spaces.eeg import MONTAGES, Eeg
from spaces.errors import RunError
from tests.conftest import ROOT
from tests.helpers.edf_files import write_bids, write_edf
from tests.helpers.stored import load

SECONDS = 360
COLUMNS = ("onset", "duration", "eventType", "confidence", "channels", "dateTime", "recordingDuration")


def search_py(*arguments: str, cwd: Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "search.py"), *arguments], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def said_by(tmp_path, monkeypatch, capsys):
    """Calls `search.py` in this process, in a folder of the test's own; returns what it said."""
    monkeypatch.chdir(tmp_path)

    def said_by(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        came = main(list(arguments))
        said = "".join(capsys.readouterr())
        assert came == code, said
        return said

    return said_by


def write_study(folder: Path, **changes) -> Path:
    study = {
        "name": "eeg",
        "preset": "seizure",
        "data": {"source": "eeg", "path": "recordings"},
        "trunk": {"name": "seizure_cnn", "width": 0.25},
        "space": {"learning_rate": 3e-3, "optimizer": "adam", "hidden_layers": "none", "dropout": 0.2},
        "threshold": {"policy": "sensitivity_at_fa_per_day", "fa_per_day": 100},
        "objective": {"metric": "event_sensitivity"},
        "events": {"drop_shorter_s": 2, "merge_gaps_s": 5},
        "training": {"epochs": 6},
        "asha": {"enabled": False},
        "budget": {"trials": 2},
        **changes,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve patients of two recordings each, and one more whom no search sees."""
    folder = tmp_path_factory.mktemp("eeg")
    write_bids(folder / "recordings", patients=12, recordings=2, seconds=SECONDS)
    write_bids(folder / "new", patients=1, recordings=2, seconds=SECONDS, seed=1)
    return folder


@pytest.fixture(scope="module")
def run(folder) -> Path:
    """The run of a small study, its best trial promoted, and the new patient predicted."""
    (folder / "printed.txt").write_text(
        search_py("run", str(write_study(folder)), "--address", "local", cwd=folder)
    )
    search_py("promote", "runs/eeg", "--to", "bundle", cwd=folder)
    (folder / "predicted.txt").write_text(
        search_py("predict", "bundle", "new", "--out", "new.parquet", cwd=folder)
    )
    return folder / "runs" / "eeg"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_from_edf_to_leaderboard(folder, run):
    rows = pq.read_table(run / "leaderboard.parquet").to_pylist()
    trained = [row for row in rows if row["kind"] != "baseline"]
    assert [row["state"] for row in trained] == ["completed"] * 2
    best = trained[0]
    assert best["val_fa_per_day"] <= 100
    assert best["val_event_sensitivity"] > 0.5
    assert best["val_event_sensitivity_low"] <= best["val_event_sensitivity"]
    scoring = json.loads(best["event_scoring"])
    assert (scoring["scorer"], scoring["merge_gaps_s"], scoring["toleranceEnd"]) == ("szcore", 5, 60)
    prevalence = next(row for row in rows if row["trunk"] == "prevalence")
    assert prevalence["val_fa_per_day"] <= 100
    printed = (folder / "printed.txt").read_text()
    assert "its fa/day" in printed
    assert best["value_fa_per_day"] is not None
    assert "scored by szcore" in printed


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_from_bundle_to_events(folder, run):
    table = pq.read_table(folder / "new.parquet")
    assert table.column_names == ["recording", "start_s", "score", "probability", "label"]
    assert len(table) == 2 * SECONDS
    files = sorted((folder / "new_events").rglob("*_events.tsv"))
    assert len(files) == 2
    found = 0
    for file in files:
        lines = [line.split("\t") for line in file.read_text().splitlines()]
        assert lines[0] == [
            "onset",
            "duration",
            "eventType",
            "confidence",
            "channels",
            "dateTime",
            "recordingDuration",
        ]
        for onset, duration, kind, *_rest, when, length in lines[1:]:
            assert kind in ("sz", "bckg")
            assert 0 <= float(onset) <= float(onset) + float(duration) <= float(length) == SECONDS
            assert when == "n/a"
            found += kind == "sz"
    assert f"{found} events" in (folder / "predicted.txt").read_text()
    assert found


def test_a_window_of_the_source_is_the_signal_that_was_written(tmp_path):
    """Raw windows hold the microvolts, spectrograms what `spectrogram` makes of them."""
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 30, (19, 10 * 256))
    write_edf(tmp_path / "one.edf", signals)
    config = Eeg(source="eeg", path=".", form="raw", window_s=2, step_s=0.75)
    starts, x = (np.concatenate(parts) for parts in zip(*windows(tmp_path / "one.edf", config), strict=True))
    np.testing.assert_allclose(starts, np.arange(11) * 0.75)
    assert x.shape == (11, 512, 19)
    for k, row in enumerate(x):
        first = round(k * 0.75 * 256)
        np.testing.assert_allclose(row, signals[:, first : first + 512].T, atol=0.06)  # of one digit, 0.1 uV
    one = Eeg(source="eeg", path=".", form="raw")
    raw = np.concatenate([x for _, x in windows(tmp_path / "one.edf", one)])
    spectra = np.concatenate([x for _, x in windows(tmp_path / "one.edf", Eeg(source="eeg", path="."))])
    np.testing.assert_array_equal(spectra, spectrogram(raw, 256))


def test_labels_times_and_recordings(tmp_path):
    write_bids(tmp_path / "set", patients=2, recordings=1, seconds=180)
    rows = load(Eeg(source="eeg", path="set", step_s=0.5, aliases={"sub-02": "sub-01"}), tmp_path)
    assert len(rows) == 2 * 359
    assert set(rows.groups.tolist()) == {"sub-01"}
    assert rows.channels == MONTAGES["10-20"]
    for recording in rows.timeline:
        mine = rows.recordings == recording.name
        np.testing.assert_allclose(rows.times[mine], np.arange(359) / 2)
        inside = [
            sum(max(0, min(start + 1, end) - max(start, begin)) for begin, end in recording.seizures) >= 0.5
            for start in rows.times[mine]
        ]
        assert rows.y[mine].tolist() == inside
        assert recording.duration_s == 180
        assert recording.seizures


def spoil(content: str):
    """Replaces an annotation."""

    def write(stem: Path) -> None:
        stem.with_name(f"{stem.name}_events.tsv").write_text("onset\tduration\teventType\n" + content)

    return write


def truncate(stem: Path) -> None:
    path = stem.with_name(f"{stem.name}_eeg.edf")
    path.write_bytes(path.read_bytes()[:-1000])


def unannotated(stem: Path) -> None:
    stem.with_name(f"{stem.name}_events.tsv").unlink()


def signals_like(values: np.ndarray, channels=None):
    def write(stem: Path) -> None:
        write_edf(stem.with_name(f"{stem.name}_eeg.edf"), values, channels=channels)

    return write


NOISE = np.random.default_rng(0).normal(0, 30, (19, 30 * 256))
FLAT = np.concatenate([NOISE[:18], np.zeros((1, 30 * 256))])
BAD = {
    "past the end": (spoil("20\t15\tsz\n"), "end within the signal of 30 s, but one is at 20 to 35 s"),
    "overlapping": (spoil("5\t6\tsz\n8\t6\tsz\n"), "seizures must not overlap, but"),
    "in doubt": (spoil("5\t6\tseizure?\n"), "that of row 1 is not; list it in data.seizure_types"),
    "negative": (spoil("9\t-3\tsz\n"), "a seizure must"),
    "truncated": (truncate, "holds 29"),
    "unannotated": (unannotated, "no annotation beside it"),
    "flat": (signals_like(FLAT), "channel T6 is flat"),
    "fewer channels": (signals_like(NOISE[:18], [f"EEG {c}" for c in MONTAGES["10-20"][:18]]), "T6"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_line_and_leaves_nothing(what, tmp_path):
    """Exit 2, one line that names the recording; with `skip` only that recording is missing."""
    harm, reason = BAD[what]
    write_bids(tmp_path / "recordings", patients=3, recordings=1, seconds=30)
    harm(tmp_path / "recordings" / "sub-02" / "eeg" / "sub-02_task-rest_run-01")
    config = Eeg(source="eeg", path="recordings")
    with pytest.raises(RunError) as stopped:
        load(config, tmp_path)
    said = str(stopped.value)
    assert stopped.value.exit_code == 2
    assert "1 of 3 are not: " in said
    assert "sub-02_task-rest_run-01_eeg: " in said
    assert reason in said
    assert "\n" not in said
    assert not (tmp_path / "prepared").exists()
    rest = load(config.model_copy(update={"on_bad_file": "skip"}), tmp_path)
    assert set(rest.groups.tolist()) == {"sub-01", "sub-03"}


def test_recordings_of_other_rates_and_names_come_to_one_form(tmp_path):
    """512 Hz resampled and `T7` for T3: what the montage and the rate say is what comes out."""
    from edfio import Edf, EdfSignal

    write_bids(tmp_path / "set", patients=1, recordings=1, seconds=30)
    other = tmp_path / "set" / "sub-02" / "eeg"
    other.mkdir(parents=True)
    newer = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    rng = np.random.default_rng(1)
    signals = [
        EdfSignal(rng.normal(0, 30, 30 * 512), 512, label=newer.get(name, name), physical_dimension="uV")
        for name in reversed(MONTAGES["10-20"])
    ]
    Edf(signals).write(other / "sub-02_task-rest_run-01_eeg.edf")
    (other / "sub-02_task-rest_run-01_events.tsv").write_text("onset\tduration\teventType\n3\t9\tsz\n")
    rows = load(Eeg(source="eeg", path="set"), tmp_path)
    assert rows.x.shape == (60, 32, 9, 19)
    assert (rows.y[rows.groups == "sub-02"]).tolist() == [3 <= k < 12 for k in range(30)]


def test_mended_starts_and_mixed_references_are_noted(tmp_path):
    folder = tmp_path / "siena" / "PN00"
    folder.mkdir(parents=True)
    names = MONTAGES["10-20"]
    labels = [f"{name}-{'A1' if name[-1] in '2468' else 'A2'}" for name in names]
    write_edf(folder / "PN00-1.edf", NOISE, channels=labels)
    (folder / "Seizures-list-PN00.txt").write_text(
        "Seizure n 1\nFile name: PN00-1.edf\n"
        "Registration start time: 19.00.00\nRegistration end time: 19.02.00\n"
        "Seizure start time: 19.00.10\nSeizure end time: 19.00.40\n"
    )
    config = Eeg(source="eeg", path="siena")
    with pytest.raises(RunError, match="by them it lasts 120 s, and it is 30 s long"):
        load(config, tmp_path)
    mended = config.model_copy(update={"bad_annotations": "mend"})
    (job,) = plan_recordings(mended, tmp_path).jobs
    (piece,) = read_recording(job)
    odd = ", ".join(name for name in names if name[-1] not in "2468")
    even = ", ".join(name for name in names if name[-1] in "2468")
    assert piece.notes == (
        "PN00-1: the signal is 30 s of the 120 s listed; its start is taken for the registration's",
        "PN00-1: 1 seizure cut to the signal",
        f"PN00-1: no single reference has all electrodes of the study: {odd} against A2; {even} against A1",
    )
    assert piece.y.tolist() == [0] * 10 + [1] * 20


def test_windows_of_one_patient_on_both_sides_are_refused_unless_accepted(said_by, tmp_path):
    write_bids(tmp_path / "recordings", patients=3, recordings=1, seconds=60)
    by_window = {"split": {"by": "window"}, "threshold": {"policy": "max_f1"}, "objective": {"metric": "f1"}}
    study = str(write_study(tmp_path, **by_window))
    said = said_by("describe", study, code=2)
    assert "3 groups stand in several parts" in said
    assert "a search refuses these parts, which are not independent" in said
    said = said_by("run", study, "--address", "local", code=2)
    assert "windows of one group must not stand on both sides of a split" in said
    said = said_by("describe", study, "--set", "split.i_accept_leakage=true")
    assert "leakage is accepted (split.i_accept_leakage): every row of the leaderboard will say leaky" in said
    train = next(line for line in said.splitlines() if "train" in line)
    assert train.split("\u2502")[-3].strip() == train.split("\u2502")[-2].strip() == "-"


def test_seizures_that_mark_no_window_are_counted_and_named(said_by, tmp_path):
    write_bids(tmp_path / "recordings", patients=6, recordings=2, seconds=60)
    stem = tmp_path / "recordings" / "sub-02" / "eeg" / "sub-02_task-rest_run-01"
    spoil("5\t0.4\tsz\n20\t12\tsz\n40.75\t0.5\tsz\n")(stem)
    study = str(write_study(tmp_path))
    lost = (
        "2 of 14 mark no window, so they are trained as background and missed whatever happens: "
        "sub-02/eeg/sub-02_task-rest_run-01_eeg at 5 s for 0.4 s, "
        "sub-02/eeg/sub-02_task-rest_run-01_eeg at 40.75 s for 0.5 s"
    )
    said = said_by("describe", study)
    assert f"seizures: {lost}" in " ".join(said.split())
    assert "without a window" in said
    assert "no seizure" in said_by("describe", study, "--set", "data.min_overlap=0.2")
    said = said_by("prepare", study, "--set", "data.window_s=2", "--set", "data.form=raw")
    assert "seizures: 2 of 14 mark no window" in said


def test_signals_that_are_stuck_are_counted_and_named(said_by, tmp_path):
    write_bids(tmp_path / "recordings", patients=6, recordings=2, seconds=60)
    study = str(write_study(tmp_path))
    assert "doubtful:" not in said_by("prepare", study)
    values = np.random.default_rng(0).normal(0, 30, (19, 60 * 256))
    values[0, 256 * 10 : 256 * 22], values[18, 256 * 5 : 256 * 9] = 9999, 7  # the first is clipped
    signals_like(values)(tmp_path / "recordings" / "sub-02" / "eeg" / "sub-02_task-rest_run-01")
    said = " ".join(said_by("describe", study).split())
    told = "sub-02/eeg/sub-02_task-rest_run-01_eeg: Fp1 at its digital limit for 12 s, T6 constant for 4 s"
    assert f"doubtful: {told}" in said
    assert "1: sub-02/eeg/sub-02_task-rest_run-01_eeg: Fp1 at" in said


def test_describe_refuses_what_cannot_be_cross_fitted_as_a_search_does(said_by, tmp_path):
    write_bids(tmp_path / "recordings", patients=3, recordings=1, seconds=60)
    study = str(write_study(tmp_path))
    for command in (["describe", study], ["run", study, "--address", "local"]):
        said = said_by(*command, code=2)
        assert "validation needs two groups (or recordings) with positive rows" in said
    write_bids(tmp_path / "recordings", patients=6, recordings=2, seconds=60)
    said = said_by("describe", study)
    assert "half-splits of the validation rows, for cross-fitting: by group" in said


def test_the_command_line_says_it_in_one_line(tmp_path):
    write_bids(tmp_path / "recordings", patients=3, recordings=1, seconds=30)
    truncate(tmp_path / "recordings" / "sub-03" / "eeg" / "sub-03_task-rest_run-01")
    study = write_study(tmp_path)
    said = search_py("prepare", str(study), cwd=tmp_path, code=2)
    assert said.startswith("search.py: every file must be fit for use, but 1 of 3 are not: sub-03")
    assert len(said.splitlines()) == 1
    assert list((tmp_path / "prepared").iterdir()) == []
    said = search_py("prepare", str(study), "--set", "data.on_bad_file=skip", cwd=tmp_path)
    assert "left out: sub-03" in said
    assert "60 rows in " in said
    said = search_py("describe", str(study), "--set", "data.on_bad_file=skip", cwd=tmp_path, code=2)
    assert "2, 0.01667 hours" in said
    assert "each of train, validation and test needs" in said
