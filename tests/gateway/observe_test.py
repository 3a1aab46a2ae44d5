# SPDX-License-Identifier: MIT
"""The observer: what it answers, to whom, and that nothing depends on it."""

import json
import os
import re
import signal
import socket
import time

import pytest

from harness import netns, texts
from harness.backend import free_port, occupy
from harness.client import fetch, say
from harness.gateway import wait_for

PLAIN = ("127.0.0.1", 8080)


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.version, status, *_ = lines[0].split(" ", 2) if lines[0] else ("", "0")
        self.status = int(status)
        self.fields = {name.lower(): value.strip()
                       for name, _, value in (line.partition(":") for line in lines[1:])}

    def json(self):
        return json.loads(self.body)


def connect(where):
    if isinstance(where, str):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(10)
        made.connect(where)
        return made
    return socket.create_connection(where, timeout=10)


def send(where, data):
    """Sends these bytes, and reads to the end."""
    with connect(where) as connection:
        say(connection, data)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return Answer(received)


def ask(where, path="/healthz", host="127.0.0.1", method="GET", fields=""):
    return send(where, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}"
                       "Connection: close\r\n\r\n".encode())


def observer(gateway):
    found = [pid for pid in gateway.children() if gateway.role(pid) == "observer"]
    return found[0] if found else None


def answers(where, path="/healthz", status=200):
    try:
        return ask(where, path).status == status
    except OSError:
        return False


@pytest.fixture
def place(gateway, namespace):
    """A gateway that serves one tenant, and where it is observed."""
    where = ("127.0.0.1", free_port())
    gateway.settings["observe"] = f"127.0.0.1:{where[1]}"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    wait_for(lambda: answers(where), 10, "the observer answers")
    return where


def observe(gateway, *lines):
    gateway.settings.pop("observe", None)
    gateway.extra = "\n".join(f"observe {line};" for line in lines)
    gateway.write_main()


# ---- what it shows ----

def test_health_readiness_and_status(gateway, place):
    health = ask(place)
    assert health.status == 200 and health.json() == {"status": "ok"}
    assert health.fields["content-type"] == "application/json"
    assert health.fields["cache-control"] == "no-store"
    ready = ask(place, "/readyz")
    assert ready.status == 200 and ready.json() == {"ready": True}
    shown, told = ask(place, "/status.json?whatever").json(), gateway.statuses()[0]
    for one in (shown, told):
        one.pop("uptime")
    assert shown == told and shown["state"] == "serving"
    nothing = ask(place, "/none")
    assert nothing.status == 404 and b"/status.json" in nothing.body


def test_a_status_of_many_reads(gateway, namespace, place):
    """More than the observer takes by one read: in its sandbox it reads on all the same."""
    for i in range(400):
        gateway.tenant(f"absent{i}", texts.plain(f"nsg-absent-{i}", "return 200;"))
    assert gateway.ask("reload").returncode == 2
    before = observer(gateway)
    for _ in range(2):
        shown = ask(place, "/status.json")
        assert len(shown.body) > 65536 and len(shown.json()["tenants"]) == 401
        assert ask(place, "/readyz").status == 200
        time.sleep(1.1)  # the next one is asked for anew
    assert observer(gateway) == before and "sandbox: system call" not in gateway.log()


def test_a_head_has_no_body_and_a_connection_is_kept(place):
    with connect(place) as connection:
        file = connection.makefile("rb")
        for _ in range(20):
            connection.sendall(b"HEAD /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = file.readline()
                assert line, "the connection is kept"
                head += line
            assert head.startswith(b"HTTP/1.1 200 ") and int(Answer(head).fields["content-length"]) > 50
    assert ask(place, method="HEAD").body == b""
    old = send(place, b"GET /readyz HTTP/1.0\r\n\r\n")
    assert old.status == 200 and old.json() == {"ready": True}, "as probes ask"


def test_readiness_follows_what_the_gateway_does(gateway, namespace, place):
    gateway.settings["worker_shutdown_timeout"] = "20s"
    gateway.write_main()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway.tenant("a", texts.plain(
            namespace, f"location / {{ proxy_pass http://127.0.0.1:{silent.getsockname()[1]}; }}"))
        assert "done" in gateway.reload()
        with netns.within(namespace, lambda: socket.create_connection(PLAIN)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            held, _ = silent.accept()  # so that the drain lasts
            os.kill(gateway.pid, signal.SIGQUIT)
            wait_for(lambda: answers(place, "/readyz", 503), 10, "it is not ready any more")
            assert ask(place, "/readyz").json() == {"ready": False, "reason": "ending"}
            assert answers(place), "it is healthy nevertheless"
        held.close()
    gateway.process.wait(15)
    gateway.stop()


def test_what_the_page_is_told(gateway, namespace, place):
    """The same as the status, as it changes; of all tenants, or of one with all there is of it."""
    odd = 'b "quoted" <i>'  # is refused for its name alone
    for name in ("late", odd):
        gateway.tenant(name, texts.plain(netns.PREFIX + "late", "return 200;"))
    assert gateway.ask("reload").returncode == 1
    for _ in range(5):
        assert fetch(namespace, PLAIN).body == b"a"

    def told(query=""):
        # By HTTP/1.0, so that there are no chunks.
        whole = send(place, f"GET /page.json{query} HTTP/1.0\r\n\r\n".encode()).json()
        return whole, {line[0]: dict(zip(whole["columns"], line)) for line in whole["tenants"]}

    wait_for(lambda: told()[1].get("late", {}).get("state") == "waiting", what="the new one is seen")
    wait_for(lambda: told()[1]["a"]["rate"] > 0, what="requests are seen")
    whole, tenants = told()
    _, status = gateway.statuses()
    assert whole["state"] == "serving" and whole["ready"] == whole["wanted"] == 2
    assert set(tenants) == set(status) >= {"a", "late"}
    for name, one in tenants.items():
        assert [one[key] for key in ("namespace", "state", "bound", "listeners")] == \
            [status[name][key] for key in ("namespace", "state", "bound", "listeners")]
    assert status["late"]["last_error"].startswith(tenants["late"]["error"])
    assert tenants["late"]["error"] and whole["reload"] == "partial"
    whole, tenants = told("?tenant=a")
    assert set(tenants) == {"a"} and whole["figures"]["nsgate_requests_total"] == {"h1 2xx": 5}
    assert [part["listener"] for part in whole["parts"]] == ["127.0.0.1:8080"]
    wait_for(lambda: told("?tenant=l%61te")[0]["complaints"], 15, "it is remembered")
    assert told("?tenant=nobody")[1] == {}
    assert ask(place, "/page.json", host="evil.example").status == 421
    assert ask(place, "/page.json", method="HEAD").body == b""


# ---- to whom ----

@pytest.mark.parametrize("host, status", [
    ("127.0.0.1", 200), ("127.0.0.1:9180", 200), ("[::1]:80", 200), ("10.1.2.3", 200),
    ("gateway.example", 200), ("GATEWAY.example.:9180", 200), ("other", 200),
    ("localhost", 421), ("evil.example", 421), ("gateway.example.evil", 421), ("xother", 421),
    ("127.0.0.1.evil.example", 421)])
def test_only_addresses_and_listed_names_are_answered(gateway, host, status):
    where = ("127.0.0.1", free_port())
    observe(gateway, f"127.0.0.1:{where[1]} Gateway.example other")
    gateway.start()
    wait_for(lambda: answers(where), 10, "the observer answers")
    assert ask(where, host=host).status == status
    assert ask(where, "/status.json", host=host).status == status
    assert status == 200 or b"tenants" not in ask(where, "/status.json", host=host).body


def test_only_get_and_head_are_answered(place):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PURGE"):
        answer = ask(place, method=method, fields="Content-Length: 0\r\n")
        assert answer.status == 405 and answer.fields["allow"] == "GET, HEAD"
    answer = send(place, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello")
    assert answer.status == 405 and answer.fields["connection"] == "close"
    for broken in (b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
                   b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 20000 * b"x" + b"\r\n\r\n"):
        assert send(place, broken).status == 400


def test_clients_are_bounded_in_number_and_time(place):
    """Idle ones make room for those who ask; who does not finish a head is cut."""
    idle = [connect(place) for _ in range(80)]
    assert answers(place)
    slow = [connect(place) for _ in range(70)]
    for connection in slow:
        connection.sendall(b"GET / HT")
    wait_for(lambda: answers(place), 30, "somebody has made room")  # idle ones have 75 s
    for connection in idle + slow:
        connection.close()


# ---- addresses ----

def test_unix_sockets_and_reloads(gateway, namespace, place):
    path = str(gateway.folder / "observe.sock")
    other = ("127.0.0.1", free_port())
    observe(gateway, "unix:observe.sock", f"127.0.0.1:{other[1]} name.test")
    with connect(place) as kept:
        assert "done" in gateway.reload()
        wait_for(lambda: answers(path) and answers(other), 10, "the new ones answer")
        wait_for(lambda: not answers(place), 10, "the old one is closed")
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 200 "), "who is connected stays"
    assert ask(path, host="localhost").status == 200, "no browser comes there"
    assert ask(other, host="name.test").status == 200
    observe(gateway)
    assert "done" in gateway.reload()
    wait_for(lambda: observer(gateway) is None, 10, "the observer has ended")
    assert not os.path.exists(path)
    assert fetch(namespace, PLAIN).status == 200


def test_what_cannot_be_bound_is_tried_again(gateway, namespace):
    where = ("127.0.0.1", free_port())
    taken = occupy(where)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(gateway.folder / "stale.sock"))
    stale.close()
    (gateway.folder / "file.sock").write_text("something else")
    observe(gateway, f"127.0.0.1:{where[1]}", "unix:stale.sock", "unix:file.sock")
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    wait_for(lambda: answers(str(gateway.folder / "stale.sock")), 10, "a stale one is replaced")
    gateway.wait_log(rf"cannot observe at 127.0.0.1:{where[1]}: .*in use")
    gateway.wait_log(r"cannot observe at unix:.*file.sock")
    assert fetch(namespace, PLAIN).status == 200
    taken.close()
    wait_for(lambda: answers(where), 10, "it is bound")
    assert (gateway.folder / "file.sock").read_text() == "something else"
    assert gateway.log().count("cannot observe at") == 2, "told once"


# ---- deaths ----

def test_without_observe_there_is_no_observer(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    assert observer(gateway) is None


def test_its_death_costs_nothing(gateway, namespace, place):
    for how in (signal.SIGKILL, signal.SIGSTOP):
        before = observer(gateway)
        os.kill(before, how)
        for _ in range(20):
            assert fetch(namespace, PLAIN).body == b"a"
        wait_for(lambda before=before: observer(gateway) not in (None, before), 15, "another one")
        wait_for(lambda: answers(place, "/readyz"), 10, "it answers again")
    assert len(gateway.workers()) == 2


def test_it_is_not_ended_by_what_ends_the_others(gateway, place):
    before = observer(gateway)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
        os.kill(before, number)
    assert answers(place) and observer(gateway) == before
    gateway.stop()
    assert not os.path.exists(f"/proc/{before}")


def test_it_follows_an_upgrade(gateway, namespace, place):
    before = observer(gateway)
    assert gateway.ask("upgrade").returncode == 0
    wait_for(lambda: observer(gateway) not in (None, before), 10, "the new binary's own")
    wait_for(lambda: answers(place, "/readyz"), 10, "it answers again")
    assert not os.path.exists(f"/proc/{before}")
    assert not re.search(r"cannot observe", gateway.log())


def test_what_it_may_is_little(gateway, place):
    """Not root, no capabilities, no files; as workers."""
    text = open(f"/proc/{observer(gateway)}/status").read()
    assert re.search(r"^CapEff:\s+0+$", text, re.M) and re.search(r"^CapBnd:\s+0+$", text, re.M)
    assert re.search(r"^Uid:\s+(?!0\b)\d+", text, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", text, re.M)
