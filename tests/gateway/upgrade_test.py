# SPDX-License-Identifier: MIT
"""Another binary takes the gateway over while it serves, or is refused (row R4)."""

import contextlib
import os
import re
import pathlib
import shutil
import signal
import ssl
import subprocess
import time

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.client import fetch
from harness.gateway import BINARY, Gateway, wait_for
from harness.load import FramesLoad, Load
from harness.names import NameServer
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)


@pytest.fixture
def installed(tmp_path, reachable):
    """A gateway that runs from a folder of its own, so that its binary can be replaced."""
    path = pathlib.Path(reachable) / "nsgate"
    shutil.copy(BINARY, path)
    made = Gateway(tmp_path, binary=str(path), worker_shutdown_timeout="2s", netns_shared="on")
    yield made
    if made.process is not None:
        try:
            made.stop()
        except BaseException:
            if made.process is not None:
                made.kill()
            raise


def install(gateway, content=None, mode=0o755):
    """Puts another file in the binary's place, as a package manager does: the same program when
    there is no content."""
    path = pathlib.Path(gateway.binary)
    fresh = path.with_name("nsgate.new")
    if content is None:
        shutil.copy(BINARY, fresh)
    else:
        fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.rename(path)


def upgrade(gateway, seconds=20):
    """USR2, and the line that tells how it went."""
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGUSR2)
    line = gateway.wait_log(r"upgrade (done|refused).*", seconds, at)
    if line.startswith("upgrade done"):
        gateway.wait_log(r"reload done.*", seconds, at)
    return line


def capabilities(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [line for line in text.splitlines() if line.startswith("Cap")]


def descriptors(gateway):
    return gateway.descriptors(gateway.pid)


def wait_drained(gateway, old):
    wait_for(lambda: not set(old) & set(gateway.children()), 10, "the old workers end")


def test_no_request_fails(installed, authority, namespaces, echo):
    """Twice in a row, from one binary file to the next, with clients of both versions."""
    for number, namespace in enumerate(namespaces[:2]):
        installed.tenant(f"t{number}", texts.proxied(authority, namespace, f"t{number}.test",
                                                     echo.address))
    installed.start()
    targets = [(namespace, texts.ADDRESS, f"t{number}.test")
               for number, namespace in enumerate(namespaces[:2])]
    pid, caps = installed.pid, capabilities(installed.pid)
    with Load(targets, authority.context()) as plain, \
            FramesLoad(targets, authority.context(("h2",)), threads=2) as multiplexed:
        wait_for(lambda: plain.done > 50 and multiplexed.done > 50, 10, "the load runs")
        for turn in range(2):
            old = installed.workers()
            install(installed)
            assert upgrade(installed).startswith("upgrade done")
            wait_drained(installed, old)
            assert len(installed.workers()) == 2
            done = plain.done, multiplexed.done
            wait_for(lambda: plain.done > done[0] + 50 and multiplexed.done > done[1] + 50, 10,
                     "the load goes on")
            if turn == 0:
                count = descriptors(installed)
        assert descriptors(installed) == count
    assert plain.failures == [] and multiplexed.failures == []
    assert installed.pid == pid and installed.process.poll() is None
    assert capabilities(pid) == caps
    assert os.readlink(f"/proc/{pid}/exe") == installed.binary
    assert (installed.folder / "nsgate.pid").read_text().strip() == str(pid)


def test_a_websocket_goes_on_until_the_limit(installed, namespace, scripted):
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
                           b"Connection: upgrade\r\n\r\n")
        while part := connection.recv(1000):
            connection.sendall(part)

    server = scripted(script)
    installed.tenant("a", texts.plain(namespace, f"""
        location / {{ proxy_pass http://{server.address}; }}
        location = /plain {{ return 200 "x"; }}"""))
    installed.start()
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert b"101" in sock.recv(1000)
    old = installed.workers()
    install(installed)
    assert upgrade(installed).startswith("upgrade done")
    watch = Watch()
    for text in (b"one", b"two"):
        sock.sendall(text)
        assert sock.recv(100) == text, "its worker serves it on"
    assert set(old) & set(installed.children())
    assert fetch(namespace, PLAIN, "/plain").body == b"x"
    sock.settimeout(20)
    try:
        assert sock.recv(100) == b""
    except ConnectionResetError:
        pass
    assert 1 < watch.wall() and watch.seconds() < 12
    wait_drained(installed, old)


def test_nothing_is_lost(installed, authority, namespaces, tmp_path):
    """Waiting tenants wait, refused ones stay refused, a broken file's last good version serves,
    sessions are resumed."""
    namespace = namespaces[0]
    absent = netns.PREFIX + "late"
    installed.tenant("good", texts.tenant(namespace, texts.tls_server(
        authority, "good.test", 'return 200 "good";')))
    installed.tenant("late", texts.plain(absent, 'return 200 "late";'))
    installed.tenant("never", "nonsense;")
    installed.tenant("last", texts.plain(namespace, 'return 200 "last";'))
    installed.start()
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # the session is there with the handshake
    first = context.wrap_socket(netns.connect(namespace, texts.ADDRESS), server_hostname="good.test")
    session = first.session
    first.close()
    installed.tenant("last", "broken;")
    assert "2 refused" in installed.reload()
    at = installed.log_size()
    install(installed)
    assert upgrade(installed).startswith("upgrade done: ")
    assert "0 added, 0 changed, 0 removed, 2 refused" in installed.wait_log("reload done.*", since=at)
    assert "waiting for network namespace" not in installed.log(at), "that was told before"
    again = context.wrap_socket(netns.connect(namespace, texts.ADDRESS),
                                server_hostname="good.test", session=session)
    assert again.session_reused
    again.close()
    assert fetch(namespace, PLAIN).body == b"last"
    netns.make_again(absent)
    try:
        installed.wait_log("tenant late: listening on", since=at)
        assert fetch(absent, PLAIN).body == b"late"
    finally:
        netns.delete(absent)
    installed.tenant("last", texts.plain(namespace, 'return 200 "mended";'))
    assert "1 changed" in installed.reload()
    assert fetch(namespace, PLAIN).body == b"mended"


def test_names_are_waited_for_on(installed, namespaces, echo, tmp_path):
    """Also when the reload behind the upgrade is refused, so that nothing is looked at anew."""
    host, port = echo.address.split(":")
    server = NameServer(tmp_path)
    try:
        installed.tenant("late", texts.plain(
            namespaces[0], f"location / {{ proxy_pass http://late.test:{port}; }}"))
        installed.tenant("a", texts.plain(namespaces[1], 'return 200 "a";'))
        installed.start(prefix=server.prefix)
        tenants, away = installed.folder / "tenants", installed.folder / "away"
        tenants.rename(away)
        at = installed.log_size()
        install(installed)
        os.kill(installed.pid, signal.SIGUSR2)
        installed.wait_log("reload refused: it would remove 2 of 2 tenants", 30, at)
        assert "upgrade done" in installed.log(at)
        answer = installed.ask("status").stdout
        assert re.search(r"^late .* waiting ", answer, re.MULTILINE), answer
        server.names["late.test"] = [host]
        away.rename(tenants)
        installed.wait_log("tenant late: added", 40, at)
        assert fetch(namespaces[0], PLAIN).status == 200
    finally:
        server.close()


def test_what_changed_meanwhile_is_seen(installed, namespace):
    installed.tenant("a", texts.plain(namespace, 'return 200 "old";'))
    installed.start()
    installed.tenant("a", texts.plain(namespace, 'return 200 "new";'))
    install(installed)
    assert upgrade(installed).startswith("upgrade done")
    assert fetch(namespace, PLAIN).body == b"new"


BROKEN = {
    "ends at once": (b"#!/bin/sh\nexit 0\n", 0o755, "exited with status 0"),
    "fails": (b"#!/bin/sh\necho no longer made for this machine >&3\nexit 3\n", 0o755,
              "no longer made for this machine"),
    "crashes": (b"#!/bin/sh\nkill -SEGV $$\n", 0o755, "killed by signal 11"),
    "cannot be executed": (b"#!/bin/sh\nexit 0\n", 0o644, "Permission denied"),
    "is garbage": (b"\x7fELF" + bytes(100), 0o755, "Exec format error"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_binary_is_refused(installed, namespace, how):
    content, mode, reason = BROKEN[how]
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    workers = installed.workers()
    with Load([(namespace, PLAIN, "a")]) as load:
        install(installed, content, mode)
        line = upgrade(installed)
        assert line.startswith("upgrade refused: ") and reason in line
        assert installed.workers() == workers
        done = load.done
        wait_for(lambda: load.done > done + 20, 10, "the load goes on")
        install(installed)
        assert upgrade(installed).startswith("upgrade done")
    assert load.failures == []
    assert installed.log().count("upgrade refused") == 1


def test_a_binary_of_another_format_is_refused(installed, namespace):
    """The same program, but for the number of its state's format."""
    magic = (0x65746174732d676e).to_bytes(8, "little")
    content = pathlib.Path(BINARY).read_bytes()
    assert magic in content
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    install(installed, content.replace(magic, magic[::-1]))
    assert "it is no state of nsgate" in upgrade(installed)
    assert fetch(namespace, PLAIN).body == b"x"


def test_a_broken_main_file_refuses_it(installed, namespace):
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    installed.write_main("nonsense;")
    install(installed)
    assert "nsgate.conf:1:1: " in upgrade(installed)
    assert fetch(namespace, PLAIN).body == b"x"
    installed.write_main()
    assert upgrade(installed).startswith("upgrade done")


def test_it_waits_for_workers_that_drain(installed, namespace, scripted):
    server = scripted(lambda connection, _: (read_head(connection), time.sleep(20)))
    installed.tenant("a", texts.plain(namespace, f"""
        location / {{ return 200 "x"; }}
        location = /hang {{ proxy_pass http://{server.address}; }}"""))
    installed.start()
    busy = netns.connect(namespace, PLAIN)
    busy.sendall(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: server.accepted, what="the request is with the backend")
    old = installed.workers()
    assert upgrade(installed).startswith("upgrade done")
    at = installed.log_size()
    os.kill(installed.pid, signal.SIGUSR2)
    answer = installed.ask("upgrade")
    assert re.search(r"^the upgrade waits for the end of workers that drain \(1 of them, at most \d s",
                     answer.stdout, re.MULTILINE), answer
    assert answer.returncode == 0 and "upgrade done" in answer.stdout, answer
    installed.wait_log("upgrade: waits for the end of workers that drain", since=at)
    installed.wait_log("upgrade done", 20, since=at)
    assert not set(old) & set(installed.children())
    assert fetch(namespace, PLAIN).body == b"x"
    busy.close()


def test_signals_on_the_way_are_not_lost(installed, namespace):
    """HUP right behind USR2, several times: the process is never without its handlers."""
    installed.tenant("a", texts.plain(namespace, 'return 200 "0";'))
    installed.start()
    for turn in range(1, 4):
        at = installed.log_size()
        os.kill(installed.pid, signal.SIGUSR2)
        deadline = time.monotonic() + 20
        while "upgrade done" not in installed.log(at) and time.monotonic() < deadline:
            os.kill(installed.pid, signal.SIGHUP)
            time.sleep(0.01)
        installed.wait_log("upgrade done", since=at)
        installed.tenant("a", texts.plain(namespace, f'return 200 "{turn}";'))
        installed.reload()
        wait_for(lambda: fetch(namespace, PLAIN).body == b"%d" % turn, what="the change")
    os.kill(installed.pid, signal.SIGUSR2)
    installed.stop(signal.SIGTERM)


def test_a_link_that_leads_to_another_version_by_now(installed, namespace, tmp_path):
    """The path is the one that the operator wrote, whatever its links led to then."""
    versions = [tmp_path / "nsgate-1", tmp_path / "nsgate-2"]
    for version in versions:
        shutil.copy(BINARY, version)
    link = pathlib.Path(installed.binary)
    link.unlink()
    link.symlink_to(versions[0])
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    for version in reversed(versions):
        fresh = link.with_name("nsgate.link")
        fresh.symlink_to(version)
        fresh.rename(link)
        assert upgrade(installed).startswith("upgrade done")
        assert os.readlink(f"/proc/{installed.pid}/exe") == str(version)


def test_the_command_line(installed, namespace):
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    install(installed)
    conf = str(installed.folder / "nsgate.conf")
    command = [installed.binary, "-c", conf, "-s"]
    done = subprocess.run([*command, "upgrade"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("upgrade done: "), done
    installed.wait_log("upgrade done")
    install(installed, b"#!/bin/sh\nexit 7\n")
    refused = subprocess.run([BINARY, *command[1:], "upgrade"], capture_output=True, text=True,
                             timeout=60)
    assert refused.returncode == 1 and "it exited with status 7" in refused.stderr
    both = subprocess.run([BINARY, *command[1:], "reload"], capture_output=True, text=True,
                          timeout=60)
    assert both.returncode == 0


def test_who_asks_for_a_reload_gets_its_answer(installed, namespace):
    """Also while another binary is about to take over."""
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    command = [BINARY, "-c", str(installed.folder / "nsgate.conf"), "-s"]
    for delay in (0, 0.02, 0.05, 0.1, 0.2):
        at = installed.log_size()
        upgrading = subprocess.Popen([*command, "upgrade"], stdout=subprocess.PIPE, text=True)
        time.sleep(delay)
        reload = subprocess.run([*command, "reload"], capture_output=True, text=True, timeout=60)
        assert reload.returncode == 0, reload
        assert upgrading.wait(60) == 0
        assert upgrading.stdout.read().startswith("upgrade done: version=")
        installed.wait_log("upgrade done", since=at)


@pytest.fixture
def wired():
    """A namespace that can be reached from the host's, so that no socket of a client keeps it."""
    netns.claim_host("addresses of the host")
    name, link = netns.make_again(netns.PREFIX + "wired"), f"nsg{os.getpid()}u"
    netns.run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
    netns.run("ip", "addr", "add", "10.213.7.1/30", "dev", link)
    netns.run("ip", "link", "set", link, "up")
    netns.run("ip", "-n", name, "addr", "add", "10.213.7.2/30", "dev", "eth0")
    netns.run("ip", "-n", name, "link", "set", "eth0", "up")
    yield name, link
    netns.delete(name)
    netns.run("ip", "link", "del", link, check=False)


@pytest.mark.alone
def test_a_namespace_that_goes_behind_an_upgrade_is_freed(installed, wired, scripted):
    """The old workers still hold connections out of it: they are told, by the channels that the
    new binary has taken over."""
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: tcp\r\nConnection: upgrade\r\n\r\n")
        connection.recv(1000)

    namespace, link = wired
    installed.settings["worker_shutdown_timeout"] = "30s"
    installed.write_main()
    server = scripted(script)
    installed.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}",
                                      "10.213.7.2:8080"))
    installed.start()
    sock = netns.connect(None, ("10.213.7.2", 8080))
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    assert b"101" in sock.recv(1000)
    old = installed.workers()
    assert upgrade(installed).startswith("upgrade done")
    assert set(old) & set(installed.children())
    netns.delete(namespace)
    wait_for(lambda: not os.path.exists(f"/sys/class/net/{link}"), 10, "the kernel frees it")
    wait_drained(installed, old)
    sock.close()


def test_workers_die_on_the_way(installed, namespaces):
    """A worker that is killed while another binary takes over is nobody's zombie, and replaced."""
    namespace = namespaces[0]
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    for delay in (0, 0.02, 0.05, 0.1):
        victim = installed.workers()[0]
        at = installed.log_size()
        os.kill(installed.pid, signal.SIGUSR2)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):  # it has drained already
            os.kill(victim, signal.SIGKILL)
        installed.wait_log("upgrade done", 20, at)
        wait_for(lambda: len(installed.workers()) == 2 and
                 all(installed.role(pid) == "worker" for pid in installed.children()), 10,
                 "two workers and no zombies")
        assert fetch(namespace, PLAIN).body == b"x"


def test_an_old_worker_answers_the_heartbeat_of_before(installed, namespace):
    """What it was asked by one binary it may answer to the next."""
    installed.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    installed.start()
    stopped = installed.workers()[0]
    at = installed.log_size()
    os.kill(stopped, signal.SIGSTOP)
    try:
        time.sleep(1.2)  # one beat
        os.kill(installed.pid, signal.SIGUSR2)
        installed.wait_log("the old ones drain", 20, at)
    finally:
        os.kill(stopped, signal.SIGCONT)
    installed.wait_log("the old workers have ended", 20, at)
    assert "malformed" not in installed.log(at) and "signal" not in installed.log(at)


def test_a_process_is_followed_on(installed, namespaces):
    namespace = namespaces[1]
    process = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", "sleep", "1000"],
                               stdin=subprocess.DEVNULL)
    try:
        place = os.stat(f"/run/netns/{namespace}").st_ino
        wait_for(lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino == place, what="nsenter")
        installed.tenant("a", texts.plain(f"pid:{process.pid}", 'return 200 "x";'))
        installed.start()
        at = installed.log_size()
        with Load([(namespace, PLAIN, "a")]) as load:
            assert upgrade(installed).startswith("upgrade done")
        assert load.failures == [] and "tenant a" not in installed.log(at)
        process.kill()
        process.wait()
        installed.wait_log("tenant a: network namespace .* is gone", since=at)
        at = installed.log_size()
        assert upgrade(installed).startswith("upgrade done")
        assert "listening on" not in installed.log(at)
    finally:
        process.kill()
        process.wait()
