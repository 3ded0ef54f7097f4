"""What follows from the scores of an epoch: whether it is the best, whether the rate falls, and the end."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.steering_metrics import Steer
from spaces.errors import TrialError
from spaces.heads import Head
from spaces.study import Training as TrainingRules


class Course:
    """The course of one trial, told epoch by epoch.

    Args:
        head: decodes the logits.
        rules: patience, the least gain, and the schedule of the rate.
        steer: what says which epoch is the best.
        y: labels of the validation rows, `(n, ...)`.

    Attributes:
        best_value, best_epoch: of the best epoch so far, counted from 1.
        history: per epoch: training loss, steering value, learning rate.
    """

    def __init__(self, head: Head, rules: TrainingRules, steer: Steer, y: NDArray[Any]) -> None:
        self._head, self._rules, self._y = head, rules, y
        self._steer = steer
        self._since_best = self._since_lower = 0
        self.best_value = -math.inf
        self.best_epoch = 0
        self.history: list[tuple[float, float, float]] = []

    @property
    def finished(self) -> bool:
        """Whether patience has run out, or all epochs are done."""
        return self.impatient or len(self.history) >= self._rules.epochs

    @property
    def impatient(self) -> bool:
        """Whether patience has run out."""
        return self._since_best >= self._rules.patience

    def check_loss(self, loss: float) -> None:
        """Refuses the training loss of the next epoch where it is no number.

        Raises:
            TrialError: it is not finite.
        """
        if not math.isfinite(loss):
            raise TrialError(
                f"the training loss became {loss} in epoch {len(self.history) + 1}; try a lower learning rate"
            )

    def judge(self, loss: float, logits: NDArray[np.float32], rate: float) -> bool:
        """Takes in an epoch, and says whether it is the best so far.

        Args:
            loss: the training loss.
            logits: of the validation rows, `(n, head.logits)`.
            rate: the learning rate that the epoch began with.

        Raises:
            TrialError: scores are not finite.
        """
        raw = self._head.score(logits)
        if not np.isfinite(raw).all():
            raise TrialError(
                f"the logits overflowed in epoch {len(self.history) + 1}; try a lower learning rate"
            )
        value = self._steer(self._y, raw)
        self.history.append((loss, value, rate))
        if value > self.best_value + (self._rules.min_delta if self.best_epoch else 0):
            self.best_value, self.best_epoch = value, len(self.history)
            self._since_best = self._since_lower = 0
            return True
        self._since_best += 1
        self._since_lower += 1
        return False

    def lowers_rate(self) -> bool:
        """Whether the rate is to be multiplied by `plateau_factor` now; ask once after every epoch."""
        if self._rules.schedule == "plateau" and self._since_lower >= self._rules.plateau_patience:
            self._since_lower = 0
            return True
        return False


def order_of(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Returns the order `(rows,)` in which an epoch takes the training rows, by seed and epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(rows)
