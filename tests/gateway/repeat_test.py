# SPDX-License-Identifier: MIT
"""Requests that a server did not process are sent again, with their bodies (row H10)."""

import re
import struct
import threading
import time

import h2.events
import h2.settings
import pytest

from harness import netns
from harness.backend import EchoServer, Scripted, read_head
from harness.client import Connection, fetch, raw
from harness.frames import END_HEADERS, END_STREAM, GOAWAY, HEADERS, Frames, frame
from harness.h2_backend import Server, echo, nginx

PLAIN = ("127.0.0.1", 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMITS = "proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;"
REFUSED_STREAM = 7


@pytest.fixture
def before(gateway, namespace):
    """before(server, ...): a gateway of one worker before them, in HTTP/2 if told so."""
    servers = []

    def start(*made, settings="", http2=False, max_fails=0):
        servers.extend(made)
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        lines = "".join(f"server {server.address} max_fails={max_fails};" for server in made)
        version = "proxy_http_version 2;" if http2 else ""
        gateway.tenant("a", f"""netns {namespace}; keepalive_requests 100000;
            client_max_body_size 0; {settings} {version} upstream app {{ {lines} }}
            server {{ listen 127.0.0.1:8080; location / {{ proxy_pass http://app; }} }}""")
        gateway.start()

    yield start
    for server in servers:
        server.close()


class ByOne:
    """A client of HTTP/1.1."""

    def __init__(self, namespace):
        self.connection = Connection(namespace, PLAIN, timeout=20)

    def ask(self, method, body, path="/"):
        return self.connection.ask(path, method=method, body=body).status

    def close(self):
        self.connection.close()


class ByTwo(ByOne):
    """A client of HTTP/2."""

    def __init__(self, namespace):
        self.connection = Frames(namespace, PLAIN).ready()

    def ask(self, method, body, path="/"):
        return self.connection.ask(path, method, body, seconds=20).status


CLIENTS = pytest.mark.parametrize("client", [ByOne, ByTwo], ids=["from1", "from2"])


def load(client, namespace, ask, threads=8, seconds=None, count=100):
    """ask(client, number) over and over in threads; what was not 200."""
    failed = []

    def run():
        dialed = client(namespace)
        for number in range(count):
            status = ask(dialed, number)
            if status != 200:
                failed.append(status)
        dialed.close()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return failed


# ---- HTTP/2 servers that retire their connections ----


def goaway(peer, last):
    """Past the session, which would answer nothing more."""
    peer.flush()
    peer.sock.sendall(frame(GOAWAY, payload=struct.pack(">II", last, 0)))


def retiring(every):
    """Each connection takes so many requests; later ones find it gone, when their bodies are on the
    way already. Answers with the body's length."""
    def handle(peer, event):
        last = 2 * every - 1
        stream = getattr(event, "stream_id", 0) or 0
        if isinstance(event, h2.events.DataReceived) and stream > last:
            if not getattr(peer, "retires", False):
                peer.retires = True
                goaway(peer, last)
        elif isinstance(event, h2.events.StreamEnded) and stream <= last:
            echo(peer, event)
    return handle


@CLIENTS
def test_a_server_that_retires_its_connections_under_posts(before, gateway, namespace, client):
    server = Server(retiring(5), {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100})
    before(server, http2=True)
    bodies = [b"x", b"y" * 1500, b"z" * 20000, b"w" * 65000]
    failed = load(client, namespace,
                  lambda dialed, number: dialed.ask("POST", bodies[number % 4]), threads=4, count=60)
    assert not failed
    assert server.accepted > 10
    gateway.wait_log(r"POST / HTTP: retired|POST /: retired: .*sending it again")
    assert "backend_reset" not in gateway.log()


@CLIENTS
def test_nginx_retires_its_connections_under_posts(before, gateway, namespace, tmp_path, client):
    before(nginx(tmp_path, "keepalive_requests 50; location / { return 200 ok; }"), http2=True)
    sizes = [1, 1500, 40000]
    failed = load(client, namespace,
                  lambda dialed, number: dialed.ask("POST", b"x" * sizes[number % 3]), count=300)
    assert not failed, gateway.tail()
    assert "backend_reset" not in gateway.log()


def test_nginx_of_http_1_retires_its_connections_under_puts(before, namespace, tmp_path):
    before(nginx(tmp_path, "keepalive_requests 20; location / { return 200 ok; }", protocol=""))
    assert not load(ByOne, namespace, lambda dialed, number: dialed.ask("PUT", b"x" * 3000))


@CLIENTS
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "QUERY"])
def test_a_refused_stream_with_a_body(before, gateway, namespace, client, method):
    def handle(peer, event):
        stream = getattr(event, "stream_id", 0)
        if isinstance(event, h2.events.DataReceived) and stream % 4 == 3:
            if stream in peer.bodies and peer.bodies.pop(stream) is not None:
                peer.h2.reset_stream(stream, REFUSED_STREAM)
                peer.headers.pop(stream)
        elif isinstance(event, h2.events.StreamEnded) and stream in peer.headers:
            echo(peer, event)

    before(Server(handle), http2=True)
    dialed = client(namespace)
    for _ in range(8):
        assert dialed.ask(method, b"x" * 5000) == 200
    dialed.close()
    gateway.wait_log(rf"{method} /: refused: .*sending it again")


def test_a_server_that_refuses_everything(before, gateway, namespace):
    """It is asked a few times, and no more; the others get no storm of connections."""
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.h2.reset_stream(event.stream_id, REFUSED_STREAM)

    server = Server(handle)
    before(server, http2=True)
    begin = time.monotonic()
    connection = Connection(namespace, PLAIN)
    for _ in range(100):
        assert connection.ask(method="POST", body=b"x").status == 502
    connection.close()
    assert server.accepted < 150 + 20 * (time.monotonic() - begin)
    gateway.wait_log("502 refused: ")


def refuses(peer, event):
    if isinstance(event, h2.events.RequestReceived):
        peer.h2.reset_stream(event.stream_id, REFUSED_STREAM)


def refuses_most(peer, event):
    if isinstance(event, h2.events.RequestReceived):
        if event.stream_id % 40 == 1:
            peer.respond(event.stream_id, 200, b"ok")
        else:
            peer.h2.reset_stream(event.stream_id, REFUSED_STREAM)


def retires(peer, event):
    if isinstance(event, h2.events.RequestReceived):
        goaway(peer, 0)


def ask_together(connection, method, count):
    """So many requests in one write; their statuses."""
    numbers = [connection.next_id() for _ in range(count)]
    connection.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, number, connection.head(method))
                             for number in numbers))
    assert connection.until(lambda: all(connection.streams[number].over for number in numbers))
    return [connection.streams[number].status for number in numbers]


@pytest.mark.parametrize("handle", [refuses, refuses_most, retires])
def test_a_server_that_refuses_many_at_once(before, namespace, handle):
    """Whether a request is a connection's first, or joins others: connections are bounded by time,
    and by what was answered."""
    server = Server(handle, {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100})
    before(server, http2=True)
    begin = time.monotonic()
    connection = Frames(namespace, PLAIN).ready()
    answered = 0
    for _ in range(12):
        statuses = ask_together(connection, "GET", 100)
        assert set(statuses) <= {200, 502}
        answered += statuses.count(200)
    connection.close()
    # A few of each round are as ordinary as they are where nothing is kept.
    assert server.accepted < 100 + 12 * 10 + answered + 20 * (time.monotonic() - begin)


def takes_one(peer, event):
    """The first request of each connection; its answer comes when the others were refused."""
    if isinstance(event, h2.events.RequestReceived) and event.stream_id == 1:
        goaway(peer, 1)
        peer.respond(1, 200, b"ok")


def test_a_server_that_takes_one_request_of_each_connection(before, namespace):
    before(Server(takes_one, {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100}), http2=True)
    connection = Frames(namespace, PLAIN).ready()
    for _ in range(10):
        assert set(ask_together(connection, "POST", 50)) == {200}
    connection.close()


def test_what_arrives_later_follows_what_is_sent_again(before, namespace):
    """The attempt fails in the middle of a chunked body that has trailers."""
    told = threading.Event()

    def handle(peer, event):
        stream = getattr(event, "stream_id", 0)
        if isinstance(event, h2.events.DataReceived) and peer.number == 1:
            goaway(peer, 0)
            told.set()
        elif isinstance(event, h2.events.StreamEnded) and peer.number > 1:
            peer.respond(stream, 200, bytes(peer.bodies[stream]),
                         [("x-sum", dict(peer.trailers[stream])["x-sum"])])

    before(Server(handle), http2=True)
    sock = netns.connect(namespace, PLAIN, 10)
    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
    assert told.wait(5)
    time.sleep(0.05)
    sock.sendall(b"5\r\n more\r\n0\r\nX-Sum: 17\r\n\r\n")
    answer = b""
    while part := sock.recv(1000):
        answer += part
    sock.close()
    assert b"some more" in answer and b"x-sum: 17" in answer


def closes_kept(peer, event):
    """Answers the first request of a connection, and ends it, after a word, at the second."""
    if isinstance(event, h2.events.StreamEnded) and event.stream_id == 1:
        peer.respond(1, 200, b"ok")
    elif isinstance(event, h2.events.RequestReceived) and event.stream_id == 3:
        peer.h2.ping(b"farewell")
    elif isinstance(event, h2.events.PingAckReceived):
        peer.sock.shutdown(2)


@CLIENTS
def test_the_end_of_a_kept_connection_is_no_failure(before, gateway, namespace, client):
    before(Server(closes_kept), Server(closes_kept), http2=True, max_fails=1)
    dialed = client(namespace)
    for _ in range(12):
        assert dialed.ask("PUT", b"body") == 200
    dialed.close()
    gateway.wait_log(r"PUT /: retired: .*sending it again")
    assert "is left out" not in gateway.log()


def test_more_than_a_pipe_is_not_kept(before, gateway, namespace):
    def handle(peer, event):
        stream = getattr(event, "stream_id", 0)
        if isinstance(event, h2.events.DataReceived) and len(peer.bodies[stream]) > 100000:
            peer.h2.reset_stream(stream, REFUSED_STREAM)

    before(Server(handle), http2=True)
    assert fetch(namespace, PLAIN, method="POST", body=b"x" * 200000).status == 502
    gateway.wait_log(r"502 refused")


# ---- kept connections of HTTP/1.1 ----


def read_request(connection):
    """Head and body, whichever way that is framed."""
    head, rest = read_head(connection)
    length = re.search(rb"content-length: (\d+)", head.lower())
    chunked = b"transfer-encoding: chunked" in head.lower()
    while (length and len(rest) < int(length.group(1))) or (chunked and b"0\r\n\r\n" not in rest):
        rest += connection.recv(65536)
    if chunked:
        rest = b"".join(rest.split(b"\r\n")[1::2])
    return head, rest


def closes_on_reuse(got, answers=1):
    """Answers so many requests of a connection; the next is read with its body, and not answered."""
    def script(connection, number):
        for asked in range(answers + 1):
            head, rest = read_request(connection)
            got.append((head.split(b" ")[0].decode(), len(rest), asked))
            if asked < answers:
                connection.sendall(OK)
    return script


@CLIENTS
@pytest.mark.parametrize("method, settings, status", [
    ("GET", "", 200), ("PUT", "", 200), ("DELETE", "", 200), ("PROPFIND", "", 200),
    ("REPORT", "", 200), ("QUERY", "", 200), ("BREW", "", 200),
    ("POST", "", 502), ("PATCH", "", 502), ("LOCK", "", 502),
    ("POST", "proxy_next_upstream error non_idempotent;", 200),
    ("LOCK", "proxy_next_upstream error non_idempotent;", 200)])
def test_a_kept_connection_that_closes(before, gateway, namespace, client, method, settings, status):
    got = []
    before(Scripted(closes_on_reuse(got)), settings=settings)
    dialed = client(namespace)
    body = None if method == "GET" else b"x" * 3000
    size = len(body or b"")
    assert dialed.ask("GET", None) == 200
    assert dialed.ask(method, body) == status
    dialed.close()
    expected = [("GET", 0, 0), (method, size, 1)] + [(method, size, 0)] * (status == 200)
    assert got == expected
    gateway.wait_log(rf"{method} /: (502 )?retired: ")


def test_a_kept_connection_that_is_closed_when_a_post_comes(before, namespace):
    """None of its bytes has left: it is sent over another connection."""
    def script(connection, _):
        read_head(connection)
        connection.sendall(OK)

    before(Scripted(script))
    for _ in range(5):
        assert fetch(namespace, PLAIN, method="POST", body=b"").status == 200
        time.sleep(0.02)


# ---- the next server ----


def dead(connection, _):
    read_request(connection)


@CLIENTS
@pytest.mark.parametrize("method, settings, status", [
    ("PUT", "", 200), ("DELETE", "", 200), ("POST", "", 502),
    ("POST", "proxy_next_upstream error non_idempotent;", 200), ("PUT", "proxy_next_upstream off;", 502),
    ("PUT", "proxy_next_upstream timeout;", 502)])
def test_the_next_server_gets_the_body(before, namespace, client, method, settings, status):
    echoing = EchoServer()
    before(Scripted(dead), echoing, settings=settings)
    dialed = client(namespace)
    assert dialed.ask(method, b"x" * 3000) == status
    dialed.close()


def test_a_status_that_sends_a_put_to_the_next_server(before, namespace):
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    before(Scripted(script), EchoServer(), settings="proxy_next_upstream error http_503;")
    answer = fetch(namespace, PLAIN, method="PUT", body=b"abcdef")
    assert answer.status == 200 and b'"body": "abcdef"' in answer.body


def test_a_body_that_waited_for_100_is_sent_again_without_it(before, namespace):
    heads = []

    def script(connection, number):
        head, _ = read_request(connection)
        heads.append(b"expect" in head.lower())
        if number == 1:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            connection.sendall(OK)

    servers = Scripted(script), Scripted(lambda connection, _: script(connection, 2))
    before(*servers)
    answer = raw(namespace, PLAIN, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                 b"Connection: close\r\nExpect: 100-continue\r\n\r\nbody")
    assert answer.endswith(b"ok") and heads == [True, False]
