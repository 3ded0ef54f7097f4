"""Batches reach Keras as they are: the same bits as on Keras' own way, without its tuning."""

import numpy as np
import pytest

N, SHAPE = 1300, (5, 3)
pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture
def feeding(keras):
    from search.training import feeding

    return feeding


@pytest.fixture
def tensorflow(keras):
    if keras.config.backend() != "tensorflow":
        pytest.skip("other backends take batches as they are")


def inputs(n=N):
    return np.random.default_rng(3).standard_normal((n, *SHAPE)).astype(np.float32)


def targets(n=N):
    return (np.random.default_rng(4).random((n, 1)) < 0.3).astype(np.float32)


def network():
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(8, "tanh"), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input(SHAPE), *layers, keras.layers.Dropout(0.3), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("n", [1, 511, 512, 513, N])
def test_predictions_are_keras_own(feeding, n):
    """To the bit, but where the last batch of Keras is one row: a product with a vector has other sums."""
    model, x = network(), inputs(n)
    ours, theirs = feeding.predict(model, x), model.predict(x, batch_size=512, verbose=0)
    np.testing.assert_allclose(ours, theirs, atol=1e-6 if n == 513 else 0, rtol=0)


def test_training_is_keras_own_to_the_bit(feeding):
    fitted = []
    for way in (lambda batches: batches, feeding.fed):
        model = network()
        batches = batches_of(feeding, inputs())
        history = model.fit(way(batches), epochs=3, shuffle=False, verbose=0).history["loss"]
        fitted.append([*model.get_weights(), history])
    for ours, theirs in zip(*fitted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_some_rows_are_evaluated(feeding):
    model, taken = network(), np.arange(7, N, 3)
    x, y = inputs(), targets()
    found = model.evaluate(feeding.fed(feeding.InOrder(x, y, taken)), verbose=0)
    assert found == model.evaluate(x[taken], y[taken], batch_size=512, verbose=0)
    assert found != pytest.approx(model.evaluate(x, y, batch_size=512, verbose=0))


@pytest.mark.parametrize(("read_bytes", "at_once"), [(10 * 4 * 15 + 1, 10), (1, 1), (2**30, 512)])
def test_large_rows_are_scored_few_at_once(feeding, monkeypatch, read_bytes, at_once):
    monkeypatch.setattr(feeding, "READ_BYTES", read_bytes)
    model, x, counts = network(), inputs(N), []
    whole, on_batch = model.predict(x, batch_size=at_once, verbose=0), model.predict_on_batch

    def counted(batch):
        counts.append(len(batch))
        return on_batch(batch)

    monkeypatch.setattr(model, "predict_on_batch", counted)
    np.testing.assert_array_equal(feeding.predict(model, x), whole)
    assert counts == [at_once] * -(-N // at_once)
    assert [len(batch[0]) for batch in map(batches_of(feeding, x).__getitem__, range(2))] == [at_once] * 2


def batches_of(feeding, x):
    return feeding.InOrder(x, targets(len(x)), np.arange(len(x)))


def test_a_model_of_several_outputs_says_all_of_them(feeding):
    import keras

    one, x = network(), inputs()
    outputs = {"plain": one.outputs[0], "twice": keras.layers.Lambda(lambda v: 2 * v)(one.outputs[0])}
    said = feeding.predict(keras.Model(one.inputs, outputs), x)
    np.testing.assert_array_equal(said["plain"], one.predict(x, batch_size=512, verbose=0))
    np.testing.assert_array_equal(said["twice"], 2 * said["plain"])


def test_every_epoch_reads_all_batches_anew(feeding, tensorflow):
    read = []

    class Counted(feeding.InOrder):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    batches = Counted(inputs(), targets(), np.arange(N))
    way = feeding.fed(batches)
    read.clear()  # one is read to know the shapes
    network().fit(way, epochs=2, shuffle=False, verbose=0)
    assert read == [0, 1, 2, 0, 1, 2]


def test_nothing_tunes_itself(feeding, tensorflow):
    assert feeding.fed(batches_of(feeding, inputs())).options().autotune.enabled is False
