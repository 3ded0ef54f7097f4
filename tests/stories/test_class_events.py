"""From EDF files with two types of seizures to a leaderboard, a bundle and the events of new recordings."""

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from reports.bundles.bundle import load
from reports.bundles.prediction import predict_file
from reports.bundles.schema import BundleConfig
from search.data.rows import Recording
from search.events.intervals import detections
from search.events.scoring import EVENT_METRICS, score_events, summed
from spaces.study import Events
from tests.helpers import schemas
from tests.helpers.edf_files import write_bids
from tests.helpers.szcore import szcore
from tests.stories.test_eeg_study import search_py

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SECONDS = 360
TYPES = ("sz_foc_ia", "sz_gen_nm_typical")
RULES = {"drop_shorter_s": 2, "merge_gaps_s": 5, "positive": ["focal", "generalised"]}


def with_types(folder):
    """Gives the seizures of each recording a type, one after the other."""
    for number, file in enumerate(sorted(folder.rglob("*_events.tsv"))):
        head, *lines = file.read_text().splitlines()
        named = [line.replace("\tsz\t", f"\t{TYPES[(number + k) % 2]}\t") for k, line in enumerate(lines)]
        file.write_text("\n".join([head, *named]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of twelve patients, its best trial promoted, and a new patient's recordings predicted."""
    folder = tmp_path_factory.mktemp("types")
    write_bids(folder / "recordings", patients=12, recordings=2, seconds=SECONDS)
    write_bids(folder / "new", patients=1, recordings=2, seconds=SECONDS, seed=1)
    with_types(folder / "recordings")
    study = {
        "name": "types",
        "preset": "seizure",
        "data": {
            "source": "eeg",
            "path": "recordings",
            "classes": dict(zip(TYPES, ("focal", "generalised"), strict=True)),
        },
        "trunk": {"name": "seizure_cnn", "width": 0.25},
        "space": {
            "heads": {"softmax": ["cce"]},
            "learning_rate": 3e-3,
            "optimizer": "adam",
            "hidden_layers": "none",
            "dropout": 0.2,
            "class_weight": "none",
            "label_smoothing": 0.0,  # so that probabilities are calibrated, and events have a confidence
        },
        "events": RULES,
        "training": {"epochs": 6},
        "asha": {"enabled": False},
        "budget": {"trials": 2},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    told = {
        "described": search_py("describe", "study.yaml", cwd=folder),
        "ran": search_py("run", "study.yaml", "--address", "local", cwd=folder),
        "promoted": search_py(
            "promote", "runs/types", "--require", "event_sensitivity.min=0.1", "--to", "bundle", cwd=folder
        ),
        "predicted": search_py("predict", "bundle", "new", "--out", "new.parquet", cwd=folder),
    }
    one = min((folder / "new").rglob("*_eeg.edf"))
    told["one"] = search_py("predict", "bundle", str(one), "--out", "one.parquet", cwd=folder)
    (folder / "told.json").write_text(json.dumps(told))
    return folder


def told(folder, command):
    return " ".join(json.loads((folder / "told.json").read_text())[command].split())


def test_it_says_on_what_events_are_counted(folder):
    for command in ("described", "ran"):
        assert "seizures by annotation" in told(folder, command)
        assert ", of 'focal', 'generalised'" in told(folder, command)
    assert "without a window \u2502 no seizure" in told(folder, "described")
    assert "seizures are focal, generalised; all scored by szcore" in told(folder, "ran")


def test_rows_have_event_scores(folder):
    rows = pq.read_table(folder / "runs" / "types" / "leaderboard.parquet").to_pylist()
    trained = [row for row in rows if row["kind"] != "baseline"]
    assert [row["state"] for row in trained] == ["completed"] * 2
    best = trained[0]
    assert best["val_event_sensitivity"] > 0.5
    assert best["val_event_sensitivity_low"] <= best["val_event_sensitivity"]
    assert json.loads(best["event_scoring"])["positive"] == ["focal", "generalised"]
    prevalence = next(row for row in rows if row["trunk"] == "prevalence")
    assert (prevalence["val_event_sensitivity"], prevalence["val_fa_per_day"]) != (None, None)


def test_a_bundle_says_what_is_a_seizure_and_how_it_did(folder):
    said = schemas.content(folder / "bundle" / "config.yaml")
    assert schemas.faults(said, "bundle.schema.json") == []
    config = BundleConfig.model_validate(said)
    assert (config.format, config.events.positive) == (6, ("focal", "generalised"))
    assert set(EVENT_METRICS) <= {*config.test.metrics}
    found = sum(patient.seizures for patient in config.test.patients)
    hits = sum(patient.sensitivity * patient.seizures for patient in config.test.patients if patient.seizures)
    assert config.test.metrics["event_sensitivity"].value == pytest.approx(hits / found)
    card = (folder / "bundle" / "MODEL_CARD.md").read_text()
    assert "windows decided to be focal or generalised that touch or overlap become one event" in card
    assert "| event sensitivity |" in card
    assert "Worst patient: sub-" in card


def events_in(file):
    """The rows of a file of events, and start and length of each seizure."""
    rows = list(csv.DictReader(file.read_text().splitlines(), delimiter="\t"))
    return rows, [(float(row["onset"]), float(row["duration"])) for row in rows if row["eventType"] == "sz"]


def test_predictions_are_events_as_they_are_scored(folder):
    table = pq.read_table(folder / "new.parquet")
    label, starts = np.array(table["label"].to_pylist()), table["start_s"].to_numpy()
    names = np.array(table["recording"].to_pylist())
    files = sorted((folder / "new_events").rglob("*_events.tsv"))
    recordings, events = [], []
    for name, file in zip(np.unique(names), files, strict=True):
        mine = names == name
        seizures = np.isin(label[mine], ("focal", "generalised"))
        expected = detections(starts[mine], 1.0, seizures, float(SECONDS), Events(**RULES))
        rows, found = events_in(file)
        assert found == [(start, pytest.approx(end - start)) for start, end in expected]
        assert {row["eventType"] for row in rows} <= {"sz", "bckg"}
        probability = sum(table[f"probability_{one}"].to_numpy()[mine] for one in ("focal", "generalised"))
        for row, (start, end) in zip(rows, expected, strict=False):
            inside = (starts[mine] >= start) & (starts[mine] < end)
            assert float(row["confidence"]) == pytest.approx(probability[inside].max(), abs=1e-4)
        _, truth = events_in(folder / "new" / file.relative_to(folder / "new_events"))
        spans = tuple((start, start + length) for start, length in truth)
        recordings.append(Recording(str(name), "sub-01", float(SECONDS), spans))
        events.append([(start, start + length) for start, length in found])
    assert any(events)
    assert f"; {sum(map(len, events))} event" in told(folder, "predicted")
    counts = summed(score_events(recordings, events, "szcore"))
    tp, _, seizures, seconds = szcore(folder / "new", folder / "new_events")
    assert (tp, seizures, seconds) == (counts.tp, counts.ref, counts.seconds)
    assert (folder / "one_events.tsv").read_text() == files[0].read_text()


def test_a_bundle_without_events_writes_none(folder, keras, tmp_path):
    """As one of classes whose study names no seizures: of one recording, and of a folder."""
    shipped = load(folder / "bundle")
    bare = replace(shipped, config=shipped.config.model_copy(update={"events": None}))
    for data, rows in ((min((folder / "new").rglob("*_eeg.edf")), SECONDS), (folder / "new", 2 * SECONDS)):
        written = predict_file(bare, str(data), tmp_path / "windows.parquet", lambda done, rows: None)
        assert (written.rows, written.events, written.events_path) == (rows, None, None)
        assert [one.name for one in tmp_path.iterdir()] == ["windows.parquet"]
