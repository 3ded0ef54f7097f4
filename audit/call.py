"""A call in a program, as those who know the called thing see it."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from audit.finding import Edit
from audit.model_facts import Place, Written
from audit.values import UNKNOWN, Fitted, Items, Known, Network, Ref, State, Table, known


class Runner(Protocol):
    """What follows a program, as far as calls need it."""

    state: State
    path: Path
    groups: dict[str, Place]
    split_by_group: bool
    random_splits: list[Place]
    fits: list[Fitted]
    classified: set[tuple[int, int]]
    overlapping: dict[tuple[int, int], tuple[Place, frozenset[str]]]
    permuted: dict[tuple[int, int], tuple[Place, frozenset[str]]]

    def place(self, node: ast.AST) -> Place:
        """Returns where a node stands."""

    def source(self, node: ast.AST) -> str:
        """Returns its text."""

    def apply(self, function: Any, args: tuple[Any, ...], node: ast.AST) -> Any:
        """Calls a function of the program."""

    def flow(self, layer: Ref, tensor: Any, node: ast.AST) -> Any:
        """Returns what a layer of the program's own class makes of a tensor."""

    def put(self, value: Any) -> Ref:
        """Returns a new thing that the program can change."""

    def report(
        self, rule: str, place: Place, message: str, fix: str, edits: tuple[Edit, ...] = (), seen: str = ""
    ) -> None:
        """Reports a mistake, once."""

    def check(self, network: Network, place: Place) -> None:
        """Applies the rules of models to what is known of one."""

    def compiled_with(self, key: int, model: Ref, place: Place) -> None:
        """Notes that a metric object is compiled into a model."""

    def note(self, said: str) -> None:
        """Tells what could not be followed, once."""


@dataclass(frozen=True)
class Model:
    """A model that is given to a call, or whose method is called."""

    ref: Ref
    network: Network


@dataclass(frozen=True)
class Changed:
    """What a method makes of its owner, and what it returns."""

    owner: Any
    value: Any = Known(None)  # noqa: RUF009


@dataclass
class Call:
    """A call with single values: what could be several things was taken apart.

    Args:
        name: the last part of what is called.
        ref: what stands for the owner, where it can change.
        dotted: all of it, of a library's function.
        node: the call.
        runner: who follows the program.
        owner: whose method it is; UNKNOWN of a function.
        args, keywords: what was given.
        open: whether more may have been given, by * or **.
        sure: whether the values are the only ones that these can be.
    """

    name: str
    node: ast.AST
    runner: Runner
    owner: Any = UNKNOWN
    args: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    open: bool = False
    sure: bool = True
    ref: Ref | None = None
    dotted: str = ""

    def get(self, position: int | None, *names: str, default: Any = None) -> Any:
        """Returns an argument by its place or one of its names.

        Args:
            position: None of an argument that is given by name alone.
            names: all names that it ever had.
            default: where it is not given; unknown where more may have been given.
        """
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return UNKNOWN if self.open else default

    def node_of(self, position: int | None, *names: str) -> ast.expr | None:
        """Returns how an argument is written."""
        if not isinstance(self.node, ast.Call):
            return None
        for keyword in self.node.keywords:
            if keyword.arg in names:
                return keyword.value
        if position is not None and position < len(self.node.args):
            found = self.node.args[position]
            return None if isinstance(found, ast.Starred) else found
        return None

    def written(self, position: int | None, *names: str) -> Written | None:
        """Returns an argument that is written as a literal in the call itself."""
        node = self.node_of(position, *names)
        if isinstance(node, ast.Constant):
            return Written(text=self.runner.source(node), place=self.place_of(node))
        return None

    def place_of(self, node: ast.AST | None) -> Place:
        """Returns where a node stands, or else where the call does."""
        return self.runner.place(self.node if node is None else node)

    @property
    def text(self) -> Written | None:
        """The call as it is written, where it stands on one line."""
        place = self.place
        if place.start[0] != place.end[0]:
            return None
        return Written(text=self.runner.source(self.node), place=place)

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.runner.place(self.node)


Handler = Callable[[Call], Any]


def flag(value: Any, default: bool | None = None) -> bool | None:
    """Returns the bool that a value is, the default where there is none, or None if unknown."""
    if value is None:
        return default
    found = known(value)
    return bool(found) if isinstance(found, bool | int) else None


def listed(value: Any) -> tuple[Any, ...] | None:
    """Returns the values of a list or tuple that is known whole."""
    return value.values if isinstance(value, Items) and not value.open else None


def entries(value: Any) -> dict[Any, Any] | None:
    """Returns what a dictionary holds that is known whole, by the values of its keys."""
    if not isinstance(value, Table) or value.open:
        return None
    return {known(key): held for key, held in value.entries}
