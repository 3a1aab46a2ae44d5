# SPDX-License-Identifier: MIT
"""Requests that ask for another protocol: which go on as such, what comes before the switch, and
which 101 is one."""

import os
import shutil
import subprocess

import pytest

from harness import texts
from harness.backend import Scripted, read_head
from harness.front import Front, tell
from harness.client import say
from harness.gateway import wait_for
from harness.h2_backend import Server
from harness.podman import Podman, is_here

TCP = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"


class Attached:
    """A backend of HTTP/1 as container engines are: takes the whole request, then says .answer and
    echoes what follows. .requests: head and body of each."""

    def __init__(self, answer=SWITCH + b"\r\n"):
        self.answer, self.requests = answer, []
        self.server = Scripted(self.script)
        self.address, self.close = self.server.address, self.server.close

    def script(self, connection, _):
        while True:
            head, rest = read_head(connection)
            size = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            while len(rest) < size or (b"chunked" in head and not rest.endswith(b"0\r\n\r\n")):
                rest += connection.recv(65536)
            self.requests.append((head, rest))
            connection.sendall(self.answer)
            if not self.answer.startswith(b"HTTP/1.1 101"):
                continue
            while part := connection.recv(65536):
                connection.sendall(part)
            return


@pytest.fixture
def attached(gateway, authority, namespace):
    servers = []

    def start(*arguments):
        servers.extend([Attached(*arguments), Server(tell)])
        front = Front(gateway, authority, namespace, *servers)
        front.server = servers[-2]
        return front

    yield start
    for server in servers:
        server.close()


def until(sock, text):
    data = b""
    while text not in data:
        part = sock.recv(65536)
        assert part, data
        data += part
    return data


@pytest.mark.parametrize("protocol", [b"tcp", b"SPDY/3.1", b"spdy/3.1"])
def test_upgrades_of_command_lines(attached, protocol):
    front = attached(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                     b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n")
    head = b"HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c, " + protocol + b"\r\n"
    for method in (b"POST", b"GET", b"PUT"):
        for rest in (b"\r\n", b"Content-Length: 0\r\n\r\n", b'Content-Length: 14\r\n\r\n{"Tty":  true}',
                     b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"):
            sock = front.open()
            sock.sendall(method + b" /exec " + head + rest)
            answer = until(sock, b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101 ") and b"Upgrade: " + protocol in answer, answer
            sock.sendall(b"stdin")
            assert until(sock, b"stdin") == b"stdin"
            sock.close()
            seen, body = front.server.requests[-1]
            assert seen.count(b"Upgrade: " + protocol + b"\r\n") == 1 and b"h2c" not in seen
            assert (b"Content-Length: 0\r\n" in seen) == (
                b"Content-Length: 0" in rest or (method != b"GET" and rest == b"\r\n"))
            assert body == rest.partition(b"\r\n\r\n")[2]
    # Over HTTP/2 towards the backend there is no such thing: an ordinary request.
    answer = front.one(b"POST /2 " + head.replace(b"Upgrade\r\n", b"Upgrade, close\r\n", 1)
                       + b"Content-Length: 2\r\n\r\nhi")
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"length": 2' in answer


def test_bytes_behind_the_head_wait_for_the_switch(attached):
    front = attached()
    sock = front.open()
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + TCP + b"Content-Length: 4\r\n\r\nbody"
                 b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    until(sock, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [body for _, body in front.server.requests] == [b"body"]
    sock.close()


def test_without_a_switch_they_are_the_next_request(attached):
    front = attached(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    answer = front.one(b"POST /1 HTTP/1.1\r\nHost: a\r\n" + TCP + b"Content-Length: 4\r\n\r\nbody"
                       b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert [head.split(b" ")[1] for head, _ in front.server.requests] == [b"/1", b"/next"]
    assert front.server.requests[0][1] == b"body"


NOT_HANDED_ON = [
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: H2C, foo, TLS/1.2\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: foo\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUpgrade: tcp\r\n",
    b"POST / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n",
]


def test_other_upgrades_stay_here(attached):
    front = attached(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    for head in NOT_HANDED_ON:
        answer = front.one(head + b"Content-Length: 4\r\n\r\nbody")
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"ok"), head
        seen, body = front.server.requests[-1]
        assert b"pgrade" not in seen and b"h2c" not in seen and body == b"body", head


@pytest.mark.parametrize("extra", [b"Content-Length: 0", b"Content-Length: 5",
                                   b"Transfer-Encoding: chunked",
                                   b"Content-Length: 5\r\nTransfer-Encoding: chunked"])
def test_a_101_with_framing_is_a_101(attached, extra):
    front = attached(SWITCH + extra + b"\r\n\r\nhello")
    sock = front.open()
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + TCP + b"\r\n")
    answer = until(sock, b"hello")
    assert answer.startswith(b"HTTP/1.1 101 ") and answer.endswith(b"\r\n\r\nhello")
    assert extra.split(b":")[0] not in answer
    sock.sendall(b"stdin")
    assert until(sock, b"stdin") == b"stdin"
    sock.close()


@pytest.mark.parametrize("named", [b"websocket", b"h2c", b"tcp, h2c", b"SPDY/3.1"])
def test_a_101_to_something_else_is_502(attached, named):
    front = attached(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: " + named + b"\r\n\r\n")
    answer = front.one(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: tcp\r\n"
                       b"Content-Length: 0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502 ") and answer.count(b"HTTP/1.1 ") == 1


def test_a_101_before_the_bodys_end_is_502(gateway, authority, namespace, scripted):
    rest = []

    def script(connection, _):
        read_head(connection)
        connection.sendall(SWITCH + b"\r\n")
        try:
            while part := connection.recv(65536):
                rest.append(part)
        except ConnectionResetError:
            pass
        rest.append(b"end")

    front = Front(gateway, authority, namespace, scripted(script))
    sock = front.open()
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + TCP + b"Content-Length: 40\r\n\r\n")
    assert until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 502 ")
    say(sock, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n....")
    wait_for(lambda: rest and rest[-1] == b"end", what="the backend's connection ends")
    assert rest == [b"end"]
    sock.close()


@pytest.mark.alone
@pytest.mark.skipif(not is_here() or not shutil.which("docker"),
                    reason="needs docker's command line, podman, runc and busybox-static")
def test_docker_exec(gateway, authority, namespace, tmp_path):
    """Docker's own command line before podman's engine, over plain text and over TLS."""
    podman = Podman()
    try:
        podman.serve()
        os.chmod(podman.folder, 0o755)
        os.chmod(podman.socket, 0o666)
        engine = f"location / {{ proxy_pass http://unix:{podman.socket}:; }}"
        gateway.tenant("a", texts.tenant(
            namespace, f"server {{ listen 127.0.0.1:8080; {engine} }}",
            texts.tls_server(authority, "localhost", engine)))
        gateway.start()
        name = podman.run()
        for host in (["-H", "tcp://127.0.0.1:8080"],
                     ["-H", f"tcp://localhost:{texts.PORT}", "--tlsverify", "--tlscacert",
                      str(authority.ca), "--tlscert", "", "--tlskey", ""]):
            for command, said, status in (("cat", b"x" * 300000, 0), ("wc -c; exit 3", b"abc", 3)):
                done = subprocess.run(
                    ["ip", "netns", "exec", namespace, "docker", "--config", str(tmp_path / "docker"),
                     *host, "exec", "-i", name, "/bin/busybox", "sh", "-c", f"/bin/busybox {command}"],
                    input=said, capture_output=True, timeout=30)
                expected = said if command == "cat" else b"3\n"
                assert (done.returncode, done.stdout) == (status, expected), (host, done.stderr)
    finally:
        podman.close()
