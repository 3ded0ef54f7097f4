"""Trials that one program trains together, and the sizes of that program."""

import os
import time
from concurrent.futures import Executor, Future

from search.fused.trial import Group


class ProgramSizes:
    """A group, with the sizes of its program that are compiled.

    Args:
        group: the group.
        most: the most trials that its program may hold.
        share: of all trials, how many are likely to be of this group.
        compiler: compiles one size after another.
    """

    def __init__(self, group: Group, most: int, share: float, compiler: Executor) -> None:
        self.group, self.most, self._share, self._compiler = group, most, share, compiler
        self._ready: dict[int, float] = {}
        self._ahead: dict[int, Future[None]] = {}
        self._call_s: dict[int, float] = {}
        self._wasted: dict[int, float] = {}

    def size_for(self, count: int) -> int | Future[None]:
        """Returns the size of the program that is to train so many trials, or what is to be waited for.

        A larger one than is needed serves where it is compiled, and a smaller one is compiled beside it once
        that costs less than the empty places do.

        Raises:
            Exception: it cannot be compiled.
        """
        every = ladder(self.most)
        fitting = next(size for size in every if size >= count)
        ready = [size for size in every if size >= count and size in self._ready]
        if not ready:
            first = next(size for size in every if size >= min(self.most, max(count, self._expected)))
            waits = self.compile_ahead(first)
            if waits.done():
                waits.result()
            return waits
        size = min(ready)
        if size > fitting and all(each.done() for each in self._ahead.values()):
            wasted = self._wasted.get(fitting, 0.0) + self._call_s.get(size, 0.0) * (1 - fitting / size)
            self._wasted[fitting] = wasted
            # It takes one core of those that are there.
            if wasted * (os.cpu_count() or 1) > self._ready[size]:
                self.compile_ahead(fitting)
        return size

    def compile_ahead(self, size: int | None = None) -> Future[None]:
        """Begins to compile for so many trials, beside whatever else goes on; for as many as are expected."""
        wanted = self._expected if size is None else size
        chosen = next(each for each in ladder(self.most) if each >= wanted)
        if chosen not in self._ahead:
            self._ahead[chosen] = self._compiler.submit(self._compile, chosen)
        return self._ahead[chosen]

    @property
    def _expected(self) -> int:
        return int(self.most * self._share)

    def took(self, size: int, seconds: float) -> None:
        """Notes how long a call took."""
        self._call_s[size] = seconds

    def _compile(self, size: int) -> None:
        began = time.monotonic()
        self.group.program.compile(size)
        self._ready[size] = time.monotonic() - began


def ladder(most: int) -> list[int]:
    """Returns the sizes of programs, ascending: powers of two, the last one being `most`."""
    return [*(2**power for power in range(most.bit_length()) if 2**power < most), most]
