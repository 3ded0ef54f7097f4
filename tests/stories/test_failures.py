"""The mistakes this project ends, one story each: what plain Keras shows, and what is true.

In each story Keras trains, predicts and reports without an error. The same weights, decoded by their head,
are fine; or the pair is refused before training, with the reason.
"""

import numpy as np
import pytest

from search.scores.metrics import METRICS, counts_at, decide
from search.scores.thresholds import choose, curve
from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.pairs import resolve
from spaces.policies import MaxF1
from tests.helpers.toys import blobs

X, Y = blobs(400, apart=4.0)
X_TEST, Y_TEST = blobs(400, apart=4.0, seed=1)


def fitted(keras, last, loss, metrics=(), targets=Y, x=X, seed=0, rate=0.02, epochs=4, body=()):
    """Plain Keras, as people write it."""
    keras.utils.set_random_seed(seed)
    layers = body or (keras.layers.Dense(8, activation="relu"),)
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers, last])
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=list(metrics))
    history = model.fit(x, targets, epochs=epochs, batch_size=32, verbose=0)
    return model, history.history


def our_logits(keras, model, x=X_TEST):
    """The logits of a Keras model: the same weights, its last layer taken as linear."""
    features = keras.Model(model.inputs, model.layers[-1].input).predict(x, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    return (features @ kernel + bias).astype(np.float32)


def ours(name, logits, y=Y_TEST):
    """Counts of the head's decisions, at the threshold that `max_f1` chooses."""
    score = HEADS[name].score(logits)
    return counts_at(y, score, choose(curve(y, score), MaxF1()).threshold_score)


def test_argmax_over_one_sigmoid_column_never_says_one(keras):
    """A seizure network at 96% is reported at 50%: argmax over a single column is 0 for every row."""
    model, _ = fitted(keras, keras.layers.Dense(1, activation="sigmoid"), "binary_crossentropy")
    predicted = np.argmax(model.predict(X_TEST, verbose=0), axis=1)
    assert (predicted == Y_TEST).mean() == 0.5
    assert predicted.sum() == 0

    counts = ours("sigmoid", our_logits(keras, model))
    assert METRICS["accuracy"](counts) > 0.95
    assert METRICS["sensitivity"](counts) > 0.95


def test_precision_and_recall_of_two_columns_are_accuracy_twice(keras):
    """Keras counts both columns of a softmax as answers, so precision = recall = accuracy, of no class."""
    rare_x, rare_y = blobs(600, apart=1.5, positives=0.15)
    model, _ = fitted(
        keras,
        keras.layers.Dense(2, activation="softmax"),
        "categorical_crossentropy",
        ["accuracy", keras.metrics.Precision(), keras.metrics.Recall()],
        np.eye(2)[rare_y],
        rare_x,
    )
    _, accuracy, precision, recall = model.evaluate(rare_x, np.eye(2)[rare_y], verbose=0)
    assert accuracy == pytest.approx(precision) == pytest.approx(recall)

    score = HEADS["softmax"].score(our_logits(keras, model, rare_x))
    counts = counts_at(rare_y, score, 0.0)
    assert METRICS["accuracy"](counts) == pytest.approx(accuracy)
    assert METRICS["sensitivity"](counts) < recall - 0.1
    assert METRICS["precision"](counts) < precision - 0.03


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1:UserWarning")
def test_softmax_over_one_unit_is_the_constant_one(keras):
    """Accuracy 0.5019 for ever, while on TensorFlow the loss falls: it is the loss of another model.

    Keras warns of the layer, and trains it.
    """
    skewed_x, skewed_y = blobs(400, apart=4.0, positives=0.4)
    last = keras.layers.Dense(1, activation="softmax")
    model, history = fitted(keras, last, "binary_crossentropy", ["accuracy"], skewed_y, skewed_x)
    predicted = model.predict(skewed_x, verbose=0)
    assert (predicted == 1.0).all()
    assert history["accuracy"] == pytest.approx([0.4] * 4)
    if keras.backend.backend() == "tensorflow":
        assert history["loss"][-1] < 0.5 * history["loss"][0]

    with pytest.raises(RunError, match="softmax over one unit is the constant 1"):
        resolve("softmax_1", "bce")
    counts = ours("sigmoid", our_logits(keras, model, skewed_x), skewed_y)
    assert METRICS["accuracy"](counts) > 0.95


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1:UserWarning")
def test_the_same_constant_fills_one_column_of_a_confusion_matrix(keras):
    """Conv1D on (10, 4): `[[0 362] [0 608]]`, every row predicted positive."""
    rng = np.random.default_rng(0)
    y = (np.arange(160) % 8 < 5).astype(np.int8)
    x = (rng.normal(size=(160, 10, 4)) + y[:, None, None]).astype(np.float32)
    body = (keras.layers.Conv1D(4, 4, padding="same", activation="relu"), keras.layers.Flatten())
    last = keras.layers.Dense(1, activation="softmax")
    model, _ = fitted(keras, last, "binary_crossentropy", targets=y, x=x, body=body)
    predicted = model.predict(x, verbose=0)[:, 0] >= 0.5
    matrix = [[int(((y == true) & (predicted == said)).sum()) for said in (0, 1)] for true in (0, 1)]
    assert matrix == [[0, 60], [0, 100]]

    counts = ours("sigmoid", our_logits(keras, model, x), y)
    assert counts.tn > 50
    assert counts.tp > 90


def test_one_run_of_each_head_proves_nothing(keras):
    """'Sigmoid 92%, softmax 55%', from one run of each: with other seeds and rates the other one wins.

    Both heads are one class of functions (tests/search/networks/test_parity.py), trained at different speeds.
    """
    from search.networks.losses import training_loss

    x, y = blobs(120, apart=1.0)
    x_test, y_test = blobs(400, apart=1.0, seed=1)
    differences = []
    for seed, rate in ((0, 0.003), (3, 0.003), (0, 0.1)):
        right = {}
        for head, units, loss in (("sigmoid", 1, "bce"), ("softmax", 2, "cce")):
            keras.utils.set_random_seed(seed)
            dense = keras.layers.Dense
            model = keras.Sequential([keras.Input((2,)), dense(8, activation="relu"), dense(units)])
            compute = training_loss(HEADS[head], loss, {"label_smoothing": 0.0})
            model.compile(optimizer=keras.optimizers.Adam(rate), loss=compute)
            model.fit(x, HEADS[head].encode(y), epochs=2, verbose=0)
            score = HEADS[head].score(model.predict(x_test, verbose=0))
            right[head] = float(np.mean(decide(score, 0.0) == (y_test == 1)))
        differences.append(right["sigmoid"] - right["softmax"])
    one_seed, another_seed, a_higher_rate = differences
    assert one_seed < -0.05
    assert another_seed > 0.05
    assert abs(a_higher_rate) < 0.03


def test_keras_hides_a_threshold_that_nobody_chose(keras):
    """Accuracy looks right, `predict` says 0.07: a 0.5 sits inside the metric, strict, chosen by nobody."""
    metric = keras.metrics.BinaryAccuracy()
    metric.update_state(np.float32([[1.0], [1.0]]), np.float32([[0.5], [0.51]]))
    assert float(metric.result()) == 0.5  # a probability of exactly 0.5 counts as negative
    on_logits = keras.metrics.BinaryAccuracy()
    on_logits.update_state(np.float32([[1.0], [1.0]]), np.float32([[0.4], [0.6]]))
    assert float(on_logits.result()) == 0.5  # and a logit is cut at 0.5 too, a probability of 0.62

    rare_x, rare_y = blobs(600, apart=1.5, positives=0.15)
    model, _ = fitted(
        keras,
        keras.layers.Dense(1, activation="sigmoid"),
        "binary_crossentropy",
        targets=rare_y,
        x=rare_x,
    )
    hidden = model.predict(rare_x, verbose=0)[:, 0] > 0.5
    sensitivity_of_keras = hidden[rare_y == 1].mean()
    score = HEADS["sigmoid"].score(our_logits(keras, model, rare_x))
    chosen = choose(curve(rare_y, score), MaxF1())
    counts = counts_at(rare_y, score, chosen.threshold_score)
    assert 0 < chosen.threshold < 0.5
    assert METRICS["sensitivity"](counts) > sensitivity_of_keras + 0.1
    at_half = counts_at(rare_y, score, 0.0)
    assert METRICS["f1"](counts) > METRICS["f1"](at_half)
