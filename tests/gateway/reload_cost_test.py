# SPDX-License-Identifier: MIT
"""What a reload costs among many tenants: what changed, not what there is."""

import math
import os
import pathlib
import shutil
import signal
import statistics
import time

import pytest

from harness import netns, texts
from harness.certs import Authority, peer_serial
from harness.client import Connection
from harness.gateway import wait_for

pytestmark = pytest.mark.measures

COUNT = 1000
TURNS = 5
ROUND = 2  # seconds between two looks at all namespaces; heartbeats come twice in it


def cpu_milliseconds(pid):
    """On the processor so far, of /proc/PID/schedstat (nanoseconds)."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """1,000 namespaces; a certificate that all begin with, each in a file of its own, behind a
    symbolic link as deployments have them."""
    authority = Authority(tmp_path_factory.mktemp("crowd"))
    authority.issue("crowd.test")
    for number in range(COUNT):
        for end in ("crt", "key"):
            real = authority.folder / f"real-{number}.{end}"
            shutil.copy(authority.folder / f"crowd.test.{end}", real)
            (authority.folder / f"t{number}.test.{end}").symlink_to(real)
    names = netns.make_many(COUNT)
    yield authority, names
    for name in names:
        netns.delete(name)


def rotate(authority, number):
    """A new certificate for that tenant, put in place as a deployment does; returns its serial."""
    fresh = authority.folder / "fresh"
    authority.issue("fresh.test")
    for end in ("crt", "key"):
        shutil.copy(authority.folder / f"fresh.test.{end}", fresh)
        fresh.rename(authority.folder / f"real-{number}.{end}")
    return authority.serial("fresh.test")


def text_of(authority, names, number, answer="ok"):
    return texts.tenant(names[number], texts.tls_server(authority, f"t{number}.test",
                                                        f'return 200 "{answer}";'))


def settle(gateway):
    """What the last reload has set off is over: the resolver has gone."""
    wait_for(lambda: not any(gateway.role(pid) == "resolver" for pid in gateway.children()), 10,
             "the resolver ends")
    time.sleep(0.2)


@pytest.fixture
def served(gateway, crowd):
    """A gateway with all tenants; serial_of(number) is that of the certificate it serves now."""
    authority, names = crowd
    for number in range(COUNT):
        gateway.tenant(f"t{number}", text_of(authority, names, number))
    gateway.start()
    context = authority.context()
    context.check_hostname = False

    def serial_of(number):
        connection = Connection(names[number], texts.ADDRESS, context)
        try:
            connection.connect()
            return peer_serial(connection.sock)
        except OSError:
            return None
        finally:
            connection.close()

    gateway.serial_of = serial_of
    return gateway


def spent(gateway, work):
    """CPU milliseconds of supervisor and workers from the beginning of work() until a second after its
    end, for memory is given back then; and how long that was: whole rounds of what they do anyway."""
    processes = [gateway.pid, *gateway.workers()]
    before, begin = sum(map(cpu_milliseconds, processes)), time.monotonic()
    work()
    seconds = math.ceil((time.monotonic() - begin + 1.1) / ROUND) * ROUND
    time.sleep(begin + seconds - time.monotonic())
    return sum(map(cpu_milliseconds, processes)) - before, seconds


def cost_of(gateway, changes, outcome):
    """Median CPU milliseconds of a reload after each of the changes, without what the same processes
    spend in as long a time anyway (heartbeats, looks at a thousand names); and those until it is over."""
    costs, times = [], []

    def reload():
        begin = time.monotonic()
        assert gateway.reload(120) == f"reload done: {outcome}"
        times.append(time.monotonic() - begin)

    settle(gateway)
    idle, seconds = spent(gateway, lambda: None)
    for change in changes:
        change()
        settle(gateway)
        cost, lasted = spent(gateway, reload)
        costs.append(cost - idle / seconds * lasted)
    return statistics.median(costs), statistics.median(times) * 1000


def time_of(gateway, changes):
    """Median milliseconds from HUP until a change is live; each returns what tells that it is."""
    times = []
    for change in changes:
        is_live = change()
        settle(gateway)
        begin = time.monotonic()
        os.kill(gateway.pid, signal.SIGHUP)
        while not is_live():
            assert time.monotonic() - begin < 60, "it never is"
        times.append((time.monotonic() - begin) * 1000)
    return statistics.median(times)


def cost_of_all(gateway):
    """What the same costs when all tenants change, on the machine as it is now: CPU milliseconds, and
    those until it is over."""

    def change():
        text = gateway.folder / "nsgate.conf"
        gateway.replace(text, text.read_text() + "defaults { keepalive_timeout 71s; }\n")

    return cost_of(gateway, [change], f"0 added, {COUNT} changed, 0 removed, 0 refused")


def test_a_reload_costs_what_changed(served, crowd):
    """One certificate of 1,000 tenants: a fraction of what all of them cost in the same minute."""
    authority, names = crowd

    def rotation(number):
        def change():
            serial = rotate(authority, number)
            return lambda: served.serial_of(number) == serial
        return change

    cost, _ = cost_of(served, [rotation(10 + turn) for turn in range(TURNS)],
                      "0 added, 1 changed, 0 removed, 0 refused")
    live = time_of(served, [rotation(100 + turn) for turn in range(TURNS)])
    all_cost, all_live = cost_of_all(served)
    print(f"one certificate of {COUNT} tenants: {cost:.1f} ms of CPU, live after {live:.1f} ms; "
          f"all of them: {all_cost:.0f} ms, over after {all_live:.0f} ms")
    assert cost < all_cost / 5 and live < all_live / 3


def test_tenants_come_and_go_as_cheaply(served, crowd):
    authority, names = crowd

    def remove(number):
        def change():
            served.remove_tenant(f"t{number}")
            return lambda: served.serial_of(number) is None
        return change

    def add(number):
        def change():
            served.tenant(f"t{number}", text_of(authority, names, number))
            return lambda: served.serial_of(number) is not None
        return change

    removed, _ = cost_of(served, [remove(10 + turn) for turn in range(3)],
                         "0 added, 0 changed, 1 removed, 0 refused")
    added, _ = cost_of(served, [add(10 + turn) for turn in range(3)],
                       "1 added, 0 changed, 0 removed, 0 refused")
    gone = time_of(served, [remove(100 + turn) for turn in range(3)])
    here = time_of(served, [add(100 + turn) for turn in range(3)])
    all_cost, all_live = cost_of_all(served)
    print(f"one of {COUNT} tenants removed: {removed:.1f} ms of CPU, gone after {gone:.1f} ms; "
          f"added: {added:.1f} ms, served after {here:.1f} ms; all changed: {all_cost:.0f} ms, over "
          f"after {all_live:.0f} ms")
    assert max(removed, added) < all_cost / 5 and max(gone, here) < all_live / 3
