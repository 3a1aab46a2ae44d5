# SPDX-License-Identifier: MIT
"""Many tenants on one address."""

import os

import pytest

from harness import netns, texts
from harness.backend import EchoServer
from harness.certs import Authority, peer_serial
from harness.client import Connection
from harness.proc import network_namespaces

COUNT = 200


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """200 namespaces, and a certificate for each."""
    authority = Authority(tmp_path_factory.mktemp("crowd"))
    names = netns.make_many(COUNT)
    for number in range(COUNT):
        authority.issue(f"t{number}.test")
    yield authority, names
    for name in names:
        netns.delete(name)


def test_200_tenants_each_with_own_certificate_and_backend(gateway, crowd):
    authority, names = crowd
    servers = [EchoServer(f"backend-{number}") for number in range(COUNT)]
    try:
        for number, name in enumerate(names):
            gateway.tenant(f"t{number}", texts.proxied(authority, name, f"t{number}.test",
                                                       servers[number].address))
        gateway.start()
        context = authority.context()
        for number, name in enumerate(names):
            connection = Connection(name, texts.ADDRESS, context, f"t{number}.test")
            response = connection.ask()
            assert response.headers["X-Backend"] == f"backend-{number}"
            assert peer_serial(connection.sock) == authority.serial(f"t{number}.test")
            connection.close()
        home = os.stat("/proc/self/ns/net").st_ino
        for pid in gateway.processes():
            assert network_namespaces(pid) <= {home}
        for name in names[:: COUNT // 10]:
            listing = netns.run("ip", "netns", "exec", name, "ss", "-Hltn").stdout
            assert f"127.0.0.1:{texts.PORT}" in listing
    finally:
        for server in servers:
            server.close()


@pytest.mark.measures
def test_100_tls_tenants_in_less_than_10980_kilobytes(gateway, crowd, echo):
    authority, names = crowd
    for number, name in enumerate(names[:100]):
        gateway.tenant(f"t{number}", texts.proxied(authority, name, f"t{number}.test", echo.address))
    gateway.start()
    context = authority.context()
    before = sum(gateway.memory(pid) for pid in gateway.processes())
    for number, name in enumerate(names[:100]):
        connection = Connection(name, texts.ADDRESS, context, f"t{number}.test")
        assert connection.ask().status == 200
        connection.close()
    sizes = {f"{gateway.role(pid)} {pid}": gateway.memory(pid) for pid in gateway.processes()}
    print(f"Pss before any request {before} kB, after one for each tenant {sum(sizes.values())} kB:"
          f" {sizes}")
    assert sum(sizes.values()) < 10980
