# SPDX-License-Identifier: MIT
"""Hostile HTTP/2 clients, frame by frame: rows H1 to H6 and S2 of the fault list; and honest ones
that look like them (H9). Behind the gateway a backend witnesses what arrives; afterwards the CPU is idle again."""

import os
import struct
import threading

import h2.events
import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.client import Connection, say
from harness.frames import Frames, frame
from harness.gateway import is_sanitized, wait_for
from harness.h2_backend import Server
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
END_HEADERS, END_STREAM = frames.END_HEADERS, frames.END_STREAM


class Witness:
    """Counts requests that are in flight at once, and keeps every byte that came."""

    def __init__(self):
        self.lock, self.now, self.most, self.total, self.bytes = threading.Lock(), 0, 0, 0, b""

    def script(self, connection, _):
        with self.lock:
            self.now += 1
            self.total += 1
            self.most = max(self.most, self.now)
        try:
            while True:
                head, rest = read_head(connection)
                with self.lock:
                    self.bytes += head + rest
                if b"/hang" in head:
                    while connection.recv(65536):
                        pass
                    return
                size = 3000000 if b"/large" in head else 2
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size +
                                   b"k" * size)
        except OSError:
            pass
        finally:
            with self.lock:
                self.now -= 1


@pytest.fixture
def attacked(gateway, namespace, scripted):
    """A gateway with one worker before a witness; checked for an idle CPU afterwards."""
    witness = Witness()
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    server = scripted(witness.script)
    gateway.tenant("a", texts.plain(
        namespace, f"location / {{ proxy_pass http://{server.address}; }}",
        settings="keepalive_requests 1000000; send_timeout 2s;"))
    gateway.start()
    yield gateway, witness
    assert Connection(namespace, PLAIN).ask("/").status == 200, "others are served"
    wait_for(lambda: gateway.spent_in_a_second() < 0.05, 10, "it is idle again")


@pytest.fixture
def dial(namespace):
    made = []

    def open_one(**more):
        made.append(Frames(namespace, PLAIN, **more))
        return made[-1]

    yield open_one
    for connection in made:
        connection.close()


def flood(client, pieces, seconds=30, ahead=None):
    """Sends until the gateway ends the connection, reading what it says now and then; returns how
    many pieces left. ahead: after so many the gateway is waited for, so that what a busy machine
    leaves in the sockets is not counted."""
    watch = Watch()

    def is_over():
        return client.closed or any(code for _, code in client.goaways)

    for count, piece in enumerate(pieces):
        assert watch.lasts(seconds), f"still open after {count}"
        try:
            client.send(piece)
            if ahead and count % ahead == ahead - 1:
                pongs = client.pongs
                client.send(frame(frames.PING, 0, 0, bytes(8)))
                client.until(lambda: is_over() or client.pongs > pongs)
            else:
                client.sock.settimeout(0)
                client.step()
        except (BlockingIOError, TimeoutError):
            pass
        except OSError:
            client.closed = True
        client.sock.settimeout(netns.PATIENCE)
        if is_over():
            return count + 1
    return None


def ended(client, seconds=10):
    """Whether the gateway has ended the connection by then."""
    try:
        return not client.until(lambda: False, seconds)
    except OSError:
        return True


def test_rapid_reset(attacked, dial):
    """H1: HEADERS and RST_STREAM, over and over, some in one write and some apart. A thousand are
    forgiven, and 33 more in each second that this takes; then come those that were ahead."""
    _, witness = attacked
    client, watch = dial().ready(), Watch()

    def pieces(per_write):
        while True:
            out = b""
            for _ in range(per_write):
                number = client.next_id()
                out += frame(frames.HEADERS, END_HEADERS | END_STREAM, number,
                             client.head("GET", "/hang"))
                out += frame(frames.RST_STREAM, 0, number, struct.pack(">I", 8))
            yield out

    count = flood(client, pieces(10), ahead=20)
    assert count and count * 10 < 1000 + 33 * watch.wall() + 2 * 200, count
    assert witness.most <= 128
    assert witness.total < 200, "what is cancelled in the same breath costs the backend nothing"
    client, watch = dial().ready(), Watch()

    def apart():
        while True:
            number = client.next_id()
            yield frame(frames.HEADERS, END_HEADERS | END_STREAM, number, client.head("GET", "/hang"))
            yield frame(frames.RST_STREAM, 0, number, struct.pack(">I", 8))

    count = flood(client, apart(), ahead=200)
    assert count and count / 2 < 1000 + 33 * watch.wall() + 2 * 100, count
    assert witness.most <= 128


def test_made_you_reset(attacked, dial):
    """H2: the client provokes our resets by windows that overflow."""
    _, witness = attacked
    client = dial().ready()

    count = 0
    while not client.goaways and not client.closed:
        pongs, piece = client.pongs, b""
        for _ in range(20):
            number = client.next_id()
            piece += frame(frames.HEADERS, END_HEADERS | END_STREAM, number, client.head("GET", "/hang"))
            piece += frame(frames.WINDOW_UPDATE, 0, number, struct.pack(">I", 0x7fffffff))
        try:
            client.send(piece + frame(frames.PING, 0, 0, b"12345678"))
            client.until(lambda: client.goaways or client.pongs > pongs)
        except OSError:
            break
        count += 20
        assert count <= 400
    assert sum(stream.reset is not None for stream in client.streams.values()) <= 200
    assert witness.most <= 128


@pytest.mark.parametrize("kind", ["priority", "unknown", "data", "window"])
def test_useless_frames(attacked, dial, kind):
    """H3: frames that mean nothing."""
    client = dial().ready()
    number = client.begin("POST", "/hang", ends=False)
    piece = {"priority": frame(frames.PRIORITY, 0, number, b"\0\0\0\0\7"),
             "unknown": frame(0xbe, 0, 0, b"x"),
             "data": frame(frames.DATA, 0, number),
             "window": frame(frames.WINDOW_UPDATE, 0, number, b"\0\0\0\1")}[kind]
    count = 0
    while not client.goaways and not client.closed:
        pongs = client.pongs
        try:
            client.send(piece * 1000 + frame(frames.PING, 0, 0, b"12345678"))
            client.until(lambda: client.goaways or client.pongs > pongs)
        except OSError:
            break
        count += 1000
        assert count <= 10000


@pytest.mark.parametrize("kind", ["ping", "settings"])
def test_answers_that_are_never_read(attacked, dial, kind):
    """H4: the gateway stops listening to who does not listen, and ends it."""
    gateway, _ = attacked
    (worker,) = gateway.workers()
    before = gateway.memory(worker)
    client = dial(receive=4096).ready()
    piece = frame(frames.PING, 0, 0, b"12345678") if kind == "ping" else frames.settings()
    client.sock.settimeout(0.2)
    most, watch = 0, Watch()
    gone = False
    while not gone:
        assert watch.lasts(25)
        try:
            client.send(piece * 20)
        except TimeoutError:
            pass
        except OSError:
            gone = True
        most = max(most, gateway.memory(worker) - before)
    assert is_sanitized() or most < 2048, f"{most} kB held"


def test_endless_continuation(attacked, dial):
    """H5"""
    client = dial().ready()
    number = client.next_id()
    client.send(frame(frames.HEADERS, 0, number, client.head()))
    block = client.encoder.encode([("x-a", "y" * 100)], huffman=False)
    count = flood(client, (frame(frames.CONTINUATION, 0, number, block) for _ in range(1000)))
    assert count is None or count < 1000
    assert ended(client)


def test_header_bomb(attacked, dial):
    """H6: a few bytes that decode into very much."""
    gateway, witness = attacked
    (worker,) = gateway.workers()
    before = gateway.memory(worker)
    client = dial().ready()
    number = client.next_id()
    # A field of 4 KB goes to the table once; each further byte is that field again.
    block = client.head("GET", "/bomb", [("x-bomb", "b" * 3900)]) + b"\xbe" * 12000
    client.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, number, block))
    stream = client.wait(number)
    assert stream.status == 431 or stream.reset is not None
    assert b"/bomb" not in witness.bytes
    number = client.next_id()
    block = client.head("GET", "/many", [("x", "y")]) + b"\xbe" * 200
    client.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, number, block))
    stream = client.wait(number)
    assert stream.status == 431 or stream.reset is not None
    assert b"/many" not in witness.bytes
    assert is_sanitized() or gateway.memory(worker) - before < 2048


def test_zero_windows(attacked, dial):
    """H6: responses that are asked for and never let through."""
    gateway, witness = attacked
    (worker,) = gateway.workers()
    client = dial(window=0).ready()
    numbers = [client.begin("GET", "/large") for _ in range(100)]
    watch = Watch()
    try:
        client.until(lambda: all(client.streams[number].over for number in numbers), 20)
    except AssertionError:
        print({n: (client.streams[n].status, client.streams[n].reset) for n in numbers}, witness.now, witness.total)
        raise
    assert {client.streams[number].reset for number in numbers} == {8}
    assert watch.seconds() < 8
    wait_for(lambda: witness.now == 0, 10, "the backends are let go")


# ---- honest ones ----

def give_back(number, size, piece):
    """The window of the connection, and of a stream, in pieces."""
    more = struct.pack(">I", piece)
    return (frame(frames.WINDOW_UPDATE, 0, 0, more) +
            frame(frames.WINDOW_UPDATE, 0, number, more)) * (size // piece)


def test_windows_given_back_in_pieces(attacked, dial):
    """H9: as buffered readers do; each of these connections brings 15,000 such frames at least."""
    for piece in (1024, 2048, 4096):
        download_in_pieces(dial().ready(), piece)


def download_in_pieces(client, piece):
    client.acknowledges = False
    for _ in range(10):
        number, returned = client.begin("GET", "/large"), 0
        while not client.streams[number].ended:
            client.step()
            assert not client.closed and not client.goaways
            due = client.streams[number].size - returned
            client.send(give_back(number, due, piece))
            returned += due - due % piece
        assert client.streams[number].size == 3000000
    assert client.ask("/").status == 200


def test_uploads_to_a_server_that_gives_windows_back_in_pieces(gateway, namespace):
    """H9, the other way."""
    def handle(peer, event):
        if isinstance(event, h2.events.DataReceived):
            for _ in range(len(event.data) // 1024):
                peer.h2.increment_flow_control_window(1024)
                peer.h2.increment_flow_control_window(1024, event.stream_id)
            peer.h2.increment_flow_control_window(len(event.data) % 1024 or 1)
            peer.h2.increment_flow_control_window(len(event.data) % 1024 or 1, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, 200, b"ok")

    server = Server(handle)
    server.windows = False
    gateway.tenant("a", texts.plain(
        namespace, f"location / {{ proxy_http_version 2; proxy_pass http://{server.address}; }}",
        settings="client_max_body_size 0;"))
    gateway.start()
    answer = Connection(namespace, PLAIN).ask("/", "POST", b"u" * (16 << 20))
    assert answer.status == 200
    assert len(server.peers) == 1 and len(server.peers[0].bodies[1]) == 16 << 20
    server.close()


def test_one_stream_in_three_is_cancelled(attacked, dial):
    """H9: a front proxy with many users behind it."""
    client = dial().ready()
    for _ in range(200):
        numbers = [client.begin("GET", "/hang" if i % 3 == 0 else "/") for i in range(30)]
        served = [number for i, number in enumerate(numbers) if i % 3]
        client.until(lambda: all(client.streams[number].over for number in served))
        client.send(b"".join(frame(frames.RST_STREAM, 0, number, struct.pack(">I", 8))
                             for number in numbers[::3]))
        assert {client.streams.pop(number).status for number in served} == {200}
    assert not client.goaways and client.ask("/").status == 200


# ---- frames that a stream's state does not allow ----

PROTOCOL_ERROR, STREAM_CLOSED = 1, 5
WRONG = {
    "data on a closed stream": (frames.DATA, END_STREAM, 0, b"test", STREAM_CLOSED),
    "headers on a closed stream": (frames.HEADERS, END_HEADERS | END_STREAM, 0, None, STREAM_CLOSED),
    "an identifier that goes back": (frames.HEADERS, END_HEADERS | END_STREAM, -2, None, PROTOCOL_ERROR),
    "an even identifier": (frames.HEADERS, END_HEADERS | END_STREAM, 1, None, PROTOCOL_ERROR),
    "data on an idle stream": (frames.DATA, END_STREAM, 2, b"test", PROTOCOL_ERROR),
    "a window of an idle stream": (frames.WINDOW_UPDATE, 0, 2, b"\0\0\0\1", PROTOCOL_ERROR),
    "priority on stream 0": (frames.PRIORITY, 0, None, b"\0\0\0\1\7", PROTOCOL_ERROR),
    "a stream that depends on itself": (frames.PRIORITY, 0, 2, b"self\7", PROTOCOL_ERROR),
}


def test_frames_out_of_state(attacked, dial):
    """RFC 9113 sections 5.1, 5.1.1 and 6.3."""
    for name, case in WRONG.items():
        assert code_for(dial().ready(), *case[:-1]) == case[-1], name


def code_for(client, kind, flags, away, payload):
    """What the connection ends with."""
    client.last += 2
    done = client.begin("GET", "/")
    assert client.wait(done).status == 200
    number = 0 if away is None else done + away
    if payload is None:
        payload = client.head("GET", "/")
    payload = payload.replace(b"self", struct.pack(">I", number))
    client.send(frame(kind, flags, number, payload))
    client.until(lambda: client.goaways)
    assert len(client.goaways) == 1 and ended(client)
    return client.goaways[0][1]


def test_what_a_closed_stream_may_still_get(attacked, dial):
    client = dial().ready()
    done = client.begin("GET", "/")
    client.wait(done)
    for kind, payload in ((frames.PRIORITY, b"\0\0\0\0\7"), (frames.WINDOW_UPDATE, b"\0\0\1\0"),
                          (frames.RST_STREAM, b"\0\0\0\x08")):
        client.send(frame(kind, 0, done, payload))
    assert client.ask("/").status == 200 and not client.goaways


CR_LF = [
    ("name", [("x-a\r\nx-b", "1")], {}),
    ("value", [("x-a", "1\r\nx-b: 2")], {}),
    ("bare line feed", [("x-a", "1\nx-b: 2")], {}),
    ("nul", [("x-a", "1\0")], {}),
    ("upper case", [("X-A", "1")], {}),
    ("path", [], {"path": "/a HTTP/1.1\r\nx-b: 2"}),
    ("path with a space", [], {"path": "/a b"}),
    ("absolute path", [], {"path": "http://evil.test/"}),
    ("method", [], {"method": "GET / HTTP/1.1\r\nx-b: 2\r\n\r\nGET"}),
    ("connection", [("connection", "close")], {}),
    ("transfer-encoding", [("transfer-encoding", "chunked")], {}),
    ("upgrade", [("upgrade", "h2c")], {}),
    ("keep-alive", [("keep-alive", "1")], {}),
    ("te", [("te", "gzip")], {}),
    ("two lengths", [("content-length", "1"), ("content-length", "2")], {}),
    ("odd length", [("content-length", "+1")], {}),
    ("length and no body", [("content-length", "5")], {}),
    ("another host", [("host", "evil.test")], {}),
    ("authority with user", [], {"authority": "user@a.test"}),
    ("late pseudo field", [("x-a", "1"), (":path", "/b")], {}),
]


@pytest.mark.parametrize("name,fields,change", CR_LF, ids=[case[0] for case in CR_LF])
def test_what_http1_would_misread(attacked, dial, name, fields, change):
    """S2: the stream is reset, or answered with an error; nothing reaches the backend."""
    _, witness = attacked
    client = dial().ready()
    number = client.begin(change.pop("method", "GET"), change.pop("path", "/"), fields, **change)
    stream = client.wait(number)
    assert stream.reset is not None or 400 <= stream.status < 600, name
    assert witness.bytes == b"" and witness.total == 0
    assert client.ask("/").status == 200, "the connection goes on"


@pytest.mark.parametrize("size", [3, 7])
def test_a_body_of_another_length(attacked, dial, size):
    """S2: too short or too long; the backend sees no complete request."""
    _, witness = attacked
    client = dial().ready()
    number = client.begin("POST", "/hang", [("content-length", "5")], ends=False)
    client.data(number, b"x" * size, ends=True)
    assert client.wait(number).reset is not None
    wait_for(lambda: witness.now == 0, 10, "the backend is let go")
    head, _, body = witness.bytes.partition(b"\r\n\r\n")
    assert len(body) <= 5 and b"x" * 6 not in witness.bytes


def test_garbage(attacked, dial, namespace):
    sock = netns.connect(namespace, PLAIN)
    say(sock, frames.PREFACE + os.urandom(20000))
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    sock.close()
