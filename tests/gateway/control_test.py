# SPDX-License-Identifier: MIT
"""The control socket: -s reload waits and tells each tenant's fate, -s status tells how all are."""

import os
import pwd
import socket
import subprocess

from harness import texts
from harness.certs import peer_serial
from harness.client import Connection, fetch
from harness.gateway import BINARY, wait_for
from harness.load import Load

PLAIN = ("127.0.0.1", 8080)


def test_reload_tells_each_tenants_fate(gateway, authority, namespaces):
    gateway.tenant("gone", texts.plain(namespaces[0], 'return 200 "gone";'))
    gateway.tenant("moved", texts.plain(namespaces[1], 'return 200 "old";'))
    gateway.start()
    result = gateway.ask("reload")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "reload done: 0 added, 0 changed, 0 removed, 0 refused\n"
    gateway.remove_tenant("gone")
    gateway.tenant("moved", texts.plain(namespaces[1], 'return 200 "new";'))
    gateway.tenant("fresh", texts.plain(namespaces[2], 'return 200 "fresh";'))
    result = gateway.ask("reload")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert sorted(lines[:-1]) == ["added fresh", "changed moved", "removed gone"]
    assert lines[-1] == "reload done: 1 added, 1 changed, 1 removed, 0 refused"
    # It has waited: all of it is in force.
    assert fetch(namespaces[1], PLAIN).body == b"new"
    assert fetch(namespaces[2], PLAIN).body == b"fresh"


def spoil_certificate(authority):
    """What may be wrong with a certificate and its key (row R2), one after the other."""
    certificate = authority.folder / "broken.test.crt"
    key = authority.folder / "broken.test.key"
    good = {path: path.read_bytes() for path in (certificate, key)}

    def restore():
        for path, content in good.items():
            path.write_bytes(content)
            path.chmod(0o600)

    certificate.unlink()
    yield "broken.test.crt"
    restore()
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    yield "certificate"
    restore()
    key.write_bytes((authority.folder / "other.test.key").read_bytes())
    yield "key"
    restore()
    key.write_text("")
    yield "key"
    restore()


def test_what_is_broken_is_refused_in_one_line_and_the_old_one_serves(
        gateway, authority, namespaces):
    authority.issue("other.test")
    gateway.tenant("broken", texts.tenant(namespaces[0], texts.tls_server(
        authority, "broken.test", 'return 200 "good";')))
    gateway.tenant("well", texts.plain(namespaces[1], 'return 200 "well";'))
    gateway.start()
    for which in spoil_certificate(authority):
        result = gateway.ask("reload")
        assert result.returncode == 1, result
        lines = result.stdout.splitlines()
        assert len(lines) == 2 and lines[0].startswith("refused broken: "), lines
        assert "broken.conf:" in lines[0] and which in lines[0], lines
        assert lines[1] == "reload done: 0 added, 0 changed, 0 removed, 1 refused"
        assert fetch(namespaces[0], texts.ADDRESS, context=authority.context(),
                     name="broken.test").body == b"good"
        assert fetch(namespaces[1], PLAIN).body == b"well"
    result = gateway.ask("reload")
    assert result.returncode == 0, result
    gateway.tenant("broken", "netns;\nlisten 1;\nserver {\n")
    result = gateway.ask("reload")
    assert result.returncode == 1 and "refused broken: " in result.stdout
    assert "more)" in result.stdout, "the first of several errors"


def test_a_broken_main_file_is_told_to_who_asks(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    gateway.write_main("usr nobody;\n")
    result = gateway.ask("reload")
    assert result.returncode == 1
    assert 'nsgate.conf:1:1: ' in result.stderr and '"usr"' in result.stderr
    assert fetch(namespaces[0], PLAIN).body == b"a"


def test_reload_without_a_gateway(gateway):
    result = gateway.ask("reload")
    assert result.returncode == 1 and "not running" in result.stderr


def test_only_the_owner_may_connect(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    path = gateway.folder / "nsgate.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    nobody = pwd.getpwnam("nobody").pw_uid

    def try_it():
        return subprocess.run(
            ["/usr/bin/python3", "-c", "import socket, sys\nimport os\n"
             f"os.setuid({nobody})\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(5)\n"
             "try:\n    s.connect(sys.argv[1])\n    print(s.recv(100))\n"
             "except OSError as error:\n    print(type(error).__name__)\n", str(path)],
            capture_output=True, text=True, timeout=20).stdout

    for folder in (gateway.folder, *gateway.folder.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    assert try_it() == "PermissionError\n"
    path.chmod(0o666)  # even so: it is asked who it is
    assert try_it() in ("b''\n", "ConnectionResetError\n")
    path.chmod(0o600)


def test_hostile_and_silent_clients_are_bounded(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    before = gateway.descriptors(gateway.pid)
    path = str(gateway.folder / "nsgate.sock")
    sockets = []
    for number in range(30):
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].setblocking(False)
        try:
            sockets[-1].connect(path)
            sockets[-1].send([b"", b"x" * 1000, b"\0\0\n", b"reload"][number % 4])
        except BlockingIOError:
            pass  # the backlog is full
    assert gateway.descriptors(gateway.pid) - before <= 16
    assert fetch(namespaces[0], PLAIN).body == b"a"
    for one in sockets:
        one.close()
    assert gateway.ask("reload").returncode == 0
    wait_for(lambda: gateway.descriptors(gateway.pid) <= before, what="all are closed")


def test_100_reloads_under_load(gateway, authority, namespaces, echo):
    """Row R1, by way of the control socket: certificates rotate, nobody notices."""
    names = ["c0.test", "c1.test", "c2.test"]
    for name, namespace in zip(names, namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, name, echo.address))
    gateway.start()
    targets = [(namespace, texts.ADDRESS, name) for name, namespace in zip(names, namespaces)]
    steady = None
    with Load(targets, authority.context(), threads=3) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for number in range(100):
            which = number % 3
            authority.issue(names[which])
            result = gateway.ask("reload")
            assert result.returncode == 0, result
            assert result.stdout.splitlines()[0] == f"changed {names[which]}"
            connection = Connection(namespaces[which], texts.ADDRESS, authority.context(),
                                    names[which])
            connection.connect()
            assert peer_serial(connection.sock) == authority.serial(names[which])
            connection.close()
            if number == 20:
                steady = [(gateway.descriptors(pid), gateway.memory(pid))
                          for pid in gateway.processes()]
    assert not load.failures, load.failures[:5]
    wait_for(lambda: max(gateway.descriptors(pid) - before[0] for pid, before in
                         zip(gateway.processes(), steady)) <= 8, 10, "descriptors are flat")
    growth = [gateway.memory(pid) - before[1] for pid, before in zip(gateway.processes(), steady)]
    assert max(growth) < 2048 or os.environ.get("NSGATE_SANITIZED"), f"kB grown: {growth}"
