"""From a study to what its trials see: rows read, split, and the test part set aside."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.crossfit import draw_halves
from search.evaluation import Reference
from search.rows import Rows
from search.session import TrialData
from search.sources import table
from search.splits import Split, digest, split
from search.trunks import check_shape
from spaces.data import SimulatedEeg
from spaces.errors import RunError
from spaces.study import Study


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study's data, ready for trials.

    Args:
        rows: everything, the test rows included.
        split: which rows are which.
        data_digest: of the rows' contents.
        split_digest: of which rows are which.
    """

    rows: Rows
    split: Split
    data_digest: str
    split_digest: str

    def trial_data(self) -> TrialData:
        """Returns what trials see: training and validation rows, and no test row."""
        rows, parts = self.rows, self.split
        return TrialData(
            rows.x[parts.train], rows.y[parts.train], rows.x[parts.validation], rows.y[parts.validation]
        )

    def reference(self, study: Study) -> Reference:
        """Draws the half-splits of the validation rows.

        Raises:
            RunError: too few groups hold positives.
        """
        rows, taken = self.rows, self.split.validation
        y, groups, recordings = rows.y[taken], _taken(rows.groups, taken), _taken(rows.recordings, taken)
        halves = draw_halves(y, groups, recordings, study.seed)
        return Reference(y, groups, recordings, _taken(rows.times, taken), halves)

    def test_reference(self, study: Study) -> Reference:
        """Returns the test rows, for `promote` alone; their half-splits are never used."""
        rows, taken = self.rows, self.split.test
        return Reference(
            rows.y[taken],
            _taken(rows.groups, taken),
            _taken(rows.recordings, taken),
            _taken(rows.times, taken),
            self.reference(study).halves,
        )


def prepare(study: Study, base: Path) -> Prepared:
    """Reads and splits a study's data.

    Args:
        study: the study.
        base: the folder that relative paths are taken from.

    Raises:
        RunError: the data is missing or unfit, leaks between the parts, or does not fit the trunk.
    """
    rows = table.load(study.data, base)
    check_shape(study, rows.x.shape[1:])
    parts = split(rows, study.split)
    return Prepared(rows, parts, table.digest(rows), digest(parts))


def with_absolute_path(study: Study, base: Path) -> Study:
    """Returns the study with its data's path made absolute, so that the run can be resumed from anywhere.

    Raises:
        RunError: nothing is there.
    """
    if isinstance(study.data, SimulatedEeg):
        return study
    path = (base / Path(study.data.path).expanduser()).resolve()
    if not path.exists():
        raise RunError(f"data.path must exist, but there is no {path} (data.path: {study.data.path})")
    return study.model_copy(update={"data": study.data.model_copy(update={"path": str(path)})})


def check_same(prepared: Prepared, began: Mapping[str, Any]) -> None:
    """Refuses data or a split other than those a run began with: its rows would not be comparable.

    Args:
        prepared: the data now.
        began: the run's `resolved` digests.

    Raises:
        RunError: a digest differs.
    """
    for what, now in (("data", prepared.data_digest), ("split", prepared.split_digest)):
        if now != began[f"{what}_digest"]:
            raise RunError(
                f"a run goes on with the {what} it began with (digest {began[f'{what}_digest'][:12]}), "
                f"but the {what} is now {now[:12]}; start a new run"
            )


def _taken(values: NDArray[Any] | None, rows: NDArray[np.int64]) -> NDArray[Any] | None:
    return None if values is None else values[rows]
