# SPDX-License-Identifier: MIT
"""Many tenants on one address."""

import concurrent.futures
import os

import pytest

from harness import netns, texts
from harness.backend import EchoServer
from harness.certs import Authority, peer_serial
from harness.client import Connection
from harness.gateway import wait_for
from harness.proc import network_namespaces

COUNT = 200


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """crowd(count): so many namespaces, and a certificate for each, out of 200 namespaces."""
    authority = Authority(tmp_path_factory.mktemp("crowd"))
    names = netns.make_many(COUNT)

    def of(count):
        for number in range(count):
            if not (authority.folder / f"t{number}.test.crt").exists():
                authority.issue(f"t{number}.test")
        return authority, names[:count]

    yield of
    netns.delete_all_of(names)


def test_200_tenants_each_with_own_certificate_and_backend(gateway, crowd):
    authority, names = crowd(COUNT)
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
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            list(pool.map(EchoServer.close, servers))


@pytest.mark.measures
def test_100_tls_tenants_in_less_than_10980_kilobytes(gateway, crowd, echo):
    """Of Pss, where hardly anybody else maps the same libraries: there, 12,242 kB were 12,660 by this
    count, which is the same wherever it is taken. What is measured of a tenant has 3 kB."""
    authority, names = crowd(100)
    for number, name in enumerate(names):
        gateway.tenant(f"t{number}", texts.proxied(authority, name, f"t{number}.test", echo.address))
    gateway.start()
    context = authority.context()
    for number, name in enumerate(names):
        connection = Connection(name, texts.ADDRESS, context, f"t{number}.test")
        assert connection.ask().status == 200
        connection.close()
    wait_for(lambda: len(gateway.processes()) == 3, 10, "the resolver ends")
    sizes = {f"{gateway.role(pid)} {pid}": gateway.memory(pid) for pid in gateway.processes()}
    size = gateway.footprint()
    print(f"{size} kB after a request to each tenant; as Pss {sum(sizes.values())} kB: {sizes}")
    assert size < 10980 + 418 + 100 * 3
