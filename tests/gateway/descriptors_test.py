# SPDX-License-Identifier: MIT
"""A supervisor, or a worker, without descriptors (rows E1, C1): what it serves it goes on serving,
and it recovers."""

import os
import re
import signal
import time

from harness import netns, texts
from harness.client import Connection
from harness.gateway import is_sanitized, wait_for

LIMIT = 100
FIRST, MANY = 20, 150  # tenants of one listener each, that there is room for, and not


def answers(namespace, number):
    connection = Connection(namespace, ("127.0.0.1", 9000 + number), timeout=10)
    try:
        return connection.ask().body == b"%d" % number
    except OSError:
        return False
    finally:
        connection.close()


def test_a_supervisor_without_descriptors(gateway, namespace):
    gateway.settings.update(worker_processes="4", workers_per_tenant="1")
    gateway.extra = "netns_shared on;"
    gateway.write_main()

    def write(numbers):
        for number in numbers:
            gateway.tenant(f"t{number}", texts.plain(
                namespace, f'return 200 "{number}";', f"127.0.0.1:{9000 + number}"))

    write(range(FIRST))
    gateway.start(prefix=("prlimit", f"--nofile={LIMIT}:{LIMIT}"))
    pids = [gateway.pid, *gateway.workers()]
    write(range(FIRST, MANY))
    gateway.reload()
    gateway.wait_log("Too many open files")
    before = [gateway.cpu_seconds(pid) for pid in pids]
    time.sleep(2)
    used = sum(gateway.cpu_seconds(pid) for pid in pids) - sum(before)
    assert used <= 0.1 or is_sanitized(), f"{used} s of CPU in 2 s"
    assert all(answers(namespace, number) for number in range(FIRST))
    for number in range(FIRST, MANY):
        gateway.remove_tenant(f"t{number}")
    write([FIRST])
    gateway.reload_whatever()
    wait_for(lambda: all(answers(namespace, number) for number in range(FIRST + 1)), 10,
             "there is room again")
    assert [gateway.pid, *gateway.workers()] == pids, "nobody died of it"


# ---- a worker without descriptors (row C1) ----


def test_a_worker_without_room_for_a_listener_says_so(gateway, namespace):
    """A reload that adds more listeners than a worker has descriptors left: its connections stay,
    what it cannot take is told and counted as degraded, and taken as soon as there is room."""
    gateway.settings.update(worker_processes="1")
    gateway.extra = "netns_shared on;"
    gateway.write_main()

    def write(numbers):
        for number in numbers:
            gateway.tenant(f"t{number}", texts.plain(
                namespace, f'return 200 "{number}";', f"127.0.0.1:{9000 + number}"))

    write(range(FIRST))
    gateway.start()
    (worker,) = gateway.workers()
    held = [netns.connect(namespace, ("127.0.0.1", 9000)) for _ in range(10)]
    for sock in held:
        sock.sendall(b"GET / HTTP/1.1\r\n")  # not idle
    wait_for(lambda: gateway.descriptors(worker) >= FIRST + 10, what="all are accepted")
    few = gateway.descriptors(worker) + 5
    gateway.limit(worker, "nofile", few)
    write(range(FIRST, MANY))
    done = gateway.ask("reload")
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(re.findall(r"^\W*degraded t\d+: listening on .*workers cannot take it", done.stdout,
                          re.MULTILINE)) >= MANY - FIRST - 10, done.stdout
    assert gateway.workers() == [worker], gateway.tail()
    status = gateway.ask("status")
    assert status.returncode == 2 and status.stdout.count("degraded") >= MANY - FIRST - 10
    for sock in held:
        sock.sendall(b"Host: a\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 200"), "no connection is lost"
        sock.close()
    assert all(answers(namespace, number) for number in range(FIRST))
    spent = gateway.cpu_seconds(gateway.pid) + gateway.cpu_seconds(worker)
    time.sleep(2)
    spent = gateway.cpu_seconds(gateway.pid) + gateway.cpu_seconds(worker) - spent
    assert spent <= 0.4 or is_sanitized(), f"{spent} s of CPU in 2 s"
    gateway.limit(worker, "nofile", 1024)
    wait_for(lambda: all(answers(namespace, number) for number in range(MANY)), 10,
             "what was lacking is offered again")
    assert gateway.workers() == [worker]
    assert gateway.ask("status").returncode == 0


def test_idle_connections_of_a_worker_make_room(gateway, namespace):
    gateway.settings.update(worker_processes="1")
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "0";', "127.0.0.1:9000"))
    gateway.start()
    (worker,) = gateway.workers()
    idle = [Connection(namespace, ("127.0.0.1", 9000)) for _ in range(10)]
    assert all(connection.ask().status == 200 for connection in idle)
    few = gateway.descriptors(worker)
    gateway.limit(worker, "nofile", few)
    gateway.tenant("a", texts.tenant(namespace, *(
        f'server {{ listen 127.0.0.1:{9000 + number}; return 200 "{number}"; }}'
        for number in range(6))))
    done = gateway.ask("reload")
    assert done.returncode == 0, done.stdout + done.stderr
    assert gateway.workers() == [worker]
    for connection in idle:
        connection.close()
    wait_for(lambda: all(answers(namespace, number) for number in range(6)), 10, "all serve")


def test_a_reload_waits_for_a_worker_that_was_lost(gateway, namespace):
    gateway.settings.update(worker_processes="1")
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "0";', "127.0.0.1:9000"))
    gateway.start()
    for number in range(1, 4):
        (worker,) = gateway.workers()
        gateway.tenant("a", texts.plain(namespace, f'return 200 "{number}";',
                                        f"127.0.0.1:{9000 + number}"))
        os.kill(worker, signal.SIGKILL)
        done = gateway.ask("reload")
        assert done.returncode == 0, done.stdout + done.stderr
        assert answers(namespace, number), "what a reload says is in force is served"
