"""The terminal: what is written to it, and how a search outlasts its loss, as when an ssh connection ends."""

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
    """A terminal's stream that drops what it cannot write.

    Its file is unbuffered, so that the end of the process does not try again to write what was dropped.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        raw = io.FileIO(stream.fileno(), "w", closefd=False)
        super().__init__(raw, stream.encoding, stream.errors, line_buffering=True)

    def write(self, text: str, /) -> int:
        """Writes text; returns its length."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Writes what is buffered."""
        with contextlib.suppress(OSError):
            super().flush()
