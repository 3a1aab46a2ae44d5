# SPDX-License-Identifier: MIT
"""What is counted: all of it, once, whatever becomes of the workers, and it never goes back."""

import json
import os
import signal
import threading

import pytest

from harness import texts
from harness.client import Connection, fetch
from harness.frames import Frames
from harness.gateway import wait_for
from harness.load import FramesLoad, Load

PLAIN = ("127.0.0.1", 8080)
BODY = 'location / { return 200 "a"; } location /gone { return 410 "b"; }'


def counted(gateway, name="a"):
    return gateway.statuses()[1][name]["requests"]


def expect(gateway, count, name="a"):
    wait_for(lambda: counted(gateway, name) >= count, what=f"{count} requests are counted")
    assert counted(gateway, name) == count, "none twice"


class Watched:
    """Looks at a tenant's count all the time: it must never go back."""

    def __init__(self, gateway, name="a"):
        self.gateway, self.name, self.last, self.fell = gateway, name, 0, []
        self.looks, self.ending, self.error = 0, threading.Event(), None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.ending.is_set():
                self._look()
        except Exception as error:  # told at the end
            self.error = error

    def _look(self):
        result = self.gateway.ask("status", "--json")
        if '"tenant"' not in result.stdout:
            return  # it is just becoming another binary
        now = self._of(result.stdout)
        if now < self.last:
            self.fell.append((self.last, now))
        self.last, self.looks = now, self.looks + 1

    def _of(self, text):
        return {tenant["tenant"]: tenant["requests"]
                for tenant in json.loads(text)["tenants"]}[self.name]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(30)
        if self.error:
            raise self.error
        assert self.looks > 0 and not self.fell, self.fell


@pytest.fixture
def served(gateway, authority, namespaces):
    gateway.tenant("a", texts.tenant(
        namespaces[0], texts.tls_server(authority, "a.test", BODY),
        f"server {{ listen 8080; {BODY} }}"))
    gateway.tenant("b", texts.plain(namespaces[1], BODY))
    return gateway


def ask_some(namespace, authority, count):
    """That many over each protocol, half of them an error."""
    one = Connection(namespace, PLAIN)
    two = Frames(namespace, texts.ADDRESS, authority.context(("h2",)), "a.test").ready()
    for number in range(count):
        path = "/gone" if number % 2 else "/"
        assert one.ask(path).status == two.ask(path).status == (410 if number % 2 else 200)
    one.close()
    two.close()


def test_each_request_is_counted_once_for_its_tenant(served, authority, namespaces):
    served.start()
    ask_some(namespaces[0], authority, 20)
    assert fetch(namespaces[1], PLAIN).status == 200
    expect(served, 40)
    expect(served, 1, "b")


def reload_is_whole(gateway):
    """False where slow workers have not taken it over in the time that it waits for them."""
    result = gateway.ask("reload")
    assert result.returncode == 0 or "reload incomplete" in result.stdout, result
    return result.returncode == 0


def test_under_load_what_is_sent_is_counted_over_reloads(served, authority, namespaces):
    served.start()
    context = authority.context(("h2",))
    plain, framed = [(namespaces[0], PLAIN, None)], [(namespaces[0], texts.ADDRESS, "a.test")]
    with Watched(served), Load(plain) as one, FramesLoad(framed, context) as two:
        for number in range(3):
            done = one.done + two.done
            wait_for(lambda: one.done + two.done > done + 50, what="requests")
            served.tenant("b", texts.plain(namespaces[1], f'return 200 "{number}";'))
            served.settings["worker_processes"] = str(2 + number % 2)  # the last two: a generation
            served.write_main()
            wait_for(lambda: reload_is_whole(served), 60, "the reload is in force")
    assert not one.failures and not two.failures, (one.failures[:3], two.failures[:3])
    expect(served, one.done + two.done)


def test_what_a_dead_worker_has_counted_stays(served, authority, namespaces):
    served.start()
    ask_some(namespaces[0], authority, 10)
    expect(served, 20)
    with Watched(served):
        for victim in served.workers():
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: len(served.workers()) == 2 and victim not in served.workers(),
                     what="there is another worker")
    assert counted(served) == 20
    ask_some(namespaces[0], authority, 10)
    expect(served, 40)
    wait_for(lambda: served.statuses()[1]["a"]["connections"] == 0, what="nobody is left")


def test_a_removed_tenant_leaves_nothing_to_its_successor(served, namespaces):
    served.start()
    for _ in range(5):
        assert fetch(namespaces[1], PLAIN).status == 200
    expect(served, 5, "b")
    served.remove_tenant("b")
    assert served.ask("reload").returncode == 0
    assert "b" not in served.statuses()[1]
    served.tenant("b", texts.plain(namespaces[1], BODY))
    assert served.ask("reload").returncode == 0
    assert counted(served, "b") == 0
    assert fetch(namespaces[1], PLAIN).status == 200
    expect(served, 1, "b")


def test_an_upgrade_goes_on_counting(served, authority, namespaces):
    served.start()
    ask_some(namespaces[0], authority, 10)
    expect(served, 20)
    kept = Connection(namespaces[0], PLAIN)
    assert kept.ask("/").status == 200
    with Watched(served):
        for _ in range(2):
            at = served.log_size()
            os.kill(served.pid, signal.SIGUSR2)
            served.wait_log(r"upgrade done.*", 30, at)
            served.wait_log(r"reload done.*", 30, at)
    assert counted(served) == 21
    ask_some(namespaces[0], authority, 10)
    expect(served, 41)
    kept.close()
