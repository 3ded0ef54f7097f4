"""The trainer of every search: trains one configuration with Keras, which it imports when it starts."""

from functools import cache
from typing import Any

from search.data.trial_data import TrialData
from search.networks import backend
from search.record import Ask
from search.training.trainer import Session
from spaces.errors import RunError
from spaces.study import Study


def keras_trainer(ask: Ask, study: Study, data: TrialData) -> Session:
    """Starts training a configuration with Keras, which is imported here and not before."""
    backend.import_keras()
    from search.training.training import Training

    if ask.config is None:
        raise RunError(f"trial {ask.trial_id} has no configuration to train")
    minutes = study.budget.trial_minutes
    limit_s = None if minutes is None else minutes * 60
    networks = _compiled()
    return Training(ask.config, study.training, study.objective.steer, data, ask.seed, limit_s, networks)


@cache
def _compiled() -> Any:
    """The networks that this process has compiled, for its trials one after another."""
    from search.training.compiled_networks import CompiledNetworks

    return CompiledNetworks()
