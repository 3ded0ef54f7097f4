"""The text of a program, and where its parts stand in it."""

import ast

from audit.model_facts import Place


class SourceText:
    """A text by lines.

    Args:
        text: a whole program.
    """

    def __init__(self, text: str) -> None:
        # As Python counts lines: form feeds and other separators of str.splitlines end none.
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def _column(self, line: int, offset: int) -> int:
        # Python tells columns in bytes.
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))

    def place(self, node: ast.AST) -> Place:
        """Returns where a node stands; the first place of all for what stands nowhere."""
        line = getattr(node, "lineno", None)
        if not isinstance(line, int):
            return Place()
        end = getattr(node, "end_lineno", None) or line
        return Place(
            start=(line, self._column(line, node.col_offset)),  # type: ignore[attr-defined]
            end=(end, self._column(end, getattr(node, "end_col_offset", 0) or 0)),
            code=self.lines[line - 1].strip() if line <= len(self.lines) else "",
        )

    def of(self, node: ast.AST) -> str:
        """Returns the text of a node that stands on one line, or of its first line."""
        place = self.place(node)
        if place.start[0] != place.end[0]:
            return place.code
        return self.lines[place.start[0] - 1][place.start[1] : place.end[1]]
