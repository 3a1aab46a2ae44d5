# SPDX-License-Identifier: MIT
"""Backends that speak HTTP/2 (proxy_http_version 2), asked by clients of HTTP/1.1."""

import http.client
import json
import os
import re
import socket
import ssl
import struct
import threading
import time

import h2.events
import h2.exceptions
import h2.settings
import pytest

from harness import calls, netns, texts
from harness.backend import Scripted, read_head
from harness.client import Connection, fetch, raw
from harness.frames import GOAWAY, Frames, frame
from harness.gateway import wait_for
from harness.h2_backend import Peer, Server, echo, nghttpd, nginx
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = 64 << 20
SIZES = [0, 1, 1 << 20, LARGE]
LIMITS = "proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;"
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


@pytest.fixture
def behind(gateway, namespace):
    """behind(server): a gateway of one worker before it."""
    servers = []

    def start(server, settings="", scheme="http"):
        servers.append(server)
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.tenant("a", texts.plain(namespace, f"""client_max_body_size 0; {settings}
            proxy_http_version 2; location / {{ proxy_pass {scheme}://{server.address}; }}"""))
        gateway.start()
        return server

    yield start
    for server in servers:
        server.close()


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
def test_get_and_head_of_all_sizes(behind, files, tmp_path, namespace, program):
    if program == "nghttpd":
        behind(nghttpd(files))
    else:
        os.chmod(files, 0o755)
        behind(nginx(tmp_path, f"root {files};"))
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


def test_post_of_all_sizes_both_ways(behind, files, namespace):
    behind(nghttpd(files, "--echo-upload"))
    for size in SIZES:
        body = pattern(size)
        response = fetch(namespace, PLAIN, "/", method="POST", body=body)
        assert response.status == 200
        assert response.body == body, f"{size}: {len(response.body)}"


def test_trailers_reach_the_client(behind, files, namespace):
    behind(nghttpd(files, "--trailer", "x-sum: 17"))
    answer = raw(namespace, PLAIN, b"GET /1 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n"
                                   b"Connection: close, TE\r\n\r\n")
    if b"chunked" in answer:
        assert answer.lower().endswith(b"0\r\nx-sum: 17\r\n\r\n")
    else:
        assert answer.endswith(b"\r\n\r\n0")


def test_nginx_retires_its_connections_and_no_request_fails(behind, tmp_path, namespace):
    behind(nginx(tmp_path, "keepalive_requests 7; location / { return 200 ok; }"))
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


def test_what_the_backend_sees(behind, namespace):
    behind(Server())
    response = fetch(namespace, PLAIN, "/a%20b?x=1", headers={"X-One": "1", "Connection": "X-Gone",
                                                              "X-Gone": "1"})
    seen = json.loads(response.body)
    headers = dict(seen["headers"])
    assert (seen["method"], seen["path"]) == ("GET", "/a%20b?x=1")
    assert headers[":scheme"] == "http" and headers["x-one"] == "1"
    assert headers["x-tenant"] == "a" and headers["te"] == "trailers"
    assert "x-gone" not in headers and "connection" not in headers and "host" not in headers
    assert not [name for name in headers if name != name.lower()]


def test_a_unix_socket(behind, namespace, reachable):
    behind(Server(path=f"{reachable}/h2.sock"))
    assert json.loads(fetch(namespace, PLAIN, "/x").body)["path"] == "/x"


def test_trailers_reach_the_backend(behind, namespace):
    behind(Server())
    answer = raw(namespace, PLAIN,
                 b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
                 b"\r\n3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n")
    seen = json.loads(re.search(rb"\{.*\}", answer).group(0))
    assert seen["length"] == 3 and ["x-sum", "3"] in seen["trailers"]


def test_connections_are_kept(behind, namespace):
    server = behind(Server())
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


def at_once(namespace, count, path="/bytes/100000"):
    """count requests at the same time; returns the bodies' lengths."""
    got = []

    def ask():
        got.append(len(fetch(namespace, PLAIN, path).body))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_a_hundred_at_once_over_one_connection_and_one_that_never_reads(behind, namespace):
    server = behind(Server(settings={STREAMS: 200}))
    stuck = netns.connect(namespace, PLAIN)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    assert at_once(namespace, 100) == [100000] * 100
    assert server.accepted <= 2
    stuck.close()
    wait_for(lambda: server.resets, 3, "the stuck one is cancelled")


def test_the_servers_limit_of_streams_is_kept(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            time.sleep(0.05)
            echo(peer, event)

    server = behind(Server(handle, {STREAMS: 2}))
    assert at_once(namespace, 12, "/bytes/10") == [10] * 12
    assert max(peer.most_open for peer in server.peers) <= 2
    assert server.accepted > 2


def test_a_goaway_that_leaves_requests_out_fails_none(behind, namespace):
    """Each connection takes two requests, and says so when the third is on its way."""
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived) and event.stream_id == 5:
            peer.h2.close_connection(last_stream_id=3)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id < 5:
            echo(peer, event)

    server = behind(Server(handle))
    connection = Connection(namespace, PLAIN)
    for _ in range(20):
        response = connection.ask("/", method="POST", body=b"")
        assert response.status == 200
    connection.close()
    assert server.accepted >= 10


def test_a_refused_stream_is_sent_again(behind, namespace):
    def handle(peer, event):
        if not isinstance(event, h2.events.StreamEnded):
            return
        if event.stream_id == 3:
            peer.h2.reset_stream(event.stream_id, 7)
        else:
            echo(peer, event)

    behind(Server(handle))
    for _ in range(6):
        assert fetch(namespace, PLAIN, method="POST", body=b"").status == 200


def test_a_reset_in_the_body_is_visible_to_the_client(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            headers = [] if "chunked" in peer.request(event.stream_id)["path"] else [
                ("content-length", "100")]
            peer.respond(event.stream_id, 200, b"abc", headers, end=False)
            peer.flush()
            time.sleep(0.1)
            peer.h2.reset_stream(event.stream_id, 2)

    behind(Server(handle))
    for path in ("/length", "/chunked"):
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            fetch(namespace, PLAIN, path)


def test_a_close_in_the_body_is_visible_to_the_client(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, 200, b"abc", end=False)
            peer.flush()
            peer.sock.shutdown(socket.SHUT_RDWR)

    behind(Server(handle))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        fetch(namespace, PLAIN)


def test_a_server_that_says_nothing(behind, namespace):
    behind(Server(lambda peer, event: None), LIMITS.replace("2s", "1s"))
    watch = Watch()
    assert fetch(namespace, PLAIN).status == 504
    assert watch.seconds() < 4


def test_a_server_of_another_protocol(behind, namespace):
    def script(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    behind(Scripted(script), LIMITS)
    assert fetch(namespace, PLAIN).status == 502


def test_an_early_answer_while_the_body_is_on_its_way(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(event.stream_id, 413, b"big", [("content-length", "3")])
            peer.flush()
            peer.h2.reset_stream(event.stream_id, 0)

    behind(Server(handle))
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    response = http.client.HTTPResponse(sock)
    response.begin()
    assert response.status == 413 and response.read() == b"big"
    sock.close()


def test_interim_responses_pass(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.send_headers(event.stream_id, [(":status", "103"), ("link", "</a>")])
            echo(peer, event)

    behind(Server(handle))
    answer = raw(namespace, PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 103") and b"link: </a>" in answer
    assert b"HTTP/1.1 200" in answer


def test_a_client_that_vanishes_cancels_its_stream_alone(behind, namespace):
    server = behind(Server())
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    sock.recv(10000)
    sock.close()
    wait_for(lambda: server.resets, 2, "RST_STREAM")
    assert server.resets[0][2] == 8
    assert fetch(namespace, PLAIN).status == 200
    assert server.accepted == 1


def test_an_upgrade_that_the_backend_does_not_take_is_an_ordinary_request(behind, namespace):
    behind(Server())
    answer = raw(namespace, PLAIN, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\n"
                                   b"Upgrade: websocket\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and b'"method": "GET"' in answer


def test_a_websocket_by_extended_connect(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(event.stream_id, 200, end=False)
        elif isinstance(event, h2.events.DataReceived):
            peer.h2.send_data(event.stream_id, event.data.upper())
        elif isinstance(event, h2.events.StreamEnded):
            peer.h2.end_stream(event.stream_id)

    server = behind(Server(handle, {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}))
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


# ---- the wrong version ----


def test_a_server_of_http_1_is_recognized(behind, gateway, namespace):
    def script(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    behind(Scripted(script), LIMITS)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 response: .*the server speaks HTTP/1 \(see proxy_http_version\)")


@pytest.mark.parametrize("kind", ["scripted", "nghttpd", "nginx"])
def test_a_server_of_http_2_is_recognized(gateway, namespace, files, tmp_path, kind):
    made = {"scripted": Server, "nghttpd": lambda: nghttpd(files),
            "nginx": lambda: nginx(tmp_path, "return 200 ok;")}
    server = made[kind]()
    gateway.tenant("a", texts.plain(
        namespace, f"{LIMITS} location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 .*the server speaks HTTP/2 \(see proxy_http_version\)")
    server.close()


# ---- limits of streams: none, and in mid-life ----


class Socket:
    """A WebSocket that is asked for; .answer is what came."""

    def __init__(self, namespace):
        self.sock = netns.connect(namespace, PLAIN, 10)
        self.sock.sendall(b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                          b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    def status(self):
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.sock.recv(1000)
        self.sock.close()
        return int(answer.split(b" ")[1])


def limit(peer, count):
    with peer.lock:
        peer.h2.update_settings({STREAMS: count})
        peer.flush()


@pytest.mark.parametrize("count", [1, 20])
def test_a_server_that_allows_no_stream(behind, namespace, count):
    server = behind(Server(settings={STREAMS: 0}), LIMITS.replace("2s", "1s"))
    begin = time.monotonic()
    sockets = [Socket(namespace) for _ in range(count)]
    assert [one.status() for one in sockets] == [503] * count
    assert time.monotonic() - begin < 4
    assert server.accepted <= 4


def test_requests_to_a_server_that_refuses_and_allows_no_stream(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.h2.reset_stream(event.stream_id, 7)

    server = behind(Server(handle, {STREAMS: 0}), LIMITS.replace("2s", "1s"))
    begin = time.monotonic()
    answers = []

    def ask():
        answers.append(fetch(namespace, PLAIN, method="POST", body=b"x").status)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {502, 503} and len(answers) == 20
    assert time.monotonic() - begin < 5 and server.accepted <= 60


def test_a_limit_of_none_that_is_lifted_soon(behind, namespace):
    server = behind(Server(settings={STREAMS: 0}))
    sockets = [Socket(namespace) for _ in range(5)]
    wait_for(lambda: server.peers, 5)
    time.sleep(0.1)
    limit(server.peers[0], 100)
    assert [one.status() for one in sockets] == [200] * 5
    assert server.accepted == 1


def test_a_limit_that_goes_to_none_in_mid_life(behind, namespace):
    """What is under way goes on; what comes goes over another connection."""
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded) and peer.request(event.stream_id)["path"] != "/held":
            echo(peer, event)

    server = behind(Server(handle, {STREAMS: 100}))
    assert fetch(namespace, PLAIN).status == 200
    waiting = netns.connect(namespace, PLAIN, 10)
    waiting.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    first = server.peers[0]
    wait_for(lambda: 3 in first.headers, 5, "it is under way")
    limit(first, 0)
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    with first.lock:
        first.respond(3, 200, b"ok")
        first.flush()
    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    waiting.close()
    assert server.accepted <= 2


def test_a_limit_that_goes_up_and_down_under_load(behind, namespace):
    server = behind(Server(settings={STREAMS: 50}))
    over = threading.Event()

    def flap():
        counts = [1, 0, 7, 100, 2]
        while not over.wait(0.02):
            counts.append(counts.pop(0))
            for peer in list(server.peers):
                try:
                    limit(peer, counts[0])
                except (OSError, h2.exceptions.ProtocolError):
                    pass

    flapping = threading.Thread(target=flap)
    flapping.start()
    begin = time.monotonic()
    try:
        for _ in range(5):
            # Who has met a limit of none several times is told so (503), in time.
            answers = at_once(namespace, 20, "/bytes/10")
            assert len(answers) == 20 and answers.count(10) >= 10
    finally:
        over.set()
        flapping.join()
    assert server.accepted < 100 + 100 * (time.monotonic() - begin)


# ---- error codes ----


@pytest.mark.parametrize("said, heard", [(8, 8), (10, 10), (11, 11), (2, 2), (1, 2), (7, 2), (0, 2)])
def test_the_code_of_a_broken_response_reaches_the_client(behind, namespace, said, heard):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, 200, b"abc", end=False)
            peer.flush()
            time.sleep(0.05)
            peer.h2.reset_stream(event.stream_id, said)

    behind(Server(handle))
    client = Frames(namespace, PLAIN).ready()
    stream = client.ask("/", "POST", b"x")
    assert (stream.status, stream.body, stream.reset) == (200, b"abc", heard)
    client.close()


def test_a_reset_before_the_response_is_a_502(behind, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.reset_stream(event.stream_id, 8)

    behind(Server(handle))
    client = Frames(namespace, PLAIN).ready()
    assert client.ask("/", "POST", b"x").status == 502
    client.close()


def picky(by_goaway, seen):
    """A server that wants HTTP/1.1, and says so on every stream of HTTP/2."""
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            seen.append("2")
            if by_goaway:
                peer.flush()
                peer.sock.sendall(frame(GOAWAY, payload=struct.pack(">II", 0, 13)))
            else:
                peer.h2.reset_stream(event.stream_id, 13)

    class Picky(Server):
        def _connection(self, sock, number):
            if sock.recv(3, socket.MSG_PEEK) == b"PRI":
                super()._connection(sock, number)
                return
            while True:
                head, rest = read_head(sock)
                length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
                while len(rest) < length:
                    rest += sock.recv(65536)
                seen.append("1")
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, rest))

    return Picky(handle)


@pytest.mark.parametrize("by_goaway", [False, True], ids=["rst", "goaway"])
def test_a_server_that_demands_http_1(behind, gateway, namespace, by_goaway):
    seen = []
    behind(picky(by_goaway, seen))
    for number in range(5):
        body = b"y" * (10000 * number + 1)
        response = fetch(namespace, PLAIN, method="POST", body=body)
        assert response.status == 200 and response.body == body
    assert seen == ["2"] + ["1"] * 5, "it is remembered"
    gateway.wait_log("http1_required" if not by_goaway else "retired")


def test_a_server_that_demands_http_1_by_tls(behind, namespace, authority):
    protocols = []

    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.reset_stream(event.stream_id, 13)

    class Picky(Server):
        def _connection(self, sock, number):
            secured = tls(authority, "h2", "http/1.1").wrap_socket(sock, server_side=True)
            protocols.append(secured.selected_alpn_protocol())
            if protocols[-1] == "h2":
                Peer(self, secured, number).run()
                return
            while True:
                read_head(secured)
                secured.sendall(OK)

    server = Picky(handle)
    behind(server, "proxy_ssl_verify off;", "https")
    for _ in range(3):
        assert fetch(namespace, PLAIN).body == b"ok"
    assert protocols == ["h2", "http/1.1"]


# ---- by ALPN ----


def tls(authority, *protocols):
    if not (authority.folder / "h2.test.crt").exists():
        authority.issue("h2.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "h2.test.crt", authority.folder / "h2.test.key")
    context.set_alpn_protocols(protocols)
    return context


def test_https_agrees_on_http_2(behind, namespace, authority):
    server = behind(Server(context=tls(authority, "h2", "http/1.1"), settings={STREAMS: 200}),
                    "proxy_ssl_verify off;", "https")
    seen = json.loads(fetch(namespace, PLAIN, "/x").body)
    assert dict(seen["headers"])[":scheme"] == "https"
    assert at_once(namespace, 50) == [100000] * 50
    body = pattern(1 << 20)
    response = fetch(namespace, PLAIN, "/", method="POST", body=body)
    assert json.loads(response.body)["length"] == len(body)
    assert server.accepted == 1


def test_https_falls_back_to_http_1(behind, namespace, authority):
    context = tls(authority, "http/1.1")

    def script(connection, _):
        secured = context.wrap_socket(connection, server_side=True)
        while True:
            read_head(secured)
            time.sleep(0.01)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")

    server = behind(Scripted(script), "proxy_ssl_verify off;", "https")
    assert at_once(namespace, 20) == [10] * 20
    accepted = server.accepted
    for _ in range(10):
        assert fetch(namespace, PLAIN).body == b"0123456789"
    assert server.accepted == accepted, "they are kept"


def test_a_reload_keeps_the_connection(behind, gateway, namespace):
    server = behind(Server())
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

    reads, writes, waits, others = calls.counted(worker, tmp_path / "strace", ask)
    slack = REQUESTS // 50
    connection.close()
    server.close()
    assert reads <= 2 * REQUESTS + slack and writes <= 2 * REQUESTS + slack
    assert waits <= 2 * REQUESTS + slack
    assert sum(others.values()) <= slack, f"nothing else: {others}"
