# SPDX-License-Identifier: MIT
"""One connection does not hold the loop: bulk, pipelining and many streams are done in pieces, and
epoll is asked in between."""

import re
import select
import signal
import ssl
import statistics
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


def turns_of(worker, table, seconds):
    """How long the worker worked each time before it asked epoll again, in seconds."""
    tracer = subprocess.Popen(["strace", "-ttt", "-e", "trace=desc,network", "-p", str(worker), "-o",
                               table], stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    time.sleep(seconds)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    turns, first = [], None
    for line in table.read_text().splitlines():
        if not (match := re.match(r"([0-9.]+) (\w+)\(", line)):
            continue
        at, name = float(match.group(1)), match.group(2)
        if name in ("epoll_wait", "epoll_pwait"):
            if first:
                turns.append(at - first)
            first = None
        elif name != "epoll_ctl":
            first = first or at
    return turns


@pytest.mark.measures
@pytest.mark.parametrize("how", WAYS)
def test_epoll_is_asked_again_after_little_work(how, busy, gateway, authority, namespaces, tmp_path):
    """After a millisecond of work. A neighbour waits for little more than that. The tracer makes each
    call slow, and others want the machine's time: the median counts."""
    (worker,) = gateway.workers()
    with busy(how) as flood:
        time.sleep(0.2)
        turns = turns_of(worker, tmp_path / "strace", 1)
        neighbour = Connection(namespaces[1], texts.ADDRESS, authority.context(), "well.test")
        assert all(neighbour.ask().body == b"well" for _ in range(10))
        neighbour.close()
        assert flood.moved > 0
    median = statistics.median(turns)
    print(f"{how}: {len(turns)} turns of {median * 1000:.2f} ms, at most {max(turns) * 1000:.1f} ms")
    assert len(turns) > 5
    assert median < 0.006
