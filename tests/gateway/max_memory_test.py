# SPDX-License-Identifier: MIT
"""max_memory: what a tenant holds of a worker is bounded, and all that it was asked is done."""

import struct
import threading
import time

import pytest

from harness import netns, texts
from harness.client import Connection, fetch
from harness.frames import PING, WINDOW_UPDATE, Frames, frame
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.uploads import Downloads, SlowBackend, Uploads

PLAIN = ("127.0.0.1", 8080)
BOUND = 1 if is_sanitized() else 16  # MiB
# Besides: free memory that is kept for whoever is next, and what the allocator cannot give back.
SLACK = 12
TOLD = "tenant crowd: max_memory: .* of its %d bytes"
SHUT = "tenant crowd: max_memory: reading pauses .* of its %d bytes"
COUNT = 100 if is_sanitized() else 1000


@pytest.fixture
def slow_backend():
    server = SlowBackend()
    yield server
    server.close()


class Growth:
    """The most that a worker has held while it was watched, beyond what it had before; MiB."""

    def __init__(self, gateway):
        self.gateway, self.most, self.ending = gateway, 0, threading.Event()
        self.worker, = gateway.workers()
        self.before = self.now()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def now(self):
        return self.gateway.memory(self.worker, "Rss") / 1024

    def _watch(self):
        while not self.ending.wait(0.05):
            self.most = max(self.most, self.now() - self.before)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


@pytest.fixture
def crowded(gateway, authority, namespaces):
    """crowded(backend, settings): one worker; "crowd" asks that backend, "quiet" is its
    neighbour."""

    def start(backend, settings=f"max_memory {BOUND}m;"):
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.tenant("crowd", crowd_text(authority, namespaces[0], backend, settings))
        gateway.tenant("quiet", texts.plain(namespaces[1], "return 200 x;"))
        gateway.start()
        assert fetch(namespaces[1], PLAIN).status == 200

    return start


def crowd_text(authority, namespace, backend, settings):
    location = f"client_max_body_size 0; location / {{ proxy_pass http://{backend.address}; }}"
    return texts.tenant(namespace, texts.tls_server(authority, "a.test", location),
                        f"server {{ listen 127.0.0.1:8080; {location} }}", settings=settings)


@pytest.mark.parametrize("how", ["plain", "tls", "http2"])
def test_slow_uploads(gateway, authority, namespaces, crowded, slow_backend, how):
    """A server that does not read; then it does."""
    crowded(slow_backend)
    context = None if how == "plain" else authority.context(("h2",) if how == "http2" else ())
    uploads = Uploads(namespaces[0], PLAIN if how == "plain" else texts.ADDRESS, context)
    with Growth(gateway) as growth, Load([(namespaces[1], PLAIN, "quiet")], threads=2) as load:
        begun = time.monotonic()
        uploads.start(COUNT, 100000, streams=20 if how == "http2" else 0)
        gateway.wait_log(TOLD % (BOUND << 20), 30)
        time.sleep(2)
        slow_backend.release()
        uploads.wait(120)
        print(f"{how}: {growth.most:.1f} MiB more, {time.monotonic() - begun:.1f} s")
    assert not uploads.failures and uploads.done == COUNT, uploads.failures[:3]
    assert not load.failures and load.done > 0, load.failures[:3]
    assert is_sanitized() or growth.most < BOUND + SLACK


@pytest.mark.parametrize("how", ["plain", "tls"])
def test_slow_readers(gateway, authority, namespaces, crowded, slow_backend, how):
    """Large responses that nobody takes; then all do."""
    crowded(slow_backend, "max_memory 2m;")
    slow_backend.release()
    downloads = Downloads(namespaces[0], *(
        (PLAIN,) if how == "plain" else (texts.ADDRESS, authority.context())))
    with Load([(namespaces[1], PLAIN, "quiet")], threads=2) as load:
        downloads.start(24, 2 << 20)
        gateway.wait_log(SHUT % (2 << 20), 30)
        time.sleep(1)
        downloads.read()
        downloads.wait(60)
    assert not downloads.failures and downloads.done == 24, downloads.failures[:3]
    assert not load.failures and load.done > 0, load.failures[:3]


def test_trickled_uploads(namespaces, crowded, slow_backend):
    """More than may be there at a time: each comes slowly, none is refused."""
    crowded(slow_backend, "max_memory 1m;")
    slow_backend.release()
    uploads = Uploads(namespaces[0], PLAIN)
    uploads.start(80, 40000, pieces=4, pause=0.2)
    uploads.wait(60)
    assert not uploads.failures and uploads.done == 80, uploads.failures[:3]


def test_idle_connections_go(gateway, namespaces, crowded, slow_backend):
    """Beyond the bound who is idle is closed, on both sides; what is under way comes to its end."""
    crowded(slow_backend, "max_memory 1m;")
    slow_backend.release()
    idle = [Connection(namespaces[0], PLAIN) for _ in range(8)]
    assert all(connection.ask("/10").status == 200 for connection in idle)
    slow_backend.hold()
    uploads = Uploads(namespaces[0], PLAIN)
    uploads.start(20, 1 << 20)
    gateway.wait_log(SHUT % (1 << 20), 30)
    for connection in idle:
        assert connection.sock.recv(1) == b""
    slow_backend.release()
    uploads.wait(60)
    assert not uploads.failures and uploads.done == 20, uploads.failures[:3]
    assert fetch(namespaces[0], PLAIN, "/10").status == 200


class Stallers:
    """HTTP/2 clients without TLS that ask for much, open no window and go on sending PING. They
    read what comes; .reset counts their streams that were reset."""

    def __init__(self, namespace, count, streams, path="/100000"):
        self.clients, self.streams = [], count * streams
        self.ending = threading.Event()
        for _ in range(count):
            client = Frames(namespace, PLAIN, window=0)
            client.ready()
            self.clients.append(client)
        for client in self.clients:
            client.begin_all(streams, "GET", path)
        self.thread = threading.Thread(target=self._ping, daemon=True)

    @property
    def reset(self):
        return sum(stream.over for client in self.clients for stream in client.streams.values())

    def _ping(self):
        while not self.ending.wait(0.02):
            for client in self.clients:
                client.send_if_open(frame(PING, 0, 0, bytes(8)))
                read_some(client)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        for client in self.clients:
            client.close()


class Trickle:
    """A slow client that is honest: it opens its window by 4 KiB now and then, whatever comes."""

    def __init__(self, namespace):
        self.client = Frames(namespace, PLAIN, window=0)
        self.client.acknowledges = False
        self.number = self.client.ready().begin("GET", "/100000")
        self.next = 0

    @property
    def stream(self):
        return self.client.streams[self.number]

    def go_on(self):
        if time.monotonic() >= self.next and not self.stream.over:
            self.next = time.monotonic() + 0.2
            more = struct.pack(">I", 4096)
            self.client.send_if_open(frame(WINDOW_UPDATE, 0, self.number, more) +
                                     frame(WINDOW_UPDATE, 0, 0, more))
        read_some(self.client)


def read_some(client):
    client.sock.settimeout(0.001)
    try:
        client.step()
    except TimeoutError:
        pass


def test_stallers_go(gateway, namespaces, crowded, slow_backend):
    """Who keeps its tenant at its bound and makes no progress is not excused for as long as it
    says something; who makes some is not cut because we did not read it."""
    crowded(slow_backend, "max_memory 1m; send_timeout 3s;")
    slow_backend.release()
    trickle = Trickle(namespaces[0])
    with Stallers(namespaces[0], 4, 6) as stallers:
        gateway.wait_log(SHUT % (1 << 20), 30)
        wait_for(lambda: trickle.go_on() or (trickle.stream.over and
                                             stallers.reset == stallers.streams), 60,
                 "the end of all streams")
    assert trickle.stream.ended and trickle.stream.size == 100000, vars(trickle.stream)
    assert fetch(namespaces[0], PLAIN, "/100000").status == 200
    trickle.client.close()


def test_readers_that_stand_go(gateway, namespaces, crowded, slow_backend):
    """HTTP/1: clients that take nothing, and go on asking."""
    crowded(slow_backend, "max_memory 1m; send_timeout 2s;")
    slow_backend.release()
    socks = open_all(namespaces[0], 20, b"GET /4000000 HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    gateway.wait_log(SHUT % (1 << 20), 30)
    wait_for(lambda: not any([try_send(sock, b"GET ") for sock in socks]), 60, "their end")
    assert fetch(namespaces[0], PLAIN, "/100000").status == 200
    for sock in socks:
        sock.close()


def open_all(namespace, count, data):
    """So many connections, each of which has sent what its socket takes of that."""
    socks = [netns.connect(namespace, PLAIN) for _ in range(count)]
    for sock in socks:
        sock.setblocking(False)
        try_send(sock, data)
    return socks


def try_send(sock, data):
    """Whether the connection stands."""
    try:
        sock.send(data)
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True
