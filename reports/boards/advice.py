"""The rule by which `run`, `status`, `leaderboard` and `rescore` advise to ship a trial."""

from collections.abc import Iterable

from search.record import Record

CERTAIN = ("sensitivity", "specificity", "event_sensitivity")
"""Metrics in which a constant decision is perfect by definition: there it is no yardstick."""


def worth_shipping(value: float | None, best_baseline: float | None) -> bool:
    """Whether the best trial that decides something is better than the best baseline that counts.

    Args:
        value: of that trial; None if there is none.
        best_baseline: see `best_baseline`; None if there is none.
    """
    return value is not None and (best_baseline is None or value > best_baseline)


def best_trained(records: Iterable[Record]) -> Record | None:
    """Returns the best trained trial that decides something; None if none has a value."""
    found = [r for r in records if r.ask.kind != "baseline" and r.value is not None]
    best = max(found, key=lambda r: (r.merit, -r.ask.number), default=None)
    return None if best is None or best.constant_decision else best


def best_baseline(records: Iterable[Record]) -> Record | None:
    """Returns the baseline of the best value that counts as a yardstick; None if none does.

    A baseline that says the same of every row counts, unless the metric makes that perfect; see `CERTAIN`.
    """
    found = [
        r
        for r in records
        if r.ask.kind == "baseline"
        and r.value is not None
        and not (r.constant_decision and r.objective in CERTAIN)
    ]
    return max(found, key=lambda r: r.value or 0.0, default=None)
