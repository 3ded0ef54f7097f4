"""Mixed precision, XLA, the limit of a trial, and memory that runs out: what a GPU brings, shown on a CPU."""

import math

import numpy as np
import pytest

from reports.bundles import bundle, picking, promotion
from search.data.trial_data import TrialData
from search.networks import backend
from search.runs.run_folder import RunFolder
from spaces.configuration import Config
from spaces.errors import TrialError
from spaces.study import Training as Rules
from tests.helpers import shipping, toys
from tests.helpers.driving import write_study
from tests.helpers.toys import config

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def data() -> TrialData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + 0.3 * rng.normal(size=400) > 0.4).astype(np.int8)
    return TrialData(x[:300], y[:300], x[300:], y[300:])


@pytest.fixture(scope="module")
def images() -> TrialData:
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 24).astype(np.int8)
    x = (rng.integers(0, 200, (48, 32, 32, 3)) + 50 * y[:, None, None, None]).astype(np.uint8)
    return TrialData(x[:32], y[:32], x[32:], y[32:])


def train(data: TrialData, chosen: Config, epochs: int = 3, limit_s: float | None = None, **rules):
    from search.training.training import Training

    told = Rules(epochs=epochs, **rules)
    session = Training(chosen, told, "average_precision", data, 7, limit_s, toys.networks())
    session.advance(epochs)
    return session, session.best()


def scores(network, head: str, x) -> np.ndarray:
    from search.training.feeding import predict
    from spaces.heads import HEADS

    return HEADS[head].score(predict(network, x))


def check_float32_truth(session, best, chosen: Config, data: TrialData, policy: str) -> None:
    """The trained weights in the plain network give the trial's scores, and under the policy they do not."""
    from search.networks import model as network
    from search.record import PROOF_TOLERANCE

    shape, dtype = data.x_train.shape[1:], str(data.x_train.dtype)
    plain = network.build(chosen, shape, dtype, pretrained=False)
    plain.set_weights(best.weights)
    np.testing.assert_array_equal(scores(plain, chosen.head, data.x_validation), best.raw)
    assert best.proof <= PROOF_TOLERANCE

    session.model.set_weights(best.weights)
    naive = scores(session.model, chosen.head, data.x_validation)
    apart = np.abs(naive - best.raw).max() / np.abs(best.raw).max()
    assert apart > PROOF_TOLERANCE, f"{policy} would not have shown"
    assert all(weight.dtype == "float32" for weight in session.model.weights)


@pytest.mark.parametrize(
    ("policy", "head", "loss"), [("mixed_bfloat16", "sigmoid", "bce"), ("mixed_float16", "softmax", "cce")]
)
def test_mixed_precision_trains_and_float32_is_what_is_measured(keras, data, policy, head, loss):
    chosen = config(head, loss, hidden_layers="16", dropout=0.2, width=0.3)
    session, best = train(data, chosen, mixed_precision=policy.removeprefix("mixed_"))
    assert session.precision == policy
    assert keras.config.dtype_policy().name == "float32"
    hidden = [layer.compute_dtype for layer in session.model.layers if layer.name.startswith("dense")]
    assert set(hidden) == {policy.removeprefix("mixed_")}
    assert session.model.get_layer("logits").compute_dtype == "float32"
    check_float32_truth(session, best, chosen, data, policy)


def test_pixels_are_scaled_and_batches_normalised_in_float32(images):
    chosen = config("sigmoid", "bce", trunk="image_cnn", width=0.02)
    session, best = train(images, chosen, epochs=2, mixed_precision="bfloat16")
    layers = {type(layer).__name__: layer for layer in session.model.layers}
    assert layers["Rescaling"].compute_dtype == "float32"
    assert layers["Conv2D"].compute_dtype == "bfloat16"
    assert layers["BatchNormalization"].moving_mean.dtype == "float32"
    check_float32_truth(session, best, chosen, images, "mixed_bfloat16")


def test_a_network_of_ones_own_trains_in_mixed_precision(data):
    chosen = config("sigmoid", "bce", trunk="tests.helpers.networks:small", width=1.0)
    session, best = train(data, chosen, mixed_precision="bfloat16")
    check_float32_truth(session, best, chosen, data, "mixed_bfloat16")


def test_the_plateau_lowers_the_rate_below_the_scaled_loss(keras, data):
    chosen = config("sigmoid", "bce", learning_rate=1e-8)
    session, best = train(
        data, chosen, epochs=4, mixed_precision="float16", plateau_patience=1, plateau_factor=0.5
    )
    assert isinstance(session.model.optimizer, keras.optimizers.LossScaleOptimizer)
    rates = [rate for _, _, rate in best.history[best.best_epoch :]]
    assert len(rates) >= 2
    np.testing.assert_allclose(rates, 1e-8 * 0.5 ** np.arange(len(rates)), rtol=1e-5)


def test_a_look_at_a_rung_changes_nothing_that_follows(data):
    from search.training.training import Training

    chosen = config("sigmoid", "bce", hidden_layers="16", dropout=0.2)
    _, at_once = train(data, chosen, mixed_precision="bfloat16")
    rules = Rules(epochs=3, mixed_precision="bfloat16")
    by_rungs = Training(chosen, rules, "average_precision", data, seed=7, networks=toys.networks())
    for epochs in (1, 2, 3):
        by_rungs.advance(epochs)
        looked = by_rungs.best()
    np.testing.assert_array_equal(at_once.raw, looked.raw)
    assert at_once.history == looked.history


def test_without_mixed_precision_there_is_one_network(data):
    session, best = train(data, config("sigmoid", "bce"), epochs=1)
    assert session.shipped is session.model
    assert session.precision == "float32"
    assert best.raw.dtype == np.float32


@pytest.mark.parametrize(
    ("setting", "device", "capability", "expected"),
    [
        ("auto", "cpu", None, "float32"),
        ("auto", "gpu:0", 9, "mixed_bfloat16"),
        ("auto", "gpu:0", 8, "mixed_bfloat16"),
        ("auto", "gpu:0", 7, "mixed_float16"),
        ("auto", "gpu:0", None, "float32"),
        ("auto", "tpu:0", None, "mixed_bfloat16"),
        ("none", "gpu:0", 9, "float32"),
        ("bfloat16", "cpu", None, "mixed_bfloat16"),
        ("float16", "gpu:0", 9, "mixed_float16"),
    ],
)
def test_the_policy_of_a_setting(setting, device, capability, expected):
    assert backend.policy_of(setting, device, capability) == expected


@pytest.mark.slow
def test_xla_computes_the_same_network_and_is_off_on_a_cpu(keras, data):
    from search.networks import model as network

    chosen = config("sigmoid", "bce")
    session, best = train(data, chosen, epochs=2, xla=True)
    assert session.model.jit_compile is True
    plain = network.build(chosen, (6,), "float32")
    plain.set_weights(best.weights)
    np.testing.assert_allclose(scores(plain, "sigmoid", data.x_validation), best.raw, rtol=1e-4, atol=1e-5)
    assert backend.compiles("auto") is (keras.config.backend() == "jax")
    assert backend.compiles(False) is False


def test_float32_is_not_rounded_on_tensor_cores(keras):
    if keras.config.backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    import tensorflow as tf

    assert not tf.config.experimental.tensor_float_32_execution_enabled()


def test_a_trial_ends_at_its_limit(data):
    rule = r"a trial may take 0\.01 min \(budget.trial_minutes\), but "
    came = r"then this one had trained \d+ of 100000 epochs and \d+ batches"
    with pytest.raises(TrialError, match=f"^{rule}{came}$"):
        train(data, config("sigmoid", "bce"), epochs=100_000, limit_s=0.6, patience=100_000)


@pytest.mark.slow
def test_memory_that_ran_out_becomes_advice_and_the_worker_trains_on(keras, data):
    if keras.config.backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    vast = config("sigmoid", "bce", trunk="tests.helpers.networks:vast", width=1.0)
    with pytest.raises(Exception, match="OOM when allocating") as out:
        train(data, vast, epochs=1)
    advice = backend.memory_advice(out.value)
    assert advice.startswith(
        "a trial must fit into the memory of its device, but that ran out; try a smaller"
    )
    assert "resources.gpus" in advice
    assert "\n" not in advice
    session, best = train(data, config("sigmoid", "bce"), epochs=1, limit_s=600.0)
    assert math.isfinite(best.steering_value)
    assert session.finished


class XlaRuntimeError(RuntimeError):
    """As JAX names it."""


class OutOfMemoryError(RuntimeError):
    """As PyTorch names it."""


@pytest.mark.parametrize(
    "error",
    [
        XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."),
        OutOfMemoryError("CUDA out of memory."),
        MemoryError("Unable to allocate 9 GiB"),
        RuntimeError("failed: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_other_words_for_it(error):
    assert backend.memory_advice(error) is not None


@pytest.mark.parametrize("error", [ValueError("shape (3, 4)"), XlaRuntimeError("INTERNAL: no memory of it")])
def test_other_errors_are_not_about_memory(error):
    assert backend.memory_advice(error) is None


@pytest.mark.slow
def test_what_was_trained_in_bfloat16_is_shipped_in_float32(tmp_path):
    data = {"source": "npz", "path": str(tmp_path / "data.npz"), "group": "group"}
    study = write_study(tmp_path, {"data": data, "training": {"epochs": 3, "mixed_precision": "bfloat16"}})
    run = RunFolder(tmp_path / "run")
    shipping.train(run, study, [("softmax", "cce")], hidden_layers="16")
    record = run.record("00000")
    assert record.precision == "mixed_bfloat16"
    promotion.promote(run, picking.pick(run, "00000"), tmp_path / "bundle")
    shipped = bundle.load(tmp_path / "bundle")
    assert {layer.compute_dtype for layer in shipped.model.layers} == {"float32"}
    _, score = run.scores("00000")
    predicted = shipped.predict(shipping.validation(run))["score"].to_numpy()
    np.testing.assert_allclose(predicted, score, rtol=1e-5, atol=1e-6)
