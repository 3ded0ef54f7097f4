"""Runs a function in a process of its own, which may load Keras or crash."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from search.networks import backend
from spaces.errors import RunError, one_line


def run_in_subprocess(work: Callable[..., None], *arguments: Any) -> None:
    """Calls a function in a fresh process that sees no accelerator, and waits for it.

    A driver that built a network itself would hold Keras, and with TensorFlow a whole GPU, for the length of
    the search; and code of a user's own may end the process it runs in.

    Args:
        work: a function that can be imported by name, with its arguments.

    Raises:
        RunError: the function's own, or one that says how the process ended.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start) as pool:
        try:
            pool.submit(_reporting, work, *arguments).result()
        except BrokenProcessPool:
            raise RunError(
                "a network must leave its process alive, but building it ended the process"
            ) from None


def _start() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    backend.start(1)
    backend.import_keras()


def _reporting(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    except RunError as error:
        raise error from None  # its cause may not be one that can be sent
    except BaseException as error:  # SystemExit too, which would end the caller
        reason = one_line(error, 300, named=True)
        raise RunError(f"a network must build, but building it gave {reason}") from None
