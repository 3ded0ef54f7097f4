"""Checks every host before the first trial: same code as the driver, and the GPUs it was given."""

from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.hosts.parallel import hosts_for
from search.hosts.provenance import code_digest as digest_of
from search.networks import backend
from spaces.errors import RunError, one_line
from spaces.study import Study

PATIENCE_S = 180.0
"""A host that takes longer to answer, such as one that other work keeps busy, is looked at by its workers."""
_EXTRAS = {"tensorflow": "tensorflow[and-cuda]", "jax": "jax[cuda12]"}
"""What brings a backend its GPUs."""


def check_nodes(study: Study, code_digest: str, shape: tuple[int, ...]) -> None:
    """Refuses a run that some host would spoil; Ray must be connected.

    Every host that can hold a trial is looked at from within, but this one only where GPUs are asked for.

    Args:
        study: the study.
        code_digest: the driver's, see `provenance.code_digest`; without a data source of the user's own.
        shape: of one row.

    Raises:
        RunError: naming the host, what is wrong there, and what to do.
    """
    here, gpus = ray.get_runtime_context().get_node_id(), _gpus_to_be_seen(study)
    look, arguments = _looking(), (study.model_dump(mode="json"), code_digest, shape)
    asked = {}
    for node in hosts_for(study.resources):
        if gpus or node["NodeID"] != here:
            # One call per process, so that the GPU is released.
            task = ray.remote(num_cpus=0, num_gpus=gpus, max_calls=1, max_retries=0)(look)
            pinned = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[task.options(scheduling_strategy=pinned).remote(*arguments)] = node
    if not asked:
        return
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE_S)
    for reference in silent:
        ray.cancel(reference, force=True)
    for reference in answered:
        reason = _answer(reference, asked[reference])
        if reason is not None:
            raise RunError(reason)


def why_unfit(study: Study, code_digest: str, shape: tuple[int, ...]) -> str | None:
    """Says why this process must not train; for hosts that join late. Call it after `backend.start`.

    Args:
        study: the study.
        code_digest: the driver's.
        shape: of one row.

    Returns:
        One line that names the host; None for a worker that may train.
    """
    here = ray.util.get_node_ip_address()
    if digest_of(study, shape, source=False) != code_digest:
        return _other_code(here, "its files differ")
    gpus, share = _gpus_to_be_seen(study), study.resources.gpu_share
    if not gpus:
        return None
    name = backend.chosen()
    if name != "jax":
        backend.import_keras()
    if backend.device() == "cpu":
        return (
            f"a worker given {share:g} GPUs must see one, but {name} lists none on host {here}; "
            f"install {_EXTRAS.get(name, name)} there, or set resources.gpus=0, "
            "or resources.allow_cpu=true to train on its CPU"
        )
    total = backend.total_mib() if share < 1 and study.resources.gpu_memory == "share" else None
    if total is not None and backend.limit_mib(share, total) is None:
        return (
            f"a share of a GPU must leave room beside the {backend.CONTEXT_MIB} MiB that CUDA takes, but "
            f"{share:g} of {total} MiB does not on host {here} (resources.gpus, resources.gpu_memory)"
        )
    return None


def _gpus_to_be_seen(study: Study) -> float:
    return 0.0 if study.resources.allow_cpu else study.resources.gpu_share


def _looking() -> Callable[[dict[str, Any], str, tuple[int, ...]], tuple[str | None, str | None]]:
    """Returns what runs on each host: study, digest and shape -> what `why_unfit` says, and how it failed to.

    A function within a function is sent whole. One of this module would be sent by name, and a host with
    other files may lack the name, or mean something else by it.
    """

    def look(
        study: dict[str, Any], code_digest: str, shape: tuple[int, ...]
    ) -> tuple[str | None, str | None]:
        try:
            from search.hosts.preflight import why_unfit
            from search.networks import backend
            from spaces.study import Study

            known = Study.model_validate(study)
            backend.start(1, known.resources.gpu_share, "grow")
            return why_unfit(known, code_digest, shape), None
        except Exception as error:  # whatever another version of the files makes of it
            return None, one_line(error, 300, named=True)

    return look


def _answer(reference: Any, node: dict[str, Any]) -> str | None:
    """Returns what is wrong with a host; None also for one that has gone meanwhile."""
    try:
        reason, failure = ray.get(reference)
    except ray.exceptions.RayError as error:
        if not any(known["NodeID"] == node["NodeID"] and known["Alive"] for known in ray.nodes()):
            return None
        failure = one_line(error, 300)
    if failure is not None:
        return _other_code(node["NodeManagerAddress"], failure)
    return None if reason is None else str(reason)


def _other_code(host: str, how: str) -> str:
    return (
        f"every host must run the driver's code, but host {host} does not: {how}; "
        "`ray up cluster.yaml` refreshes what is mounted there (a network or weights of your own need a line "
        "in its file_mounts)"
    )
