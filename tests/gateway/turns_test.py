# SPDX-License-Identifier: MIT
"""One connection does not hold the loop: bulk, pipelining and many streams are done in pieces, and
epoll is asked in between."""

import re
import select
import signal
import ssl
import subprocess
import threading
import time

import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.client import Connection
from harness.frames import Frames

PLAIN = ("127.0.0.1", 8080)
SETTINGS = "keepalive_requests 100000000; client_max_body_size 0;"
REQUEST = b"GET / HTTP/1.1\r\nHost: busy.test\r\n\r\n"
UPLOAD = b"POST /up HTTP/1.1\r\nHost: busy.test\r\nContent-Length: 1000000000000\r\n\r\n"
DOWNLOAD = b"GET /down HTTP/1.1\r\nHost: busy.test\r\n\r\n"
SWITCH = b"GET /socket HTTP/1.1\r\nHost: busy.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def serve(connection, _):
    """A backend that reads whatever comes, or sends without an end."""
    head, _ = read_head(connection)
    if b"/down" in head:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            connection.sendall(bytes(1 << 18))
    if b"/socket" in head:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                           b"Upgrade: websocket\r\n\r\n")
    while connection.recv(1 << 20):
        pass


class Flood:
    """A thread that sends `again` as fast as it is taken, and reads whatever comes back."""

    def __init__(self, sock, first, again=b""):
        self.sock, self.again, self.moved = sock, again, 0
        self.ending = threading.Event()
        sock.sendall(first)
        sock.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _try(self, act):
        try:
            return act()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def _run(self):
        view = memoryview(self.again)
        while not self.ending.is_set():
            sent = self._try(lambda: self.sock.send(view)) if self.again else 0
            view = view[sent:] if sent < len(view) else memoryview(self.again)
            got = len(self._try(lambda: self.sock.recv(1 << 18)) or b"")
            self.moved += sent + got
            if not sent and not got:
                select.select([self.sock], [self.sock] if self.again else [], [], 0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(10)
        self.sock.close()


@pytest.fixture
def busy(gateway, authority, namespaces, scripted):
    """One worker, a tenant that will be busy, and its neighbour. busy(how) starts a flood."""
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()
    server = scripted(serve)
    body = (f"location / {{ return 200 x; }}"
            f"location ~ ^/(up|down|socket) {{ proxy_pass http://{server.address}; }}")
    gateway.tenant("busy", texts.tenant(
        namespaces[0], texts.tls_server(authority, "busy.test", body),
        f"server {{ listen 127.0.0.1:8080; {body} }}", settings=SETTINGS))
    gateway.tenant("well", texts.tenant(namespaces[1], texts.tls_server(
        authority, "well.test", 'return 200 "well";'), settings=SETTINGS))
    gateway.start()

    def start(how):
        kind, _, layer = how.partition(" over ")
        if layer == "HTTP/2":
            client = Frames(namespaces[0], texts.ADDRESS, authority.context(("h2",)), "busy.test")
            client.ready()
            return Flood(client.sock, *h2_flood(client, kind))
        sock = netns.connect(namespaces[0], texts.ADDRESS if layer == "TLS" else PLAIN)
        if layer == "TLS":
            sock = authority.context().wrap_socket(sock, server_hostname="busy.test")
        return Flood(sock, *{"pipeline": (b"", REQUEST * 500), "upload": (UPLOAD, bytes(1 << 18)),
                             "download": (DOWNLOAD,), "tunnel": (SWITCH, bytes(1 << 18))}[kind])

    return start


def h2_flood(client, kind):
    """(what begins it, what goes on): downloads on ten streams, their windows opened at once."""
    assert kind == "download"
    wide = (1 << 30).to_bytes(4, "big")
    first = frames.settings(window=(1 << 31) - 1) + frames.frame(frames.WINDOW_UPDATE, 0, 0, wide)
    for _ in range(10):
        first += frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM,
                              client.next_id(), client.head("GET", "/down"))
    return (first,)


WAYS = ["upload over TLS", "pipeline over TLS", "download over TLS", "tunnel over TLS",
        "upload over TCP", "pipeline over TCP", "download over HTTP/2"]


def calls_of(worker, table, seconds):
    """The worker's system calls while it is busy: [(name, result)]."""
    tracer = subprocess.Popen(["strace", "-e", "trace=desc,network", "-p", str(worker), "-o", table],
                              stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    time.sleep(seconds)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    found = []
    for line in table.read_text().splitlines():
        if match := re.match(r"(\w+)\(.*\)\s+= (-?\d+)", line):
            found.append((match.group(1), int(match.group(2))))
    return found


@pytest.mark.measures
@pytest.mark.parametrize("how", WAYS)
def test_epoll_is_asked_again_after_little_work(how, busy, gateway, authority, namespaces, tmp_path):
    """Counted, not timed: what is read and written between two questions is bounded. A neighbour
    waits for no more than that."""
    (worker,) = gateway.workers()
    with busy(how) as flood:
        time.sleep(0.2)
        calls = calls_of(worker, tmp_path / "strace", 1)
        neighbour = Connection(namespaces[1], texts.ADDRESS, authority.context(), "well.test")
        assert all(neighbour.ask().body == b"well" for _ in range(10))
        neighbour.close()
        assert flood.moved > 0
    turns, most_reads, most_writes, most_bytes = 0, 0, 0, 0
    reads = writes = size = 0
    for name, result in calls:
        if name.startswith("epoll_"):
            if name != "epoll_ctl":
                turns += 1
                reads = writes = size = 0
            continue
        if result > 0 and name in ("recvfrom", "recvmsg", "read", "readv"):
            reads += 1
            size += result
        if result > 0 and name in ("sendto", "sendmsg", "write", "writev"):
            writes += 1
            size += result
        most_reads, most_writes = max(most_reads, reads), max(most_writes, writes)
        most_bytes = max(most_bytes, size)
    print(f"{how}: {turns} turns; at most {most_reads} reads, {most_writes} writes, "
          f"{most_bytes >> 10} KiB in one")
    assert turns > 5
    sockets = 11 if how.endswith("HTTP/2") else 2
    assert most_reads <= sockets + 3, "one read of each, and a few of the channel's"
    assert most_writes <= 150 and most_bytes <= sockets * (192 << 10)
