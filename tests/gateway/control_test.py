# SPDX-License-Identifier: MIT
"""The control socket: who may ask, and -s reload, which waits and tells each tenant's fate."""

import json
import os
import pwd
import socket
import subprocess
import time

import pytest

from harness import netns, texts
from harness.backend import free_port, occupy
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


def test_only_what_changed_changes(gateway, authority, namespaces):
    """Places are no content: comments, white space, moved lines, touched files change nothing."""
    part = gateway.folder / "part"
    part.write_text('add_header X-Part "1";\n')
    text = texts.tenant(namespaces[0], texts.tls_server(
        authority, "same.test", f'include {part};\nlocation / {{ return 200 "a"; }}'))
    gateway.extra = "defaults { keepalive_timeout 60s; }"
    gateway.write_main()
    gateway.tenant("same", text)
    gateway.tenant("other", texts.plain(namespaces[1], 'return 200 "b";'))
    gateway.start()
    children = set(gateway.children())

    def unchanged():
        result = gateway.ask("reload")
        assert result.stdout == "reload done: 0 added, 0 changed, 0 removed, 0 refused\n", result
        assert result.returncode == 0 and set(gateway.children()) >= set(gateway.workers())

    def touch(path):
        path.write_bytes(path.read_bytes())
        os.utime(path)

    gateway.extra = "# one\n\n# two\ndefaults {\n # three\n  keepalive_timeout\n 60s ;\n}"
    for change in (gateway.write_main,
                   lambda: gateway.tenant("same", "# a comment\n\n" + text),
                   lambda: gateway.tenant("same", text.replace(";", " ;\n")),
                   lambda: part.write_text('# a comment\nadd_header   X-Part\n\t"1";\n'),
                   lambda: touch(part),
                   lambda: touch(gateway.folder / "tenants" / "same.conf"),
                   lambda: touch(authority.folder / "same.test.key")):
        time.sleep(0.02)
        change()
        unchanged()
    # No resolver was started for any of it, and workers have not been told.
    assert not [pid for pid in gateway.children() if gateway.role(pid) == "resolver"]
    assert set(gateway.workers()) <= children
    tenants = gateway.statuses()[1]
    assert {tenant["generation"] for tenant in tenants.values()} == {1}
    # What is wrong later is told where it stands then.
    at = gateway.log_size()
    gateway.tenant("same", "# a comment\n\n\n" + text.replace("return 200", "retrun 200"))
    assert gateway.ask("reload").returncode == 1
    line = 4 + text[:text.index("return 200")].count("\n")
    gateway.wait_log(rf"same\.conf:{line}:\d+: ", since=at)
    # A change of what all inherit reaches all.
    gateway.tenant("same", text)
    gateway.extra = gateway.extra.replace("60s", "61s")
    gateway.write_main()
    at = gateway.log_size()
    assert gateway.ask("reload").stdout.endswith("0 added, 2 changed, 0 removed, 0 refused\n")
    assert "tenant same: changed" in gateway.log(at) and "tenant other: changed" in gateway.log(at)


def test_what_does_not_serve_is_told(gateway, namespaces):
    """In force, but not all serves: exit 2, of -s reload and of -s status."""
    late = netns.PREFIX + "late"
    taken = netns.within(namespaces[1], lambda: occupy(PLAIN))
    gateway.tenant("good", texts.plain(namespaces[0], 'return 200 "good";'))
    gateway.start()
    assert gateway.ask("status").returncode == 0
    gateway.tenant("full", texts.plain(namespaces[1], 'return 200 "full";'))
    gateway.tenant("late", texts.plain(late, 'return 200 "late";'))
    gateway.tenant("second", texts.plain(namespaces[0], 'return 200 "x";', "127.0.0.1:8081"))
    gateway.tenant("ours", texts.plain("/proc/self/ns/net", 'return 200 "x";'))
    gateway.tenant("nowhere", texts.plain(namespaces[2], 'return 200 "x";', "192.0.2.9:8080"))
    result = gateway.ask("reload")
    assert result.returncode == 2, result
    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith("degraded full: ")][0].endswith("in use")
    assert f"waiting late: network namespace {late}: does not exist" in lines
    assert [line for line in lines if line.startswith("blocked second: ") and '"good"' in line]
    assert [line for line in lines if line.startswith("blocked ours: ") and "host's own" in line]
    assert [line for line in lines if line.startswith("degraded nowhere: ") and
            "has no such address" in line]
    assert lines[-1] == "reload done: 5 added, 0 changed, 0 removed, 0 refused, 2 degraded, " \
        "1 waiting, 2 blocked"
    tenants = gateway.statuses()[1]
    assert {name: tenant["state"] for name, tenant in tenants.items()} == {
        "good": "serving", "full": "degraded", "late": "waiting", "second": "blocked",
        "ours": "blocked", "nowhere": "degraded"}
    assert gateway.ask("status").returncode == 2
    # Also by a reload that changes nothing of it, and beside one that is refused.
    assert gateway.ask("reload").returncode == 2
    gateway.tenant("broken", "nonsense;\n")
    assert gateway.ask("reload").returncode == gateway.ask("status").returncode == 1
    gateway.remove_tenant("broken")

    taken.close()
    netns.make("late")
    netns.run("ip", "-n", namespaces[2], "addr", "add", "192.0.2.9/32", "dev", "lo")
    gateway.remove_tenant("second")
    gateway.remove_tenant("ours")
    wait_for(lambda: gateway.ask("reload").returncode == 0, 10, "all serve")
    assert gateway.ask("status").returncode == 0
    assert netns.within(namespaces[2], lambda: socket.create_connection(("192.0.2.9", 8080), 5))
    # An address that goes again is seen by the next who asks.
    netns.run("ip", "-n", namespaces[2], "addr", "del", "192.0.2.9/32", "dev", "lo")
    assert gateway.ask("status").returncode == 2
    assert gateway.statuses()[1]["nowhere"]["state"] == "degraded"
    netns.delete(late)


@pytest.mark.alone
def test_a_reload_that_would_remove_most_tenants_is_refused(gateway, namespaces):
    names = [f"m{number}" for number in range(9)]
    for number, name in enumerate(names):
        gateway.tenant(name, texts.plain("host", f'return 200 "{name}";',
                                         f"127.0.{40 + number}.1:{free_port()}"))
    gateway.tenant("kept", texts.plain(namespaces[0], 'return 200 "kept";'))
    gateway.start()
    folder, away = gateway.folder / "tenants", gateway.folder / "away"

    def refused(removed, command=("reload",)):
        at = gateway.log_size()
        result = gateway.ask(*command)
        assert result.returncode == 1, result
        said = f"reload refused: it would remove {removed} of 10 tenants"
        assert said in result.stdout and "--force" in result.stdout, result
        gateway.wait_log(said, since=at)
        assert gateway.reload().startswith(said), "SIGHUP has no force"
        assert fetch(namespaces[0], PLAIN).body == b"kept"
        assert len(gateway.statuses()[1]) == 10

    folder.rename(away)  # the folder is away
    refused(10)
    folder.mkdir()  # or empty
    refused(10)
    folder.rmdir()
    folder.write_text("a file")  # or no folder
    refused(10)
    folder.unlink()
    away.rename(folder)
    assert gateway.ask("reload").stdout.endswith("0 added, 0 changed, 0 removed, 0 refused\n")
    for pattern in ("tenants/*.cfg", "elsewhere/*.conf", "tenants/k*.conf"):
        gateway.settings["tenants"] = pattern
        gateway.write_main()
        refused(9 if "k*" in pattern else 10)
    gateway.settings["tenants"] = "tenants/*.conf"
    gateway.write_main()
    for name in names[:6]:
        (folder / f"{name}.conf").rename(gateway.folder / f"{name}.conf")
    refused(6)
    # Files that are there but broken keep their last good versions: nothing is removed.
    for name in names[:6]:
        gateway.tenant(name, "nonsense;\n")
    result = gateway.ask("reload")
    assert result.stdout.endswith("reload done: 0 added, 0 changed, 0 removed, 6 refused\n")
    assert len(gateway.statuses()[1]) == 10
    for name in names[:5]:
        gateway.remove_tenant(name)
    result = gateway.ask("reload")  # half of them is a few
    assert result.stdout.endswith("reload done: 0 added, 0 changed, 5 removed, 1 refused\n")
    gateway.remove_tenant("kept")
    for name in names[5:]:
        gateway.remove_tenant(name)
    assert gateway.ask("reload").returncode == 1
    result = gateway.ask("reload", "--force")
    assert (result.returncode, result.stderr.count("no tenant's file")) == (0, 1), result
    assert result.stdout.splitlines()[-1] == "reload done: 0 added, 0 changed, 5 removed, 0 refused"
    with pytest.raises(OSError):
        fetch(namespaces[0], PLAIN)
    result = gateway.ask("status", "--force")
    assert result.returncode == 1 and "--force is for -s reload" in result.stderr


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


def test_warnings_are_told_to_who_asks(gateway, authority, namespaces):
    gateway.tenant("open", texts.tenant(namespaces[0], texts.tls_server(
        authority, "warned.test", 'return 200 "a";')))
    gateway.start()
    authority.issue("warned.test")
    (authority.folder / "warned.test.key").chmod(0o644)
    result = gateway.ask("reload")
    (authority.folder / "warned.test.key").chmod(0o600)
    assert result.returncode == 0 and result.stdout.startswith("changed open\n"), result
    assert result.stderr.startswith("nsgate: [warn] ") and "warned.test.key" in result.stderr


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
             f"os.setuid({nobody})\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(20)\n"
             "try:\n    s.connect(sys.argv[1])\n    print(s.recv(100))\n"
             "except OSError as error:\n    print(type(error).__name__)\n", str(path)],
            capture_output=True, text=True, timeout=60).stdout

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


def test_20_reloads_under_load(gateway, authority, namespaces, echo):
    """Certificates rotate, each is in force when -s reload returns, and nobody notices."""
    names = ["c0.test", "c1.test", "c2.test"]
    for name, namespace in zip(names, namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, name, echo.address))
    gateway.start()
    targets = [(namespace, texts.ADDRESS, name) for name, namespace in zip(names, namespaces)]
    with Load(targets, authority.context(), threads=3) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for number in range(20):
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
    assert not load.failures, load.failures[:5]


# ---- broken files ----


def command(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_who_asks_is_answered_whatever_the_main_file_says(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    conf = gateway.folder / "nsgate.conf"
    good = conf.read_text()
    for broken in ("usr nobody;\n", "usr nobody; pid nowhere/nsgate.pid;", "worker_processes {",
                   good[:-4], "\0", None):
        conf.unlink()
        if broken is not None:
            conf.write_text(broken)
        assert gateway.statuses()[0]["pid"] == gateway.pid, broken
        result = gateway.ask("reload")
        assert result.returncode == 1 and result.stderr, (broken, result)
        assert gateway.ask("reopen").returncode == 0, broken
        assert fetch(namespaces[0], PLAIN).body == b"a"
    conf.write_text(good)
    assert gateway.ask("reload").returncode == 0
    conf.write_text("nonsense")
    assert gateway.ask("stop").returncode == 0
    assert gateway.process.wait(20) == 0


def test_the_socket_may_be_named(gateway, namespaces):
    """Without a main file at all, and against one that leads elsewhere."""
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    sock = gateway.folder / "nsgate.sock"
    for conf in (("-c", "/nowhere.conf"), (), ("-c", gateway.folder / "tenants")):
        result = command(*conf, "-s", "status", "--json", "--socket", sock)
        assert result.returncode == 0 and json.loads(result.stdout)["pid"] == gateway.pid, result
        for name in ("reload", "reopen"):
            assert command(*conf, "-s", name, "--socket", sock).returncode == 0, (conf, name)
    for name in ("status", "reload", "reopen", "upgrade", "quit", "stop"):
        result = command("-s", name, "--socket", gateway.folder / "none.sock")
        assert result.returncode == 1 and "none.sock" in result.stderr, result
        # Of a main file that nothing is known of, nobody's nsgate is asked.
        result = command("-c", "/nowhere.conf", "-s", name)
        assert result.returncode == 1 and "/nowhere.conf" in result.stderr, result
    assert command("-s", "quit", "--socket", sock).returncode == 0
    assert gateway.process.wait(20) == 0


# ---- settings that cannot be taken over ----


def test_a_pid_that_cannot_be_taken_is_told_and_locks_nobody_out(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    gateway.start()
    (gateway.folder / "real").write_text("not a pid")
    (gateway.folder / "link.pid").symlink_to("real")
    (gateway.folder / "taken.sock").write_text("precious")
    for number, pid in enumerate(("nowhere/nsgate.pid", "link.pid", "tenants", "taken.pid")):
        gateway.settings["pid"] = pid
        gateway.write_main()
        gateway.tenant("a", texts.plain(namespaces[0], f'return 200 "{number}";'))
        result = gateway.ask("reload")
        assert result.returncode == 1, result
        assert pid.replace("taken.pid", "taken.sock") in result.stderr, result
        assert "changed a\n" in result.stdout and "1 setting not taken over" in result.stdout
        # All else is in force, and the old pid file and socket are.
        assert fetch(namespaces[0], PLAIN).body == b"%d" % number
        assert (gateway.folder / "nsgate.pid").read_text().strip() == str(gateway.pid)
        assert gateway.statuses()[0]["pid"] == gateway.pid
        at = gateway.log_size()
        gateway.reload()
        gateway.wait_log("1 setting not taken over", since=at)
    assert (gateway.folder / "real").read_text() == "not a pid"
    assert not (gateway.folder / "taken.pid").exists()
    gateway.settings["pid"] = "moved.pid"
    gateway.write_main()
    assert gateway.ask("reload").returncode == 0
    assert not (gateway.folder / "nsgate.pid").exists()
    assert (gateway.folder / "moved.pid").read_text().strip() == str(gateway.pid)
    assert gateway.statuses()[0]["pid"] == gateway.pid


def test_two_instances_never_share_a_control_socket(gateway, namespaces):
    """Pid files "gate" and "gate.pid" lead to one socket: the second does not start, and says why."""
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "a";'))
    for first, second in (("gate", "gate.pid"), ("gate.pid", "gate")):
        gateway.settings["pid"] = first
        gateway.write_main()
        gateway.log_path = gateway.folder / f"{first}.log"
        gateway.start()
        other = gateway.folder / "other.conf"
        other.write_text(f"user nobody; pid {second};")
        result = command("-c", other)
        assert result.returncode == 1 and "gate.sock" in result.stderr, result
        assert "nsgate that runs" in result.stderr
        assert not (gateway.folder / second).exists()
        assert gateway.statuses()[0]["pid"] == gateway.pid
        gateway.stop()
        assert not (gateway.folder / "gate.sock").exists()


def test_a_pid_file_that_is_a_link_is_refused_by_name(gateway):
    (gateway.folder / "nsgate.pid").symlink_to("elsewhere")
    result = command("-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 1 and "symbolic link" in result.stderr, result
    assert not (gateway.folder / "elsewhere").exists()
