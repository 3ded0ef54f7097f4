"""What stands below a leaderboard: what its numbers are, what cannot be told apart, and what to beware of."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reports.reading import Leaderboard
from search.estimate import Estimate
from search.event_scores import EVENT_METRICS

EVENT_POLICY = "sensitivity_at_fa_per_day"


class Chosen(Protocol):
    """What is known of having picked the best of many; see `reports.selection.Selection`."""

    @property
    def best(self) -> str | None:
        """The winner's trial id."""

    @property
    def values(self) -> Mapping[str, Estimate]:
        """Cross-fitted values with their intervals, by trial id."""

    @property
    def ranks(self) -> Mapping[str, tuple[int, int]]:
        """Lowest and highest rank, by trial id."""

    @property
    def corrected(self) -> Estimate | None:
        """The winner's value, corrected for having been picked."""

    @property
    def trials(self) -> int:
        """How many it was picked from."""

    @property
    def units(self) -> str:
        """What was resampled."""

    @property
    def unit_count(self) -> int:
        """How many of them there are."""

    @property
    def note(self) -> str | None:
        """Why something is missing."""


def about_events(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the study asked for events: its rows are ranked by them, or its thresholds chosen by them."""
    return any(r["objective"] in EVENT_METRICS or r["threshold_policy"] == EVENT_POLICY for r in rows[:1])


def footnotes(board: Leaderboard, chosen: Chosen | None = None, edges: Sequence[str] = ()) -> list[str]:
    """Says what the numbers are, and what to beware of.

    Args:
        board: the rows that are shown.
        chosen: ties and the corrected winner, where they are known.
        edges: see `reports.edges.edges`.
    """
    rows, facts = board.rows, board.facts
    if not rows:
        return []
    by = {"group": "groups", "recording": "recordings", "row": "single rows"}[rows[0]["cross_fit_by"]]
    notes = [
        f"value: {rows[0]['objective']}, cross-fitted over 10 half-splits by {by}; "
        "sens., prec.: in sample at the threshold"
    ]
    if about_events(rows):
        scorer = json.loads(rows[0]["event_scoring"] or "{}").get("scorer", "no scorer")
        notes.append(
            "its fa/day: false alarms per 24 h of the decisions behind value; ev.sens., fa/day: seizures "
            f"found and false alarms per 24 h, in sample; all scored by {scorer}"
        )
    if chosen is not None:
        notes += _picked(chosen)
    if len(facts.runs) > 1 and not facts.comparable:
        notes.append(
            "the runs differ in objective or data: their values do not compare, and ranks are each run's own"
        )
    if facts.groups_unknown:
        notes.append(
            "groups: unknown; if rows belong to patients or recordings, name them, or numbers flatter"
        )
    if facts.leaky:
        notes.append(
            "leaky: the parts of the split are known not to be independent; do not trust these values"
        )
    if (
        facts.best is not None
        and facts.best_baseline is not None
        and facts.best["value"] <= facts.best_baseline
    ):
        notes.append("no trial is better than the best baseline")
    return [*notes, *edges]


def _picked(chosen: Chosen) -> list[str]:
    """The winner's value twice, and who cannot be told from it."""
    notes = []
    tied = sum(low == 1 for low, _ in chosen.ranks.values())
    if tied > 1:
        notes.append(
            f"rank 1-{tied}: {tied} trials that {chosen.unit_count} {chosen.units} cannot tell from the best "
            "(comparison with the best by paired bootstrap, 95%)"
        )
    measured = chosen.values.get(chosen.best or "")
    if measured is not None and measured.value is not None and chosen.corrected is not None:
        notes.append(
            f"best: trial {chosen.best} has {_with_interval(measured)} as measured, "
            f"{_with_interval(chosen.corrected)} corrected for having been picked from {chosen.trials} "
            "(bootstrap bias corrected cross-validation, Tsamardinos 2018)"
        )
    return notes + ([chosen.note] if chosen.note else [])


def _with_interval(estimate: Estimate) -> str:
    if estimate.value is None:
        return "an undefined value"
    ends = (
        ""
        if estimate.low is None or estimate.high is None
        else f" ({estimate.low:.3f} to {estimate.high:.3f})"
    )
    return f"{estimate.value:.3f}{ends}"
