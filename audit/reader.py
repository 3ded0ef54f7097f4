"""Follows a program, statement by statement, without running it."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

from audit import calls, evaluation_checks, expressions, images, statements
from audit.call_arguments import opened
from audit.checks import check
from audit.finding import Edit, Finding
from audit.loop_elements import element
from audit.model_facts import NOWHERE, LabelFacts, ModelFacts, Place
from audit.rules import RULES
from audit.source_text import SourceText
from audit.split_parts import has_many, part_of, tells_groups
from audit.values import (
    NONE,
    UNKNOWN,
    Array,
    Fitted,
    Function,
    Instance,
    Items,
    Known,
    Network,
    Ref,
    State,
    Unknown,
    text,
)

STEPS = 30_000
"""Expressions and statements after which a program is left as it is known then."""
UNROLLED = 20
"""The most passes of a loop that are followed one by one."""


_OVERLAP = (
    "windows that overlap are split at random: a stretch of the recording is in both parts, and what is "
    "measured flatters"
)
_IN_TIME = "split by recording or person, or in time with a gap of one window between the parts"
Key = tuple[str, tuple[int, int]]
"""A rule and a place."""


class TooLong(Exception):
    """A program has more to follow than there is time for."""


class Reader:
    """What follows a program: names, things, and the mistakes that were found on the way."""

    def __init__(self, path: Path, text: SourceText) -> None:
        self.path = path
        self.text = text
        self.state = State({0: {}}, {0: None}, {})
        self.frame = 0
        self.next = 1
        self.steps = 0
        self.depth = 0
        self.stars: list[str] = []
        self.globals: set[str] = set()
        self.called: set[int] = set()
        self.made: dict[int, Ref] = {}
        self.active: list[int] = []
        self.returns: list[tuple[frozenset[tuple[str, bool]], Any, State]] = []
        self.held: list[tuple[str, bool]] = []
        self.found: dict[Key, Finding] = {}
        self.notes: dict[str, None] = {}
        self.models: list[ModelFacts] = []
        self.groups: dict[str, Place] = {}
        self.split_by_group = False
        self.random_splits: list[Place] = []
        self.fits: list[Fitted] = []
        self.classified: set[tuple[int, int]] = set()
        self.overlapping: dict[tuple[int, int], tuple[Place, frozenset[str]]] = {}
        self.permuted: dict[tuple[int, int], tuple[Place, frozenset[str]]] = {}
        self.compiled: dict[Key, tuple[int, int]] = {}
        self.trained: dict[tuple[int, int], set[Key]] = {}
        self.metric_models: dict[int, set[int]] = {}

    # What calls need.

    def place(self, node: ast.AST) -> Place:
        """Returns where a node stands."""
        return self.text.place(node)

    def source(self, node: ast.AST) -> str:
        """Returns the text of a node."""
        return self.text.of(node)

    def put(self, value: Any) -> Ref:
        """Returns a new thing that the program can change."""
        self.next += 1
        self.state.heap[self.next] = value
        return Ref(self.next)

    def flow(self, layer: Ref, tensor: Any, node: ast.AST) -> Any:
        """Returns what a layer of the program's own class makes of a tensor."""
        return calls.flow(self, layer, tensor, node)

    def apply(self, function: Any, args: tuple[Any, ...], node: ast.AST) -> Any:
        """Calls a function of the program."""
        return calls.apply(self, function, args, {}, node)

    def call(self, node: ast.Call) -> Any:
        """Returns what a call gives."""
        return calls.call(self, node)

    def report(
        self, rule: str, place: Place, message: str, fix: str, edits: tuple[Edit, ...] = (), seen: str = ""
    ) -> None:
        """Reports a mistake, once."""
        finding = Finding(
            rule=RULES[rule],
            path=self.path,
            line=place.start[0],
            column=place.start[1] + 1,
            code=place.code,
            message=message,
            fix=fix,
            edits=edits,
            seen=seen,
        )
        self.found.setdefault((rule, place.start), finding)

    def note(self, said: str) -> None:
        """Tells what could not be followed, once."""
        self.notes.setdefault(said)

    def check(self, network: Network, place: Place) -> None:
        """Applies the rules of models to what is known of one."""
        made = network.made_at.start[0]
        facts = ModelFacts(
            path=self.path,
            outputs=network.outputs,
            losses=network.losses or (),
            metrics=network.metrics,
            labels=network.labels,
            weights=network.weights,
            trained=network.losses is not None,
            place=place,
            seen="" if network.made_at == NOWHERE else f"the model of line {made}",
        )
        self.models.append(facts)
        keys = set()
        for finding in check(facts):
            key = (finding.rule.id, (finding.line, finding.column - 1))
            self.found[key] = finding
            keys.add(key)
        at = NOWHERE.start if network.compiled_at is None else network.compiled_at.start
        if any(one is not None for one in network.labels):
            self.trained.setdefault(at, set()).update(keys)
        else:
            self.compiled |= dict.fromkeys(keys, at)

    def compiled_with(self, key: int, model: Ref, place: Place) -> None:
        """Notes that a metric object is compiled into a model."""
        models = self.metric_models.setdefault(key, set())
        models.add(model.key)
        if len(models) > 1:
            self.report(
                "HS304",
                place,
                "this metric object is compiled into several models, and counts for all that train in turns",
                "make a new metric object for each model",
            )

    # Names.

    def new_function(self, node: Any) -> Function:
        """Returns a function of the program."""
        return Function(node, self.frame, None, id(node))

    def evaluate(self, node: ast.AST | None) -> Any:
        """Returns what an expression gives."""
        if node is None:
            return NONE
        self.step()
        found = expressions.EXPRESSIONS.get(type(node))
        if found is not None:
            return found(self, node)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp):
            return self._comprehension(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
        return UNKNOWN

    def step(self, count: int = 1) -> None:
        """Counts what was followed.

        Args:
            count: how much it was.

        Raises:
            TooLong: there was too much.
        """
        self.steps += count
        if self.steps > STEPS:
            raise TooLong

    def assign(self, target: ast.AST, value: Any) -> None:
        """Binds names to a value."""
        if isinstance(target, ast.Name):
            scope = 0 if target.id in self.globals else self.frame
            self.state.scopes.setdefault(scope, {})[target.id] = self._named(target, value)
        elif isinstance(target, ast.Tuple | ast.List):
            taken = opened(self, value)
            for k, part in enumerate(target.elts):
                self.assign(
                    part.value if isinstance(part, ast.Starred) else part, _part(taken, k, target.elts)
                )
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value)
            held = self.state.heap.get(owner.key) if isinstance(owner, Ref) else None
            inner = held.inner if isinstance(held, Network) else held
            if isinstance(inner, Instance):
                self.state.scopes.setdefault(inner.scope, {})[target.attr] = value
            elif isinstance(owner, Array) and target.attr == "shape":
                self.assign(target.value, replace(owner, labels=LabelFacts()))
        elif isinstance(target, ast.Subscript):
            owner, key = self.evaluate(target.value), self.evaluate(target.slice)
            calls.put_item(self, owner, key, value)
            if isinstance(owner, Array) and isinstance(target.value, ast.Name):
                # What a column was fitted on, its table was.
                fitted = value.fitted if isinstance(value, Array) else ()
                facts = images.filled(owner.labels, value)
                column = text(key)
                telling = owner.telling - {column}
                if column is not None and isinstance(value, Array) and value.statistic == "telling":
                    telling |= {column}
                made = replace(owner, labels=facts, fitted=(*owner.fitted, *fitted), telling=telling)
                self.assign(target.value, made)

    def _named(self, target: ast.Name, value: Any) -> Any:
        if isinstance(value, Unknown):
            value = Array(roots=frozenset({f"{target.id}@{target.lineno}"}))
        # A list that is empty yet is filled beside the rows; one of names is a list of people.
        empty = isinstance(value, Ref) and self.state.heap.get(value.key) == Items(())
        if empty and tells_groups(target.id, True):
            self.groups.setdefault(target.id, self.place(target))
        if not isinstance(value, Array):
            return value
        if not value.roots:
            value = replace(value, roots=frozenset({f"{target.id}@{target.lineno}"}))
        if tells_groups(target.id, value.many):
            self.groups.setdefault(target.id, self.place(target))
        part = part_of(target.id) or value.part
        if part == "test" and value.part in ("", "some") and not self.split_by_group:
            for one in value.fitted:
                evaluation_checks.fitted_before(self, one, target.lineno)
        many = True if value.many is None and value.served is None and has_many(target.id) else value.many
        return replace(value, name=target.id, part=part, many=many)

    # Statements.

    def run(self, body: list[ast.stmt]) -> bool:
        """Follows statements, and says whether what stands after them is reached."""
        depth = len(self.held)
        going = True
        for statement in body:
            self.step()
            if self._statement(statement) is False:
                going = False
                break
        del self.held[depth:]
        return going

    def _statement(self, statement: ast.stmt) -> Any:
        found = statements.STATEMENTS.get(type(statement))
        if found is None:
            return None
        try:
            return found(self, statement)
        except TooLong:
            raise
        except Exception:  # Whatever a program says that was not thought of is unknown.
            self.note(f"line {statement.lineno} could not be followed")
            return None

    def branch(self, name: str, so: bool, body: list[ast.stmt]) -> tuple[State, bool]:
        """Follows one branch, and returns what is known after it, and whether it goes on."""
        before = self.state
        self.state = before.fork()
        self.step(before.size() // 8)
        self.held.append((name, so))
        going = self.run(body)
        self.held.pop()
        after, self.state = self.state, before
        return after, going

    def fork(self, name: str, so: bool, body: list[ast.stmt], other: list[ast.stmt]) -> bool:
        """Follows two branches and brings them together."""
        if (name, so) in self.held:
            return self.run(body)
        if (name, not so) in self.held:
            return self.run(other)
        held, goes = self.branch(name, so, body)
        failed, goes_on = self.branch(name, not so, other)
        if goes and goes_on:
            self.state.become(name, *((held, failed) if so else (failed, held)))
            return True
        if goes or goes_on:
            self.state.take(held if goes else failed)
            self.held.append((name, so if goes else not so))
            return True
        return False

    def loop(self, target: ast.AST | None, values: Any, body: list[ast.stmt]) -> None:
        """Follows a loop: pass by pass where its values are known, else twice, for what changes meanwhile."""
        taken = opened(self, values)
        if (
            isinstance(taken, Items)
            and not taken.open
            and len(taken.values) <= UNROLLED
            and target is not None
        ):
            for value in taken.values:
                self.assign(target, value)
                if not self.run(body):
                    return
            return
        for _ in range(2):
            before = dict(self.state.scopes.get(self.frame, {}))
            if target is not None:
                self.assign(target, element(taken))
            if not self.run(body):
                return
            self._forget(before)

    def _forget(self, before: dict[str, Any]) -> None:
        """Forgets numbers that a pass of a loop has changed: a further pass would change them again."""
        names = self.state.scopes.get(self.frame, {})
        for name, value in before.items():
            now = names.get(name)
            if isinstance(now, Known) and isinstance(value, Known) and now != value:
                names[name] = UNKNOWN

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp) -> Any:
        generator = node.generators[0]
        taken = opened(self, self.evaluate(generator.iter))
        known = isinstance(taken, Items) and not taken.open and len(taken.values) <= UNROLLED
        sole = known and len(node.generators) == 1 and not generator.ifs
        made = []
        for value in taken.values if sole else (element(taken),):
            self.assign(generator.target, value)
            for inner in node.generators[1:]:
                self.assign(inner.target, element(opened(self, self.evaluate(inner.iter))))
            for test in generator.ifs:
                self.evaluate(test)
            made.append(self.evaluate(node.value if isinstance(node, ast.DictComp) else node.elt))
        return Items(tuple(made), open=not sole or isinstance(node, ast.DictComp))

    def finish(self) -> None:
        """Applies the rules that need the whole program."""
        for key, at in self.compiled.items():
            # What was said of a model without its labels is said better where they are known.
            if key not in self.trained.get(at, {key}):
                self.found.pop(key, None)
        for model in self.models:
            for loss, metrics in zip(model.losses, model.metrics, strict=False):
                # Predictions that are cut between 0 and 1 are no numbers to be met.
                if loss is not None and loss.place.start in self.classified:
                    for metric in metrics:
                        self.found.pop(("HS301", metric.place.start), None)
        if self.split_by_group:
            return
        for place, parts in self.overlapping.values():
            if parts == {"first", "last"}:
                self.report("HS503", place, _OVERLAP, _IN_TIME)
        if not self.groups:
            return
        name = next(iter(self.groups))
        halves = [place for place, parts in self.permuted.values() if parts == {"first", "last"}]
        for place in (*self.random_splits, *halves):
            self.report(
                "HS503",
                place,
                f"rows are split at random, and {name!r} says whose rows they are: rows of one person or "
                "recording fall into both parts, and what is measured flatters",
                "split by group: GroupShuffleSplit or GroupKFold, with groups=",
            )


def _part(value: Any, k: int, targets: list[ast.expr]) -> Any:
    starred = [isinstance(target, ast.Starred) for target in targets]
    if isinstance(value, Items) and not value.open and not any(starred) and len(value.values) == len(targets):
        return value.values[k]
    if isinstance(value, Array) and value.served is None:
        return Array()
    if isinstance(value, Array):
        return element(value)
    if isinstance(value, Items) and not value.open and any(starred) and k < starred.index(True):
        return value.values[k] if k < len(value.values) else UNKNOWN
    return UNKNOWN
