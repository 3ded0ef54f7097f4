"""A Ray cluster of several raylets on this machine, each like a host, to be killed.

`python -m tests.helpers.raylets FILE`: the first line of standard input starts the head with so many CPUs,
every further one another host. The cluster's address and each raylet's process id are written into FILE as
JSON. Ends with its input. What Ray notes of the cluster stays in `RAY_TMPDIR`, so that nobody else's driver
takes it for the cluster of this machine; a token keeps everybody else out.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.helpers.driving import PATIENCE_S, environment

HEALTH = {"period_ms": 1000, "timeout_ms": 5000, "failure_threshold": 2, "initial_delay_ms": 1000}
"""A host that is gone is missed after seconds instead of half a minute: its workers train on until then."""


class Hosts:
    """A cluster of its own, whose head has no CPU: trials run on the hosts that are added.

    Args:
        folder: for what is written about it.
        more: added to the environment of its workers.
    """

    def __init__(self, folder: Path, **more: str) -> None:
        self._file = folder / "raylets.json"
        self._file.unlink(missing_ok=True)
        # Paths of Ray's sockets have at most a hundred letters or so.
        self._folder = tempfile.mkdtemp(prefix="hosts-")
        own = {"RAY_TMPDIR": self._folder, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.raylets", str(self._file)],
            env=environment(**own, **more, **{f"RAY_health_check_{k}": str(v) for k, v in HEALTH.items()}),
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.raylets: list[int] = []
        self.environment = own
        self.add(cpus=0)
        self.environment["RAY_ADDRESS"] = json.loads(self._file.read_text())["address"]

    def add(self, cpus: int = 1) -> int:
        """Adds a host; returns its raylet's process id."""
        self._process.stdin.write(f"{cpus}\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + PATIENCE_S
        while len(self._known()) == len(self.raylets):
            assert self._process.poll() is None, "the cluster has ended"
            assert time.monotonic() < deadline, "waited in vain for a raylet"
            time.sleep(0.05)
        self.raylets = self._known()
        return self.raylets[-1]

    def stop(self) -> None:
        """Ends every process of the cluster."""
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _known(self) -> list[int]:
        return json.loads(self._file.read_text())["raylets"] if self._file.exists() else []


def main(file: Path) -> None:
    from ray.cluster_utils import Cluster

    assert "RAY_TMPDIR" in os.environ
    cluster, pids = Cluster(), []
    for line in sys.stdin:
        node = cluster.add_node(num_cpus=int(line), include_dashboard=False, wait=True)
        pids.append(node.all_processes["raylet"][0].process.pid)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps({"address": cluster.address, "raylets": pids}))
        partial.rename(file)
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
