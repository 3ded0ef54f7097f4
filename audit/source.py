"""Audits the text of a Python program, which is read and never run."""

import ast
import warnings
from pathlib import Path

from audit import calls
from audit.finding import Audited
from audit.reader import Reader, TooLong
from audit.source_text import SourceText
from audit.values import Class, Function, Ref


def audit_source(text: str, path: Path) -> Audited:
    """Returns what is wrong in a program, and what could not be followed.

    Args:
        text: a whole program.
        path: its file, for the findings.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text)
    except SyntaxError as error:
        at = "" if error.lineno is None else f"line {error.lineno}: "
        return Audited(path=path, error=f"is not Python 3: {at}{error.msg}")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Audited(path=path, error=f"cannot be read as Python: {error or type(error).__name__}")
    reader = Reader(path, SourceText(text))
    _follow(reader, tree)
    reader.finish()
    findings = sorted(reader.found.values(), key=lambda one: (one.line, one.column, one.rule.id))
    return Audited(
        path=path, findings=tuple(findings), unknown=tuple(reader.notes), models=tuple(reader.models)
    )


def _follow(reader: Reader, tree: ast.Module) -> None:
    try:
        reader.run(tree.body)
        after = reader.state
        for node in tree.body:
            # What the program does not call itself: of its arguments nothing is known.
            reader.state = after.fork()
            _uncalled(reader, node)
    except TooLong:
        reader.note("the program is too long to be followed to its end")


def _uncalled(reader: Reader, node: ast.stmt) -> None:
    try:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and id(node) not in reader.called:
            calls.apply(reader, Function(node, 0, None, id(node)), (), {}, node, more=True)
        elif isinstance(node, ast.ClassDef):
            _methods(reader, node)
    except TooLong:
        raise
    except Exception:  # As of statements: what was not thought of is unknown.
        reader.note(f"line {node.lineno} could not be followed")


def _methods(reader: Reader, node: ast.ClassDef) -> None:
    of = reader.evaluate(ast.copy_location(ast.Name(node.name), node))
    if not isinstance(of, Class):
        return
    made = reader.made.get(of.key) or calls.apply(reader, of, (), {}, node, more=True)
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and id(statement) not in reader.called:
            owner = made if isinstance(made, Ref) else None
            calls.apply(reader, Function(statement, 0, owner, id(statement)), (), {}, node, more=True)
