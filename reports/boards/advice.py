"""The rule by which `run`, `status`, `leaderboard` and `rescore` advise to ship a trial."""

from collections.abc import Iterable

from reports.boards.standings import CERTAIN, Standing, Standings
from search.record import Record
from spaces.tasks import sign_of


def worth_shipping(value: float | None, best_baseline: float | None, objective: str) -> bool:
    """Whether the best trial that decides something is better than the best baseline that counts.

    Args:
        value: of that trial; None if there is none.
        best_baseline: see `best_baseline`; None if there is none.
        objective: what both are values of.
    """
    sign = sign_of(objective)
    return value is not None and (best_baseline is None or sign * value > sign * best_baseline)


def best_trained(records: Iterable[Record]) -> Standing | None:
    """Returns the best configuration that decides something, as its seeds say; None if none has a value."""
    best = Standings(record for record in records if record.ask.kind != "baseline").best
    return best if best is not None and best.decides else None


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
    return max(found, key=lambda r: sign_of(r.objective) * (r.value or 0.0), default=None)
