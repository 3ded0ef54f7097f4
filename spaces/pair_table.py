"""What a table of pairs holds: heads and losses that people write for a kind of task, and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from spaces.errors import RunError

if TYPE_CHECKING:
    # The audit needs the reasons alone, and starts faster without numpy and pydantic.
    from spaces.tasks import TaskName


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of one head with one loss.

    Args:
        head, loss: as written.
        kind: `valid`, `same` (another pair's second name) or `refused`.
        why: one sentence.
        instead: the pair itself where valid, the pair it equals, or the nearest valid one.
    """

    head: str
    loss: str
    kind: Literal["valid", "same", "refused"]
    why: str
    instead: tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class PairTable:
    """Every pair that people write for a kind of task.

    Args:
        task: the kind.
        heads: output layers, by the name that a study gives them, and how they are written in Keras.
        losses: the losses.
        spellings: names that Keras and others give to the losses.
        same: pairs that are another pair's second name: why, and which.
        refused: other pairs that are not valid, and why.
        nearest: the valid pair that is named where a loss is refused,
        nearer: unless the head has a nearer one.
    """

    task: TaskName
    heads: Mapping[str, str]
    losses: tuple[str, ...]
    spellings: Mapping[str, str]
    same: Mapping[tuple[str, str], tuple[str, tuple[str, str]]]
    refused: Mapping[tuple[str, str], str]
    nearest: Mapping[str, tuple[str, str]]
    nearer: Mapping[tuple[str, str], tuple[str, str]]

    def judge(self, head: str, loss: str) -> Verdict:
        """Says what becomes of a head with a loss, both spelled as people write them.

        Raises:
            RunError: a name is unknown; the nearest known one is named.
        """
        from spaces.task_heads import heads_of

        written = self.spellings.get(loss, loss)
        _known(head, "head", tuple(self.heads))
        _known(written, "loss", self.losses, tuple(self.spellings))
        if written in heads_of(self.task).get(head, ()):
            return Verdict(
                head=head, loss=loss, kind="valid", why="decoded by its head", instead=(head, written)
            )
        if (head, written) in self.same:
            why, instead = self.same[head, written]
            return Verdict(head=head, loss=loss, kind="same", why=why, instead=instead)
        instead = self.nearer.get((head, written), self.nearest[written])
        return Verdict(head=head, loss=loss, kind="refused", why=self.refused[head, written], instead=instead)


def _known(name: str, what: str, names: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
    if name not in names:
        near = get_close_matches(name, names + others, n=1, cutoff=0.0)[0]
        raise RunError(f"{what} must be one of {', '.join(names)}, but got {name!r}; nearest is {near!r}")
