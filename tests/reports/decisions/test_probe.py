"""A model is run on rows: what is trained against what is put out, on known models."""

import numpy as np
import pytest

from reports.decisions import probe
from reports.decisions.probe import Probed
from spaces.errors import RunError
from tests.helpers import last_layers
from tests.helpers.last_layers import dense, save

pytestmark = [pytest.mark.usefixtures("keras"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def rows():
    x, y, _ = last_layers.rows(600)
    return x, y


def probed(path, x, y) -> Probed:
    return probe._probed(path, x, y, "X")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def entropy(y, p):
    return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


def test_a_good_model_has_one_loss_and_one_accuracy(keras, rows, tmp_path):
    x, y = rows
    path = save(tmp_path, dense(1, "sigmoid"), "a.keras", loss="binary_crossentropy", metrics=["accuracy"])
    found, z = probed(path, x, y), last_layers.logits(x, 1)[:, 0]
    kept = (sigmoid(z) >= 1e-4) & (sigmoid(z) <= 1 - 1e-4)
    assert found.evaluated == pytest.approx(entropy(y[kept], sigmoid(z[kept])), rel=1e-4)
    assert found.recomputed == pytest.approx(found.evaluated, rel=1e-4)
    assert found.accuracy == pytest.approx(np.mean((z >= 0) == (y == 1)), abs=1e-6)
    assert found.right == pytest.approx(found.accuracy, abs=1e-6)
    assert found.decode == "its logit at 0, a probability of 0.5"
    assert (found.constant, found.off, found.unknown) == (None, None, ())
    assert any("argmax over one column" in line for line in found.told)
    assert any("which has the best F1 on these rows" in line for line in found.told)


def test_the_loss_of_another_model_is_seen(keras, rows, tmp_path):
    x, y = rows
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    twice = probed(save(tmp_path, dense(1, "sigmoid"), "a.keras", loss=loss), x, y)
    z = last_layers.logits(x, 1)[:, 0]
    assert twice.recomputed == pytest.approx(entropy(y, sigmoid(sigmoid(z))), rel=1e-3)
    assert twice.evaluated == pytest.approx(entropy(y, sigmoid(z)), rel=1e-3)
    columns = save(tmp_path, dense(2, "softmax"), "b.keras", loss="binary_crossentropy")
    found = probed(columns, x, np.eye(2)[y])
    assert abs(found.evaluated - found.recomputed) > 0.01


def test_a_penalty_on_weights_is_no_part_of_the_loss(keras, rows, tmp_path):
    x, y = rows
    model = dense(1, "sigmoid", kernel_regularizer=keras.regularizers.L2(0.5))
    found = probed(save(tmp_path, model, "a.keras", loss="binary_crossentropy"), x, y)
    assert found.evaluated == pytest.approx(found.recomputed, rel=1e-4)


def test_confident_rows_are_not_held_against_a_model(keras, rows, tmp_path):
    """On TensorFlow the loss is taken of logits, and of outputs it is cut off: wrong sure rows differ."""
    x, y = rows
    model = dense(1, "sigmoid")
    model.set_weights([weights * 20 for weights in model.get_weights()])
    found = probed(save(tmp_path, model, "a.keras", loss="binary_crossentropy"), x, y)
    assert found.evaluated == pytest.approx(found.recomputed, rel=1e-3)


def test_a_constant_is_seen(keras, rows, tmp_path):
    x, y = rows
    path = save(tmp_path, dense(1, "softmax"), "a.keras", loss="binary_crossentropy", metrics=["accuracy"])
    found = probed(path, x, y)
    assert found.constant == (1.0,)
    assert found.evaluated < 1 < found.recomputed
    assert found.accuracy == pytest.approx(np.mean(y == 1), abs=1e-6)
    assert found.right == pytest.approx(np.mean((last_layers.logits(x, 1)[:, 0] >= 0) == (y == 1)), abs=1e-6)


def test_sums_of_exclusive_columns(keras, rows, tmp_path):
    x, y = rows
    for last, loss, off in (
        ("sigmoid", "sparse_categorical_crossentropy", True),
        ("softmax", "sparse_categorical_crossentropy", False),
        (None, keras.losses.SparseCategoricalCrossentropy(from_logits=True), None),
        ("sigmoid", "binary_crossentropy", None),
    ):
        targets = np.eye(2)[y] if loss == "binary_crossentropy" else y
        found = probed(save(tmp_path, dense(2, last), "a.keras", loss=loss), x, targets)
        assert (found.off is None) == (off is None)
        assert off is None or (found.off > 0.01) == off


def test_accuracy_of_logits_is_cut_elsewhere(keras, rows, tmp_path):
    x, y = rows
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    z = last_layers.logits(x, 1)[:, 0]
    for metric, cut in (("accuracy", 0.5), (keras.metrics.BinaryAccuracy(threshold=0.0), 0.0)):
        found = probed(save(tmp_path, dense(1), "a.keras", loss=loss, metrics=[metric]), x, y)
        assert found.accuracy == pytest.approx(np.mean((z > cut) == (y == 1)), abs=1e-6)
        assert found.right == pytest.approx(np.mean((z >= 0) == (y == 1)), abs=1e-6)


def test_columns_of_several_labels_are_counted_label_by_label(keras, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 4)).astype(np.float32), rng.integers(0, 2, (200, 3))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="sigmoid")])
    path = save(tmp_path, model, "a.keras", loss="binary_crossentropy", metrics=["accuracy"])
    found, outputs = probed(path, x, y), model.predict(x, verbose=0)
    assert found.accuracy == pytest.approx(np.mean(outputs.argmax(1) == y.argmax(1)), abs=1e-6)
    assert found.right == pytest.approx(np.mean((outputs >= 0.5) == y), abs=1e-6)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (None, "no labels were given: neither loss nor accuracy is compared"),
        (lambda y: np.where(y == 1, "a", "b"), "the labels are words: neither loss nor accuracy is compared"),
        (lambda y: np.eye(5)[y], "Keras did not evaluate it on these labels: "),
    ],
)
def test_what_cannot_be_measured_is_said(keras, rows, tmp_path, targets, said):
    x, y = rows
    path = save(tmp_path, dense(1, "sigmoid"), "a.keras", loss="binary_crossentropy", metrics=["accuracy"])
    found = probed(path, x, None if targets is None else targets(y))
    assert found.evaluated is None
    assert any(one.startswith(said) for one in found.unknown)


def test_a_model_that_was_not_compiled_is_not_compared(keras, rows, tmp_path):
    x, y = rows
    model = dense(1, "sigmoid")
    model.save(tmp_path / "a.keras")
    found = probed(tmp_path / "a.keras", x, y)
    assert found.evaluated is None
    assert found.unknown == ("it was compiled with no loss, or with several: no loss is compared",)


def test_a_loss_of_somebody_is_not_run(keras, rows, tmp_path):
    def own(y, p):
        return keras.ops.mean(keras.ops.square(y - p))

    x, y = rows
    found = probed(save(tmp_path, dense(1, "sigmoid"), "a.keras", loss=own), x, y)
    assert found.evaluated is None


@pytest.mark.slow
def test_it_runs_in_a_process_of_its_own(keras, rows, tmp_path):
    x, y = rows
    path = save(tmp_path, dense(1, "sigmoid"), "a.keras", loss="binary_crossentropy", metrics=["accuracy"])
    np.savez(tmp_path / "rows.npz", X=x, y=y)
    assert probe.probe(path, tmp_path / "rows.npz", "X", "y") == probed(path, x, y)


def test_rows_that_do_not_fit_are_refused(keras, rows, tmp_path):
    x, y = rows
    path = save(tmp_path, dense(1, "sigmoid"), "a.keras", loss="binary_crossentropy")
    with pytest.raises(RunError, match=r"takes rows of shape \(4,\), but those of X have \(3,\)"):
        probed(path, x[:, :3], y)
    with pytest.raises(RunError, match="labels must be as many as rows, but there are 5 of 600"):
        probed(path, x, y[:5])


@pytest.mark.parametrize(
    ("arrays", "labels", "found"),
    [
        ({"X": 1, "y": 1}, None, ("X", "y")),
        ({"x": 1}, None, ("x", None)),
        ({"rows": 1, "labels": 1}, "labels", ("rows", "labels")),
        ({"rows": 1, "y": 1}, None, ("rows", "y")),
        ({"a": 1, "b": 1}, None, "the inputs must be an array X of a.npz, but it holds a, b"),
        ({"X": 1}, "y", "--labels must name an array of a.npz (X), but got 'y'"),
    ],
)
def test_arrays_are_found_by_their_names(tmp_path, arrays, labels, found):
    np.savez(tmp_path / "a.npz", **{name: np.arange(3) for name in arrays})
    if isinstance(found, tuple):
        assert probe.arrays_of(tmp_path / "a.npz", labels) == found
    else:
        with pytest.raises(RunError) as error:
            probe.arrays_of(tmp_path / "a.npz", labels)
        assert str(error.value) == found


def test_many_rows_are_spread_evenly(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.arange(20_001), none=np.zeros((0, 2)), objects=np.array([{}]))
    taken = probe.read(tmp_path / "a.npz", "X")
    assert (len(taken), taken[0], taken[-1]) == (5000, 0, 20_000)
    with pytest.raises(RunError, match="must hold rows, but it holds none"):
        probe.read(tmp_path / "a.npz", "none")
    with pytest.raises(RunError, match="must hold numbers or text, but gave: Object arrays cannot be loaded"):
        probe.read(tmp_path / "a.npz", "objects")
