"""The leaderboard: readable while it is written, true to the stored scores, and the same when rebuilt."""

import json
import math

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli import main
from reports.boards import leaderboard, reading
from search.record import Estimate
from search.runs.run_folder import RunFolder
from search.scores.calibration import fit_platt
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from spaces.errors import RunError
from spaces.policies import MaxF1
from tests.helpers import reference
from tests.helpers.driving import numpy_driver, write_study
from tests.helpers.records import record

ESTIMATED = (*METRICS, *RANKING_METRICS)
PROMISED = [
    *"rank trial_id state trunk head loss learning_rate optimizer batch_size".split(),  # noqa: SIM905
    *"threshold_score threshold threshold_policy calibration_a calibration_b objective value".split(),  # noqa: SIM905
    *(f"val_{name}{end}" for name in ESTIMATED for end in ("", "_low", "_high")),
    *"epochs train_s params seed device node data_digest code_digest error".split(),  # noqa: SIM905
]


def readers(path) -> list[int]:
    """The number of rows, by three programs that people read Parquet with, one after another."""
    found = [pq.ParquetFile(path).read().num_rows]
    with path.open("rb") as file:
        found.append(len(pd.read_parquet(file)))
    query = f"SELECT count(*) + 0 * sum(train_s) FROM '{path}'"
    found.append(at_once_or_again(lambda: len(pd.read_parquet(path))))
    found.append(at_once_or_again(lambda: duckdb.sql(query).fetchall()[0][0]))
    return found


def at_once_or_again(read):
    """By path, some programs open a file once for its footer and again for its rows: where it was replaced
    in between, the reading fails, and the next one does not."""
    try:
        return read()
    except (OSError, duckdb.Error):
        return read()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run with one failed trial, whose leaderboard was opened all the while by three readers."""
    folder = tmp_path_factory.mktemp("leaderboard")
    study = write_study(folder, {"training": {"epochs": 2}, "budget": {"trials": 10}}, rows=360)
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.2", HEADSEARCH_TEST_FAULTS="6=raise")
    path = folder / "runs" / "toy" / "leaderboard.parquet"
    assert driver.until(path.exists), driver.said
    seen = []
    try:
        while driver.process.poll() is None:
            seen += readers(path)
    finally:
        code = driver.wait()
    assert code == 0, driver.said
    assert seen == sorted(seen), "a later reading had fewer rows"
    assert seen[0] < seen[-1]
    assert readers(path) == [12] * 4
    return RunFolder(path.parent)


@pytest.fixture(scope="module")
def rows(run) -> list[dict]:
    return pq.ParquetFile(run.leaderboard).read().to_pylist()


@pytest.fixture(scope="module")
def measured(rows) -> list[dict]:
    return [row for row in rows if row["state"] != "failed"]


def test_every_promised_column_is_there(run, rows):
    assert not set(PROMISED) - set(pq.read_schema(run.leaderboard).names)
    assert [row["trial_id"] for row in rows if row["state"] == "failed"] == ["00006"]
    for row in rows:
        always = ("trial_id", "kind", "state", "objective", "threshold_policy", "seed", "node", "train_s")
        assert all(row[name] is not None for name in always)
        if row["kind"] != "baseline":
            params = json.loads(row["params"])
            for name in ("trunk", "head", "loss", "learning_rate", "optimizer", "batch_size"):
                assert params[name] == row[name]
            assert row["seed"] == run.record(row["trial_id"]).ask.seed


def _by_scikit_learn(name, y, score, decided):
    """The metric as scikit-learn has it; None where it is undefined."""
    if name == "specificity":
        return sk.recall_score(y, decided, pos_label=0)
    if name == "precision":
        return sk.precision_score(y, decided) if decided.any() else None
    if name == "mcc":
        return sk.matthews_corrcoef(y, decided) if 0 < decided.sum() < len(y) else None
    probability = 1 / (1 + np.exp(-score.astype(np.float64)))
    return {
        "sensitivity": lambda: sk.recall_score(y, decided),
        "f1": lambda: sk.f1_score(y, decided),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, decided),
        "accuracy": lambda: sk.accuracy_score(y, decided),
        "average_precision": lambda: sk.average_precision_score(y, score),
        "roc_auc": lambda: sk.roc_auc_score(y, score),
        "brier": lambda: sk.brier_score_loss(y, probability),
        "log_loss": lambda: sk.log_loss(y, probability),
        "ece": lambda: reference.ece(y, score),
    }[name]()


def test_metrics_are_those_of_the_stored_scores_by_scikit_learn(run, measured):
    y = pq.ParquetFile(run.path / "scores" / "reference.parquet").read()["y"].to_numpy()
    for row in measured:
        stored = pq.ParquetFile(run.path / "scores" / f"{row['trial_id']}.parquet").read()
        raw, score = stored["raw"].to_numpy(), stored["score"].to_numpy()
        assert score.dtype == np.float32
        again = np.float32(row["calibration_a"]) * raw + np.float32(row["calibration_b"])
        np.testing.assert_array_equal(score, again)
        decided = score >= np.float32(row["threshold_score"])
        # Where Platt's fit came to nothing, only an unweighted, unsmoothed likelihood makes a probability.
        bent = row["class_weight"] == "balanced" or (json.loads(row["params"] or "{}").get("label_smoothing"))
        claimed = row["calibration_note"] is None or (
            row["loss"] in (None, "bce", "cce", "brier") and not bent
        )
        for name in (*ESTIMATED, *(PROBABILITY_METRICS if claimed else ())):
            expected, came = _by_scikit_learn(name, y, score, decided), row[f"val_{name}"]
            where = f"{name} of trial {row['trial_id']}"
            assert came == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12)), where
        if not claimed:
            assert [row[f"val_{name}"] for name in PROBABILITY_METRICS] == [None, None, None]
        probability = 1 / (1 + np.exp(-row["threshold_score"]))
        assert row["threshold"] == pytest.approx(probability, rel=1e-12)


def test_values_are_those_of_a_slow_cross_fit_on_the_stored_halves(run, measured):
    stored = pq.ParquetFile(run.path / "scores" / "reference.parquet").read()
    y = stored["y"].to_numpy()
    halves = [stored[f"half_{k}"].to_numpy() for k in range(10)]
    for half in halves:
        groups = stored["group"].to_numpy(zero_copy_only=False)
        assert not set(groups[half]) & set(groups[~half]), "a group stands in both halves"
    for row in measured:
        raw, _ = run.scores(row["trial_id"])
        values = []
        for half in halves:
            for fitted, left in ((half, ~half), (~half, half)):
                score = fit_platt(y[fitted], raw[fitted]).calibration.apply(raw)
                cut, _, _ = reference.choose(y[fitted], score[fitted], MaxF1())
                values.append(float(reference.metric("f1", *reference.counts(y[left], score[left], cut))))
        assert row["value"] == pytest.approx(sum(values) / 20, rel=1e-12), row["trial_id"]


def test_intervals_hold_their_value_for_most(measured):
    inside = [
        row[f"val_{name}_low"] <= row[f"val_{name}"] <= row[f"val_{name}_high"]
        for row in measured
        for name in ESTIMATED
        if row[f"val_{name}_low"] is not None
    ]
    assert len(inside) > 60
    assert np.mean(inside) > 0.95


def test_undefined_is_null_and_never_nan(run, rows):
    for column in pq.ParquetFile(run.leaderboard).read().columns:
        values = column.to_pylist()
        assert not any(isinstance(value, float) and math.isnan(value) for value in values)
    failed = next(row for row in rows if row["state"] == "failed")
    assert failed["error"].startswith("ValueError: told to fail in two lines")
    assert [failed[name] for name in ("rank", "value", "threshold", "val_f1", "val_f1_low")] == [None] * 5
    prevalence = next(row for row in rows if row["trunk"] == "prevalence")
    assert prevalence["val_mcc"] is None, "a constant answer has no correlation"


def test_rows_stand_by_rank_and_null_comes_last(run, rows):
    ranks = [row["rank"] for row in rows]
    assert ranks[-1] is None
    assert ranks[:-1] == sorted(ranks[:-1])
    values = [(not row["constant_decision"], row["value"]) for row in rows[:-1]]
    assert values == sorted(values, reverse=True)
    assert {row["trial_id"] for row in rows if row["constant_decision"]} >= {"00000"}
    for sort in ("val_precision", "val_precision asc", "value", "value desc", "rank asc"):
        found = [row[sort.split()[0]] for row in reading.read(run.leaderboard, sort=sort).rows]
        numbers = [value for value in found if value is not None]
        assert found[len(numbers) :] == [None] * (len(found) - len(numbers))
        assert numbers == sorted(numbers, reverse="asc" not in sort)
    passed = reading.read(run.leaderboard, where="val_f1 >= 0").rows
    assert len(passed) == 11, "an undefined value passed a comparison"


def test_equal_values_share_a_rank(run, tmp_path):
    values = [0.5, 0.7, 0.7, None, 0.5, 0.5, None, 0.1, 0.0, 1.0, 0.7, 0.2]
    pairs = zip(run.records(), values, strict=True)
    cuts = {"threshold_score": 0.0, "metrics": {}}
    records = [one.model_copy(update={"value": value, **cuts}) for one, value in pairs]
    records[0] = records[0].model_copy(update={"threshold_score": math.inf})  # a constant decision
    path = tmp_path / "leaderboard.parquet"
    leaderboard.write(path, records)
    found = [(row["rank"], row["trial_id"]) for row in reading.read(path).rows]
    expected = [(1, 9), (2, 1), (2, 2), (2, 10), (5, 4), (5, 5), (7, 11), (8, 7), (9, 8), (10, 0)]
    assert found == [(rank, f"{n:05d}") for rank, n in expected] + [(None, "00003"), (None, "00006")]


def test_a_row_is_constant_if_all_validation_rows_are_decided_alike(run):
    for one in run.records():
        if one.state == "failed":
            assert one.constant_decision is None
            continue
        _, score = run.scores(one.ask.trial_id)
        for cut in (-math.inf, float(score.min()), one.threshold_score, float(score.max()), math.inf):
            cells = reference.counts(run.reference().y, score, cut)
            tp, fp, tn, fn = map(float, cells)
            shares = {"sensitivity": tp / (tp + fn), "specificity": tn / (tn + fp)}
            metrics = {name: Estimate(value=share, low=None, high=None) for name, share in shares.items()}
            moved = one.model_copy(update={"threshold_score": cut, "metrics": metrics})
            assert moved.constant_decision == (tp + fp in (0, score.size))


@given(
    rows=st.lists(
        st.tuples(st.sampled_from([None, 0.0, 0.5, 1.0]), st.sampled_from([math.inf, -math.inf, 0.0, None]))
    )
)
def test_ranks_equal_brute_force(rows):
    """The rank is one more than the number of better rows: those that decide something, then the value."""
    made = [record(k, value=value, threshold_score=cut) for k, (value, cut) in enumerate(rows)]
    expected = {
        one.ask.trial_id: None
        if one.value is None
        else 1 + sum(other.value is not None and other.merit > one.merit for other in made)
        for one in made
    }
    assert {row["trial_id"]: row["rank"] for row in leaderboard.ranked(made)} == expected


def test_infinite_thresholds_are_written_and_read(run, tmp_path, capsys):
    pairs = zip(run.records()[:2], (math.inf, -math.inf), strict=True)
    endless = [record.model_copy(update={"threshold_score": bound}) for record, bound in pairs]
    path = tmp_path / "leaderboard.parquet"
    leaderboard.write(path, endless)
    assert {row["threshold_score"] for row in reading.read(path).rows} == {math.inf, -math.inf}
    assert main(["leaderboard", str(path), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert {row["threshold_score"] for row in found} == {"inf", "-inf"}


@pytest.mark.parametrize("address", ["folder", "file"])
def test_the_command_shows_a_table(run, capsys, address):
    path = run.path if address == "folder" else run.leaderboard
    assert main(["leaderboard", str(path), "--top", "20", "--format", "table"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "failed: ValueError: told to fail in two lines" in " ".join(said.out.split())
    for trial in range(12):
        assert f"{trial:05d}" in said.out
    assert "cross-fitted over 10 half-splits by groups" in said.out


def test_the_command_selects_sorts_and_cuts(run, rows, capsys):
    arguments = ["leaderboard", str(run.path), "--format", "json", "--top", "3"]
    arguments += ["--where", "kind = 'search' and val_sensitivity > 0.1", "--sort", "learning_rate asc"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    fit = [r for r in rows if r["kind"] == "search" and (r["val_sensitivity"] or 0) > 0.1]
    fit.sort(key=lambda row: row["learning_rate"])
    assert [row["trial_id"] for row in found] == [row["trial_id"] for row in fit[:3]]
    endless = {math.inf: "inf", -math.inf: "-inf"}
    assert found == [{k: endless.get(v, v) for k, v in row.items()} for row in fit[:3]]


def test_csv_reads_back(run, rows, capsys, tmp_path):
    assert main(["leaderboard", str(run.path), "--format", "csv", "--top", "100"]) == 0
    path = tmp_path / "rows.csv"
    path.write_text(capsys.readouterr().out)
    found = pd.read_csv(path, dtype={"trial_id": str})
    assert found["trial_id"].tolist() == [row["trial_id"] for row in rows]
    expected = [math.nan if row["value"] is None else row["value"] for row in rows]
    np.testing.assert_allclose(found["value"].to_numpy(), expected, rtol=1e-12)


def test_an_empty_selection_is_an_empty_table(run, capsys):
    for form in ("table", "csv", "json"):
        assert main(["leaderboard", str(run.path), "--where", "false", "--format", form]) == 0
        said = capsys.readouterr()
        assert said.err == ""
    assert json.loads(said.out) == []


@pytest.mark.parametrize(
    "where",
    [
        "no_such_column > 1",
        "value >",
        "f1 >= .8",
        "true); DROP TABLE leaderboard; --",
        "true); SELECT 42; --",
        "true) UNION ALL SELECT * FROM leaderboard --",
        "trial_id IN (SELECT content FROM read_text('/etc/hostname'))",
        "trial_id IN (SELECT column0 FROM '/etc/passwd.csv')",
        "true); COPY leaderboard TO 'out.csv'; --",
        "true); ATTACH 'out.db'; --",
        "getenv('HOME') = '' or",
        "value = 'text'",
    ],
)
def test_sql_that_is_no_condition_on_the_columns_is_one_line(run, capsys, where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = run.leaderboard.read_bytes()
    assert main(["leaderboard", str(run.path), "--where", where]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("search.py: --where takes an SQL condition on the columns, but got ")
    assert run.leaderboard.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sort", ["no_such", "value; DROP TABLE leaderboard", "value sideways", "1", "rank asc x"]
)
def test_an_unknown_column_to_sort_by_is_one_line(run, capsys, sort):
    assert main(["leaderboard", str(run.path), "--sort", sort]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: --sort takes a column and asc or desc, but got ")


def test_a_leaderboard_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(RunError, match="a leaderboard is written when the first trial finishes, but"):
        reading.read(tmp_path / "leaderboard.parquet")


def test_resume_rebuilds_a_lost_leaderboard_from_the_records(run, capsys):
    before = run.leaderboard.read_bytes()
    run.leaderboard.unlink()
    assert main(["resume", str(run.path), "--address", "local"]) == 0
    assert "nothing left to run: 12 of 12 trials are finished" in capsys.readouterr().out
    assert run.leaderboard.read_bytes() == before
