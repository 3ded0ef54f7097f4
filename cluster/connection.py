"""Connects to Ray: to the cluster of this host, or to a local one that it starts."""

import contextlib
import functools
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Literal

from cluster import local_ray
from cluster.terminal import PlainConsole, say
from search.hosts.host_wait import JOIN_S, LOOK_S
from search.hosts.provenance import ROOT
from spaces.errors import RunError
from spaces.study import Study

Address = Literal["auto", "local"]
CLUSTER, LOCAL, GUEST = "Ray cluster", "local Ray", "the Ray that is there already"
BOOTSTRAP = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head for the autoscaler, which starts the other hosts."""
KUBERAY = "RAY_USAGE_STATS_KUBERAY_IN_USE"
"""Set by KubeRay in its pods, where an autoscaler may run beside the head."""


@contextmanager
def connected(
    study: Study, address: Address | None, ahead: local_ray.HeadStart | None = None
) -> Iterator[str]:
    """Connects to Ray, yields where to in words, and disconnects.

    Args:
        study: names the resources a trial needs.
        address: `auto` joins the cluster that this host belongs to, `local` starts one here; None joins a
            cluster if `ray start` made this host part of one, and else starts one.
        ahead: a Ray of our own that is starting already; whoever began it ends it.

    Raises:
        RunError: there is no cluster to join, or no host can hold a trial and none joins in ten minutes.
    """
    _tell_ray()
    import ray

    if ahead is None and ray.is_initialized():  # by a notebook, whose it stays
        _check_imports()
        _check_resources(study)
        yield f"{GUEST}: {_amount(ray.cluster_resources())}"
        return
    where = _connect(study, address) if ahead is None else LOCAL
    if ahead is not None:
        ahead.wait()
    terminate_as_interrupted()  # Ray has just installed its own handler, which ends without a message
    try:
        with _hosts_for(study, may_join=where == CLUSTER and _autoscaled()):
            total = ray.cluster_resources()
            idle = total.get("GPU") and not study.resources.gpus
            yield f"{where}: {_amount(total)}" + ("; trials use no GPU (resources.gpus=0)" if idle else "")
    finally:
        ray.shutdown()


@contextmanager
def lazily_connected(
    study: Study, address: Address | None, *, for_sure: bool = False
) -> Iterator[Callable[[], str]]:
    """Yields a function that connects at its first call and returns where to; disconnects in the end.

    Args:
        study, address: see `connected`.
        for_sure: whether it will be called, so that a Ray of our own starts now, meanwhile.

    Raises:
        RunError: see `connected`.
    """
    with ExitStack() as stack:
        ahead = None
        if for_sure and not local_ray.connected_already() and _starts_its_own(address):
            _tell_ray()
            ahead = stack.enter_context(local_ray.head_start(study))
        yield functools.cache(lambda: stack.enter_context(connected(study, address, ahead)))


def _tell_ray() -> None:
    """Sets what Ray and its processes read from the environment."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")


def _starts_its_own(address: Address | None) -> bool:
    return address != "auto" and (address == "local" or _standing_cluster() is None)


def terminate_as_interrupted() -> None:
    """Makes SIGTERM, by which a scheduler ends a job, end this process as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # ignored, as in a job that a script has put into the background
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _autoscaled() -> bool:
    """Whether the cluster's hosts may come as they are asked for."""
    return BOOTSTRAP.expanduser().is_file() or KUBERAY in os.environ


def _connect(study: Study, address: Address | None) -> str:
    import ray

    cluster = None if address == "local" else _standing_cluster()
    if cluster is not None:
        try:
            ray.init(address=cluster, **local_ray.QUIET)
        except (ConnectionError, RuntimeError) as error:
            raise RunError(f"this host belongs to a Ray cluster at {cluster}, but: {error}") from None
        return CLUSTER
    if address == "auto":
        raise RunError(
            "--address auto joins a running Ray cluster, but none runs on this host; "
            "start one with `ray up` or `ray start --head`, or use --address local"
        )
    local_ray.start(study)
    return LOCAL


def _standing_cluster() -> str | None:
    """Returns the address of the cluster that `ray start` made this host part of, if it answers.

    Ray's own `auto` also joins a Ray that another driver started for itself, which ends with that driver.
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
        return None  # Ray's note remains after a cluster that was not stopped by `ray stop`
    return cluster


@contextmanager
def _hosts_for(study: Study, *, may_join: bool) -> Iterator[None]:
    """Makes sure that a host can hold a trial; if more hosts may join, requests them and waits.

    The request is kept until the end, or the autoscaler would remove the hosts between two trials.

    Raises:
        RunError: no host can hold a trial.
    """
    if not may_join:
        _check_resources(study)
        yield
        return
    from ray.autoscaler.sdk import request_resources

    from search.hosts.parallel import hosts_for

    wanted = study.resources
    trial = {"CPU": wanted.cpus} | ({"GPU": wanted.gpu_share} if wanted.gpu_share else {})
    request_resources(bundles=[trial] * (wanted.workers or 1))
    try:
        if not hosts_for(wanted):
            said = f"no host can hold a trial yet; waiting up to {JOIN_S / 60:g} minutes for one to join"
            with contextlib.suppress(OSError):  # a terminal that went away is not an error
                say(PlainConsole(stderr=True), said)
            deadline = time.monotonic() + JOIN_S
            while not hosts_for(wanted) and time.monotonic() < deadline:
                time.sleep(LOOK_S)
        _check_resources(study)
        yield
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone, and the request with it
            request_resources(bundles=[])


def _check_resources(study: Study) -> None:
    import ray

    from search.hosts.parallel import hosts_for

    if not hosts_for(study.resources):
        raise RunError(
            f"a trial needs {study.resources.cpus} CPUs and {study.resources.gpu_share:g} GPUs on one host, "
            f"but the hosts have {_amount(ray.cluster_resources())} in all (resources.cpus, resources.gpus)"
        )


def _check_imports() -> None:
    """Refuses a Ray that another program started, if its workers do not find our packages.

    Raises:
        RunError: they do not; it says where the packages lie.
    """
    import ray

    def finds() -> bool:
        from importlib.util import find_spec

        return find_spec("search") is not None and find_spec("spaces") is not None

    # A function within a function is sent whole, so that it needs none of our modules.
    if not ray.get(ray.remote(num_cpus=0)(finds).remote()):
        variables = {"env_vars": {"PYTHONPATH": str(ROOT)}}
        raise RunError(
            "workers must find headsearch, but those of the Ray that is there already do not; end it by "
            f"ray.shutdown(), or begin it with ray.init(runtime_env={variables})"
        )


def _amount(total: dict[str, float]) -> str:
    return f"{total.get('CPU', 0):g} CPUs, {total.get('GPU', 0):g} GPUs"
