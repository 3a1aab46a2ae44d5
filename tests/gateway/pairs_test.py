# SPDX-License-Identifier: MIT
"""The four pairs: clients of HTTP/1.1 and HTTP/2 over TLS, before backends of either version."""

import concurrent.futures
import filecmp
import json
import os
import socket
import struct
import subprocess
import threading
import time

import h2.events
import h2.settings
import pytest

from harness import frames, texts
from harness.backend import EchoServer, Scripted, read_head
from harness.client import read_all
from harness.frames import Frames
from harness.gateway import is_sanitized, wait_for
from harness.h2_backend import Server, echo, nghttpd, nginx
from harness.one_request import One, Two

pytestmark = [pytest.mark.parametrize("backend", ["1", "2"], ids=["to1", "to2"]),
              pytest.mark.parametrize("client", ["1", "2"], ids=["from1", "from2"])]
MEBIBYTE = 1 << 20
LARGE = (64 if is_sanitized() else 256) * MEBIBYTE
SIZES = [0, 1, MEBIBYTE, LARGE]
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
NO_ERROR, INTERNAL_ERROR, CANCEL = 0, 2, 8
CLOSED = (BrokenPipeError, ConnectionResetError)


@pytest.fixture
def dial(client, authority, namespace):
    """dial() makes a client for one request: a connection, or a stream of one shared connection."""
    shared = []

    def make(**more):
        if client == "1":
            return One(namespace, authority.context, **more)
        if not shared:
            shared.append(Frames(namespace, texts.ADDRESS, authority.context(("h2",))).ready())
        return Two(shared[0])

    yield make
    for connection in shared:
        connection.close()


@pytest.fixture
def before(backend, gateway, authority, namespace):
    """before(server): a gateway of one worker before it, which asks it in the pair's version."""
    servers = []

    def start(server):
        servers.append(server)
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        version = "proxy_http_version 2;" if backend == "2" else ""
        gateway.tenant("a", texts.proxied(authority, namespace, "a.test", server.address,
                                          "client_max_body_size 0;", version))
        gateway.start()
        return server

    yield start
    for server in servers:
        server.close()


# ---- bodies of all sizes ----

@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of each size; large ones have islands of random bytes in a sea of zeros."""
    folder = tmp_path_factory.mktemp("files")
    os.chmod(folder, 0o755)
    for size in SIZES:
        with open(folder / str(size), "wb") as file:
            file.truncate(size)
            for at in range(0, size, 5 * MEBIBYTE + 77):
                file.seek(at)
                file.write(os.urandom(min(size - at, MEBIBYTE // 2 + 3)))
            file.seek(max(0, size - 1))
            file.write(os.urandom(min(size, 1)))
    yield folder
    for size in SIZES:
        (folder / str(size)).unlink()


def echoing_nginx(folder, files):
    """nginx of HTTP/1.1: GET serves the files, POST /echo sends the body back from where it was
    spooled."""
    return nginx(folder, f"""
        root {files};
        location = /echo {{
            if ($content_length = 0) {{ return 200; }}
            client_body_in_file_only clean;
            proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_set_header X-File $request_body_file;
            proxy_pass http://unix:{folder}/spool;
        }}
        location /spooled/ {{ internal; alias /; }}
        }} server {{ listen unix:{folder}/spool;
            location / {{ add_header X-Accel-Redirect /spooled$http_x_file; return 200; }}""",
                 protocol="")


@pytest.fixture
def curl(client, authority, namespace, tmp_path):
    """curl(...) asks for a path; returns the body's file and what -w tells."""
    version = "--http1.1" if client == "1" else "--http2"
    out = tmp_path / "out"
    command = ["ip", "netns", "exec", namespace, "curl", "-sS", version, "--max-time", "60",
               "--cacert", authority.ca, "--resolve", f"a.test:{texts.PORT}:127.0.0.1",
               "-H", "Expect:", "-o", out, "-w",
               "%{http_version} %{http_code} %{size_upload} %{size_download}"]

    def ask(path, *options, feed=None):
        out.write_bytes(b"")
        done = subprocess.run([*map(str, command), *map(str, options),
                               f"https://a.test:{texts.PORT}{path}"], stdin=feed,
                              capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return out, done.stdout

    yield ask
    out.unlink(missing_ok=True)


def test_bodies_of_all_sizes(client, backend, before, curl, files, tmp_path):
    before(echoing_nginx(tmp_path, files) if backend == "1" else nghttpd(files, "--echo-upload"))
    said = "1.1 200" if client == "1" else "2 200"
    for size in SIZES:
        whole = files / str(size)
        out, facts = curl(f"/{size}")
        assert facts == f"{said} 0 {size}" and filecmp.cmp(out, whole, False)
        out, facts = curl(f"/{size}", "-I")
        assert facts.startswith(said) and facts.endswith(" 0 0")
        if backend == "1":
            assert f"\ncontent-length: {size}\n" in out.read_text().lower().replace("\r", "")
        out, facts = curl("/echo", "-X", "POST", "-T", whole)
        assert facts == f"{said} {size} {size}" and filecmp.cmp(out, whole, False)
    with open(files / str(MEBIBYTE), "rb") as feed:  # of a length that nobody knows beforehand
        out, facts = curl("/echo", "-X", "POST", "-T", "-", feed=feed)
    assert facts.startswith(said) and filecmp.cmp(out, feed.name, False)


# ---- trailers ----

def trailing(peer, event):
    """As harness.backend.Echo answers /chunked/3; all else is told as JSON."""
    if not isinstance(event, h2.events.StreamEnded):
        return
    if dict(peer.headers[event.stream_id])[":path"] == "/chunked/3":
        peer.respond(event.stream_id, 200, b"chunk 0\nchunk 1\nchunk 2\n",
                     trailers=[("x-sum", "3")])
    else:
        echo(peer, event)


def test_trailers_both_ways(backend, before, dial):
    before(EchoServer() if backend == "1" else Server(trailing))
    asked = dial().begin("POST", "/up", ends=False)
    asked.data(b"abc")
    asked.trailers("x-sum", "7")
    status, body, _ = asked.whole()
    seen = json.loads(body)
    assert status == 200 and seen["length"] == 3
    got = [t.lower() if isinstance(t, str) else ": ".join(t) for t in seen["trailers"]]
    assert got == ["x-sum: 7"]
    assert dial().begin("GET", "/chunked/3").whole() == (
        200, b"chunk 0\nchunk 1\nchunk 2\n", {"x-sum": "3"})


# ---- cancelling ----

class Endless:
    """A backend of the pair's version whose downloads never end and that reads whatever is sent.
    .size: bytes of bodies taken, .ends: when it heard of each end; /ok is answered at once."""

    def __init__(self, backend):
        self.size, self.ends, self.codes = 0, [], []
        self.server = Scripted(self.script) if backend == "1" else Server(self.handle)
        self.address, self.close = self.server.address, self.server.close

    def script(self, connection, _):
        head, rest = read_head(connection)
        self.size += len(rest)
        if head.startswith(b"GET /ok "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            return
        try:
            if head.startswith(b"GET "):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 65536)
            while part := connection.recv(65536):
                self.size += len(part)
        except CLOSED:
            pass
        self.ends.append(time.monotonic())

    def handle(self, peer, event):
        if isinstance(event, h2.events.RequestReceived):
            headers = dict(event.headers)
            if headers[":path"] == "/ok":
                peer.respond(event.stream_id, 200, b"ok", [("content-length", "2")])
            elif headers[":method"] == "GET":
                peer.respond(event.stream_id, 200, bytes(100 * MEBIBYTE))
        elif isinstance(event, h2.events.DataReceived):
            self.size += len(event.data)
        elif isinstance(event, h2.events.StreamReset):
            self.ends.append(time.monotonic())
            self.codes.append(event.error_code)


def hears_of_the_end(server):
    wait_for(lambda: server.ends, 10, "the backend hears of the cancellation")
    assert all(code == CANCEL for code in server.codes)


def test_a_cancelled_download(backend, before, dial):
    server = before(Endless(backend))
    asked = dial().begin("GET", "/")
    asked.has_read(200000)
    assert not server.ends
    asked.cancel()
    hears_of_the_end(server)
    status, body, _ = dial().begin("GET", "/ok").whole()
    assert (status, body) == (200, b"ok") and len(server.ends) == 1


def test_a_cancelled_upload(backend, before, dial):
    server = before(Endless(backend))
    asked = dial().begin("POST", "/", ends=False)
    asked.data(b"y" * 100000)
    wait_for(lambda: server.size >= 100000, 10, "the body is with the backend")
    assert not server.ends
    asked.cancel()
    hears_of_the_end(server)
    status, body, _ = dial().begin("GET", "/ok").whole()
    assert (status, body) == (200, b"ok") and len(server.ends) == 1


class Quitter:
    """A backend of the pair's version that resets a download, or an upload, in its middle."""

    def __init__(self, backend):
        self.server = Scripted(self.script) if backend == "1" else Server(self.handle)
        self.address, self.close = self.server.address, self.server.close
        self.taken = threading.Event()  # the client has what came before

    def script(self, connection, _):
        head, rest = read_head(connection)
        if head.startswith(b"GET "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50000)
            self.taken.wait(10)
        elif not rest:
            connection.recv(1000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def handle(self, peer, event):
        if isinstance(event, h2.events.RequestReceived):
            if dict(event.headers)[":method"] == "POST":
                return
            peer.respond(event.stream_id, 200, b"x" * 50000, end=False)
            peer.flush()
            self.taken.wait(10)
        elif not isinstance(event, h2.events.DataReceived):
            return
        peer.h2.reset_stream(event.stream_id, 2)


def test_a_backend_that_gives_up(client, backend, before, dial):
    server = before(Quitter(backend))
    asked = dial().begin("POST", "/", ends=False)
    asked.data(b"y" * 50000)
    if client == "2":
        asked.connection.wait(asked.number)
        assert asked.stream.status == 502 and asked.stream.reset in (None, NO_ERROR)
    else:
        asked.has_read(20)
        assert asked.answer.startswith(b"HTTP/1.1 502 ")
    asked = dial().begin("GET", "/")
    asked.has_read(50000)
    server.taken.set()
    if client == "2":
        asked.connection.wait(asked.number)
        assert asked.stream.reset == INTERNAL_ERROR and asked.stream.size == 50000
    else:
        rest = read_all(asked.sock)
        assert not rest.endswith(b"0\r\n\r\n") and len(asked.answer + rest) < 51000


# ---- many at once ----

COUNT, SIZE, STUCK = 100, 200000, 16 * MEBIBYTE


class Together:
    """A backend of the pair's version that answers /N with N bytes once COUNT requests are
    there."""

    def __init__(self, backend):
        self.barrier, self.guard, self.waiting = threading.Barrier(COUNT), threading.Lock(), []
        self.server = Scripted(self.script) if backend == "1" else Server(
            self.handle, {STREAMS: 2 * COUNT})
        self.address, self.close = self.server.address, self.server.close

    def script(self, connection, _):
        head, _ = read_head(connection)
        size = int(head.split(b" ")[1][1:])
        self.barrier.wait(30)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    def handle(self, peer, event):
        if not isinstance(event, h2.events.StreamEnded):
            return
        with self.guard:
            self.waiting.append((peer, event.stream_id))
            if len(self.waiting) < COUNT:
                return
        for each, stream in self.waiting:
            size = int(dict(each.headers[stream])[":path"][1:])
            with each.lock:
                each.respond(stream, 200, b"x" * size, [("content-length", str(size))])
                each.flush()


def read_all_but_one(dial, client):
    """Asks for COUNT bodies at once; returns the one that was not read, and the others' lengths."""
    stuck = dial(receive=4096) if client == "1" else dial()
    stuck.begin("GET", f"/{STUCK}")
    if client == "2":
        stuck.connection.paused.add(stuck.number)
        others = [dial().begin("GET", f"/{SIZE}") for _ in range(COUNT - 1)]
        return stuck, [len(other.whole()[1]) for other in others]
    with concurrent.futures.ThreadPoolExecutor(COUNT - 1) as pool:
        ask = [pool.submit(lambda: dial().begin("GET", f"/{SIZE}").whole())
               for _ in range(COUNT - 1)]
        return stuck, [len(each.result(40)[1]) for each in ask]


def test_a_hundred_at_once_and_one_that_never_reads(client, backend, before, dial):
    server = before(Together(backend))
    stuck, lengths = read_all_but_one(dial, client)
    assert lengths == [SIZE] * (COUNT - 1)
    if backend == "2":
        assert server.server.accepted <= 2, "one connection carries them"
    # Nobody took the stuck one's bytes in the meantime; now they come, all of them.
    if client == "2":
        assert stuck.stream.size == 65535 and not stuck.stream.over
        stuck.connection.paused.clear()
        stuck.connection.send(frames.frame(frames.WINDOW_UPDATE, 0, stuck.number,
                                           STUCK.to_bytes(4, "big")))
        stuck.connection.wait(stuck.number, 30)
        assert stuck.stream.ended and stuck.stream.size == STUCK
    else:
        assert len(stuck.whole()[1]) == STUCK
