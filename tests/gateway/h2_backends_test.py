# SPDX-License-Identifier: MIT
"""Backends that speak HTTP/2 (proxy_http_version 2), asked by clients of HTTP/1.1: messages, kept
connections, what goes wrong."""

import http.client
import json
import os
import re
import socket
import threading
import time

import h2.events
import h2.settings
import pytest

from harness import calls, netns, texts
from harness.backend import Scripted
from harness.client import Connection, fetch, fetch_at_once, raw
from harness.gateway import wait_for
from harness.h2_backend import Server, echo, nghttpd, nginx
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
LARGE = 64 << 20
SIZES = [0, 1, 1 << 20, LARGE]
LIMITS = "proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;"
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for size in SIZES:
        with open(folder / str(size), "wb") as file:
            file.write(b"0123456789abcdef" * (size // 16) + b"0123456789abcdef"[:size % 16])
    return folder


def pattern(size):
    return b"0123456789abcdef" * (size // 16) + b"0123456789abcdef"[:size % 16]


# ---- real servers ----


@pytest.mark.parametrize("program", ["nghttpd", "nginx"])
def test_get_and_head_of_all_sizes(behind_h2, files, tmp_path, namespace, program):
    if program == "nghttpd":
        behind_h2(nghttpd(files))
    else:
        os.chmod(files, 0o755)
        behind_h2(nginx(tmp_path, f"root {files};"))
    connection = Connection(namespace, PLAIN, timeout=60)
    for size in SIZES:
        response = connection.ask(f"/{size}")
        assert response.status == 200 and response.body == pattern(size)
        response = connection.ask(f"/{size}", method="HEAD")
        assert response.status == 200 and response.body == b""
        if program == "nginx":
            assert response.headers["Content-Length"] == str(size)
    assert connection.ask("/absent").status == 404
    connection.close()


def test_post_of_all_sizes_both_ways(behind_h2, files, namespace):
    behind_h2(nghttpd(files, "--echo-upload"))
    for size in SIZES:
        body = pattern(size)
        response = fetch(namespace, PLAIN, "/", method="POST", body=body)
        assert response.status == 200
        assert response.body == body, f"{size}: {len(response.body)}"


def test_trailers_reach_the_client(behind_h2, files, namespace):
    behind_h2(nghttpd(files, "--trailer", "x-sum: 17"))
    answer = raw(namespace, PLAIN, b"GET /1 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n"
                                   b"Connection: close, TE\r\n\r\n")
    if b"chunked" in answer:
        assert answer.lower().endswith(b"0\r\nx-sum: 17\r\n\r\n")
    else:
        assert answer.endswith(b"\r\n\r\n0")


def test_nginx_retires_its_connections_and_no_request_fails(behind_h2, tmp_path, namespace):
    behind_h2(nginx(tmp_path, "keepalive_requests 7; location / { return 200 ok; }"))
    failed = []

    def ask():
        connection = Connection(namespace, PLAIN)
        for _ in range(50):
            if connection.ask(method="GET").body != b"ok":
                failed.append(True)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


# ---- scripted ones ----


def test_what_the_backend_sees(behind_h2, namespace):
    behind_h2(Server())
    response = fetch(namespace, PLAIN, "/a%20b?x=1", headers={"X-One": "1", "Connection": "X-Gone",
                                                              "X-Gone": "1"})
    seen = json.loads(response.body)
    headers = dict(seen["headers"])
    assert (seen["method"], seen["path"]) == ("GET", "/a%20b?x=1")
    assert headers[":scheme"] == "http" and headers["x-one"] == "1"
    assert headers["x-tenant"] == "a" and headers["te"] == "trailers"
    assert "x-gone" not in headers and "connection" not in headers and "host" not in headers
    assert not [name for name in headers if name != name.lower()]


def test_a_unix_socket(behind_h2, namespace, reachable):
    behind_h2(Server(path=f"{reachable}/h2.sock"))
    assert json.loads(fetch(namespace, PLAIN, "/x").body)["path"] == "/x"


def test_trailers_reach_the_backend(behind_h2, namespace):
    behind_h2(Server())
    answer = raw(namespace, PLAIN,
                 b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
                 b"\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")
    seen = json.loads(re.search(rb"\{.*\}", answer).group(0))
    assert seen["length"] == 3 and ["x-sum", "3"] in seen["trailers"]


def test_connections_are_kept(behind_h2, namespace):
    server = behind_h2(Server())
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


def test_a_hundred_at_once_over_one_connection_and_one_that_never_reads(behind_h2, namespace):
    server = behind_h2(Server(settings={STREAMS: 200}))
    stuck = netns.connect(namespace, PLAIN)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    assert fetch_at_once(namespace, PLAIN, 100) == [100000] * 100
    assert server.accepted <= 2
    stuck.close()
    wait_for(lambda: server.resets, 10, "the stuck one is cancelled")


def test_a_goaway_that_leaves_requests_out_fails_none(behind_h2, namespace):
    """Each connection takes two requests, and says so when the third is on its way."""
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived) and event.stream_id == 5:
            peer.h2.close_connection(last_stream_id=3)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id < 5:
            echo(peer, event)

    server = behind_h2(Server(handle))
    connection = Connection(namespace, PLAIN)
    for _ in range(20):
        response = connection.ask("/", method="POST", body=b"")
        assert response.status == 200
    connection.close()
    assert server.accepted >= 10


def test_a_refused_stream_is_sent_again(behind_h2, namespace):
    def handle(peer, event):
        if not isinstance(event, h2.events.StreamEnded):
            return
        if event.stream_id == 3:
            peer.h2.reset_stream(event.stream_id, 7)
        else:
            echo(peer, event)

    behind_h2(Server(handle))
    for _ in range(6):
        assert fetch(namespace, PLAIN, method="POST", body=b"").status == 200


def test_a_reset_in_the_body_is_visible_to_the_client(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            headers = [] if "chunked" in peer.request(event.stream_id)["path"] else [
                ("content-length", "100")]
            peer.respond(event.stream_id, 200, b"abc", headers, end=False)
            peer.flush()
            time.sleep(0.1)
            peer.h2.reset_stream(event.stream_id, 2)

    behind_h2(Server(handle))
    for path in ("/length", "/chunked"):
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            fetch(namespace, PLAIN, path)


def test_a_close_in_the_body_is_visible_to_the_client(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, 200, b"abc", end=False)
            peer.flush()
            peer.sock.shutdown(socket.SHUT_RDWR)

    behind_h2(Server(handle))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        fetch(namespace, PLAIN)


def test_a_server_that_says_nothing(behind_h2, namespace):
    behind_h2(Server(lambda peer, event: None), LIMITS.replace("2s", "1s"))
    watch = Watch()
    assert fetch(namespace, PLAIN).status == 504
    assert watch.seconds() < 4


def test_a_server_of_another_protocol(behind_h2, namespace):
    def script(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    behind_h2(Scripted(script), LIMITS)
    assert fetch(namespace, PLAIN).status == 502


def test_an_early_answer_while_the_body_is_on_its_way(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(event.stream_id, 413, b"big", [("content-length", "3")])
            peer.flush()
            peer.h2.reset_stream(event.stream_id, 0)

    behind_h2(Server(handle))
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    response = http.client.HTTPResponse(sock)
    response.begin()
    assert response.status == 413 and response.read() == b"big"
    sock.close()


def test_interim_responses_pass(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.send_headers(event.stream_id, [(":status", "103"), ("link", "</a>")])
            echo(peer, event)

    behind_h2(Server(handle))
    answer = raw(namespace, PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 103") and b"link: </a>" in answer
    assert b"HTTP/1.1 200" in answer


def test_a_client_that_vanishes_cancels_its_stream_alone(behind_h2, namespace):
    server = behind_h2(Server())
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    sock.recv(10000)
    sock.close()
    wait_for(lambda: server.resets, 10, "RST_STREAM")
    assert server.resets[0][2] == 8
    assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


def test_an_upgrade_that_the_backend_does_not_take_is_an_ordinary_request(behind_h2, namespace):
    behind_h2(Server())
    answer = raw(namespace, PLAIN, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\n"
                                   b"Upgrade: websocket\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and b'"method": "GET"' in answer


def test_a_websocket_by_extended_connect(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(event.stream_id, 200, end=False)
        elif isinstance(event, h2.events.DataReceived):
            peer.h2.send_data(event.stream_id, event.data.upper())
        elif isinstance(event, h2.events.StreamEnded):
            peer.h2.end_stream(event.stream_id)

    server = behind_h2(Server(handle, {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}))
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                 b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1000)
    assert answer.startswith(b"HTTP/1.1 101")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    headers = dict(server.peers[0].headers[1])
    assert headers[":method"] == "CONNECT" and headers[":protocol"] == "websocket"
    sock.sendall(b"hello")
    assert sock.recv(100) == b"HELLO"
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(100) == b"", "each half ends"
    sock.close()


def test_a_reload_keeps_the_connection(behind_h2, gateway, namespace):
    server = behind_h2(Server())
    assert fetch(namespace, PLAIN).status == 200
    assert "done" in gateway.reload()
    assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


# ---- what a small request costs ----

REQUESTS = 500


@pytest.mark.measures
def test_a_steady_small_request_is_one_write_and_one_read(gateway, namespace, tmp_path):
    server = Server(settings={STREAMS: 100})
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, f"""keepalive_requests 100000;
        proxy_http_version 2; location / {{ proxy_pass http://{server.address}; }}"""))
    gateway.start()
    connection = Connection(namespace, PLAIN)
    for _ in range(50):
        connection.ask("/bytes/5")
    (worker,) = gateway.workers()

    def ask():
        for _ in range(REQUESTS):
            assert connection.ask("/bytes/5").body == b"xxxxx"

    calls.assert_at_most(2 * REQUESTS, REQUESTS // 50, worker, tmp_path / "strace", ask)
    connection.close()
    server.close()
