"""What a process that trains fused trials says to others, which load neither Keras nor JAX to read it."""

from dataclasses import dataclass

from search.training.trainer import Trained


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Where the seconds of an engine went.

    Args:
        began: making networks and putting rows on the device.
        compiled: waiting for programs that were being compiled.
        trained, scored: epochs, and proofs of their best.
        waited: for a trial to ask.
        epochs, calls: epochs trained, and program calls that trained them.
        rows: rows trained.
    """

    began: float = 0.0
    compiled: float = 0.0
    trained: float = 0.0
    scored: float = 0.0
    waited: float = 0.0
    epochs: int = 0
    calls: int = 0
    rows: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What an engine says of a trial at a rung.

    Args:
        trained: its best epoch so far; None for a trial that failed.
        error: why it failed.
        finished: whether training is over.
        together: the most trials that one program held, this one among them; None where it trained alone.
        clock_s: seconds of the device's clock, each divided among the trials in flight.
        notes: what a person should know, once.
    """

    trained: Trained | None
    error: str | None
    finished: bool
    together: int | None
    clock_s: float
    notes: tuple[str, ...] = ()

    def holds(self, epochs: int) -> bool:
        """Whether it answers a question for so many epochs."""
        return self.finished or (self.trained is not None and self.trained.epochs >= epochs)
