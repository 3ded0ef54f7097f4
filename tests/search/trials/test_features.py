"""Features of frozen layers: what the network gives, computed once, never of other rows or other weights."""

import ast
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from reports.bundles import bundle, picking, promotion
from search.hosts.provenance import code_digest
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Place
from search.trials import features, retraining
from search.trials.preparation import prepare
from search.trials.trial import RunFacts, Trial
from spaces.errors import RunError, TrialError
from spaces.space import Trunk
from spaces.study import Study
from spaces.study import Training as Rules
from spaces.study_file import read
from tests.conftest import ROOT
from tests.helpers import photos, shipping, toys

pytestmark = pytest.mark.usefixtures("keras")

HIDDEN = {"hidden_layers": "64", "dropout": 0.3, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def folder(keras, tmp_path_factory):
    return photos.write_study(tmp_path_factory.mktemp("photos")).parent


@pytest.fixture(scope="module")
def study(folder):
    return read(folder / "study.yaml")


@pytest.fixture(scope="module")
def prepared(folder, study):
    return prepare(study, folder, folder / "prepared")


@pytest.fixture(scope="module")
def known(folder, study, prepared):
    """The features of the training and validation rows."""
    return features.computed_here(study, prepared, folder / "prepared")


def config(study, head="softmax", loss="cce", **changes):
    frozen = {"width": study.trunk.width, "weights": study.trunk.weights, "frozen": True}
    return toys.config(head, loss, trunk="mobilenet_v1", **{**frozen, **HIDDEN, **changes})


def trained(study, data, epochs=(2,), **rules):
    from search.training.training import Training

    told, networks = Rules(epochs=2, **rules), toys.networks()
    session = Training(config(study), told, "average_precision", data, seed=7, networks=networks)
    for until in epochs:
        session.advance(until)
        best = session.best()
    return session, best


def own_features(study, x):
    """The slow, obvious way: the whole network, cut at its pooling, on each row by itself."""
    import keras

    from search.networks import mobilenet, model

    whole = model.build(config(study), x.shape[1:], str(x.dtype))
    part = keras.Model(whole.input, whole.get_layer(mobilenet.POOLED).output)
    return np.concatenate([keras.ops.convert_to_numpy(part(row[None], training=False)) for row in x])


def refusing(work, jobs):
    raise AssertionError("computed again")


def test_features_are_what_the_network_makes_of_the_rows_that_trials_see(study, prepared, known):
    parts = prepared.split
    data = prepared.trial_data(known)
    assert (known.shape, known.dtype) == ((len(parts.train) + len(parts.validation), 256), np.float32)
    for x, given in ((data.x_train, data.features.train), (data.x_validation, data.features.validation)):
        some = np.arange(0, len(x), 9)
        expected = own_features(study, x[some])
        assert expected.std() > 0.1
        assert len(given) == len(x)
        np.testing.assert_allclose(given[some], expected, rtol=1e-5, atol=1e-5)


def test_what_was_computed_is_found_again_and_another_study_does_not_find_it(folder, study, prepared, known):
    again = features.features(study, prepared, folder / "prepared", refusing)
    assert again.reused
    np.testing.assert_array_equal(again.rows.x[:], known[:])
    name = features.key(study, prepared)
    wider = study.model_copy(update={"trunk": study.trunk.model_copy(update={"width": 0.5})})
    threads = study.model_copy(update={"resources": study.resources.model_copy(update={"cpus": 2})})
    others = [
        features.key(wider, prepared),
        features.key(threads, prepared),
        features.key(study, replace(prepared, data_digest="another")),
        features.key(study, replace(prepared, split=replace(prepared.split, train=prepared.split.train[1:]))),
    ]
    assert len({name, *others}) == 5


def test_features_are_named_by_all_modules_that_compute_them():
    """Those that are imported, by whatever comes of it, where features are computed."""
    code = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in features._CODE}
    # What they import for something else: labels, columns of rows, sources, checks of networks of the user's
    # own, limits of memory.
    not_computing = {
        "search.data.task_labels",
        "search.data.photos",
        "search.data.plan",
        "search.data.row_table",
        "search.data.sources.custom",
        "search.networks.pickled_function",
        "search.networks.custom",
    }
    computing = {"data": ("store", "shards"), "networks": ("model", "backend"), "training": ("feeding",)}
    todo = [f"search.{room}.{name}" for room, names in computing.items() for name in names]
    met = {"search.trials.features"}
    while todo:
        name = todo.pop()
        met.add(name)
        todo += [other for other in imported(name) if other not in met | not_computing]
    assert code == met


def imported(name):
    """The modules of `search/` that one of them imports, at whatever place."""
    text = file_of(name).read_text(encoding="utf-8")
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("search."):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {module for module in found if file_of(module).is_file()}


def file_of(module):
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def test_other_weights_have_other_features(folder, study, prepared):
    name = features.key(study, prepared)
    path = folder / "photos.weights.h5"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"\0")
        assert features.key(study, prepared) != name
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({}, id="float32"),
        pytest.param({"mixed_precision": "bfloat16"}, id="bfloat16", marks=pytest.mark.slow),
        pytest.param({"mixed_precision": "float16"}, id="float16", marks=pytest.mark.slow),
    ],
)
def test_a_trial_on_features_is_the_trial_on_rows(keras, study, prepared, known, rules):
    """The same first weights and dropout, so the same scores, weights and history, but for float32 rounding.

    Under mixed precision the frozen layers round in training, and features do not: there only the scores are
    held against the whole network.
    """
    from search.networks import model
    from search.training.feeding import predict
    from spaces.heads import HEADS

    data = prepared.trial_data(known)
    session, with_features = trained(study, data, epochs=(1, 2), **rules)
    assert len(session._steering.best_weights) < len(with_features.weights)
    x = data.x_validation
    plain = model.build(config(study), x.shape[1:], str(x.dtype), pretrained=False)
    plain.set_weights(with_features.weights)
    scores = HEADS["softmax"].score(predict(plain, x))
    np.testing.assert_allclose(scores, with_features.raw, rtol=1e-4, atol=1e-5)
    assert with_features.raw.std() > 0.01
    if rules:
        precision = rules["mixed_precision"]
        assert session.precision == f"mixed_{precision}"
        # Without it the small gradients of float16 are flushed to 0.
        scales = isinstance(session._fitted.optimizer, keras.optimizers.LossScaleOptimizer)
        assert scales == (precision == "float16")
        return
    _, without = trained(study, prepared.trial_data())
    assert with_features.best_epoch == without.best_epoch
    np.testing.assert_allclose(with_features.raw, without.raw, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(with_features.history, without.history, rtol=1e-4)
    for mine, theirs in zip(with_features.weights, without.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


WRONG = {
    "other rows": lambda values: np.roll(values, 1, axis=0),
    "other weights": lambda values: values * np.float32(1.001),
    "another unit": lambda values: np.roll(values, 1, axis=1),
}
RULE = "features computed beforehand must be what the network makes of the rows, but their "


def test_features_of_something_else_are_found_out(study, prepared, known):
    from search.networks import model
    from search.training.proof import prove_features

    data = prepared.trial_data(known)
    x, right = data.x_train, data.features.train[:]
    whole = model.build(config(study), x.shape[1:], str(x.dtype))
    above = model.above(whole, "pooled")
    prove_features(whole, "pooled", above, [(x, right)])
    for changed in WRONG.values():
        with pytest.raises(TrialError, match=f"{RULE}features differ by"):
            prove_features(whole, "pooled", above, [(x, right), (x, changed(right))])
    above.set_weights([w + 0.01 for w in above.get_weights()])
    prove_features(
        whole, "pooled", above, [(x, right)]
    )  # one set of weights, whichever model they are set in
    apart = model.above(model.build(config(study), x.shape[1:], str(x.dtype)), "pooled")
    with pytest.raises(TrialError, match=f"{RULE}logits differ by"):
        prove_features(whole, "pooled", apart, [(x, right)])


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_trial_on_features_of_other_rows_fails(study, prepared, known, part):
    """Those of validation already by the proof of the decode, which looks at the rows themselves."""
    data = prepared.trial_data(known)
    wrong = WRONG["other rows"](getattr(data.features, part)[:])
    stale = replace(data, features=replace(data.features, **{part: wrong}))
    rule = RULE if part == "train" else "the network must end in plain linear logits decoded once"
    with pytest.raises(TrialError, match=rule):
        trained(study, stale, epochs=(1,))


def test_a_damaged_file_stops_the_run(folder, study, prepared, known, tmp_path):
    made = features.computed_here(study, prepared, tmp_path)
    shard = next((tmp_path / features.FOLDER).glob("*/x-*.bin"))
    np.testing.assert_array_equal(made[:], known[:])
    damaged = bytearray(shard.read_bytes())
    damaged[100] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(RunError, match=r"prepared data must be as they were written, but .*x-.*bin is not"):
        features.computed_here(study, prepared, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"trunk": Trunk(name="mobilenet_v1")},
        {"trunk": Trunk(name="tests.helpers.networks:small")},
        {"space": {"augmentation": ["none", "flip"]}},
        {"training": {"feature_cache": False}},
    ],
    ids=["trained", "custom", "augmented", "switched off"],
)
def test_where_rows_or_layers_change_nothing_is_cached(study, prepared, tmp_path, changes):
    told = study.model_dump(mode="json", exclude=changes.keys())
    other = Study.model_validate({**told, **changes})
    assert features.layer_of(study) == "pooled"
    assert features.layer_of(other) is None
    assert features.features(other, prepared, tmp_path, refusing) is None
    assert list(tmp_path.iterdir()) == []


def test_features_that_overflow_are_refused(study, prepared, known):
    import keras

    work = features.FeatureWork(config=config(study), layer="pooled", x=prepared.seen().x, study=study)
    worker = features.FeatureWorker(1)
    below = features._below(work)
    below.set_weights([np.full_like(w, 1e30) for w in below.get_weights()])
    worker._below = below
    block = worker.run(work, (0, 8))
    assert block.values is None
    assert "features of frozen layers must be finite, but those of rows 0 to 7 are not" in block.error
    assert keras.config.dtype_policy().name == "float32"


def test_a_worker_with_other_code_or_weights_computes_none(study, prepared):
    work = features.FeatureWork(config=config(study), layer="pooled", x=prepared.seen().x, study=study)
    refused = features.FeatureWorker(1).run(replace(work, host_digest="0" * 64), (0, 8))
    assert refused.values is None
    assert refused.error.startswith("every host must run the driver's code, but host ")
    ours = code_digest(study, work.x.shape[1:], source=False)
    assert features.FeatureWorker(1).run(replace(work, host_digest=ours), (0, 8)).values.shape == (8, 256)


def test_a_baseline_trained_again_needs_none(folder, study, prepared, tmp_path):
    run = RunFolder(tmp_path / "run")
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    run.create(study, {**digests, "code_digest": "c" * 64, "versions": {}})
    (tmp_path / "prepared").mkdir()
    for stored in (folder / "prepared").iterdir():
        if stored.name != features.FOLDER:
            (tmp_path / "prepared" / stored.name).symlink_to(stored)
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    ask = Ask(number=0, kind="baseline", baseline="prevalence", seed=3)
    baseline = Trial(
        ask, study, prepared.trial_data(), prepared.reference(study), facts, keras_trainer, Place(node="here")
    )
    job = tmp_path / "job"
    job.mkdir()
    retraining.write_job(job, run, study, baseline.to_next_rung().record)
    subprocess.run([sys.executable, "-m", "search.trials.retraining", str(job)], cwd=ROOT, check=True)
    assert RunFolder(job / retraining.MADE).records()[0].state == "completed"
    assert not (tmp_path / "prepared" / features.FOLDER).exists()


@pytest.mark.slow
def test_a_bundle_of_a_trial_on_features_scores_the_rows_themselves(folder, study, prepared, known, tmp_path):
    """And so does whoever trains it again: what the run keeps is the whole network."""
    run = RunFolder(tmp_path / "run")
    run.write_reference(prepared.reference(study), prepared.split.validation)
    digests = {"data_digest": prepared.data_digest, "split_digest": prepared.split_digest}
    run.create(study, {**digests, "code_digest": "c" * 64, "versions": {}})
    facts = RunFacts(groups="known", leaky=False, data_digest=prepared.data_digest, code_digest="c" * 64)
    ask = Ask(number=0, kind="search", config=config(study, batch_size=32), seed=3)
    data, place = prepared.trial_data(known), Place(node="here")
    trial = Trial(ask, study, data, run.reference(), facts, keras_trainer, place)
    finished = trial.to_next_rung()
    assert finished.record.error is None
    run.write_scores(ask.trial_id, finished.raw, finished.score)
    run.write_weights(ask.trial_id, finished.weights)
    run.write_record(finished.record)
    promotion.promote(run, picking.pick(run, ask.trial_id), tmp_path / "bundle")
    shipped = bundle.load(tmp_path / "bundle").predict(shipping.validation(run))
    np.testing.assert_allclose(shipped["score"].to_numpy(), finished.score, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_workers_compute_what_one_process_does(study, prepared, known, tmp_path, monkeypatch):
    from rich.console import Console

    from cluster import feature_computation

    ray = pytest.importorskip("ray")
    monkeypatch.setattr(features, "JOB_ROWS", 64)
    console = Console(record=True, width=200, file=io.StringIO())
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        first = feature_computation.features(study, prepared, tmp_path, console)
        second = feature_computation.features(study, prepared, tmp_path, console)
    finally:
        ray.shutdown()
    np.testing.assert_allclose(first[:], known[:], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(second[:], first[:])
    said = console.export_text()
    assert "features of frozen layers: 256 of each of" in said
    assert "rows, computed in" in said
    assert "rows, found" in said
