"""Predictions on files: recordings and photos read block by block, files of events, mistakes in one line."""

import itertools
import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cluster.cli import main
from reports.bundles.bundle import Bundle, load
from reports.bundles.events_file import COLUMNS
from reports.bundles.inputs import PHOTOS_AT_ONCE, open_inputs
from reports.bundles.prediction import predict_file
from reports.bundles.schema import BundleConfig
from search.data.rows import Labels
from search.data.sources.eeg import annotation_formats
from search.data.sources.eeg import recordings as eeg
from search.events.intervals import detections
from spaces.eeg import MONTAGES, Eeg
from spaces.errors import RunError
from spaces.study import Events
from tests.helpers.edf_files import RATE_HZ, set_record_times, write_bids, write_edf
from tests.helpers.shipping import bundle_of_photos, bundle_of_recordings
from tests.helpers.szcore import szcore

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]


@pytest.fixture(scope="module")
def eeg_bundle(tmp_path_factory, keras) -> Path:
    """A bundle trained on raw windows of recordings."""
    return bundle_of_recordings(tmp_path_factory.mktemp("eeg"))


@pytest.fixture(scope="module")
def image_bundle(tmp_path_factory, keras) -> Path:
    """A bundle trained on small photos, dark and light ones."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 128)):
        (folder / "data" / name).mkdir(parents=True)
        for k in range(60):
            save_photo(folder / "data" / name / f"{k}.png", rng.integers(low, low + 128, (10, 10, 3)))
    return bundle_of_photos(folder)


def save_photo(path: Path, pixels) -> None:
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def new(tmp_path) -> Path:
    """Recordings of two patients whom no bundle knows."""
    write_bids(tmp_path / "new", patients=2, recordings=3, seconds=60, seed=7)
    return tmp_path / "new"


def refused(capsys, arguments: list[str]) -> str:
    """The one line with which a command is refused."""
    capsys.readouterr()
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("search.py: ")


def windows(path: Path, bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    config = Eeg(source="eeg", path="", **bundle.config.input.preprocessing.model_dump())
    starts, rows = zip(*eeg.windows(path, config), strict=True)
    return np.concatenate(starts), np.concatenate(rows)


def test_one_recording_comes_to_a_table_and_a_file_of_events(eeg_bundle, new, tmp_path, capsys):
    file, out = new / "sub-01" / "eeg" / "sub-01_task-rest_run-01_eeg.edf", tmp_path / "one.parquet"
    assert main(["predict", str(eeg_bundle), str(file), "--out", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    bundle = load(eeg_bundle)
    starts, x = windows(file, bundle)
    table = pq.ParquetFile(out).read()
    assert table.column_names == ["recording", "start_s", "score", "probability", "label"]
    assert table["recording"].to_pylist() == [file.stem] * 60
    np.testing.assert_array_equal(table["start_s"].to_numpy(), starts)
    assert table.drop_columns(["recording", "start_s"]).equals(bundle.predict(x))
    decided = np.array(table["label"].to_pylist()) == "seizure"
    rules = Events(drop_shorter_s=3, merge_gaps_s=5)
    events = detections(starts, 1.0, decided, 60.0, rules)
    assert 0 < len(events) < decided.sum()
    text = (tmp_path / "one_events.tsv").read_text()
    assert tuple(annotation_formats.bids(text)) == events
    head, *rows = text.splitlines()
    assert head == "\t".join(COLUMNS)
    for (start, end), row in zip(events, rows, strict=True):
        inside = (starts >= start) & (starts < end)
        confidence = table["probability"].to_numpy()[inside].max()
        assert row.split("\t")[2:] == ["sz", f"{confidence:.4f}", "all", "n/a", "60.00"]
    assert said == (
        f"60 rows, 0.02 h in 1 recording -> {out}; positive is 'seizure'; "
        f"{len(events)} event{'s' * (len(events) > 1)} -> {tmp_path / 'one_events.tsv'}"
    )


def test_a_recording_with_gaps_is_predicted_in_its_own_time(eeg_bundle, new, tmp_path, capsys):
    """Windows begin anew after a gap, and no event reaches over one, however short it is."""
    signals = np.random.default_rng(0).normal(0, 20, (19, 60 * RATE_HZ))
    signals[:, 10 * RATE_HZ : 50 * RATE_HZ] += 200 * np.sin(np.arange(40 * RATE_HZ) * 2 * np.pi * 5 / RATE_HZ)
    signals[0, :3072], signals[4, 5120:6144] = 5000, 0
    file, out = tmp_path / "night.edf", tmp_path / "o.parquet"
    write_edf(file, signals, {"annotation": "x"})
    assert main(["predict", str(eeg_bundle), str(file), "--out", str(out)]) == 0
    whole = pq.ParquetFile(out).read()
    set_record_times(file, [k + 2 * (k >= 30) + 100 * (k >= 59) for k in range(60)])
    capsys.readouterr()
    assert main(["predict", str(eeg_bundle), str(file), "--out", str(out)]) == 0
    table = pq.ParquetFile(out).read()
    starts = table["start_s"].to_numpy()
    assert starts.tolist() == [*range(30), *range(32, 61), 161]
    assert table.select(["recording", "label"]).equals(whole.select(["recording", "label"]))
    np.testing.assert_allclose(table["score"].to_numpy(), whole["score"].to_numpy(), rtol=1e-4, atol=1e-4)
    decided = np.array(table["label"].to_pylist()) == "seizure"
    assert decided[29:31].all()
    rules = Events(drop_shorter_s=3, merge_gaps_s=5)
    expected = []
    for begin, end in ((0, 30), (32, 61), (161, 162)):
        inside = (starts >= begin) & (starts < end)
        found = detections(starts[inside] - begin, 1.0, decided[inside], end - begin, rules)
        expected += [(begin + start, begin + stop) for start, stop in found]
    text = (tmp_path / "o_events.tsv").read_text()
    assert annotation_formats.bids(text) == expected
    assert {row.split("\t")[-1] for row in text.splitlines()[1:]} == {"162.00"}
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "night: 2 gaps between its records, 102 s in all, the first after 30 s: read as 3 stretches"
    )
    assert said[1].startswith("night: Fp1 at its digital limit for 12 s, ")
    assert "O1 constant for 4 s" in said[1]
    assert said[2].startswith(f"60 rows, 0.02 h in 1 recording -> {out}; ")


def test_a_folder_of_recordings_comes_to_a_folder_of_files(eeg_bundle, new, tmp_path, capsys):
    shutil.copy(new / "sub-01/eeg/sub-01_task-rest_run-01_eeg.edf", new / "LOOSE.EDF")
    out = tmp_path / "all.parquet"
    for _ in range(2):  # again, over what the first call wrote
        assert main(["predict", str(eeg_bundle), str(new), "--out", str(out)]) == 0
        (tmp_path / "all_events" / "stale_events.tsv").touch()
    assert main(["predict", str(eeg_bundle), str(new), "--out", str(out)]) == 0
    table = pq.ParquetFile(out).read()
    names = list(dict.fromkeys(table["recording"].to_pylist()))
    runs = itertools.product(("sub-01", "sub-02"), (1, 2, 3))
    below = [f"{patient}/eeg/{patient}_task-rest_run-{run:02d}_eeg" for patient, run in runs]
    assert sorted(names) == ["LOOSE", *below]
    files = {path.relative_to(tmp_path / "all_events").as_posix(): path for path in
             (tmp_path / "all_events").rglob("*") if path.is_file()}  # fmt: skip
    description = json.loads(files.pop("dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert [maker["Name"] for maker in description["GeneratedBy"]] == ["headsearch"]
    assert sorted(files) == sorted(f"{name.removesuffix('_eeg')}_events.tsv" for name in names)
    events = sum(len(annotation_formats.bids(path.read_text())) for path in files.values())
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith(f"420 rows, 0.12 h in 7 recordings -> {out}; ")
    assert said.endswith(f"; {events} events -> {tmp_path / 'all_events'}")
    assert {path.name for path in tmp_path.iterdir()} == {"new", "all.parquet", "all_events"}
    alone = tmp_path / "alone.parquet"
    assert main(["predict", str(eeg_bundle), str(new / "LOOSE.EDF"), "--out", str(alone)]) == 0
    loose = table.filter(pa.compute.equal(table["recording"], "LOOSE"))
    assert loose.equals(pq.ParquetFile(alone).read())


@pytest.mark.parametrize("session", [False, True])
def test_events_of_a_bids_folder_are_scored_where_they_lie(eeg_bundle, new, tmp_path, session):
    if session:
        for patient in list(new.iterdir()):
            (patient / "eeg").rename(patient / "moved")
            (patient / "ses-01").mkdir()
            (patient / "moved").rename(patient / "ses-01" / "eeg")
            for file in list((patient / "ses-01" / "eeg").iterdir()):
                file.rename(file.with_name(file.name.replace("_task", "_ses-01_task")))
    assert main(["predict", str(eeg_bundle), str(new), "--out", str(tmp_path / "o.parquet")]) == 0
    assert szcore(new, tmp_path / "o_events")[0] >= 1
    moved = tmp_path / "flat"
    moved.mkdir()
    for file in (tmp_path / "o_events").rglob("*_events.tsv"):
        shutil.copy(file, moved / file.name)
    assert szcore(new, moved)[0] == 0, "the rule gives nothing where files lie elsewhere"
    # A folder inside the data set gives the same relative paths.
    inside = new / "sub-01" / "ses-01" if session else new / "sub-01"
    assert main(["predict", str(eeg_bundle), str(inside), "--out", str(tmp_path / "one.parquet")]) == 0
    every, one = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "o_events", tmp_path / "one_events")
    )
    assert one == {path for path in every if path.parts[0] in ("sub-01", "dataset_description.json")}


def test_labels_of_one_value_have_the_type_of_both():
    bundle = Bundle(BundleConfig.model_construct(labels=Labels(0, 1.5)), None)
    said = {
        "score": np.zeros(2, np.float32),
        "probability": np.zeros(2, np.float32),
        "label": np.zeros(2, int),
    }
    assert bundle.table(said)["label"].type == pa.float64()


def test_memory_does_not_grow_with_the_recording(eeg_bundle, tmp_path):
    rng = np.random.default_rng(0)
    bundle, peaks = load(eeg_bundle), []
    for minutes in (21, 51):
        write_edf(tmp_path / "long.edf", rng.normal(0, 20, (19, minutes * 60 * RATE_HZ)).astype(np.float32))
        tracemalloc.start()
        written = predict_file(bundle, str(tmp_path / "long.edf"), tmp_path / "o.parquet", lambda *_: None)
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        assert written.rows == minutes * 60
    assert written.hours == pytest.approx(51 / 60)
    print(f"peak of numpy and Python, MiB: {peaks[0]:.1f} for 21 minutes, {peaks[1]:.1f} for 51")
    assert peaks[1] < peaks[0] + 5, "30 minutes of windows are 33 MiB"


def save_few(path: Path, names: tuple[str, ...], seconds: int = 5) -> None:
    signals = np.random.default_rng(0).normal(0, 20, (len(names), seconds * RATE_HZ))
    write_edf(path, signals, channels=list(names))


def test_every_recording_that_cannot_be_used_is_named_before_anything_is_written(
    eeg_bundle, new, tmp_path, capsys
):
    save_few(new / "few.edf", MONTAGES["10-20"][:17])
    save_few(new / "brief.edf", MONTAGES["10-20"], seconds=1)
    brief = (new / "brief.edf").read_bytes()
    (new / "brief.edf").write_bytes(brief[:244] + b"0.5".ljust(8) + brief[252:])  # seconds of a data record
    shutil.copy(new / "few.edf", new / "fewer.edf")
    whole = (new / "sub-01/eeg/sub-01_task-rest_run-01_eeg.edf").read_bytes()
    (new / "cut.edf").write_bytes(whole[:-9999])
    line = refused(capsys, ["predict", str(eeg_bundle), str(new), "--out", str(tmp_path / "o.parquet")])
    assert line.startswith(
        "every recording must be usable, but 4 of 10 are not: brief: a recording must hold"
    )
    assert "; cut: recordings must be complete, but this one is truncated" in line
    assert "; few, fewer: recordings must hold every channel of the study, but T4, T6 are missing" in line
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    line = refused(
        capsys, ["predict", str(eeg_bundle), str(new / "few.edf"), "--out", str(tmp_path / "o.parquet")]
    )
    assert line.startswith("few: recordings must hold every channel of the study, but T4, T6 are missing")


def test_a_recording_that_fails_late_leaves_all_as_it_was(eeg_bundle, new, tmp_path, capsys):
    """That a channel is flat is known at the recording's end."""
    out = tmp_path / "o.parquet"
    arguments = ["predict", str(eeg_bundle), str(new), "--out", str(out)]
    assert main(arguments) == 0
    written = [out, *(tmp_path / "o_events").rglob("*_events.tsv")]
    before = {path: path.read_bytes() for path in written}
    signals = np.random.default_rng(0).normal(0, 20, (19, 20 * RATE_HZ))
    signals[3] = 0
    write_edf(new / "zz.edf", signals)
    assert refused(capsys, arguments).startswith("zz: channels must carry a signal, but channel P3 is flat")
    assert {
        path: path.read_bytes() for path in [out, *(tmp_path / "o_events").rglob("*_events.tsv")]
    } == before
    assert {path.name for path in tmp_path.iterdir()} == {"new", "o.parquet", "o_events"}


def test_an_annotation_is_never_replaced(eeg_bundle, new, capsys):
    """`sub-01_..._events.tsv` beside a recording is what an expert wrote."""
    folder = new / "sub-01" / "eeg"
    annotation = folder / "sub-01_task-rest_run-01_events.tsv"
    before = annotation.read_text()
    file = str(folder / "sub-01_task-rest_run-01_eeg.edf")
    out = str(folder / "sub-01_task-rest_run-01.parquet")
    line = refused(capsys, ["predict", str(eeg_bundle), file, "--out", out])
    assert line.startswith(f"events go to {annotation}, but what is there was not written together with")
    assert annotation.read_text() == before
    assert "--out would replace the data that is read" in refused(
        capsys, ["predict", str(eeg_bundle), file, "--out", file]
    )
    (new / "mine_events").mkdir()
    (new / "mine_events" / "notes.txt").write_text("mine")
    (new / "mine.parquet").touch()
    line = refused(capsys, ["predict", str(eeg_bundle), str(folder), "--out", str(new / "mine.parquet")])
    assert "mine_events, but what is there was not written together" in line


def test_names_that_meet_are_refused(eeg_bundle, tmp_path, capsys):
    (tmp_path / "new" / "a").mkdir(parents=True)
    save_few(tmp_path / "new" / "a" / "b.edf", MONTAGES["10-20"])
    shutil.copy(tmp_path / "new" / "a" / "b.edf", tmp_path / "new" / "a" / "b_eeg.edf")
    arguments = ["predict", str(eeg_bundle), str(tmp_path / "new"), "--out", str(tmp_path / "o.parquet")]
    assert "a/b and a/b_eeg would both be a/b_events.tsv; rename one" in refused(capsys, arguments)
    (tmp_path / "new" / "a" / "b_eeg.edf").rename(tmp_path / "new" / "a" / "b.EDF")
    assert "two files are called a/b" in refused(capsys, arguments)


def test_what_is_no_recording_is_one_line(eeg_bundle, image_bundle, new, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("none")
    np.savez(tmp_path / "other.npz", X=np.zeros((3, 250, 19), np.float32))
    edf, out = str(next(new.rglob("*.edf"))), str(tmp_path / "o.parquet")
    for bundle, data, to, message in (
        (
            image_bundle,
            edf,
            out,
            "EDF and BDF recordings are for bundles trained on the source eeg, but this one was",
        ),
        (image_bundle, str(new), out, "a folder to read must hold photos"),
        (
            eeg_bundle,
            str(tmp_path / "empty"),
            out,
            "DATA must hold EDF or BDF recordings (*.edf, *.bdf), but",
        ),
        (
            eeg_bundle,
            str(tmp_path / "notes.txt"),
            out,
            "this bundle takes .edf and .bdf files, or arrays of the sha",
        ),
        (
            eeg_bundle,
            str(tmp_path / "no.edf"),
            out,
            "DATA is an .edf or .bdf file or a folder of them, a table (.csv",
        ),
        (eeg_bundle, str(tmp_path / "other.npz"), out, "the bundle takes rows of shape (256, 19), but got"),
        (eeg_bundle, "simulated_eeg", out, "the bundle takes rows of shape (256, 19), but got (32, 9, 19)"),
        (
            eeg_bundle,
            edf,
            str(tmp_path / "nowhere" / "o.parquet"),
            "--out takes a file in a folder that exists",
        ),
    ):
        assert refused(capsys, ["predict", str(bundle), data, "--out", to]).startswith(message)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"new", "empty", "notes.txt", "other.npz"}


def test_windows_that_were_cut_elsewhere_are_predicted_as_rows(eeg_bundle, new, tmp_path):
    bundle = load(eeg_bundle)
    _, x = windows(next(new.rglob("*.edf")), bundle)
    np.savez(tmp_path / "cut.npz", X=x)
    assert (
        main(["predict", str(eeg_bundle), str(tmp_path / "cut.npz"), "--out", str(tmp_path / "o.parquet")])
        == 0
    )
    assert pq.ParquetFile(tmp_path / "o.parquet").read().drop_columns(["row"]).equals(bundle.predict(x))
    assert not list(tmp_path.glob("*_events*"))


def test_a_bundle_of_the_first_format_cannot_cut_windows(eeg_bundle, new):
    bundle = load(eeg_bundle)
    takes = bundle.config.input.model_copy(update={"preprocessing": None})
    older = Bundle(bundle.config.model_copy(update={"input": takes}), bundle.model)
    with pytest.raises(RunError, match="which those of format 1 do not; promote its trial again"):
        open_inputs(older, str(new))


def test_photos_are_read_some_hundreds_at_a_time(image_bundle, tmp_path, capsys):
    rng = np.random.default_rng(1)
    (tmp_path / "new").mkdir()
    pixels = rng.integers(0, 256, (PHOTOS_AT_ONCE + 40, 8, 8, 3)).astype(np.uint8)
    for k, photo in enumerate(pixels):
        save_photo(tmp_path / "new" / f"{k:03d}.png", photo)
    bundle, out = load(image_bundle), tmp_path / "o.parquet"
    assert bundle.config.input.root_mean_square is None, "pixels have a range of their own"
    assert main(["predict", str(image_bundle), str(tmp_path / "new"), "--out", str(out)]) == 0
    table = pq.ParquetFile(out).read()
    assert table.column_names == ["file", "score", "probability", "label"]
    assert table["file"].to_pylist() == [f"{k:03d}.png" for k in range(len(pixels))]
    scores = bundle.predict(pixels)["score"].to_numpy()
    np.testing.assert_allclose(table["score"].to_numpy(), scores, rtol=1e-5, atol=1e-6)
    for name in ("005.png", f"{PHOTOS_AT_ONCE + 2}.png", f"{PHOTOS_AT_ONCE + 3}.png"):
        (tmp_path / "new" / name).write_bytes(b"")
    before = out.read_bytes()
    line = refused(capsys, ["predict", str(image_bundle), str(tmp_path / "new"), "--out", str(out)])
    assert (
        "photos must be readable, but 3 of 296 are not: 005.png: empty; 258.png: empty; 259.png: empty"
        in line
    )
    assert out.read_bytes() == before
    (tmp_path / "new" / "005.png").write_bytes((tmp_path / "new" / "006.png").read_bytes())
    (series,) = open_inputs(bundle, str(tmp_path / "new")).series
    assert len(next(series.batches).x) == PHOTOS_AT_ONCE, "the first are there before the last are read"
