"""Audits the text of a Python program, which is read and never run."""

import ast
from pathlib import Path

from audit.checks import check
from audit.finding import Audited, Finding
from audit.model_facts import LayerFacts, ModelFacts, OutputFacts, Place


def audit_source(text: str, path: Path) -> Audited:
    """Returns what is wrong in a program, and what could not be followed.

    Args:
        text: a whole program.
        path: its file, for the findings.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        return Audited(path=path, error=f"is not Python: {error}")
    lines, found = text.splitlines(), list[Finding]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Dense") and node.args:
            said = {k.arg: k.value for k in node.keywords}
            units, activation = node.args[0], said.get("activation")
            if isinstance(units, ast.Constant) and isinstance(activation, ast.Constant):
                place = Place(
                    start=(node.lineno, node.col_offset),
                    end=(node.end_lineno or node.lineno, node.end_col_offset or 0),
                    code=lines[node.lineno - 1].strip(),
                )
                layer = LayerFacts(kind="Dense", units=units.value, activation=activation.value, place=place)
                found += check(ModelFacts(path=path, outputs=(OutputFacts(layers=(layer,)),)))
    return Audited(path=path, findings=tuple(found))
