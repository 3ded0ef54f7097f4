"""The command `report`: writes a run as one HTML page."""

from pathlib import Path

from reports.boards.selection import selection
from reports.page import page
from search.runs.run_folder import RunFolder


def report(run: Path, out: Path | None) -> Path:
    """Writes the page of a run and returns where it is.

    Args:
        run: the run's folder.
        out: the file; None for report.html in the run's folder.

    Raises:
        RunError: no run, nothing finished, or a wrong place.
    """
    folder = RunFolder(run)
    page.place(folder, out)  # refuses a wrong place before the longer work
    return page.write(folder, out, selection=selection(folder))
