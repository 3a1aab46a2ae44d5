# SPDX-License-Identifier: MIT
"""A supervisor without descriptors (row E1): what it serves it goes on serving, and it recovers."""

import time

from harness import texts
from harness.client import Connection
from harness.gateway import is_sanitized, wait_for

LIMIT = 100
FIRST, MANY = 20, 150  # tenants of one listener each, that there is room for, and not


def answers(namespace, number):
    connection = Connection(namespace, ("127.0.0.1", 9000 + number), timeout=2)
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
    wait_for(lambda: all(answers(namespace, number) for number in range(FIRST + 1)), 2,
             "there is room again")
    assert [gateway.pid, *gateway.workers()] == pids, "nobody died of it"
