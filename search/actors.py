"""Workers that die, as Ray Tune sees them: what would end the search is the death of one worker."""

import pickle
from pathlib import Path
from typing import Any

from ray.air.execution._internal import RayActorManager
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.tune.execution import tune_controller


class _Actors(RayActorManager):  # type: ignore[misc]  # ray carries no types
    """Takes whatever Ray says of a worker that is gone for that worker's death.

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


def outlive_workers() -> None:
    """Makes every search of this process outlive its workers, however they die."""
    tune_controller.RayActorManager = _Actors


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
