"""The connection to Ray: a cluster that runs here, or a local one of our own."""

import functools
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
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


@contextmanager
def lazily_connected(study: Study, address: Address | None) -> Iterator[Callable[[], str]]:
    """Yields a function that connects when it is first called, and says where to; disconnects in the end.

    Args, Raises: as `connected`.
    """
    with ExitStack() as stack:
        yield functools.cache(lambda: stack.enter_context(connected(study, address)))


def _connect(address: Address | None) -> str:
    import ray

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    cluster = None if address == "local" else _standing_cluster()
    if cluster is not None:
        try:
            ray.init(address=cluster, **quiet)
        except (ConnectionError, RuntimeError) as error:
            raise RunError(f"this host belongs to a Ray cluster at {cluster}, but: {error}") from None
        return "Ray cluster"
    if address == "auto":
        raise RunError(
            "--address auto joins a running Ray cluster, but none runs on this host; "
            "start one with `ray up` or `ray start --head`, or use --address local"
        )
    ray.init(address="local", include_dashboard=False, **quiet)
    return "local Ray"


def _standing_cluster() -> str | None:
    """Returns the address of the cluster that `ray start` made this host part of, if it answers.

    Ray's own `auto` also joins whatever another driver started for itself alone, which ends with that driver.
    """
    named = os.environ.get("RAY_ADDRESS", "")
    if named not in ("", "auto", "local"):
        return named
    noted = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    if not noted.is_file():
        return None
    cluster = noted.read_text(encoding="utf-8").strip()
    host, _, port = cluster.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, ValueError):
        return None  # the note outlives a cluster that was not stopped by `ray stop`
    return cluster


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
