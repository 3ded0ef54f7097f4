"""A data source of the user's own: a function that returns arrays, checked like an `.npz` file's."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.data.rows import Rows
from search.data.sources.npz import rows_of
from spaces.data import Custom, Npz
from spaces.errors import RunError, foreign_code

ARRAYS = ("X", "y", "group", "recording", "time", "split", "seizures")


def load_custom(config: Custom, base: Path) -> Rows:
    """Calls the function a study names and checks what it returns.

    Args:
        config: `package.module:function`, where it lies, and its options.
        base: the folder that a relative `config.folder` is taken from.

    Raises:
        RunError: there is no such function, it fails, or its arrays do not fit each other.
    """
    function = find_function(config.source, str(base / (config.folder or ".")), "data.source")
    with foreign_code(f"{config.source} must return arrays, but it raised"):
        arrays = function(**config.options)
        arrays = dict(arrays) if isinstance(arrays, Mapping) else arrays
    if not isinstance(arrays, Mapping) or not {"X", "y"} <= arrays.keys() <= set(ARRAYS):
        came = sorted(map(str, arrays)) if isinstance(arrays, Mapping) else type(arrays).__name__
        raise RunError(
            f"{config.source} must return a mapping with X, y and, where known, "
            f"{', '.join(ARRAYS[2:])}, but it returned {came}"
        )
    named = {key: key for key in ARRAYS[2:] if key in arrays}
    as_npz = Npz(
        source="npz",
        path="",
        task=config.task,
        positive=config.positive,
        window_s=config.window_s,
        step_s=config.step_s,
        exact_names=config.exact_names,
        **named,
    )
    return rows_of(arrays, as_npz, config.source)


def find_function(name: str, folder: str, setting: str) -> Callable[..., Any]:
    """Imports `package.module:function`, looked up in `folder` first.

    Args:
        name: what a study names.
        folder: where the module may lie, absolute.
        setting: the key of the study, for messages.

    Raises:
        RunError: there is no such module or function, or importing it fails.
    """
    module_name, _, function_name = name.partition(":")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    with foreign_code(f"{setting} must name a module to import, but {name} gave"):
        module = importlib.import_module(module_name)
    function = vars(module).get(function_name)
    if not callable(function):
        raise RunError(f"{setting} must name a function of {module_name}, but it has no {function_name}")
    found: Callable[..., Any] = function
    return found


def code_digest(name: str, folder: str) -> str:
    """The sha256 of the file of a user's module, as 64 hexadecimal digits.

    The module is not run: a driver would load with it whatever it imports, Keras above all.

    Raises:
        RunError: there is no such module.
    """
    module_name = name.partition(":")[0]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(module_name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise RunError(f"{name} must name a module to import, but there is none in {folder} or on the path")
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
