"""A bundle trained on recordings: what it says of events and patients, and what it must never say."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cluster.cli import main
from reports.bundles import card
from reports.bundles.bundle import load, outputs
from reports.bundles.config import trained
from reports.bundles.schema import BundleConfig
from search.data.rows import READ_BYTES
from search.events.evaluation import decided_patients, event_estimates
from search.events.patients import Patient
from search.events.scoring import EVENT_METRICS, PARAMETERS
from search.runs.run_folder import RunFolder
from search.scores.metrics import decide
from search.trials.preparation import prepare
from spaces.eeg import MONTAGES, Eeg
from tests.conftest import ROOT
from tests.helpers import schemas, toys
from tests.helpers.edf_files import write_bids, write_edf
from tests.helpers.planted import PERSON, TRACES, contents, traces_below, traces_in
from tests.helpers.shipping import train_on_recordings

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def work(tmp_path_factory, keras) -> Path:
    """A folder with a run on simulated recordings, and its bundle."""
    folder = tmp_path_factory.mktemp("eeg")
    write_bids(folder / "data", patients=10, recordings=1, seconds=120)
    parts = {"train": ["sub-0[1-6]/*"], "validation": ["sub-07", "sub-08"], "test": ["sub-09", "sub-10"]}
    data = {"source": "eeg", "path": str(folder / "data"), "form": "raw", "parts": parts, "notch_hz": 50}
    run = train_on_recordings(folder, folder / "data", {"data": data, "split": {"by": "column"}})
    assert main(["promote", str(run.path), "--to", str(folder / "bundle")]) == 0
    return folder


@pytest.fixture(scope="module")
def bundle(work):
    return load(work / "bundle")


def test_it_says_how_windows_are_cut_and_events_are_made(work, bundle):
    study = yaml.safe_load((work / "study.yaml").read_text())
    cut = Eeg(source="eeg", path="", **bundle.config.input.preprocessing.model_dump())
    said = Eeg(**study["data"])
    told = {"channels", "missing_channels", "rate_hz", "bandpass_hz", "notch_hz", "window_s", "form"}
    assert cut.model_dump(include=told) == said.model_dump(include=told)
    assert cut.step == said.step
    assert bundle.config.input.channels == MONTAGES["10-20"]
    assert bundle.config.split.model_dump() == {"by": "column", "groups": "known"}
    scored = {"scorer": "szcore", **PARAMETERS["szcore"], "timescoring": "0.0.7"}
    rules = {"drop_shorter_s": 3.0, "merge_gaps_s": 5.0, "window_s": 1.0}
    assert bundle.config.events.model_dump() == scored | rules


def test_its_config_is_what_the_schema_says(work):
    said = schemas.content(work / "bundle" / "config.yaml")
    assert schemas.faults(said, "bundle.schema.json") == []
    assert BundleConfig.model_validate(said).text() == (work / "bundle" / "config.yaml").read_text()
    said["events"]["scorer"], said["input"]["preprocessing"]["rate_hz"] = "other", 100
    assert schemas.faults(said, "bundle.schema.json") == [
        "$.events.scorer: 'other' is not one of ['szcore', 'ovlp']",
        "$.input.preprocessing.rate_hz: 100 is not one of [250, 256]",
    ]


def test_its_event_scores_are_those_of_its_own_predictions(work, bundle):
    run = RunFolder(work / "runs" / "eeg")
    study = run.study()
    prepared = prepare(study, run.path, run.prepared)
    score = bundle.predict(prepared.rows.x[prepared.split.test])["score"].to_numpy()
    reference = prepared.test_reference(study)
    threshold_score = bundle.config.decision.threshold_score
    expected = event_estimates(reference, score, threshold_score, study.events, study.seed)
    told = bundle.config.test
    assert {name: told.metrics[name] for name in EVENT_METRICS} == expected
    seen = decided_patients(reference, decide(score, threshold_score), study.events)
    assert told.patients == tuple(seen)
    assert [patient.group for patient in seen] == ["sub-09", "sub-10"]
    assert sum(patient.hours for patient in seen) == pytest.approx(240 / 3600)


def test_names_in_its_card_are_text(work, bundle):
    record = RunFolder(work / "runs" / "eeg").record("00000")
    assert card.text(record, bundle.config) == (work / "bundle" / "MODEL_CARD.md").read_text()
    named = bundle.config.model_dump(exclude_unset=True)
    named["labels"] = {**named["labels"], "positive": "[on](x)\\"}
    named["forced"] = ["*it* had <b>to</b>"]
    for patient in named["test"]["patients"]:
        patient["group"] = "<i>|`a`"
    written = card.text(record, BundleConfig.model_validate(named))
    assert r"positive is '\[on\](x)\\\\', negative" in written
    assert r"**FORCED: \*it\* had \<b>to\</b>.**" in written
    assert written.count("\n| \\<i>\\|\\`a\\` | ") == 2
    assert "<i>" not in written.replace("\\<i>", "")


def test_its_card_tells_of_events_and_names_the_worst_patient(work, bundle):
    card = (work / "bundle" / "MODEL_CARD.md").read_text()
    assert "events shorter than 3 s are dropped, then gaps shorter than 5 s are closed" in card
    assert "by timescoring 0.0.7 with the parameters of szcore: a seizure counts as found if" in card
    assert "The network decides for each window of 1 s by itself. Events are made" in card
    assert "Sensitivity never stands without false alarms" in card
    assert "named by the data (split.by: column)" in card
    assert "19 channels (Fp1, F3," in card
    assert "256 Hz, notch 50 Hz; windows of 1 s every 1 s, as raw" in card
    assert "- test seizures are few (2)" in card
    alarms = bundle.config.test.metrics["fa_per_day"].value
    assert f"| false alarms per 24 h | {alarms:.3f} |" in card
    assert re.search(
        r"^Worst patient: sub-(09|10), [01] of 1 seizures found, [\d.]+ false alarms", card, re.M
    )


PATIENTS = [
    Patient("a", hours=20, seizures=4, sensitivity=0.75, fa_per_day=9.0, delay_s=3.0),
    Patient("b", hours=20, seizures=3, sensitivity=0.0, fa_per_day=1.0, delay_s=None),
    Patient("c", hours=20, seizures=0, sensitivity=None, fa_per_day=40.0, delay_s=None),
    Patient("d", hours=20, seizures=5, sensitivity=0.0, fa_per_day=2.0, delay_s=None),
]


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (PATIENTS, "Worst patient: d, 0 of 5 seizures found, 2.0 false alarms per 24 h."),
        (PATIENTS[:2], "Worst patient: b, 0 of 3 seizures found, 1.0 false alarms per 24 h."),
        (PATIENTS[2:3], "No patient of the test part had a seizure; most false alarms: c, 40.0 false alarms"),
        ([], "They were not measured: the windows cover too little of the recordings."),
    ],
)
def test_the_worst_patient_is_named_first(bundle, seen, line):
    test = bundle.config.test.model_copy(update={"patients": tuple(seen)})
    config = bundle.config.model_copy(update={"test": test})
    lines = card.event_lines(config)
    assert any(found.startswith(line) for found in lines)
    table = [found.split(" | ")[0].strip("| ") for found in lines if re.match(r"\| [abcd] ", found)]
    assert table == [name for name in "dbac" if name in {patient.group for patient in seen}]
    said = card.event_limits(config)
    assert any("whether it finds any is unknown" in line for line in said) == (seen == PATIENTS[2:3])
    assert any("extrapolated" in line for line in said) == (seen == PATIENTS[2:3])


def test_rows_of_no_time_have_no_events(bundle):
    assert card.event_lines(bundle.config.model_copy(update={"events": None})) == []


def test_no_path_of_the_machine_stands_in_it(work):
    """Paths of data, weights and modules are those of the machine it was made on."""
    assert str(work).encode() in (work / "runs" / "eeg" / "study.yaml").read_bytes()
    files = [path for path in (work / "bundle").rglob("*") if path.is_file()]
    assert {"saved_model.pb", "model.onnx"} <= {path.name for path in files}
    for path in files:
        for content in contents(path.read_bytes()):
            for place in (work, ROOT, tempfile.gettempdir()):
                assert f"{place}/".encode() not in content, path
    config = toys.config("sigmoid", "bce", trunk="mobilenet_v1", folder=str(work), weights=str(work / "w.h5"))
    told = trained(config)
    assert "folder" not in told
    assert told["weights"] == "file"
    assert trained(toys.config("sigmoid", "bce", weights="imagenet"))["weights"] == "imagenet"


class Endless:
    """Inputs that say how much of them was read at once."""

    shape, dtype = (3000, 256, 19), np.dtype(np.float32)

    def __init__(self) -> None:
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, taken):
        x = np.zeros((len(range(*taken.indices(len(self)))), *self.shape[1:]), np.float32)
        self.read.append(x.nbytes)
        return x


def test_rows_are_scored_block_by_block(bundle):
    x = Endless()
    said = outputs(bundle.model, x)
    assert set(said) == {"score", "probability", "label"}
    assert {values.shape for values in said.values()} == {(3000,)}
    assert len(x.read) > 2
    assert max(x.read) <= READ_BYTES


def test_the_search_for_traces_finds_them(tmp_path):
    write_bids(tmp_path, patients=1, recordings=1, seconds=30, header=PERSON)
    ((name, told),) = traces_below(tmp_path).items()
    assert name.endswith("_eeg.edf")
    assert told == set(TRACES) - {"1943-05-17", "2009-11-23", "17.05.43"}
    np.savez_compressed(tmp_path / "z.npz", who=np.array(["Zaphodine"]))
    table = pa.table({"who": pa.array(["Zaphodine"] * 9).dictionary_encode()}, metadata={"at": "ward77bed3"})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd")
    found = traces_below(tmp_path)
    assert found["z.npz"] == {"zaphodine"}
    assert found["t.parquet"] == {"zaphodine", "ward77bed3"}


def test_no_file_and_no_line_tells_of_the_person(tmp_path, capfd, caplog):
    """From recordings with a planted person to a bundle and its predictions, mistakes included."""
    write_bids(tmp_path / "data", patients=10, recordings=1, seconds=90, header=PERSON)
    write_edf(tmp_path / "data" / "odd.edf", np.zeros((2, 2560)), PERSON, ["Fp1", "Krautwurst"])
    work = tmp_path / "work"
    run = train_on_recordings(work, tmp_path / "data")
    bundle, out = work / "bundle", work / "out.parquet"
    assert main(["promote", str(run.path), "--to", str(bundle)]) == 0
    assert main(["predict", str(bundle), str(tmp_path / "data" / "sub-01"), "--out", str(out)]) == 0
    odd = str(tmp_path / "data" / "odd.edf")
    assert main(["predict", str(bundle), odd, "--out", str(work / "odd.parquet")]) == 2
    whole = next((tmp_path / "data").rglob("*_eeg.edf")).read_bytes()
    for name, content in {"short": whole[:-5000], "head": whole[:700], "junk": b"0       Zaphodine"}.items():
        (tmp_path / "data" / f"{name}.edf").write_bytes(content)
        data = str(tmp_path / "data" / f"{name}.edf")
        assert main(["-v", "predict", str(bundle), data, "--out", str(work / "odd.parquet")]) == 2
    assert (work / "out_events").is_dir()
    assert list((work / "prepared").iterdir())
    assert traces_below(work) == {}
    said = capfd.readouterr()
    assert "search.py: junk: recordings must be" in said.err
    assert "90 rows" in said.out
    assert traces_in((said.out + said.err + caplog.text).encode()) == set()
