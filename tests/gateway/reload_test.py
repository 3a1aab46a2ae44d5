# SPDX-License-Identifier: MIT
"""Reload: what changed changes, and nobody else notices (rows R1 and R2 of the fault table)."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import texts
from harness.backend import free_port, occupy
from harness.certs import peer_serial
from harness.client import Connection, fetch
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)


def served_serial(authority, namespace, name):
    connection = Connection(namespace, texts.ADDRESS, authority.context(), name)
    connection.connect()
    serial = peer_serial(connection.sock)
    connection.close()
    return serial


def test_100_reloads_with_changing_certificates_under_load(gateway, authority, namespaces, echo):
    names = ["r0.test", "r1.test", "r2.test"]
    for name, namespace in zip(names, namespaces):
        gateway.tenant(name, texts.proxied(authority, namespace, name, echo.address))
    gateway.start()
    targets = [(namespace, texts.ADDRESS, name) for name, namespace in zip(names, namespaces)]
    lasting, steady, slowest = [], [], 0
    with Load(targets, authority.context(), threads=6) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for number in range(100):
            which = number % 3
            authority.issue(names[which])
            watch = Watch()
            line = gateway.reload()
            assert line.startswith("reload done: 0 added, 1 changed, 0 removed, 0 refused"), line
            assert served_serial(authority, namespaces[which], names[which]) == \
                authority.serial(names[which])
            slowest = max(slowest, watch.seconds())
            if number == 10:
                lasting = [gateway.pid, *gateway.workers()]  # the resolver comes and goes
                steady = [(gateway.descriptors(pid), gateway.memory(pid)) for pid in lasting]
    assert not load.failures, load.failures[:5]
    assert load.done > 100
    print(f"the slowest new certificate was served after {slowest * 1000:.0f} ms")
    assert slowest < 1 or is_sanitized()
    wait_for(lambda: max(gateway.descriptors(pid) - before[0] for pid, before in
                         zip(lasting, steady)) <= 8, 10, "descriptors are flat")
    growth = [gateway.memory(pid) - before[1] for pid, before in zip(lasting, steady)]
    assert max(growth) < 2048 or os.environ.get("NSGATE_SANITIZED"), f"kB grown: {growth}"


def test_tenants_are_added_changed_and_removed(gateway, authority, namespaces):
    answer = lambda text: f'return 200 "{text}";'
    gateway.tenant("keep", texts.plain(namespaces[0], answer("keep")))
    gateway.tenant("change", texts.plain(namespaces[1], answer("old")))
    gateway.start()
    kept = Connection(namespaces[0], PLAIN)
    assert kept.ask().body == b"keep"
    moved = Connection(namespaces[1], PLAIN)
    assert moved.ask().body == b"old"

    gateway.tenant("change", texts.plain(namespaces[1], answer("new")))
    gateway.tenant("add", texts.plain(namespaces[2], answer("added")))
    assert gateway.reload() == "reload done: 1 added, 1 changed, 0 removed, 0 refused"
    assert fetch(namespaces[2], PLAIN).body == b"added"
    assert moved.ask().body == b"new", "a connection uses the new one from its next request on"
    assert kept.ask().body == b"keep"

    gateway.remove_tenant("change")
    assert gateway.reload() == "reload done: 0 added, 0 changed, 1 removed, 0 refused"
    with pytest.raises(OSError):
        fetch(namespaces[1], PLAIN)
    wait_for(lambda: moved.sock.recv(1) == b"" if moved.sock else True, what="idle ones close")
    assert kept.ask().body == b"keep"
    assert gateway.reload() == "reload done: 0 added, 0 changed, 0 removed, 0 refused"
    kept.close()


def test_listeners_move_with_the_file(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "x";', "127.0.0.1:8080"))
    gateway.start()
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "y";', "127.0.0.1:8081"))
    gateway.reload()
    wait_for(lambda: fetch(namespaces[0], ("127.0.0.1", 8081)).body == b"y", what="the new port")
    with pytest.raises(OSError):
        fetch(namespaces[0], PLAIN)
    gateway.tenant("a", texts.plain(namespaces[1], 'return 200 "z";', "127.0.0.1:8081"))
    gateway.reload()
    wait_for(lambda: fetch(namespaces[1], ("127.0.0.1", 8081)).body == b"z", what="the namespace")
    with pytest.raises(OSError):
        fetch(namespaces[0], ("127.0.0.1", 8081))


BROKEN = {
    "syntax": (lambda text: text.replace("location /", "location"), r"broken\.conf:\d+:\d+: "),
    "unknown directive": (lambda text: text.replace("proxy_pass", "proxy_pas"),
                          r'broken\.conf:\d+:\d+: .*proxy_pas.*proxy_pass'),
    "missing certificate": (lambda text: text.replace(".crt;", ".crt.gone;"),
                            r"broken\.conf:\d+:\d+: .*\.crt\.gone"),
    "mismatched key": (lambda text: text.replace("broken.test.key", "other.test.key"),
                       r"broken\.conf:\d+:\d+: .*key"),
    "a certificate that is none": (lambda text: text.replace("broken.test.crt", "junk"),
                                   r"broken\.conf:\d+:\d+: "),
    "a fifo for a key": (lambda text: text.replace("broken.test.key", "fifo"),
                         r"broken\.conf:\d+:\d+: .*fifo"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_tenant_keeps_its_last_good_version(gateway, authority, namespaces, echo, fault):
    authority.issue("other.test")
    (authority.folder / "junk").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    fifo = authority.folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    good = texts.proxied(authority, namespaces[0], "broken.test", echo.address)
    gateway.tenant("broken", good)
    gateway.tenant("well", texts.plain(namespaces[1], 'return 200 "old";'))
    gateway.start()
    spoil, message = BROKEN[fault]
    assert spoil(good) != good
    gateway.tenant("broken", spoil(good))
    gateway.tenant("well", texts.plain(namespaces[1], 'return 200 "new";'))
    at = gateway.log_size()
    assert gateway.reload() == "reload done: 0 added, 1 changed, 0 removed, 1 refused"
    gateway.wait_log(message, since=at)
    context = authority.context()
    assert fetch(namespaces[0], texts.ADDRESS, context=context, name="broken.test").status == 200
    assert fetch(namespaces[1], PLAIN).body == b"new", "the others go on"
    gateway.tenant("broken", good)
    gateway.reload()
    assert fetch(namespaces[0], texts.ADDRESS, context=context, name="broken.test").status == 200


def test_a_broken_main_file_refuses_the_reload(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "old";'))
    gateway.start()
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "new";'))
    gateway.write_main("usr nobody;\n")
    at = gateway.log_size()
    assert gateway.reload().startswith("reload refused")
    gateway.wait_log(r'nsgate\.conf:1:1: .*"usr".*user', since=at)
    assert fetch(namespaces[0], PLAIN).body == b"old"
    gateway.write_main()
    assert gateway.reload().startswith("reload done: 0 added, 1 changed")
    assert fetch(namespaces[0], PLAIN).body == b"new"


def test_a_tenant_broken_at_the_start_is_added_once_mended(gateway, namespaces):
    gateway.tenant("good", texts.plain(namespaces[0], 'return 200 "good";'))
    gateway.tenant("bad", "netns; server { listen 1;")
    gateway.start()
    assert fetch(namespaces[0], PLAIN).body == b"good"
    gateway.tenant("bad", texts.plain(namespaces[1], 'return 200 "mended";'))
    assert gateway.reload() == "reload done: 1 added, 0 changed, 0 removed, 0 refused"
    assert fetch(namespaces[1], PLAIN).body == b"mended"


def test_an_expired_certificate_is_warned_about_and_never_replaces_a_valid_one(
        gateway, authority, namespaces, tmp_path):
    gateway.tenant("a", texts.tenant(namespaces[0], texts.tls_server(
        authority, "late.test", 'return 200 "x";')))
    gateway.start()
    serial = authority.serial("late.test")
    authority.issue("late.test")
    good = (authority.folder / "late.test.crt").read_bytes()
    # The same key, a certificate whose time is over.
    subprocess.run(["openssl", "req", "-new", "-key", authority.folder / "late.test.key", "-subj",
                    "/CN=late.test", "-out", tmp_path / "csr"], check=True, capture_output=True)
    (tmp_path / "index").touch()
    (tmp_path / "serial").write_text("4242\n")
    (tmp_path / "ca.cnf").write_text(f"""
[ca]
default_ca = here
[here]
database = {tmp_path}/index
serial = {tmp_path}/serial
new_certs_dir = {tmp_path}
default_md = sha256
policy = any
[any]
commonName = supplied
""")
    subprocess.run(["openssl", "ca", "-batch", "-config", tmp_path / "ca.cnf", "-cert",
                    authority.ca, "-keyfile", authority.folder / "ca.key", "-in", tmp_path / "csr",
                    "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-out",
                    tmp_path / "crt", "-notext"], check=True, capture_output=True)
    shutil.copy(tmp_path / "crt", authority.folder / "late.test.crt")
    at = gateway.log_size()
    gateway.reload()
    gateway.wait_log("expired", since=at)
    assert served_serial(authority, namespaces[0], "late.test") == serial
    (authority.folder / "late.test.crt").write_bytes(good)
    gateway.reload()
    assert served_serial(authority, namespaces[0], "late.test") == authority.serial("late.test")


def test_an_absent_namespace_is_waited_for(gateway, namespaces):
    from harness import netns
    late = netns.PREFIX + "late"
    gateway.tenant("late", texts.plain(late, 'return 200 "late";'))
    gateway.tenant("here", texts.plain(namespaces[0], 'return 200 "here";'))
    gateway.start()
    assert fetch(namespaces[0], PLAIN).body == b"here"
    gateway.wait_log("late.*wait|wait.*late")
    netns.make("late")

    def answers():
        try:
            return fetch(late, PLAIN).body == b"late"
        except OSError:
            return False

    wait_for(answers, 10, "the late namespace is served")
    netns.delete(late)


def test_a_port_that_is_taken_is_retried(gateway, namespaces):
    import socket
    from harness import netns

    taken = netns.within(namespaces[0], lambda: occupy(PLAIN))
    gateway.tenant("taken", texts.tenant(namespaces[0],
                                         'server { listen 127.0.0.1:8080; return 200 "a"; }',
                                         'server { listen 127.0.0.1:8081; return 200 "b"; }'))
    gateway.start()
    assert fetch(namespaces[0], ("127.0.0.1", 8081)).body == b"b"
    gateway.wait_log("127.0.0.1:8080.*in use")
    taken.close()

    def answers():
        try:
            return fetch(namespaces[0], PLAIN).body == b"a"
        except OSError:
            return False

    wait_for(answers, 10, "the port is bound")


def test_an_address_may_become_narrower(gateway, namespaces):
    """Workers still hold the old socket when the new one is bound: no error, and no wait."""
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "wide";', "8080"))
    gateway.start()
    for text, listen in (("narrow", "127.0.0.1:8080"), ("wide", "8080")):
        gateway.tenant("a", texts.plain(namespaces[0], f'return 200 "{text}";', listen))
        assert gateway.reload() == "reload done: 0 added, 1 changed, 0 removed, 0 refused"
        assert fetch(namespaces[0], PLAIN).body == text.encode()
    assert "cannot listen" not in gateway.log()


def test_a_namespace_made_anew_is_served_after_a_reload(gateway, namespaces):
    from harness import netns
    name = netns.make("anew")
    gateway.tenant("a", texts.plain(name, 'return 200 "x";'))
    gateway.start()
    assert fetch(name, PLAIN).body == b"x"
    netns.delete(name)
    assert netns.make("anew") == name
    gateway.reload()
    assert fetch(name, PLAIN).body == b"x"
    netns.delete(name)


def test_a_deleted_namespace_is_let_go_of_and_found_again(gateway, namespaces):
    from harness import netns
    name = netns.make("gone")
    gateway.tenant("a", texts.plain(name, 'return 200 "x";'))
    gateway.start()
    held = sum(gateway.descriptors(pid) for pid in gateway.processes())
    at = gateway.log_size()
    netns.delete(name)
    gateway.wait_log(f"waiting for network namespace {name}", 10, at)
    wait_for(lambda: sum(gateway.descriptors(pid) for pid in gateway.processes()) < held, 10,
             "the sockets are closed")
    netns.make("gone")

    def answers():
        try:
            return fetch(name, PLAIN).body == b"x"
        except OSError:
            return False

    wait_for(answers, 10, "served again without a reload")
    netns.delete(name)


def test_signals_during_a_reload_and_in_a_row(gateway, namespaces):
    gateway.tenant("a", texts.plain(namespaces[0], 'return 200 "0";'))
    gateway.start()
    for number in range(1, 6):
        gateway.tenant("a", texts.plain(namespaces[0], f'return 200 "{number}";'))
        os.kill(gateway.pid, signal.SIGHUP)
    wait_for(lambda: fetch(namespaces[0], PLAIN).body == b"5", what="the last version")


def test_defaults_reach_every_tenant(gateway, namespaces):
    gateway.extra = "defaults { add_header X-Platform one; }"
    gateway.write_main()
    for name, namespace in zip("ab", namespaces):
        gateway.tenant(name, texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    assert fetch(namespaces[0], PLAIN).headers["X-Platform"] == "one"
    gateway.extra = "defaults { add_header X-Platform two; }"
    gateway.write_main()
    assert gateway.reload() == "reload done: 0 added, 2 changed, 0 removed, 0 refused"
    for namespace in namespaces[:2]:
        assert fetch(namespace, PLAIN).headers["X-Platform"] == "two"


def test_a_resolver_leaves_without_a_word(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, "return 200 a;"))
    gateway.start()
    gateway.tenant("a", texts.plain(namespace, "return 200 b;"))
    gateway.reload()
    wait_for(lambda: not any(gateway.role(pid) == "resolver" for pid in gateway.children()),
             what="the resolver's end")
    assert "the supervisor is gone" not in gateway.log()


@pytest.mark.alone
@pytest.mark.parametrize("where", ["host", "shared namespace", "namespaces"])
def test_addresses_are_exchanged(gateway, namespaces, where):
    """Two swap, three move in a circle: as in nginx, whoever comes first in the order of files."""
    names = ["a", "b", "c"]
    spaces = ["host"] * 3 if where == "host" else [namespaces[0]] * 3
    listens = [f"127.0.0.1:{free_port()}" for _ in names]
    if where == "shared namespace":
        gateway.settings["netns_shared"] = "on"
        gateway.write_main()
    elif where == "namespaces":
        spaces, listens = list(namespaces[:3]), ["127.0.0.1:8080"] * 3

    def write(name, place, listen=None, text=None):
        gateway.tenant(name, texts.plain(spaces[place], f'return 200 "{text or name}";',
                                         listen or listens[place]))

    def at(place, listen=None):
        host, port = (listen or listens[place]).replace("*", "127.0.0.1").split(":")
        return fetch(None if spaces[place] == "host" else spaces[place],
                     (host, int(port))).body.decode()

    def reload(order, **changes):
        for name, place in order.items():
            write(name, place, **changes)
        since = gateway.log_size()
        result = gateway.ask("reload")
        assert result.returncode == 0, result
        assert f"0 added, {len(order)} changed, 0 removed, 0 refused" in result.stdout
        assert {place: at(place) for place in order.values()} == \
            {place: name for name, place in order.items()}
        assert not re.search("cannot listen|lives there|waiting for", gateway.log(since))

    for number, name in enumerate(names):
        write(name, number)
    gateway.start()
    reload({"a": 1, "b": 0})
    reload({"a": 0, "b": 1})
    reload({"a": 1, "b": 2, "c": 0})
    reload({"a": 2, "b": 0, "c": 1})
    if where == "namespaces":
        return
    # One of a circle is broken: who waits for its address is refused too, and nothing is lost.
    write("a", 0)
    write("b", 1)
    gateway.tenant("c", "nonsense;")
    result = gateway.ask("reload")
    kept = {0: "b", 1: "c", 2: "a"}
    if where == "host":
        assert result.stdout.endswith("0 added, 0 changed, 0 removed, 3 refused\n"), result
        assert {place: at(place) for place in kept} == kept
    write("c", 2)
    gateway.ask("reload")

    def is_closed():
        try:
            return [at(place) for place in range(3)] == names
        except OSError:
            return False

    wait_for(is_closed, 10, "the circle is closed")
    # A wildcard is given up for an address, and an address for a wildcard.
    port = listens[0].split(":")[1]
    for listen in (f"*:{port}", f"127.0.0.1:{port}"):
        write("a", 0, listen)
        assert gateway.ask("reload").returncode == 0
        write("a", 1)
        write("b", 0, listen)
        assert gateway.ask("reload").returncode == 0
        assert (at(1), at(0)) == ("a", "b")
        other = f"127.0.0.1:{port}" if "*" in listen else f"*:{port}"
        write("a", 0, other)
        write("b", 1)
        result = gateway.ask("reload")
        assert result.returncode == 0, result
        assert (at(0), at(1)) == ("a", "b")
