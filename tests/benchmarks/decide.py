"""`decide` on 1,000,000 rows under ten policies: `python -m tests.benchmarks.decide`.

Ours is the whole command in a process of its own: cross-fit, intervals, ties, calibration, page and decision.
The peer is scikit-learn's TunedThresholdClassifierCV with 100 thresholds on the same probabilities, one fit a
policy, in its cheapest form (`cv="prefit"`): it chooses a threshold in sample and measures nothing else.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, fbeta_score, make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV

from tests.benchmarks.results import Result, Target, paired, shown
from tests.conftest import ROOT

N, GROUPS, THRESHOLDS = 1_000_000, 50, 100


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose inputs are its probabilities, `(n, 1)`."""

    classes_ = np.array([0, 1])

    def fit(self, x: NDArray[Any], y: NDArray[Any]) -> "Given":
        """Learns nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: NDArray[Any]) -> NDArray[Any]:
        """Returns the inputs, as scikit-learn has probabilities, `(n, 2)`."""
        return np.column_stack([1 - x[:, 0], x[:, 0]])

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """Returns decisions at a half, `(n,)`."""
        return (x[:, 0] >= 0.5).astype(int)


def cost(y: NDArray[Any], decided: NDArray[Any], c_fp: float, c_fn: float) -> float:
    """Minus the cost of the errors."""
    (_, fp), (fn, _) = confusion_matrix(y, decided)
    return float(-(c_fp * fp + c_fn * fn))


POLICIES: dict[str, Any] = {
    "max_f1": make_scorer(fbeta_score, beta=1),
    "max_f1,beta=2": make_scorer(fbeta_score, beta=2),
    "max_f1,beta=0.5": make_scorer(fbeta_score, beta=0.5),
    "youden": make_scorer(balanced_accuracy_score, adjusted=True),
    "max_balanced_accuracy": make_scorer(balanced_accuracy_score),
    "cost": make_scorer(cost, c_fp=1, c_fn=1),
    "cost,c_fn=2": make_scorer(cost, c_fp=1, c_fn=2),
    "cost,c_fn=5": make_scorer(cost, c_fp=1, c_fn=5),
    "cost,c_fn=10": make_scorer(cost, c_fp=1, c_fn=10),
    "cost,c_fn=100": make_scorer(cost, c_fp=1, c_fn=100),
}
"""Ten policies that both know."""


def results(full: bool = False) -> Iterator[Result]:
    """Times both on one table; ours writes its folder anew each time."""
    rng = np.random.default_rng(0)
    y = (rng.random(N) < 0.03).astype(int)
    p = 1 / (1 + np.exp(-(rng.normal(size=N) * 1.5 - 3 + 3 * y)))
    group = np.char.add("p", (np.arange(N) * GROUPS // N).astype(str))
    with tempfile.TemporaryDirectory() as scratch:
        table = Path(scratch) / "scores.parquet"
        pq.write_table(pa.table({"label": y, "probability": p, "patient": group}), table)
        rounds = iter(range(1_000))

        def ours() -> float:
            to = Path(scratch) / f"out{next(rounds)}"
            asked = [word for policy in POLICIES for word in ("--policy", policy)]
            columns = ["--label", "label", "--score", "probability", "--group", "patient"]
            command = [sys.executable, ROOT / "search.py", "decide", table, *columns, *asked, "--to", to]
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return time.perf_counter() - began

        def theirs() -> float:
            began = time.perf_counter()
            for scorer in POLICIES.values():
                tuned = TunedThresholdClassifierCV(
                    FrozenEstimator(Given()), scoring=scorer, thresholds=THRESHOLDS, cv="prefit", refit=False
                )
                tuned.fit(p[:, None], y)
            return time.perf_counter() - began

        measured = list(paired(3 if full else 1, ours, theirs))
    yield Result(
        what=f"`decide`, {N:,} rows, ten policies",
        ours=tuple(mine for mine, _ in measured),
        unit="s",
        against="scikit-learn's TunedThresholdClassifierCV, 100 thresholds, ten fits",
        theirs=tuple(their for _, their in measured),
        ratio_of="theirs/ours",
        target=Target(limit=5, sense="at least", of="ratio"),
        note=f"ours is the whole command, with cross-fit, intervals over {GROUPS} groups, page and decision",
    )


if __name__ == "__main__":
    shown(results)
