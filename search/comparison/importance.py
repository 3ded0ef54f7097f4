"""How much each dimension of the search space explains of the differences between trials."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution

from search.record import Record
from spaces.configuration import suggest
from spaces.study import Study

LEAST_TRIALS = 8
"""The least number of completed trials from which importances are computed."""
FOREST = {"n_trees": 32, "max_depth": 8, "seed": 0}
"""Shallow trees: by Optuna's own settings 800 trials take 13 s instead of 1, for the same shares to a
hundredth, and the time grows with their square. The seed is fixed: same records, same answer."""


def ranking(records: Sequence[Record]) -> list[Record]:
    """Returns the records that importances are read from: points of the space, trained to the end, measured.

    A trial that was stopped early has the value of a shorter training.
    """
    return [r for r in records if r.ask.sampled and r.state == "completed" and r.value is not None]


def importances(records: Sequence[Record], study: Study) -> dict[str, float] | None:
    """Returns the importance of each dimension, the largest first; they sum to 1.

    Shares of the variance of `value`, by random forests (fANOVA: Hutter, Hoos, Leyton-Brown 2014), as Optuna
    computes them. The loss counts as one dimension, whatever the head. Dimensions that only some trials have
    (weight decay, momentum, parameters of a loss) are left out, as are those with one choice.

    Args:
        records: of a run, in any order.
        study: its study.

    Returns:
        None where fewer than `LEAST_TRIALS` trials can be read, or their values do not differ.
    """
    told = ranking(records)
    if len(told) < LEAST_TRIALS or len({record.value for record in told}) < 2:
        return None
    losses = sorted({loss for losses in study.space.heads.values() for loss in losses})
    trials = [_trial(record, study, losses) for record in told]
    shared = set.intersection(*(set(trial.params) for trial in trials))
    if not shared:
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    view = optuna.create_study(direction="maximize")
    view.add_trials(trials)
    evaluator = optuna.importance.FanovaImportanceEvaluator(**FOREST)
    try:
        found = optuna.importance.get_param_importances(view, evaluator=evaluator, params=sorted(shared))
    except RuntimeError:  # all trees found no difference
        return None
    return {name: float(found[name]) for name in sorted(found, key=lambda name: (-found[name], name))}


def _trial(record: Record, study: Study, losses: Sequence[str]) -> optuna.trial.FrozenTrial:
    fixed = optuna.trial.FixedTrial(record.ask.drawn)
    config = suggest(fixed, study)
    by_head = {f"{head}_loss" for head in study.space.heads}
    distributions: dict[str, BaseDistribution] = {
        name: distribution for name, distribution in fixed.distributions.items() if name not in by_head
    }
    params: dict[str, Any] = {name: fixed.params[name] for name in distributions}
    if len(losses) > 1:
        distributions["loss"] = CategoricalDistribution(losses)
        params["loss"] = config.loss
    return optuna.trial.create_trial(params=params, distributions=distributions, value=record.value)
