"""Windows that are cut out of a recording in a loop: whether one overlaps the next."""

import ast
import re
from typing import Any, Protocol

from audit.values import Array, whole


class Evaluating(Protocol):
    """What follows a program, as far as windows need it."""

    def evaluate(self, node: ast.AST | None) -> Any:
        """Returns what an expression gives."""


def overlap(reader: Evaluating, at: ast.expr) -> bool:
    """Says whether a slice in a loop is surely wider than the loop's step."""
    if isinstance(at, ast.Tuple):
        return any(overlap(reader, one) for one in at.elts)
    if not isinstance(at, ast.Slice) or at.lower is None or at.upper is None:
        return False
    start, width = _window(at.lower, at.upper)
    begin = reader.evaluate(start) if start is not None else None
    if width is None or not isinstance(begin, Array) or begin.stride is None:
        return False
    step, written = begin.stride
    wide = whole(reader.evaluate(width))
    if wide is not None and step is not None:
        return wide > step
    return re.fullmatch(rf"{re.escape(ast.unparse(width))} // ([2-9]|\d\d+)", written) is not None


def _window(lower: ast.expr, upper: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """Returns where a window is placed by the loop, and how wide it is."""
    if isinstance(upper, ast.BinOp) and isinstance(upper.op, ast.Add):
        if ast.unparse(upper.left) == ast.unparse(lower):
            return lower, upper.right
        if ast.unparse(upper.right) == ast.unparse(lower):
            return lower, upper.left
    if (
        isinstance(lower, ast.BinOp)
        and isinstance(lower.op, ast.Sub)
        and ast.unparse(lower.left) == ast.unparse(upper)
    ):
        return upper, lower.right
    return None, None
