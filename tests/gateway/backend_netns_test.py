# SPDX-License-Identifier: MIT
"""Servers of an upstream in network namespaces: reached there and nowhere else, left when the
namespace goes, found again when it is back."""

import contextlib
import os
import signal
import socket
import subprocess
import threading

import pytest

from harness import netns
from harness.backend import Scripted, read_head
from harness.cable import Cable
from harness.client import Connection, fetch
from harness.engine import Engine, runs
from harness.gateway import is_sanitized, wait_for
from harness.h2_backend import Server
from harness.load import Load
from harness.texts import plain
from harness.watch import Watch

pytestmark = pytest.mark.alone

FRONT = ("127.0.0.1", 8080)
BACK = ("10.99.0.5", 80)
SERVER = "10.99.0.5:80"


def make(name):
    """A namespace with the address that all of these tests' servers have."""
    return furnish(netns.make(name))


def make_again(full):
    return furnish(netns.make_again(full))


def furnish(full):
    netns.run("ip", "-n", full, "address", "add", f"{BACK[0]}/32", "dev", "lo")
    netns.run("ip", "-n", full, "address", "add", "fd99::5/128", "dev", "lo", "nodad")
    return full


def bound(full, address=BACK):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = netns.within(full, lambda: socket.socket(family))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    return listener


def saying(name):
    """A script that answers everything with the name."""
    def script(connection, _):
        while True:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(name), name.encode()))
    return script


class Backend(Scripted):
    """A server at BACK inside a namespace that answers everything with its name."""

    def __init__(self, full, name, script=None, address=BACK):
        super().__init__(script or saying(name), listener=bound(full, address))

    def close(self):
        """Nothing of it stays in the namespace, not even a connection in its last throes."""
        connections = list(self.open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      b"\1\0\0\0\0\0\0\0")
        super().close()
        self.thread.join(10)
        wait_for(lambda: not self.open, 10, "the end of a backend's connections")


@pytest.fixture
def made():
    """Namespaces and backends of a test, which go at its end."""
    with contextlib.ExitStack() as stack:
        yield stack


def place(made, name):
    full = make(name)
    made.callback(netns.delete, full)
    return full


def serve(made, full, name, script=None, address=BACK):
    backend = Backend(full, name, script, address)
    made.callback(close_quietly, backend)
    return backend


def close_quietly(backend):
    with contextlib.suppress(OSError):
        backend.close()


def upstream(*servers, settings="", location="", netns_name=None, port=8080):
    lines = "\n".join(f"server {server};" for server in servers)
    body = f"location / {{ proxy_pass http://app; {location} }}"
    return plain(netns_name, body, f"127.0.0.1:{port}", f"{settings}\nupstream app {{ {lines} }}")


def answer_of(namespace=None, address=FRONT):
    response = fetch(namespace, address)
    return response.body.decode() if response.status == 200 else response.status


def end_of(full, probe):
    """Whether the kernel has freed the namespace that `probe`, one end of a veth pair, led to."""
    return netns.run("ip", "link", "show", probe, check=False).returncode != 0


def add_probe(full):
    """A veth pair whose host's end goes with the namespace."""
    name = f"nsg{os.getpid() % 100000}p"
    netns.run("ip", "link", "add", name, "type", "veth", "peer", "name", "probe", "netns", full)
    return name


# ---- reached where they are ----


def test_two_tenants_with_the_same_server_address(gateway, made, namespaces):
    """Neither crosses over, whichever the connection, and the host's side is never asked."""
    blue, red = place(made, "blue"), place(made, "red")
    serve(made, blue, "blue")
    serve(made, red, "red")
    for tenant, full in zip(namespaces, (blue, red)):
        gateway.tenant(tenant, upstream(f"{SERVER} netns={full}", netns_name=tenant))
    gateway.tenant("host", upstream("127.0.0.1:1", settings="proxy_connect_timeout 1s;"))
    gateway.start()
    targets = [(namespaces[0], FRONT, "x"), (namespaces[1], FRONT, "x")]
    for _ in range(20):
        assert [answer_of(*target[:2]) for target in targets] == ["blue", "red"]
    with Load(targets, seconds=60) as load:
        wait_for(lambda: load.done > 300, 30, "load")
    assert not load.failures, load.failures[:5]
    assert answer_of() == 502


def test_a_path_ipv6_and_a_process(gateway, made):
    full = place(made, "forms")
    serve(made, full, "six", address=("fd99::5", 80))
    serve(made, full, "four")
    gateway.tenant("six", upstream(f"[fd99::5]:80 netns=/run/netns/{full}", port=8080))
    process = subprocess.Popen(["ip", "netns", "exec", full, "sleep", "600"])
    made.callback(process.wait)
    made.callback(process.kill)
    wait_for(lambda: os.path.samefile(f"/proc/{process.pid}/ns/net", f"/run/netns/{full}"), 10)
    gateway.tenant("pid", upstream(f"{SERVER} netns=pid:{process.pid}", port=8081))
    gateway.start()
    assert answer_of(None, ("127.0.0.1", 8080)) == "six"
    assert answer_of(None, ("127.0.0.1", 8081)) == "four"


def test_connections_are_kept_and_sockets_are_few(gateway, made):
    full = place(made, "few")
    backend = serve(made, full, "few")
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.start()
    client = Connection(None, FRONT)
    before = gateway.descriptors(gateway.workers()[0])
    for _ in range(50):
        assert client.ask().body == b"few"
    assert backend.accepted == 1
    assert gateway.descriptors(gateway.workers()[0]) <= before + 2 + 8 + 1
    client.close()


def test_without_keepalive_every_request_has_its_own_socket(gateway, made):
    full = place(made, "each")
    backend = serve(made, full, "each")
    gateway.tenant("a", plain(None, "location / { proxy_pass http://app; }", "127.0.0.1:8080",
                              f"upstream app {{ server {SERVER} netns={full}; keepalive 0; }}"))
    gateway.start()
    held = [gateway.descriptors(pid) for pid in gateway.processes()]
    threads = [threading.Thread(target=lambda: [answer_of() for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backend.accepted == 100
    assert "error" not in gateway.log()
    wait_for(lambda: all(gateway.descriptors(pid) <= few + 12
                         for pid, few in zip(gateway.processes(), held)), 10, "descriptors")


def test_http2(gateway, made):
    """Many streams over one connection there; and when the namespace goes it is left."""
    full = make("h2")
    made.callback(netns.delete, full)
    server = Server(listener=bound(full))
    made.callback(close_quietly, server)
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", upstream(f"{SERVER} netns={full}", location="proxy_http_version 2;"))
    gateway.start()
    client = Connection(None, FRONT)
    for _ in range(20):
        assert client.ask().status == 200
    assert server.accepted == 1
    netns.delete(full)
    wait_for(lambda: not server.open, 10, "the end of the connection")
    assert client.ask().status == 502
    client.close()


# ---- not there ----


def test_absent_another_server_takes_over(gateway, made):
    full = netns.PREFIX + "absent"
    host = Scripted(saying("host"))
    made.callback(host.close)
    gateway.tenant("a", upstream(f"{SERVER} netns={full}", f"{host.address} backup"))
    gateway.tenant("b", upstream(f"{SERVER} netns={full}", port=8081))
    gateway.start()
    assert answer_of() == "host"
    watch = Watch()
    assert answer_of(None, ("127.0.0.1", 8081)) == 502
    assert watch.seconds() < 2
    gateway.wait_log(f"no sockets for servers in network namespace {full}: does not exist")
    made.callback(netns.delete, make_again(full))
    serve(made, full, "there")
    wait_for(lambda: answer_of(None, ("127.0.0.1", 8081)) == "there", 10, "the namespace")


def test_what_is_no_namespace_is_refused(gateway, made, tmp_path):
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "fifo")
    reasons = {
        tmp_path / "file": "is a regular file", tmp_path / "fifo": "is a FIFO",
        "/proc/self/ns/mnt": "not a network namespace",
        f"/proc/{os.getpid()}/ns/net": "is the host's own network namespace",
        f"pid:{os.getpid()}": "is the host's own network namespace"}
    for number, path in enumerate(reasons):
        gateway.tenant(f"t{number}", upstream(f"{SERVER} netns={path}", port=8080 + number))
    gateway.start()
    for number, (path, reason) in enumerate(reasons.items()):
        assert answer_of(None, ("127.0.0.1", 8080 + number)) == 502
        gateway.wait_log(f"tenant t{number}: no sockets .*{path}: .*{reason}")


# ---- coming and going ----


def test_deleted_it_is_left_and_freed_then_found_again(gateway, made):
    """Idle connections and unused sockets go at once; the kernel frees the namespace; under a
    load on a neighbour that hears nothing of it."""
    other = place(made, "other")
    serve(made, other, "other")
    full = make("gone")
    made.callback(netns.delete, full)
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.tenant("b", upstream(f"{SERVER} netns={other}", port=8081))
    gateway.start()
    with Load([(None, ("127.0.0.1", 8081), "x")], seconds=100) as load:
        for turn in range(3):
            backend = Backend(full, f"turn {turn}")
            wait_for(lambda: answer_of() == f"turn {turn}", 10, "the new namespace")
            probe = add_probe(full)
            backend.close()
            answer_of()
            netns.delete(full)
            watch = Watch()
            wait_for(lambda: end_of(full, probe), 10, "the kernel frees it")
            assert watch.seconds() < (6 if is_sanitized() else 3)
            make_again(full)
    assert not load.failures, load.failures[:5]


def test_a_busy_connection_is_cut_so_that_it_is_freed(gateway, made):
    """A server that never ends its answer, of which nobody but we and it hold the namespace."""
    full = make("busy")
    made.callback(netns.delete, full)
    hold = threading.Event()

    def endless(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome")
        hold.wait(30)

    serve(made, full, "busy", endless)
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.start()
    client = netns.connect(None, FRONT)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: b"some" in client.recv(4096, socket.MSG_PEEK), 10)
    netns.delete(full)
    watch = Watch()
    client.settimeout(netns.PATIENCE)
    with contextlib.suppress(ConnectionResetError):
        while client.recv(4096):
            pass
    watch.stop()
    hold.set()
    client.close()
    assert 0.5 < watch.wall() and watch.seconds() < (8 if is_sanitized() else 3)


def test_a_tls_handshake_does_not_keep_it(gateway, made):
    """A server that is silent in its handshake, and then acknowledges nothing either."""
    full = make("handshake")
    made.callback(netns.delete, full)
    cable = Cable(full, 9)
    made.callback(cable.remove)
    hold = threading.Event()
    address = ("169.254.77.37", 443)
    server = Scripted(lambda *_: hold.wait(60), listener=socket.create_server(address))
    made.callback(close_quietly, server)
    made.callback(hold.set)
    gateway.tenant("a", plain(None, "location / { proxy_pass https://app; proxy_ssl_verify off; }",
                              "127.0.0.1:8080",
                              f"upstream app {{ server {address[0]}:443 netns={full}; }}"))
    gateway.start()
    with netns.connect(None, FRONT) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.accepted == 1, 10, "the connection to the server")
        netns.run("ip", "link", "set", cable.link, "down")
        netns.delete(full)
        wait_for(lambda: not cable.is_there(), 10, "the kernel frees it")


def test_swapped_under_its_name(gateway, made):
    """The name leads to another namespace: no request goes to the old one after a second."""
    first, second = place(made, "first"), place(made, "second")
    serve(made, first, "first")
    serve(made, second, "second")
    link = gateway.folder / "place"
    link.symlink_to(f"/run/netns/{first}")
    gateway.tenant("a", upstream(f"{SERVER} netns={link}"))
    gateway.start()
    assert answer_of() == "first"
    fresh = gateway.folder / "fresh"
    fresh.symlink_to(f"/run/netns/{second}")
    fresh.rename(link)
    wait_for(lambda: answer_of() == "second", 10, "the other namespace")
    for _ in range(20):
        assert answer_of() == "second"


# ---- reloads, workers ----


def test_reloads_keep_what_did_not_change(gateway, made):
    full, other = place(made, "kept"), place(made, "next")
    backend = serve(made, full, "kept")
    serve(made, other, "next")
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.start()
    client = Connection(None, FRONT)
    assert client.ask().body == b"kept"
    gateway.tenant("a", upstream(f"{SERVER} netns={full}", settings="send_timeout 61s;"))
    gateway.reload()
    assert client.ask().body == b"kept"
    assert backend.accepted == 1
    with Load([(None, FRONT, "x")], seconds=60) as load:
        for target in (other, full, other):
            gateway.tenant("a", upstream(f"{SERVER} netns={target}"))
            gateway.reload()
            assert answer_of() == ("kept" if target == full else "next")
    assert not load.failures, load.failures[:5]
    client.close()


def test_a_worker_that_hands_a_tenant_over_serves_it_once_more(gateway, made):
    """Its idle clients' last requests need sockets too, more than it has in stock."""
    full = place(made, "handover")
    serve(made, full, "handover")
    gateway.settings["worker_processes"] = "2"
    gateway.settings["workers_per_tenant"] = "2"
    gateway.write_main()
    gateway.tenant("a", plain(None, "location / { proxy_pass http://app; }", "127.0.0.1:8080",
                              f"upstream app {{ server {SERVER} netns={full}; keepalive 0; }}"))
    gateway.start()
    clients = [Connection(None, FRONT) for _ in range(60)]
    assert [client.ask().status for client in clients] == [200] * 60
    gateway.settings["workers_per_tenant"] = "1"
    gateway.write_main()
    gateway.reload()
    assert [client.ask().status for client in clients] == [200] * 60


def test_requests_of_a_removed_tenant_are_served(gateway, made):
    """Also where they need another connection, since the first server fails them late."""
    full = place(made, "removed")
    fails = threading.Event()
    first = serve(made, full, "first", lambda *_: fails.wait(30), address=(BACK[0], 81))
    serve(made, full, "second")
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", upstream(f"{BACK[0]}:81 netns={full}", f"{SERVER} netns={full} backup"))
    gateway.start()
    clients = [netns.connect(None, FRONT) for _ in range(20)]
    for client in clients:
        client.settimeout(10)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: first.accepted == 20, 10, "all requests")
    (gateway.folder / "tenants" / "a.conf").unlink()
    gateway.reload_whatever()
    fails.set()
    assert [client.recv(4096)[:12] for client in clients] == [b"HTTP/1.1 200"] * 20


def test_the_resolver_goes_with_the_last_container(gateway, tmp_path):
    """As soon as nothing there can run any more."""
    engine = Engine(tmp_path / "engine.sock")
    engine.answers["web"] = runs(0)
    gateway.settings["container_socket"] = str(tmp_path / "engine.sock")
    gateway.settings["worker_shutdown_timeout"] = "1s"
    gateway.write_main()
    gateway.tenant("a", upstream("10.0.0.1:80 netns=container:web"))
    gateway.start()
    wait_for(lambda: engine.asked, 10, "the engine is asked")
    gateway.tenant("a", upstream("127.0.0.1:1"))
    gateway.reload()
    try:
        wait_for(lambda: not engine.streams, 10, "the connection to the engine ends")
    finally:
        engine.close()


def test_new_workers_ask_for_their_own(gateway, made):
    full = place(made, "workers")
    serve(made, full, "workers")
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.start()
    with Load([(None, FRONT, "x")], seconds=60) as load:
        gateway.settings["worker_processes"] = "3"
        gateway.write_main()
        gateway.reload()
        wait_for(lambda: load.done > 100, 30)
    assert not load.failures, load.failures[:5]


def test_an_upgrade_keeps_them(gateway, made):
    full = make("upgrade")
    made.callback(netns.delete, full)
    backend = Backend(full, "upgrade")
    made.callback(close_quietly, backend)
    gateway.tenant("a", upstream(f"{SERVER} netns={full}"))
    gateway.start()
    with Load([(None, FRONT, "x")], seconds=60) as load:
        wait_for(lambda: load.done > 30, 30)
        at = gateway.log_size()
        os.kill(gateway.pid, signal.SIGUSR2)
        gateway.wait_log("upgrade done", 30, at)
        done = load.done
        wait_for(lambda: load.done > done + 50, 30)
    assert not load.failures, load.failures[:5]
    backend.close()
    probe = add_probe(full)
    netns.delete(full)
    wait_for(lambda: end_of(full, probe), 10, "the kernel frees it")


# ---- local ports ----


def holding(name, released):
    """As saying, but what is asked for /held waits."""
    def script(connection, _):
        while True:
            head, _ = read_head(connection)
            if b" /held " in head:
                released.wait(20)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(name), name.encode()))
    return script


@pytest.mark.parametrize("spare", [False, True], ids=["alone", "another"])
def test_ports_that_are_used_up_are_no_failure_of_the_server(gateway, namespace, spare):
    full, released, held = make("ports"), threading.Event(), []
    netns.run("ip", "netns", "exec", full, "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40001")
    servers = [Backend(full, "first", holding("first", released)),
               Backend(full, "second", address=(BACK[0], 81))]
    other = f"server {BACK[0]}:81 netns={full} backup;" if spare else ""
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", plain(namespace, "location / { proxy_pass http://app; }", settings=f"""
        upstream app {{ server {SERVER} netns={full} max_fails=1 fail_timeout=60s; {other} }}"""))
    gateway.start()
    try:
        for _ in range(2):
            held.append(netns.connect(namespace, FRONT, 20))
            held[-1].sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: servers[0].accepted == 2, 10, "all ports are used")
        answer = fetch(namespace, FRONT)
        assert (answer.status, answer.body) == (200, b"second") if spare else answer.status == 503
        gateway.wait_log(r"503 shortage: .*99: Cannot assign requested address")
        released.set()
        assert all(b"200 OK" in one.recv(1000) for one in held)
        for _ in range(3):
            assert fetch(namespace, FRONT).body == b"first", "it is not left out"
    finally:
        released.set()
        for one in held:
            one.close()
        gateway.stop()
        for server in servers:
            server.close()
        netns.delete(full)
