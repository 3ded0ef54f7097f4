"""One trial as Optuna's tables hold it: state, parameters, values and notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.trial import TrialState

from search.record import Ask, Record
from spaces.configuration import suggest
from spaces.study import Study

_STATES = {"completed": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial of a study database.

    Args:
        number: the trial's place in the run.
        state: `WAITING` until a worker begins it, then `RUNNING`, then how it ended.
        start, complete: naive UTC, as Optuna 5 keeps them.
        value: the value that ranks; None unless the trial ended well.
        params: of each drawn parameter its name, Optuna's internal number, and its distribution as JSON.
        intermediate: the steering value by epoch, from 1.
        notes: what else is known, for people; None is left out.
    """

    number: int
    state: TrialState
    start: datetime | None = None
    complete: datetime | None = None
    value: float | None = None
    params: tuple[tuple[str, float, str], ...] = ()
    intermediate: Mapping[int, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def of_ask(ask: Ask, study: Study, began: datetime | None = None) -> TrialRow:
    """Shows a trial that has not ended.

    Args:
        ask: the trial.
        study: its study.
        began: when a worker began it, with a time zone; None if none has.
    """
    return TrialRow(
        number=ask.number,
        state=TrialState.WAITING if began is None else TrialState.RUNNING,
        start=None if began is None else _naive(began),
        params=_params(ask, study),
        notes=_notes_of_ask(ask),
    )


def of_record(record: Record, study: Study) -> TrialRow:
    """Shows a trial that has ended.

    Optuna knows no completed trial without a value: one whose value is undefined is shown as failed, and the
    note `state` says what it was.
    """
    state = _STATES[record.state]
    undefined = record.value is None and state == TrialState.COMPLETE
    complete = datetime.fromisoformat(record.finished_at)
    start = (
        complete - timedelta(seconds=record.train_s)
        if record.started_at is None
        else datetime.fromisoformat(record.started_at)
    )
    notes = {
        "state": record.state,
        "error": "its value is undefined" if undefined else record.error,
        "threshold": record.threshold,
        "threshold_policy": record.threshold_policy,
        record.steering: record.steering_value,
        **{name: estimate.value for name, estimate in record.metrics.items()},
        "epochs": record.epochs,
        "train_s": record.train_s,
        "node": record.node,
        "device": record.device,
        "gpu_ids": record.gpu_ids,
        "finished_at": record.finished_at,
    }
    return TrialRow(
        number=record.ask.number,
        state=TrialState.FAIL if undefined else state,
        start=_naive(start),
        complete=_naive(complete),
        value=None if state == TrialState.FAIL else record.value,
        params=_params(record.ask, study),
        intermediate={epoch: entry[1] for epoch, entry in enumerate(record.history, start=1)},
        notes=_notes_of_ask(record.ask) | _known(notes),
    )


def _params(ask: Ask, study: Study) -> tuple[tuple[str, float, str], ...]:
    """Of a point of the space alone: the author's configuration may lie outside the study's ranges."""
    if not ask.sampled:
        return ()
    fixed = optuna.trial.FixedTrial(ask.drawn)
    suggest(fixed, study)
    return tuple(
        (name, distribution.to_internal_repr(fixed.params[name]), distribution_to_json(distribution))
        for name, distribution in fixed.distributions.items()
    )


def _notes_of_ask(ask: Ask) -> dict[str, Any]:
    notes: dict[str, Any] = {"trial_id": ask.trial_id, "kind": ask.kind, "baseline": ask.baseline}
    if ask.config is not None:
        config = ask.config.model_dump(mode="json", exclude={"code"})
        shown = config if ask.kind == "author" else ("head", "loss", "learning_rate")
        notes |= {name: config[name] for name in shown}
    return _known({**notes, "seed": ask.seed})


def _known(notes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in notes.items() if value is not None}


def _naive(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(tzinfo=None)
