"""Recurrent trunks against the textbook's loop, step by step: masked steps change nothing, either way."""

import numpy as np
import pytest

from tests.helpers.toys import config

pytestmark = pytest.mark.usefixtures("keras")
STEPS, FEATURES = 9, 3


def network(trunk, dtype="float32", precision="float32"):
    import keras

    from search.networks import model

    keras.utils.set_random_seed(0)
    chosen = config("sigmoid", "bce", trunk=trunk, width=0.1)
    return model.build(chosen, (STEPS, FEATURES), dtype, precision=precision)


def answers(model, x):
    import keras

    return keras.ops.convert_to_numpy(model(x, training=False))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def last_state(x, kernel, recurrent, bias):
    """The state after all steps of one sequence that are not all 0 (gates in Keras' order: i, f, c, o)."""
    state = cell = np.zeros(len(recurrent))
    for step in x:
        if not step.any():
            continue
        i, f, c, o = np.split(step @ kernel + state @ recurrent + bias, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
        state = sigmoid(o) * np.tanh(cell)
    return state


def by_the_textbook(model, x):
    *weights, kernel, bias = [weight.astype(np.float64) for weight in model.get_weights()]
    ways = [slice(None), slice(None, None, -1)]
    found = [
        np.concatenate(
            [
                last_state(row[way], *weights[3 * k : 3 * k + 3])
                for k, way in enumerate(ways[: len(weights) // 3])
            ]
        )
        for row in x
    ]
    return np.stack(found) @ kernel + bias


def sequences(masked):
    x = np.random.default_rng(1).normal(size=(len(masked), STEPS, FEATURES)).astype(np.float32)
    for row, steps in zip(x, masked, strict=True):
        row[list(steps)] = 0
    return x


MASKED = [(), (7, 8), (0, 1, 2), (3, 5), (0, 4, 8), range(1, STEPS), range(STEPS)]
"""None, at the end, at the beginning, in between, everywhere, all but one, and all."""


@pytest.mark.parametrize("trunk", ["lstm", "bilstm"])
def test_masked_steps_are_passed_over_in_both_directions(trunk):
    model, x = network(trunk), sequences(MASKED)
    found = answers(model, x)
    np.testing.assert_allclose(found, by_the_textbook(model, x), rtol=1e-4, atol=1e-5)
    assert np.ptp(found) > 0.01


@pytest.mark.parametrize("trunk", ["lstm", "bilstm"])
def test_where_the_zeros_stand_makes_no_difference(trunk):
    """One sequence of five steps, padded after, before and in between."""
    real = np.random.default_rng(2).normal(size=(5, FEATURES)).astype(np.float32)
    places = [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8], [0, 2, 4, 6, 8]]
    x = np.zeros((3, STEPS, FEATURES), np.float32)
    for row, steps in zip(x, places, strict=True):
        row[steps] = real
    found = answers(network(trunk), x)
    np.testing.assert_allclose(found[1:], found[:1].repeat(2, axis=0), rtol=1e-5, atol=1e-6)


def test_tiny_values_are_no_padding_under_mixed_precision():
    model = network("lstm", precision="mixed_float16")
    tiny = np.full((1, STEPS, FEATURES), 1e-9, np.float32)  # 0 in float16
    masked = np.zeros((1, STEPS, FEATURES), np.float32)
    weights = [np.ones_like(weight) for weight in model.get_weights()]
    model.set_weights(weights)
    assert abs(float(answers(model, tiny)[0, 0] - answers(model, masked)[0, 0])) > 0.1


def test_it_learns_what_only_the_first_step_tells():
    """The order of masked sequences is learnt: labels follow from the first real step, behind padding."""
    from search.data.trial_data import TrialData
    from search.training.training import Training
    from spaces.study import Training as Rules

    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, STEPS, FEATURES)).astype(np.float32)
    start = rng.integers(0, 4, 400)
    x[np.arange(STEPS) < start[:, None]] = 0
    y = (x[np.arange(400), start, 0] > 0).astype(np.int8)
    data = TrialData(x[:300], y[:300], x[300:], y[300:])
    chosen = config("sigmoid", "bce", trunk="bilstm", width=0.3, learning_rate=0.02)
    session = Training(chosen, Rules(epochs=8), "average_precision", data, seed=0)
    session.advance(8)
    assert session.best().steering_value > 0.9
