"""Makes the next suggestion in a thread, ahead of time, so that no worker waits for the sampler."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SuggestionQueue(Generic[T]):
    """Makes the next suggestion in a thread, while the last one is in use.

    Only one is made ahead, since a suggestion that is made earlier knows fewer results. It knows those that
    were reported before the previous suggestion was taken: one trial fewer than if it were made on demand.

    Args:
        make: makes the suggestion of a number. Whatever it depends on is changed by `do` alone.
        end: the number after the last.
    """

    def __init__(self, make: Callable[[int], T], end: int) -> None:
        self._make, self._end = make, end
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampler")
        self._number: int | None = None
        self._made: Future[T]
        self._error: BaseException | None = None

    def do(self, action: Callable[..., None], *arguments: Any) -> None:
        """Runs an action in the thread, before any later suggestion; if it raises, so does `take`."""
        self._thread.submit(action, *arguments).add_done_callback(self._note)

    def take(self, number: int) -> T:
        """Returns a suggestion, waits if it is not ready, and begins the next one.

        Raises:
            Exception: what `make`, or an action before it, raised.
        """
        if number != self._number:
            self._begin(number)
        made = self._made.result()
        if self._error is not None:
            raise self._error
        if number + 1 < self._end:
            self._begin(number + 1)
        return made

    def close(self) -> None:
        """Ends the thread; what has not been begun is dropped."""
        self._thread.shutdown(cancel_futures=True)

    def _begin(self, number: int) -> None:
        self._number, self._made = number, self._thread.submit(self._make, number)

    def _note(self, done: "Future[None]") -> None:
        if not done.cancelled():
            self._error = self._error or done.exception()
