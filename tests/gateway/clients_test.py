# SPDX-License-Identifier: MIT
"""Clients as people have them, unmodified: curl, openssl s_client, http.client, websockets."""

import asyncio
import base64
import hashlib
import json
import subprocess

import pytest

from harness import netns, texts
from harness.client import Connection


@pytest.fixture
def served(gateway, authority, namespace, echo):
    gateway.tenant("a", texts.proxied(authority, namespace, "a.test", echo.address))
    return gateway.start()


def curl(namespace, authority, *arguments, name="a.test"):
    return subprocess.run(
        ["ip", "netns", "exec", namespace, "curl", "-sS", "--fail-with-body", "--max-time", "20",
         "--cacert", authority.ca, "--resolve", f"{name}:{texts.PORT}:127.0.0.1", *arguments],
        capture_output=True, text=True, check=True).stdout


def test_curl(served, authority, namespace, tmp_path):
    url = f"https://a.test:{texts.PORT}"
    assert json.loads(curl(namespace, authority, f"{url}/x?y"))["path"] == "/x?y"
    body = tmp_path / "body"
    body.write_bytes(b"z" * 300000)
    seen = json.loads(curl(namespace, authority, "-T", body, f"{url}/put"))
    assert seen["method"] == "PUT" and seen["length"] == 300000
    seen = json.loads(curl(namespace, authority, "-H", "Expect: 100-continue", "--data-binary",
                           f"@{body}", f"{url}/post"))
    assert seen["length"] == 300000
    seen = json.loads(curl(namespace, authority, "-H", "Transfer-Encoding: chunked",
                           "--data-binary", f"@{body}", f"{url}/chunked-up"))
    assert seen["length"] == 300000
    assert "200" in curl(namespace, authority, "-I", f"{url}/")
    # Two requests over one connection.
    out = curl(namespace, authority, "-w", "%{num_connects}\n", "-o", "/dev/null", f"{url}/1",
               "-o", "/dev/null", f"{url}/2")
    assert out.split() == ["1", "0"]


def test_openssl_s_client(served, authority, namespace):
    out = subprocess.run(
        ["ip", "netns", "exec", namespace, "openssl", "s_client", "-quiet", "-verify_return_error",
         "-CAfile", authority.ca, "-connect", f"127.0.0.1:{texts.PORT}", "-servername", "a.test"],
        input="GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", capture_output=True,
        text=True, timeout=20).stdout
    assert out.startswith("HTTP/1.1 200")


def test_http_client(served, authority, namespace):
    connection = Connection(namespace, texts.ADDRESS, authority.context(), "a.test")
    for number in range(50):
        response = connection.ask(f"/{number}", "POST", body=b"b" * number * 100)
        assert json.loads(response.body)["length"] == number * 100
    connection.close()


def websocket_server(connection, _):
    """The server's half of RFC 6455, as far as an echo needs it."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    lines = {name.lower(): value for name, value in lines.items()}
    assert lines["upgrade"].lower() == "websocket" and "upgrade" in lines["connection"].lower()
    accept = base64.b64encode(hashlib.sha1(
        lines["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    stream = connection.makefile("rb")
    while header := stream.read(2):
        length = header[1] & 127
        extended = b""
        if length == 126:
            extended = stream.read(2)
            length = int.from_bytes(extended, "big")
        elif length == 127:
            extended = stream.read(8)
            length = int.from_bytes(extended, "big")
        mask = stream.read(4)
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(stream.read(length)))
        connection.sendall(bytes([header[0], header[1] & 127]) + extended + data)
        if header[0] & 15 == 8:
            return


def test_websocket(gateway, authority, namespace, scripted):
    websockets = pytest.importorskip("websockets")
    server = scripted(websocket_server)
    gateway.tenant("a", texts.proxied(authority, namespace, "a.test", server.address))
    gateway.start()

    async def talk():
        sock = netns.connect(namespace, texts.ADDRESS)
        sock.setblocking(False)
        async with websockets.connect("wss://a.test/chat", sock=sock, ssl=authority.context(),
                                      server_hostname="a.test") as socket:
            for size in (1, 100, 5000, 100000):
                text = "w" * size
                await socket.send(text)
                assert await asyncio.wait_for(socket.recv(), 20) == text

    asyncio.run(talk())


def test_upgrade_refused_by_the_backend_is_an_ordinary_answer(served, authority, namespace):
    connection = Connection(namespace, texts.ADDRESS, authority.context(), "a.test")
    response = connection.ask(headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert response.status == 200
    assert connection.ask().status == 200
    connection.close()
