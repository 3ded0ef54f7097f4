"""A function that is kept whole, as text: one of a notebook, which no module holds."""

import base64
import pickle
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from spaces.errors import RunError, one_line
from spaces.space import LONGEST_CODE

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Another version of Python cannot run what this one has compiled."""


def dump(function: Callable[..., Any], name: str) -> str:
    """Returns a function as text; `load` reads it back, in this version of Python.

    Args:
        function: with the helpers and values of the notebook that it uses; modules are named, not kept.
        name: what to call it in messages.

    Raises:
        RunError: it uses what cannot be pickled, or too much.
    """
    import cloudpickle

    try:
        pickled = cloudpickle.dumps(function)
    except Exception as error:  # what an object raises when it is pickled is its own affair
        reason = one_line(error, 300, named=True)
        raise RunError(
            f"a network's function must be one that can be pickled, but {name} uses what cannot: {reason}; "
            "make such objects inside the function"
        ) from None
    text = f"{PYTHON}:{base64.b64encode(zlib.compress(pickled, 9)).decode()}"
    if len(text) > LONGEST_CODE:
        raise RunError(
            f"a network's function is kept in every record, in at most {LONGEST_CODE:,} characters, but "
            f"{name} takes {len(text):,} with the values of the notebook that it uses; load large ones "
            "inside the function"
        )
    return text


def load(code: str, name: str, folder: str) -> Callable[..., Any]:
    """Returns the function that `dump` made a text of; it runs whatever the text says.

    Args:
        code: the text.
        name: what to call it in messages.
        folder: where modules that the function imports may lie, absolute.

    Raises:
        RunError: another version of Python wrote it, it uses a module that is not there, or it is damaged.
    """
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _loaded(code, name, folder)


@lru_cache(maxsize=1)
def _loaded(code: str, name: str, folder: str) -> Callable[..., Any]:
    version, _, text = code.partition(":")
    if version != PYTHON:
        raise RunError(
            f"a function of a notebook is read by the Python that wrote it, but {name} was written by "
            f"{version} and this is {PYTHON}; use that, or search again"
        )
    try:
        function: Callable[..., Any] = pickle.loads(zlib.decompress(base64.b64decode(text)))
    except (Exception, SystemExit) as error:  # damaged pickles raise anything
        reason = one_line(error, 300, named=True)
        raise RunError(
            f"a function of a notebook must load, but {name} gave {reason}; modules that it imports are "
            f"looked for in {folder} and on the path (trunk.code)"
        ) from None
    return function
