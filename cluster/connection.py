"""The connection to Ray: a cluster that runs here, or a local one of our own."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from spaces.errors import RunError
from spaces.study import Study

Address = Literal["auto", "local"]


@contextmanager
def connected(study: Study, address: Address | None) -> Iterator[str]:
    """Connects to Ray, yields where to in words, and disconnects.

    Args:
        study: names the resources a trial needs.
        address: `auto` joins the cluster that this host belongs to, `local` starts one here; None joins a
            cluster if `ray start` made this host part of one, and else starts one.

    Raises:
        RunError: there is no cluster to join, or no host can hold a trial.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    import ray

    where = _connect(address)
    try:
        _check_resources(study)
        yield f"{where}: {_amount(ray.cluster_resources())}"
    finally:
        ray.shutdown()


def _connect(address: Address | None) -> str:
    import ray

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address != "local":
        try:
            ray.init(address="auto", **quiet)
            return "Ray cluster"
        except ConnectionError:
            if address == "auto":
                raise RunError(
                    "--address auto joins a running Ray cluster, but none runs on this host; "
                    "start one with `ray up` or `ray start --head`, or use --address local"
                ) from None
    ray.init(address="local", include_dashboard=False, **quiet)
    return "local Ray"


def _check_resources(study: Study) -> None:
    import ray

    for node in ray.nodes():
        total = node["Resources"]
        if total.get("CPU", 0) >= study.resources.cpus and total.get("GPU", 0) >= study.resources.gpus:
            return
    raise RunError(
        f"a trial needs {study.resources.cpus} CPUs and {study.resources.gpus:g} GPUs on one host, "
        f"but the hosts have {_amount(ray.cluster_resources())} in all (resources.cpus, resources.gpus)"
    )


def _amount(total: dict[str, float]) -> str:
    return f"{total.get('CPU', 0):g} CPUs, {total.get('GPU', 0):g} GPUs"
