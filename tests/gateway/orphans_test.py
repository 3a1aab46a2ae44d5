# SPDX-License-Identifier: MIT
"""The supervisor dies: its workers finish what runs, and end."""

import os
import signal
import time

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.client import Connection
from harness.gateway import is_sanitized, wait_for
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def orphan(gateway, namespace, scripted):
    """orphan(seconds) starts a gateway whose backend answers after them, sends it one request, and
    kills the supervisor; returns that connection, an idle one, and the workers."""
    def begin(seconds):
        def script(connection, _):
            read_head(connection)
            time.sleep(seconds)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

        server = scripted(script)
        gateway.settings["worker_shutdown_timeout"] = "3s"
        gateway.write_main()
        gateway.tenant("a", texts.plain(namespace, f"""location / {{ return 200 "x"; }}
            location = /slow {{ proxy_pass http://{server.address}; }}"""))
        gateway.start()
        workers = gateway.workers()
        idle = Connection(namespace, PLAIN)
        assert idle.ask().body == b"x"
        busy = netns.connect(namespace, PLAIN, 15)
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.accepted, what="the request is with the backend")
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.process.wait()
        gateway.process = None
        return busy, idle, workers

    return begin


def everything(sock):
    said = b""
    try:
        while part := sock.recv(4096):
            said += part
    except ConnectionResetError:
        pass
    return said


def refuses(namespace):
    try:
        netns.connect(namespace, PLAIN, 1).close()
    except OSError:
        return True
    return False


def test_what_runs_is_finished_and_nothing_is_begun(orphan, namespace):
    busy, idle, workers = orphan(1.5)
    wait_for(lambda: refuses(namespace), 10, "nobody listens any more")
    assert everything(busy).endswith(b"done")
    busy.close()
    idle.close()
    wait_for(lambda: not any(is_running(pid) for pid in workers), 10, "the workers end")


def test_what_does_not_end_is_cut(orphan, namespace):
    watch = Watch()
    busy, idle, workers = orphan(20)
    assert b"done" not in everything(busy)
    assert 2 < watch.wall() and watch.seconds() < 6 or is_sanitized(), "worker_shutdown_timeout"
    busy.close()
    idle.close()
    wait_for(lambda: not any(is_running(pid) for pid in workers), 10, "the workers end")
