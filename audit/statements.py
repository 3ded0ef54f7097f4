"""What each kind of statement does to what is known."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from audit import expressions
from audit.call_arguments import whole_of
from audit.calls import Follower
from audit.names import canonical
from audit.values import UNKNOWN, Array, Class, Outside


class Walker(Follower, Protocol):
    """What follows a program, as far as statements need it."""

    def fork(self, name: str, so: bool, body: list[ast.stmt], other: list[ast.stmt]) -> bool:
        """Follows two branches and brings them together."""

    def loop(self, target: ast.AST | None, values: Any, body: list[ast.stmt]) -> None:
        """Follows a loop."""


def _import(reader: Walker, node: ast.Import) -> None:
    for alias in node.names:
        if alias.asname:
            reader.assign(ast.Name(alias.asname), Outside(canonical(alias.name)))
        else:
            top = alias.name.partition(".")[0]
            reader.assign(ast.Name(top), Outside(canonical(top)))


def _import_from(reader: Walker, node: ast.ImportFrom) -> None:
    module = node.module or ""
    for alias in node.names:
        if alias.name == "*":
            reader.stars.append(module)
        elif node.level == 0:
            reader.assign(ast.Name(alias.asname or alias.name), Outside(canonical(f"{module}.{alias.name}")))
        else:
            name = ast.copy_location(ast.Name(alias.asname or alias.name), node)
            reader.assign(name, UNKNOWN)


def _assign(reader: Walker, node: ast.Assign) -> None:
    value = reader.evaluate(node.value)
    for target in node.targets:
        reader.assign(target, value)


def _assign_typed(reader: Walker, node: ast.AnnAssign) -> None:
    if node.value is not None:
        reader.assign(node.target, reader.evaluate(node.value))


def _assign_more(reader: Walker, node: ast.AugAssign) -> None:
    read = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
    reader.assign(node.target, reader.evaluate(read))


def _shuffled(reader: Walker, node: ast.Call) -> None:
    """Follows `np.random.shuffle(rows)`, which changes what it is given."""
    first = node.args[0] if node.args else None
    value = reader.evaluate(first) if isinstance(first, ast.Name) else None
    if isinstance(first, ast.Name) and isinstance(value, Array) and value.overlaps:
        called = reader.evaluate(node.func)
        if isinstance(called, Outside) and called.dotted in ("numpy.random.shuffle", "random.shuffle"):
            reader.assign(first, replace(value, shuffled=reader.place(node)))


def _expression(reader: Walker, node: ast.Expr) -> bool | None:
    reader.evaluate(node.value)
    if isinstance(node.value, ast.Call):
        _shuffled(reader, node.value)
        name = ast.unparse(node.value.func)
        if name in ("sys.exit", "exit", "quit", "os._exit"):
            return False
    return None


def _function(reader: Walker, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    reader.assign(ast.copy_location(ast.Name(node.name), node), reader.new_function(node))


def _class(reader: Walker, node: ast.ClassDef) -> None:
    base = ""
    for one in node.bases:
        found = reader.evaluate(one)
        base = (
            found.dotted if isinstance(found, Outside) else found.base if isinstance(found, Class) else base
        )
    reader.assign(ast.copy_location(ast.Name(node.name), node), Class(node, reader.frame, base, id(node)))


def _if(reader: Walker, node: ast.If) -> bool:
    if ast.unparse(node.test).replace('"', "'") == "__name__ == '__main__'":
        return reader.run(node.body)
    so = expressions.truth(whole_of(reader, reader.evaluate(node.test)))
    if so is not None:
        return reader.run(node.body if so else node.orelse)
    name, held = expressions.condition(reader, node.test)
    return reader.fork(name, held, node.body, node.orelse)


def _for(reader: Walker, node: ast.For | ast.AsyncFor) -> None:
    reader.loop(node.target, reader.evaluate(node.iter), node.body)
    reader.run(node.orelse)


def _while(reader: Walker, node: ast.While) -> None:
    reader.evaluate(node.test)
    reader.loop(None, UNKNOWN, node.body)


def _with(reader: Walker, node: ast.With | ast.AsyncWith) -> bool:
    for item in node.items:
        value = reader.evaluate(item.context_expr)
        if item.optional_vars is not None:
            reader.assign(item.optional_vars, value)
    return reader.run(node.body)


def _try(reader: Walker, node: ast.Try) -> bool:
    before = reader.state.fork()
    going = reader.run([*node.body, *node.orelse])
    for handler in node.handlers:
        after, reader.state = reader.state, before.fork()
        goes_on = reader.run(handler.body)
        other, reader.state = reader.state, after
        if goes_on and going:
            reader.state.become(f"except@{handler.lineno}", other, after)
        elif goes_on:
            reader.state.take(other)
            going = True
    return reader.run(node.finalbody) and going


def _match(reader: Walker, node: ast.Match) -> None:
    reader.evaluate(node.subject)
    for case in node.cases:
        reader.fork(f"case@{case.pattern.lineno}:{reader.frame}", True, case.body, [])


def _return(reader: Walker, node: ast.Return) -> bool:
    value = reader.evaluate(node.value)
    reader.returns.append((frozenset(reader.held), value, reader.state.fork()))
    return False


def _stop(reader: Walker, node: ast.Raise) -> bool:
    return False


def _global(reader: Walker, node: ast.Global) -> None:
    reader.globals |= set(node.names)


STATEMENTS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Assign: _assign,
        ast.AnnAssign: _assign_typed,
        ast.AugAssign: _assign_more,
        ast.Expr: _expression,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.If: _if,
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.Match: _match,
        ast.Return: _return,
        ast.Raise: _stop,
        ast.Global: _global,
    }
)
"""How each kind of statement is followed: False where what stands after it is not reached."""
