"""Mistakes with K classes, K labels and numbers: what plain Keras shows, and what is refused or right."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from spaces.errors import RunError
from spaces.pairs import judge, resolve
from spaces.task_heads import head
from spaces.tasks import KINDS, Task
from tests.helpers.tasks import CLASSES, LABELS, NUMBER, labels_of, task_data
from tests.stories.test_failures import fitted, our_logits

OF_CLASSES, OF_LABELS, OF_NUMBER = (task_data(task, 400, 400) for task in (CLASSES, LABELS, NUMBER))


def dense(keras, units, activation=None):
    return keras.layers.Dense(units, activation=activation)


def cross_entropy(targets, p):
    p = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean())


def test_binary_cross_entropy_over_one_hot_softmax_columns_trains_another_model(keras):
    """On TensorFlow the loss that falls is not the loss of what `predict` gives."""
    data, encode = OF_CLASSES, head("softmax", CLASSES).encode
    targets = encode(data.y_train)
    model, _ = fitted(
        keras, dense(keras, 5, "softmax"), "binary_crossentropy", (), targets, data.x_train, epochs=6
    )
    reported = model.evaluate(data.x_train, targets, verbose=0)
    of_predict = cross_entropy(targets, model.predict(data.x_train, verbose=0))
    logits = our_logits(keras, model, data.x_train)
    of_sigmoids = cross_entropy(targets, 1 / (1 + np.exp(-logits.astype(np.float64))))
    if keras.backend.backend() == "tensorflow":
        assert abs(reported - of_predict) > 0.02
        assert reported == pytest.approx(of_sigmoids, rel=1e-4)
    with pytest.raises(RunError, match=r"trains K independent sigmoids .* head softmax with loss cce"):
        resolve("softmax", "bce", "classes")


def test_categorical_cross_entropy_on_sigmoids_serves_rows_that_do_not_sum_to_one(keras):
    data, encode = OF_CLASSES, head("softmax", CLASSES).encode
    last = dense(keras, 5, "sigmoid")
    model, _ = fitted(
        keras, last, "categorical_crossentropy", (), encode(data.y_train), data.x_train, epochs=6
    )
    sums = model.predict(data.x_validation, verbose=0).sum(axis=1)
    assert np.abs(sums - 1).mean() > 0.1
    with pytest.raises(RunError, match="rows that do not sum to one"):
        resolve("sigmoid_k", "categorical_crossentropy", "classes")
    score = head("softmax", CLASSES).score(our_logits(keras, model, data.x_validation)).astype(np.float64)
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_integer_labels_are_stretched_over_the_columns_of_a_squared_error(keras):
    """Keras takes `(n, 1)` codes against K columns and pulls every column to the class's number."""
    data = OF_CLASSES
    codes = data.y_train.astype(np.float32)[:, None]
    model, _ = fitted(keras, dense(keras, 5), "mean_squared_error", (), codes, data.x_train, epochs=15)
    columns = model.predict(data.x_train, verbose=0)
    assert np.abs(columns - codes).mean() < np.abs(columns - np.eye(5)[data.y_train]).mean()
    with pytest.raises(RunError, match="a regression of 0 and 1: the outputs are neither logits nor"):
        resolve("linear_k", "mse", "classes")
    same = judge("softmax", "sparse_categorical_crossentropy", "classes")
    assert (same.kind, same.instead) == ("same", ("softmax", "cce"))
    assert head("softmax", CLASSES).encode(data.y_train).shape == (400, 5)


def test_categorical_cross_entropy_of_several_labels_has_a_floor(keras):
    """A row with m labels cannot cost less than m log m, and one without costs 0 whatever it says."""
    data = OF_LABELS
    targets = data.y_train.astype(np.float32)
    model, history = fitted(
        keras, dense(keras, 4, "softmax"), "categorical_crossentropy", (), targets, data.x_train, epochs=12
    )
    count = targets.sum(axis=1)
    floor = float(np.mean(count * np.log(np.maximum(count, 1))))
    assert history["loss"][-1] > floor > 0.2
    none = count == 0
    assert none.any()
    assert model.evaluate(data.x_train[none], targets[none], verbose=0) == pytest.approx(0, abs=1e-6)
    with pytest.raises(RunError, match="a floor that no training gets below"):
        resolve("sigmoids", "categorical_crossentropy", "labels")
    with pytest.raises(RunError, match="share one probability"):
        resolve("softmax", "cce", "labels")

    ours, history = fitted(
        keras, dense(keras, 4, "sigmoid"), "binary_crossentropy", (), targets, data.x_train, epochs=12
    )
    score = head("sigmoids", LABELS).score(our_logits(keras, ours, data.x_validation))
    found = f1_score(data.y_validation, score >= 0, average="macro")
    by_softmax = model.predict(data.x_validation, verbose=0) >= 0.5
    assert found > f1_score(data.y_validation, by_softmax, average="macro", zero_division=0) + 0.1


def test_argmax_gives_every_row_exactly_one_of_several_labels(keras):
    data = OF_LABELS
    targets = data.y_train.astype(np.float32)
    model, _ = fitted(
        keras, dense(keras, 4, "sigmoid"), "binary_crossentropy", (), targets, data.x_train, epochs=8
    )
    said = np.eye(4)[model.predict(data.x_validation, verbose=0).argmax(axis=1)]
    assert (said.sum(axis=1) == 1).all()
    assert (data.y_validation.sum(axis=1) != 1).mean() > 0.3
    with pytest.raises(RunError, match="rows have none or several"):
        KINDS["labels"].check("argmax", "objective.metric")


def test_one_threshold_of_a_half_never_finds_the_rare_labels(keras):
    rng = np.random.default_rng(0)
    task = Task(name="labels", size=3)
    y = (rng.random((1200, 3)) < [0.04, 0.15, 0.5]).astype(np.int8)
    x = (1.2 * y + rng.normal(size=(1200, 3))).astype(np.float32)
    model, _ = fitted(keras, dense(keras, 3, "sigmoid"), "binary_crossentropy", (), y, x, epochs=5)
    predicted = model.predict(x, verbose=0)
    assert (predicted[:, 0] >= 0.5).mean() < 0.01
    score = head("sigmoids", task).score(our_logits(keras, model, x))
    per_label = [
        max(
            f1_score(y[:, k], score[:, k] >= cut)
            for cut in np.quantile(score[:, k], np.linspace(0, 0.99, 99))
        )
        for k in range(3)
    ]
    at_half = [f1_score(y[:, k], predicted[:, k] >= 0.5, zero_division=0) for k in range(3)]
    assert np.mean(per_label) > np.mean(at_half) + 0.1


def test_keras_precision_over_a_matrix_is_micro_averaged(keras):
    rng = np.random.default_rng(1)
    y = (rng.random((500, 2)) < [0.03, 0.6]).astype(np.float32)
    said = np.where(rng.random((500, 2)) < 0.1, 1 - y, y).astype(np.float32)
    metric = keras.metrics.Precision()
    metric.update_state(y, said)
    macro = precision_score(y, said, average="macro")
    assert float(metric.result()) == pytest.approx(precision_score(y, said, average="micro"))
    assert float(metric.result()) > macro + 0.2
    for kind in ("classes", "labels"):
        with pytest.raises(RunError, match="micro-averaged"):
            KINDS[kind].check("precision")


def test_accuracy_of_a_regression_counts_exact_hits(keras):
    """'accuracy: 0.0015', from a network that predicts well."""
    data = OF_NUMBER
    _, history = fitted(
        keras, dense(keras, 1), "mean_squared_error", ["accuracy"], data.y_train, data.x_train, epochs=3
    )
    assert history["accuracy"][-1] < 0.01
    with pytest.raises(RunError, match="accuracy counts the predictions that equal the target exactly"):
        resolve("linear", "accuracy", "number")
    with pytest.raises(RunError, match=r"must be one of rmse, mae, r2, but got accuracy"):
        KINDS["number"].check("accuracy")


def test_targets_far_from_zero_are_learnt_at_once(keras):
    """Plain Keras spends its epochs on reaching the mean; ours starts there and answers in its units."""
    from search.networks.losses import training_loss

    data = OF_NUMBER
    made = head("linear", NUMBER)
    plain, _ = fitted(keras, dense(keras, 1), "mean_squared_error", (), data.y_train, data.x_train, epochs=3)
    loss = training_loss(made, "mse", {})
    ours, _ = fitted(keras, dense(keras, 1), loss, (), made.encode(data.y_train), data.x_train, epochs=3)
    off = np.abs(plain.predict(data.x_validation, verbose=0)[:, 0] - data.y_validation).mean()
    score = made.score(ours.predict(data.x_validation, verbose=0))
    assert np.abs(score - data.y_validation).mean() < 0.5 * off
    assert labels_of(NUMBER, 5).dtype == np.float64
