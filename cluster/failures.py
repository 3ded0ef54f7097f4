"""Decides what a failed command prints, and its exit code: 2 for a wrong request, 1 for failed work."""

import errno
import sys
from itertools import pairwise
from typing import Any

from spaces.errors import RunError, one_line

PACKAGES = ("spaces", "audit", "search", "reports", "cluster")
"""Our own packages: if one is missing, another Python would lack it too."""
PLACES = {
    errno.EACCES: "a place must be open to this user",
    errno.EPERM: "a place must be open to this user",
    errno.EROFS: "a place that is written to must not be read-only",
    errno.EEXIST: "where a folder is needed no file may stand",
    errno.ENOTDIR: "every part of a path but the last must be a folder",
    errno.EISDIR: "where a file is needed no folder may stand",
    errno.ENAMETOOLONG: "a name must not be too long",
    errno.ELOOP: "a link must lead to a file or folder",
}
"""The rules for places that a request can name; a request that breaks one was wrong."""
PATHS = {
    "Symlink loop": PLACES[errno.ELOOP],
    "embedded null byte": "a path must hold no null byte",
    "Could not determine home directory": "a path that begins with ~ must name a user of this host",
}
"""The same for what Python tells of a path in words alone: the beginning of its text, and the rule."""
LONGEST = 500
"""Characters that are shown of an unforeseen error."""


def explained(error: BaseException) -> tuple[str, int]:
    """Returns the line that says what failed and where, and the exit code.

    Args:
        error: what a command raised; how the command line itself was misspelt is not decided here.
    """
    match error:
        case RunError():
            return str(error), error.exit_code
        case KeyboardInterrupt():
            return "interrupted", 1
        case MemoryError():
            return f"the memory of this host is not enough: {str(error) or 'none is left'} (-v for more)", 1
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] not in PACKAGES:
            return missing_package(name), 2
        case OSError(errno=int(number), strerror=str(reason)):
            where = " to ".join(repr(str(name)) for name in (error.filename, error.filename2) if name)
            came = f"{where}: {reason}" if where else reason
            if number in PLACES and where:
                return f"{PLACES[number]}, but got {came}", 2
            return f"a file could not be read or written: {came} (-v for more)", 1
        case RuntimeError() | ValueError():
            for text, rule in PATHS.items():
                if str(error).startswith(text):
                    return f"{rule}, but got: {one_line(error, LONGEST)}", 2
    return one_line(error, LONGEST, named=True) + " (-v for more)", 1


def misspelt(error: Any, arguments: list[str]) -> str:
    """Returns the line that says what is wrong with a command line, what came, and where help is.

    Args:
        error: a usage error of the command-line library.
        arguments: the command line.
    """
    said = error.format_message().replace("Value error, ", "").rstrip(".")
    if "Input should" in said:
        names = error.param.opts
        came = [value for name, value in pairwise(arguments) if name in names]
        came += [one.partition("=")[2] for one in arguments if one.partition("=")[0] in names and "=" in one]
        said = said.replace("Input should be", "must be") + "".join(f", but got {one!r}" for one in came[-1:])
    where = error.ctx.command_path if error.ctx is not None else "search.py"
    return f"{said} (see: python {where} --help)"


def missing_package(name: str) -> str:
    """Returns the line that says that a package is not installed, and which Python has it."""
    return (
        f"this Python ({sys.executable}) lacks {name}; use the one that `make search` "
        "sets up: source .venv/bin/activate"
    )
