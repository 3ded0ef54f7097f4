"""Batches reach Keras as they are: the same bits as on Keras' own way, without its tuning."""

import numpy as np
import pytest

N, SHAPE = 1300, (5, 3)
pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture
def feeding(keras):
    from search import feeding

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
def test_predictions_are_keras_own_to_the_bit(feeding, n):
    model, x = network(), inputs(n)
    np.testing.assert_array_equal(feeding.predict(model, x), model.predict(x, batch_size=512, verbose=0))


def test_training_is_keras_own_to_the_bit(feeding):
    fitted = []
    for way in (lambda batches: batches, feeding.fed):
        model = network()
        batches = feeding.InOrder(inputs(), targets(), batch=64)
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


def test_large_rows_come_few_at_once(feeding, monkeypatch):
    monkeypatch.setattr(feeding, "READ_BYTES", 10 * 4 * 15 + 1)
    x = inputs(25)
    assert [len(batch[0]) for batch in map(feeding.InOrder(x).__getitem__, range(3))] == [10, 10, 5]
    monkeypatch.setattr(feeding, "READ_BYTES", 1)
    assert len(feeding.InOrder(x)) == 25


def test_every_epoch_reads_all_batches_anew(feeding, tensorflow):
    read = []

    class Counted(feeding.InOrder):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    batches = Counted(inputs(), targets(), batch=500)
    way = feeding.fed(batches)
    read.clear()  # one is read to know the shapes
    network().fit(way, epochs=2, shuffle=False, verbose=0)
    assert read == [0, 1, 2, 0, 1, 2]


def test_nothing_tunes_itself(feeding, tensorflow):
    assert feeding.fed(feeding.InOrder(inputs())).options().autotune.enabled is False
