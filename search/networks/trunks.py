"""The table of trunks: how each network below the head is built, and its authors' settings."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from search.networks import custom, mobilenet
from spaces.configuration import Config
from spaces.study import Study
from spaces.task_heads import head


def _nothing(*_: Any) -> None:
    """Does nothing: most networks start from drawn weights, and need no check but of their rows' shape."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """One network without its head.

    Args:
        name: its name in studies.
        takes: the shapes of a row it takes, in words.
        fits: whether it takes a row of this shape.
        build: input tensor `(batch, *shape)` and what to build -> features `(batch, units)`, weights drawn.
        author: the settings its authors published, as fields of a `Config`.
        pixels: range that uint8 pixels are scaled to; float32 rows are taken as they are.
        frozen_up_to: the name of the last layer below all that train: its output, `(batch, units)`, is the
            same in every trial of a study. None where all layers train.
        start: gives a network built of it the weights it starts from, if they are not the drawn ones.
        check: refuses, for rows of a shape, what no trial could start from; nothing is built for it.
        may_fail_to_build: whether the network is to be built once before the first trial.
        check_build: refuses a network that no trial could train or no bundle could hold; gets what builds it.
    """

    name: str
    takes: str
    fits: Callable[[tuple[int, ...]], bool]
    build: Callable[[Any, Config], Any]
    author: Mapping[str, Any]
    pixels: tuple[float, float] = (0.0, 1.0)
    frozen_up_to: Callable[[Config], str | None] = _nothing
    start: Callable[[Any, Config], None] = _nothing
    check: Callable[[Config, tuple[int, ...]], None] = _nothing
    may_fail_to_build: Callable[[Config], bool] = lambda _: False
    check_build: Callable[[Config, Callable[[], Any]], None] = _nothing


def units(count: int, width: float) -> int:
    """Scales a layer's units; never below one."""
    return max(1, round(count * width))


def _seizure_cnn(inputs: Any, config: Config) -> Any:
    # Liu et al. 2020 (arXiv 2001.06282). Their Conv3D spans all channels, which makes it this Conv2D:
    # the same weights, the same result, several times faster on a CPU.
    from keras import layers

    x = layers.BatchNormalization()(inputs)
    x = layers.Conv2D(units(32, config.width), 3, activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(units(64, config.width), 3, activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(units(64, config.width), 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(units(256, config.width), activation="relu")(x)


def _image_cnn(inputs: Any, config: Config) -> Any:
    from keras import layers

    x = inputs
    for _ in range(2):
        x = layers.Conv2D(units(256, config.width), 3, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.BatchNormalization()(x)
    x = layers.Flatten()(x)
    return layers.Dense(units(64, config.width))(x)


def _conv1d_cnn(inputs: Any, config: Config) -> Any:
    from keras import layers

    x = inputs
    for count in (16, 8):
        x = layers.Conv1D(units(count, config.width), 4, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU()(x)
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units(64, config.width))(x)
    x = layers.BatchNormalization()(x)
    return layers.LeakyReLU()(x)


def _mlp(inputs: Any, config: Config) -> Any:
    from keras import layers

    x = layers.Flatten()(inputs) if len(inputs.shape) > 2 else inputs
    x = layers.Dense(units(124, config.width), activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(units(124, config.width))(x)


def _real_steps(inputs: Any) -> Any:
    """The steps of sequences `(batch, steps, features)`, those whose features are all 0 masked."""
    from keras import layers

    # Float32 also under mixed precision: float16 would round a step of tiny values to a masked one.
    return layers.Masking(0.0, dtype="float32")(inputs)


def _lstm(inputs: Any, config: Config) -> Any:
    # Hochreiter and Schmidhuber 1997: the state after the last step that is not masked.
    from keras import layers

    x = layers.LSTM(units(64, config.width))(_real_steps(inputs))
    return layers.Dropout(0.3)(x)


def _bilstm(inputs: Any, config: Config) -> Any:
    # Graves and Schmidhuber 2005: one from the first step to the last, and one the other way round.
    from keras import layers

    x = layers.Bidirectional(layers.LSTM(units(64, config.width)))(_real_steps(inputs))
    return layers.Dropout(0.3)(x)


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
        name="mobilenet_v1",
        takes="(height >= 32, width >= 32, channels), 3 channels with pretrained weights",
        fits=lambda shape: len(shape) == 3 and min(shape[:2]) >= 32,
        build=mobilenet.build,
        author=_PLAIN,
        pixels=(-1.0, 1.0),
        frozen_up_to=mobilenet.frozen_up_to,
        start=mobilenet.start,
        check=mobilenet.check,
        may_fail_to_build=lambda config: config.weights != "none",
        check_build=lambda _, build: build(),
    ),
    Trunk(
        name="conv1d_cnn",
        takes="(steps, channels)",
        fits=lambda shape: len(shape) == 2,
        build=_conv1d_cnn,
        author={**_PLAIN, "batch_size": 128},
    ),
    Trunk(
        name="mlp",
        takes="any shape, flattened",
        fits=lambda shape: len(shape) >= 1,
        build=_mlp,
        author={**_PLAIN, "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.003, "dropout": 0.1},
    ),
    Trunk(
        name="lstm",
        takes="(steps, features), steps whose features are all 0 masked",
        fits=lambda shape: len(shape) == 2,
        build=_lstm,
        author=_PLAIN,
    ),
    Trunk(
        name="bilstm",
        takes="(steps, features), steps whose features are all 0 masked",
        fits=lambda shape: len(shape) == 2,
        build=_bilstm,
        author=_PLAIN,
    ),
)
TRUNKS: Mapping[str, Trunk] = MappingProxyType({trunk.name: trunk for trunk in _ALL})
"""Every trunk of ours, by name."""

CUSTOM = Trunk(
    name="package.module:function",
    takes="whatever your function takes",
    fits=lambda shape: len(shape) >= 1,
    build=custom.build,
    author=_PLAIN,
    may_fail_to_build=lambda _: True,
    check_build=custom.check_build,
)
"""Any other: a function of the user's own."""


def trunk_of(name: str) -> Trunk:
    """Returns the trunk that a study or a configuration names."""
    return TRUNKS.get(name, CUSTOM)


def author_config(study: Study) -> Config:
    """Returns the configuration that the trunk's authors published, at the study's width."""
    trunk, task = trunk_of(study.trunk.name), study.task
    settings = dict(trunk.author)
    if settings["head"] not in task.kind.heads:
        # Published for a yes or no: of another question with its first head and loss.
        made = head(task.kind.heads[0], task)
        settings |= {"head": made.name, "loss": made.losses[0], "label_smoothing": None}
        settings |= made.loss(made.losses[0]).parameters
        if settings["class_weight"] not in task.kind.weights:
            settings["class_weight"] = task.kind.weights[0]
    return Config(
        task=task,
        trunk=study.trunk.name,
        width=study.trunk.width,
        weights=study.trunk.weights,
        frozen=study.trunk.frozen,
        folder=study.trunk.folder,
        code=study.trunk.code,
        **settings,
    )


def outside_digest(config: Config, shape: tuple[int, ...]) -> str | None:
    """Returns the sha256 of the file that a network comes from beside our code; None if there is none.

    It is the module of a function of the user's own, its pickle, or the file of pretrained weights.

    Raises:
        RunError: there is no such file.
    """
    if trunk_of(config.trunk) is CUSTOM:
        return custom.digest(config)
    if config.weights == "none":
        return None
    return hashlib.sha256(mobilenet.weights_file(config, shape).read_bytes()).hexdigest()
