"""`reproduce`: the same bits from a process that is closed to the scores, or what was not as it had been."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from cluster.cli import main
from cluster.driver import digest
from reports.bundles.reproduction import compared, differing
from search.hosts.provenance import code_digest, versions
from search.networks import backend
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Place
from search.trials import retraining
from search.trials.preparation import prepare
from search.trials.trial import RunFacts, Trial
from spaces.study_file import read
from tests.helpers import driving, toys
from tests.helpers.driving import write_study


@pytest.fixture(scope="module")
def trained(tmp_path_factory, keras) -> RunFolder:
    """A run with a baseline, a trial stopped at a rung, and one trained past all rungs; no weights kept."""
    folder = tmp_path_factory.mktemp("reproduced")
    changes = {
        "data": {"source": "npz", "path": str(folder / "data.npz"), "group": "group"},
        "training": {"epochs": 5},
        "asha": {"grace": 2},
    }
    study = read(write_study(folder, changes))
    run = RunFolder(folder / "runs" / "toy")
    prepared = prepare(study, folder, run.prepared)
    reference = prepared.reference(study)
    run.write_reference(reference, prepared.split.validation)
    code = code_digest(study, prepared.rows.x.shape[1:])
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    run.create(study, {**digests, "study_digest": digest(study), "code_digest": code,
                       "versions": versions()})  # fmt: skip
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest=code)
    config = toys.config("softmax", "focal", dropout=0.3, hidden_layers="16")
    asks = (
        (Ask(number=0, kind="baseline", baseline="logistic_regression", seed=5), 1),
        (Ask(number=1, kind="search", config=config, seed=6), 1),
        (Ask(number=2, kind="search", config=config, seed=7), 2),
    )
    for ask, rungs in asks:
        trial = Trial(
            ask, study, prepared.trial_data(), reference, facts, keras_trainer, Place(node="elsewhere")
        )
        for _ in range(rungs):
            finished = trial.to_next_rung()
        assert finished.record.error is None
        run.write_scores(ask.trial_id, finished.raw, finished.score)
        run.write_record(finished.record)
    assert [record.epochs for record in run.records()] == [0, 2, 5]
    return run


@pytest.fixture
def run(trained, tmp_path) -> RunFolder:
    """A copy of the run beside the same prepared data."""
    (tmp_path / "prepared").symlink_to(trained.prepared)
    return RunFolder(Path(shutil.copytree(trained.path, tmp_path / "runs" / "toy")))


def told(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.slow
@pytest.mark.usefixtures("keras")
def test_a_stopped_trial_is_trained_to_the_same_epoch_and_its_weights_are_kept(run, tmp_path, capsys):
    assert run.kept() == []
    assert main(["reproduce", str(run.path), "00001"]) == 0
    record = run.record("00001")
    waits, result, kept = told(capsys)
    assert waits.startswith("training 2 epochs of 00001 again, in a process to which the run's records,")
    n = len(run.reference().y)
    assert result == (
        f"trial 00001: identical, all {n} validation scores bit for bit (2 epochs, 1 CPU thread, "
        f"{record.cpu_flags}, oneDNN {record.onednn}, same code and libraries)"
    )
    assert kept.startswith("its weights had not been kept and are now; to ship it: python search.py promote")
    assert run.kept() == ["00001"]
    assert main(["promote", str(run.path), "--to", str(tmp_path / "bundle")]) == 0
    assert "trial 00002 is better" in capsys.readouterr().out or run.record("00002").value < record.value


@pytest.mark.slow
@pytest.mark.usefixtures("keras")
def test_the_job_is_done_where_the_run_is_not(run, tmp_path, monkeypatch):
    """The process needs nothing of the run, and so can have looked at nothing of it."""
    job, record = tmp_path / "job", run.record("00002")
    job.mkdir()
    retraining.write_job(job, run, run.study(), record)
    assert "runs" not in (job / "study.yaml").read_text()
    moved = run.path.rename(tmp_path / "moved")
    done = subprocess.run(
        [sys.executable, "-m", "search.trials.retraining", str(job)],
        env=driving.environment(TF_ENABLE_ONEDNN_OPTS="0"), cwd=job, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    moved.rename(run.path)
    made = RunFolder(job / "made")
    found = compared(run, made, record, versions(), versions())
    assert found.again.epochs == record.epochs == 5
    assert found.differs == ("onednn default, now off",)
    assert found.close
    again = made.record("00002")
    assert again.best_epoch == record.best_epoch
    assert [weights.shape for weights in made.weights("00002")]


@pytest.mark.slow
@pytest.mark.usefixtures("keras")
def test_a_baseline_is_reproduced_and_changed_scores_are_told(run, capsys):
    assert main(["reproduce", str(run.path), "00000"]) == 0
    assert "trial 00000: identical, all " in told(capsys)[1]
    assert run.kept() == []
    raw, score = (values.copy() for values in run.scores("00000"))
    raw[3] += 0.5 * (1 + abs(raw[3]))
    run.write_scores("00000", raw, score)
    run.write_record(run.record("00000"))
    assert main(["reproduce", str(run.path), "00000"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "search.py: trial 00000 was not reproduced: its scores must be the same bits (1 CPU"
    )
    assert "but they differ by up to 0." in line


@pytest.mark.slow
@pytest.mark.usefixtures("keras")
def test_what_cannot_be_reproduced_is_one_line(run, capsys):
    def refused(trial: str) -> str:
        assert main(["reproduce", str(run.path), trial]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    failed = run.record("00001").model_copy(update={"state": "failed", "error": "the loss became nan"})
    run.write_record(failed)
    assert "trial 00001 has no scores to reproduce, because it failed: the loss became nan" in refused(
        "00001"
    )
    assert "no trial '00009' in " in refused("00009")
    text = run.study_file.read_text()
    data = Path(yaml.safe_load(text)["data"]["path"])
    run.study_file.write_text(text.replace("epochs: 5", "epochs: 6"))
    assert "was edited since the run began" in refused("00000")
    changed = data.with_name("changed.npz")
    driving.write_data(changed, seed=1)
    run.study_file.write_text(text.replace(str(data), str(changed)))
    assert "a run goes on with the data it began with" in refused("00000")


def test_the_process_cannot_open_files_of_the_run(tmp_path):
    """Also where code of a user's own knows the path."""
    run = tmp_path / "runs" / "toy"
    (run / "scores").mkdir(parents=True)
    np.save(run / "scores" / "a.npy", np.zeros(3))
    (tmp_path / "runs" / "toy2").write_text("another run's")
    y = np.arange(8, dtype=np.int8) % 2
    made, values = RunFolder(run), np.zeros(8, np.float32)
    made.make_folders()
    made.write_scores("00000", values, values)
    made.write_weights("00000", [values])
    made.write_record(plain(0))
    made.write_reference(Reference(y, None, None, None, Halves("row", np.ones((8, 1), bool))), np.arange(8))
    for way in (made.scores, made.raw_scores, made.weights, made.record):
        assert way("00000") is not None
    assert len(made.reference().y) == 8
    (tmp_path / "link").symlink_to(run)
    program = f"""
import os, pathlib, numpy
from search.trials.retraining import close
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
made = RunFolder({str(run)!r})
close([pathlib.Path({str(run)!r})])
ways = [
    lambda: open({str(run / "scores" / "a.npy")!r}),
    lambda: numpy.load({str(tmp_path / "link" / "scores" / "a.npy")!r}),
    lambda: os.open({str(run / "scores" / "a.npy")!r}, os.O_RDONLY),
    lambda: os.listdir({str(run / "scores")!r}),
    lambda: list(pathlib.Path({str(run)!r}).iterdir()),
    lambda: list(os.scandir({str(run)!r})),
    lambda: made.scores("00000"),
    lambda: made.raw_scores("00000"),
    lambda: made.reference(),
    lambda: made.weights("00000"),
    lambda: made.record("00000"),
]
for way in ways:
    try:
        way()
    except (PermissionError, RunError):
        continue
    raise SystemExit("it opened")
assert open({str(tmp_path / "runs" / "toy2")!r}).read()
assert os.listdir({str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=driving.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def plain(number: int, **changes):
    """A trained record, as far as its conditions go."""
    from tests.helpers.records import record

    known = {"cpu_flags": "avx2-1", "onednn": "default", "epochs": 5, "precision": "float32"}
    return record(number).model_copy(update={**known, **changes})


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({}, {}, ()),
        ({}, {"cpu_flags": "avx512f-2"}, ("cpu_flags avx2-1, now avx512f-2",)),
        ({"cpu_flags": None}, {}, ("cpu_flags unknown, now avx2-1",)),
        ({"cpu_flags": None}, {"cpu_flags": None}, ("cpu_flags unknown",)),
        ({}, {"onednn": "off"}, ("onednn default, now off",)),
        ({}, {"epochs": 4}, ("epochs 5, now 4",)),
        ({}, {"code_digest": "d"}, ("other code",)),
        ({"threads": 2}, {"threads": 2}, ("2 threads add up in no fixed order",)),
        ({"device": "gpu:0"}, {"device": "gpu:0"}, ("gpu:0 adds up in no fixed order",)),
        ({"device": "gpu:0"}, {}, ("device gpu:0, now cpu", "gpu:0 adds up in no fixed order")),
    ],
)
def test_the_same_bits_are_promised_only_where_all_agrees(was, now, told):
    assert differing(plain(0, **was), plain(0, **now), versions(), versions()) == told


def test_versions_that_moved_are_told():
    then = {**versions(), "keras": "3.15.0"}
    (only,) = differing(plain(0), plain(0), then, versions())
    assert only == f"keras 3.15.0, now {versions()['keras']}"


def two_runs(folder: Path, apart: float, **changes):
    """The same trial in two folders, its scores apart by so much."""
    score = np.linspace(-1, 3, 9, dtype=np.float32)
    found = []
    for name, more, record in (("a", 0.0, plain(0)), ("b", apart, plain(0, **changes))):
        run = RunFolder(folder / name)
        run.make_folders()
        run.write_scores("00000", score, (score + np.float32(more) * (1 + np.abs(score))).astype(np.float32))
        run.write_record(record)
        found.append(run)
    return compared(found[0], found[1], found[0].record("00000"), {}, {})


def test_bits_a_tolerance_or_neither(tmp_path):
    same = two_runs(tmp_path / "same", 0.0)
    assert same.identical
    assert same.succeeded
    nearly = two_runs(tmp_path / "nearly", 1e-5)
    assert not nearly.succeeded, "nothing excuses other bits"
    assert "its scores must be the same bits" in str(nearly)
    excused = two_runs(tmp_path / "excused", 1e-5, onednn="off")
    assert excused.succeeded
    assert str(excused) == (
        "trial 00000: within tolerance, scores differ by up to 1e-05 (relative to 1 + |score|), "
        "0.001 is allowed; bits were not promised: onednn default, now off"
    )
    far = two_runs(tmp_path / "far", 0.01, onednn="off", value=0.25)
    assert not far.succeeded
    assert str(far) == (
        "trial 00000 was not reproduced: scores may differ by 0.001, but they differ by up to 0.01 "
        "(relative to 1 + |score|); f1 0.5, now 0.25; not as it was: onednn default, now off"
    )
    lucky = two_runs(tmp_path / "lucky", 0.0, cpu_flags="avx512f-2")
    assert lucky.succeeded
    assert "identical, all 9 validation scores bit for bit, although bits were not promised" in str(lucky)
    moved = two_runs(tmp_path / "moved", 0.0, value=0.25)
    assert not moved.identical, "the value must be the same too"


CPUINFO = """processor\t: 0
flags\t\t: fpu sse sse2 ssse3 sse4_1 sse4_2 avx f16c avx2 fma bmi2 {more}

processor\t: 1
"""


def test_cpu_flags_name_the_level_and_tell_kernels_apart(tmp_path):
    def flags(more: str) -> str | None:
        (tmp_path / "cpuinfo").write_text(CPUINFO.format(more=more))
        return backend.cpu_flags(tmp_path / "cpuinfo")

    plain = flags("")
    assert plain.startswith("avx2-")
    assert flags("md_clear hypervisor rdrand") == plain, "no arithmetic of theirs"
    assert flags("avx512f avx512_vnni").startswith("avx512f-")
    assert flags("avx512f") != flags("avx512f avx512_vnni")
    (tmp_path / "arm").write_text("processor : 0\nFeatures : fp asimd crc32 sve i8mm\n")
    assert backend.cpu_flags(tmp_path / "arm").startswith("sve-")
    (tmp_path / "none").write_text("nothing")
    assert backend.cpu_flags(tmp_path / "none") is None
    assert backend.cpu_flags(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("said", "means"), [(None, "default"), ("0", "off"), ("1", "on"), ("true", "on"), ("", "default")]
)
def test_onednn_is_what_tensorflow_was_told(monkeypatch, said, means):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if said is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", said)
    assert backend.onednn() == means
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert backend.onednn() is None
