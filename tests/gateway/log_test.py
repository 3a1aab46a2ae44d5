# SPDX-License-Identifier: MIT
"""A log that cannot be written (row E3): lines are counted, nothing waits for it."""

import os
import re
import socket
import time

import pytest

from harness import texts
from harness.client import Connection, fetch
from harness.gateway import is_sanitized, wait_for

PLAIN = ("127.0.0.1", 8080)
MAIN = """user nobody; worker_processes 2; workers_per_tenant all; pid nsgate.pid;
    tenants tenants/*.conf; """


def answers(namespace):
    try:
        return fetch(namespace, PLAIN).status == 200
    except OSError:
        return False


def write_tenant(gateway, namespace):
    """/ is served; /down logs an error line for each request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway.tenant("a", texts.plain(namespace, f"""location / {{ return 200 "x"; }}
        location = /down {{ proxy_pass http://127.0.0.1:{port}; }}"""))


def ask_much(namespace, count):
    """Requests of both kinds; returns how long the slowest took."""
    slowest = 0
    connections = [Connection(namespace, PLAIN) for _ in range(4)]
    for number in range(count):
        begin = time.monotonic()
        connection = connections[number % 4]
        assert connection.ask("/down").status == 502
        assert connection.ask("/").status == 200
        slowest = max(slowest, time.monotonic() - begin)
    for connection in connections:
        connection.close()
    return slowest


def read_all(handle):
    data = b""
    try:
        while part := os.read(handle, 1 << 16):
            data += part
    except BlockingIOError:
        return data


@pytest.fixture
def fifo(tmp_path):
    """A pipe whose reader reads when the test does."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    path.chmod(0o666)
    yield path, handle
    os.close(handle)


@pytest.mark.parametrize("where", ["stderr", "file"])
def test_a_stalled_reader(gateway, namespace, fifo, where):
    path, handle = fifo
    write_tenant(gateway, namespace)
    gateway.write_main(MAIN + f"error_log {'stderr' if where == 'stderr' else path} info;")
    gateway.start(wait=False, prefix=("sh", "-c", f'exec "$0" "$@" 2>"{path}"')
                  if where == "stderr" else ())
    wait_for(lambda: answers(namespace), 20, "it serves")
    slowest = ask_much(namespace, 1000)
    print(f"slowest pair of requests with a stalled log: {slowest * 1000:.0f} ms")
    assert slowest < 1 or is_sanitized()
    read_all(handle)  # the pipe was full to the brim
    text = b""

    def lost():
        """Each process tells its own, with its next line."""
        nonlocal text
        ask_much(namespace, 4)
        text += read_all(handle)
        return sum(map(int, re.findall(rb"(\d+) lines of this process could not be", text))) > 100

    wait_for(lost, 10, "what was lost is told")


def test_a_full_disk(gateway, namespace):
    write_tenant(gateway, namespace)
    gateway.write_main(MAIN + "error_log /dev/full info;")
    gateway.start(wait=False)
    wait_for(lambda: answers(namespace), 20, "it serves")
    assert ask_much(namespace, 200) < 1 or is_sanitized()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "new";'))
    os.kill(gateway.pid, 1)
    wait_for(lambda: fetch(namespace, PLAIN).body == b"new", 10, "a reload works")
