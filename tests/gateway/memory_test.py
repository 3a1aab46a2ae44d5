# SPDX-License-Identifier: MIT
"""A worker that runs out of memory (row E2): it alone ends or refuses, and is replaced."""

import re
import time

import pytest

from harness import netns, texts
from harness.client import fetch
from harness.gateway import wait_for
from harness.load import Load

PLAIN = ("127.0.0.1", 8080)
ROOM = 8 << 20  # bytes that a worker may take beyond what it has when nothing happens


def address_space(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmSize:\s+(\d+) kB", file.read()).group(1)) << 10


@pytest.mark.measures  # AddressSanitizer's own memory is endless
@pytest.mark.parametrize("how", ["tls", "plain"])
def test_out_of_memory(gateway, authority, namespaces, scripted, reachable, how):
    """Every connection of "greedy" costs a stalled body, and TLS or not; nothing else does on its
    worker. OpenSSL fails without memory, which refuses a connection; our own code ends."""
    gateway.settings["workers_per_tenant"] = 1
    gateway.write_main()
    backend = scripted(lambda *_: time.sleep(30), f"{reachable}/backend")  # reads nothing
    for namespace, name in zip(namespaces, ("quiet", "greedy")):
        body = "return 200 x;" if name == "quiet" else f"""
            location / {{ return 200 x; }}
            location /stalled {{ proxy_pass http://{backend.address}:; }}"""
        gateway.tenant(name, texts.tenant(namespace, texts.tls_server(
            authority, f"{name}.test", body, names=name),
            f"server {{ listen 127.0.0.1:8080; {body} }}"))
    gateway.start()
    context = authority.context()

    def ask(namespace):
        return fetch(namespace, PLAIN).status == 200

    assert ask(namespaces[0]) and ask(namespaces[1])
    before = {pid: gateway.memory(pid) for pid in gateway.workers()}
    for pid in before:
        gateway.limit(pid, "as", address_space(pid) + ROOM)
    head = b"POST /stalled HTTP/1.1\r\nHost: greedy.test\r\nContent-Length: 900000\r\n\r\n"
    socks = []

    def open_one():
        sock = netns.connect(namespaces[1], texts.ADDRESS if how == "tls" else PLAIN, 5)
        if how == "tls":
            sock = context.wrap_socket(sock, server_hostname="greedy.test")
        sock.setblocking(False)
        socks.append(sock)
        sock.send(head)
        sock.send(bytes(60000 if how == "tls" else 400000))

    for _ in range(20):
        open_one()
    grown = {pid: gateway.memory(pid) - size for pid, size in before.items()}
    greedy = max(grown, key=grown.get)
    at = gateway.log_size()
    with Load([(namespaces[0], texts.ADDRESS, "quiet.test")], context, threads=2) as load:
        failures = 0
        for _ in range(400):
            try:
                open_one()
            except OSError:
                failures += 1
            if greedy not in gateway.workers():
                break
        for sock in socks:
            sock.close()

        def served():
            try:
                return ask(namespaces[1])
            except OSError:
                return False

        wait_for(served, 10, "the tenant is served again")
    text = gateway.log(at)
    print(f"{len(socks)} connections, {failures} failed; the worker "
          f"{'lives' if greedy in gateway.workers() else 'ended'}")
    assert failures or greedy not in gateway.workers(), "there was memory for all"
    assert not load.failures, load.failures[:5]
    assert not re.search(r"killed by signal (11|7|8)", text), gateway.tail()
    assert len(gateway.workers()) == 2
