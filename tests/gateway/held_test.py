# SPDX-License-Identifier: MIT
"""What one connection holds while it waits, in bytes of the worker's heap: as little as it has to,
in the middle of whatever it waits, and whatever it did before."""

import pathlib
import socket
import ssl
import struct
import subprocess
import time

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.frames import Frames
from harness.gateway import wait_for
from harness.h2_backend import Server, echo

pytestmark = pytest.mark.measures
HERE = pathlib.Path(__file__).resolve().parent
PLAIN = ("127.0.0.1", 8080)
COUNT = 40
SETTINGS = """keepalive_requests 1000000; keepalive_timeout 600s; client_header_timeout 600s;
              client_body_timeout 600s; max_connections 1000;"""


@pytest.fixture
def worker(gateway, authority, namespace, tmp_path):
    """worker(*blocks, settings) starts the gateway with one worker; worker.live() is its heap."""
    library, folder = tmp_path / "live.so", tmp_path / "live"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, HERE / "harness" / "live.c"],
                   check=True)
    folder.mkdir(mode=0o777)

    class Worker:
        def start(self, body, settings=""):
            gateway.settings["worker_processes"] = "1"
            gateway.write_main()
            gateway.tenant("a", texts.tenant(
                namespace, texts.tls_server(authority, "a.test", body),
                f"server {{ listen 127.0.0.1:8080; {body} }}", settings=SETTINGS + settings))
            gateway.start(env={"LD_PRELOAD": str(library), "NSGATE_LIVE": str(folder)})
            (pid,) = gateway.workers()
            self.path = folder / str(pid)
            return self

        def live(self):
            """Once it has stopped changing."""
            last, since = None, time.monotonic()
            while time.monotonic() - since < 0.15:
                now = struct.unpack("Q", self.path.read_bytes())[0]
                if now != last:
                    last, since = now, time.monotonic()
                time.sleep(0.02)
            return last

        def each(self, make, count=COUNT):
            """Bytes that each of many costs, beyond what the first few made the worker keep."""
            kept = [make() for _ in range(5)]
            before = self.live()
            kept += [make() for _ in range(count)]
            cost = (self.live() - before) / count
            for one in kept:
                one.close()
            return cost

    return Worker()


def pieces(sock, data, size):
    for at in range(0, len(data), size):
        sock.sendall(data[at:at + size])
        time.sleep(0.002)
    return sock


def tcp(namespace, address=PLAIN):
    sock = netns.connect(namespace, address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def client_hello(name):
    """As a whole, in one record."""
    context = ssl.create_default_context()
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


# ---- clients ----


@pytest.mark.parametrize("size", [100, 600, 1500, 3000])
def test_a_trickled_head(size, worker, namespace):
    worker.start("return 200 x;")
    idle = worker.each(lambda: tcp(namespace))
    head = b"GET / HTTP/1.1\r\nHost: a.test\r\nX: ".ljust(size, b"y")
    cost = worker.each(lambda: pieces(tcp(namespace), head, size // 4 + 1))
    print(f"{size}: {cost:.0f}, idle {idle:.0f}")
    assert cost - idle < size + 4096


def test_a_trickled_chunked_body(worker, namespace, scripted):
    def script(connection, _):
        read_head(connection)
        while connection.recv(65536):
            pass

    worker.start(f"location / {{ proxy_pass http://{scripted(script).address}; }}")
    head = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    begun = worker.each(lambda: pieces(tcp(namespace), head + b"3\r\nabc\r\n", 1000))
    cost = worker.each(lambda: pieces(tcp(namespace), head + b"3\r\nabc\r\n3;" + bytes(b"x" * 50), 60))
    print(f"{cost:.0f}, between chunks {begun:.0f}")
    assert cost - begun < 2048


def test_a_trickled_hello(worker, namespace):
    worker.start("return 200 x;")
    idle = worker.each(lambda: tcp(namespace, texts.ADDRESS))
    hello = client_hello("a.test")
    cost = worker.each(lambda: pieces(tcp(namespace, texts.ADDRESS), hello[:-5], 100))
    print(f"{cost:.0f}, without a byte {idle:.0f}")
    assert idle < 20000, "nothing is prepared for a client that says nothing"
    assert cost - idle < 4096


def test_a_trickled_record(worker, namespace, authority):
    worker.start("return 200 x;")
    context = authority.context()

    def idle():
        return context.wrap_socket(tcp(namespace, texts.ADDRESS), server_hostname="a.test")

    class Half:
        """A connection with half a record on it."""
        def __init__(self):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.sock = tcp(namespace, texts.ADDRESS)
            tls = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self.sock.sendall(outgoing.read())
                    incoming.write(self.sock.recv(65536))
            self.sock.sendall(outgoing.read())
            tls.write(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n" * 10)
            pieces(self.sock, outgoing.read()[:300], 100)
            self.close = self.sock.close

    quiet, cost = worker.each(idle), worker.each(Half)
    print(f"{cost:.0f}, idle {quiet:.0f}")
    assert cost - quiet < 4096


def test_an_idle_http2_connection(worker, namespace):
    worker.start("return 200 x;")

    def ask(streams):
        client = Frames(namespace, PLAIN).ready()
        numbers = client.begin_all(streams, "GET", "/")
        assert all(client.wait(number).status == 200 for number in numbers)
        return client

    quiet, cost = worker.each(lambda: ask(1)), worker.each(lambda: ask(100))
    print(f"{cost:.0f} after 100 streams, {quiet:.0f} after one")
    assert cost - quiet < 4096


def test_an_idle_websocket(worker, namespace, scripted):
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                           b"Upgrade: websocket\r\n\r\nhello")
        while data := connection.recv(65536):
            connection.sendall(data)

    worker.start(f"location / {{ proxy_pass http://{scripted(script).address}; }}")
    head = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    def talk():
        sock = tcp(namespace)
        sock.sendall(head)
        data = b""
        while not data.endswith(b"hello"):
            data += sock.recv(4096)
        sock.sendall(bytes(100000))
        left = 100000
        while left:
            left -= len(sock.recv(65536))
        return sock

    cost = worker.each(talk)
    print(f"{cost:.0f}")
    assert cost < 24000, "no buffer of 16 KiB, on neither side"


# ---- backends ----


def test_a_trickled_response_head(worker, namespace, scripted):
    """What it adds to exchanges that wait already. Requests that leave together take buffers, and so
    do connections that end, of which the worker keeps some for later: that is another matter."""
    asked, clients = [], []

    def script(connection, _):
        read_head(connection)
        asked.append(connection)
        connection.recv(1)

    worker.start(f"location / {{ proxy_pass http://{scripted(script).address}; }}")
    for size in (100, 1500, 3000):
        asked.clear()
        for _ in range(COUNT):
            clients.append(pieces(tcp(namespace), b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 1000))
        wait_for(lambda: len(asked) == COUNT, 10, "all requests at the server")
        before = worker.live()
        for server in asked:
            pieces(server, b"HTTP/1.1 200 OK\r\nX: ".ljust(size, b"y")[:size], size // 4 + 1)
        cost = (worker.live() - before) / COUNT
        print(f"{size}: {cost:.0f}")
        assert cost < size + 2048
    for client in clients:
        client.close()


def test_idle_http2_backends(worker, namespace):
    servers = [Server(echo) for _ in range(22)]
    locations = "".join(f"location /{number}/ {{ proxy_pass http://{server.address}/; }}"
                        for number, server in enumerate(servers))
    worker.start(f"proxy_http_version 2; {locations}")
    client = Frames(namespace, PLAIN).ready()

    def ask(number, streams):
        numbers = client.begin_all(streams, "GET", f"/{number}/bytes/5")
        assert all(client.wait(number).status == 200 for number in numbers)

    ask(0, 100)
    ask(1, 1)
    costs = []
    for numbers, streams in ((range(2, 12), 1), (range(12, 22), 100)):
        before = worker.live()
        for number in numbers:
            ask(number, streams)
        # Streams that come at once may open more than one connection to a server.
        costs.append((worker.live() - before) / sum(servers[number].accepted for number in numbers))
    quiet, cost = costs
    print(f"{cost:.0f} after 100 streams, {quiet:.0f} after one")
    assert cost - quiet < 8192
    client.close()
    for server in servers:
        server.close()
