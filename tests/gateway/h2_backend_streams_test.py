# SPDX-License-Identifier: MIT
"""The streams of an HTTP/2 backend: how many it allows, from none on, and the codes that end them."""

import threading
import time

import h2.events
import h2.exceptions
import h2.settings
import pytest

from harness import netns
from harness.client import fetch, fetch_at_once
from harness.frames import Frames
from harness.gateway import wait_for
from harness.h2_backend import Server, echo
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
LIMITS = "proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;"
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


def test_the_servers_limit_of_streams_is_kept(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            time.sleep(0.05)
            echo(peer, event)

    server = behind_h2(Server(handle, {STREAMS: 2}))
    assert fetch_at_once(namespace, PLAIN, 12, "/bytes/10") == [10] * 12
    assert max(peer.most_open for peer in server.peers) <= 2
    assert server.accepted > 2


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
def test_a_server_that_allows_no_stream(behind_h2, namespace, count):
    server = behind_h2(Server(settings={STREAMS: 0}), LIMITS.replace("2s", "1s"))
    watch = Watch()
    sockets = [Socket(namespace) for _ in range(count)]
    assert [one.status() for one in sockets] == [503] * count
    assert watch.seconds() < 4
    assert server.accepted <= 4


def test_requests_to_a_server_that_refuses_and_allows_no_stream(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.h2.reset_stream(event.stream_id, 7)

    server = behind_h2(Server(handle, {STREAMS: 0}), LIMITS.replace("2s", "1s"))
    watch = Watch()
    answers = []

    def ask():
        answers.append(fetch(namespace, PLAIN, method="POST", body=b"x").status)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {502, 503} and len(answers) == 20
    assert watch.seconds() < 5 and server.accepted <= 60


def test_a_limit_of_none_that_is_lifted_soon(behind_h2, namespace):
    server = behind_h2(Server(settings={STREAMS: 0}))
    sockets = [Socket(namespace) for _ in range(5)]
    wait_for(lambda: server.peers, 10)
    time.sleep(0.1)
    limit(server.peers[0], 100)
    assert [one.status() for one in sockets] == [200] * 5
    assert server.accepted == 1


def test_a_limit_that_goes_to_none_in_mid_life(behind_h2, namespace):
    """What is under way goes on; what comes goes over another connection."""
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded) and peer.request(event.stream_id)["path"] != "/held":
            echo(peer, event)

    server = behind_h2(Server(handle, {STREAMS: 100}))
    assert fetch(namespace, PLAIN).status == 200
    waiting = netns.connect(namespace, PLAIN, 10)
    waiting.sendall(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    first = server.peers[0]
    wait_for(lambda: 3 in first.headers, 10, "it is under way")
    limit(first, 0)
    for _ in range(20):
        assert fetch(namespace, PLAIN).status == 200
    with first.lock:
        first.respond(3, 200, b"ok")
        first.flush()
    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    waiting.close()
    assert server.accepted <= 2


def test_a_limit_that_goes_up_and_down_under_load(behind_h2, namespace):
    server = behind_h2(Server(settings={STREAMS: 50}))
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
            answers = fetch_at_once(namespace, PLAIN, 20, "/bytes/10")
            assert len(answers) == 20 and answers.count(10) >= 10
    finally:
        over.set()
        flapping.join()
    assert server.accepted < 100 + 100 * (time.monotonic() - begin)


# ---- how they end ----


@pytest.mark.parametrize("said, heard", [(8, 8), (10, 10), (11, 11), (2, 2), (1, 2), (7, 2), (0, 2)])
def test_the_code_of_a_broken_response_reaches_the_client(behind_h2, namespace, said, heard):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.respond(event.stream_id, 200, b"abc", end=False)
            peer.flush()
            time.sleep(0.05)
            peer.h2.reset_stream(event.stream_id, said)

    behind_h2(Server(handle))
    client = Frames(namespace, PLAIN).ready()
    stream = client.ask("/", "POST", b"x")
    assert (stream.status, stream.body, stream.reset) == (200, b"abc", heard)
    client.close()


def test_a_reset_before_the_response_is_a_502(behind_h2, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.reset_stream(event.stream_id, 8)

    behind_h2(Server(handle))
    client = Frames(namespace, PLAIN).ready()
    assert client.ask("/", "POST", b"x").status == 502
    client.close()
