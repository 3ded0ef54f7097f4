"""Compares a trial that was trained again with its record: identical, within tolerance, or neither."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.bundles.promotion import SCORE_TOLERANCE
from search.record import Record
from search.runs.run_folder import RunFolder

LIBRARIES = ("keras", "tensorflow", "jax", "numpy", "scikit-learn")
"""Libraries whose versions decide the last digits."""
CONDITIONS = ("epochs", "threads", "cpu_flags", "onednn", "device", "precision", "fused", "code_digest")
"""Fields of a record that must agree before the same bits are promised."""
SAME = (
    *("value", "calibration_a", "calibration_b", "threshold_score"),
    *("offsets", "thresholds", "calibrations_a", "calibrations_b"),
)
"""Fields of a record that follow from the scores."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A trial and the same trial again.

    Args:
        record, again: the run's and the new one.
        rows: how many scores were compared.
        identical: all scores, raw and calibrated, and the fields `SAME` are the same bits.
        difference: the largest difference of a score, relative to 1 + |score|.
        differs: conditions that changed, or that add numbers in no fixed order; where there are none, the
            scores must be identical.
    """

    record: Record
    again: Record
    rows: int
    identical: bool
    difference: float
    differs: tuple[str, ...]

    @property
    def close(self) -> bool:
        """Whether all scores are within the tolerance."""
        return self.difference <= SCORE_TOLERANCE

    @property
    def succeeded(self) -> bool:
        """Whether the trial was reproduced."""
        return self.identical or (bool(self.differs) and self.close)

    def __str__(self) -> str:
        trial = f"trial {self.record.ask.trial_id}"
        why = "; ".join(self.differs)
        if self.identical:
            more = f", although bits were not promised: {why}" if why else f" ({_conditions(self.record)})"
            return f"{trial}: identical, all {self.rows} validation scores bit for bit{more}"
        apart = f"differ by up to {self.difference:.2g} (relative to 1 + |score|)"
        if not self.differs:
            return (
                f"{trial} was not reproduced: its scores must be the same bits ({_conditions(self.record)}), "
                f"but they {apart}{_values(self.record, self.again)}"
            )
        if self.close:
            return (
                f"{trial}: within tolerance, scores {apart}, {SCORE_TOLERANCE:g} is allowed; "
                f"bits were not promised: {why}"
            )
        return (
            f"{trial} was not reproduced: scores may differ by {SCORE_TOLERANCE:g}, but they "
            f"{apart}{_values(self.record, self.again)}; not as it was: {why}"
        )


def compared(
    run: RunFolder, made: RunFolder, record: Record, then: Mapping[str, str], now: Mapping[str, str]
) -> Reproduction:
    """Compares a trial of a run with the same trial in another folder.

    Args:
        run, made: the run, and the folder in which the trial was trained again.
        record: the trial.
        then, now: versions of the libraries.

    Raises:
        RunError: scores are missing or damaged.
    """
    trial_id = record.ask.trial_id
    again = made.record(trial_id)
    old, new = run.scores(trial_id), made.scores(trial_id)
    same = all(a.tobytes() == b.tobytes() for a, b in zip(old, new, strict=True))
    return Reproduction(
        record=record,
        again=again,
        rows=len(old[0]),
        identical=same and all(getattr(record, name) == getattr(again, name) for name in SAME),
        difference=max(_difference(a, b) for a, b in zip(old, new, strict=True)),
        differs=differing(record, again, then, now),
    )


def differing(
    record: Record, again: Record, then: Mapping[str, str], now: Mapping[str, str]
) -> tuple[str, ...]:
    """Returns what keeps two trainings of one trial from giving the same bits."""
    found = []
    for name in CONDITIONS:
        was, came = getattr(record, name), getattr(again, name)
        if was != came:
            told = "" if name == "code_digest" else f" {_named(was)}, now {_named(came)}"
            found.append(f"{'other code' if name == 'code_digest' else name}{told}")
    if record.cpu_flags is None and again.cpu_flags is None:
        found.append("cpu_flags unknown")
    if record.threads > 1:
        found.append(f"{record.threads} threads add up in no fixed order")
    if record.fused is not None:
        found.append(f"trained together with others, up to {record.fused} in one program")
    if record.device != "cpu":
        found.append(
            f"so does {record.device}" if record.threads > 1 else f"{record.device} adds up in no fixed order"
        )
    found += [
        f"{name} {then.get(name, 'unknown')}, now {now.get(name, 'none')}"
        for name in LIBRARIES
        if then.get(name) != now.get(name)
    ]
    return tuple(found)


def _difference(old: NDArray[np.float32], new: NDArray[np.float32]) -> float:
    if old.shape != new.shape:
        return float("inf")
    return float(np.max(np.abs(old.astype(np.float64) - new) / (1 + np.abs(old.astype(np.float64)))))


def _conditions(record: Record) -> str:
    """Returns the conditions of the first training under which the same bits are promised."""
    trained = "" if record.precision is None else f"{record.epochs} epochs, "
    onednn = "" if record.onednn is None else f", oneDNN {record.onednn}"
    return f"{trained}1 CPU thread, {record.cpu_flags}{onednn}, same code and libraries"


def _values(record: Record, again: Record) -> str:
    return f"; {record.objective} {_named(record.value)}, now {_named(again.value)}"


def _named(value: object) -> str:
    return "unknown" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
