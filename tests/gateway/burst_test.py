# SPDX-License-Identifier: MIT
"""Many requests at once: how many connections to a server are opened for them, how long those are
kept, and what a server that takes so many at a time (max_conns, queue) gets."""

import os
import signal
import statistics
import threading
import time

import pytest

from harness import netns, texts
from harness.client import Connection
from harness.counting import Counting
from harness.frames import Frames
from harness.gateway import wait_for

FRONT = ("127.0.0.1", 8080)
FOREVER = "keepalive_requests 10000000; http2_max_concurrent_streams 1000;"


@pytest.fixture
def counting():
    server = Counting()
    yield server
    server.close()


@pytest.fixture
def other():
    server = Counting()
    yield server
    server.close()


@pytest.fixture
def before(gateway, namespace, counting):
    """before(upstream) starts a gateway of one worker before the counting server."""
    def start(upstream=""):
        gateway.settings["worker_processes"] = "1"
        gateway.log_level = "notice"
        gateway.write_main()
        gateway.tenant("a", texts.plain(
            namespace, "location / { proxy_pass http://app; }",
            settings=f"{FOREVER} upstream app {{ server {counting.address}; {upstream} }}"))
        gateway.start()
    return start


def burst(namespace, requests, clients, streams, path="/"):
    """All of them over HTTP/2, as many at a time as clients have streams."""
    out = netns.inside(namespace, "h2load", "-n", str(requests), "-c", str(clients),
                       "-m", str(streams), f"http://127.0.0.1:8080{path}", timeout=120).stdout
    assert f"{requests} succeeded, 0 failed, 0 errored" in out, out


def test_thousands_at_once_share_connections(before, counting, namespace):
    before()
    burst(namespace, 5000, 50, 100)
    counts = counting.counts()
    assert counts["requests"] == 5000
    assert counts["opened"] < 5000 / 2  # a quarter where the server is quick


def test_a_steady_load_opens_no_more_connections(before, counting, namespace):
    """256 at a time: four times what was once the pool's fixed limit."""
    before()
    for _ in range(3):
        burst(namespace, 3000, 4, 64)
    assert counting.counts()["opened"] <= 256 + 32


def peak(client, counting, count):
    """So many requests are at the server at the same time, and answered."""
    client.begin_all(count, "GET", "/hold")
    wait_for(lambda: counting.counts()["active"] == count, 60, "all to be at the server")
    assert counting.counts()["open"] == count
    counting.ask("/release")
    client.until(lambda: all(stream.over for stream in client.streams.values()))


def test_after_the_peak_they_go_within_seconds(before, counting, namespace):
    before()
    client = Frames(namespace, FRONT).ready()
    peak(client, counting, 200)
    wait_for(lambda: counting.counts()["open"] <= 20, 12, "most connections to be closed")
    assert counting.counts()["open"] > 0
    client.close()


def test_keepalive_bounds_the_pool(before, counting, namespace):
    before("keepalive 8;")
    client = Frames(namespace, FRONT).ready()
    peak(client, counting, 100)
    wait_for(lambda: counting.counts()["open"] <= 8, 10, "all but the pool's to be closed")
    client.close()


def median_time(client):
    """Of 21 requests, in seconds."""
    times = []
    for _ in range(21):
        start = time.monotonic()
        assert client.ask("/").status == 200
        times.append(time.monotonic() - start)
    return statistics.median(times)


def test_long_polls_stand_in_nobodys_way(before, counting, namespace):
    before()
    client = Connection(namespace, FRONT)
    quiet = median_time(client)
    polls = Frames(namespace, FRONT).ready()
    numbers = polls.begin_all(400, "GET", "/hold")
    wait_for(lambda: counting.counts()["active"] == 400, 60, "all polls to be at the server")
    assert median_time(client) < max(0.05, 10 * quiet)
    counting.ask("/release")
    assert polls.until(lambda: all(polls.streams[number].over for number in numbers))
    assert {polls.streams[number].status for number in numbers} == {200}
    polls.close()
    client.close()


def test_who_leaves_while_it_waits_is_forgotten(before, counting, namespace):
    before()
    for _ in range(5):
        client = Frames(namespace, FRONT).ready()
        client.begin_all(500, "GET", "/hold")
        client.close()
    wait_for(lambda: counting.counts()["active"] == 0, 10, "nobody to be served any more")
    client = Connection(namespace, FRONT)
    assert client.ask("/").body == b"hello"
    client.close()


def test_a_reload_sends_those_who_wait_elsewhere(before, counting, other, gateway, namespace):
    """The server goes while hundreds wait for a connection to it."""
    before()
    client = Frames(namespace, FRONT).ready()
    failed = []

    def load():
        for _ in range(20):
            numbers = client.begin_all(300, "GET", "/")
            client.until(lambda: all(client.streams[number].over for number in numbers))
            failed.extend(number for number in numbers if client.streams[number].status != 200)
    thread = threading.Thread(target=load)
    thread.start()
    for server in (other, counting) * 3:
        gateway.tenant("a", texts.plain(
            namespace, "location / { proxy_pass http://app; }",
            settings=f"{FOREVER} upstream app {{ server {server.address}; }}"))
        gateway.reload()
    thread.join(60)
    assert not failed
    client.close()


# ---- max_conns, queue ----

WAIT = "add_header X-Wait '$upstream_addr $upstream_queue_time $upstream_queue_reason' always;"

class Crowd:
    """Clients that ask at the same time."""

    def __init__(self, clients, path):
        self.now = []  # the statuses so far
        self.threads = [threading.Thread(target=self._ask, args=(client, path)) for client in clients]
        for thread in self.threads:
            thread.start()

    def _ask(self, client, path):
        self.now.append(client.ask(path).status)
        client.close()

    def is_waiting(self):
        return any(thread.is_alive() for thread in self.threads)

    def statuses(self):
        """Of all, in the end."""
        for thread in self.threads:
            thread.join(60)
        return self.now


@pytest.fixture
def limited(gateway, namespace, counting):
    """limited(server, upstream) starts a gateway of two workers, and gives a function that begins
    to ask over so many connections at once."""
    def start(server, upstream=""):
        gateway.settings["worker_processes"] = "2"
        gateway.log_level = "notice"
        gateway.write_main()
        gateway.tenant("a", texts.plain(
            namespace, f"{WAIT} location / {{ proxy_pass http://app; }}",
            settings=f"upstream app {{ server {counting.address} {server}; {upstream} }}"))
        gateway.start()

        def ask(clients, path):
            return Crowd([Connection(namespace, FRONT) for _ in range(clients)], path)
        return ask
    return start


def test_max_conns_is_exact_over_all_workers(limited, counting, gateway):
    ask = limited("max_conns=5", "queue 100;")
    assert ask(60, "/wait/0.05").statuses() == [200] * 60
    counts = counting.counts()
    assert counts["most"] <= 5 and counts["requests"] == 60
    polls = ask(30, "/hold")
    wait_for(lambda: counting.counts()["active"] == 5, 10, "all places to be taken")
    gateway.reload()
    while polls.is_waiting():
        counting.ask("/release")
        time.sleep(0.02)
    assert polls.statuses() == [200] * 30
    assert counting.counts()["most"] == 5


def test_without_a_queue_the_answer_is_502(limited, counting):
    ask = limited("max_conns=3")
    polls = ask(12, "/hold")
    wait_for(lambda: len(polls.now) == 9, 10, "the others to be refused")
    counting.ask("/release")
    assert sorted(polls.statuses()) == [200] * 3 + [502] * 9
    assert ask(1, "/").statuses() == [200]


def test_a_queue_that_is_too_slow_answers_502(limited, counting, gateway):
    ask = limited("max_conns=1", "queue 100 timeout=300ms;")
    polls = ask(3, "/hold")
    wait_for(lambda: len(polls.now) == 2, 10, "the others to have waited for too long")
    counting.ask("/release")
    assert sorted(polls.statuses()) == [200, 502, 502]
    gateway.wait_log("queue_timeout")


def test_a_wait_is_told_with_its_reason(limited, counting, gateway, namespace):
    limited("max_conns=1", "queue 100;")
    client = Connection(namespace, FRONT)
    assert client.ask("/").headers["X-Wait"] == f"{counting.address} 0.000 -"
    poll = Frames(namespace, FRONT).ready()
    poll.begin("GET", "/hold")
    wait_for(lambda: counting.counts()["active"] == 1, 10, "the server to be busy")
    client.request("GET", "/")
    time.sleep(0.5)  # nothing tells that the other waits
    counting.ask("/release")
    told = client.getresponse().headers["X-Wait"].split()
    assert (told[0], told[2]) == (counting.address, "server") and float(told[1]) > 0, told
    client.close()
    poll.close()


def test_streams_that_are_reset_give_back(limited, counting, namespace):
    """Three at the server and five in the queue, again and again."""
    limited("max_conns=3", "queue 5;")
    client = Frames(namespace, FRONT).ready()
    for _ in range(5):
        numbers = client.begin_all(8, "GET", "/hold")
        wait_for(lambda: counting.counts()["active"] == 3, 10, "three to be at the server")
        for number in numbers:
            client.reset(number)
        wait_for(lambda: counting.counts()["active"] == 0, 10, "nobody to be there any more")
    assert client.ask("/").status == 200
    client.close()


def test_a_dead_workers_exchanges_count_no_more(limited, counting, gateway, namespace):
    ask = limited("max_conns=4", "queue 10 timeout=20s;")
    polls = [Frames(namespace, FRONT).ready() for _ in range(8)]
    for poll in polls:
        poll.begin("GET", "/hold")
    wait_for(lambda: counting.counts()["active"] == 4, 10, "four polls to be at the server")
    for worker in gateway.workers():
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: counting.counts()["active"] == 0, 10, "the connections to be lost")
    assert ask(10, "/wait/0.1").statuses() == [200] * 10
    assert counting.counts()["most"] == 4
    for poll in polls:
        poll.close()
