"""What an expression of a program gives, as far as it is known."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from audit import decode_checks, indexing, library, windows
from audit.call import Runner
from audit.call_arguments import opened, whole_of
from audit.names import UNBOUND, canonical
from audit.split_parts import array_named
from audit.values import (
    UNKNOWN,
    Array,
    Choice,
    Class,
    Function,
    Instance,
    Items,
    Known,
    Method,
    Network,
    Outside,
    Ref,
    Rows,
    Table,
    choice,
    known,
    mapped,
)

LONG = 64
"""Elements of a literal list beyond which it is read as data."""


class Evaluator(Runner, Protocol):
    """What follows a program, as far as expressions need it."""

    frame: int
    stars: list[str]

    def evaluate(self, node: ast.AST | None) -> Any:
        """Returns what an expression gives."""

    def call(self, node: ast.Call) -> Any:
        """Returns what a call gives."""

    def assign(self, target: ast.AST, value: Any) -> None:
        """Binds names to a value."""

    def new_function(self, node: Any) -> Function:
        """Returns a function of the program."""


def look_up(reader: Evaluator, name: str) -> Any:
    """Returns what a name stands for."""
    scope: int | None = reader.frame
    while scope is not None:
        names = reader.state.scopes.get(scope, {})
        if name in names:
            return names[name]
        scope = reader.state.parents.get(scope)
    for module in reader.stars:
        if module.startswith(("keras", "tensorflow")) and name in UNBOUND:
            return Outside(UNBOUND[name])
        dotted = canonical(f"{module}.{name}")
        if dotted in library.KNOWN or (canonical(module).startswith("keras.") and name[:1].isupper()):
            return Outside(dotted)
    if name in UNBOUND:
        return Outside(UNBOUND[name])
    if name in _BUILTINS:
        return Outside(f"builtins.{name}")
    return replace(array_named(name), roots=frozenset({name}))


_BUILTINS = frozenset(
    {
        *("len", "range", "int", "float", "str", "bool", "list", "tuple", "dict", "set", "zip", "enumerate"),
        *("max", "min", "round", "sum", "abs", "sorted", "print", "super", "isinstance", "map", "reversed"),
    }
)


def _constant(reader: Evaluator, node: ast.Constant) -> Any:
    if isinstance(node.value, str | int | float | bool | None):
        return Known(node.value, node)
    return UNKNOWN


def _name(reader: Evaluator, node: ast.Name) -> Any:
    return look_up(reader, node.id)


def _attribute(reader: Evaluator, node: ast.Attribute) -> Any:
    return attribute(reader, reader.evaluate(node.value), node.attr)


def attribute(reader: Evaluator, owner: Any, name: str) -> Any:
    """Returns an attribute of a value."""
    if isinstance(owner, Choice):
        return choice((tags, attribute(reader, value, name)) for tags, value in owner.options)
    if isinstance(owner, Outside):
        return Outside(canonical(f"{owner.dotted}.{name}"))
    if isinstance(owner, Ref):
        held = reader.state.heap.get(owner.key)
        for _, thing in held.options if isinstance(held, Choice) else ((None, held),):
            inner = thing.inner if isinstance(thing, Network) else thing
            if isinstance(inner, Instance):
                found = _member(reader, owner, inner, name)
                if found is not None:
                    return found
        if isinstance(held, Network):
            if name in ("output", "outputs"):
                return indexing.outputs_of(held, one=name == "output")
            if name in ("input", "inputs"):
                return UNKNOWN
        return Method(owner, name)
    if isinstance(owner, Class):
        return _of_class(reader, owner, name) or UNKNOWN
    if isinstance(owner, Array | Rows):
        return indexing.attribute(owner, name)
    return Method(owner, name)


def _member(reader: Evaluator, owner: Ref, instance: Instance, name: str) -> Any:
    names = reader.state.scopes.get(instance.scope, {})
    if name in names:
        return names[name]
    found = _of_class(reader, instance.of, name)
    if isinstance(found, Function):
        plain = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in decorators(found.node))
        made = found if plain else Function(found.node, found.scope, owner, found.key)
        if any(isinstance(one, ast.Name) and one.id == "property" for one in decorators(found.node)):
            return reader.apply(made, (), found.node)
        return made
    return found


def decorators(node: Any) -> list[ast.expr]:
    """Returns the decorators of a function; a lambda has none."""
    return [] if isinstance(node, ast.Lambda) else list(node.decorator_list)


def _of_class(reader: Evaluator, of: Class, name: str) -> Any:
    for statement in of.node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return Function(statement, of.scope, None, id(statement))
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    return reader.evaluate(statement.value)
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.target.id == name
            and statement.value is not None
        ):
            return reader.evaluate(statement.value)
    for base in of.node.bases:
        found = reader.evaluate(base)
        if isinstance(found, Class) and found.node is not of.node:
            return _of_class(reader, found, name)
    return None


def _list(reader: Evaluator, node: ast.List | ast.Set) -> Any:
    if len(node.elts) > LONG:
        return indexing.literal(node, reader.place(node))
    return reader.put(_items(reader, node.elts))


def _tuple(reader: Evaluator, node: ast.Tuple) -> Any:
    return _items(reader, node.elts)


def _items(reader: Evaluator, elements: list[ast.expr]) -> Items:
    values: list[Any] = []
    more = False
    for element in elements:
        if isinstance(element, ast.Starred):
            inner = whole_of(reader, reader.evaluate(element.value))
            if isinstance(inner, Items):
                values += inner.values
                more = more or inner.open
            else:
                more = True
        else:
            values.append(reader.evaluate(element))
    return Items(tuple(values), more)


def _dict(reader: Evaluator, node: ast.Dict) -> Any:
    pairs: list[tuple[Any, Any]] = []
    more = False
    for key, value in zip(node.keys, node.values, strict=True):
        held = reader.evaluate(value)
        if key is None:
            inner = whole_of(reader, held)
            if isinstance(inner, Table):
                pairs += inner.entries
                more = more or inner.open
            else:
                more = True
        else:
            pairs.append((reader.evaluate(key), held))
    return reader.put(Table(tuple(pairs), more or any(known(key) is UNKNOWN for key, _ in pairs)))


_ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_COMPARED: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def _binary(reader: Evaluator, node: ast.BinOp) -> Any:
    left, right = (whole_of(reader, reader.evaluate(side)) for side in (node.left, node.right))
    return mapped(lambda one, other: _computed(reader, node, one, other), left, right)


def _computed(reader: Evaluator, node: ast.BinOp, left: Any, right: Any) -> Any:
    compute = _ARITHMETIC.get(type(node.op))
    if isinstance(left, Known) and isinstance(right, Known):
        small = all(
            isinstance(one.value, int | float) or (isinstance(one.value, str) and len(one.value) < 200)
            for one in (left, right)
        )
        if compute is None or not small or isinstance(left.value, str) != isinstance(right.value, str):
            return UNKNOWN
        try:
            return Known(compute(left.value, right.value), node)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return UNKNOWN
    if isinstance(node.op, ast.Add) and isinstance(left, Items) and isinstance(right, Items):
        return Items(left.values + right.values, left.open or right.open)
    if isinstance(node.op, ast.Mult) and isinstance(left, Items):
        times = known(right)
        if isinstance(times, int) and 0 <= times * len(left.values) <= LONG:
            return Items(left.values * times, left.open)
        return UNKNOWN
    return indexing.arithmetic(reader, node, left, right)


def _compare(reader: Evaluator, node: ast.Compare) -> Any:
    left = whole_of(reader, reader.evaluate(node.left))
    sides = [whole_of(reader, reader.evaluate(side)) for side in node.comparators]
    if len(sides) != 1:
        return UNKNOWN
    return mapped(lambda one, other: _compared(reader, node, one, other), left, sides[0])


def _compared(reader: Evaluator, node: ast.Compare, left: Any, right: Any) -> Any:
    operation = node.ops[0]
    if isinstance(left, Known) and isinstance(right, Known) and type(operation) in _COMPARED:
        try:
            return Known(bool(_COMPARED[type(operation)](left.value, right.value)))
        except TypeError:
            return UNKNOWN
    if isinstance(operation, ast.In | ast.NotIn) and isinstance(left, Known) and isinstance(right, Items):
        if any(not isinstance(one, Known) for one in right.values) or right.open:
            return UNKNOWN
        inside = left in right.values
        return Known(inside if isinstance(operation, ast.In) else not inside)
    return indexing.comparison(reader, node, left, right)


def truth(value: Any) -> bool | None:
    """Returns whether a condition holds, None if unknown."""
    if isinstance(value, Known):
        return bool(value.value)
    if isinstance(value, Items) and not value.open:
        return bool(value.values)
    return None


def _either(reader: Evaluator, node: ast.BoolOp) -> Any:
    values = [reader.evaluate(value) for value in node.values]
    stops = isinstance(node.op, ast.Or)
    for value in values[:-1]:
        held = truth(value)
        if held is None:
            return UNKNOWN
        if held == stops:
            return value
    return values[-1]


def _unary(reader: Evaluator, node: ast.UnaryOp) -> Any:
    value = reader.evaluate(node.operand)
    held = known(value)
    if isinstance(node.op, ast.Not):
        so = truth(value)
        return UNKNOWN if so is None else Known(not so)
    if isinstance(node.op, ast.USub) and isinstance(held, int | float):
        return Known(-held, node)
    return UNKNOWN


def condition(reader: Evaluator, node: ast.expr) -> tuple[str, bool]:
    """Returns the name of a condition, and whether the branch is the one where it holds."""
    held = True
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node, held = node.operand, not held
    return f"{ast.unparse(node)}@{reader.frame}", held


def _if(reader: Evaluator, node: ast.IfExp) -> Any:
    test = whole_of(reader, reader.evaluate(node.test))
    so = truth(test)
    if so is not None:
        return reader.evaluate(node.body if so else node.orelse)
    if isinstance(test, Array) and (ast.unparse(node.body), ast.unparse(node.orelse)) == ("1", "0"):
        decode_checks.as_labels(reader, node, test, rows=True)
    name, held = condition(reader, node.test)
    return choice(
        (
            (frozenset({(name, held)}), reader.evaluate(node.body)),
            (frozenset({(name, not held)}), reader.evaluate(node.orelse)),
        )
    )


def _subscript(reader: Evaluator, node: ast.Subscript) -> Any:
    owner = opened(reader, reader.evaluate(node.value))
    index = whole_of(reader, reader.evaluate(node.slice))
    found = mapped(lambda one, at: indexing.subscript(reader, node, one, at), owner, index)
    if isinstance(found, Array) and found.served is None and windows.overlap(reader, node.slice):
        return replace(found, overlaps=True)
    return found


def _walrus(reader: Evaluator, node: ast.NamedExpr) -> Any:
    value = reader.evaluate(node.value)
    reader.assign(node.target, value)
    return value


def _call(reader: Evaluator, node: ast.Call) -> Any:
    return reader.call(node)


def _lambda(reader: Evaluator, node: ast.Lambda) -> Any:
    return reader.new_function(node)


def _slice(reader: Evaluator, node: ast.Slice) -> Any:
    return UNKNOWN


EXPRESSIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _list,
    ast.Set: _list,
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.BoolOp: _either,
    ast.UnaryOp: _unary,
    ast.IfExp: _if,
    ast.Subscript: _subscript,
    ast.NamedExpr: _walrus,
    ast.Call: _call,
    ast.Lambda: _lambda,
    ast.Slice: _slice,
}
"""How each kind of expression is read."""
