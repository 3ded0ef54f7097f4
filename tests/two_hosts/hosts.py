"""Hosts of our own: namespaces on one bridge, each host with its own network, processes, sshd and folders.

A host is a process (the init of its process namespace); ending that ends whatever runs on the host and
frees its network and its mounts. Nothing of it is seen from outside: no named namespace, no bridge, no file.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.conftest import ROOT

USER = "searcher"
HOME = Path("/home") / USER
VENV = ".headsearch"
"""Where cluster.yaml keeps the Python environment, below the home."""
NEEDED = ("ip", "unshare", "nsenter", "setpriv", "mount", "ssh", "ssh-keygen", "rsync", "/usr/sbin/sshd")
UNSHARE = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
INIT = "while true; do sleep 1000 & wait; done"
"""A host's first process: bash, unlike sleep, buries the processes that are left to it."""
OWN = ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", "/mnt")
"""Folders that each host has to itself; everything else is read-only there."""


def missing() -> str | None:
    """Why hosts cannot be made here; None if they can."""
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    for program in NEEDED:
        if shutil.which(program) is None:
            return f"needs {program} (packages iproute2, openssh-server, rsync, util-linux)"
    tried = subprocess.run([*UNSHARE, "mount", "-o", "remount,bind,ro", "/"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"needs namespaces, but: {tried.stderr.strip()}"


SSHD = f"""HostKey /mnt/made/host
PidFile none
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
AuthorizedKeysFile {HOME}/.ssh/authorized_keys
"""


@dataclass
class Host:
    """One host.

    Args:
        name: such as `head`.
        address: its IP address.
        holder: the process that made its namespaces, whose end is the host's.
        pid: the first process in them.
    """

    name: str
    address: str
    holder: subprocess.Popen
    pid: int
    started: list[subprocess.Popen] = field(default_factory=list)

    def command(self, line: str) -> list[str]:
        """Returns what runs a line of bash in this host's namespaces, at its home."""
        inside = ["nsenter", "-t", str(self.pid), "--net", "--mount", "--uts", "--pid", "--wd=/"]
        environment = {
            "HOME": str(HOME), "USER": USER, "LOGNAME": USER, "SHELL": "/bin/bash", "LANG": "C.UTF-8",
            "PATH": f"{HOME}/{VENV}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        }  # fmt: skip
        settings = [f"{key}={value}" for key, value in environment.items()]
        return [*inside, "env", "-i", *settings, "bash", "-c", f"cd {HOME} && {line}"]

    def run(self, line: str, timeout_s: float = 120, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a line of bash on this host to its end."""
        done = subprocess.run(
            self.command(line), capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {line}\n{done.stdout[-20000:]}\n{done.stderr[-4000:]}")
        return done

    def start(self, line: str, output: Path) -> subprocess.Popen:
        """Starts a line of bash on this host, in a session of its own."""
        with output.open("w") as out:
            process = subprocess.Popen(
                self.command(line),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def listen(self, log: Path) -> None:
        """Starts the host's sshd, which lets in whoever has the key `/mnt/made/client`."""
        self.start(f"/usr/sbin/sshd -D -e -f /mnt/made/sshd_config -o ListenAddress={self.address}", log)

    def pids(self, pattern: str) -> list[int]:
        """Returns the processes on this host, as numbered there, whose command line matches."""
        found = self.run(f"pgrep -f -- {shlex.quote(pattern)}", check=False).stdout.split()
        return [int(pid) for pid in found]


def environment_of_hosts(folder: Path) -> Path:
    """Makes the Python environment of the hosts by cluster.yaml's own line."""
    made = folder / VENV
    uv = shutil.which("uv", path=f"{ROOT}/.venv/bin")
    assert uv is not None, "the project's environment lacks uv"
    subprocess.run([uv, "venv", "-q", "--relocatable", "--python", sys.executable, made], check=True)
    shutil.copy(uv, made / "bin" / "uv")
    (folder / "cluster").symlink_to(ROOT / "cluster")
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    lines = yaml.safe_load((ROOT / "cluster.yaml").read_text())["setup_commands"]
    (install,) = [line for line in lines if "requirements.txt" in line]
    command = ["bash", "-ec", install.replace("nvidia-smi", "no-gpu-here")]
    subprocess.run(command, env={**os.environ, "HOME": str(folder), "UV_CACHE_DIR": cache}, check=True)
    return made


@contextmanager
def hosts(
    network: str, names: tuple[str, ...], environment: Path, shared_home: Path | None = None
) -> Iterator[dict[str, Host]]:
    """Makes hosts on one bridge, which the first of them, the client's, holds; ends them all.

    Args:
        network: the first three numbers of an IP network, such as `10.77.0`; seen by these hosts alone.
        names: of the hosts.
        environment: the Python environment that every host finds in its home, read-only.
        shared_home: a folder that is the home of all of them; left out, each has a home of its own.
    """
    with ExitStack() as stack:
        shared = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headsearch-hosts-")))
        made: dict[str, Host] = {}
        for number, name in enumerate(names, start=1):
            made[name] = _new_host(name, f"{network}.{number}", stack)
        client = made[names[0]]
        _enter(client, "ip link add bridge type bridge && ip link set bridge up")
        for number, host in enumerate(made.values(), start=1):
            _enter(
                client,
                f"ip link add port{number} type veth peer name net0 netns {host.pid} && "
                f"ip link set port{number} master bridge up",
                mount=False,
            )
            # Without a default route Ray takes 127.0.0.1 for a host's address, and no other host joins.
            _enter(
                host,
                f"ip link set lo up && ip addr add {host.address}/24 dev net0 && ip link set net0 up && "
                f"ip route add default via {client.address if host is not client else network + '.254'}",
            )
        _make_keys(shared)
        for host in made.values():
            _furnish(host, shared, environment, shared_home)
        yield made


def _new_host(name: str, address: str, stack: ExitStack) -> Host:
    # Should the tests be killed, the kernel ends the holder, and with it the host.
    holder = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *UNSHARE, "bash", "-c", INIT],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    host = Host(name, address, holder, 0)
    stack.callback(_end, host)
    deadline = time.monotonic() + 30
    while not host.pid:
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "bash":
            host.pid = int(children[0])
        elif time.monotonic() > deadline or holder.poll() is not None:
            raise AssertionError(f"host {name} did not come up")
        time.sleep(0.01)
    return host


def _end(host: Host) -> None:
    for process in host.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    host.holder.kill()
    host.holder.wait()


def _enter(host: Host, line: str, *, mount: bool = True) -> None:
    inside = ["nsenter", "-t", str(host.pid), "--net"] + (["--mount", "--uts", "--pid"] if mount else [])
    done = subprocess.run([*inside, "bash", "-ec", line], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{host.name}: {line}\n{done.stderr}")


def _make_keys(folder: Path) -> None:
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    lines = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("root:")]
    (folder / "passwd").write_text(
        "\n".join([f"{USER}:*:0:0::{HOME}:/bin/bash", *lines, ""]), encoding="utf-8"
    )
    (folder / "sshd_config").write_text(SSHD, encoding="utf-8")
    (folder / "munge.key").write_bytes(os.urandom(128))


def _furnish(host: Host, shared: Path, environment: Path, shared_home: Path | None) -> None:
    """Gives a host folders of its own, makes the rest read-only, and starts its sshd."""
    # The project and its Python may lie in a folder that is about to be hidden.
    kept = dict.fromkeys(str(Path(path).resolve()) for path in (ROOT, sys.base_prefix))
    shown = {path: path for path in kept if any(Path(path).is_relative_to(folder) for folder in OWN)}
    shown[str(environment)] = f"{HOME}/{VENV}"
    own = "|".join(f"{folder}|{folder}/*" for folder in OWN)
    script = [
        "mount -t tmpfs tmpfs /mnt",
        f"cp -r {shared} /mnt/made",
        *(f"mkdir /mnt/{k} && mount --bind {path} /mnt/{k}" for k, path in enumerate(shown)),
        *([f"mkdir /mnt/home && mount --bind {shared_home} /mnt/home"] if shared_home else []),
        *(f"mount -t tmpfs tmpfs {folder}" for folder in OWN if folder != "/mnt"),
        "chmod 1777 /tmp /var/tmp /dev/shm",
        *([f"mkdir -p {HOME} && mount --bind /mnt/home {HOME} && umount /mnt/home"] if shared_home else []),
        f"mkdir -p -m 700 {HOME}/.ssh /run/sshd",
        *(
            f"mkdir -p {at} && mount --bind /mnt/{k} {at} && mount -o remount,bind,ro {at} && umount /mnt/{k}"
            for k, at in enumerate(shown.values())
        ),
        "mount --bind /mnt/made/passwd /etc/passwd",
        f"hostname {host.name}",
        "while read -r _ _ _ _ point _; do "
        f"case $point in /proc*|/dev/pts|{own}) continue;; esac; "
        "mount -o remount,bind,ro $point; done < /proc/self/mountinfo",
    ]
    _enter(host, "; ".join(script))
    host.run("cat /mnt/made/client.pub > ~/.ssh/authorized_keys")
