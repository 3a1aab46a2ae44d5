# SPDX-License-Identifier: MIT
"""One connection does not hold the loop: bulk, pipelining and many streams are done in pieces, and
epoll is asked in between."""

import re
import select
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.client import Connection
from harness.frames import Frames
from harness.proc import of_threads

PLAIN = ("127.0.0.1", 8080)
SETTINGS = "keepalive_requests 100000000; client_max_body_size 0;"
REQUEST = b"GET / HTTP/1.1\r\nHost: busy.test\r\n\r\n"
UPLOAD = b"POST /up HTTP/1.1\r\nHost: busy.test\r\nContent-Length: 1000000000000\r\n\r\n"
DOWNLOAD = b"GET /down HTTP/1.1\r\nHost: busy.test\r\n\r\n"
SWITCH = b"GET /socket HTTP/1.1\r\nHost: busy.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def serve(connection, _):
    """A backend that reads whatever comes, or sends without an end."""
    head, _ = read_head(connection)
    if b"/down" in head:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            connection.sendall(bytes(1 << 18))
    if b"/socket" in head:
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                           b"Upgrade: websocket\r\n\r\n")
    while connection.recv(1 << 20):
        pass


class Flood:
    """A thread that sends `again` as fast as it is taken, and reads whatever comes back."""

    def __init__(self, sock, first, again=b""):
        self.sock, self.again, self.moved = sock, again, 0
        self.ending = threading.Event()
        sock.sendall(first)
        sock.setblocking(False)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _try(self, act):
        try:
            return act()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def _run(self):
        view = memoryview(self.again)
        while not self.ending.is_set():
            sent = self._try(lambda: self.sock.send(view)) if self.again else 0
            view = view[sent:] if sent < len(view) else memoryview(self.again)
            got = len(self._try(lambda: self.sock.recv(1 << 18)) or b"")
            self.moved += sent + got
            if not sent and not got:
                select.select([self.sock], [self.sock] if self.again else [], [], 0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(10)
        self.sock.close()


@pytest.fixture
def busy(gateway, authority, namespaces, scripted):
    """One worker, a tenant that will be busy, and its neighbour. busy(how) starts a flood."""
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()
    server = scripted(serve)
    body = (f"location / {{ return 200 x; }}"
            f"location ~ ^/(up|down|socket) {{ proxy_pass http://{server.address}; }}")
    gateway.tenant("busy", texts.tenant(
        namespaces[0], texts.tls_server(authority, "busy.test", body),
        f"server {{ listen 127.0.0.1:8080; {body} }}", settings=SETTINGS))
    gateway.tenant("well", texts.tenant(namespaces[1], texts.tls_server(
        authority, "well.test", 'return 200 "well";'), settings=SETTINGS))
    gateway.start()

    def start(how):
        kind, _, layer = how.partition(" over ")
        if layer == "HTTP/2":
            client = Frames(namespaces[0], texts.ADDRESS, authority.context(("h2",)), "busy.test")
            client.ready()
            return Flood(client.sock, *h2_flood(client, kind))
        sock = netns.connect(namespaces[0], texts.ADDRESS if layer == "TLS" else PLAIN)
        if layer == "TLS":
            sock = authority.context().wrap_socket(sock, server_hostname="busy.test")
        return Flood(sock, *{"pipeline": (b"", REQUEST * 500), "upload": (UPLOAD, bytes(1 << 18)),
                             "download": (DOWNLOAD,), "tunnel": (SWITCH, bytes(1 << 18))}[kind])

    return start


def h2_flood(client, kind):
    """(what begins it, what goes on): downloads on ten streams, their windows opened at once."""
    assert kind == "download"
    wide = (1 << 30).to_bytes(4, "big")
    first = frames.settings(window=(1 << 31) - 1) + frames.frame(frames.WINDOW_UPDATE, 0, 0, wide)
    for _ in range(10):
        first += frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM,
                              client.next_id(), client.head("GET", "/down"))
    return (first,)


WAYS = ["upload over TLS", "pipeline over TLS", "download over TLS", "tunnel over TLS",
        "upload over TCP", "pipeline over TCP", "download over HTTP/2"]
EPOLL = ("epoll_wait", "epoll_pwait")


def worked(worker):
    """Seconds of a processor that it has had: schedstat's first field."""
    return sum(int(text.split()[0]) for text in of_threads(worker, "schedstat").values()) / 1e9


def turns_of(worker, table, seconds):
    """How often the worker asked epoll again after work, and how long it worked in all, in seconds."""
    tracer = subprocess.Popen(["strace", "-e", "trace=desc,network", "-p", str(worker), "-o", table],
                              stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    before = worked(worker)
    time.sleep(seconds)
    work = worked(worker) - before
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    names = [match.group(1) for match in re.finditer(r"^(\w+)\(", table.read_text(), re.MULTILINE)]
    names = [name for name in names if name != "epoll_ctl"]
    return sum(name in EPOLL and before not in EPOLL for before, name in zip(names, names[1:])), work


@pytest.mark.measures
@pytest.mark.parametrize("how", WAYS)
def test_epoll_is_asked_again_after_little_work(how, busy, gateway, authority, namespaces, tmp_path):
    """After a millisecond of work. A neighbour waits for little more than that. Processor time counts,
    which is not that of the tracer and of who else wants the machine, and the mean, which few long
    turns make long."""
    (worker,) = gateway.workers()
    with busy(how) as flood:
        time.sleep(0.2)
        turns, work = turns_of(worker, tmp_path / "strace", 1)
        neighbour = Connection(namespaces[1], texts.ADDRESS, authority.context(), "well.test")
        assert all(neighbour.ask().body == b"well" for _ in range(10))
        neighbour.close()
        assert flood.moved > 0
    print(f"{how}: {turns} turns of {work * 1000 / max(turns, 1):.2f} ms")
    assert turns > 5
    assert work / turns < 0.003


# ---- whose turn it is ----

# A match takes so long that everything else does not count, such as caches that others' work has cooled.
HARD = REQUEST.replace(b"GET /", b"GET /x" + b"a" * 60, 1)
BODY = 'location / { return 200 x; } location ~ "^/.*.*.*x$" { return 404; }'


class Crowd:
    """One thread that asks all tenants, over some connections each, for as much as they answer; answers
    are dropped unread, so that it is faster than a worker."""

    def __init__(self, namespaces):
        self.asked, self.got, self.ending = HARD * 1000, [0] * len(namespaces), threading.Event()
        self.ready, self.connections = select.epoll(), {}
        for tenant, namespace in enumerate(namespaces):
            for _ in range(4):
                sock = netns.connect(namespace, PLAIN)
                sock.setblocking(False)
                self.connections[sock.fileno()] = [sock, tenant, 0]
                self.ready.register(sock, select.EPOLLIN | select.EPOLLOUT)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        room = bytearray(1 << 18)
        while not self.ending.is_set():
            for fd, events in self.ready.poll(0.1):
                sock, tenant, sent = connection = self.connections[fd]
                if events & select.EPOLLOUT:
                    sent += sock.send(memoryview(self.asked)[sent:])
                    connection[2] = sent % len(self.asked)
                if events & select.EPOLLIN:
                    self.got[tenant] += sock.recv_into(room, len(room), socket.MSG_TRUNC)

    def shares(self, seconds):
        """What the others got, by what the first one got."""
        before = list(self.got)
        time.sleep(seconds)
        first, *others = (got - was for got, was in zip(self.got, before))
        return [other / max(first, 1) for other in others]

    def __enter__(self):
        self.thread.start()
        time.sleep(0.5)  # until all buffers on the way are full
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(10)
        for sock, _, _ in self.connections.values():
            sock.close()


@pytest.fixture
def weighed(gateway, namespaces):
    """One worker and three tenants with these weights; called again, it changes their files."""
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()

    def weigh(*weights):
        for name, namespace, weight in zip("abc", namespaces, weights):
            gateway.tenant(name, texts.plain(namespace, BODY,
                                             settings=f"{SETTINGS} cpu_weight {weight};"))

    return weigh


WINDOWS = 5


def check_shares(crowd, expected):
    """Each answer costs the same time, so that answers tell it. The median of some windows counts: in a
    few of them others may have kept the crowd from asking enough. Code and data lie where one tenant's
    answers may cost a little more."""
    windows = [crowd.shares(0.6) for _ in range(WINDOWS)]
    shares = [statistics.median(share) for share in zip(*windows)]
    text = [" to ".join(f"{share:.2f}" for share in [1, *window]) for window in (shares, *windows)]
    print(text[0], "of", text[1:])
    assert shares == pytest.approx(expected, rel=0.15), text


@pytest.mark.measures
def test_tenants_get_time_by_their_weights(weighed, gateway, namespaces):
    weighed(100, 100, 300)
    gateway.start()
    with Crowd(namespaces) as crowd:
        check_shares(crowd, [1, 3])
        weighed(200, 100, 100)
        assert "2 changed" in gateway.reload()
        check_shares(crowd, [0.5, 0.5])


def test_control_messages_do_not_wait_for_floods(weighed, gateway, namespaces):
    """Their share comes before all others."""
    weighed(100, 100, 10000)
    gateway.start()
    took = []
    with Crowd(namespaces) as crowd:
        for number in range(5):
            weighed(100 + number, 100, 10000)
            begun = time.monotonic()
            assert gateway.ask("reload").returncode == 0
            assert gateway.statuses()[1]["c"]["state"] == "serving"
            took.append(time.monotonic() - begun)
        assert crowd.shares(0.5)[1] > 1, "the flood goes on"
    print(f"reload and status: {sorted(took)}")
    assert statistics.median(took) < 2
