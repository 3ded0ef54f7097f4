"""Finds the files that are named, and audits each."""

import os
import tokenize
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from audit import notebooks, saved_models
from audit.finding import Audited
from audit.ignores import without_ignored
from audit.notebooks import Notebook, NotebookError
from audit.saved_models import ModelFileError
from audit.source import audit_source
from spaces.errors import RunError

SUFFIXES = (".py", ".ipynb", ".keras")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Folders that hold nobody's own programs; so do hidden ones and environments of Python."""
MOST_BYTES = 64 * 2**20
"""Of a program or a notebook."""


class SourceError(Exception):
    """A program cannot be read; the message says why."""


def files_of(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Returns the files that are named, and those of folders that can be audited, each once.

    Raises:
        RunError: a folder holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise RunError(
                f"a folder must hold {', '.join(SUFFIXES)} files to be audited, but {path} has none"
            )
        found.update(dict.fromkeys(inside))
    return tuple(found)


def _inside(folder: Path) -> list[Path]:
    found = list[Path]()
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _SKIPPED and not Path(at, name, "pyvenv.cfg").exists()
        )
        found += (Path(at, name) for name in sorted(files) if Path(name).suffix.lower() in SUFFIXES)
    return found


def audit_file(path: Path) -> Audited:
    """Audits a program, a notebook or a saved model, by its suffix.

    What cannot be read is an error of that file, and no exception.
    """
    try:
        match path.suffix.lower():
            case ".py":
                text, _ = decoded(path)
                return audited_text(text, path)
            case ".ipynb":
                return audited_notebook(notebooks.read(decoded_notebook(path)), path)
            case ".keras" | ".h5" | ".hdf5":
                return saved_models.audit_model(path)
    except (SourceError, NotebookError, ModelFileError) as error:
        return Audited(path=path, error=str(error))
    except OSError as error:
        return Audited(path=path, error=f"cannot be read: {error.strerror or error}")
    kinds = ", ".join(SUFFIXES)
    return Audited(
        path=path, error=f"a file to audit must be one of {kinds}, but its suffix is {path.suffix!r}"
    )


def audited_text(text: str, path: Path) -> Audited:
    """Audits the text of a program, but for what its comments ignore."""
    try:
        found = audit_source(text, path)
    except (RecursionError, MemoryError):
        return Audited(path=path, error="is nested too deeply to be read")
    findings = sorted(found.findings, key=lambda one: (one.line, one.column, one.rule.id))
    return without_ignored(replace(found, findings=tuple(findings)), text)


def audited_notebook(notebook: Notebook, path: Path) -> Audited:
    """Audits a notebook; places are those of its cells, edits those of its text."""
    return notebook.placed(replace(audited_text(notebook.text, path), path=path))


def decoded(path: Path) -> tuple[str, str]:
    """Returns the text of a program with its line ends, and its encoding, as Python reads it.

    Raises:
        SourceError: it is no text.
        OSError: it cannot be read.
    """
    raw = _raw(path)
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(raw).readline)
        return raw.decode(encoding), encoding
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SourceError(f"is not Python: {error}") from None


def decoded_notebook(path: Path) -> str:
    """Returns the text of a notebook's file.

    Raises:
        SourceError: it is no text.
        OSError: it cannot be read.
    """
    try:
        return _raw(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"is no notebook: {error}") from None


def text_of(path: Path) -> str:
    """Returns the program that the edits of a file's findings speak of.

    Args:
        path: a file that was audited without an error.
    """
    if path.suffix.lower() == ".ipynb":
        return notebooks.read(decoded_notebook(path)).text
    return decoded(path)[0]


def _raw(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise SourceError(f"must have at most {MOST_BYTES >> 20} MB to be read")
    return path.read_bytes()
