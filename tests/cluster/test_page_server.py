"""The server of one page: for whoever knows its address, on this host, to be read."""

import http.client
import re
import socket
import threading
from pathlib import Path

import pytest

from cluster.page_server import HEADERS, PageServer
from spaces.errors import RunError


@pytest.fixture
def served(started):
    """A server at work; `asked` holds the versions it was asked for."""
    started.asked.clear()
    return started


@pytest.fixture(scope="module")
def started():
    asked = []

    def changes(since: int) -> str:
        asked.append(since)
        return '{"version": 7}'

    with PageServer(lambda: "<p>page</p>", changes) as server:
        server.asked = asked
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server
        server.stop()
        thread.join()


def parts(server: PageServer) -> tuple[int, str]:
    """The port and the token."""
    port, token = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]{40,})/", server.address).groups()
    return int(port), token


def ask(server: PageServer, path: str, method: str = "GET", **headers) -> tuple[int, str, dict]:
    port, _ = parts(server)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    host = headers.pop("Host", f"127.0.0.1:{port}")
    connection.putrequest(method, path, skip_host=True)
    for one in host if isinstance(host, list) else [host]:
        connection.putheader("Host", one)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def whole(connection: socket.socket) -> bytes:
    """Everything that is answered on a connection, to its end."""
    answer = b""
    with connection:
        while piece := connection.recv(4096):
            answer += piece
    return answer


def test_two_addresses_are_answered(served):
    _, token = parts(served)
    code, text, headers = ask(served, f"/{token}/")
    assert (code, text) == (200, "<p>page</p>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers.items() >= HEADERS.items()
    code, text, headers = ask(served, f"/{token}/changes?since=41")
    assert (code, text) == (200, '{"version": 7}')
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert served.asked == [41]


@pytest.mark.parametrize(
    "path",
    ["/", "//", "/{half}/", "/{token}x/", "/{other}/", "/x/{token}/", "/%7e/", "http://127.0.0.1/{token}/",
     "/{half}/changes?since=0", "/changes?since=0&token={token}",
     "/?{token}", "/\u00e9/", "/../{token}/", "*"],
)  # fmt: skip
def test_without_the_token_nothing_is_told(served, path):
    _, token = parts(served)
    other = ("B" if token[0] == "A" else "A") + token[1:]
    path = path.format(token=token, half=token[:20], other=other)
    connection = socket.create_connection(("127.0.0.1", parts(served)[0]), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = whole(connection)
    assert answer.split(b"\r\n")[0].split(b" ", 1)[1] == b"403 Forbidden"
    assert answer.endswith(b"this address is not the whole one that `watch` has printed\n")
    assert served.asked == []


@pytest.mark.parametrize(
    "path", ["study.yaml", "../../etc/passwd", "%2e%2e/", "changes/", "changes/x", ".", "/"]
)
def test_no_file_is_served(served, path):
    _, token = parts(served)
    assert ask(served, f"/{token}/{path}")[:2] == (404, "there is one page here\n")
    assert ask(served, f"/{token}")[0] == 404


@pytest.mark.parametrize("since", ["", "since=", "since=-1", "since=1.5", "since=1e3", "since=x", "since=٣"])
def test_a_version_is_a_number(served, since):
    _, token = parts(served)
    path = f"/{token}/changes?{since}".encode().decode("latin-1")
    connection = socket.create_connection(("127.0.0.1", parts(served)[0]), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("latin-1"))
    assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]
    connection.close()
    assert served.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
def test_reading_is_all_that_is_answered(served, method):
    _, token = parts(served)
    code, _, headers = ask(served, f"/{token}/", method)
    assert (code, headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:1", 200), ("127.0.0.1", 200), ("localhost", 200),
        ("evil.example", 403), ("evil.example:80", 403), ("localhost.evil.example", 403),
        ("127.0.0.1.evil", 403),
        ("", 403), ("127.0.0.2", 403), ("0.0.0.0", 403), ("localhost@evil", 403), ([], 403),
        (["localhost", "evil.example"], 403),
    ],
)  # fmt: skip
def test_a_page_from_elsewhere_cannot_ask_by_its_own_name(served, host, code):
    """A name of a stranger's can be made to lead to 127.0.0.1."""
    _, token = parts(served)
    found, text, _ = ask(served, f"/{token}/", Host=host)
    assert found == code
    assert (text == "this page is for this host alone\n") == (code == 403)


def test_what_is_no_request_gets_no_echo(served, capsys):
    port, token = parts(served)
    for sent in (b"<script>\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 65_532):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(sent)
        answer = whole(connection)
        assert b"bad request" in answer
        assert b"script" not in answer
    assert ask(served, f"/{token}/")[0] == 200
    assert capsys.readouterr().err == ""


def test_it_listens_on_loopback_alone(served):
    port, _ = parts(served)
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = {line[1] for line in listening if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    assert places == {f"0100007F:{port:04X}"}


def test_tokens_differ_and_a_port_that_is_taken_is_one_line(served):
    port, token = parts(served)
    with pytest.raises(
        RunError, match=rf"--port must be free on 127\.0\.0\.1, but got {port}: Address already"
    ):
        PageServer(str, str, port)
    with PageServer(str, str) as other:
        assert parts(other)[1] != token
