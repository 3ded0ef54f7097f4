"""What the reader of programs knows of a value: the program is followed, and never run.

Values are frozen. What a program can change (models, lists, dictionaries, objects) is a `Ref` to a place in
`State.heap`, which holds the frozen value of the moment.
"""

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.model_facts import (
    LabelFacts,
    LayerFacts,
    LossFacts,
    MetricFacts,
    OutputFacts,
    Place,
    WeightFacts,
)

MOST = 12
"""More possibilities than this are unknown."""

TRIED = 4 * MOST
"""Combinations of possibilities that are tried: where there are more, all of them are unknown."""

Tags = frozenset[tuple[str, bool]]
"""Conditions of the program, and whether they hold."""


@dataclass(frozen=True)
class Unknown:
    """A value of which nothing is known."""


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Known:
    """A text, number, bool or None, and where it is written."""

    value: Any
    at: ast.expr | None = field(default=None, compare=False)


NONE = Known(None)


@dataclass(frozen=True)
class Items:
    """A tuple, or what a list holds; `open` if there may be more."""

    values: tuple[Any, ...]
    open: bool = False


@dataclass(frozen=True)
class Table:
    """What a dictionary holds, in order; `open` if there may be more."""

    entries: tuple[tuple[Any, Any], ...]
    open: bool = False

    def get(self, key: object) -> Any:
        """Returns the value of a key, unknown if it is not there."""
        return next((value for name, value in reversed(self.entries) if name == key), UNKNOWN)


@dataclass(frozen=True)
class Outside:
    """Something of a library, by its dotted name; see `audit.names`."""

    dotted: str


@dataclass(frozen=True)
class Method:
    """An attribute of a value that is called."""

    owner: Any
    name: str


@dataclass(frozen=True)
class Function:
    """A function of the program, and the scope it was defined in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = field(compare=False)
    scope: int = 0
    owner: Any = None
    key: int = 0


@dataclass(frozen=True)
class Class:
    """A class of the program; `base` is the library's class it derives from, such as keras.Model."""

    node: ast.ClassDef = field(compare=False)
    scope: int
    base: str
    key: int = 0


@dataclass(frozen=True)
class Partial:
    """A function or class with arguments that are given already, by `functools.partial`."""

    function: Any
    args: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Ref:
    """A thing that the program can change."""

    key: int


@dataclass(frozen=True)
class Instance:
    """An object of a class of the program; attributes are names in a scope of its own."""

    of: Class
    scope: int


@dataclass(frozen=True)
class Choice:
    """One of several values, each with the conditions it holds under."""

    options: tuple[tuple[Tags, Any], ...]


@dataclass(frozen=True)
class Layer:
    """A layer of Keras. `wraps` is what a Lambda calls, or the model that is used as a layer."""

    facts: LayerFacts
    name: str | None = None
    wraps: Any = None


@dataclass(frozen=True)
class Tensor:
    """What flows through a network. `model` is the one that gave it from data, outside of any network."""

    output: OutputFacts = OutputFacts()  # noqa: RUF009
    model: Any = None


@dataclass(frozen=True)
class Loss:
    """A loss."""

    facts: LossFacts


@dataclass(frozen=True)
class Metric:
    """A metric; `key` tells one object from another."""

    facts: MetricFacts
    key: int = 0


@dataclass(frozen=True)
class Network:
    """A model at a moment.

    Args:
        outputs: see `ModelFacts`.
        sequential: whether `add` puts another layer on top.
        inner: the `Instance` of a subclassed model.
        losses, metrics: as compiled; None before.
        labels: of each output, as trained; None before.
        weights: class weights, as trained.
        many: whether it was trained at all.
    """

    outputs: tuple[OutputFacts, ...] = ()
    sequential: bool = False
    inner: Any = None
    losses: tuple[LossFacts | None, ...] | None = None
    metrics: tuple[tuple[MetricFacts, ...], ...] = ()
    labels: tuple[LabelFacts | None, ...] = ()
    weights: WeightFacts | None = None
    compiled_at: Place | None = None
    made_at: Place = Place()  # noqa: RUF009


@dataclass(frozen=True)
class Served:
    """Predictions of a model: which output, which loss it was trained on, and what was done to them.

    Args:
        output, loss, labels: as in `ModelFacts`.
        column: the column that was taken; None if none was.
        column_at: where it was taken.
        cut: whether they are cut at a threshold.
        place: the call of predict.
    """

    output: OutputFacts
    loss: LossFacts | None = None
    labels: LabelFacts | None = None
    column: int | None = None
    column_at: Place | None = None
    cut: bool = False
    row: bool = False
    place: Place = Place()  # noqa: RUF009


@dataclass(frozen=True)
class Fitted:
    """Something that was fitted: what, where, and on the rows of which arrays."""

    kind: str
    place: Place
    roots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Array:
    """Rows of data: features, labels or predictions.

    Args:
        labels: what is known of its values.
        roots: the arrays whose rows these are, by a name of our own.
        part: train, val or test, if it is a part of a split or named so; some, if it is another part.
        many: whether there are surely many rows; None if unknown.
        name: the program's own name for it.
        fitted: what was fitted on rows of all parts before these rows came from it.
        served: whose predictions these are.
        chosen: where the threshold was chosen that this is, and on which part.
        statistic: whether it is a mean, deviation, least or greatest value of its rows.
        telling: columns of a table that each say whether a text holds a word.
        stride: of a number that a loop counts, the step and how it is written.
        overlaps: whether its rows are windows that overlap.
        shuffled: where such rows, or their places, were brought into a random order.
    """

    labels: LabelFacts = LabelFacts()  # noqa: RUF009
    roots: frozenset[str] = frozenset()
    part: str = ""
    many: bool | None = None
    name: str = ""
    fitted: tuple[Fitted, ...] = ()
    served: Served | None = None
    chosen: tuple[Place, str] | None = None
    statistic: str = ""
    telling: frozenset[str] = frozenset()
    stride: tuple[int | None, str] | None = None
    overlaps: bool = False
    shuffled: Place | None = None


@dataclass(frozen=True)
class Rows:
    """A data set that gives features and labels, such as tf.data's or a generator of images."""

    labels: Any = UNKNOWN
    features: Any = UNKNOWN


@dataclass(frozen=True)
class Estimator:
    """An object of scikit-learn or imbalanced-learn, by its class, and what it was fitted on."""

    kind: str
    options: tuple[tuple[str, Any], ...] = ()
    fitted: Fitted | None = None
    labels: LabelFacts = LabelFacts()  # noqa: RUF009


def choice(options: Iterable[tuple[Tags, Any]]) -> Any:
    """Returns one of several values, or the only one there is."""
    flat: dict[Any, list[Tags]] = {}
    for tags, value in options:
        inner = value.options if isinstance(value, Choice) else ((frozenset(), value),)
        for more, option in inner:
            both = tags | more
            if not contradict(both):
                flat.setdefault(option, []).append(both)
    if len(flat) == 1:
        return next(iter(flat))
    pairs = [(tags, value) for value, all_tags in flat.items() for tags in dict.fromkeys(all_tags)]
    return UNKNOWN if not pairs or len(pairs) > MOST else Choice(tuple(pairs))


def contradict(tags: Tags) -> bool:
    """Says whether conditions exclude each other."""
    return len({name for name, _ in tags}) < len(tags)


def combined(values: Sequence[Any]) -> list[tuple[Tags, tuple[Any, ...]]]:
    """Returns every combination of what values can be together; of too many one, where they are unknown."""
    found: list[tuple[Tags, tuple[Any, ...]]] = [(frozenset(), ())]
    for value in values:
        if isinstance(value, Choice):
            found = [
                (tags | more, (*taken, one))
                for tags, taken in found
                for more, one in value.options
                if not contradict(tags | more)
            ]
        else:
            found = [(tags, (*taken, value)) for tags, taken in found]
        if len(found) > TRIED:
            return [
                (frozenset(), tuple(UNKNOWN if isinstance(one, Choice) else one for one in values)),
            ]
    return found


def mapped(function: Callable[..., Any], *values: Any) -> Any:
    """Applies a function to every combination of what values can be."""
    return choice((tags, function(*combination)) for tags, combination in combined(values))


def known(value: Any) -> Any:
    """Returns the text, number, bool or None that a value is, or `UNKNOWN`."""
    return value.value if isinstance(value, Known) else UNKNOWN


def whole(value: Any) -> int | None:
    """Returns the whole number that a value is."""
    number = known(value)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def text(value: Any) -> str | None:
    """Returns the text that a value is."""
    found = known(value)
    return found if isinstance(found, str) else None


@dataclass
class State:
    """All that is known at a place of the program: names in scopes, and the things that can change."""

    scopes: dict[int, dict[str, Any]]
    parents: dict[int, int | None]
    heap: dict[int, Any]

    def fork(self) -> "State":
        """Returns a copy, for one of two branches."""
        return State({key: dict(names) for key, names in self.scopes.items()}, self.parents, dict(self.heap))

    def size(self) -> int:
        """Returns how many names and things are known."""
        return len(self.heap) + sum(map(len, self.scopes.values()))

    def become(self, condition: str, held: "State", failed: "State") -> None:
        """Becomes what is known after two branches."""
        yes, no = frozenset({(condition, True)}), frozenset({(condition, False)})

        def merge(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
            return {
                name: one[name]
                if name not in other or (name in one and one[name] is other[name])
                else other[name]
                if name not in one
                else one[name]
                if one[name] == other[name]
                else choice(((yes, one[name]), (no, other[name])))
                for name in one.keys() | other.keys()
            }

        self.scopes = {
            key: merge(held.scopes.get(key, {}), failed.scopes.get(key, {}))
            for key in held.scopes.keys() | failed.scopes.keys()
        }
        self.heap = merge(held.heap, failed.heap)

    def take(self, other: "State") -> None:
        """Becomes another."""
        self.scopes, self.heap = other.scopes, other.heap
