# SPDX-License-Identifier: MIT
"""What a small request costs in steady keep-alive HTTP/1.1, its line in an access log included: system
calls and allocations, counted."""

import os
import pathlib
import struct
import subprocess
import time

import pytest

from harness import calls, texts
from harness.backend import read_head
from harness.client import Connection
from harness.gateway import wait_for

pytestmark = pytest.mark.measures
REQUESTS = 1000
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(params=["plain", "tls"])
def steady(request, gateway, authority, namespace, scripted, tmp_path):
    """A warm connection through one worker, and a function that asks over it."""
    answer = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nhello"

    def script(connection, _):
        while True:
            read_head(connection)
            connection.sendall(answer)

    server = scripted(script)
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    settings = f"keepalive_requests 1000000; access_log {logs}/a.log;"
    if request.param == "tls":
        gateway.tenant("a", texts.proxied(authority, namespace, "a.test", server.address, settings))
        connection = Connection(namespace, texts.ADDRESS, authority.context(), "a.test")
    else:
        gateway.tenant("a", texts.plain(
            namespace, f"location / {{ proxy_pass http://{server.address}; }}", settings=settings))
        connection = Connection(namespace, ("127.0.0.1", 8080))

    def ask(count):
        for _ in range(count):
            assert connection.ask("/small?x=1").body == b"hello"

    yield gateway, ask
    connection.close()


def test_system_calls(steady, tmp_path):
    gateway, ask = steady
    gateway.start()
    ask(50)
    (worker,) = gateway.workers()
    # One read, one write and one wait on each side.
    calls.assert_at_most(2 * REQUESTS, REQUESTS // 100, worker, tmp_path / "strace",
                         lambda: ask(REQUESTS))


def test_allocations(steady, tmp_path):
    gateway, ask = steady
    library = tmp_path / "allocations.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library,
                    HERE / "harness" / "allocations.c"], check=True)
    folder = tmp_path / "counts"
    folder.mkdir(mode=0o777)
    gateway.start(env={"LD_PRELOAD": str(library), "NSGATE_ALLOCATIONS": str(folder)})
    ask(50)
    (worker,) = gateway.workers()

    def count():
        return struct.unpack("Q", (folder / str(worker)).read_bytes())[0]

    wait_for(lambda: (folder / str(worker)).exists(), what="the counter")
    assert count() > 0, "the counter counts"
    before = count()
    ask(REQUESTS)
    made = count() - before
    print(f"{made} allocations outside OpenSSL in {REQUESTS} requests")
    assert made <= REQUESTS // 100


def test_an_idle_gateway_sleeps(steady):
    gateway, ask = steady
    gateway.start()
    ask(50)
    spent = [gateway.cpu_seconds(pid) for pid in gateway.processes()]
    time.sleep(2)
    used = [gateway.cpu_seconds(pid) - before for pid, before in zip(gateway.processes(), spent)]
    assert sum(used) <= 0.05, used
    assert os.path.exists(f"/proc/{gateway.pid}")
