# SPDX-License-Identifier: MIT
"""-s status: how all tenants are, and what they do, as a table and as JSON."""

import os
import re
import signal
import subprocess
import threading

import pytest

from harness import netns, texts
from harness.backend import free_port, occupy, read_head
from harness.client import Connection, fetch
from harness.gateway import wait_for
from harness.load import Load
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)


@pytest.mark.alone
def test_status_of_tenants_in_every_state(gateway, authority, namespaces):
    late = netns.PREFIX + "late"
    taken = netns.within(namespaces[2], lambda: occupy(PLAIN))
    gateway.tenant("serving", texts.tenant(namespaces[0], texts.tls_server(
        authority, "serving.test", 'return 200 "a";'), 'server { listen 8080; return 200 "b"; }'))
    gateway.tenant("waiting", texts.plain(late, 'return 200 "late";'))
    gateway.tenant("degraded", texts.tenant(
        namespaces[2], 'server { listen 127.0.0.1:8080; return 200 "x"; }',
        'server { listen 127.0.0.1:8081; return 200 "y"; }'))
    gateway.tenant("refused", "netns;\n")
    gateway.tenant("kept", texts.plain(namespaces[1], 'return 200 "kept";'))
    gateway.start()
    gateway.tenant("kept", texts.plain(namespaces[1], 'retrun 200 "kept";'))
    assert gateway.ask("reload").returncode == 1
    assert gateway.ask("status").returncode == 1, "a file that is refused"
    whole, tenants = gateway.statuses()
    assert whole["pid"] == gateway.pid and whole["workers"] == 2 and whole["generation"] == 1
    assert whole["uptime"] >= 0 and whole["draining"] == 0 and whole["partial"] is False
    assert re.fullmatch(r"\d+\.\d+\.\d+", whole["version"])
    assert {name: tenant["state"] for name, tenant in tenants.items()} == {
        "serving": "serving", "waiting": "waiting", "degraded": "degraded", "refused": "refused",
        "kept": "serving"}
    serving = tenants["serving"]
    assert (serving["bound"], serving["listeners"], serving["generation"]) == (2, 2, 1)
    assert serving["namespace"] == namespaces[0]
    assert serving["inode"] == os.stat(f"/run/netns/{namespaces[0]}").st_ino
    assert serving["last_error"] is None
    expected = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in",
         authority.folder / "serving.test.crt"], capture_output=True, text=True).stdout
    assert serving["certificate_expiry"] == expected.strip().partition("=")[2].replace(" ", "T")
    assert tenants["waiting"]["inode"] is None and tenants["waiting"]["bound"] == 0
    assert late in tenants["waiting"]["last_error"]
    assert (tenants["degraded"]["bound"], tenants["degraded"]["listeners"]) == (1, 2)
    assert "127.0.0.1:8080" in tenants["degraded"]["last_error"]
    assert "in use" in tenants["degraded"]["last_error"]
    assert "refused.conf:1:" in tenants["refused"]["last_error"]
    assert "kept.conf:" in tenants["kept"]["last_error"] and "retrun" in tenants["kept"]["last_error"]
    assert tenants["kept"]["certificate_expiry"] is None

    # All of it goes when its cause does.
    taken.close()
    netns.make("late")
    gateway.tenant("refused", texts.plain("host", 'return 200 "r";', f"127.0.0.1:{free_port()}"))
    gateway.tenant("kept", texts.plain(namespaces[1], 'return 200 "new";'))
    assert gateway.ask("reload").returncode in (0, 2)  # the port is tried again by and by

    def all_serve():
        tenants = gateway.statuses()[1]
        return {(tenant["state"], tenant["last_error"]) for tenant in tenants.values()} == \
            {("serving", None)}

    wait_for(all_serve, 10, "all are mended")
    assert gateway.ask("status").returncode == 0
    tenants = gateway.statuses()[1]
    assert tenants["kept"]["generation"] == 2 and tenants["refused"]["generation"] == 1
    assert tenants["refused"]["namespace"] == "host" and tenants["refused"]["inode"] is None
    netns.delete(late)


def test_status_counts_connections_and_requests(gateway, authority, namespaces):
    for number, namespace in enumerate(namespaces[:2]):
        gateway.tenant(f"t{number}", texts.plain(namespace, f'return 200 "{number}";'))
    gateway.start()
    kept = [Connection(namespaces[0], PLAIN) for _ in range(20)]
    for connection in kept:
        for _ in range(3):
            connection.ask()
    whole, tenants = gateway.statuses()
    assert (whole["connections"], whole["partial"]) == (20, False)
    assert (tenants["t0"]["connections"], tenants["t0"]["requests"]) == (20, 60)
    assert (tenants["t1"]["connections"], tenants["t1"]["requests"]) == (0, 0)
    for connection in kept:
        connection.close()
    wait_for(lambda: gateway.statuses()[1]["t0"]["connections"] == 0, what="they are counted out")
    assert gateway.statuses()[1]["t0"]["requests"] == 60


def test_status_asks_no_worker(gateway, namespaces):
    """One that hangs is waited for by nobody, and what it has counted is there."""
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    client = Connection(namespaces[0], PLAIN)
    client.ask()
    wait_for(lambda: gateway.statuses()[1]["a"]["requests"] == 1, what="it is counted")
    for victim in gateway.workers():
        os.kill(victim, signal.SIGSTOP)
    watch = Watch()
    whole, tenants = gateway.statuses()
    assert watch.seconds() < 3
    for victim in gateway.workers():
        os.kill(victim, signal.SIGCONT)
    assert whole["partial"] is False and tenants["a"]["state"] == "serving"
    assert (tenants["a"]["connections"], tenants["a"]["requests"]) == (1, 1)


def test_status_as_a_table(gateway, authority, namespaces):
    gateway.tenant("acme", texts.tenant(namespaces[0], texts.tls_server(
        authority, "acme.test", 'return 200 "a";')))
    gateway.tenant("broken", "nonsense;\n")
    gateway.start()
    result = gateway.ask("status")
    assert (result.returncode, result.stderr) == (1, "")
    first, empty, titles, *rows = result.stdout.splitlines()
    assert re.match(rf"nsgate \S+, pid {gateway.pid}, up 0m \d+s; 2 workers of generation 1, "
                    r"0 connections; sandbox (on(, Landlock \d+)?|missing)$", first) and not empty
    assert titles.split("  ")[0] == "TENANT" and titles.endswith("LAST ERROR")
    inode = os.stat(f"/run/netns/{namespaces[0]}").st_ino
    cells = {row.split()[0]: row for row in rows}
    assert re.match(rf"acme +{namespaces[0]}\[{inode}\] +serving +1/1 +0 +\d{{4}}-\d\d-\d\d +1 +-$",
                    cells["acme"]), cells
    assert re.match(r"broken +- +refused +0/0 +0 +- +0 +\S+broken\.conf:1:1: unknown directive",
                    cells["broken"]), cells
    assert len(cells["broken"]) < 300 and cells["broken"].endswith(" ..."), cells
    assert "upstream" in gateway.statuses()[1]["broken"]["last_error"], "all of it"
    for title in ("NAMESPACE", "STATE", "LISTENERS", "CONNECTIONS", "EXPIRES", "GENERATION"):
        at = titles.index(title)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows), title


def test_status_under_load_harms_nobody(gateway, authority, namespaces, echo):
    names = ["s0.test", "s1.test"]
    for name, namespace in zip(names, namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, name, echo.address))
    gateway.start()
    targets = [(namespace, texts.ADDRESS, name) for name, namespace in zip(names, namespaces)]
    with Load(targets, authority.context(), threads=4) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for _ in range(20):
            whole, tenants = gateway.statuses()
            assert len(tenants) == 2 and whole["partial"] is False
        last = {name: tenant["requests"] for name, tenant in tenants.items()}
        wait_for(lambda: all(gateway.statuses()[1][name]["requests"] > last[name]
                             for name in names), what="requests are counted on")
    assert not load.failures, load.failures[:5]


def test_a_new_generation_serves_when_reload_returns_and_the_old_one_is_told_apart(
        gateway, namespaces, scripted):
    release = threading.Event()

    def answer_late(connection, _):
        read_head(connection)
        release.wait(20)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    server = scripted(answer_late)
    gateway.tenant("a", texts.plain(namespaces[0], f"""
        location / {{ return 200 "a"; }}
        location /late {{ proxy_pass http://{server.address}; }}"""))
    gateway.start()
    old = set(gateway.workers())
    busy = netns.connect(namespaces[0], PLAIN, 30)
    busy.sendall(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: server.accepted, what="the request is with the backend")
    gateway.settings["worker_processes"] = "3"
    gateway.write_main()
    assert gateway.ask("reload").returncode == 0
    assert len(set(gateway.workers()) - old) == 3
    assert fetch(namespaces[0], PLAIN).body == b"a"

    def drains():
        whole, tenants = gateway.statuses()
        return (whole["generation"], whole["workers"], tenants["a"]["draining"]) == (2, 3, 1) \
            and whole["draining"] > 0 and tenants["a"]["connections"] >= 1

    wait_for(drains, what="one connection drains")
    assert "of before drain" in gateway.ask("status").stdout
    release.set()
    assert busy.recv(4096).endswith(b"late")
    busy.close()
    wait_for(lambda: gateway.statuses()[0]["draining"] == 0, what="the old generation is gone")
    assert gateway.statuses()[1]["a"]["draining"] == 0
