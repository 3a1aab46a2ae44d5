# SPDX-License-Identifier: MIT
"""Generations of workers: global settings change, new workers take over, the old ones drain."""

import pathlib
import re

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.client import fetch
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
RELOADED = "reload done: 0 added, 0 changed, 0 removed, 0 refused"


def change(gateway, **settings):
    """Reloads the main file with other settings; returns the log's size before."""
    gateway.settings.update(settings)
    gateway.write_main()
    at = gateway.log_size()
    assert gateway.reload() == RELOADED
    return at


def open_websocket(namespace):
    """A connection that lives until one of its ends closes it."""
    sock = netns.connect(namespace, PLAIN, 30)
    sock.sendall(b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                 b"Upgrade: websocket\r\n\r\n")
    assert b"101" in sock.recv(1000)
    return sock


def echo_bytes(connection, _):
    read_head(connection)
    connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
    while part := connection.recv(1000):
        connection.sendall(part)


def websocket_tenant(namespace, server, settings=""):
    return texts.plain(namespace, f"""location / {{ return 200 "x"; }}
        location = /socket {{ proxy_pass http://{server.address}; }}""", settings=settings)


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
            at = change(gateway, worker_processes=count)
            gateway.wait_log("the old workers have ended", 15, at)
            assert len(gateway.workers()) == count and not old & set(gateway.workers())
            done = load.done
            wait_for(lambda: load.done > done + 20, what="requests to the new ones")
    assert not load.failures, load.failures[:5]


def test_another_user(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    at = change(gateway, user="daemon daemon")
    gateway.wait_log("the old workers have ended", 15, at)
    for pid in gateway.workers():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:(\s+1){4}$", status, re.MULTILINE), status
        assert re.search(r"^Gid:(\s+1){4}$", status, re.MULTILINE), status
    assert fetch(namespace, PLAIN).body == b"x"
    at = change(gateway, user="daemon")
    assert "in place of" not in gateway.log(at), "it is the same user and group"


def test_old_connections_go_on_until_the_limit(gateway, namespace, scripted):
    server = scripted(echo_bytes)
    gateway.tenant("a", websocket_tenant(namespace, server))
    gateway.settings["worker_shutdown_timeout"] = "2s"
    gateway.write_main()
    gateway.start()
    sock = open_websocket(namespace)
    change(gateway, worker_processes=1)
    watch = Watch()
    for text in (b"one", b"two"):
        sock.sendall(text)
        assert sock.recv(100) == text, "its worker serves it on"
    assert fetch(namespace, PLAIN).body == b"x"
    try:
        assert sock.recv(100) == b""
    except ConnectionResetError:
        pass
    assert 1 < watch.wall() and watch.seconds() < 4 or is_sanitized()
    wait_for(lambda: len(gateway.workers()) == 1, 10, "the old workers end")
    sock.close()


def test_at_most_two_generations(gateway, namespace, scripted):
    """The third waits for the first, which the operator may hurry."""
    server = scripted(echo_bytes)
    gateway.tenant("a", websocket_tenant(namespace, server))
    gateway.settings["worker_shutdown_timeout"] = "60s"
    gateway.write_main()
    gateway.start()
    sock = open_websocket(namespace)
    change(gateway, worker_processes=3)
    at = change(gateway, worker_processes=1)
    gateway.wait_log("workers of before still drain", 10, at)
    assert "in place of" not in gateway.log(at)
    wait_for(lambda: len(gateway.workers()) == 4, 10, "one of the old ones and the three new ones")
    sock.sendall(b"still")
    assert sock.recv(100) == b"still"
    at = change(gateway, worker_shutdown_timeout="1s")
    gateway.wait_log("starting 1 workers in place of 3", 10, at)
    wait_for(lambda: len(gateway.workers()) == 1, 10, "one worker")
    assert fetch(namespace, PLAIN).body == b"x"
    sock.close()


def test_connections_of_both_generations_are_counted_together(gateway, namespace, scripted):
    server = scripted(echo_bytes)
    gateway.tenant("a", websocket_tenant(namespace, server, "max_connections 2;"))
    gateway.start()
    socks = [open_websocket(namespace)]
    change(gateway, worker_processes=1)
    socks.append(open_websocket(namespace))
    third = netns.connect(namespace, PLAIN)
    third.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    third.settimeout(0.5)
    with pytest.raises(TimeoutError):
        third.recv(100)  # it is one too many
    socks.pop(0).close()
    third.settimeout(10)
    assert third.recv(1000).startswith(b"HTTP/1.1 200"), "served as soon as there is room"
    for sock in [*socks, third]:
        sock.close()
