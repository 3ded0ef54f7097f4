"""The terminal: what is written to it, and how a search outlasts its loss, as when an ssh connection ends."""

import contextlib
import io
import logging
import os
import sys
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

WIDTH = 140
"""Characters of a line of a table where there is no terminal."""


class PlainConsole(Console):
    """A console to which every string is text: it knows no markup, and it shows control characters.

    What it prints holds names from data, studies and paths, and errors: `[red]` in one is no style, and an
    escape sequence in one must not reach the terminal.

    Args:
        stderr: whether it prints on standard error.
        options: those of `rich.console.Console`.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)
        if "width" not in options and not self.is_terminal:
            self.width = WIDTH

    def on_broken_pipe(self) -> None:
        """Prints nothing more once whoever read has gone, as `head` does; the work goes on to its end."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())

    def render_str(self, text: str, **options: Any) -> Text:
        """Makes a string the text that is printed; tables call it for titles, heads and cells."""
        return super().render_str(_visible(text), **options)


class NotebookLine:
    """A line in the output of a notebook's cell that changes in its place, as rich's `Live` on a terminal."""

    def start(self) -> None:
        """Begins the line, empty."""
        from IPython.display import display  # in a notebook it is there

        self._handle = display({"text/plain": ""}, raw=True, display_id=True)

    def update(self, text: Text, *, refresh: bool) -> None:
        """Shows another text in its place."""
        if refresh:
            self._handle.update({"text/plain": _visible(text.plain)}, raw=True)

    def stop(self) -> None:
        """Leaves the line as it is."""


def say(console: Console, part: RenderableType, style: str | None = None) -> None:
    """Prints a line as it is, however long; or a table."""
    console.print(part, soft_wrap=isinstance(part, str), style=style, markup=False, highlight=False)


class VisibleWarnings(logging.Handler):
    """Writes warnings to standard error, a line each; names of files in them may hold what a terminal obeys.

    As `logging.lastResort` it gets the warnings of all packages that nobody configured logging for.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one warning."""
        line = _visible(self.format(record)).replace("\n", "\\n")
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{line}\n")


def _visible(text: str) -> str:
    """Writes characters that move the cursor or do not show as `repr` does; line ends stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


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
