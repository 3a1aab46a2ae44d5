# SPDX-License-Identifier: MIT
"""The wall clock jumps by a day (row E4): timeouts, connections and requests do not notice."""

import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest

from harness import netns, texts
from harness.backend import EchoServer, free_port, read_head
from harness.certs import peer_serial
from harness.client import Connection, fetch
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.watch import Watch

HERE = pathlib.Path(__file__).parent
DAY = 86400
PLAIN = ("127.0.0.1", 8080)


@pytest.fixture
def clock(tmp_path, reachable):
    """clock(seconds) shifts the wall clock of all processes that were started with clock.env."""
    library = pathlib.Path(reachable) / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, HERE / "harness" / "clock.c"],
                   check=True)
    file = pathlib.Path(reachable) / "shift"
    file.write_bytes(bytes(8))

    def shift(seconds):
        with open(file, "r+b") as opened:
            opened.write(struct.pack("q", seconds))

    shift.env = {"LD_PRELOAD": str(library), "NSGATE_CLOCK": str(file),
                 "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:verify_asan_link_order=0"}
    return shift


def slow(connection, _):
    read_head(connection)
    time.sleep(1)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")


def wall(namespace):
    """What the clock of a worker says."""
    return float(fetch(namespace, PLAIN, "/now").body)


def until_end(sock, watch):
    """The watch, stopped when the gateway ends the connection, and what it said before."""
    sock.settimeout(60)
    said = b""
    while part := sock.recv(4096):
        said += part
    return watch.stop(), said


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_connections_and_timeouts_do_not_notice(gateway, authority, namespaces, echo, scripted,
                                                clock, jump):
    backend = scripted(slow)
    for number, namespace in enumerate(namespaces[:2]):
        gateway.tenant(f"t{number}", texts.proxied(authority, namespace, f"t{number}.test",
                                                   echo.address))
    namespace = namespaces[2]
    gateway.tenant("a", texts.plain(namespace, f"""location / {{ return 200 "x"; }}
        location = /now {{ return 200 "$msec"; }}
        location = /slow {{ proxy_pass http://{backend.address}; proxy_read_timeout 4s; }}""",
        settings="keepalive_timeout 2s; client_header_timeout 2s;"))
    gateway.start(env=clock.env)
    targets = [(space, texts.ADDRESS, f"t{number}.test")
               for number, space in enumerate(namespaces[:2])]
    ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with Load(targets, authority.context(), threads=4) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        idle, head, waiting = (netns.connect(namespace, PLAIN, 15) for _ in range(3))
        idle.sendall(ask)
        assert idle.recv(4096).endswith(b"x")
        waiting.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: backend.accepted, what="the slow request is with its backend")
        since_head = Watch()
        head.sendall(ask[:-8])
        clock(jump)
        wait_for(lambda: abs(wall(namespace) - time.time() - jump) < 60, what="the clock's jump")
        idle.sendall(ask)
        since_last = Watch()
        assert idle.recv(4096).endswith(b"x"), "a connection that was kept is kept"
        assert waiting.recv(4096).endswith(b"slow"), "what takes its time may"
        until_end(idle, since_last)
        _, said = until_end(head, since_head)
        assert said.startswith(b"HTTP/1.1 408")
        for timeout in (since_last, since_head):
            assert 1.5 < timeout.wall() and (timeout.seconds() < 4 or is_sanitized())
        waiting.close()
    assert not load.failures, load.failures[:5]
    time.sleep(0.5)
    before = sum(gateway.cpu_seconds(pid) for pid in gateway.processes())
    time.sleep(1)
    used = sum(gateway.cpu_seconds(pid) for pid in gateway.processes()) - before
    assert used < 0.1 or is_sanitized(), f"{used} s of CPU in an idle second"


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_failed_backend_is_tried_again_in_time(gateway, namespace, clock, jump):
    port = free_port()
    gateway.tenant("a", texts.plain(namespace, "location / { proxy_pass http://app; }", settings=f"""
        upstream app {{ server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;
                        server 127.0.0.1:{port} down; }}"""))
    gateway.settings["worker_processes"] = 1
    gateway.write_main()
    gateway.start(env=clock.env)
    assert fetch(namespace, PLAIN).status == 502
    clock(jump)
    server = EchoServer(port=port)
    try:
        watch = Watch()
        wait_for(lambda: fetch(namespace, PLAIN).status == 200, 10, "the backend is used again")
        assert 1 < watch.wall() and watch.seconds() < 4 or is_sanitized(), "fail_timeout"
    finally:
        server.close()


def test_certificates_and_workers_after_the_jump(gateway, authority, namespace, clock):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(authority, "jump.test",
                                                                 'return 200 "x";')))
    gateway.start(env=clock.env)
    clock(DAY)
    authority.issue("jump.test")
    at = gateway.log_size()
    assert gateway.reload() == "reload done: 0 added, 1 changed, 0 removed, 0 refused"
    victim = gateway.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in gateway.workers() and len(gateway.workers()) == 2, 10,
             "a new worker")
    connection = Connection(namespace, texts.ADDRESS, authority.context(), "jump.test")
    assert connection.ask().body == b"x"
    assert peer_serial(connection.sock) == authority.serial("jump.test")
    connection.close()
    assert gateway.reload() == "reload done: 0 added, 0 changed, 0 removed, 0 refused"
    assert not [line for line in gateway.log(at).splitlines() if "[warn]" in line]
