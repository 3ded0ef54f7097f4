"""One patient: refused, then split by recording or blocks of time; every row and the card say what it is."""

import io
import re

import numpy as np
import pytest
import yaml
from rich.console import Console

from cluster import preparation
from cluster.cli import main
from reports.boards import leaderboard
from search.runs.run_folder import RunFolder
from spaces.study_file import read
from tests.helpers.shipping import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]

SECONDS = 2400
SPLITS = {
    "recording": ({"by": "recording"}, 8, "recordings"),
    "time": ({"by": "time", "blocks": 12, "gap_s": 10}, 1, "blocks of time"),
}
ONE = "one patient: parts are of the same patient, so values say nothing of other patients"


def write(folder, recordings, **changes):
    """Writes a study of one patient, who has a seizure of 20 s every 200 s."""
    second = np.arange(SECONDS)
    y = (second % 200 >= 100) & (second % 200 < 120)
    np.savez(
        folder / "data.npz",
        X=np.random.default_rng(0).normal(size=(SECONDS, 4)) + 1.5 * y[:, None],
        y=y.astype(int),
        patient=np.full(SECONDS, "p1"),
        recording=np.array([f"r{k}" for k in second // (SECONDS // recordings)]),
        time=second % (SECONDS // recordings),
    )
    data = {"source": "npz", "path": str(folder / "data.npz"), "group": "patient", "window_s": 1}
    study = {
        "name": "one",
        "data": data | {"recording": "recording", "time": "time"},
        "trunk": {"name": "mlp", "width": 0.1},
        "training": {"epochs": 2},
        **changes,
    }
    (folder / "one.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return folder / "one.yaml"


def said(capsys) -> str:
    """What was printed, without its line breaks."""
    printed = capsys.readouterr()
    return " ".join((printed.out + printed.err).split())


@pytest.mark.parametrize("by", SPLITS)
def test_from_the_refusal_to_the_card(by, tmp_path, monkeypatch, capsys):
    split, recordings, noun = SPLITS[by]
    monkeypatch.chdir(tmp_path)
    assert main(["describe", str(write(tmp_path, recordings))]) == 2
    assert f"all 2400 rows are of one; write split: {{by: {by}}} to measure on other" in said(capsys)
    study = write(tmp_path, recordings, split=split)
    assert main(["describe", str(study)]) == 0
    shown = said(capsys)
    assert f"one patient, split by {by}: values say nothing of other patients; every row says so" in shown
    events = "recordings" if by == "recording" else "none, since windows cover"
    assert f"validation, event scores: {events}" in shown
    assert ("left out: " in shown) == (by == "time")

    console = Console(file=io.StringIO(), width=400)
    preparation.prepared(read(study), tmp_path, tmp_path / "prepared", console, lambda: "")
    told = console.file.getvalue()
    assert f"one patient, split by {by}: values will say nothing of other patients" in told
    assert re.search(rf"validation \d+ rows \(.*positive, \d+ {noun}\)", told)
    assert f"validation, event scores: {events}" in told

    run = RunFolder(tmp_path / "run")
    train(run, study, [("sigmoid", "bce"), ("softmax", "cce")])
    leaderboard.write(run.leaderboard, run.records())
    assert {record.groups for record in run.records()} == {f"one, by {by}"}
    assert main(["leaderboard", "run", "--format", "table"]) == 0
    shown = said(capsys)
    assert f"cross-fitted over 10 half-splits by {noun}" in shown
    assert ONE in shown
    assert "groups" not in shown
    assert main(["report", "run"]) == 0
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert ONE in page
    assert "all parts are of one patient: values say nothing of other patients" in page

    capsys.readouterr()
    assert main(["promote", "run", "--to", "bundle", "--force"]) == 0
    card = " ".join((tmp_path / "bundle/MODEL_CARD.md").read_text(encoding="utf-8").split())
    assert f"Train, validation and test rows are of ONE PATIENT, split by {by}." in card
    assert "it was measured on the patient it was trained on: it says nothing of other patients" in card
    assert f"Intervals: bootstrap over {noun}." in card
    record = run.record("00000")
    event = record.metrics["event_sensitivity"]
    if by == "time":
        assert event.value is None
        assert "They were not measured: the windows cover too little of the recordings." in card
    else:  # intervals are over recordings, of which one patient has several
        assert event.low is not None
        assert record.metrics["fa_per_day"].high is not None
