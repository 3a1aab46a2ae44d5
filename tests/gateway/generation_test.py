# SPDX-License-Identifier: MIT
"""Generations of workers: global settings change, the new ones take over, the old ones drain."""

import os
import signal

from harness import netns, texts
from harness.backend import read_head
from harness.client import fetch
from harness.gateway import wait_for
from harness.load import Load

PLAIN = ("127.0.0.1", 8080)


def set_main(gateway, **settings):
    gateway.settings.update(settings)
    gateway.write_main()


def user_of(pid):
    return os.stat(f"/proc/{pid}").st_uid


def test_another_number_of_workers_under_load(gateway, authority, namespaces, echo):
    names = ["g0.test", "g1.test", "g2.test"]
    for name, namespace in zip(names, namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, name, echo.address))
    gateway.start()
    targets = [(namespace, texts.ADDRESS, name) for name, namespace in zip(names, namespaces)]
    with Load(targets, authority.context(), threads=6) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for count in (4, 1, 3, 2):
            old = set(gateway.workers())
            set_main(gateway, worker_processes=count)
            at = gateway.log_size()
            assert gateway.reload() == "reload done: 0 added, 0 changed, 0 removed, 0 refused"
            gateway.wait_log("the old workers have ended", 15, at)
            assert len(gateway.workers()) == count and not old & set(gateway.workers())
    assert not load.failures, load.failures[:5]
    assert load.done > 100
