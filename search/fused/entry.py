"""A trial of an engine, from the first time that its worker asks for it."""

import time
from concurrent.futures import Future
from typing import Any

from search.fused.answers import Answer
from search.fused.program_sizes import ProgramSizes
from search.fused.trial import DeviceTrial
from search.record import Ask
from search.training.training import Training


class Entry:
    """A trial of the engine, with the epoch up to which it was asked to train."""

    def __init__(self, owner: str, ask: Ask, fresh: Any) -> None:
        self.owner, self.ask, self.fresh = owner, ask, fresh
        self.fused: DeviceTrial | None = None
        self.pending: Future[None] | None = None
        self.alone: Training | None = None
        self.sizes: ProgramSizes | None = None
        self.target = 0
        self.answer: Answer | None = None
        self.clock_s = 0.0
        self.began = self.asked = time.monotonic()

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for its answer."""
        return self.answer is None

    @property
    def ready(self) -> bool:
        """Whether it can be trained on: its program is compiled, or has to be begun."""
        return self.waiting and (self.pending is None or self.pending.done())
