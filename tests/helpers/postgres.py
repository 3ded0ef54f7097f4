"""A PostgreSQL server of a test's own: Debian's binaries, on loopback, with a password."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from tests.helpers.driving import descendants, start_of

USER, NAME = "searcher", "studies"
START_S = 60


def binaries() -> Path | None:
    """Returns the folder of the newest server that Debian's packages have installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


class Server:
    """A server with one empty database; it asks everybody for a password.

    Args:
        bin_: the folder of its programs.
    """

    def __init__(self, bin_: Path) -> None:
        self._bin, self.password = bin_, f"secret-{secrets.token_hex(8)}"
        self._folder = Path(tempfile.mkdtemp(prefix="headsearch-postgres-"))
        pwfile = self._folder / "password"
        pwfile.write_text(self.password)
        self._as_user: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            for path in (self._folder, pwfile):
                os.chown(path, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._data = self._folder / "data"
        initdb = [str(bin_ / "initdb"), "-D", str(self._data), "-U", USER, f"--pwfile={pwfile}"]
        settings = ["--auth=scram-sha-256", "--no-sync", "--locale=C", "--encoding=UTF8"]
        subprocess.run([*self._as_user, *initdb, *settings], check=True, capture_output=True, cwd="/")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        with self.connected("postgres") as connection:
            connection.execute(f"CREATE DATABASE {NAME}")

    @property
    def url(self) -> str:
        """The address, without a password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{NAME}"

    def connected(self, name: str = NAME) -> psycopg.Connection:
        """Connects, with the password."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=name, autocommit=True
        )

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, *command, *settings],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                return self.connected("postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.1)

    def kill(self) -> None:
        """`kill -9` of the server and of every process below it, at once."""
        if self._process is None:
            return
        below = descendants(self._process.pid)
        self._process.kill()
        for pid, start in below:
            if start_of(pid) == start:
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        while any(start_of(pid) == start for pid, start in below):
            time.sleep(0.01)

    def end(self) -> None:
        """Ends the server and removes all of it."""
        self.kill()
        shutil.rmtree(self._folder)
