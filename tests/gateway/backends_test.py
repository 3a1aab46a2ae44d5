# SPDX-License-Identifier: MIT
"""Backends that misbehave (row B1), clients that vanish (row B2), and upstreams of several."""

import http.client
import socket
import time

import pytest

from harness import netns, texts
from harness.backend import EchoServer, free_port, read_head
from harness.client import Connection, fetch, raw
from harness.gateway import wait_for
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SHORT = "proxy_connect_timeout 1s; proxy_read_timeout 1s; proxy_send_timeout 1s;"  # for who hangs


@pytest.fixture
def behind(gateway, namespace, scripted):
    """behind(script): a gateway whose only backend does what the script does."""

    def start(script, settings=""):
        server = scripted(script)
        gateway.tenant("a", texts.plain(
            namespace, f"{settings} location / {{ proxy_pass http://{server.address}; }}"))
        gateway.start()
        return server

    return start


def says(data, then=None):
    """A script that reads a head, says data, and does `then` with the connection."""
    def script(connection, _):
        read_head(connection)
        connection.sendall(data)
        if then:
            then(connection)
    return script


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


BEFORE_THE_RESPONSE = {
    "closes without a word": (says(b""), 502),
    "resets": (says(b"", reset), 502),
    "garbage": (says(b"\x00\x01garbage\r\n\r\n"), 502),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), 502),
    "half a head": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), 502),
    "1 MiB of headers": (says(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 1000 + b"\r\n"
                              + (b"X: " + b"x" * 1000 + b"\r\n") * 1024), 502),
    "CL with TE": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
                        b"\r\n\r\n0\r\n\r\n"), 502),
    "two lengths": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), 502),
    "obs-fold": (says(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), 502),
    "101 that nobody asked for": (says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n"
                                       b"Connection: upgrade\r\n\r\n"), 502),
    "hangs": (says(b"", lambda connection: time.sleep(60)), 504),
}


@pytest.mark.parametrize("fault", BEFORE_THE_RESPONSE)
def test_faults_before_the_response(behind, gateway, namespace, fault):
    script, status = BEFORE_THE_RESPONSE[fault]
    behind(script, SHORT if fault == "hangs" else "")
    watch = Watch()
    response = fetch(namespace, PLAIN)
    assert response.status == status
    assert watch.seconds() < 4
    assert b"127.0.0.1" not in response.body, "never internals"
    gateway.wait_log(rf"\[(error|warn)\].*{status}")


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc",
    "last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX3\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("end", ["close", "reset", "hang"])
@pytest.mark.parametrize("fault", CUT)
def test_a_cut_body_is_visible_to_the_client(behind, namespace, fault, end):
    then = {"close": None, "reset": reset, "hang": lambda connection: time.sleep(60)}[end]
    behind(says(CUT[fault], then), SHORT if end == "hang" else "")
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        fetch(namespace, PLAIN)


def test_nobody_listens(gateway, namespace):
    gateway.tenant("a", texts.plain(
        namespace, f"location / {{ proxy_pass http://127.0.0.1:{free_port()}; }}"))
    gateway.start()
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 connect: .*111: Connection refused")


def test_a_response_until_close(behind, namespace):
    behind(says(b"HTTP/1.1 200 OK\r\n\r\nabc"))
    assert fetch(namespace, PLAIN).body == b"abc"


def test_an_early_refusal_while_the_body_is_on_its_way(behind, namespace):
    behind(says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"),
           "client_max_body_size 0;")
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    response = http.client.HTTPResponse(sock)
    response.begin()
    assert response.status == 413 and response.read() == b"big"
    sock.close()


def test_a_byte_at_a_time_within_the_timeout(behind, namespace):
    def script(connection, _):
        read_head(connection)
        for byte in OK:
            connection.sendall(bytes([byte]))
            time.sleep(0.06)

    behind(script, "proxy_read_timeout 2s;")
    assert fetch(namespace, PLAIN).body == b"ok"


def test_interim_responses_pass(behind, namespace):
    behind(says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK))
    answer = raw(namespace, PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 103 Early Hints\r\n") and b"Link: </a>" in answer
    assert b"HTTP/1.1 200" in answer


def test_expect_goes_end_to_end(behind, namespace):
    order = []

    def script(connection, _):
        head, rest = read_head(connection)
        order.append((b"expect: 100-continue" in head.lower(), rest))
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        order.append(connection.recv(100))
        connection.sendall(OK)

    behind(script)
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert sock.recv(100).startswith(b"HTTP/1.1 100")
    sock.sendall(b"body")
    assert b"200 OK" in sock.recv(1000)
    assert order == [(True, b""), b"body"]
    sock.close()


@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_client_that_vanishes_frees_the_backend(behind, namespace, kind):
    gone = []

    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            gone.append(time.monotonic())

    behind(script, "proxy_read_timeout 60s; proxy_send_timeout 60s;")
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in range(10):
        sock.recv(65536)
    if kind == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    wait_for(lambda: gone, 10, "the backend's connection is closed")


def test_a_client_that_vanishes_mid_upload_frees_the_backend(behind, namespace):
    gone = []

    def script(connection, _):
        read_head(connection)
        while connection.recv(65536):
            pass
        gone.append(True)

    server = behind(script, "client_max_body_size 0;")
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 10000)
    wait_for(lambda: server.accepted, what="the request is with the backend")
    sock.close()
    wait_for(lambda: gone, 10, "the backend's connection is closed")


def test_weights_and_backup(gateway, namespace):
    servers = [EchoServer(name) for name in ("heavy", "light", "spare")]
    try:
        heavy, light, spare = (server.address for server in servers)
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.tenant("a", f"""netns {namespace};
            upstream app {{ server {heavy} weight=3; server {light}; server {spare} backup; }}
            server {{ listen 127.0.0.1:8080; location / {{ proxy_pass http://app; }} }}""")
        gateway.start()
        connection = Connection(namespace, PLAIN)
        seen = [connection.ask().headers["X-Backend"] for _ in range(8)]
        assert seen.count("heavy") == 6 and seen.count("light") == 2 and "spare" not in seen
        connection.close()
        for server in servers[:2]:
            server.close()
        for _ in range(5):
            assert fetch(namespace, PLAIN).headers["X-Backend"] == "spare"
    finally:
        servers[2].close()


def test_the_next_server_is_tried_and_a_failed_one_is_left_alone(gateway, namespace, echo, scripted):
    dead = scripted(lambda connection, _: reset(connection))
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", f"""netns {namespace};
        upstream app {{ server {dead.address} max_fails=2 fail_timeout=60s; server {echo.address}; }}
        server {{ listen 127.0.0.1:8080; location / {{ proxy_pass http://app; }} }}""")
    gateway.start()
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    assert dead.accepted == 2, "after max_fails it is not asked for fail_timeout"


def test_what_is_not_idempotent_is_not_sent_twice(gateway, namespace, scripted):
    got = []

    def script(connection, _):
        head, _ = read_head(connection)
        got.append(head.split(b" ")[0])

    first, second = scripted(script), scripted(script)
    gateway.tenant("a", f"""netns {namespace};
        upstream app {{ server {first.address} max_fails=0; server {second.address} max_fails=0; }}
        server {{ listen 127.0.0.1:8080; location / {{ proxy_pass http://app; }} }}""")
    gateway.start()
    assert fetch(namespace, PLAIN, method="POST", body=b"x").status == 502
    assert got == [b"POST"]
    assert fetch(namespace, PLAIN).status == 502
    assert got == [b"POST", b"GET", b"GET"]


def test_a_kept_connection_that_died_is_replaced(gateway, namespace, scripted):
    def script(connection, _):
        read_head(connection)
        connection.sendall(OK)
        read_head(connection)  # takes the second request, and hangs up instead of answering

    server = scripted(script)
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    for _ in range(5):
        assert fetch(namespace, PLAIN).body == b"ok"
    assert server.accepted >= 3


def test_backend_connections_are_kept(gateway, namespace, scripted):
    def script(connection, _):
        while True:
            read_head(connection)
            connection.sendall(OK)

    server = scripted(script)
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


def test_half_close_gets_its_answer(behind, namespace):
    def script(connection, _):
        read_head(connection)
        time.sleep(0.3)
        connection.sendall(OK)

    behind(script)
    answer = raw(namespace, PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 half_close=True)
    assert answer.endswith(b"ok")


def test_tunnel_half_closes_each_way(behind, namespace):
    def script(connection, _):
        _, rest = read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: tcp\r\nConnection: upgrade\r\n\r\n")
        got = rest
        while part := connection.recv(65536):
            got += part
        connection.sendall(b"got %d bytes" % len(got))

    behind(script)
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1000)
    assert head.startswith(b"HTTP/1.1 101") and b"Upgrade: tcp" in head
    sock.sendall(b"z" * 100000)
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while part := sock.recv(1000):
        answer += part
    assert answer == b"got 100000 bytes"
    sock.close()
