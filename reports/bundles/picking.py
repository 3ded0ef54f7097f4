"""Picks the trial to promote and its threshold, and lists the faults that only `force` permits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.boards.columns import schema_for
from reports.boards.leaderboard import row as row_of
from reports.boards.requirements import Requirement, check_scored, nearest, other_thresholds, unmet
from reports.boards.standings import Standings
from search.evaluation.binary import estimates
from search.record import PROOF_TOLERANCE, Record
from search.runs.run_folder import RunFolder
from search.scores.metrics import sigmoid
from spaces.errors import RunError


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A trial to be promoted.

    Args:
        record: the trial, with the threshold that ships and the in-sample metrics at it.
        forced: the faults that were permitted by force.
        replaced: the trial's own `threshold_score` where another was chosen by hand, else None.
        better: a trial of a better configuration that meets the requirements, but whose weights were not
            kept.
        value_mean: the mean of `value` over the seeds of its configuration; None without a value.
        seeds: how many these are.
        better_mean: `value_mean` of the better one.
    """

    record: Record
    forced: tuple[str, ...] = ()
    replaced: float | None = None
    better: Record | None = None
    value_mean: float | None = None
    seeds: int = 1
    better_mean: float | None = None


def pick(
    run: RunFolder,
    trial_id: str | None,
    requirements: Sequence[Requirement] = (),
    threshold_score: float | None = None,
    *,
    force: bool = False,
) -> Choice:
    """Returns the trial to promote: the one named, or the first of the best that meets the requirements.

    Configurations are ordered by the means of their seeds, and the seeds of one by their trials, so that none
    is picked for its luck. A required `value` is that mean.

    Args:
        run: the run.
        trial_id: the trial; None takes the best by `value_mean` that is no baseline and has kept weights.
        requirements: what its row must meet, at the threshold that ships.
        threshold_score: replaces the threshold of a trial that is named.
        force: permits a trial whose numbers are not to be trusted, if it is named or no other meets the
            requirements, and a threshold that gives every row the same label.

    Raises:
        RunError: no such trial, no trained model, numbers that are not to be trusted, a constant decision of
            its rule, events required of a run without, a required `value` with a replaced threshold, or (exit
            code 1) no trial meets the requirements.
    """
    check_scored(requirements, run)
    if trial_id is None:
        if threshold_score is not None:
            raise RunError(
                "--threshold-score is a cut on the scores of one trial, so it needs that trial's id (--trial)"
            )
        return _best(run, requirements, force)
    record = run.record(trial_id)
    if record.ask.config is None or record.state == "failed":
        what = f"failed: {record.error}" if record.error else f"the baseline {record.ask.baseline}"
        raise RunError(f"only a trained trial can be promoted, but {record.ask.trial_id} is {what}")
    mean, seeds = _mean(record, Standings(run.records()))
    forced = _forced(record, force)
    replaced = None
    if threshold_score is not None and record.threshold_score is None:
        raise RunError(
            f"--threshold-score is a cut on one score, but a task of {record.task} is not decided by one"
        )
    if threshold_score is not None and _float32(threshold_score) != _float32(record.threshold_score):
        if any(one.column == "value" for one in requirements):
            raise RunError(
                "--require value asks for the cross-fitted value of the rule's thresholds, but "
                "--threshold-score replaces them; require metrics at it, such as sensitivity.min=0.95"
            )
        replaced = record.threshold_score
        record, always = with_threshold(run, record, threshold_score, force=force)
        forced += always
    else:
        check_decides(record)
    row = {**row_of_record(record), "value": mean}
    if unmet(row, requirements):
        lacking = short(row, requirements)
        raise RunError(f"trial {trial_id} does not meet {_told(requirements)}: {lacking}", exit_code=1)
    return Choice(record=record, forced=forced, replaced=replaced, value_mean=mean, seeds=seeds)


def faults(record: Record) -> tuple[str, ...]:
    """Returns the reasons for which the numbers of a trained trial are not to be trusted."""
    found = []
    if record.leaky:
        found.append(
            f"trial {record.ask.trial_id} was measured on a leaky split (split.i_accept_leakage), "
            "so nothing is known of how it does on new data; run the study on parts that are independent"
        )
    if record.proof is None or not record.proof <= PROOF_TOLERANCE:
        came = "none" if record.proof is None else f"{record.proof:.3g}"
        found.append(
            f"the decode of trial {record.ask.trial_id} is not proven: a proof is at most "
            f"{PROOF_TOLERANCE:g}, but it has {came}; train it again"
        )
    return tuple(found)


def _best(run: RunFolder, requirements: Sequence[Requirement], force: bool) -> Choice:
    trained = [
        r for r in run.records() if r.ask.config is not None and r.state != "failed" and r.value is not None
    ]
    standings = Standings(trained)
    trained.sort(key=standings.merit, reverse=True)
    if not trained:
        raise RunError(f"{run.path} has no finished trial with a value", exit_code=1)
    check_decides(trained[0])  # the best: the others decide no more than it
    trained = [record for record in trained if not _is_refused(record)]
    trusted = [record for record in trained if not faults(record)]
    if not trusted:
        _forced(trained[0], force)
    asked = trained if force else trusted
    fitting = [record for record in asked if not unmet(_row(record, standings), requirements)]
    if not fitting:
        raise _none_fits(run, [_row(record, standings) for record in asked], requirements)
    # `force` only permits: a trial that can be trusted is still preferred to one that cannot.
    fitting = [record for record in fitting if not faults(record)] or fitting
    kept = set(run.kept())
    shippable = [record for record in fitting if record.ask.trial_id in kept]
    if not shippable:
        raise RunError(
            f"the best trial that fits, {fitting[0].ask.trial_id}, has no kept weights, nor has another that "
            f"does; train it again: python search.py reproduce {run.path} {fitting[0].ask.trial_id}",
            exit_code=1,
        )
    record, first = shippable[0], fitting[0]
    mean, seeds = _mean(record, standings)
    better = None if standings.of(first) is standings.of(record) else first
    return Choice(
        record=record,
        forced=_forced(record, force),
        better=better,
        value_mean=mean,
        seeds=seeds,
        better_mean=None if better is None else _mean(better, standings)[0],
    )


def _is_refused(record: Record) -> bool:
    """Whether a rule, and no person, chose a decision that is the same for all validation rows."""
    return bool(record.constant_decision) and record.threshold_policy != "fixed"


def check_decides(record: Record) -> None:
    """Refuses a decision that is the same for every validation row, unless a person fixed it.

    Raises:
        RunError: a rule made it.
    """
    if _is_refused(record):
        if record.threshold_score is None:
            raise RunError(
                f"a rule ships only decisions that differ, but {record.threshold_policy} decides every "
                f"validation row of trial {record.ask.trial_id} alike (constant_decision); change the rule"
            )
        says = "positive" if record.metrics["sensitivity"].value == 1 else "negative"
        raise RunError(
            f"a rule ships only decisions that differ, but {record.threshold_policy} makes every validation "
            f"row of trial {record.ask.trial_id} {says} (constant_decision); change the rule, or choose a "
            f"finite cut by hand: --trial {record.ask.trial_id} --threshold-score CUT"
        )


def _none_fits(
    run: RunFolder, asked: Sequence[Mapping[str, Any]], requirements: Sequence[Requirement]
) -> RunError:
    found = nearest(asked, requirements) or asked[0]
    text = (
        f"no trial meets {_told(requirements)}; the nearest is {found['trial_id']}: "
        f"{short(found, requirements)}"
    )
    return RunError(text + other_thresholds(requirements, run), exit_code=1)


def _forced(record: Record, force: bool) -> tuple[str, ...]:
    found = faults(record)
    if found and not force:
        raise RunError(f"{found[0]} (--force ships it anyway, and its card begins with that)")
    return found


def with_threshold(
    run: RunFolder, record: Record, threshold_score: float, *, force: bool
) -> tuple[Record, tuple[str, ...]]:
    """Replaces a trial's threshold, with the metrics of the validation rows at it; also says what was forced.

    Raises:
        RunError: the threshold is NaN, or infinite and not forced.
    """
    cut = _float32(threshold_score)
    if math.isnan(cut):
        raise RunError("--threshold-score takes a number on the scale of the scores, but got nan")
    forced: tuple[str, ...] = ()
    if math.isinf(cut):
        says = f"its threshold is {cut:g}: it {'never' if cut > 0 else 'always'} says positive"
        if not force:
            raise RunError(
                f"--threshold-score takes a finite float32, but got {threshold_score:g}, with which the "
                f"bundle would {'never' if cut > 0 else 'always'} say positive (--force ships it anyway)"
            )
        forced = (says,)
    study, (_, score) = run.study(), run.scores(record.ask.trial_id)
    metrics = estimates(
        run.reference(),
        score,
        cut,
        events=study.events,
        seed=study.seed,
        probabilistic=record.metrics["brier"].value is not None,
        prevalence=study.objective.prevalence if record.calibration_note is None else None,
    )
    changes: dict[str, Any] = {
        "threshold_score": cut,
        "threshold": float(sigmoid(cut)),
        "plateau_low": None,
        "plateau_high": None,
        "metrics": metrics,
    }
    return record.model_copy(update=changes), forced


def _float32(threshold_score: float | None) -> float:
    """Returns a threshold as scores are compared with it; NaN where there is none."""
    with np.errstate(over="ignore"):
        return float(np.float32(math.nan if threshold_score is None else threshold_score))


def row_of_record(record: Record) -> Mapping[str, Any]:
    """Returns a record as a row of the leaderboard with every column."""
    # Every column is there: what a record does not say is null.
    return {**dict.fromkeys(schema_for(record).names), **row_of(record)}


def _row(record: Record, standings: Standings) -> Mapping[str, Any]:
    """A row whose `value` is the mean of its configuration: requirements ask for that."""
    return {**row_of_record(record), "value": _mean(record, standings)[0]}


def _mean(record: Record, standings: Standings) -> tuple[float | None, int]:
    """The mean value of a trial's configuration, and over how many seeds it is."""
    if record.value is None:
        return None, 1
    standing = standings.of(record)
    return standing.mean, standing.seeds


def _told(requirements: Sequence[Requirement]) -> str:
    return ", ".join(map(str, requirements))


def short(row: Mapping[str, Any], requirements: Sequence[Requirement]) -> str:
    """Returns the values by which a row misses its requirements."""
    found = []
    for requirement in unmet(row, requirements):
        value = requirement.value_in(row)
        if value is None:
            found.append(f"its {requirement.name} is undefined")
            continue
        side = "below" if requirement.bound == "min" else "above"
        found.append(
            f"its {requirement.name} {value:.4g} is {requirement.shortfall(row):.2g} {side} "
            f"{requirement.limit:.15g}"
        )
    return ", and ".join(found)
