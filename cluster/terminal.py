"""Lets a search survive the loss of its terminal, as when an ssh connection ends."""

import contextlib
import io
import sys
from typing import TextIO


def outlast_terminal() -> None:
    """Drops what is written to standard output and error once their terminal is gone.

    Files and pipes are left alone: there, an error means that something asked for is lost.
    """
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)


def _lasting(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or not stream.isatty():
        return stream
    return _Lasting(stream)


class _Lasting(io.TextIOWrapper):
    """A terminal's stream, as long as there is one.

    It is unbuffered below, so nothing that could not be written is tried again at the end of the process.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        raw = io.FileIO(stream.fileno(), "w", closefd=False)
        super().__init__(raw, stream.encoding, stream.errors, line_buffering=True)

    def write(self, text: str, /) -> int:
        """Writes text; returns how much."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Writes what waits."""
        with contextlib.suppress(OSError):
            super().flush()
