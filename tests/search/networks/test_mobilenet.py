"""MobileNet's weights: started from, held frozen, downloaded once, and refused where they do not fit."""

import hashlib
import http.server
import threading
from functools import partial

import numpy as np
import pytest

from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.space import Trunk
from spaces.study import Study
from spaces.study import Training as Rules
from spaces.study_file import parse
from tests.helpers import photos
from tests.helpers.toys import config, measured

pytestmark = pytest.mark.usefixtures("keras")

SHAPE = (32, 32, 3)
WIDTH = 0.25


@pytest.fixture(scope="module")
def published(keras):
    return photos.published(96, WIDTH)


@pytest.fixture(scope="module")
def file(published, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "photos.weights.h5"
    published.save_weights(path)
    return path


def build(dtype="float32", **changes):
    from search.networks import model

    options = {"pretrained": changes.pop("pretrained")} if "pretrained" in changes else {}
    chosen = config("sigmoid", "bce", trunk="mobilenet_v1", **{"width": WIDTH, **changes})
    return model.build(chosen, SHAPE, dtype, **options)


def convolutions(keras, model):
    from search.networks.mobilenet import LAST

    return keras.Model(model.input, model.get_layer(LAST).output)


def features(keras, model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_a_network_starts_from_the_weights_of_a_file(keras, published, file, tmp_path, dtype, ending):
    """And sees pixels as MobileNet does, from -1 to 1; a whole model's .h5 is read for its weights alone."""
    path = file
    if ending == ".h5":
        path = tmp_path / "whole.h5"
        published.save(path)
    pixels = np.random.default_rng(1).integers(0, 256, (2, *SHAPE), dtype=np.uint8)
    scaled = keras.applications.mobilenet.preprocess_input(pixels.astype(np.float32))
    same = keras.applications.MobileNet(input_shape=SHAPE, alpha=WIDTH, include_top=False, weights=None)
    same.set_weights(published.get_weights())
    ours = convolutions(keras, build(dtype, weights=str(path)))
    expected = features(keras, same, scaled)
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        features(keras, ours, pixels if dtype == "uint8" else scaled), expected, rtol=1e-3, atol=1e-3
    )


def test_the_network_is_its_users(keras):
    from search.networks import model

    chosen = config("sigmoid", "bce", trunk="mobilenet_v1", width=1.0)
    network = model.build(chosen, (64, 64, 3), "uint8")
    theirs = keras.applications.MobileNet(input_shape=(64, 64, 3), include_top=False, weights=None)
    ours = convolutions(keras, network)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [1024, 1024, 512, 1]
    assert {layer.activation for layer in dense[:-1]} == {keras.activations.relu}


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_convolutions_keep_their_weights(keras, published, file, frozen):
    """Batch normalisation's averages too; and the weights that a trial keeps are all of the network's."""
    from search.data.trial_data import TrialData
    from search.training.training import Training

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (12, *SHAPE), dtype=np.uint8), np.arange(12, dtype=np.int8) % 2
    chosen = config(
        "two_sigmoids",
        "bce",
        trunk="mobilenet_v1",
        width=WIDTH,
        weights=str(file),
        frozen=frozen,
        batch_size=4,
    )
    session = Training(chosen, Rules(epochs=1), "average_precision", TrialData(x, y, x, y), seed=0)
    session.model.run_eagerly = True
    before = session.model.get_weights()
    session.advance(1)
    after = session.model.get_weights()
    ours = convolutions(keras, session.model).get_weights()
    kept = [np.array_equal(a, b) for a, b in zip(ours, published.get_weights(), strict=True)]
    assert all(kept) if frozen else not any(kept)
    assert not any(np.array_equal(a, b) for a, b in zip(before[-8:], after[-8:], strict=True))
    assert [w.shape for w in after] == [w.shape for w in before]
    assert len(session._steering.best_weights) == len(after) == len(ours) + 8
    assert len(session.model.trainable_weights) == (8 if frozen else len(after) - 2 * 27)


def test_a_trials_own_weights_need_no_file(tmp_path):
    gone = {"weights": str(tmp_path / "gone.weights.h5"), "frozen": True}
    assert build(pretrained=False, **gone).output_shape == (None, HEADS["sigmoid"].logits)
    with pytest.raises(
        RunError, match=r"trunk\.weights must name a file, but there is no .*gone\.weights\.h5"
    ):
        build(**gone)


def test_its_bundle_needs_no_file(tmp_path):
    from search.networks import export

    gone = {"weights": str(tmp_path / "gone.weights.h5"), "frozen": True, "width": WIDTH}
    record = measured("mobilenet_v1", "sigmoid", 0.0)
    ask = record.ask.model_copy(update={"config": record.ask.config.model_copy(update=gone)})
    weights = build(pretrained=False, **gone).get_weights()
    decider = export.deciding_model(record.model_copy(update={"ask": ask}), weights, SHAPE, "uint8")
    assert set(decider.output) == {"score", "probability", "label"}


def study(**trunk):
    return Study(trunk=Trunk(name="mobilenet_v1", **{"width": WIDTH, **trunk}))


@pytest.mark.slow
def test_a_sound_file_passes_and_a_foreign_one_is_refused_before_anything_is_trained(keras, file, tmp_path):
    from search.networks.checks import check_network, check_shape
    from search.networks.trunks import author_config, outside_digest

    named = study(weights=file.name, folder=str(file.parent), frozen=True)
    check_network(named, SHAPE)
    assert outside_digest(author_config(named), SHAPE) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert outside_digest(author_config(study()), SHAPE) is None
    keras.Sequential([keras.Input(SHAPE), keras.layers.Dense(3)]).save_weights(tmp_path / "other.weights.h5")
    foreign = study(weights=str(tmp_path / "other.weights.h5"))
    check_shape(foreign, SHAPE)
    with pytest.raises(
        RunError, match=r"must hold the weights of MobileNet without its top at width 0\.25"
    ) as caught:
        check_network(foreign, SHAPE)
    assert "other.weights.h5 gave ValueError" in str(caught.value)


@pytest.mark.parametrize("content", ["another width", "no HDF5"])
def test_weights_that_do_not_fit_are_refused(file, tmp_path, content):
    from search.networks import model

    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"junk")
    path, width = (file, 0.5) if content == "another width" else (junk, WIDTH)
    chosen = config("sigmoid", "bce", trunk="mobilenet_v1", width=width, weights=str(path))
    with pytest.raises(
        RunError, match=rf"MobileNet without its top at width {width}, but .* gave \w+: "
    ) as caught:
        model.build(chosen, SHAPE, "uint8")
    assert "\n" not in str(caught.value)


def test_only_three_channels_have_pretrained_weights(file):
    from search.networks.checks import check_network

    with pytest.raises(
        RunError, match=r"pretrained weights take rows of 3 channels, but the data has \(32, 32, 1\)"
    ):
        check_network(study(weights=str(file)), (32, 32, 1))


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A host that publishes weights; the folder it publishes, and the folder of Keras."""
    from search.networks import mobilenet

    (tmp_path / "published").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Says nothing."""

    handler = partial(Quiet, directory=str(tmp_path / "published"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        monkeypatch.setattr(mobilenet, "IMAGENET_URL", f"http://127.0.0.1:{running.server_port}/")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        yield tmp_path / "published", tmp_path / "keras"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("shape", "name"),
    [(SHAPE, "mobilenet_2_5_224_tf_no_top.h5"), ((160, 160, 3), "mobilenet_2_5_160_tf_no_top.h5")],
)
def test_imagenet_is_downloaded_once(keras, published, server, monkeypatch, shape, name):
    from search.networks import mobilenet

    there, home = server
    published.save(there / name)
    imagenet = config("sigmoid", "bce", trunk="mobilenet_v1", width=WIDTH, weights="imagenet")
    path = mobilenet.weights_file(imagenet, shape)
    assert path == home / "models" / name
    assert path.read_bytes() == (there / name).read_bytes()
    monkeypatch.setattr(mobilenet, "IMAGENET_URL", "http://127.0.0.1:1/")
    assert mobilenet.weights_file(imagenet, shape) == path
    assert [each.name for each in path.parent.iterdir()] == [name]
    ours = convolutions(keras, build("uint8", weights="imagenet")) if shape == SHAPE else published
    for mine, theirs in zip(ours.get_weights(), published.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_without_a_network_one_line_says_what_to_do(server, monkeypatch):
    from search.networks import mobilenet
    from search.networks.checks import check_network

    _, home = server
    for url in (mobilenet.IMAGENET_URL, "http://127.0.0.1:1/"):  # nothing published there; nobody there
        monkeypatch.setattr(mobilenet, "IMAGENET_URL", url)
        with pytest.raises(RunError, match="could not be downloaded here") as caught:
            check_network(study(weights="imagenet"), SHAPE)
        name = "mobilenet_2_5_224_tf_no_top.h5"
        assert f"download {url}{name} elsewhere and name it: weights: FILE" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert list((home / "models").iterdir()) == []


@pytest.mark.parametrize(
    ("trunk", "message"),
    [
        ({"name": "mlp", "weights": "imagenet"}, "of mobilenet_v1, but got weights 'imagenet' with mlp"),
        ({"name": "a.b:c", "frozen": True}, "settings of mobilenet_v1, but got frozen with a.b:c"),
        ({"name": "mobilenet_v1", "frozen": True}, "so weights must name some, but got none"),
        ({"name": "mobilenet_v1", "weights": "imagenet", "width": 0.3}, "0.25, 0.5, 0.75, 1.0, but got 0.3"),
        ({"name": "mobilenet_v1", "weights": "w.npz"}, "none, imagenet or an .h5 file, but got 'w.npz'"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused_with_the_study(trunk, message):
    with pytest.raises(RunError) as caught:
        parse({"trunk": trunk})
    assert message in str(caught.value)
    assert str(caught.value).endswith("(study: trunk)")
