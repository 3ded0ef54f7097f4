"""What having picked the best of many means for a leaderboard, or why that is not known."""

from pathlib import Path
from typing import TYPE_CHECKING

from spaces.errors import RunError

if TYPE_CHECKING:
    from reports.selection import Selection


def picked(run: Path | None) -> "tuple[Selection | None, str | None]":
    """Returns ties and the corrected winner of a run, or a line that says why they are not known.

    Args:
        run: its folder; None where rows are not those of one run's own leaderboard.
    """
    if run is None:
        return None, "ties are told within one run, by its own leaderboard"
    if not (run / "scores" / "reference.parquet").is_file():
        return None, "ties are not known without the run's scores"
    from reports.selection import selection
    from search.run_folder import RunFolder

    try:
        return selection(RunFolder(run)), None
    except (RunError, OSError) as error:
        return None, f"ties are not known: {error}"
