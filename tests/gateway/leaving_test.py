# SPDX-License-Identifier: MIT
"""Namespaces that a reload makes a tenant leave, and that are deleted while connections there
drain: they are freed all the same, within two seconds. What an orchestrator does: remove the file,
reload, `ip netns del`."""

import contextlib
import socket
import threading

import pytest

from harness import netns, texts
from harness.backend import Scripted
from harness.cable import Cable
from harness.client import fetch
from harness.gateway import is_sanitized, wait_for
from harness.watch import Watch

pytestmark = pytest.mark.alone

LIMIT = 4 * (4 if is_sanitized() else 1)


@pytest.fixture
def made(gateway):
    """made(name): a namespace; made.cable(...): see Cable. All go at the end."""
    gateway.settings["worker_shutdown_timeout"] = "60s"
    gateway.write_main()
    with contextlib.ExitStack() as stack:
        def make(name):
            full = netns.make_again(netns.PREFIX + name)
            stack.callback(netns.delete, full)
            return full

        def cable(full, number):
            made = Cable(full, number)
            stack.callback(made.remove)
            return made

        make.cable = cable
        yield make


@pytest.fixture
def slow():
    """An answer that does not end before the test does."""
    ending = threading.Event()

    def answer(connection, _):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        ending.wait(60)

    yield answer
    ending.set()


@pytest.fixture
def endless(scripted, slow):
    return scripted(slow)


def begin(address):
    """A connection in the middle of its answer."""
    busy = netns.connect(None, address)
    busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert busy.recv(12) == b"HTTP/1.1 200"
    return busy


def delete_and_wait(full, cable):
    watch = Watch()
    netns.run("ip", "netns", "del", full)
    wait_for(lambda: not cable.is_there(), 2 * LIMIT, "the kernel frees the namespace")
    took = watch.seconds()
    print(f"freed after {took:.2f} s")
    assert took < LIMIT


def proxy(full, server, port=8080):
    return texts.plain(full, f"location / {{ proxy_pass http://{server.address}; }}",
                       f"0.0.0.0:{port}")


def test_a_removed_tenant(gateway, made, endless):
    full = made("left")
    cable = made.cable(full, 1)
    gateway.tenant("a", proxy(full, endless))
    gateway.start()
    busy = begin((cable.address, 8080))
    gateway.remove_tenant("a")
    gateway.reload_whatever()
    delete_and_wait(full, cable)
    busy.close()


def test_a_tenant_that_moves_with_its_address(gateway, made, endless):
    """What it serves in the new namespace is not cut with the old one."""
    old, new = made("moved"), made("target")
    cable, other = made.cable(old, 1), made.cable(new, 2)
    gateway.tenant("a", proxy(old, endless))
    gateway.start()
    busy = begin((cable.address, 8080))
    gateway.tenant("a", proxy(new, endless))
    gateway.reload()
    second = begin((other.address, 8080))
    delete_and_wait(old, cable)
    second.settimeout(1)
    with pytest.raises(TimeoutError):
        while second.recv(4096):
            pass
    begin((other.address, 8080)).close()
    busy.close()
    second.close()


def test_a_listener_that_is_dropped_and_a_tenant_that_returns(gateway, made, endless):
    full = made("dropped")
    cable = made.cable(full, 1)
    gateway.tenant("a", proxy(full, endless))
    gateway.start()
    busy = [begin((cable.address, 8080))]
    gateway.tenant("a", proxy(full, endless, 8081))
    gateway.reload()
    busy.append(begin((cable.address, 8081)))
    gateway.remove_tenant("a")
    gateway.reload_whatever()
    gateway.tenant("a", texts.plain(None, 'return 200 "back";', "127.0.0.1:8080"))
    gateway.reload()
    delete_and_wait(full, cable)
    assert fetch(None, ("127.0.0.1", 8080)).body == b"back"
    for each in busy:
        each.close()


def test_servers_in_a_namespace(gateway, made, slow):
    """Nobody but we holds it: the server's own end is on the host's side of the cable."""
    full = made("servers")
    cable = made.cable(full, 1)
    listener = socket.socket()
    listener.bind((cable.address.rsplit(".", 1)[0] + ".5", 0))
    server = Scripted(slow, listener=listener)
    try:
        gateway.tenant("a", texts.plain(None, "location / { proxy_pass http://u; }", "127.0.0.1:8080",
                                        f"upstream u {{ server {server.address} netns={full}; }}"))
        gateway.start()
        busy = begin(("127.0.0.1", 8080))
        gateway.remove_tenant("a")
        gateway.reload_whatever()
        delete_and_wait(full, cable)
        busy.close()
    finally:
        server.close()
