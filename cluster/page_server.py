"""A server of one page on loopback, for whoever knows its address."""

import re
import secrets
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

from spaces.errors import RunError

LOOPBACK = "127.0.0.1"
NAMES = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.ASCII)
"""What a browser on this host, or at the end of an ssh tunnel to it, calls the server. A page from elsewhere,
the name of which was made to lead here, calls it by that name."""
PATIENCE_S = 10
"""Seconds that a connection may say nothing."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer:
    """Serves a page, and what has changed of it, below a path that nobody can guess.

    It knows two addresses, `/TOKEN/` and `/TOKEN/changes?since=VERSION`, takes GET alone, and reads no file.

    Args:
        page: returns the page, as HTML.
        changes: returns what has changed after a version, as JSON.
        port: on loopback; None for one that is free.

    Raises:
        RunError: the port cannot be had.
    """

    def __init__(
        self, page: Callable[[], str], changes: Callable[[int], str], port: int | None = None
    ) -> None:
        token = secrets.token_urlsafe(32)

        class Handler(_Handler):
            answers = _Answers(page, changes, token)

        try:
            self._server = _Server((LOOPBACK, port or 0), Handler)
        except OSError as error:
            raise RunError(f"--port must be free on {LOOPBACK}, but got {port}: {error.strerror}") from None
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/{token}/"

    def __enter__(self) -> "PageServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.server_close()

    def serve(self) -> None:
        """Answers until it is interrupted, as by Ctrl-C, or told to stop."""
        try:
            self._server.serve_forever()
        except KeyboardInterrupt:
            return

    def stop(self) -> None:
        """Ends `serve`, called in another thread."""
        self._server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints what went wrong, unless a browser went away."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Answers:
    """What is answered to a path: the status, the kind of content, and the content."""

    def __init__(self, page: Callable[[], str], changes: Callable[[int], str], token: str) -> None:
        self._page, self._changes, self._token = page, changes, token.encode()

    def to(self, target: str) -> tuple[int, str, str]:
        """Answers a request that came by a name of this host."""
        path, _, query = target.partition("?")
        first, _, rest = path.removeprefix("/").partition("/")
        if not secrets.compare_digest(first.encode(), self._token):
            return 403, "text/plain", "this address is not the whole one that `watch` has printed\n"
        if path == f"/{first}/":
            return 200, "text/html", self._page()
        if rest == "changes":
            since = parse_qs(query).get("since", [""])[-1]
            if not re.fullmatch(r"\d{1,15}", since, re.ASCII):
                return 400, "text/plain", "since must be a version, a whole number\n"
            return 200, "application/json", self._changes(int(since))
        return 404, "text/plain", "there is one page here\n"


class _Handler(BaseHTTPRequestHandler):
    answers: _Answers
    timeout = PATIENCE_S
    server_version = sys_version = ""

    def do_GET(self) -> None:
        """Answers."""
        if len(self.headers.get_all("Host", [])) != 1 or not NAMES.fullmatch(self.headers["Host"]):
            self._send(403, "text/plain", "this page is for this host alone\n")
            return
        self._send(*self.answers.to(self.path))

    def log_error(self, *args: Any) -> None:
        """Says nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers what is no GET, or no HTTP, without an echo of it."""
        code = 405 if code == 501 else code
        self._send(code, "text/plain", "GET alone is answered here\n" if code == 405 else "bad request\n")

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Says nothing."""

    def _send(self, code: int, kind: str, content: str) -> None:
        body = content.encode()
        self.close_connection = True
        self.send_response(code)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if code == 405:
            self.send_header("Allow", "GET")
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
