"""One function, two heads: weights of a sigmoid carried to a softmax give the same answers."""

import numpy as np
import pytest

from search.scores.metrics import sigmoid
from spaces.heads import HEADS
from spaces.study import Training as Rules
from tests.helpers.toys import blobs, config, trial_data

pytestmark = pytest.mark.usefixtures("keras")
X, Y = blobs(200, seed=5)


def as_softmax(weights):
    """Weights of a network with one logit -> of the same network with two: the last layer `d` as -+d/2."""
    *below, kernel, bias = weights
    return [*below, np.concatenate([-kernel / 2, kernel / 2], axis=1), np.concatenate([-bias / 2, bias / 2])]


def network(head, loss, optimizer="sgd", width=0.1):
    from search.networks import model
    from search.networks.losses import training_loss

    chosen = config(head, loss, optimizer=optimizer, width=width)
    built = model.build(chosen, X.shape[1:], "float32")
    compute = training_loss(HEADS[head], loss, chosen.loss_parameters)
    built.compile(optimizer=model.optimizer(chosen), loss=compute)
    return built, compute


@pytest.fixture(scope="module")
def trained(keras):
    """The weights of a sigmoid head, trained briefly."""
    from search.training.training import Training

    session = Training(config("sigmoid", "bce"), Rules(epochs=3), "average_precision", trial_data(), seed=0)
    session.advance(3)
    return session.model.get_weights()


def raw_scores(head, loss, weights):
    from search.training.feeding import predict

    built, _ = network(head, loss)
    built.set_weights(weights)
    return HEADS[head].score(predict(built, X))


def test_the_same_weights_give_the_same_probabilities(trained):
    of_sigmoid = raw_scores("sigmoid", "bce", trained)
    of_softmax = raw_scores("softmax", "cce", as_softmax(trained))
    assert np.ptp(sigmoid(of_sigmoid)) > 0.5
    np.testing.assert_allclose(sigmoid(of_softmax), sigmoid(of_sigmoid), atol=1e-6)


@pytest.mark.parametrize(("one", "two"), [("bce", "cce"), ("focal", "focal"), ("brier", "brier")])
def test_training_differs_by_half_the_heads_rate_and_nothing_else(trained, one, two):
    """The trunk gets equal gradients from both heads. `d = w1 - w0` moves twice as fast with two columns."""
    import tensorflow as tf

    gradients = {}
    for head, loss, weights in (("sigmoid", one, trained), ("softmax", two, as_softmax(trained))):
        built, compute = network(head, loss)
        built.set_weights(weights)
        with tf.GradientTape() as tape:
            total = tf.reduce_mean(compute(HEADS[head].encode(Y), built(X, training=False)))
        gradients[head] = [g.numpy() for g in tape.gradient(total, built.trainable_variables)]
    *trunk, kernel, bias = gradients["sigmoid"]
    *same_trunk, two_kernels, two_biases = gradients["softmax"]
    for ours, theirs in zip(trunk, same_trunk, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-7)
    moved = np.column_stack([two_kernels[:, 1] - two_kernels[:, 0]])
    np.testing.assert_allclose(moved, 2 * kernel, atol=1e-7)
    np.testing.assert_allclose(two_biases[1] - two_biases[0], 2 * bias[0], atol=1e-7)
