# SPDX-License-Identifier: MIT
"""max_memory: what a tenant holds of a worker is bounded, and all that it was asked is done."""

import threading
import time

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import is_sanitized
from harness.load import Load
from harness.uploads import SlowBackend, Uploads

PLAIN = ("127.0.0.1", 8080)
BOUND = 16  # MiB
# Besides: free memory that is kept for whoever is next, and what the allocator cannot give back.
SLACK = 8
TOLD = "tenant crowd: max_memory: .* of its 16777216 bytes"
COUNT = 200 if is_sanitized() else 1000


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
        gateway.wait_log(TOLD, 30)
        time.sleep(2)
        slow_backend.release()
        uploads.wait(120)
        print(f"{how}: {growth.most:.1f} MiB more, {time.monotonic() - begun:.1f} s")
    assert not uploads.failures and uploads.done == COUNT, uploads.failures[:3]
    assert not load.failures and load.done > 0, load.failures[:3]
    assert is_sanitized() or growth.most < BOUND + SLACK
