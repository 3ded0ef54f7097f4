"""What an audit says: a finding of a rule at a place in a file."""

from dataclasses import dataclass, field
from pathlib import Path

from audit.model_facts import ModelFacts
from audit.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One replacement in a source text.

    Args:
        start, end: line (from 1) and column (from 0, in characters) of the replaced text; `end` is exclusive.
        text: what stands there instead.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A mistake at a place.

    Args:
        rule: the rule that is broken.
        path: the file.
        line, column: where, from 1; of a notebook within the cell. 1, 1 of a saved model.
        cell: of a notebook, from 1; None elsewhere.
        code: the source line, stripped; of a saved model the layer or setting.
        message: what is written and what it does to the result, with the values found.
        fix: what to write instead, in words.
        edits: the fix as replacements that are safe to apply; none where a person must choose.
        seen: how the facts were found, such as "the model of line 12", for people who doubt it.
    """

    rule: Rule
    path: Path
    line: int
    column: int = 1
    cell: int | None = None
    code: str = ""
    message: str
    fix: str
    edits: tuple[Edit, ...] = ()
    seen: str = ""


@dataclass(frozen=True, kw_only=True)
class Audited:
    """One file, audited.

    Args:
        path: the file.
        findings: in the order of their places; those that a comment ignores are left out.
        unknown: what could not be followed, in words: no rule that needs it was applied.
        error: why the file could not be read; None if it could.
        models: those it makes, as far as they are known.
    """

    path: Path
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = field(default=())
    error: str | None = None
    models: tuple[ModelFacts, ...] = ()
