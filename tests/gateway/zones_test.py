# SPDX-License-Identifier: MIT
"""Link-local addresses: the interface behind "%" is the one of that name where the socket is."""

import contextlib
import os
import socket

import pytest

from harness import netns
from harness.backend import Scripted, read_head
from harness.client import Connection, fetch
from harness.gateway import wait_for
from harness.texts import plain

pytestmark = pytest.mark.alone

PORT = 8080
ZONE = "nsg-zone"


def add_zone(full, *addresses, name=ZONE):
    """A pair of interfaces inside the namespace, of which the one has the addresses."""
    netns.run("ip", "-n", full, "link", "add", name, "type", "veth", "peer", "name", f"{name}-p")
    for end in (name, f"{name}-p"):
        netns.run("ip", "-n", full, "link", "set", end, "up")
    for address in addresses:
        netns.run("ip", "-n", full, "address", "add", f"{address}/64", "dev", name, "nodad")


def remove_zone(full, name=ZONE):
    netns.run("ip", "-n", full, "link", "del", name)


@pytest.fixture
def fresh():
    """Namespaces without any interface but the loopback."""
    made = []

    def make(name):
        made.append(netns.make(name))
        return made[-1]

    yield make
    for full in made:
        netns.delete(full)


def index_of(full, name=ZONE):
    return netns.within(full, lambda: socket.if_nametoindex(name))


def ask(full, address="fe80::1", zone=ZONE, port=PORT):
    response = fetch(full, (f"{address}%{zone}", port), name="a.test")
    return response.body.decode() if response.status == 200 else response.status


def saying(name):
    def script(connection, _):
        while True:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(name), name.encode()))
    return script


def serve(full, name, zone=ZONE):
    def bind():
        listener = socket.socket(socket.AF_INET6)
        listener.bind(("fe80::2", 9000, 0, socket.if_nametoindex(zone)))
        return listener
    return Scripted(saying(name), listener=netns.within(full, bind))


def test_listeners_of_one_name_and_address_in_two_namespaces(gateway, fresh):
    one, two = fresh("z1"), fresh("z2")
    netns.run("ip", "-n", two, "link", "add", "nsg-other", "type", "veth", "peer", "name", "nsg-o")
    for full in (one, two):
        add_zone(full, "fe80::1")
        gateway.tenant(full, plain(full, 'return 200 "$tenant $server_addr $server_port";',
                                   f"[fe80::1%{ZONE}]:{PORT}"))
    assert index_of(one) != index_of(two)
    gateway.start()
    for full in (one, two):
        assert ask(full) == f"{full} fe80::1 {PORT}"


def test_an_interface_that_comes_late_goes_and_comes_again(gateway, fresh):
    full = fresh("late")
    gateway.tenant("a", plain(full, 'return 200 "a";', f"[fe80::1%{ZONE}]:{PORT}"))
    gateway.start()
    at = gateway.log_size()
    assert f"cannot listen on [fe80::1%{ZONE}]:{PORT} in {full}: {ZONE}: No such device" \
        in gateway.log()
    assert "degraded" in gateway.ask("status").stdout
    add_zone(full, "fe80::1")
    gateway.wait_log(rf"listening on \[fe80::1%{ZONE}\]:{PORT}", 10, at)
    assert ask(full) == "a"
    at = gateway.log_size()
    remove_zone(full)
    gateway.wait_log(rf"interface of the listener on \[fe80::1%{ZONE}\]:{PORT}", 10, at)
    add_zone(full, "fe80::1")
    gateway.wait_log(r"listening on", 10, at)
    # Gone and there again between two looks: another interface of the same name.
    remove_zone(full)
    add_zone(full, "fe80::1")
    wait_for(lambda: served(full), 10, "the new interface")


def served(full):
    with contextlib.suppress(OSError):
        return ask(full) == "a"
    return False


def test_servers_in_a_namespace_and_on_the_hosts_side(gateway, fresh):
    full = fresh("back")
    add_zone(full, "fe80::2", "fe80::1")
    here = f"nsg{os.getpid() % 100000}z"
    netns.run("ip", "link", "add", here, "type", "veth", "peer", "name", f"{here}p")
    servers = []
    try:
        for end in (here, f"{here}p"):
            netns.run("ip", "link", "set", end, "up")
        netns.run("ip", "address", "add", "fe80::2/64", "dev", here, "nodad")
        servers = [serve(full, "inside"), serve(None, "outside", here)]
        gateway.tenant("a", "netns host;\n"
                       f"upstream inside {{ server [fe80::2%{ZONE}]:9000 netns={full}; }}\n"
                       f"upstream none {{ server [fe80::2%{here}]:9000 netns={full}; }}\n"
                       f"server {{ listen 127.0.0.1:{PORT};\n"
                       "location /inside { proxy_pass http://inside; }\n"
                       "location /none { proxy_pass http://none; }\n"
                       f"location /url {{ proxy_pass http://[fe80::2%25{here}]:9000/; }}\n"
                       f"location /outside {{ proxy_pass http://[fe80::2%{here}]:9000;\n"
                       "add_header X-Server $upstream_addr; } }")
        gateway.start()
        connection = Connection(None, ("127.0.0.1", PORT))
        assert connection.ask("/inside").body == b"inside"
        answer = connection.ask("/outside")
        assert answer.body == b"outside"
        assert answer.headers["X-Server"] == f"[fe80::2%{here}]:9000"
        assert connection.ask("/url").body == b"outside"
        assert connection.ask("/none").status == 502
        gateway.wait_log(r"502 .*No such device", 10)
        connection.close()
    finally:
        for server in servers:
            server.close()
        netns.run("ip", "link", "del", here, check=False)


def test_an_upgrade_keeps_the_zone(gateway, fresh):
    full = fresh("up")
    add_zone(full, "fe80::1")
    gateway.tenant("a", plain(full, 'return 200 "a";', f"[fe80::1%{ZONE}]:{PORT}"))
    gateway.start()
    assert gateway.ask("upgrade").returncode == 0
    assert ask(full) == "a"
    at = gateway.log_size()
    remove_zone(full)
    gateway.wait_log("interface of the listener", 10, at)
    add_zone(full, "fe80::1")
    wait_for(lambda: served(full), 10, "the new interface")


def test_without_a_zone_it_is_an_error_at_load(gateway):
    gateway.tenant("a", "netns host;\nupstream u { server [fe80::2]:80; }\n"
                   "server {\nlisten [fe80::1]:443; return 204;\n}")
    gateway.start()
    log = gateway.log()
    assert 'a.conf:2:21: "[fe80::2]:80" is no server: a link-local address needs' in log
    assert 'a.conf:4:8: "[fe80::1]:443" is no address to listen on: a link-local' in log
