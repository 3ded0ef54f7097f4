"""A search as a guest in somebody else's process, such as a notebook: it leaves things as they were."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.failures import explained
from cluster.terminal import VisibleWarnings
from search.hosts.provenance import ROOT
from spaces.errors import RunError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""Those that a search or Ray handles in its own way."""


@contextmanager
def as_guest() -> Iterator[None]:
    """Puts handlers of signals and warnings, the environment and Ray Tune's log level back in the end.

    Meanwhile processes that are started find our packages, from whatever folder the notebook runs in.
    """
    before, log = dict(os.environ), logging.getLogger("ray.tune")
    level, handlers, last_resort = log.level, {}, logging.lastResort
    if threading.current_thread() is threading.main_thread():  # no other may set any
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before.get("PYTHONPATH")]))
    logging.lastResort = VisibleWarnings()
    try:
        yield
    finally:
        logging.lastResort = last_resort
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
        log.setLevel(level)
        for number, handler in handlers.items():
            if handler is not None:  # None is one that Python did not set, and cannot
                with contextlib.suppress(ValueError):
                    signal.signal(number, handler)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Makes what the commands tell in one line a `RunError`, which a notebook shows without a traceback.

    What was not foreseen stays as it is, with its traceback.

    Raises:
        RunError: an interrupt, or a file that could not be read or written.
    """
    try:
        yield
    except (KeyboardInterrupt, OSError) as error:
        line, code = explained(error)
        raise RunError(line.removesuffix(" (-v for more)"), exit_code=code) from None
