"""The two exceptions of headsearch: one fails a trial, the other stops the run."""

from collections.abc import Iterable


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
    text = f"{type(error).__name__}: {error}" if named else str(error)
    return " ".join(text.split())[:most]
