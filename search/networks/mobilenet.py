"""MobileNet without its top, and the file of pretrained weights that it may start from."""

import http.client
import os
import shutil
import urllib.request
from pathlib import Path
from typing import Any

from spaces.configuration import Config
from spaces.errors import RunError, one_line

IMAGENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/"
IMAGENET_NAMES = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
"""Widths for which Keras publishes weights, as the files' names have them."""
IMAGENET_SIZES = (128, 160, 192, 224)
"""Pixels a side for which Keras publishes weights; other photos start from those of 224."""
TIMEOUT_S = 10.0
NARROWEST = 1 / 32
"""Below this alpha the first convolution would have no filter."""
SETTLING = 0.9
"""Momentum of batch normalisation under drawn weights; its authors have Keras' .99. Training never reads
the averages that it makes, but inference does, in 27 layers one after another. Measured on 800 simulated
photos, 14 epochs of 25 steps: the losses are the same, and the validation rows' average precision ends at .66
(after .36) with .99, and at 1.0 with .9."""
LAST = "conv_pw_13_relu"
"""The last layer that MobileNet's weights reach."""
POOLED = "pooled"
"""The layer whose output the dense layers take."""


def build(inputs: Any, config: Config) -> Any:
    """Builds the network of its users: MobileNet (Howard et al. 2017), average pooling, three dense layers.

    Args:
        inputs: `(batch, height, width, channels)`, pixels within [-1, 1].
        config: its width is MobileNet's alpha and the factor on the dense units; `frozen` holds the
            convolutions' weights, with their batch normalisation in inference mode.

    Returns:
        Features `(batch, units)`, weights freshly drawn.
    """
    from keras import applications, layers

    convolutions = applications.MobileNet(
        input_tensor=inputs,
        include_top=False,
        weights=None,
        alpha=max(config.width, NARROWEST),
    )
    for layer in convolutions.layers:
        layer.trainable = not config.frozen
        if config.weights == "none" and isinstance(layer, layers.BatchNormalization):
            layer.momentum = SETTLING
    x = layers.GlobalAveragePooling2D(name=POOLED)(convolutions.output)
    for count in (1024, 1024, 512):
        x = layers.Dense(max(1, round(count * config.width)), activation="relu")(x)
    return x


def frozen_up_to(config: Config) -> str | None:
    """Returns the last layer of those that never train, by name; None where all layers train."""
    return POOLED if config.frozen else None


def start(model: Any, config: Config) -> None:
    """Gives the convolutions of a network the weights that its configuration names.

    Only numbers are read from the file, into layers that are there already: no code of it can run, which is
    why HDF5 may pass here and nowhere else.

    Raises:
        RunError: the file is missing, unreadable or of another network.
    """
    import keras

    if config.weights == "none":
        return
    file = weights_file(config, model.input.shape[1:])
    part = keras.Model(model.input, model.get_layer(LAST).output)
    try:
        part.load_weights(file)
    except Exception as error:  # what a foreign file raises depends on where it first differs
        reason = one_line(error, 200, named=True)
        raise RunError(
            f"trunk.weights must hold the weights of MobileNet without its top at width {config.width:g}, "
            f"but {file} gave {reason}"
        ) from error


def check(config: Config, shape: tuple[int, ...]) -> None:
    """Refuses, before anything is trained, weights that no trial could start from.

    Raises:
        RunError: the data has no three channels, or the file is missing, unreadable or of another network.
    """
    if config.weights == "none":
        return
    if shape[-1] != 3:
        raise RunError(f"pretrained weights take rows of 3 channels, but the data has {shape}")
    weights_file(config, shape)


def weights_file(config: Config, shape: tuple[int, ...]) -> Path:
    """Returns the file of pretrained weights; `imagenet` is looked for in Keras' cache, then downloaded.

    Args:
        config: a relative `weights` is taken from its `folder`.
        shape: of one row, `(height, width, 3)`.

    Raises:
        RunError: there is no such file, or it could not be downloaded.
    """
    if config.weights != "imagenet":
        path = Path(config.folder or ".", Path(config.weights).expanduser()).resolve()
        if not path.is_file():
            raise RunError(
                f"trunk.weights must name a file, but there is no {path} (trunk.weights: {config.weights})"
            )
        return path
    size = shape[0] if shape[0] == shape[1] and shape[0] in IMAGENET_SIZES else IMAGENET_SIZES[-1]
    name = f"mobilenet_{IMAGENET_NAMES[config.width]}_{size}_tf_no_top.h5"
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models" / name
    if not path.is_file():
        _download(IMAGENET_URL + name, path)
    return path


def _download(url: str, to: Path) -> None:
    part = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file)
            if answer.headers["Content-Length"] not in (None, str(file.tell())):
                raise OSError(f"{file.tell()} bytes came of {answer.headers['Content-Length']}")
        part.replace(to)
    except (OSError, http.client.HTTPException) as error:
        raise RunError(
            f"weights: imagenet needs {to.name} in {to.parent}, but it could not be downloaded here "
            f"({error}); download {url} elsewhere and name it: weights: FILE"
        ) from None
    finally:
        part.unlink(missing_ok=True)
