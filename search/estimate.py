"""A number with its interval, as it stands in records: undefined is None, never NaN."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric with its 95% bootstrap interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        if any(number is not None and math.isnan(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"undefined must be None in an estimate, but got nan: {self}")


def defined(value: float) -> float | None:
    """Returns the value, or None for NaN: files hold null where a number is undefined."""
    return None if math.isnan(value) else float(value)
