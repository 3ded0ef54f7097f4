"""Two trials on the same rows: which is better, and whether the rows can tell."""

from dataclasses import dataclass

import numpy as np

from search.bootstrap import paired_difference
from search.run_folder import RunFolder
from spaces.errors import RunError


@dataclass(frozen=True)
class Comparison:
    """Trial a minus trial b, each at its own threshold, in sample.

    Args:
        difference: of the metric on the validation rows.
        low, high: 95% interval over resampled groups (rows where groups are unknown), the same for both.
    """

    difference: float
    low: float
    high: float

    @property
    def tied(self) -> bool:
        """Whether the interval contains no difference at all, or is undefined."""
        return not (self.low > 0 or self.high < 0)


def compare(
    run: RunFolder,
    trial_a: str,
    trial_b: str,
    metric: str | None = None,
    *,
    other: RunFolder | None = None,
) -> Comparison:
    """Compares two trials by a paired bootstrap.

    Args:
        run: the run of `trial_a`.
        trial_a, trial_b: their ids.
        metric: a metric of decisions or of the order of scores; the study's own if left out.
        other: the run of `trial_b`, on the same validation rows; the same run if left out.

    Raises:
        RunError: no such trial, one that failed, or runs that were not measured on the same rows.
    """
    study, reference = run.study(), run.reference()
    if other is not None and not np.array_equal(other.reference().y, reference.y):
        raise RunError("trials compare on the same validation rows, but the two runs have others")
    sides = []
    for folder, trial_id in ((run, trial_a), (other or run, trial_b)):
        record = folder.record(trial_id)
        if record.threshold_score is None:
            raise RunError(f"only measured trials can be compared, but {trial_id} failed: {record.error}")
        sides.append((folder.scores(trial_id)[1], record.threshold_score))
    (score_a, threshold_a), (score_b, threshold_b) = sides
    return Comparison(
        *paired_difference(
            reference.y,
            score_a,
            threshold_a,
            score_b,
            threshold_b,
            reference.groups,
            metric or study.objective.metric,
            study.seed,
        )
    )
