"""What the driver of a search notes of its hosts for `watch`: their workers, processors and GPUs."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from search.files import write_atomically

LOOK_S = 2.0
"""Seconds between two looks; what has not changed is not written again."""
END_S = 2.0
"""Seconds that the end of a search waits for a look that is under way."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A host of the cluster.

    Args:
        address: its own.
        workers: processes of this search there that are ready for trials.
        cpus, gpus: what it has to give.
        cpus_held, gpus_held: how much of that is given, by shares, to whatever runs there.
    """

    address: str
    workers: int
    cpus: float
    cpus_held: float
    gpus: float
    gpus_held: float


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """All hosts, as a driver saw them.

    Args:
        hosts: in the order of their addresses.
        starting: workers that are not ready yet.
        since: when it began to look so, with a time zone, in ISO format.
    """

    hosts: tuple[Host, ...]
    starting: int
    since: str


class HostNotes:
    """The notes of one run. Nothing rests on them: what cannot be seen or written is left out.

    Args:
        logs: the run's folder of logs.
    """

    def __init__(self, logs: Path) -> None:
        self._path = logs / "hosts.json"

    def read(self) -> Hosts | None:
        """Returns what was noted last; None where nothing was."""
        try:
            found = json.loads(self._path.read_bytes())
            hosts = tuple(Host(**host) for host in found["hosts"])
            return Hosts(hosts=hosts, starting=int(found["starting"]), since=str(found["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps the notes up to date meanwhile, in a thread; Ray must be connected."""
        ended = threading.Event()
        thread = threading.Thread(target=self._keep, args=(ended,), name="host notes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(END_S)

    def _keep(self, ended: threading.Event) -> None:
        noted: tuple[tuple[Host, ...], int] | None = None
        while not ended.is_set():
            # Whatever Ray raises here, where its head is busy or gone, the search itself will find out.
            with contextlib.suppress(Exception):
                seen = look()
                if seen != noted:
                    self._write(*seen)
                    noted = seen
            ended.wait(LOOK_S)

    def _write(self, hosts: tuple[Host, ...], starting: int) -> None:
        since = datetime.now(UTC).isoformat(timespec="milliseconds")
        write_atomically(
            self._path, json.dumps(asdict(Hosts(hosts=hosts, starting=starting, since=since))).encode()
        )


def look() -> tuple[tuple[Host, ...], int]:
    """Returns the hosts as they are now, and how many workers are being started.

    Raises:
        ConnectionError: Ray is not connected, or no more; asked nevertheless, it would begin another one.
    """
    import ray
    from ray._private import state  # what a host has left, and where workers are, Ray tells nowhere else

    if not ray.is_initialized():
        raise ConnectionError("hosts are those of a Ray that is connected, but none is")
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    actors = state.actors(job_id=job).values()
    workers = Counter(actor["Address"]["NodeID"] for actor in actors if actor["State"] == "ALIVE")
    starting = sum(actor["State"] in ("PENDING_CREATION", "RESTARTING") for actor in actors)
    left = state.available_resources_per_node()
    hosts = [
        _host(node, left.get(node["NodeID"], {}), workers[node["NodeID"]])
        for node in ray.nodes()
        if node["Alive"]
    ]
    return tuple(sorted(hosts, key=lambda host: host.address)), starting


def _host(node: dict[str, Any], left: dict[str, float], workers: int) -> Host:
    def held(name: str) -> tuple[float, float]:
        whole = float(node["Resources"].get(name, 0.0))
        return whole, round(whole - float(left.get(name, 0.0)), 4)

    (cpus, cpus_held), (gpus, gpus_held) = held("CPU"), held("GPU")
    return Host(
        address=str(node["NodeManagerAddress"]),
        workers=workers,
        cpus=cpus,
        cpus_held=cpus_held,
        gpus=gpus,
        gpus_held=gpus_held,
    )
