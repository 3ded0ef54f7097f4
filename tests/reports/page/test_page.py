"""The page says what the Parquet file and the stored scores say, and nothing in it can break out of it."""

import base64
import hashlib
import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.cli import main
from reports.page import data as page_data
from reports.page import facts as page_facts
from reports.page import page
from reports.page import table as page_table
from reports.page import trial as page_trial
from search.comparison.importance import FOREST, importances, ranking
from search.events.evaluation import decided_counts, decided_patients, windows
from search.events.intervals import detected
from search.record import Estimate
from search.runs.run_folder import RunFolder
from search.scores.metrics import decide
from search.scores.thresholds import curve
from spaces.errors import RunError
from tests.conftest import ROOT
from tests.helpers.pages import SEIZURES, decoded, made, with_one_configuration


def embedded(run: RunFolder) -> dict:
    """The JSON inside a run's page, read out of its HTML."""
    html = page.write(run).read_text(encoding="utf-8")
    return json.loads(html.split('<script type="application/json" id="data">')[1].split("</script>")[0])


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("page") / "toy", 14)


@pytest.fixture(scope="module")
def seizures(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("page") / "seizures", 9, 3600, timed=True, study=SEIZURES)


@pytest.fixture(scope="module")
def found(run) -> dict:
    return embedded(run)


@pytest.fixture(scope="module")
def of_events(seizures) -> dict:
    return embedded(seizures)


@pytest.fixture(scope="module")
def repeated(tmp_path_factory, run) -> RunFolder:
    """The run, whose drawn trials are all seeds of one configuration."""
    copy = RunFolder(tmp_path_factory.mktemp("page") / "repeated")
    shutil.copytree(run.path, copy.path)
    return with_one_configuration(copy)


@pytest.mark.parametrize("name", ["run", "seizures", "repeated"])
def test_the_table_is_the_parquet_file(name, request):
    folder = request.getfixturevalue(name)
    found, file = embedded(folder), pq.ParquetFile(folder.leaderboard).read()
    assert found["trials"] == file.num_rows
    for column in file.column_names:
        there = [page_table.number(v) if isinstance(v, float) else v for v in file[column].to_pylist()]
        left_out = column in page_table.NOT_SHOWN or (name != "repeated" and column in page_table.OF_SEEDS)
        if left_out or not any(value is not None for value in there):
            assert column not in found["table"]
            continue
        shown = decoded(found["table"][column], file.num_rows)
        if column.endswith(("_low", "_high")):
            assert [v is None for v in shown] == [v is None for v in there]
            kept = [value for value in there if value is not None]
            assert [value for value in shown if value is not None] == pytest.approx(kept, rel=1e-4)
        else:
            assert shown == there, column
    configs = [json.loads(text or "{}") for text in file["params"].to_pylist()]
    for name in page_table.OF_CONFIG:
        if name in found["table"]:
            shown = decoded(found["table"][name], file.num_rows)
            assert shown == [config.get(name) for config in configs]


def test_a_table_of_failures_still_stands_by_rank_and_value(run):
    failed = pq.ParquetFile(run.leaderboard).read().to_pylist()[-1:]
    found = page_table.columns(failed * 2)
    assert (found["rank"], found["value"]) == ({"all": None}, {"all": None})
    assert "learning_rate" in found
    assert "val_f1" not in found


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3), st.floats(allow_nan=False), st.text()), min_size=1))
def test_a_column_reads_back_as_it_was_written(values):
    written = json.loads(json.dumps(page_table.encoded(values)))
    read = decoded(written, len(values))
    assert read == values


@pytest.mark.parametrize("name", ["run", "seizures"])
def test_counts_at_cuts_are_those_of_scikit_learn(name, request):
    folder = request.getfixturevalue(name)
    found, y = embedded(folder), folder.reference().y
    assert (found["rows"], found["positives"]) == (len(y), y.sum())
    assert len(found["details"]) == found["trials"] - 1  # all but the failed one
    for trial, detail in found["details"].items():
        _, score = folder.scores(trial)
        cuts = np.array([float(cut) for cut in detail["cuts"]])
        np.testing.assert_array_equal(cuts, cuts.astype(np.float32), "a cut is no float32")
        assert (np.diff(cuts) > 0).all()
        assert (cuts[0], cuts[-1]) == (-math.inf, math.inf)
        record = folder.record(trial)
        assert cuts[detail["own"]] == np.float32(record.threshold_score)
        some = {0, detail["own"], len(cuts) - 1, *range(1, len(cuts), 23)}
        for k in some:
            matrix = sk.confusion_matrix(y, score >= np.float32(cuts[k]), labels=[0, 1])
            assert (detail["tp"][k], detail["fp"][k]) == (matrix[1, 1], matrix[0, 1])
            assert len(detail["tp"]) == len(detail["fp"]) == len(cuts)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 900), st.integers(1, 4), st.floats(-3, 3, width=32))
def test_cuts_are_few_exact_and_hold_the_trials_own(seed, rows, decimals, own):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    score = np.round(rng.normal(size=rows), decimals).astype(np.float32)
    found = page_trial.cuts_of(y, score, own)
    assert found.cuts.dtype == np.float32
    assert found.cuts.size <= page_trial.CUTS
    assert found.cuts[found.own] == np.float32(own)
    for cut, tp, fp in zip(found.cuts, found.tp, found.fp, strict=True):
        above = decide(score, float(cut))
        assert (tp, fp) == ((above & (y == 1)).sum(), (above & (y == 0)).sum())
    whole = curve(y, score).cuts
    assert set(found.cuts.tolist()) - {float(np.float32(own))} <= set((whole + np.float32(0)).tolist())
    if whole.size < page_trial.CUTS:
        assert set((whole + np.float32(0)).tolist()) <= set(found.cuts.tolist())


def test_curves_hold_every_row(run, found):
    y = run.reference().y
    for trial, detail in found["details"].items():
        record, bars = run.record(trial), detail["histogram"]
        assert (sum(bars["positive"]), sum(bars["negative"])) == (y.sum(), (y == 0).sum())
        assert (detail["history"] is None) == (record.ask.config is None)
        bins = detail["reliability"]
        assert (bins is None) == (record.metrics["brier"].value is None)
        if bins is not None:
            apart = zip(bins["weight"], bins["claimed"], bins["came"], strict=True)
            ece = sum(weight * abs(claimed - came) for weight, claimed, came in apart)
            assert ece == pytest.approx(record.metrics["ece"].value, abs=1e-4)
            assert sum(bins["rows"]) == len(y)


def test_events_at_cuts_are_timescorings(seizures, of_events):
    reference, rules = seizures.reference(), seizures.study().events
    whole = of_events["events"]
    for trial, detail in of_events["details"].items():
        _, score = seizures.scores(trial)
        events, own = detail["events"], detail["own"]
        cuts = [float(cut) for cut in detail["cuts"]]
        for k in {own, len(cuts) // 3, len(cuts) - 1}:
            counts = decided_counts(reference, decide(score, cuts[k]), rules)
            assert (events["tp"][k], events["fp"][k]) == (counts.tp, counts.fp)
            assert (whole["ref"], whole["seconds"]) == (counts.ref, counts.seconds)
        made_of = detected(windows(reference), decide(score, cuts[own]), rules)
        assert events["detected"] == [[list(event) for event in one] for one in made_of]
        seen = decided_patients(reference, decide(score, cuts[own]), rules)
        assert events["patients"]["group"] == [patient.group for patient in seen]
        for name in ("sensitivity", "fa_per_day", "delay_s"):
            there = [getattr(patient, name) for patient in seen]
            assert events["patients"][name] == [page_table.rounded(value) for value in there]
    names = [recording.name for recording in reference.timeline]
    assert [recording["name"] for recording in whole["recordings"]] == names


def test_detail_is_for_the_best_and_for_baselines():
    rows = [{"value": 1 - k / 100, "kind": "baseline" if k == 70 else "search"} for k in range(80)]
    rows.append({"value": None, "kind": "search"})
    assert page_data.detailed(rows) == [*rows[:50], rows[70]]


def test_nothing_in_the_data_ends_the_script_it_stands_in(run):
    html = page.write(run).read_text(encoding="utf-8")
    assert html.count("</script>") == 2
    assert "<b>" not in html
    errors = [row["error"] for row in pq.ParquetFile(run.leaderboard).read().to_pylist() if row["error"]]
    assert errors == ["TrialError: </script><b>loss</b> is nan & more"]
    assert errors[0] in decoded(embedded(run)["table"]["error"], 14)
    assert page_data.as_text({"a": "<!--\u2028"}) == '{"a":"\\u003c!--\\u2028"}'
    assert "<title>&lt;/title&gt;" in page.page("</title>", "{}")


def test_the_policy_names_the_one_script_and_the_one_style(run):
    html = page.write(run).read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; ")
    for kind, text in (("script", html.split("<script>")[1]), ("style", html.split("<style>")[1])):
        inner = text.split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert set(re.findall(r"https?://[^\"' ]+", html)) == {"http://www.w3.org/2000/svg"}


def test_modules_stand_in_order_and_are_short():
    assert {path.stem for path in page.ASSETS.glob("*.js")} == set(page.MODULES)
    assert {path.stem for path in page.ASSETS.glob("*.css")} == set(page.STYLES)
    for number, name in enumerate(page.MODULES):
        text = (page.ASSETS / f"{name}.js").read_text(encoding="utf-8")
        used = re.findall(r'^import .* from "\./(\w+)\.js";', text, flags=re.MULTILINE)
        assert set(used) <= set(page.MODULES[:number]), name
        assert len(text.splitlines()) <= 250, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text), name


def test_what_a_page_that_renews_itself_has_besides():
    assert {f"live/{path.stem}" for path in page.ASSETS.glob("live/*.js")} == set(page.LIVE_MODULES)
    assert {f"live/{path.stem}" for path in page.ASSETS.glob("live/*.css")} == set(page.LIVE_STYLES)
    for number, name in enumerate(page.LIVE_MODULES):
        text = (page.ASSETS / f"{name}.js").read_text(encoding="utf-8")
        used = re.findall(r'^import .* from "(.*)\.js";', text, flags=re.MULTILINE)
        before = {f"./{Path(one).name}" for one in page.LIVE_MODULES[:number]}
        assert set(used) <= {"../dom", "../format", *before}, name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text), name


def test_a_page_of_report_asks_nobody_anything(run):
    html, renewed = page.write(run).read_text(encoding="utf-8"), page.live_page("toy", "{}")
    assert not re.search(r"\{\{|connect-src|fetch\(|id=\"live\"", html)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', renewed)[1]
    assert " connect-src 'self';" in policy
    for kind in ("script", "style"):
        inner = renewed.split(f"<{kind}>")[1].split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_page_names_no_place_of_the_machine(run):
    html = page.write(run).read_text(encoding="utf-8")
    assert "10.0.0.7" not in html, "a host's address"
    run_typed = embedded(run)["run"]
    assert html.replace(run_typed, "").find(str(run.path.parent)) == -1


def test_a_study_that_notes_no_versions_still_has_its_facts(run, tmp_path):
    older = RunFolder(tmp_path / "older")
    older.create(run.study(), {name: text for name, text in run.resolved().items() if name != "versions"})
    titled = page_facts.facts(older, run.study(), run.records(), run.reference())
    (origin,) = (dict(one["facts"]) for one in titled if one["title"] == "Origin")
    assert origin["versions"] == "not noted"
    assert origin["data digest"] == "d" * page_facts.DIGITS


def test_what_the_best_is_worth_is_shown_where_it_is_known(run):
    @dataclass(frozen=True)
    class Known:
        best: str = "00005"
        values: dict = field(default_factory=lambda: {"00005": Estimate(value=0.8, low=0.7123456, high=0.9)})
        ranks: dict = field(default_factory=lambda: {"00005": (1, 4)})
        corrected: Estimate | None = field(default_factory=lambda: Estimate(value=0.77, low=None, high=None))
        note: str | None = "few groups"

    found = page_data.document(run, Known())["selection"]
    assert found["ranks"] == {"00005": [1, 4]}
    assert found["values"] == {"00005": {"value": 0.8, "low": 0.71235, "high": 0.9}}
    assert found["corrected"] == {"value": 0.77, "low": None, "high": None}
    assert (found["best"], found["note"]) == ("00005", "few groups")


def test_importances_find_what_was_planted(tmp_path, run):
    folder = made(tmp_path / "many", 90, 240, quick=True)
    records, study = folder.records(), folder.study()
    shares = importances(records, study)
    assert sum(shares.values()) == pytest.approx(1)
    assert set(list(shares)[:2]) == {"learning_rate", "optimizer"}
    assert {"head", "loss", "dropout"} <= set(shares)
    assert importances(records[::-1], study) is not None
    assert all(r.ask.kind == "search" and r.state == "completed" for r in ranking(records))
    few = ranking(records)[:7]
    assert importances(few, study) is None
    assert importances([r.model_copy(update={"value": 0.5}) for r in records], study) is None
    assert FOREST["seed"] == 0
    assert importances(records, study) == shares


def test_the_command_writes_the_page_and_says_where(run, tmp_path, capsys):
    out = tmp_path / "out.html"
    assert main(["report", str(run.path), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"{out}: 0.")
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["report", str(run.path), "--out", str(tmp_path / "no" / "out.html")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: a page is a file in a folder that exists, but got ")
    assert main(["report", str(tmp_path)]) == 2
    assert "a run is a folder with a study.yaml, but" in capsys.readouterr().err


def test_a_run_without_trials_has_no_page(run, tmp_path):
    empty = made(tmp_path / "empty", 8)
    empty.leaderboard.unlink()
    with pytest.raises(RunError, match="a leaderboard is written when the first trial finishes, but"):
        page.write(empty)


def test_the_command_needs_neither_tensorflow_nor_ray(run):
    program = (
        "import json, runpy, sys\n"
        f"sys.argv = ['search.py', 'report', {str(run.path)!r}]\n"
        "try:\n    runpy.run_path('search.py', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(json.loads(ended.stdout.splitlines()[-1]))
    assert "optuna" in loaded
    assert not loaded & {"keras", "tensorflow", "ray"}


def test_the_docs_read_a_run_in_python(tmp_path, monkeypatch, capsys):
    run = made(tmp_path / "runs" / "seizure", 9)
    monkeypatch.chdir(tmp_path)
    section = (ROOT / "docs" / "leaderboards.md").read_text(encoding="utf-8").split("## In Python")[1]
    exec(section.split("```python\n")[1].split("```")[0], {})
    said = capsys.readouterr().out
    assert said.startswith(f"{pq.read_table(run.leaderboard)['trial_id'][0]} 0.")
    assert "Estimate(value=0." in said
    assert (run.path / "report.html").stat().st_size > 100_000
    assert (run.path / "leaderboard_cost__c_fn-10.parquet").is_file()
