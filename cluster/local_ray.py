"""A Ray of our own on this host, which can start while the driver reads data."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from search.hosts.provenance import ROOT
from spaces.study import Study

QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}
LOOK_S = 0.05
"""How often a Ray that starts is asked whether it has; Ray itself asks once a second."""
PRELOADED = "search.tuning.preload"
PATIENCE_S = 20.0
"""So long the processes that Ray starts ahead are waited for."""


class HeadStart:
    """A Ray that starts in a thread of its own, for a search whose data the driver reads meanwhile.

    Ray has the kernel end its processes with the thread that started them, so that thread lives until `end`.

    Args:
        study: what is to be searched.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._launched, self._tried = threading.Event(), threading.Event()
        self._over, self._ended = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._thread.start()

    def launch(self) -> None:
        """Waits until Ray's processes run, which need this one till then and take longest of all."""
        self._launched.wait()

    def wait(self) -> None:
        """Waits until Ray is connected, and imports meanwhile what drives a search.

        Raises:
            Exception: what kept it from starting.
        """
        import search.tuning.tuner  # noqa: F401

        self._tried.wait()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Ends Ray, and at once if it is still starting."""
        self._over.set()
        self._tried.wait()
        try:
            if self._error is None:
                import ray

                ray.shutdown()
        finally:
            self._ended.set()
            self._thread.join()

    def _run(self) -> None:
        try:
            start(self._study, preload=True, launched=self._launched.set, unwanted=self._over.is_set)
        except BaseException as error:
            self._error = error
        finally:
            self._launched.set()
            self._tried.set()
        # The kernel ends Ray with this thread; and Ray, a minute later, a driver that was connected still.
        self._ended.wait()


@contextmanager
def head_start(study: Study) -> Iterator[HeadStart]:
    """Begins to start a Ray of our own, and ends it."""
    ahead = HeadStart(study)
    try:
        ahead.launch()
        yield ahead
    finally:
        ahead.end()


def start(
    study: Study,
    *,
    preload: bool = False,
    launched: Callable[[], None] = lambda: None,
    unwanted: Callable[[], bool] = lambda: False,
) -> None:
    """Starts a Ray of our own and connects to it.

    Args:
        study: names what a trial needs.
        preload: whether its processes are to import at once what a trial needs.
        launched: called when its processes run, and are to be waited for.
        unwanted: asked while it starts; once true, what has started is ended.

    Raises:
        Unwanted: it was ended.
    """
    import ray
    from ray._private import node

    from search.hosts.parallel import ALONE
    from search.tuning import fusing

    begun: list[Any] = []
    plain, node.Node = node.Node, _lean(node.Node, begun, launched, unwanted)
    before, in_advance = os.environ.get("PYTHONPATH"), preload
    if preload := preload and _preloads(study):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            resources={ALONE: 1},
            _system_config={"preload_python_modules": [PRELOADED]} if preload else None,
            **QUIET,
        )
        if preload:
            _wait_for_processes(unwanted)
        if in_advance:
            fusing.begin(study)
    except BaseException:
        for one in begun:
            _kill(one)
        # Else Ray Tune asks a store that is gone for a minute, and Ray then ends this process.
        ray.shutdown()
        raise
    finally:
        node.Node = plain
        if preload and before is None:
            del os.environ["PYTHONPATH"]
        elif preload:
            os.environ["PYTHONPATH"] = str(before)


def _wait_for_processes(unwanted: Callable[[], bool]) -> None:
    """Waits until the processes that Ray starts ahead are known to it.

    Asked for a worker before that, it starts another process beside those that are starting.
    """
    import ray
    from ray._private import state

    deadline = time.monotonic() + PATIENCE_S
    while len(state.workers()) < ray.cluster_resources().get("CPU", 0) and time.monotonic() < deadline:
        if unwanted():
            return
        time.sleep(LOOK_S)


def _kill(node: Any) -> None:
    """Ends the processes of a node that has not started, with those that its raylet has begun.

    Two of these look after themselves only once they have found the raylet, and would stay for minutes.
    """
    import psutil  # comes with Ray
    from ray._private.ray_constants import PROCESS_TYPE_RAYLET

    orphans = []
    with suppress(psutil.Error):
        for started in node.all_processes.get(PROCESS_TYPE_RAYLET, []):
            raylet = psutil.Process(started.process.pid)
            raylet.suspend()  # it begins no more
            orphans += raylet.children(recursive=True)
    node.kill_all_processes(check_alive=False)
    for orphan in orphans:
        with suppress(psutil.Error):
            orphan.kill()


class Unwanted(Exception):
    """Ray was to be ended before it had started."""


def connected_already() -> bool:
    """Whether this process is connected to a Ray, without importing Ray for the answer."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _preloads(study: Study) -> bool:
    """Whether the processes that Ray starts ahead, one per processor, will be workers of this search.

    With more threads to a trial, libraries that are imported before Ray says how many would take too few.
    """
    from search.tuning import fusing

    wanted = study.resources
    return (
        wanted.cpus == 1
        and (not wanted.gpus or fusing.will_fuse(study))
        and (wanted.workers is None or wanted.workers >= len(os.sched_getaffinity(0)))
    )


def _lean(plain: Any, begun: list[Any], launched: Callable[[], None], unwanted: Callable[[], bool]) -> Any:
    """Returns a head node without what only serves people or other hosts, of which a Ray of our own has none.

    The dashboard, which Ray waits for even where it is not included, and the monitor of the autoscaler and
    that of log files: three processes that import for a second each.
    """

    class Lean(plain):  # type: ignore[misc]  # ray carries no types
        def start_head_processes(self) -> None:
            begun.append(self)
            _check(unwanted)
            super().start_head_processes()

        def start_ray_processes(self) -> None:
            _check(unwanted)
            super().start_ray_processes()
            launched()
            # What is called next looks once a second, and cannot be interrupted.
            while not self._is_known():
                _check(unwanted)
                time.sleep(LOOK_S)

        def _is_known(self) -> bool:
            from ray import NodeID

            return NodeID.from_hex(self._node_id) in self.get_gcs_client().get_all_node_info()

        def start_api_server(self, **options: Any) -> None:
            self._webui_url = ""

        def start_monitor(self) -> None:
            pass

        def start_log_monitor(self) -> None:
            pass

    return Lean


def _check(unwanted: Callable[[], bool]) -> None:
    if unwanted():
        raise Unwanted("Ray was to be ended before it had started")
