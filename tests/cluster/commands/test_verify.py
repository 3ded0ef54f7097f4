"""`verify`: one fold trained and measured, and the command from a run to its files."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from cluster import driver
from cluster.cli import main
from cluster.commands.verify import verify
from reports.boards.verification import pick
from reports.boards.verification_by_task import VERIFIED, schema_of
from search.data.folds import draw_folds
from search.record import Ask
from search.runs.run_folder import RunFolder, prepared_beside
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Place
from search.trials.preparation import prepare, with_absolute_paths
from search.trials.trial import RunFacts, Trial
from search.trials.verification import FoldWork, FoldWorker, check_fold_events, keras_scores, verify_fold
from spaces.errors import RunError, TrialError
from spaces.study_file import parse, read
from tests.conftest import ROOT
from tests.helpers import toys
from tests.helpers.numpy_trainer import numpy_trainer
from tests.helpers.verified_runs import refused

QUIET = ("p03", "p08")
"""Patients without a seizure."""


def numpy_scores(config, weights, x) -> np.ndarray:
    """Scores as `tests.helpers.numpy_trainer` does."""
    flat = np.concatenate([x[:].reshape(len(x), -1), np.ones((len(x), 1))], axis=1)
    return (flat @ weights[0]).astype(np.float32)


def write_recordings(folder: Path, changes: dict | None = None, group: str | None = "group") -> Path:
    """Writes a study of 12 patients, each one recording of 100 windows of 1 s; some have no seizure."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names, y = np.repeat([f"p{k:02d}" for k in range(12)], 100), np.zeros(1200, np.int8)
    for k in range(12):
        if f"p{k:02d}" not in QUIET:
            y[100 * k + 10 + k : 100 * k + 32 + k] = y[100 * k + 60 : 100 * k + 75] = 1
    x = rng.normal(size=(1200, 4)).astype(np.float32) + 1.5 * y[:, None].astype(np.float32)
    times = np.tile(np.arange(100.0), 12)
    np.savez(folder / "data.npz", X=x, y=y, group=names, recording=names, time=times)
    data = {"source": "npz", "path": "data.npz", "recording": "recording", "time": "time", "window_s": 1.0}
    study = {
        "name": "toy",
        "data": data | ({"group": group} if group else {"recording": None, "time": None}),
        "trunk": {"name": "mlp", "width": 0.1},
        "training": {"epochs": 3},
        "resources": {"workers": 2},
        "events": {"scorer": "ovlp"},
        **(changes or {}),
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder / "study.yaml"


def write_run(study_file: Path) -> RunFolder:
    """A run of a study with a baseline, a trial trained with numpy, a better one, and a failed one."""
    study = with_absolute_paths(read(study_file), study_file.parent)
    folder = RunFolder(study_file.parent / "runs" / study.name)
    prepared = prepare(study, study_file.parent, prepared_beside(folder.path.parent))
    folder.write_reference(prepared.reference(study), prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    folder.create(study, {**digests, "study_digest": driver.digest(study), "code_digest": "c" * 64})
    known = "known" if prepared.split.groups_known else "unknown"
    facts = RunFacts(groups=known, leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    asks = [
        Ask(number=0, kind="baseline", baseline="prevalence", seed=0),
        Ask(number=1, kind="search", config=toys.config("sigmoid", "bce", learning_rate=0.0001), seed=1),
        Ask(number=2, kind="search", config=toys.config("sigmoid", "bce", learning_rate=0.1), seed=2),
        Ask(number=3, kind="search", config=toys.config("sigmoid", "bce", learning_rate=1e9), seed=3),
    ]
    for ask in asks:
        trainer = refusing if ask.number == 3 else numpy_trainer
        trial = Trial(
            ask, study, prepared.trial_data(), folder.reference(), facts, trainer, Place(node="here")
        )
        folder.write_record(trial.to_next_rung().record)
    return folder


def refusing(ask, study, data):
    raise TrialError("told to fail")


def work_of(folder: RunFolder, trainer=numpy_trainer, scorer=numpy_scores, trial: str = "00002") -> FoldWork:
    study = folder.study()
    rows = prepare(study, folder.path, folder.prepared).seen()
    ask = folder.record(trial).ask
    return FoldWork(study=study, ask=ask, rows=rows, trainer=trainer, scorer=scorer)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return write_run(write_recordings(tmp_path_factory.mktemp("recordings")))


def test_nothing_sees_a_held_out_row_before_it_is_measured(run):
    shown, scored = [], []

    def spying_trainer(ask, study, data):
        shown.append([{row.tobytes() for row in x[:]} for x in (data.x_train, data.x_validation)])
        return numpy_trainer(ask, study, data)

    def spying_scores(config, weights, x):
        scored.append({row.tobytes() for row in x[:]})
        return numpy_scores(config, weights, x)

    work = work_of(run, spying_trainer, spying_scores)
    folds = draw_folds(work.rows, 4, work.study)
    for fold in folds:
        verify_fold(work, fold)
    everyone = {group: {row.tobytes() for row in rows_of_group(work.rows, group)} for group in names(work)}
    for fold, (train, validation), measured in zip(folds, shown, scored, strict=True):
        assert measured == set().union(*(everyone[group] for group in fold.held_out))
        assert validation == set().union(*(everyone[group] for group in fold.validation))
        assert train == set().union(*everyone.values()) - measured - validation
    prepared = prepare(work.study, run.path, run.prepared)
    closed = {row.tobytes() for row in prepared.rows.x[prepared.split.test]}
    assert len(closed) > 100
    assert not closed & set().union(*everyone.values()), "the test split was opened"


def f1_of(tp, fp, tn, fn):
    return 2 * tp / (2 * tp + fp + fn)


def names(work):
    return sorted(set(work.rows.groups.tolist()))


def rows_of_group(rows, group):
    return rows.x[np.flatnonzero(rows.groups == group)]


def test_held_out_labels_move_neither_threshold_nor_epochs(run):
    work = work_of(run)
    fold = draw_folds(work.rows, 4, work.study)[0]
    mine = np.isin(work.rows.groups, fold.held_out)
    x = work.rows.x[:]
    x[mine] += 5
    other = dataclasses.replace(work.rows, y=np.where(mine, 1 - work.rows.y, work.rows.y), x=x)
    before, after = verify_fold(work, fold), verify_fold(dataclasses.replace(work, rows=other), fold)
    for one, two in zip(before, after, strict=True):
        assert (one.described, one.epochs, one.best_epoch) == (two.described, two.epochs, two.best_epoch)
        assert (one.tally.tp, one.tally.fp) != (two.tally.tp, two.tally.fp)


@pytest.mark.parametrize("k", [None, 3])
def test_a_group_is_measured_as_by_hand_and_one_without_positives_too(run, k):
    raws = {}

    def keeping_scores(config, weights, x):
        raws[len(raws)] = numpy_scores(config, weights, x)
        return raws[len(raws) - 1]

    work = work_of(run, scorer=keeping_scores)
    folds = draw_folds(work.rows, k, work.study)
    quiet = [group for group in QUIET if group in names(work)]
    assert quiet
    measured = [(number, held) for number, fold in enumerate(folds) for held in verify_fold(work, fold)]
    assert sorted(held.group for _, held in measured) == names(work)
    for number, held in measured:
        y = work.rows.y[work.rows.groups == held.group]
        together = work.rows.groups[np.isin(work.rows.groups, folds[number].held_out)]
        raw = raws[number][together == held.group]
        score = np.float32(held.described.calibration_a) * raw + np.float32(held.described.calibration_b)
        decided = score >= np.float32(held.described.threshold_score)
        counts = [
            int(np.sum(decided[y == label] == says)) for label, says in ((1, 1), (0, 1), (0, 0), (1, 0))
        ]
        assert [held.tally.tp, held.tally.fp, held.tally.tn, held.tally.fn] == counts
        assert held.metrics.keys() == set(VERIFIED["binary"].metrics)
        assert held.seed == work.ask.seed
        assert held.epochs == 3
        assert held.tally.hours == pytest.approx(100 / 3600)
        assert held.metrics["fa_per_day"] == pytest.approx(held.tally.false_alarms / (100 / 86400))
        assert held.metrics["specificity"] == pytest.approx(held.tally.tn / (held.tally.tn + held.tally.fp))
        assert held.metrics["brier"] is not None
        if held.group in quiet:
            assert (held.tally.positives, held.tally.seizures, held.tally.seizures_found) == (0, 0, 0)
            for name in ("sensitivity", "precision", "f1", "average_precision", "roc_auc"):
                assert held.metrics[name] is None
            for name in ("event_sensitivity", "event_precision", "event_f1"):
                assert held.metrics[name] is None
            assert held.tally.delay_s is None
        else:
            assert held.tally.seizures == 2
            assert held.metrics["f1"] == pytest.approx(f1_of(*counts))
            assert held.metrics["event_sensitivity"] == held.tally.seizures_found / 2


def test_an_event_policy_chooses_its_threshold_in_each_fold(tmp_path):
    policy = {"policy": "sensitivity_at_fa_per_day", "fa_per_day": 2000.0}
    folder = write_run(write_recordings(tmp_path, {"threshold": policy}))
    work = work_of(folder)
    folds = draw_folds(work.rows, 3, work.study)
    check_fold_events(work.rows, folds, work.study)
    found = [held for fold in folds for held in verify_fold(work, fold)]
    assert len({held.described.threshold_score for held in found}) == 3
    untimed = dataclasses.replace(work.rows, times=None)
    with pytest.raises(RunError, match="needs recordings that the rows cover, but too little"):
        check_fold_events(untimed, folds, work.study)


def test_a_fold_that_cannot_be_measured_says_why(tmp_path):
    policy = {"policy": "recall_at_precision", "precision": 1.0}
    work = work_of(write_run(write_recordings(tmp_path)), scorer=lambda config, weights, x: 1 / 0)
    fold = draw_folds(work.rows, 3, work.study)[0]
    assert FoldWorker(1).run(work, fold).error == "ZeroDivisionError: division by zero"
    told = dataclasses.replace(work, trainer=refusing)
    assert FoldWorker(1).run(told, fold).error == "told to fail"
    rule = parse({"threshold": policy}).threshold
    ruled = dataclasses.replace(
        work,
        study=work.study.model_copy(update={"threshold": rule}),
        rows=dataclasses.replace(work.rows, x=np.zeros_like(work.rows.x[:])),
    )
    assert "needs a cut with precision" in FoldWorker(1).run(ruled, fold).error


def test_keras_folds_score_held_out_rows_with_the_weights_they_trained(keras, run):
    trained = []

    def keeping_trainer(ask, study, data):
        session = keras_trainer(ask, study, data)
        best = session.best
        session.best = lambda: trained.append((best(), data.x_validation)) or trained[-1][0]
        return session

    work = work_of(run, keeping_trainer, keras_scores)
    fold = draw_folds(work.rows, None, work.study)[0]
    (held,) = verify_fold(work, fold)
    assert held.metrics["average_precision"] > 0.5
    assert held.tally.tp + held.tally.fp + held.tally.tn + held.tally.fn == 100
    ((best, x),) = trained
    np.testing.assert_allclose(keras_scores(work.ask.config, best.weights, x), best.raw, rtol=1e-5, atol=1e-6)
    assert (
        verify_fold(work_of(run, keras_trainer, keras_scores), fold)[0].described.threshold_score
        == held.described.threshold_score
    )


@pytest.fixture
def in_workers(monkeypatch):
    """Lets workers import what tests hold."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


@pytest.mark.slow
def test_the_command_writes_groups_and_summary_and_leaves_the_run_alone(
    run, in_workers, tmp_path, monkeypatch
):
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    console = Console(width=140, record=True)
    summary = verify(run.path, None, None, "local", console, numpy_trainer, numpy_scores)
    said = console.export_text()
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in run.path.rglob("*") if path not in before and path.is_file()) == [
        "00002.json",
        "00002.parquet",
    ]
    table = pq.read_table(run.path / "verify" / "00002.parquet")
    assert table.schema.equals(schema_of("binary"))
    found = table.to_pylist()
    assert summary == json.loads((run.path / "verify" / "00002.json").read_text())
    work = work_of(run)
    assert [row["group"] for row in found] == names(work)
    assert sorted(row["fold"] for row in found) == list(range(1, len(found) + 1))
    for held in (
        held for fold in draw_folds(work.rows, None, work.study) for held in verify_fold(work, fold)
    ):
        (row,) = (row for row in found if row["group"] == held.group)
        assert row["f1"] == held.metrics["f1"]
        assert row["threshold_score"] == held.described.threshold_score

    cells = [sum(row[name] for row in found) for name in ("tp", "fp", "tn", "fn")]
    assert sum(cells) == summary["rows"] == 100 * len(found)
    assert summary["pooled"]["f1"]["value"] == pytest.approx(f1_of(*cells))
    assert (
        summary["pooled"]["f1"]["low"] <= summary["pooled"]["f1"]["value"] <= summary["pooled"]["f1"]["high"]
    )
    seizures, hits = (sum(row[name] for row in found) for name in ("seizures", "seizures_found"))
    assert summary["pooled"]["event_sensitivity"]["value"] == hits / seizures
    alarms = sum(row["false_alarms"] for row in found) / (len(found) * 100 / 86400)
    assert summary["pooled"]["fa_per_day"]["value"] == pytest.approx(alarms)
    assert not summary["pooled"].keys() & {"average_precision", "roc_auc", "ece"}
    f1 = {row["group"]: row["f1"] for row in found if row["f1"] is not None}
    spread = summary["over_groups"]["f1"]
    assert spread["defined"] == len(f1) < len(found)
    assert spread["mean"] == pytest.approx(np.mean(list(f1.values())))
    assert spread["sd"] == pytest.approx(np.std(list(f1.values()), ddof=1))
    assert summary["worst"][0] == {"by": "f1", "group": min(f1, key=f1.get), "value": min(f1.values())}
    most = max(row["fa_per_day"] for row in found)
    assert summary["worst"][2]["by"] == "fa_per_day"
    assert summary["worst"][2]["value"] == most
    record = run.record("00002")
    assert summary["value_in_search"] == record.value
    assert summary["data_digest"] == record.data_digest
    for words in ("worst by f1: p", "pooled: f1 0.", "over groups: f1 0.", "the test split stays closed"):
        assert words in said
    assert said.index(min(f1, key=f1.get)) < said.index("over groups")

    # A fold that fails ends it; what was written before stays whole.
    monkeypatch.setenv("HEADSEARCH_TEST_FAULTS", "2=nan")
    written = (run.path / "verify" / "00002.parquet").read_bytes()
    with pytest.raises(
        RunError, match=r"fold \d \(p\d\d\) failed, so nothing is verified: .*finite"
    ) as error:
        verify(run.path, "00002", None, "local", console, numpy_trainer, numpy_scores)
    assert error.value.exit_code == 1
    assert (run.path / "verify" / "00002.parquet").read_bytes() == written
    assert len(list((run.path / "verify").iterdir())) == 2


def test_the_best_trained_trial_is_taken(run):
    best = max((r for r in run.records() if r.ask.config and r.value), key=lambda r: r.value)
    assert pick(run, None) == best
    assert pick(run, "00001").ask.number == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trial", "00009"], "no trial '00009' in"),
        (["--trial", "00000"], "only a trained trial can be verified, but 00000 is the baseline prevalence"),
        (["--trial", "00003"], "only a trained trial can be verified, but 00003 is failed: told to fail"),
        (["--k", "1"], "Invalid value for '--k'"),
        (["--k", "99"], "groups number 2 to"),
        (["--folds", "window"], "Invalid value for '--folds'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_is_one_line(run, tmp_path, capsys, arguments, message):
    folder = shutil.copytree(run.path, tmp_path / "runs" / "toy", ignore=shutil.ignore_patterns("verify"))
    refused(capsys, ["verify", str(folder), *arguments], message)
    assert not (folder / "verify").exists()


def test_a_run_that_is_not_as_it_began_is_refused(tmp_path, capsys):
    folder = write_run(write_recordings(tmp_path))
    text = folder.study_file.read_text()
    folder.study_file.write_text(text.replace("epochs: 3", "epochs: 4"))
    refused(capsys, ["verify", str(folder.path)], "was edited since the run began")
    folder.study_file.write_text(text)
    with np.load(tmp_path / "data.npz") as arrays:
        np.savez(tmp_path / "data.npz", **{**arrays, "X": arrays["X"] + 1})
    refused(capsys, ["verify", str(folder.path)], "a run goes on with the data it began with")


def test_unknown_groups_are_refused(tmp_path, capsys):
    folder = write_run(write_recordings(tmp_path, group=None))
    refused(capsys, ["verify", str(folder.path)], "but the groups of these data are unknown")


def test_an_interrupt_is_one_line(run, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("cluster.commands.verify.verify", interrupted)
    assert main(["verify", str(run.path)]) == 1
    assert capsys.readouterr().err == "search.py: interrupted\n"
