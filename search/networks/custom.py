"""A trunk of the user's own: a function, checked for what a bundle can load without it."""

import hashlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from search.data.sources.custom import code_digest, find_function
from search.networks import pickled_function
from spaces.configuration import Config
from spaces.errors import RunError, foreign_code, one_line

TRIED_ROWS = 4
"""Rows on which a network and its loaded copy must agree."""
TOLERANCE = 1e-4
"""Largest difference between their logits, relative to the largest."""


def build(inputs: Any, config: Config) -> Any:
    """Calls a function of the user's own, which takes inputs and width and returns features.

    Args:
        inputs: `(batch, *shape)`; pixels are scaled to [0, 1].
        config: names the function and the folder where its module is looked for first, or holds the function.

    Returns:
        Features `(batch, units)`.

    Raises:
        RunError: there is no such function, it fails, or it returns no features of its inputs.
    """
    import keras

    if config.code is None:
        function = find_function(config.trunk, _folder(config), "trunk.name")
    else:
        function = pickled_function.load(config.code, config.trunk, _folder(config))
    with foreign_code(f"{config.trunk} must build a network, but it raised"):
        features = function(inputs, config.width)
    if not keras.backend.is_keras_tensor(features):
        raise RunError(
            f"{config.trunk} must return the features as one Keras tensor made of its inputs, "
            f"but it returned {type(features).__name__}"
        )
    if len(features.shape) != 2 or features.shape[1] is None:
        raise RunError(
            f"{config.trunk} must return features of shape (batch, units), but they are {features.shape}; "
            "end it with Flatten, global pooling or Dense"
        )
    return features


def digest(config: Config) -> str:
    """Returns the sha256 of the file or of the pickle of a user's function, as 64 hexadecimal digits."""
    if config.code is not None:
        return hashlib.sha256(config.code.encode()).hexdigest()
    return code_digest(config.trunk, config.folder or ".")


def check_build(config: Config, build: Callable[[], Any]) -> None:
    """Refuses, before anything is trained, a network that fails to build or that no bundle could hold.

    Args:
        config: names the function.
        build: builds the network of the configuration; it is called twice.

    Raises:
        RunError: what is wrong, and what to use instead.
    """
    with foreign_code(f"{config.trunk} must build a network, but it gave"):
        first, second = build(), build()
    shared = {id(weight) for weight in first.weights} & {id(weight) for weight in second.weights}
    if shared:
        names = [weight.path for weight in first.weights if id(weight) in shared]
        raise RunError(
            f"{config.trunk} must make its layers anew each time it is called, or trials would train each "
            f"other's, but {names[0]} was there before; make its layer inside the function"
        )
    check_loadable(first, config.trunk)


def check_loadable(model: Any, name: str) -> None:
    """Refuses a network that would not load in safe mode where the user's code is not at hand.

    Args:
        model: the network.
        name: of the function that made it, for messages.

    Raises:
        RunError: it holds a Lambda, or a layer or function that is not Keras' own, or it loads as another.
    """
    import keras

    with (
        foreign_code(f"{name} must make a network that can be saved, but it gave"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of a lambda, which is refused below
        config = keras.saving.serialize_keras_object(model)
    check_config(config, name)
    _check_round_trip(model, name)


def check_config(config: Any, name: str) -> None:
    """Refuses the config of a network that holds a Lambda, or a layer or function that is not Keras' own.

    Args:
        config: as `keras.saving` writes it.
        name: of what has it, for messages.

    Raises:
        RunError: what it holds, and what to use instead.
    """
    for part in _objects(config):
        _check_object(part, name)


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yields the configs of all objects within one: layers in layers, functions, initialisers."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _objects(part)


def _check_object(part: dict[str, Any], name: str) -> None:
    kind, module = part["class_name"], part.get("module") or "keras"
    held = part.get("config")
    called = held if isinstance(held, str) else (held or {}).get("name", kind)
    if kind in ("Lambda", "__lambda__"):
        raise RunError(
            f"a network must load in safe mode, which a Lambda does not, but {name} has one ({called}); "
            "call keras.ops on the tensors instead, or use a layer of keras.layers"
        )
    own, what = module.partition(".")[0] in ("keras", "builtins"), f"{module}.{kind}"
    if kind == "function":
        own, what = _is_keras_function(part), "a function"
    if not own or ">" in (part.get("registered_name") or ""):
        raise RunError(
            f"a network must be made of Keras' own layers and functions, since a bundle loads without your "
            f"code, but {name} has {called} ({what}); write it with keras.ops on the tensors and "
            "with layers of keras.layers"
        )


def _is_keras_function(part: dict[str, Any]) -> bool:
    """Whether a function, which is saved by its name alone, is one that Keras finds without help."""
    import keras

    try:
        keras.saving.deserialize_keras_object(part, safe_mode=True)
    except Exception:  # what it raises for an unknown name is not promised
        return False
    return ">" not in part["config"]


def _check_round_trip(model: Any, name: str) -> None:
    import keras

    rows = np.random.default_rng(0).normal(size=(TRIED_ROWS, *model.input.shape[1:])).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.keras")
        try:
            model.save(file)
            loaded = keras.saving.load_model(file, compile=False, safe_mode=True)
        except Exception as error:
            reason = one_line(error, 300, named=True)
            raise RunError(
                f"{name} must make a network that loads in safe mode, but it gave {reason}; "
                "use layers of keras.layers and keras.ops on the tensors"
            ) from error
    before, after = (keras.ops.convert_to_numpy(each(rows, training=False)) for each in (model, loaded))
    worst = np.abs(before - after).max()
    if not worst <= TOLERANCE * (1 + np.abs(before).max()):
        raise RunError(
            f"{name} must make a network that is the same when loaded, but its logits then differ by "
            f"{worst:.3g}; a function of your own may have the name of one of Keras'"
        )


def _folder(config: Config) -> str:
    return str(Path(config.folder or ".").resolve())
