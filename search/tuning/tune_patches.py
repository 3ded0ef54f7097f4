"""Patches of Ray Tune, on the driver: a search survives workers that die and uses hosts that join."""

import pickle
from pathlib import Path
from typing import Any

import ray
from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune import registry
from ray.tune.execution import tune_controller

from search.hosts.parallel import alone

WAITING = 2
"""So many trials are kept waiting, so that a worker that becomes free finds one at once."""


class _Actors(RayActorManager):  # type: ignore[misc]  # ray carries no types
    """Treats every error by which Ray reports a lost worker as that worker's death.

    Ray tells of a worker that its memory monitor killed, and of results that were lost with their host, by
    errors that are neither an actor's nor a task's; Tune takes those for its own, and the search would end.
    """

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        if _says_gone(exception):
            exception = self._died(tracked_actor_task._tracked_actor, exception)
        super()._actor_task_failed(tracked_actor_task, exception)

    def _actor_start_failed(self, tracked_actor: Any, exception: Exception) -> None:
        if _says_gone(exception):
            exception = self._died(tracked_actor, exception)
        super()._actor_start_failed(tracked_actor, exception)

    def _died(self, tracked_actor: Any, exception: Exception) -> RayActorError:
        handle, _ = self._live_actors_to_ray_actors_resources[tracked_actor]
        return RayActorError(handle._actor_id.hex(), str(exception))


def _says_gone(exception: Exception) -> bool:
    return isinstance(exception, RayError) and not isinstance(exception, RayActorError | RayTaskError)


class _Classes(tune_controller._ActorClassCache):  # type: ignore[misc]  # ray carries no types
    """Gives the workers of a Ray of our own no environment of their own: they have the driver's anyway.

    So a worker is made of a process that Ray has started ahead, rather than of another one.
    """

    def get(self, trainable_cls: Any) -> Any:
        if not alone():
            return super().get(trainable_cls)
        if trainable_cls not in self._cache:
            self._cache[trainable_cls] = ray.remote(trainable_cls)
        return self._cache[trainable_cls]


_register, _get, _contains = registry._Registry.register, registry._Registry.get, registry._Registry.contains
_read: dict[tuple[str, str], Any] = {}


def _registered(own: Any, category: str, key: str, value: Any) -> None:
    _read.pop((category, key), None)
    _register(own, category, key, value)


def _read_once(own: Any, category: str, key: str) -> Any:
    """Reads a trainable once. Tune would ask Ray for it and unpickle it twice a trial."""
    if category != registry.TRAINABLE_CLASS:
        return _get(own, category, key)
    if (category, key) not in _read:
        _read[category, key] = _get(own, category, key)
    return _read[category, key]


def _known(own: Any, category: str, key: str) -> bool:
    return (category, key) in _read or bool(_contains(own, category, key))


def survive_dead_workers() -> None:
    """Makes every search of this process outlive its workers, however they die, and lets them start.

    And asks Ray for the trainable once, rather than several times a trial.
    """
    registry._Registry.register = _registered
    registry._Registry.get = _read_once
    registry._Registry.contains = _known
    tune_controller.RayActorManager = _Actors
    tune_controller._ActorClassCache = _Classes
    tune_controller.TuneController._maybe_reuse_cached_actor = _reuse_unless_starting
    tune_controller.TuneController._maybe_add_actors = _add_as_many_as_start


_reuse = tune_controller.TuneController._maybe_reuse_cached_actor
_add = tune_controller.TuneController._maybe_add_actors


def _reuse_unless_starting(controller: Any, trial: Any) -> bool:
    """Gives a trial a worker that has become free, but not in place of one that is just starting.

    Tune would end the one that starts: where trials end faster than a worker starts, no host that joins
    would ever come to train.
    """
    return controller._trial_to_actor.get(trial) not in _starting(controller) and bool(
        _reuse(controller, trial)
    )


def _add_as_many_as_start(controller: Any) -> None:
    """Lets as many trials wait as have a worker starting, and a few more.

    With a fixed number, workers start that many at a time, however many hosts are free; and with a large one,
    suggestions are made long before they are needed.
    """
    controller.update_max_pending_trials(WAITING + len(_starting(controller)))
    _add(controller)
    # A trial that waits for its turn to wait has no folder yet, and Tune cannot end a search that holds one.
    for trial in controller._pending_trials:
        if not trial.storage.trial_dir_name:
            trial.init_local_path()


def _starting(controller: Any) -> set[Any]:
    """The workers of a `TuneController` that have their resources, and are not ready yet."""
    actors = controller._actor_manager._live_actors_to_ray_actors_resources
    return {actor for actor in actors if actor not in controller._started_actors}


def why_died(trial: Any) -> tuple[str, str]:
    """Returns what Ray says of the death of a trial's worker, on one line, and the worker's actor id.

    Tune's own `get_pickled_error` looks where its notes are copied to when a search ends, and finds nothing.

    Args:
        trial: one of Ray Tune's.

    Returns:
        Two texts; empty where Ray does not say.
    """
    if trial.pickled_error_file is None or not Path(trial.pickled_error_file).is_file():
        return "", ""
    error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    return " ".join(str(error).split()), str(getattr(error, "actor_id", None) or "")
