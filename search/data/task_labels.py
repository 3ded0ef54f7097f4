"""What the labels of K classes, of K labels and of a number stand for; those of two values: `Labels`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.base import Label
from spaces.errors import RunError, first_of
from spaces.study import Events
from spaces.tasks import Task

NAMED = 4
"""Classes or labels that a message names."""
TOLD = 10
"""Classes or labels whose shares are told."""
Strata = tuple[NDArray[np.bool_], tuple[str, ...]]
"""`(n, s)`: what each part of a split needs rows of, and what to call it."""


class _Many(ABC):
    """What labels of every task but a binary one have in common."""

    column = "labels"

    @property
    def answers(self) -> tuple[Label, ...]:
        """What there is one score of each: classes or labels, in order; none of a number."""
        return ()

    @property
    @abstractmethod
    def task(self) -> Task:
        """What is asked."""

    @abstractmethod
    def told(self, y: NDArray[Any]) -> str:
        """Says how labels lie."""

    def counted(self, y: NDArray[Any]) -> str:
        """Says how the labels of some rows lie."""
        return self.told(y)

    def facts(self, y: NDArray[Any]) -> dict[str, str]:
        """Returns what `describe` says of all labels."""
        return {"labels": self.told(y)}

    @property
    def named(self) -> list[tuple[str, str]]:
        """What labels stand for, as facts of a page."""
        return [(self.task.name, ", ".join(map(repr, self.answers)))] if self.answers else []

    def seizures(self, events: Events) -> tuple[int, ...]:
        """Returns the labels that are seizures, true or decided: none, unless the study names some.

        Raises:
            RunError: the study names what is no class, or all of them.
        """
        return ()

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What a prediction is, in a few words."""

    def counted_photos(self, kind: str, negative: int, positive: int) -> str:
        """Says how many photos of a kind there are; they are not told apart by class."""
        return f"{kind}: {negative + positive}"

    @abstractmethod
    def strata(self, y: NDArray[Any]) -> Strata:
        """Returns what each part of a split needs rows of."""

    def check_present(self, y: NDArray[Any]) -> None:
        """Refuses labels of which one never comes, or always: there is nothing to tell apart.

        Raises:
            RunError: naming them.
        """
        has, names = self.strata(y)
        lacking = [
            name for name, there in zip(names, np.atleast_1d(has.any(axis=0)), strict=True) if not there
        ]
        if lacking:
            raise RunError(
                f"every class, and both sides of every label, must be in some row, but none has "
                f"{first_of(lacking, NAMED)}; leave them out"
            )

    def positives(self, y: NDArray[Any]) -> int | None:
        """Returns None: there is no one positive class."""
        return None


@dataclass(frozen=True)
class Classes(_Many):
    """The values of K exclusive classes, as they stand in the user's data; the code of a row is its place."""

    values: tuple[Label, ...]

    @property
    def task(self) -> Task:
        """What is asked."""
        return Task(name="classes", size=len(self.values))

    @property
    def answers(self) -> tuple[Label, ...]:
        """The classes."""
        return self.values

    def check(self, y: NDArray[Any], n: int) -> None:
        """Refuses what are no codes of these classes.

        Raises:
            RunError: another type, shape or number.
        """
        _check_form(y, np.int16, (n,))
        if y.size and not 0 <= int(y.min()) <= int(y.max()) < len(self.values):
            raise RunError(f"codes must lie in 0 to {len(self.values) - 1}, but got {y.min()} to {y.max()}")

    def seizures(self, events: Events) -> tuple[int, ...]:
        """Returns the places of the classes that the study names."""
        return events.places(self.values)

    @property
    def meaning(self) -> str:
        """What a prediction is, in a few words."""
        return f"label is one of {first_of(map(repr, self.values), NAMED)}"

    def strata(self, y: NDArray[Any]) -> Strata:
        """Returns which class each row has."""
        return y[:, None] == np.arange(len(self.values)), tuple(f"class {value!r}" for value in self.values)

    def told(self, y: NDArray[Any]) -> str:
        """Says how often each class comes that comes at all."""
        counts = np.bincount(y, minlength=len(self.values))
        named = zip(map(_seen, self.values), counts, strict=True)
        return first_of((f"{value} {count / len(y):.1%}" for value, count in named if count), TOLD)


@dataclass(frozen=True)
class LabelNames(_Many):
    """The names of K labels that apply each for itself."""

    names: tuple[str, ...]

    @property
    def task(self) -> Task:
        """What is asked."""
        return Task(name="labels", size=len(self.names))

    @property
    def answers(self) -> tuple[Label, ...]:
        """The labels."""
        return self.names

    def check(self, y: NDArray[Any], n: int) -> None:
        """Refuses what are no labels of these names.

        Raises:
            RunError: another type, shape or number.
        """
        _check_form(y, np.int8, (n, len(self.names)))
        if not np.isin(y, (0, 1)).all():
            raise RunError("encoded labels must be 0 or 1, but others came")

    @property
    def meaning(self) -> str:
        """What a prediction is, in a few words."""
        return f"a column says of each label whether it applies: {first_of(map(repr, self.names), NAMED)}"

    def strata(self, y: NDArray[Any]) -> Strata:
        """Returns which labels each row has, and which it has not."""
        names = [f"label {name!r}" for name in self.names]
        return np.hstack([y == 1, y == 0]), (*names, *(f"no {name}" for name in names))

    def told(self, y: NDArray[Any]) -> str:
        """Says how often each label applies."""
        named = zip(map(_seen, self.names), y.mean(axis=0), strict=True)
        return first_of((f"{name} {share:.1%}" for name, share in named), TOLD)


@dataclass(frozen=True)
class Quantity(_Many):
    """What a number to predict is called."""

    quantity: str

    @property
    def task(self) -> Task:
        """What is asked, before the training rows have said how the targets lie."""
        return Task(name="number")

    def check(self, y: NDArray[Any], n: int) -> None:
        """Refuses what are no numbers.

        Raises:
            RunError: another type, shape or value.
        """
        _check_form(y, np.float64, (n,))
        if not np.isfinite(y).all():
            raise RunError("targets must be finite, but some are not")

    @property
    def meaning(self) -> str:
        """What a prediction is, in a few words."""
        return f"prediction is {self.quantity}"

    def strata(self, y: NDArray[Any]) -> Strata:
        """Returns nothing: no number has to stand in every part."""
        return np.empty((len(y), 0), np.bool_), ()

    def told(self, y: NDArray[Any]) -> str:
        """Says where the numbers lie."""
        return f"mean {y.mean():.4g}, standard deviation {y.std():.4g}"


def _seen(name: Label) -> str:
    """A name as a sentence has it: one of blanks alone, which nobody would see, in quotes."""
    return str(name) if str(name).strip() else repr(name)


def _check_form(y: NDArray[Any], dtype: type, shape: tuple[int, ...]) -> None:
    if y.shape != shape or y.dtype != dtype:
        raise RunError(f"labels must be {dtype.__name__} of shape {shape}, but got {y.dtype} of {y.shape}")


def stored(values: Mapping[str, Any]) -> Classes | LabelNames | Quantity:
    """Makes the value again of what `asdict` and JSON made of it."""
    if "quantity" in values:
        return Quantity(values["quantity"])
    return Classes(tuple(values["values"])) if "values" in values else LabelNames(tuple(values["names"]))
