"""The study that searches the right heads for a network that was audited."""

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from audit.heads import head_of
from audit.model_facts import ModelFacts
from audit.names import HINGES, SQUARED
from audit.pairs import tasks_of
from spaces.errors import RunError
from spaces.task_heads import heads_of
from spaces.tasks import KINDS, TaskName

_BINARY_LOSSES = HINGES | {"binary_crossentropy", "binary_focal_crossentropy"}
_QUIET = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TRUNK = '''"""The network of {function} in {file} below its last layer, the trunk of {study}."""

import hashlib
from pathlib import Path

SHA256 = "{digest}"


def features(inputs, width):
    """Returns its features. The width stays as it is."""
    from search.networks import last_layer

    if hashlib.sha256(Path(__file__).with_name("{file}").read_bytes()).hexdigest() != SHA256:
        raise ValueError("{file} has changed since this file was written: write it anew by audit --study")
    from {module} import {function}

    model = {function}()
    model(inputs)
    trunk = last_layer.trunk(model)
    if trunk is None:
        raise ValueError("{function} of {file} does not end in a dense layer on flat features")
    return trunk(inputs)
'''


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A network as a study names it.

    Args:
        name: one of this project, or `module:function`.
        module: the source of the module that the study needs beside it; None if it needs none.
        told: why it is this one.
    """

    name: str
    module: str | None
    told: str


def task_of(model: ModelFacts) -> TaskName:
    """Returns the kind of question a model answers, by its labels or else by its last layer and loss.

    Raises:
        RunError: neither says it, or it has several outputs.
    """
    heads = [head_of(output) for output in model.outputs]
    if len(heads) == 1 and heads[0] is not None:
        labels = tasks_of(model.labels[0] if model.labels else None)
        if len(labels) == 1:
            return KINDS[labels[0]].name  # type: ignore[index]
        units, activation = heads[0].units, heads[0].activation
        loss = model.losses[0].name if model.losses and model.losses[0] is not None else None
        if units == 1:
            return "number" if loss in SQUARED and activation in ("linear", "relu") else "binary"
        if units == 2:
            return "binary"
        if units is not None and (activation == "softmax" or loss not in _BINARY_LOSSES | SQUARED | {None}):
            return "classes"
        if units is not None and activation == "sigmoid" and loss in _BINARY_LOSSES:
            return "labels"
    raise RunError(
        "--study needs a model with one output whose question is known, by its labels or by its last layer "
        f"and loss, but that of {model.path} is not"
    )


def written(task: TaskName, name: str, trunk: str, data: dict[str, Any]) -> dict[str, Any]:
    """Returns a study as it is written: all heads of its task, each with all its losses.

    Args:
        task: what is asked.
        name: of the program or model.
        trunk: see `Trunk`.
        data: the `data:` of the study, without its task.
    """
    losses = heads_of(task)
    asked: dict[str, Any] = {} if task == "binary" else {"task": task}
    return {
        "name": f"{re.sub('[^A-Za-z0-9]+', '-', name).strip('-')[:50] or 'model'}-heads",
        "data": data | asked,
        "trunk": {"name": trunk},
        "space": {"heads": {head: list(losses[head]) for head in KINDS[task].heads}},
    }


def trunk_of(text: str, path: Path, study: Path) -> Trunk:
    """Returns the network of a program as a trunk: its own where a function makes it, else one of ours.

    A function is named where it needs no argument, returns what it makes, and its module can be imported
    without training anything: outside of functions it only imports and defines.

    Args:
        text: the program.
        path: its file.
        study: where the study goes.
    """
    tree = ast.parse(text)
    function = next((node.name for node in reversed(tree.body) if _makes_a_model(node)), None)
    beside = path.resolve().parent == study.resolve().parent
    if function is not None and path.stem.isidentifier() and all(map(_is_quiet, tree.body)) and beside:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        source = _TRUNK.format(
            function=function, file=path.name, study=study.name, digest=digest, module=path.stem
        )
        name = f"trunk_{path.stem}_{digest[:8]}"
        return Trunk(
            name=f"{name}:features", module=source, told=f"the network of {function}() in {path.name}"
        )
    if function is None:
        why = "no function of the program makes and returns its model without arguments"
    elif not beside:
        why = "the study does not lie beside the program"
    else:
        why = "importing the program would run it: put what trains under if __name__ == '__main__'"
    ours = "image_cnn" if "2D" in text else "conv1d_cnn" if re.search("1D|LSTM|GRU", text) else "mlp"
    return Trunk(name=ours, module=None, told=f"{ours} of this project, since {why}")


def _makes_a_model(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    arguments = node.args
    needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    needed += sum(default is None for default in arguments.kw_defaults)
    made = {_called(call) for call in ast.walk(node) if isinstance(call, ast.Call)}
    returned = any(isinstance(one, ast.Return) and one.value is not None for one in ast.walk(node))
    return not needed and returned and bool(made & {"Sequential", "Model"})


def _called(call: ast.Call) -> str:
    of = call.func
    return of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""


def _is_quiet(node: ast.stmt) -> bool:
    """Whether a statement of a module only imports, defines, or names a constant."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(one, ast.Call) for one in ast.walk(node))
    if isinstance(node, ast.If):
        return "__name__" in {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)}
    return isinstance(node, _QUIET) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def known_models(models: Sequence[ModelFacts]) -> tuple[ModelFacts, ...]:
    """Returns the models of a file whose last layers are known, the one that was read last first."""
    return tuple(one for one in reversed(models) if any(output.layers for output in one.outputs))
