# SPDX-License-Identifier: MIT
"""Floods of handshakes against a tenant's limits: handshake_rate and max_handshakes (row H8)."""

import os
import signal
import socket
import ssl

import pytest

from harness import netns, texts
from harness.client import Connection, fetch
from harness.gateway import wait_for

HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.fixture
def limited(gateway, authority, namespace):
    """Starts the gateway, or reloads it, with a tenant of these limits that two workers serve."""
    def start(limits):
        gateway.tenant("a", texts.tenant(
            namespace, texts.tls_server(authority, "a.test", 'return 200 "a";'), settings=limits))
        if gateway.process:
            gateway.reload()
        else:
            gateway.settings.update(worker_processes=2, workers_per_tenant="all")
            gateway.write_main()
            gateway.start()
    return start


@pytest.fixture
def ask(authority, namespace):
    """A request over a new connection; fails with an OSError if the gateway resets that."""
    return lambda: fetch(namespace, texts.ADDRESS, context=authority.context(), name="a.test").body


def connect_from(namespace, host, count):
    """Connections of that address that have sent the beginning of a client hello."""
    def act():
        made = []
        for _ in range(count):
            sock = socket.socket()
            sock.settimeout(20)
            sock.bind((host, 0))
            made.append(sock)
            try:
                sock.connect(texts.ADDRESS)
                sock.sendall(HALF_HELLO)
            except ConnectionError:
                sock.close()  # refused already
        return made
    return netns.within(namespace, act)


def is_held(sock):
    """Whether the gateway has not reset the connection; nothing was said before that."""
    if sock.fileno() < 0:
        return False
    sock.settimeout(0)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        sock.close()
        return False
    raise AssertionError("neither silence nor RST")


def held(socks):
    return sum(map(is_held, socks))


def close_all(socks):
    for sock in socks:
        sock.close()


def refused(gateway):
    return gateway.statuses()[1]["a"]["refused_handshakes"]


def test_a_flood_from_one_address_leaves_another_one_served(gateway, namespace, limited, ask):
    limited("handshake_rate 1/m burst=9; handshake_rate 1000/s per=tenant;")
    socks = connect_from(namespace, "127.0.0.2", 300)
    # Ten at once, by both workers; one more for each minute that this takes on a busy machine.
    wait_for(lambda: held(socks) + refused(gateway) == 300 and held(socks) < 20, what="all are judged")
    assert 10 <= held(socks) <= 12
    for _ in range(5):
        assert ask() == b"a", "127.0.0.1"
    lines = gateway.log().count("client 127.0.0.2: refused before its handshake: "
                                "client_handshake_rate")
    assert 1 <= lines <= 12, "once in ten seconds for each worker, not for each connection"
    close_all(socks)
    limited("handshake_rate off;")
    socks = connect_from(namespace, "127.0.0.2", 50)
    assert ask() == b"a"
    assert held(socks) == 50
    close_all(socks)


def test_a_rate_of_all_clients_together(gateway, namespace, limited, ask):
    limited("handshake_rate 1/m burst=19 per=tenant;")
    socks = [sock for last in range(2, 102)
             for sock in connect_from(namespace, f"127.0.0.{last}", 1)]
    wait_for(lambda: held(socks) + refused(gateway) == 100 and held(socks) < 30, what="all are judged")
    assert 20 <= held(socks) <= 22
    gateway.wait_log("tenant_handshake_rate")
    close_all(socks)


def test_half_handshakes_hold_their_places_and_nothing_else(gateway, authority, namespace, limited,
                                                            ask):
    """Row H8: established connections go on, and places come back with the handshakes' end."""
    limited("max_handshakes 20;")
    established = Connection(namespace, texts.ADDRESS, authority.context(), "a.test")
    assert established.ask().body == b"a"
    socks = connect_from(namespace, "127.0.0.2", 200)
    wait_for(lambda: held(socks) == 20 and refused(gateway) == 180, what="all are judged")
    assert held(socks) == 20
    assert established.ask().body == b"a"
    gateway.wait_log(r"refused before its handshake: max_handshakes: too many handshakes")
    close_all(socks)
    wait_for(lambda: serves(ask), what="its places are free again")
    assert established.ask().body == b"a"
    established.close()


def serves(ask):
    try:
        return ask() == b"a"
    except (OSError, ssl.SSLError):
        return False


def test_a_dead_worker_gives_its_handshakes_back(gateway, namespace, limited, ask):
    limited("max_handshakes 1;")
    sock, = connect_from(namespace, "127.0.0.2", 1)
    wait_for(lambda: not serves(ask), what="the only place is taken")
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: serves(ask), what="new workers find it free")
    sock.close()
