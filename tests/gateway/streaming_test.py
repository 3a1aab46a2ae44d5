# SPDX-License-Identifier: MIT
"""Bodies of any size stream in both directions in constant memory."""

import threading
import time

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.gateway import is_sanitized, wait_for

SIZE = (64 << 20) if is_sanitized() else (1 << 30)
PIECE = b"0123456789abcdef" * 4096  # 64 KiB


def watch(gateway, stop, peak):
    """Keeps the highest anonymous memory of each worker."""
    while not stop.is_set():
        for pid in gateway.workers():
            peak[pid] = max(peak.get(pid, 0), gateway.memory(pid, "Anonymous"))
        time.sleep(0.02)


class Measured:
    """How much the workers' memory grows inside the block, in kB."""

    def __init__(self, gateway):
        self.gateway, self.peak, self.stop = gateway, {}, threading.Event()

    def __enter__(self):
        self.before = {pid: self.gateway.memory(pid, "Anonymous") for pid in self.gateway.workers()}
        self.thread = threading.Thread(target=watch, args=(self.gateway, self.stop, self.peak))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.grown = {pid: self.peak[pid] - self.before[pid] for pid in self.before}


def pauses(total):
    """Where a slow peer stops for a while: often enough that everything in between fills up."""
    return {total * part // 8 for part in range(1, 8)}


def receive(sock, size, slow):
    """Reads size bytes, checking the start of each piece against the pattern."""
    stops = sorted(pauses(size)) if slow else []
    got, buffer = 0, bytearray(1 << 20)
    while got < size:
        count = sock.recv_into(buffer)
        if not count:
            break
        start = min(count, 1024)
        assert buffer[:start] == PIECE[got % 16:][:start], f"wrong bytes at {got}"
        got += count
        if stops and got >= stops[0]:
            stops.pop(0)
            time.sleep(0.2)
    return got


def send(sock, size, slow):
    stops = sorted(pauses(size)) if slow else []
    view, sent = memoryview(PIECE), 0
    while sent < size:
        count = sock.send(view[sent % 16:][:min(len(PIECE) - 16, size - sent)])
        sent += count
        if stops and sent >= stops[0]:
            stops.pop(0)
            time.sleep(0.2)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("slow", ["client", "backend"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_one_gibibyte(gateway, authority, namespace, scripted, way, slow, tls):
    result = {}

    def script(connection, _):
        head, rest = read_head(connection)
        result["head"] = True
        if b"GET /warm" in head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        if way == "up":
            result["up"] = receive(connection, SIZE, slow == "backend") if not rest else -1
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            send(connection, SIZE, slow == "backend")

    server = scripted(script)
    body = f"client_max_body_size 0; location / {{ proxy_pass http://{server.address}; }}"
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "big.test", body),
        f"server {{ listen 127.0.0.1:8080; {body} }}"))
    gateway.start()

    def connect():
        sock = netns.connect(namespace, texts.ADDRESS if tls else ("127.0.0.1", 8080), 60)
        return authority.context().wrap_socket(sock, server_hostname="big.test") if tls else sock

    for _ in range(4):  # certificates are decoded and pools are warm, in both workers
        with connect() as sock:
            sock.sendall(b"GET /warm HTTP/1.1\r\nHost: big.test\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
    result.clear()
    with Measured(gateway) as memory, connect() as sock:
        if way == "up":
            sock.sendall(b"POST / HTTP/1.1\r\nHost: big.test\r\nContent-Length: %d\r\n\r\n" % SIZE)
            wait_for(lambda: "head" in result, what="the head is with the backend")
            send(sock, SIZE, slow == "client")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
            assert result["up"] == SIZE
        else:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: big.test\r\n\r\n")
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(1)
            assert receive(sock, SIZE, slow == "client") == SIZE
    print(f"{way}, slow {slow}, {'tls' if tls else 'plain'}: workers grew by {memory.grown} kB")
    assert max(memory.grown.values()) < 1024 or is_sanitized()


def test_a_stalled_stream_stalls_nobody_else(gateway, authority, namespaces, scripted):
    from harness.client import fetch

    def script(connection, _):
        head, _ = read_head(connection)
        if b"/big" in head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.sendall(PIECE)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = scripted(script)
    for name, namespace in zip("ab", namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, f"{name}.test", server.address))
    gateway.start()
    stalled = []
    for _ in range(20):
        sock = authority.context().wrap_socket(netns.connect(namespaces[0], texts.ADDRESS),
                                               server_hostname="a.test")
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
        stalled.append(sock)
    wait_for(lambda: server.accepted >= 20, what="all streams run")
    for name, namespace in zip("ab", namespaces):
        for _ in range(10):
            assert fetch(namespace, texts.ADDRESS, context=authority.context(),
                         name=f"{name}.test").body == b"ok"
    spent = sum(gateway.cpu_seconds(pid) for pid in gateway.workers())
    time.sleep(1)
    idle = sum(gateway.cpu_seconds(pid) for pid in gateway.workers()) - spent
    assert idle < 0.1 or is_sanitized(), f"{idle} s of CPU while everything is stalled"
    for sock in stalled:
        sock.close()
