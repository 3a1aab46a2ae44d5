# SPDX-License-Identifier: MIT
"""max_memory: what a tenant holds of a worker is bounded, and all that it was asked is done."""

import threading
import time

import pytest

from harness import texts
from harness.client import Connection, fetch
from harness.gateway import is_sanitized
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
