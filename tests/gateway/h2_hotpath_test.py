# SPDX-License-Identifier: MIT
"""What small requests cost over HTTP/2, their lines in an access log included: system calls of one
stream at a time, and of many, and allocations; answered by the gateway, and by a backend, on either
side of it."""

import pathlib
import struct
import subprocess

import pytest

from harness import calls, frames, texts
from harness.backend import read_head
from harness.client import Connection
from harness.frames import Frames
from harness.gateway import wait_for
from harness.h2_backend import Server, echo

pytestmark = pytest.mark.measures
ROUNDS = 500
REQUESTS = 1000
FOREVER = "keepalive_requests 10000000;"
HERE = pathlib.Path(__file__).resolve().parent


def frame_of(client, number):
    return frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, number,
                        client.head("GET", "/bytes/5"))


def window(size):
    return frames.frame(frames.WINDOW_UPDATE, 0, 0, size.to_bytes(4, "big"))


class Asking:
    """An HTTP/2 client that sends many requests in one write."""

    def __init__(self, *arguments):
        self.client = Frames(*arguments).ready()
        self.client.acknowledges = False
        # The connection's window is never opened again: it holds 200 million such answers.
        self.client.send(window(1 << 30))
        self.close = self.client.close

    def ask(self, rounds, streams, expected=b"xxxxx"):
        client = self.client
        for _ in range(rounds):
            numbers = [client.next_id() for _ in range(streams)]
            client.send(b"".join(frame_of(client, number) for number in numbers))
            client.until(lambda: all(client.streams[number].over for number in numbers))
            for number in numbers:
                assert client.streams.pop(number).body == expected


def settings_with_log(folder):
    (folder / "logs").mkdir(mode=0o755)
    return f"{FOREVER} access_log {folder}/logs/a.log;"


def few_workers(gateway):
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()


@pytest.mark.parametrize("streams", [1, 20])
def test_one_read_and_one_write_for_all_streams(streams, gateway, authority, namespace, tmp_path):
    few_workers(gateway)
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "hello";'), settings=settings_with_log(tmp_path)))
    gateway.start()
    client = Asking(namespace, texts.ADDRESS, authority.context(("h2",)))
    client.ask(20, streams, b"hello")
    (worker,) = gateway.workers()
    calls.assert_at_most(ROUNDS, ROUNDS // 50, worker, tmp_path / "strace",
                         lambda: client.ask(ROUNDS, streams, b"hello"))
    client.close()


# ---- with a backend ----


@pytest.fixture
def before(gateway, namespace, scripted, tmp_path):
    """before(front, back, streams, **environment): a gateway between these versions, and ask(n)."""
    ends = []

    def script(connection, _):
        while True:
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                               b"Content-Length: 5\r\n\r\nxxxxx")

    def start(front, back, streams=1, **environment):
        server = scripted(script) if back == "1" else Server(echo)
        if back == "2":
            ends.append(server)
        few_workers(gateway)
        version = "proxy_http_version 2;" if back == "2" else ""
        gateway.tenant("a", texts.plain(
            namespace, f"""{version} location / {{ proxy_pass http://app; }}""",
            settings=settings_with_log(tmp_path) +
            f"upstream app {{ server {server.address}; keepalive 64; }}"))
        gateway.start(env=environment)
        if front == "2":
            client = Asking(namespace, ("127.0.0.1", 8080))
            ends.insert(0, client)
            return lambda count: client.ask(count, streams)
        client = Connection(namespace, ("127.0.0.1", 8080))
        ends.insert(0, client)

        def ask(count):
            for _ in range(count):
                assert client.ask("/bytes/5").body == b"xxxxx"
        return ask

    yield start
    for end in ends:
        end.close()


@pytest.mark.parametrize("front, back, streams", [("2", "1", 1), ("1", "2", 1), ("2", "2", 1),
                                                  ("2", "2", 20)])
def test_one_read_and_one_write_on_each_side(front, back, streams, gateway, before, tmp_path):
    ask = before(front, back, streams)
    ask(20)
    (worker,) = gateway.workers()
    calls.assert_at_most(2 * ROUNDS, ROUNDS // 50, worker, tmp_path / "strace",
                         lambda: ask(ROUNDS))


@pytest.mark.parametrize("front, back, streams", [("2", "1", 1), ("1", "2", 1), ("2", "2", 1),
                                                  ("2", "1", 50), ("2", "2", 50)])
def test_allocations(front, back, streams, gateway, before, tmp_path):
    library, folder = tmp_path / "allocations.so", tmp_path / "counts"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library,
                    HERE / "harness" / "allocations.c"], check=True)
    folder.mkdir(mode=0o777)
    ask = before(front, back, streams, LD_PRELOAD=str(library), NSGATE_ALLOCATIONS=str(folder))
    ask(50)
    (worker,) = gateway.workers()

    def count():
        return struct.unpack("Q", (folder / str(worker)).read_bytes())[0]

    wait_for(lambda: (folder / str(worker)).exists(), what="the counter")
    assert count() > 0, "the counter counts"
    # Many streams at once may need more connections to the backend than ever before, and one that is
    # opened while another ends shows nowhere. What a request allocates is there in every round.
    for _ in range(10):
        start = count()
        ask(REQUESTS // streams)
        made = count() - start
        print(f"{made} allocations outside OpenSSL and nghttp2 in {REQUESTS} requests")
        if made <= REQUESTS // 100:
            break
    assert made <= REQUESTS // 100
