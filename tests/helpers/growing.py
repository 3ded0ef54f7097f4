"""A run that grows as a driver makes it grow: trial after trial, each file replaced in one step."""

import shutil
from pathlib import Path

from reports.boards import leaderboard
from search.files import write_atomically
from search.runs.run_folder import RunFolder


class GrowingRun:
    """A copy of a run, without its trials; they come back one after another.

    Args:
        whole: the run.
        path: the copy's folder.
    """

    def __init__(self, whole: RunFolder, path: Path) -> None:
        self._whole, self.folder = whole, RunFolder(path)
        self.folder.make_folders()
        shutil.copy(whole.path / "scores" / "reference.parquet", path / "scores")
        shutil.copy(whole.study_file, path)

    def grow(self, trials: int) -> None:
        """Brings so many trials more, and the leaderboard up to date."""
        missing = [name for name in self._whole.trial_ids() if name not in self.folder.trial_ids()]
        for name in missing[:trials]:
            for place in (f"scores/{name}.parquet", f"records/{name}.json"):
                if (self._whole.path / place).exists():
                    write_atomically(self.folder.path / place, (self._whole.path / place).read_bytes())
        leaderboard.write(self.folder.leaderboard, self.folder.records())
