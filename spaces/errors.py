"""The two exceptions of headsearch: one fails a trial, the other stops the run."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class TrialError(Exception):
    """A trial cannot be measured truthfully; it becomes a failed row and the search goes on."""


class RunError(Exception):
    """The run stops, or never starts.

    The message is one line: the rule, what came, and the fix.

    Args:
        message: what the user reads.
        exit_code: 2 when the request was wrong, 1 when the work failed.
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def _render_traceback_(self) -> list[str]:
        """Returns what IPython shows instead of a traceback: the line, as a terminal shows it."""
        shown = (one if one.isprintable() else repr(one)[1:-1] for one in str(self))
        return [f"RunError: {''.join(shown)}"]


def first_of(names: Iterable[object], most: int, separator: str = ", ") -> str:
    """Names at most so many for a message, and says how many more there are."""
    texts = list(map(str, names))
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return separator.join(texts[:most]) + more


def one_line(error: BaseException, most: int, *, named: bool = False) -> str:
    """Returns the text of an error on one line of at most so many characters, after its type if `named`."""
    try:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Keras writes in bold
    except Exception:  # a class of the user's own
        text = ""
    kind = type(error).__name__
    return " ".join((f"{kind}: {text}" if named and text else text or kind).split())[:most]


@contextmanager
def foreign_code(said: str) -> Iterator[None]:
    """Runs code of the user's own, whose errors are told in one line, whatever they are.

    An exit is one of them: it would end the command as if its work were done.

    Args:
        said: the rule, and that the code broke it; the error follows.

    Raises:
        RunError: the code raised anything but an interrupt, or an error of ours.
    """
    try:
        yield
    except (KeyboardInterrupt, RunError):
        raise
    except BaseException as error:
        raise RunError(f"{said} {one_line(error, 300, named=True)}") from error
