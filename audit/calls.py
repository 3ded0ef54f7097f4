"""What a call gives: functions and classes of the program are followed, those of libraries are known."""

import ast
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from audit import library
from audit.call import Call, Changed, Model
from audit.call_arguments import restored, whole_of
from audit.expressions import Evaluator, attribute
from audit.keras_layers import custom, tail
from audit.models import outputs_of
from audit.split_parts import array_named
from audit.values import (
    NONE,
    UNKNOWN,
    Choice,
    Class,
    Function,
    Instance,
    Items,
    Known,
    Method,
    Network,
    Outside,
    Partial,
    Ref,
    State,
    Table,
    Tags,
    Tensor,
    choice,
    combined,
)

DEEPEST = 8
"""Calls within calls that are followed."""


class Follower(Evaluator, Protocol):
    """What follows a program, as far as calls of its own functions need it."""

    next: int
    depth: int
    found: dict[Any, Any]
    globals: set[str]
    called: set[int]
    made: dict[int, Ref]
    active: list[int]
    returns: list[tuple[Tags, Any, State]]
    held: list[tuple[str, bool]]

    def run(self, body: list[ast.stmt]) -> bool:
        """Follows statements, and says whether what stands after them is reached."""


def call(reader: Follower, node: ast.Call) -> Any:
    """Returns what a call gives."""
    if isinstance(node.func, ast.Attribute) and _is_super(node.func.value):
        return _super(reader, node)
    target = reader.evaluate(node.func)
    args: list[Any] = []
    more = False
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            inner = whole_of(reader, reader.evaluate(arg.value))
            if isinstance(inner, Items) and not inner.open:
                args += inner.values
            else:
                more = True
        else:
            args.append(reader.evaluate(arg))
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        value = reader.evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
            continue
        inner = whole_of(reader, value)
        if (
            isinstance(inner, Table)
            and not inner.open
            and all(isinstance(k, Known) for k, _ in inner.entries)
        ):
            keywords.update({str(key.value): held for key, held in inner.entries})
        else:
            more = True
    return _targets(reader, target, tuple(args), keywords, node, more)


def _targets(
    reader: Follower, target: Any, args: tuple[Any, ...], keywords: dict[str, Any], node: ast.AST, more: bool
) -> Any:
    if isinstance(target, Choice):
        results, each, reported = [], [], reader.found
        for tags, one in target.options:
            reader.found = {}
            results.append((tags, _targets(reader, one, args, keywords, node, more)))
            each.append(reader.found)
        reader.found = reported
        _agreed(reported, each)
        return choice(results)
    if isinstance(target, Partial):
        given = {**dict(target.keywords), **keywords}
        # What is given already stands elsewhere: arguments of this call are not at their own places.
        at = ast.copy_location(ast.Expr(node), node) if target.args and isinstance(node, ast.expr) else node
        return _targets(reader, target.function, (*target.args, *args), given, at, more)
    if isinstance(target, Function | Class):
        return apply(reader, target, args, keywords, node, more=more)
    return _library(reader, target, args, keywords, node, more)


def _library(
    reader: Follower, target: Any, args: tuple[Any, ...], keywords: dict[str, Any], node: ast.AST, more: bool
) -> Any:
    owner = target.owner if isinstance(target, Method) else target
    held = reader.state.heap.get(owner.key) if isinstance(owner, Ref) else None
    inner = held.inner if isinstance(held, Network) else held
    if isinstance(inner, Instance) and not isinstance(target, Method):
        return _call_instance(reader, target, inner, args, node)
    names = tuple(keywords)
    values = (whole_of(reader, owner), *(whole_of(reader, one) for one in (*args, *keywords.values())))
    results: list[tuple[Tags, Any]] = []
    owners: list[tuple[Tags, Any]] = []
    reported = reader.found
    each: list[dict[Any, Any]] = []
    for tags, combination in combined(values):
        reader.found = {}
        each.append(reader.found)
        one = Call(
            name=_name(target),
            node=node,
            runner=reader,
            owner=combination[0] if not isinstance(target, Outside) else UNKNOWN,
            args=combination[1 : 1 + len(args)],
            keywords=dict(zip(names, combination[1 + len(args) :], strict=True)),
            open=more,
            sure=not tags,
            ref=owner if isinstance(owner, Ref) else None,
            dotted=target.dotted if isinstance(target, Outside) else "",
        )
        before = one.owner.network if isinstance(one.owner, Model) else one.owner
        if isinstance(owner, Ref) and not isinstance(before, Network | Items | Table):
            before = reader.state.heap.get(owner.key, UNKNOWN)
            one.owner = before if not isinstance(before, Choice) else UNKNOWN
        if isinstance(target, Method):
            made = library.method(one)
        elif isinstance(target, Outside):
            made = library.outside(one, target.dotted)
        else:
            made = library.called(one)
        changed = made.owner if isinstance(made, Changed) else before
        owners.append((tags, restored(changed)))
        results.append((tags, restored(made.value if isinstance(made, Changed) else made)))
    reader.found = reported
    _agreed(reported, each)
    if isinstance(owner, Ref) and owners:
        reader.state.heap[owner.key] = choice(owners)
    return choice(results)


def _agreed(reported: dict[Any, Any], each: list[dict[Any, Any]]) -> None:
    """Reports what is wrong whatever the values are: a rule must be broken by every combination."""
    if not each:
        return
    rules = set.intersection(*({rule for rule, _ in found} for found in each))
    for found in each:
        reported.update({key: finding for key, finding in found.items() if key[0] in rules})


def _name(target: Any) -> str:
    if isinstance(target, Method):
        return target.name
    return target.dotted.rpartition(".")[2] if isinstance(target, Outside) else ""


def apply(
    reader: Follower,
    function: Any,
    args: tuple[Any, ...],
    keywords: dict[str, Any],
    node: ast.AST,
    *,
    more: bool = False,
) -> Any:
    """Calls a function or class of the program.

    Args:
        more: whether more may have been given, by * or **.
    """
    if isinstance(function, Ref):
        own = attribute(reader, function, "__call__")
        function = own if isinstance(own, Function) else attribute(reader, function, "call")
    if isinstance(function, Outside | Partial):
        return _targets(reader, function, args, keywords, node, more)
    if isinstance(function, Class):
        return _construct(reader, function, args, keywords, node, more)
    if not isinstance(function, Function) or reader.depth >= DEEPEST or function.key in reader.active:
        return UNKNOWN
    reader.called.add(function.key)
    return _followed(reader, function, args, keywords, more)


def _followed(
    reader: Follower, function: Function, args: tuple[Any, ...], keywords: dict[str, Any], more: bool
) -> Any:
    node = function.node
    if _yields(node):
        return UNKNOWN
    reader.next += 1
    scope = reader.next
    reader.state.parents[scope] = function.scope
    outer = (reader.frame, reader.returns, reader.held, reader.globals)
    names = _bound(reader, function, args, keywords, more)
    reader.state.scopes[scope] = names
    reader.frame, reader.returns, reader.globals = scope, [], set()
    reader.held = list(reader.held)
    start = len(reader.held)
    reader.depth += 1
    reader.active.append(function.key)
    try:
        if isinstance(node, ast.Lambda):
            return reader.evaluate(node.body)
        goes_on = reader.run(node.body)
        return _returned(reader, start, goes_on)
    finally:
        if not _defines(node):
            reader.state.scopes.pop(scope, None)
        reader.active.pop()
        reader.depth -= 1
        reader.frame, reader.returns, reader.held, reader.globals = outer


def _returned(reader: Follower, start: int, goes_on: bool) -> Any:
    returns = [(tags, value, state) for tags, value, state in reader.returns]
    outer = frozenset(reader.held[:start])
    if goes_on:
        returns.append((outer, NONE, reader.state.fork()))
    if not returns:
        return UNKNOWN
    _, _, last = returns[-1]
    merged = last
    for tags, _, state in reversed(returns[:-1]):
        own = sorted(tags - outer)
        if not own:
            continue
        name, so = own[-1]
        both = merged.fork()
        both.become(name, *((state, merged) if so else (merged, state)))
        merged = both
    reader.state.take(merged)
    if len(returns) == 1:
        return returns[0][1]
    return choice((tags - outer, value) for tags, value, _ in returns if value != NONE or len(returns) == 1)


@lru_cache(maxsize=512)
def _defines(node: ast.AST) -> bool:
    """Says whether a function makes others, which may need its names later."""
    inner = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.AsyncFunctionDef)
    return any(isinstance(one, inner) and one is not node for one in ast.walk(node))


@lru_cache(maxsize=512)
def _yields(node: ast.AST) -> bool:
    return not isinstance(node, ast.Lambda) and any(
        isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node)
    )


def _bound(
    reader: Follower, function: Function, args: tuple[Any, ...], keywords: dict[str, Any], more: bool
) -> dict[str, Any]:
    said = function.node.args
    if function.owner is not None:
        args = (function.owner, *args)
    given = [*said.posonlyargs, *said.args]
    names: dict[str, Any] = {}
    defaults = dict(
        zip([one.arg for one in given][len(given) - len(said.defaults) :], said.defaults, strict=True)
    )
    defaults |= {
        one.arg: default
        for one, default in zip(said.kwonlyargs, said.kw_defaults, strict=True)
        if default is not None
    }
    for k, one in enumerate(given):
        if k < len(args):
            names[one.arg] = args[k]
    names |= {name: value for name, value in keywords.items() if name not in names}
    for one in (*given, *said.kwonlyargs):
        if one.arg not in names:
            default = defaults.get(one.arg)
            plain = default is not None and not more
            names[one.arg] = reader.evaluate(default) if plain else array_named(one.arg)
    if said.vararg is not None:
        names[said.vararg.arg] = Items(args[len(given) :], more)
    if said.kwarg is not None:
        names[said.kwarg.arg] = UNKNOWN
    return names


def _construct(
    reader: Follower, of: Class, args: tuple[Any, ...], keywords: dict[str, Any], node: ast.AST, more: bool
) -> Any:
    reader.next += 1
    scope = reader.next
    reader.state.scopes[scope] = {}
    reader.state.parents[scope] = None
    instance = Instance(of, scope)
    leaf = of.base.rpartition(".")[2]
    is_model = of.base.startswith(("keras", "tensorflow")) and leaf in ("Model", "Sequential")
    made_at = reader.place(node)
    thing = (
        Network(inner=instance, sequential=leaf == "Sequential", made_at=made_at) if is_model else instance
    )
    ref = reader.put(thing)
    if not more:
        reader.made[of.key] = ref
    begin = attribute(reader, ref, "__init__")
    if isinstance(begin, Function):
        apply(reader, begin, args, keywords, node, more=more)
    held = reader.state.heap.get(ref.key)
    if isinstance(held, Network) and not held.outputs:
        outputs = outputs_of(whole_of(reader, _flow(reader, ref, Tensor(), node)))
        held = reader.state.heap.get(ref.key)
        if isinstance(held, Network):
            reader.state.heap[ref.key] = replace(held, outputs=outputs)
    return ref


def _flow(reader: Follower, ref: Ref, tensor: Any, node: ast.AST) -> Any:
    body = attribute(reader, ref, "call")
    if not isinstance(body, Function):
        return UNKNOWN
    # Training and serving may differ, and both are meant.
    given = {one.arg: UNKNOWN for one in body.node.args.args if one.arg in ("training", "mask")}
    return apply(reader, body, (tensor,), given, node)


def _call_instance(reader: Follower, ref: Any, inner: Instance, args: tuple[Any, ...], node: ast.AST) -> Any:
    held = reader.state.heap.get(ref.key)
    x = whole_of(reader, args[0]) if args else UNKNOWN
    graph = isinstance(x, Tensor) and x.model is None
    if isinstance(held, Network):
        one = Call("", node, reader, Model(ref, held), (x,))
        return library.called(one)
    found = attribute(reader, ref, "__call__")
    if isinstance(found, Function):
        return apply(reader, found, args, {}, node)
    if not inner.of.base.startswith(("keras", "tensorflow")):
        return UNKNOWN
    made = _flow(reader, ref, x if graph else Tensor(), node)
    if isinstance(made, Tensor) and made.output.layers:
        return made
    layer = custom(inner.of.node.name, Call("", node, reader))
    return tail(Tensor(), layer.facts)


def flow(reader: Follower, layer: Ref, tensor: Any, node: ast.AST) -> Any:
    """Returns what an object that is used as a layer makes of a tensor, UNKNOWN where it is none."""
    held = reader.state.heap.get(layer.key)
    inner = held.inner if isinstance(held, Network) else held
    return _call_instance(reader, layer, inner, (tensor,), node) if isinstance(inner, Instance) else UNKNOWN


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _super(reader: Follower, node: ast.Call) -> Any:
    values = [reader.evaluate(arg) for arg in node.args if not isinstance(arg, ast.Starred)]
    named = {one.arg: reader.evaluate(one.value) for one in node.keywords if one.arg is not None}
    if not isinstance(node.func, ast.Attribute):
        return UNKNOWN
    own = reader.state.scopes.get(reader.frame, {}).get("self")
    held = reader.state.heap.get(own.key) if isinstance(own, Ref) else None
    if not isinstance(held, Network) or not isinstance(own, Ref):
        return UNKNOWN
    if node.func.attr == "__init__":
        outputs = named.get("outputs", values[1] if len(values) > 1 else None)
        if outputs is not None:
            reader.state.heap[own.key] = replace(held, outputs=outputs_of(whole_of(reader, outputs)))
        return UNKNOWN
    return _library(reader, Method(own, node.func.attr), tuple(values), named, node, False)


def put_item(reader: Follower, owner: Any, key: Any, value: Any) -> None:
    """Sets an item of a list or dictionary."""
    if not isinstance(owner, Ref):
        return
    held = reader.state.heap.get(owner.key)
    if isinstance(held, Table) and isinstance(key, Known):
        kept = tuple((name, one) for name, one in held.entries if name != key)
        reader.state.heap[owner.key] = Table((*kept, (key, value)), held.open)
    elif isinstance(held, Items):
        reader.state.heap[owner.key] = Items(held.values, open=True)
