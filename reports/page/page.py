"""Writes a run as one HTML file that opens offline and loads nothing."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from pathlib import Path

from reports.boards.selection import Selection
from reports.page.data import as_text, document
from search.files import write_atomically
from search.runs.run_folder import RunFolder
from spaces.errors import RunError

ASSETS = Path(__file__).parent / "assets"
STYLES = ("page", "table", "charts", "trial", "print")
MODULES = (
    "format", "dom", "data", "metrics", "state", "chart", "overview", "filter", "columns", "table",
    "course", "importance", "matrix", "parallel", "curves", "threshold", "promote", "events", "many", "trial",
    "compare", "main",
)  # fmt: skip
"""The modules of the page in an order in which each imports only those before it."""
LIVE_STYLES, LIVE_MODULES = ("live/live",), ("live/now", "live/kept", "live/renewal")
"""What the page of `watch` has besides."""
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\.{1,2}/(\w+)\.js";', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)


def write(run: RunFolder, path: Path | None = None, *, selection: Selection | None = None) -> Path:
    """Writes a run's page.

    Args:
        run: a run with at least one finished trial.
        path: the file; `report.html` in the run's folder if None.
        selection: what is known of the ranking beyond the values, if anything.

    Returns:
        The file's path.

    Raises:
        RunError: no run, no finished trial, a damaged file, or a path whose folder does not exist.
    """
    where = place(run, path)
    found = document(run, selection)
    write_atomically(where, page(f"{found['name']}: {found['objective']}", as_text(found)).encode())
    return where


def place(run: RunFolder, path: Path | None) -> Path:
    """Returns where the page of a run is written; arguments as those of `write`.

    Raises:
        RunError: its folder does not exist, or it is a folder itself.
    """
    where = run.path / "report.html" if path is None else path
    if where.is_dir() or not where.resolve().parent.is_dir():
        raise RunError(f"a page is a file in a folder that exists, but got {where} (--out)")
    return where


def page(title: str, data: str) -> str:
    """Returns the HTML of a page.

    Its content security policy allows one script and one style, named by their digests, and nothing else:
    the browser neither runs nor loads anything that a study's name or an error's text may hold.

    Args:
        title: of the window.
        data: JSON without any `<`, from `as_text`.
    """
    return _filled(title, data, script(), STYLES)


def live_page(title: str, data: str) -> str:
    """Returns the HTML of a page that renews itself; it may ask the server that it came from, and no other.

    Args:
        title: of the window.
        data: what `reports.page.live` says of the run, as that of `page`.
    """
    now = '<aside id="live" aria-label="The search now"></aside>\n'
    return _filled(
        title, data, live_script(), (*STYLES, *LIVE_STYLES), live=now, connect=" connect-src 'self';"
    )


def _filled(
    title: str, data: str, source: str, styles: Sequence[str], live: str = "", connect: str = ""
) -> str:
    style = "".join((ASSETS / f"{name}.css").read_text(encoding="utf-8") for name in styles)
    return (
        (ASSETS / "page.html")
        .read_text(encoding="utf-8")
        .replace("{{script-digest}}", _digest(source))
        .replace("{{style-digest}}", _digest(style))
        .replace("{{connect}}", connect)
        .replace("{{live}}", live)
        .replace("{{title}}", html.escape(title))
        .replace("{{style}}", style)
        .replace("{{script}}", source)
        .replace("{{data}}", data)  # last, so that nothing in the data is taken for a placeholder
    )


def script() -> str:
    """Returns all modules as one script: each a function that returns what it exports."""
    return '"use strict";\nconst modules = {};\n' + "".join(map(_module, MODULES))


def live_script() -> str:
    """Returns the script of a page that renews itself: `build` draws the page, as often as there is news."""
    before = '"use strict";\nconst modules = {};\n' + "".join(map(_module, ("format", "dom")))
    drawing = "".join(map(_module, MODULES))
    build = f"const build = () => {{\nconst modules = {{}};\n{drawing}return modules;\n}};\n"
    return before + build + "".join(map(_module, LIVE_MODULES))


def _module(name: str) -> str:
    text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
    text = _IMPORT.sub(lambda found: f"const {found[1]} = modules.{found[2]};", text)
    exported = ", ".join(_EXPORT.findall(text))
    text = re.sub(r"^export ", "", text, flags=re.M)
    return f"modules.{Path(name).name} = (() => {{\n{text}return {{ {exported} }};\n}})();\n"


def _digest(text: str) -> str:
    """Returns the SHA-256 of an inline element's text, as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
