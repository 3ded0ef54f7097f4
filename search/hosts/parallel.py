"""Ray beside the search: files read in parallel on this host, and shards sent to other hosts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.data.shards import Inputs, Part, Shards
from search.data.trial_data import Features, TrialData
from spaces.errors import RunError, one_line
from spaces.resources import Resources

ALONE = "headsearch_alone"
"""A resource that marks a Ray of our own, which no other host joins."""
AHEAD = 2
"""Jobs handed out per processor: one in work and one waiting."""


def hosts_for(resources: Resources) -> list[dict[str, Any]]:
    """Returns the hosts of the cluster that are large enough for a trial, be they busy or not."""
    wanted = {"CPU": resources.cpus, "GPU": resources.gpu_share}
    return [
        node
        for node in ray.nodes()
        if node["Alive"] and all(node["Resources"].get(name, 0) >= least for name, least in wanted.items())
    ]


def map_here(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    """Applies a function to every job, several at once, in processes of this host, where the files are.

    Args:
        function: importable by name in a new process.
        jobs: its arguments.

    Yields:
        The results, in the order of the jobs.

    Raises:
        RunError: a process died.
    """
    here = ray.get_runtime_context().get_node_id()
    processors = int(next(n["Resources"].get("CPU", 0) for n in ray.nodes() if n["NodeID"] == here))
    # A cluster's head may have none to give away, so that no trial runs there: then one job after another.
    task = ray.remote(
        num_cpus=min(1, processors),
        max_retries=1,
        scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
    )(_apply)
    whole = ray.put(function)
    waiting = list(reversed(jobs))
    under_way: list[Any] = []
    while waiting or under_way:
        while waiting and len(under_way) < AHEAD * max(1, processors):
            under_way.append(task.remote(whole, waiting.pop()))
        try:
            yield ray.get(under_way.pop(0))
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, RunError) else error from error
        except ray.exceptions.RayError as error:
            reason = one_line(error, 300)
            raise RunError(f"a process that prepares data died: {reason}", exit_code=1) from error


def _apply(function: Callable[[Any], Any], job: Any) -> Any:
    return function(job)


def reachable(data: TrialData) -> TrialData:
    """Returns data that a worker on any host can read.

    On this host, workers map the files. Where the cluster has other hosts, or may come to have them, the
    shards are put into Ray's object store once, from which each of them keeps one copy that all of its
    workers share.
    """
    shared: dict[int, Shards] = {}
    train, validation = (_reachable(x, shared) for x in (data.x_train, data.x_validation))
    features = data.features
    if features is not None:
        features = Features(_reachable(features.train, shared), _reachable(features.validation, shared))
    return replace(data, x_train=train, x_validation=validation, features=features)


def reachable_inputs(x: Inputs) -> Inputs:
    """Returns inputs that a worker on any host can read; see `reachable`."""
    found: Inputs = _reachable(x, {})
    return found


def alone() -> bool:
    """Whether this is a Ray of our own, which no other host joins."""
    return any(ALONE in node["Resources"] for node in ray.nodes() if node["Alive"])


def _reachable(x: Any, shared: dict[int, Shards]) -> Any:
    if alone():
        return x
    match x:
        case Part():
            return Part(_reachable(x.whole, shared), x.rows)
        case Shards():
            if id(x) not in shared:
                refs = tuple(ray.put(x.values(k)) for k in range(len(x.names)))
                shared[id(x)] = replace(x, elsewhere=_Objects(refs))
            return shared[id(x)]
        case _:
            return x


@dataclass(frozen=True)
class _Objects:
    """Shards in Ray's object store."""

    refs: tuple[Any, ...]

    def __call__(self, k: int) -> NDArray[Any]:
        found: NDArray[Any] = np.asarray(ray.get(self.refs[k]))
        return found
