"""The networks below the head, each a row: how it is built, what it takes, and its author's own settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from spaces.errors import RunError
from spaces.study import Study
from spaces.suggest import Config


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """One network without its head.

    Args:
        name: its name in studies.
        takes: the shapes of a row it takes, in words.
        fits: whether it takes a row of this shape.
        build: input tensor `(batch, *shape)` and width factor -> features `(batch, units)`.
        author: the settings its authors published, as fields of a `Config`.
    """

    name: str
    takes: str
    fits: Callable[[tuple[int, ...]], bool]
    build: Callable[[Any, float], Any]
    author: Mapping[str, Any]


def units(count: int, width: float) -> int:
    """Scales a layer's units; never below one."""
    return max(1, round(count * width))


def _seizure_cnn(inputs: Any, width: float) -> Any:
    # Liu et al. 2020 (arXiv 2001.06282). Their Conv3D spans all channels, which makes it this Conv2D:
    # the same weights, the same result, several times faster on a CPU.
    from keras import layers

    x = layers.BatchNormalization()(inputs)
    x = layers.Conv2D(units(32, width), 3, activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(units(64, width), 3, activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(units(64, width), 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(units(256, width), activation="relu")(x)


def _image_cnn(inputs: Any, width: float) -> Any:
    from keras import layers

    x = inputs
    for _ in range(2):
        x = layers.Conv2D(units(256, width), 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    return layers.Dense(units(64, width))(x)


def _mlp(inputs: Any, width: float) -> Any:
    from keras import layers

    x = layers.Flatten()(inputs) if len(inputs.shape) > 2 else inputs
    x = layers.Dense(units(124, width), activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(units(124, width))(x)


_PLAIN: Mapping[str, Any] = {
    "head": "sigmoid",
    "loss": "bce",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 32,
    "class_weight": "none",
    "hidden_layers": "none",
    "dropout": 0.0,
    "label_smoothing": 0.0,
}

_ALL = (
    Trunk(
        name="seizure_cnn",
        takes="(frequencies >= 18, frames >= 7, channels)",
        # Three unpadded 3x3 convolutions, with the frequencies halved after the first two.
        fits=lambda shape: len(shape) == 3 and shape[0] >= 18 and shape[1] >= 7,
        build=_seizure_cnn,
        author={**_PLAIN, "learning_rate": 1e-4, "class_weight": "balanced", "dropout": 0.5},
    ),
    Trunk(
        name="image_cnn",
        takes="(height >= 10, width >= 10, channels)",
        fits=lambda shape: len(shape) == 3 and min(shape[:2]) >= 10,
        build=_image_cnn,
        author=_PLAIN,
    ),
    Trunk(
        name="mlp",
        takes="any shape, flattened",
        fits=lambda shape: len(shape) >= 1,
        build=_mlp,
        author={**_PLAIN, "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.003, "dropout": 0.1},
    ),
)
TRUNKS: Mapping[str, Trunk] = MappingProxyType({trunk.name: trunk for trunk in _ALL})
"""Every trunk, by name."""


def author_config(study: Study) -> Config:
    """Returns the configuration that the trunk's authors published, at the study's width."""
    trunk = TRUNKS[study.trunk.name]
    return Config(trunk=study.trunk.name, width=study.trunk.width, **trunk.author)


def check_shape(study: Study, shape: tuple[int, ...]) -> None:
    """Refuses data that the study's trunk cannot take.

    Raises:
        RunError: naming the shapes it takes and the one that came.
    """
    trunk = TRUNKS[study.trunk.name]
    if not trunk.fits(shape):
        fitting = [name for name, other in TRUNKS.items() if other.fits(shape)]
        raise RunError(
            f"trunk {trunk.name} takes rows of shape {trunk.takes}, but the data has {shape}; "
            f"trunks that fit: {', '.join(fitting)}"
        )
