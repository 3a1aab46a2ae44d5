# SPDX-License-Identifier: MIT
"""HTTP/2 towards clients: curl, nghttp, h2load, Python's h2, and exact frames."""

import base64
import hashlib
import json
import re
import signal
import socket
import threading
import time

import h2.config
import h2.connection
import h2.events
import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.client import Connection
from harness.frames import Frames
from harness.gateway import wait_for
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
URL = f"https://a.test:{texts.PORT}"
CANCEL, INTERNAL_ERROR = 8, 2


# ---- clients as people have them ----

def test_curl(h2_proxy, echo, authority, namespace, tmp_path):
    h2_proxy(echo.address, "client_max_body_size 0;")
    curl = ["curl", "-sS", "--http2", "--max-time", "30", "--cacert", authority.ca, "--resolve",
            f"a.test:{texts.PORT}:127.0.0.1", "-w", "\n%{http_version} %{http_code}"]
    seen, facts = netns.inside(namespace, *curl, f"{URL}/x?y").stdout.rsplit("\n", 1)
    assert facts == "2 200" and json.loads(seen)["path"] == "/x?y"
    body = tmp_path / "body"
    for size in (0, 1, 1 << 20, 64 << 20):
        body.write_bytes(b"z" * size)
        seen, facts = netns.inside(namespace, *curl, "--data-binary", f"@{body}", f"{URL}/up").stdout.rsplit("\n", 1)
        assert facts == "2 200" and json.loads(seen)["length"] == size
        out = netns.inside(namespace, *curl, "-o", "/dev/null", "-w", "%{http_version} %{size_download}",
                           f"{URL}/bytes/{size}").stdout
        assert out == f"2 {size}"
    out = netns.inside(namespace, *curl, "-I", f"{URL}/bytes/77").stdout
    assert "content-length: 77" in out and out.endswith("2 200")
    out = netns.inside(namespace, *curl, "--http1.1", f"{URL}/").stdout
    assert out.endswith("1.1 200")


def test_prior_knowledge(h2_proxy, echo, namespace):
    h2_proxy(echo.address)
    out = netns.inside(namespace, "curl", "-sS", "--http2-prior-knowledge", "-w", "%{http_version}",
                       "-o", "/dev/null", "http://127.0.0.1:8080/").stdout
    assert out == "2"
    assert Connection(namespace, PLAIN).ask("/").status == 200, "HTTP/1 goes on beside it"
    # The preface may come byte by byte; another beginning is HTTP/1's.
    sock = netns.connect(namespace, PLAIN)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in frames.PREFACE:
        sock.sendall(bytes([byte]))
    sock.sendall(frames.settings())
    assert sock.recv(9)[3] == frames.SETTINGS
    sock.close()
    for begin in (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/1.1\r\nHost: a\r\n\r\n"):
        sock = netns.connect(namespace, PLAIN)
        sock.sendall(begin)
        assert sock.recv(100).startswith(b"HTTP/1.1 ")
        sock.close()


def test_http2_off(gateway, authority, namespace, echo):
    body = f"http2 off; location / {{ proxy_pass http://{echo.address}; }}"
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "a.test", body),
        f"server {{ listen 127.0.0.1:8080; {body} }}"))
    gateway.start()
    context = authority.context(("h2", "http/1.1"))
    sock = context.wrap_socket(netns.connect(namespace, texts.ADDRESS), server_hostname="a.test")
    assert sock.selected_alpn_protocol() == "http/1.1"
    sock.close()
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(frames.PREFACE + frames.settings())
    assert sock.recv(100).startswith((b"HTTP/1.1 505 ", b"HTTP/1.1 400 "))
    sock.close()


def test_nghttp_and_h2load(h2_proxy, echo, namespace):
    h2_proxy(echo.address, "keepalive_requests 100000;")
    out = netns.inside(namespace, "nghttp", "-nv", f"https://127.0.0.1:{texts.PORT}/bytes/100000").stdout
    assert ":status: 200" in out
    out = netns.inside(namespace, "h2load", "-n", "2000", "-c", "4", "-m", "50",
                       f"https://127.0.0.1:{texts.PORT}/").stdout
    assert "2000 succeeded, 0 failed" in out, out


def test_python_h2(h2_proxy, echo, authority, namespace):
    h2_proxy(echo.address)
    sock = authority.context(("h2",)).wrap_socket(netns.connect(namespace, texts.ADDRESS),
                                                  server_hostname="a.test")
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    for number in range(3):
        connection.send_headers(connection.get_next_available_stream_id(), [
            (":method", "POST"), (":scheme", "https"), (":authority", "a.test"),
            (":path", f"/{number}")])
        connection.send_data(2 * number + 1, b"hello", end_stream=True)
    sock.sendall(connection.data_to_send())
    bodies, ended = {}, set()
    while len(ended) < 3:
        for event in connection.receive_data(sock.recv(65536)):
            if isinstance(event, h2.events.DataReceived):
                bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                ended.add(event.stream_id)
        sock.sendall(connection.data_to_send())
    for number in range(3):
        seen = json.loads(bodies[2 * number + 1])
        assert (seen["path"], seen["body"], seen["method"]) == (f"/{number}", "hello", "POST")
    sock.close()


# ---- messages ----

def test_trailers_both_ways(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address)
    client = h2_dial().ready()
    number = client.begin("POST", "/up", [("trailer", "x-sum")], ends=False)
    client.data(number, b"abc")
    client.trailers(number, [("x-sum", "7")])
    seen = json.loads(client.wait(number).body)
    assert seen["body"] == "abc" and [t.lower() for t in seen["trailers"]] == ["x-sum: 7"]
    stream = client.ask("/chunked/3")
    assert stream.trailers == {"x-sum": "3"} and stream.body == b"chunk 0\nchunk 1\nchunk 2\n"


def test_interim_responses(h2_proxy, scripted, h2_dial):
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        time.sleep(0.1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    h2_proxy(scripted(script).address)
    stream = h2_dial().ready().ask("/")
    assert [head[":status"] for head in stream.heads] == ["103", "200"]
    assert stream.heads[0]["link"] == "</a>" and stream.body == b"ok"


def test_a_broken_response_is_reset(h2_proxy, scripted, h2_dial):
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")

    h2_proxy(scripted(script).address)
    stream = h2_dial().ready().ask("/")
    assert (stream.status, stream.body, stream.reset) == (200, b"abc", INTERNAL_ERROR)


def test_cancelled_download_and_upload(h2_proxy, scripted, h2_dial):
    ends = []

    def script(connection, _):
        head, _ = read_head(connection)
        try:
            if head.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 65536)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        ends.append(time.monotonic())

    server = scripted(script)
    h2_proxy(server.address, "client_max_body_size 0;")
    client = h2_dial().ready()
    down = client.begin("GET", "/")
    client.until(lambda: client.streams[down].size > 100000)
    client.reset(down)
    wait_for(lambda: len(ends) == 1, 10, "the download's backend is let go")
    up = client.begin("POST", "/", ends=False)
    client.data(up, b"y" * 100000)
    wait_for(lambda: server.accepted == 2, what="the upload is with its backend")
    client.reset(up)
    wait_for(lambda: len(ends) == 2, 10, "the upload's backend is let go")


def test_a_client_that_vanishes(h2_proxy, scripted, h2_dial):
    ends = []

    def script(connection, _):
        read_head(connection)
        while connection.recv(65536):
            pass
        ends.append(time.monotonic())

    server = scripted(script)
    h2_proxy(server.address)
    client = h2_dial().ready()
    for _ in range(3):
        client.begin("GET", "/")
    wait_for(lambda: server.accepted == 3, what="all are with their backends")
    client.close()
    wait_for(lambda: len(ends) == 3, 10, "all backends are let go")


@pytest.mark.parametrize("count", [229, 1000])
def test_more_streams_than_allowed_before_settings(h2_proxy, echo, namespace, count):
    """RFC 9113 section 6.5.3: those above the limit are refused, the others are served."""
    h2_proxy(echo.address)
    client = Frames(namespace, PLAIN)
    heads = b""
    for number in range(count):
        number = client.next_id()
        heads += frames.frame(frames.HEADERS, frames.END_HEADERS, number, client.head("POST"))
        heads += frames.frame(frames.DATA, frames.END_STREAM, number, b"x")
    client.send(heads)
    client.until(lambda: all(stream.over for stream in client.streams.values()), 20)
    served = [stream for stream in client.streams.values() if stream.status == 200]
    refused = [stream for stream in client.streams.values() if stream.reset == 7]
    assert len(served) >= 128 and len(served) + len(refused) == count
    assert not client.goaways and client.ask().status == 200
    client.close()


def test_body_size_limit(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address, "client_max_body_size 1k;")
    client = h2_dial().ready()
    number = client.begin("POST", "/", [("content-length", "5000")], ends=False)
    assert client.wait(number).status == 413
    number = client.begin("POST", "/", ends=False)
    client.data(number, b"x" * 2000)
    assert client.wait(number).status == 413
    assert client.ask("/", "POST", b"x" * 1000).status == 200


def test_100_streams_of_which_one_never_reads(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address)
    client = h2_dial().ready()
    stuck = client.begin("GET", "/bytes/3000000")
    client.paused.add(stuck)
    others = [client.begin("GET", "/bytes/200000") for _ in range(99)]
    client.until(lambda: all(client.streams[number].over for number in others), 30)
    assert all(client.streams[number].size == 200000 for number in others)
    assert not client.streams[stuck].over and client.streams[stuck].size == 65535


def test_uploads_wait_for_their_backends(h2_proxy, scripted, h2_dial):
    """Backends that take nothing for a while hold up nobody for ever: every window is given back."""
    go = threading.Event()

    def script(connection, _):
        head, rest = read_head(connection)
        go.wait(20)
        size = len(rest)
        while size < 100000:
            size += len(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    h2_proxy(scripted(script).address)
    client = h2_dial().ready()
    streams = [client.begin("POST", "/", [("content-length", "100000")], ends=False)
               for _ in range(60)]
    threading.Timer(1, go.set).start()
    for number in streams:
        client.data(number, b"x" * 100000, ends=True)
    client.until(lambda: all(client.streams[number].over for number in streams), 30)
    assert all(client.streams[number].status == 200 for number in streams)


# ---- limits ----

def test_a_stalled_stream_ends(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address, "send_timeout 1s;")
    client = h2_dial().ready()
    stuck = client.begin("GET", "/bytes/3000000")
    client.paused.add(stuck)
    watch = Watch()
    assert client.wait(stuck).reset == CANCEL
    assert 0.8 < watch.wall() and watch.seconds() < 4
    assert client.ask("/").status == 200, "the connection goes on"


def test_a_stalled_body_ends(h2_proxy, scripted, h2_dial):
    def script(connection, _):
        read_head(connection)
        while connection.recv(65536):
            pass

    h2_proxy(scripted(script).address, "client_body_timeout 1s;")
    client = h2_dial().ready()
    watch = Watch()
    assert client.wait(client.begin("POST", "/", ends=False)).status == 408
    assert 0.8 < watch.wall() and watch.seconds() < 4


def test_idle_and_silent_connections_end(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address, "keepalive_timeout 1s; client_header_timeout 1s;")
    idle, silent, half = h2_dial(), h2_dial(), h2_dial()
    assert idle.ask("/").status == 200
    number = half.next_id()
    half.send(frames.frame(frames.HEADERS, 0, number, half.head()))
    for client in (idle, silent, half):
        watch = Watch()
        assert not client.until(lambda: False)
        assert client.goaways and watch.seconds() < 4


def test_keepalive_requests(h2_proxy, echo, h2_dial):
    h2_proxy(echo.address, "keepalive_requests 3;")
    client = h2_dial()
    assert [client.ask("/").status for _ in range(3)] == [200] * 3
    assert not client.until(lambda: False)
    assert [last for last, _ in client.goaways] == [2**31 - 1, 5]


def test_variables_know_the_protocol(gateway, authority, namespace, h2_dial):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "$server_protocol $connection_requests $scheme";')))
    gateway.start()
    client = h2_dial()
    assert client.ask("/").body == b"HTTP/2.0 1 https"
    assert client.ask("/").body == b"HTTP/2.0 2 https"


def test_misdirected(gateway, authority, namespace, h2_dial):
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "a.test", 'return 200 "a";'),
        texts.tls_server(authority, "b.test", 'return 200 "b";')))
    gateway.start()
    client = h2_dial()
    assert client.ask("/").body == b"a"
    number = client.begin("GET", "/", authority="b.test")
    assert client.wait(number).status == 421
    number = client.begin("GET", "/", authority="nobody.test")
    assert client.wait(number).body == b"a"


def test_the_default_server_answers_an_authority_that_no_server_has(gateway, authority, namespace,
                                                                    h2_dial):
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "wall.test", "return 403;", names="_"),
        texts.tls_server(authority, "a.test", 'return 200 "a";')))
    gateway.start()
    client = h2_dial()
    assert client.ask("/").body == b"a"
    assert client.wait(client.begin("GET", "/", authority="evil.test")).status == 403


# ---- graceful ends ----

@pytest.mark.parametrize("how", ["quit", "removed"])
def test_graceful_ends(how, h2_proxy, gateway, scripted, h2_dial):
    def script(connection, _):
        read_head(connection)
        time.sleep(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = scripted(script)
    h2_proxy(server.address)
    client = h2_dial().ready()
    client.answers = False  # the final GOAWAY comes after a second at the latest
    first = client.begin("GET", "/")
    wait_for(lambda: server.accepted, what="the first is with its backend")
    if how == "quit":
        gateway.process.send_signal(signal.SIGQUIT)
    else:
        gateway.remove_tenant("a")
        gateway.reload_whatever()
    client.until(lambda: client.goaways)
    second = client.begin("GET", "/") if how == "quit" else None
    assert not client.until(lambda: False, 15)
    assert client.streams[first].body == b"ok"
    if second:
        assert client.streams[second].body == b"ok", "between the two nothing is lost"
    assert [last for last, _ in client.goaways] == [2**31 - 1, second or first]
    assert {code for _, code in client.goaways} == {0}


def test_a_reload_disturbs_nobody(h2_proxy, gateway, authority, namespace, h2_dial, echo):
    h2_proxy(echo.address)
    client = h2_dial()
    assert client.ask("/").status == 200
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "new";')))
    assert "done" in gateway.reload()
    assert client.ask("/").body == b"new", "the next request uses the new configuration"
    assert not client.goaways


# ---- WebSocket ----

def websocket(accept=True):
    """A backend that upgrades, echoes, and says goodbye when the client's side ends."""
    heads = []

    def script(connection, _):
        head, rest = read_head(connection)
        heads.append(head.decode())
        key = re.search(r"sec-websocket-key: (\S+)", heads[-1], re.IGNORECASE).group(1)
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        answer = base64.b64encode(digest if accept else b"x" * 20).decode()
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                            f"websocket\r\nSec-WebSocket-Accept: {answer}\r\n"
                            "Sec-WebSocket-Protocol: chat\r\n\r\n").encode())
        while part := connection.recv(65536):
            connection.sendall(part)
        connection.sendall(b"bye")

    return heads, script


CONNECT = [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")]


def test_websocket(h2_proxy, scripted, h2_dial):
    heads, script = websocket()
    h2_proxy(scripted(script).address)
    client = h2_dial().ready()
    assert client.settings[8] == 1, "SETTINGS_ENABLE_CONNECT_PROTOCOL"
    number = client.begin("CONNECT", "/chat", CONNECT, protocol="websocket", ends=False)
    stream = client.streams[number]
    client.until(lambda: stream.heads)
    assert stream.status == 200 and stream.head["sec-websocket-protocol"] == "chat"
    assert "sec-websocket-accept" not in stream.head and "upgrade" not in stream.head
    assert heads[0].startswith("GET /chat HTTP/1.1\r\n")
    lines = [line.lower() for line in heads[0].split("\r\n")]
    assert "upgrade: websocket" in lines and "connection: upgrade" in lines
    assert "sec-websocket-version: 13" in lines
    client.data(number, b"hello" * 50000)
    client.until(lambda: stream.size == 250000)
    client.data(number, b"!", ends=True)
    client.wait(number)
    assert stream.ended and stream.body.endswith(b"!bye")


def test_websocket_that_the_backend_does_not_speak(h2_proxy, scripted, h2_dial):
    _, script = websocket(accept=False)
    h2_proxy(scripted(script).address)
    client = h2_dial().ready()
    number = client.begin("CONNECT", "/", CONNECT, protocol="websocket", ends=False)
    assert client.wait(number).status == 502
    number = client.begin("CONNECT", "/", protocol="other", ends=False)
    assert client.wait(number).status == 501
    number = client.next_id()
    client.send(frames.frame(frames.HEADERS, frames.END_HEADERS, number, client.encoder.encode(
        [(":method", "CONNECT"), (":authority", "a.test:443")])))
    assert client.wait(number).status == 501
