"""The command `promote`: picks a trial, ships it as a bundle, and prints its numbers and warnings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster import tracking
from cluster.commands.decide import write_decision
from reports.boards import requirements
from reports.boards.advice import best_baseline, worth_shipping
from reports.boards.standings import mean_of
from reports.bundles import picking, promotion
from reports.bundles.card import number
from reports.bundles.picking import Choice
from reports.decisions.judge import SEEN
from reports.decisions.judged_bundle import is_judged
from search.networks import backend
from search.networks.format_compatibility import Exported
from search.runs.run_folder import RunFolder


def promote(
    path: Path,
    to: Path,
    trial_id: str | None,
    required: Sequence[str],
    threshold_score: float | None,
    *,
    force: bool,
) -> Iterator[str]:
    """Promotes a trial and yields lines to print.

    Args:
        path: the run's folder.
        to: the bundle's folder.
        trial_id: the trial; None takes the best.
        required: requirements as they are written, see `requirements.parse`.
        threshold_score, force: see `picking.pick` and `promotion.promote`.

    Raises:
        RunError: the trial cannot be picked or shipped; see `picking.pick` and `promotion.promote`.
    """
    run = RunFolder(path)
    asked = requirements.parse_for(run, required)
    if not run.study().trains:
        yield from write_decision(path, to, required, trial_id, threshold_score, force=force)
        if is_judged(run):
            yield SEEN
        return
    backend.start(run.study().resources.cpus)
    choice = picking.pick(run, trial_id, asked, threshold_score, force=force)
    record = choice.record
    if choice.better is not None:
        other = choice.better
        yield (
            f"trial {other.ask.trial_id} is better ({number(choice.better_mean)} in validation, against "
            f"{number(choice.value_mean)} of {record.ask.trial_id}), but its weights were not kept; "
            f"to have it: python search.py reproduce {path} {other.ask.trial_id}"
        )
    promoted = promotion.promote(run, choice, to, force=force)
    objective, counted = promoted.test[record.objective], promoted.test.get("fa_per_day")
    alarms = None if counted is None else counted.value
    yield (
        f"trial {record.ask.trial_id} -> {to}: "
        f"{record.objective} {number(objective.value)} on the test split "
        f"(95% interval {number(objective.low)} to {number(objective.high)})"
        + ("" if alarms is None else f", with {alarms:.1f} false alarms per 24 h")
        + f"; {number(choice.value_mean)} in validation{mean_of(choice.seeds)}, from which it was picked"
    )
    yield from _warnings(run, choice, promoted.times_opened)
    yield _exports(promoted.exports)
    yield from tracking.promoted(run, run.study(), record.ask.trial_id, to)


def _warnings(run: RunFolder, choice: Choice, times_opened: int) -> Iterator[str]:
    record = choice.record
    for reason in choice.forced:
        yield f"forced: {reason}"
    if choice.replaced is not None:
        yield (
            f"the threshold {record.threshold_score:.6g} was chosen by hand, and the value in validation is "
            f"of the rule's thresholds; on all validation rows the rule had chosen {choice.replaced:.6g}"
        )
    if times_opened > 1:
        yield (
            f"beware: the test split was opened {times_opened} times, so its numbers are no longer unbiased; "
            "the card says so"
        )
    yardstick = best_baseline(run.records())
    if yardstick is not None and not worth_shipping(choice.value_mean, yardstick.value, record.objective):
        yield (
            f"beware: the baseline {yardstick.ask.baseline} has {number(yardstick.value)} there, "
            "and the trial does not beat it"
        )


def _exports(exports: Sequence[Exported]) -> str:
    """One line on the formats beside Keras' own."""
    told = []
    for one in exports:
        if one.left_out is not None:
            told.append(f"{one.name} is left out ({one.left_out})")
        elif not one.compared_rows:
            told.append(f"{one.name} was not compared: nothing that reads it is installed")
        else:
            told.append(
                f"{one.name} agrees with it on {one.compared_rows} validation rows "
                f"(outputs to {one.probability_difference:.1e})"
            )
    return f"beside model.keras: {'; '.join(told)}"
