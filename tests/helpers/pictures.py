"""`python -m tests.helpers.pictures [RUN]`: the README's pictures of a run, or else of the quickstart."""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

from tests.conftest import ROOT
from tests.helpers.browser import chromium, opened

WIDTH, HEIGHT = 1280, 1500
COLOURS = 128
COLUMNS = 132


def searched(folder: Path) -> Path:
    """Runs the quickstart in a folder."""
    study = str(ROOT / "studies" / "quickstart.yaml")
    subprocess.run([sys.executable, str(ROOT / "search.py"), "run", study], cwd=folder, check=True)
    return folder / "runs" / "quickstart"


def draw_page(run: Path, to: Path) -> None:
    """Takes a picture of the run's page in Chromium."""
    command = [sys.executable, str(ROOT / "search.py"), "report", f"runs/{run.name}"]
    subprocess.run(command, cwd=run.parents[1], check=True)
    with chromium(WIDTH, HEIGHT) as driver:
        shot = Image.open(io.BytesIO(opened(driver, run / "report.html").get_screenshot_as_png()))
    shot.convert("RGB").quantize(COLOURS).save(to, optimize=True)


def draw_terminal(run: Path, to: Path) -> None:
    """Draws what `leaderboard` prints of the run, as a terminal shows it."""
    arguments = ["leaderboard", f"runs/{run.name}", "--format", "table"]
    command = [sys.executable, str(ROOT / "search.py"), *arguments]
    said = subprocess.run(command, cwd=run.parents[1], check=True, capture_output=True, text=True).stdout
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ python search.py leaderboard runs/{run.name}"))
    console.print(Text.from_ansi(said))
    drawn = console.export_svg(title="headsearch")
    # Nothing is loaded from elsewhere: any monospaced font will do.
    to.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), encoding="utf-8")


def main() -> None:
    """Draws both."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else searched(Path(folder))
        draw_page(run, ROOT / "docs" / "page.png")
        draw_terminal(run, ROOT / "docs" / "terminal.svg")


if __name__ == "__main__":
    main()
