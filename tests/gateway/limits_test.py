# SPDX-License-Identifier: MIT
"""Limits in nginx's words: requests, those in progress, and rates of responses, over all workers,
their deaths, reloads and upgrades, beside the real nginx."""

import os
import random
import signal
import threading
import time
from contextlib import closing

import pytest

from harness import texts
from harness.backend import free_port, read_head
from harness.client import Connection, fetch
from harness.frames import Frames
from harness.gateway import wait_for
from harness.h2_backend import nginx
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

# Those that nginx and nsgate are both asked for. A minute's rate moves nothing while a test runs.
ZONES = """
limit_req_zone $arg_a zone=a:1m rate=1r/m;
limit_req_zone $arg_b zone=b:1m rate=2r/m;
"""
LOCATIONS = """
location /none { limit_req zone=a; PASS }
location /burst { limit_req zone=a burst=3 nodelay; PASS }
location /two { limit_req zone=a burst=2 nodelay; limit_req zone=b burst=4 nodelay; PASS }
location /turned { limit_req zone=b burst=4 nodelay; limit_req zone=a burst=2 nodelay; PASS }
location /dry { limit_req zone=a; limit_req_dry_run on; PASS }
location /told { limit_req zone=a burst=1 nodelay; limit_req_status 429; PASS }
"""


def says_ok(connection, _):
    while True:
        read_head(connection)
        connection.sendall(OK)


@pytest.fixture
def limited(gateway, namespace, scripted):
    """limited(settings, body): a tenant with a backend at PASS, served by two workers."""

    def start(settings, body, script=says_ok):
        address = scripted(script).address
        gateway.settings.update(worker_processes=2, workers_per_tenant=2)
        gateway.write_main()

        def write(more="", told=settings, inside=body):
            inside = inside.replace("PASS", f"proxy_pass http://{address};")
            gateway.tenant("a", texts.plain(namespace, inside, settings=told + more))

        write()
        gateway.start()
        return write

    return start


def statuses(ask, paths):
    return [ask(path) for path in paths]


def test_bursts_get_what_nginx_gives_them(limited, namespace, tmp_path, scripted):
    passing = f"proxy_pass http://{scripted(says_ok).address};"
    limited(ZONES, LOCATIONS)
    paths = [f"/{place}?a={place}{key}&b={place}{key}" for place in
             ("none", "burst", "two", "turned", "dry", "told") for key in (1, 2) for _ in range(7)]
    paths += ["/burst", "/burst", "/two?b=only", *["/two?b=more"] * 6, *["/turned?b=more2"] * 6]
    with closing(nginx(tmp_path, LOCATIONS.replace("PASS", passing), "", ZONES)) as server:
        host, port = server.address.split(":")
        theirs = statuses(lambda path: fetch(None, (host, int(port)), path).status, paths)
    ours = statuses(lambda path: fetch(namespace, PLAIN, path).status, paths)
    assert ours == theirs
    assert set(ours) == {200, 429, 503}


def drawn_limits(draw):
    """What one block says: some of three zones, and one of those of connections."""
    said = ""
    for zone in draw.sample("xyz", draw.randint(0, 3)):
        burst = draw.choice((0, 0, 1, 2, 4))
        waits = draw.choice(("nodelay", f"delay={burst}", f"delay={burst + 1}"))
        said += f"limit_req zone={zone}{f' burst={burst} {waits}' if burst else ''};"
    for text in (f"limit_req_status {draw.choice((429, 500, 599))};", "limit_req_dry_run on;",
                 f"limit_conn conn {draw.choice((1, 5))};"):
        said += text if draw.random() < 0.3 else ""
    return said


def test_limits_that_are_drawn_by_lot_do_what_nginx_does(limited, namespace, tmp_path, scripted):
    """Zones over each other, inherited or not, with keys of each kind; no wait is longer than
    nothing. What a minute's rate gives back in the meantime tells nothing."""
    draw = random.Random(11)
    keys = draw.sample(("$arg_a", "$arg_b", "$uri", '"$arg_a-$arg_b"', "fixed", "$host"), 3)
    zones = "limit_conn_zone $arg_a zone=conn:1m;" + "".join(
        f"limit_req_zone {key} zone={zone}:1m rate=1r/m;" for key, zone in zip(keys, "xyz"))
    locations = drawn_limits(draw) + "".join(
        f"location /{place} {{ {drawn_limits(draw)} PASS"
        " add_header X-L '$limit_req_status,$limit_conn_status.' always; }" for place in range(12))
    paths = [f"/{draw.randrange(12)}?{'a' * draw.randrange(2)}={draw.randrange(3)}"
             f"&b={draw.randrange(2)}" for _ in range(200)]

    def answers(full, address):
        connection, told = Connection(full, address, name="a.test"), []
        for path in paths:
            answer = connection.ask(path)
            told.append((path, answer.status, answer.headers["X-L"]))
        connection.close()
        return told

    passing = f"proxy_pass http://{scripted(says_ok).address};"
    limited(zones, locations)
    with closing(nginx(tmp_path, locations.replace("PASS", passing), "", zones)) as server:
        host, port = server.address.split(":")
        theirs = answers(None, (host, int(port)))
    ours = answers(namespace, PLAIN)
    assert ours == theirs
    assert {status for _, status, _ in ours} == {200, 429, 500, 599}
    assert len({told for _, _, told in ours}) > 3


def test_a_burst_over_two_workers_is_exact(limited, gateway, namespace):
    limited(ZONES, "location / { limit_req zone=a burst=19 nodelay; PASS }")
    got = []

    def ask():
        got.append(fetch(namespace, PLAIN, "/?a=1").status)

    threads = [threading.Thread(target=ask) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [200] * 20 + [503] * 40
    wait_for(lambda: gateway.log().count("limiting requests, excess: ") >= 40, what="all are told")
    assert gateway.log().count("limiting requests, excess: ") == 40


def test_delays_pace_what_goes_to_the_backend(limited, gateway, namespace):
    limited("limit_req_zone $arg_a zone=c:1m rate=20r/s;",
            "add_header X-Limit $limit_req_status; location / { limit_req zone=c burst=20; PASS }")
    watch = Watch()
    connection = Frames(namespace, PLAIN)
    streams = connection.begin_all(9, "GET", "/?a=1")
    for stream in streams:
        assert connection.wait(stream).status == 200
    connection.close()
    assert 0.35 < watch.wall() and watch.seconds() < 5
    gateway.wait_log(r'delaying request, excess: \d\.\d{3}, by zone "c"')
    assert "DELAYED" in [fetch(namespace, PLAIN, "/?a=1").headers["X-Limit"] for _ in range(10)]


class Backend:
    """Answers /held when it may; how many it has got of them."""

    def __init__(self):
        self.may, self.got = threading.Event(), []

    def __call__(self, connection, number):
        while True:
            if b"/held" in read_head(connection)[0]:
                self.got.append(number)
                self.may.wait(30)
            connection.sendall(OK)


class Held:
    """Requests that are in progress until the backend may answer."""

    def __init__(self, namespace, count, path="/held?a=1"):
        self.statuses = []
        self.threads = [threading.Thread(target=self.ask, args=(namespace, path))
                        for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def ask(self, namespace, path):
        try:
            self.statuses.append(fetch(namespace, PLAIN, path).status)
        except OSError:
            self.statuses.append(0)

    def join(self):
        for thread in self.threads:
            thread.join()
        return sorted(self.statuses)


CONN = "limit_conn_zone $arg_a zone=conn:1m;"
HELD = "location / { limit_conn conn 10; PASS }"


def test_requests_in_progress_over_two_workers_are_exact(limited, namespace):
    backend = Backend()
    limited(CONN, HELD, backend)
    held = Held(namespace, 30)
    wait_for(lambda: len(held.statuses) == 20, what="those that are refused")
    connection = Frames(namespace, PLAIN)
    assert connection.ask("/held?a=1").status == 503, "streams count each"
    assert connection.ask("/free?a=2").status == 200
    backend.may.set()
    assert held.join() == [200] * 10 + [503] * 20
    wait_for(lambda: connection.ask("/free?a=1").status == 200)
    connection.close()


def test_a_dead_worker_gives_back_what_it_held(limited, gateway, namespace):
    backend = Backend()
    limited(CONN, HELD, backend)
    held = Held(namespace, 10)
    wait_for(lambda: len(backend.got) == 10)
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(held.statuses) == 10)
    backend.may.set()
    assert [fetch(namespace, PLAIN, "/?a=1").status for _ in range(20)] == [200] * 20
    held.join()


def test_an_equal_zone_keeps_its_content(limited, gateway, namespace):
    write = limited(ZONES, "location / { limit_req zone=a; PASS }")
    assert fetch(namespace, PLAIN, "/?a=1").status == 200
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    write(" limit_conn_zone $uri zone=more:2m; limit_req_zone $uri zone=other:3m rate=1r/s;")
    gateway.reload()
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    write(told=ZONES.replace("zone=a:1m", "zone=a:2m"))
    gateway.reload()
    assert fetch(namespace, PLAIN, "/?a=1").status == 200, "another size begins anew"
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    gateway.ask("upgrade")
    gateway.wait_log("upgrade done")
    assert fetch(namespace, PLAIN, "/?a=1").status == 503, "so it is after an upgrade"
    for pid in gateway.workers():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: fetch(namespace, PLAIN, "/?a=2").status == 200)
    assert fetch(namespace, PLAIN, "/?a=1").status == 503, "and after workers' deaths"


def test_neither_reload_nor_upgrade_forgets_who_is_in_progress(limited, gateway, namespace):
    backend = Backend()
    write = limited(CONN, HELD, backend)
    held = Held(namespace, 10)
    wait_for(lambda: len(backend.got) == 10)
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    write(" add_header X-A b;")
    gateway.reload()
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    gateway.ask("upgrade")
    gateway.wait_log("upgrade done")
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    backend.may.set()
    assert held.join() == [200] * 10
    wait_for(lambda: fetch(namespace, PLAIN, "/?a=1").status == 200)


def test_a_stream_that_is_reset_is_in_progress_no_more(limited, namespace):
    backend = Backend()
    limited(CONN, "location / { limit_conn conn 2; PASS }", backend)
    connection = Frames(namespace, PLAIN).ready()
    for _ in range(3):
        streams = connection.begin_all(2, "GET", "/held?a=1")
        wait_for(lambda: connection.ask("/free?a=1").status == 503)
        for stream in streams:
            connection.reset(stream)
        wait_for(lambda: connection.ask("/free?a=1").status == 200)
    backend.may.set()
    connection.close()


RATED = """
location / { PASS }
location /slow { limit_rate 20k; PASS }
location /later { limit_rate 20k; limit_rate_after 100k; PASS }
location /told { limit_rate $arg_r; PASS }
location /few { limit_rate 100; PASS }
"""


def sends(connection, _):
    """60,000 bytes, of /few 300; /accel has them limited by the server."""
    while True:
        head = read_head(connection)[0]
        more = b"X-Accel-Limit-Rate: 20000\r\n" if b"/accel" in head else b""
        body = b"x" * (300 if b"/few" in head else 60000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s"
                           % (len(body), more, body))


def timed(namespace, path, kind):
    begin, length = time.monotonic(), 300 if path == "/few" else 60000
    if kind == "1":
        response = fetch(namespace, PLAIN, path)
        assert response.status == 200 and len(response.body) == length
        assert "X-Accel-Limit-Rate" not in response.headers
    else:
        connection = Frames(namespace, PLAIN)
        stream = connection.ask(path)
        assert stream.status == 200 and len(stream.body) == length
        connection.close()
    return time.monotonic() - begin


@pytest.mark.parametrize("kind", ["1", "2"])
def test_a_response_takes_its_time(limited, namespace, kind):
    """The first second's bytes at once, so about two seconds; others are quick. One that is slower
    than a client may be is not taken for a client that stalls."""
    limited("send_timeout 1s;", RATED, sends)
    times = {}

    def ask(path):
        times[path] = timed(namespace, path, kind)

    threads = [threading.Thread(target=ask, args=(path,)) for path in
               ("/", "/slow", "/accel", "/later", "/told", "/told?r=20k", "/few")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slow = {"/slow", "/accel", "/told?r=20k", "/few"}
    assert len(times) == 7
    assert min(times[path] for path in slow) > 1.4, times
    assert max(times[path] for path in times.keys() - slow) < min(times[path] for path in slow)


def test_who_leaves_a_slow_response_is_gone(limited, gateway, namespace):
    """Nothing is held for it: what it counted for is given back."""
    limited(CONN, "location / { limit_conn conn 1; limit_rate 1k; PASS }", sends)
    connection = Connection(namespace, PLAIN)
    connection.request("GET", "/?a=1")
    connection.getresponse()
    assert fetch(namespace, PLAIN, "/?a=1").status == 503
    connection.close()
    watch = Watch()
    while watch.lasts(20):
        other = Connection(namespace, PLAIN)
        other.request("GET", "/?a=1")
        status = other.getresponse().status
        other.close()
        if status == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the slow response is still in progress")
