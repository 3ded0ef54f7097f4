"""The validation rows as scores are measured on them: labels, groups, times, half-splits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.scores.half_splits import Halves
from spaces.base import Label


@dataclass(frozen=True)
class Reference:
    """The validation rows that every trial of a study is measured on.

    Args:
        y: labels `(n,)` in {0, 1}; of other tasks places of classes `(n,)`, a matrix of labels `(n, K)` in
            {0, 1}, or numbers `(n,)`.
        groups: patient or file of each row, `(n,)`, or None where unknown.
        recordings, times: recording and start in seconds of each row, or None.
        halves: the cross-fit's half-splits.
        window_s: seconds that each row covers, or None.
        timeline: the recordings with their seizures, for event scores; None if unknown, or if the rows cover
            too little of them.
        answers: the classes or labels that scores have a column of each, in order; none of other tasks.
    """

    y: NDArray[Any]
    groups: NDArray[np.str_] | None
    recordings: NDArray[np.str_] | None
    times: NDArray[np.float64] | None
    halves: Halves
    window_s: float | None = None
    timeline: tuple[Recording, ...] | None = None
    answers: tuple[Label, ...] = ()
