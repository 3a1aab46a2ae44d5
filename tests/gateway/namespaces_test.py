# SPDX-License-Identifier: MIT
"""Namespaces that come, go, come back and lie (rows N1 to N6 of the fault table), while a calm
neighbour is under load and must not notice."""

import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from harness import netns, texts
from harness.backend import occupy
from harness.cable import Cable
from harness.client import Connection, fetch
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.watch import Watch

pytestmark = pytest.mark.alone

PLAIN = ("127.0.0.1", 8080)
PORT = 18391  # nothing else listens there on the host
SLOW = 4 if is_sanitized() else 1


@pytest.fixture
def start(gateway, namespaces):
    """Starts the gateway with a calm tenant under load; at the end none of its requests failed."""
    with contextlib.ExitStack() as stack:
        loads = []

        def begin():
            gateway.tenant("calm", texts.plain(namespaces[0], 'return 200 "calm";'))
            gateway.start()
            loads.append(stack.enter_context(Load([(namespaces[0], PLAIN, "calm")] * 4)))
            wait_for(lambda: loads[0].done > 10, what="the load's first requests")
            return gateway

        yield begin
    assert not loads[0].failures, loads[0].failures[:5]


@pytest.fixture
def fresh():
    """fresh(name) makes a namespace that is deleted at the end; fresh.full(name) only names it."""
    names = []

    def full(name):
        names.append(netns.PREFIX + name)
        return names[-1]

    def make(name):
        return netns.make_again(full(name))

    make.full = full
    yield make
    for name in names:
        netns.delete(name)


def answer(namespace, address=PLAIN):
    """The body of what is served there; None: nothing."""
    try:
        return fetch(namespace, address).body.decode()
    except OSError:
        return None


def wait_served(namespace, body, seconds=1.0, address=PLAIN):
    """Within the time that is promised, with a margin for slow machines."""
    watch = Watch()
    wait_for(lambda: answer(namespace, address) == body, 10 * seconds, f"{namespace} is served")
    took = watch.seconds()
    assert took < seconds * 1.5 * SLOW, f"{took:.2f} s"
    return took


def listens_on_the_host():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


# ---- coming and going ----


def test_a_namespace_that_comes_late(start, gateway, fresh):
    late = fresh.full("late")
    placeholder = pathlib.Path("/run/netns") / late
    gateway.tenant("late", texts.plain(late, 'return 200 "late";'))
    start()
    gateway.wait_log(f"tenant late: waiting for network namespace {late}: does not exist")
    placeholder.touch()  # what `ip netns add` does first
    gateway.wait_log(f"tenant late: waiting for network namespace {late}: is only a placeholder")
    placeholder.unlink()
    took = []
    for _ in range(3):
        netns.make_again(late)
        took.append(wait_served(late, "late"))
        at = gateway.log_size()
        netns.delete(late)
        gateway.wait_log("tenant late: .*is gone", 2, at)
    print(f"served after {', '.join(f'{1000 * each:.0f} ms' for each in took)}")


def test_a_deleted_namespace_is_really_freed(start, gateway, fresh, scripted):
    """Row N1: with an idle connection, one in the middle of an answer, one that never reads."""
    gone = fresh("gone")
    cable = Cable(gone, 1)

    def slowly(connection, _):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nbegin")
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(100000))
                time.sleep(0.001)

    server = scripted(slowly)
    gateway.tenant("gone", texts.plain(gone, f"""
        location / {{ return 200 "here"; }}
        location /slow {{ proxy_pass http://{server.address}; }}""", f"{cable.address}:8080"))
    try:
        start()
        watched = [gateway.pid, *gateway.workers()]
        before = sum(gateway.descriptors(pid) for pid in watched)
        address = (cable.address, 8080)
        idle = Connection(None, address)
        assert idle.ask().body == b"here"
        busy = [netns.connect(None, address) for _ in range(3)]
        for sock in busy:
            sock.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        for sock in busy[:2]:
            assert sock.recv(12) == b"HTTP/1.1 200"
        watch = Watch()
        netns.run("ip", "netns", "del", gone)
        wait_for(lambda: not cable.is_there(), 10, "the kernel frees the namespace")
        took = watch.seconds()
        print(f"freed after {took:.2f} s")
        assert took < 4 * SLOW  # 2 s, and what the kernel's own cleaning takes
        gateway.wait_log(f"tenant gone: network namespace {gone} is gone or another one")
        for sock in busy:
            sock.close()
        idle.close()
        wait_for(lambda: sum(gateway.descriptors(pid) for pid in watched) < before,
                 what="descriptors are given back, the listeners' too")
    finally:
        cable.remove()


def test_connections_of_former_workers_let_go_too(start, gateway, fresh, scripted):
    """Of workers that a change of their number has replaced, and that drain."""
    gone = fresh("former")
    cable = Cable(gone, 3)
    ending = threading.Event()

    def endless(connection, _):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin")
        ending.wait(60)

    server = scripted(endless)
    gateway.tenant("gone", texts.plain(gone, f"location / {{ proxy_pass http://{server.address}; }}",
                                       f"{cable.address}:8080"))
    gateway.settings["worker_shutdown_timeout"] = "60s"
    gateway.write_main()
    try:
        start()
        busy = netns.connect(None, (cable.address, 8080))
        busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert busy.recv(12) == b"HTTP/1.1 200"
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.reload()
        gateway.wait_log("the old ones drain")
        assert len(gateway.workers()) >= 2, "the one with the connection is still there"
        watch = Watch()
        netns.run("ip", "netns", "del", gone)
        wait_for(lambda: not cable.is_there(), 10, "the kernel frees the namespace")
        assert watch.seconds() < 4 * SLOW
        busy.close()
    finally:
        ending.set()
        cable.remove()


def test_an_idle_namespace_is_freed_at_once(start, gateway, fresh):
    gone = fresh("quiet")
    cable = Cable(gone, 2)
    gateway.tenant("gone", texts.plain(gone, 'return 200 "here";', f"{cable.address}:8080"))
    try:
        start()
        idle = Connection(None, (cable.address, 8080))
        assert idle.ask().body == b"here"
        watch = Watch()
        netns.run("ip", "netns", "del", gone)
        wait_for(lambda: not cable.is_there(), 10, "the kernel frees the namespace")
        took = watch.seconds()
        print(f"freed after {1000 * took:.0f} ms")
        assert took < 1.0 * SLOW
        idle.close()
    finally:
        cable.remove()


def test_recreated_under_the_same_name(start, gateway, fresh):
    """Again and again: at once, so that the old one still lives, and once its inode is free."""
    name = fresh("again")
    path = pathlib.Path("/run/netns") / name
    gateway.tenant("again", texts.plain(name, 'return 200 "again";'))
    start()
    assert answer(name) == "again"
    inodes = [path.stat().st_ino]
    for number in range(6):
        at = gateway.log_size()
        netns.delete(name)
        if number % 2:
            gateway.wait_log("tenant again: waiting for network namespace", 10, at)
            time.sleep(0.2)  # the kernel frees it meanwhile
        netns.make_again(name)
        inodes.append(path.stat().st_ino)
        wait_served(name, "again")
    print(f"inodes {inodes}: {len(inodes) - len(set(inodes))} used again")


def test_300_that_come_at_once_and_never_mix(start, gateway):
    """Row N6: all with the same address, all found within a second, and no answer of another."""
    count = 300
    names = [f"{netns.PREFIX}m{number}" for number in range(count)]
    for number, name in enumerate(names):
        gateway.tenant(f"t{number}", texts.plain(name, f'return 200 "t{number}";'))
    start()
    cpu, begun = gateway.cpu_seconds(gateway.pid), time.monotonic()
    try:
        netns.make_many(count)
        made, watch = time.monotonic(), Watch()
        wait_for(lambda: gateway.log().count(": listening on") >= count + 1, 10, "all are bound")
        took = watch.seconds()
        share = (gateway.cpu_seconds(gateway.pid) - cpu) / (time.monotonic() - begun)
        print(f"made in {made - begun:.2f} s, bound {took:.2f} s later, supervisor {share:.0%} of a core")
        assert took < 1.5 * SLOW
        assert share < 0.3 * SLOW
        mixed = []

        def ask(first):
            for number in range(first, count, 4):
                body = answer(names[number])
                if body != f"t{number}":
                    mixed.append((number, body))

        askers = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert not mixed, mixed[:5]
    finally:
        netns.delete_all_of(names)


# ---- processes ----


def in_new_namespace():
    """A process in a network namespace of its own, with its loopback up."""
    process = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; echo; exec sleep 600"],
                               stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def process_answer(pid):
    """As answer(), in the namespace of a process."""
    path = f"/proc/{pid}/ns/net"

    def ask():
        handle = os.open(path, os.O_RDONLY)
        try:
            assert ctypes.CDLL(None).setns(handle, netns.CLONE_NEWNET) == 0
        finally:
            os.close(handle)
        result.append(answer(None))

    result = []
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return result[0]


def take_number(pid):
    """Makes a process with that number, in a namespace of its own; None where that is impossible."""
    for _ in range(50):
        try:
            pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        except OSError:
            return None
        process = in_new_namespace()
        if process.pid == pid:
            return process
        end(process)
    return None


def test_a_process_is_followed_and_not_its_number(start, gateway):
    process = in_new_namespace()
    pid = process.pid
    gateway.tenant("pid", texts.plain(f"pid:{pid}", 'return 200 "pid";'))
    start()
    assert process_answer(pid) == "pid"
    end(process)
    gateway.wait_log(f"tenant pid: network namespace pid:{pid} is gone")
    gateway.wait_log(f"tenant pid: waiting for network namespace pid:{pid}: its process has ended")
    stranger = take_number(pid)
    if stranger is None:
        pytest.skip("no way to have a process of the same number here")
    try:
        time.sleep(2.5)  # a backstop's look passes
        assert process_answer(pid) is None, "a stranger was taken for the process"
        gateway.reload()
        wait_for(lambda: process_answer(pid) == "pid", 10, "the reload names the process anew")
    finally:
        end(stranger)


def test_a_process_that_is_not_there_yet(start, gateway):
    process = in_new_namespace()
    pid = process.pid
    end(process)
    gateway.tenant("pid", texts.plain(f"pid:{pid}", 'return 200 "pid";'))
    start()
    gateway.wait_log(f"tenant pid: waiting for network namespace pid:{pid}: does not exist")
    process = take_number(pid)
    if process is None:
        pytest.skip("no way to have a process of a certain number here")
    try:
        wait_for(lambda: process_answer(pid) == "pid", 10, "it is found by the backstop")
    finally:
        end(process)


# ---- paths that lie ----


def test_whatever_the_path_is_swapped_to(start, gateway, fresh, namespaces, tmp_path):
    """Row N3. Never a socket in the host's namespace, always the reason; and back in a second."""
    good, path = fresh("good"), tmp_path / "netns"
    dead = in_new_namespace()
    end(dead)

    def put(make):
        make(tmp_path / "fresh")
        os.rename(tmp_path / "fresh", path)

    def write(text):
        return lambda to: to.write_text(text)

    def link(target):
        return lambda to: to.symlink_to(target)

    swaps = [(os.mkfifo, "is a FIFO, not a network namespace"),
             (write("x"), "is a regular file, not a network namespace"),
             (write(""), "is only a placeholder file so far"),
             (link("/proc/self/ns/mnt"), "is a namespace, but not a network namespace"),
             (link("/dev/zero"), "is a device, not a network namespace"),
             (link(f"/proc/{dead.pid}/ns/net"), "does not exist"),
             (link("/proc/self/ns/net"), "is the host's own network namespace"),
             (link(f"/proc/{os.getpid()}/ns/net"), "is the host's own network namespace"),
             (link("/nowhere/at/all"), "does not exist"),
             (link(f"/run/netns/{namespaces[0]}"), 'tenant "calm" lives there')]
    put(link(f"/run/netns/{good}"))
    gateway.tenant("swap", texts.plain(path, 'return 200 "swap";', f"127.0.0.1:{PORT}"))
    start()
    for make, reason in swaps:
        assert answer(good, ("127.0.0.1", PORT)) == "swap"
        at = gateway.log_size()
        put(make)
        gateway.wait_log("tenant swap: waiting for network namespace .*" + reason, 10, at)
        assert not listens_on_the_host()
        assert answer(good, ("127.0.0.1", PORT)) is None
        assert answer(namespaces[0], ("127.0.0.1", PORT)) is None
        put(link(f"/run/netns/{good}"))
        wait_served(good, "swap", address=("127.0.0.1", PORT))


def test_swapped_all_the_time(start, gateway, fresh, tmp_path):
    """Row N3, during open: between a namespace, the host's own and a FIFO, 500 times a second."""
    good, path = fresh("blink"), tmp_path / "netns"
    targets = [f"/run/netns/{good}", f"/proc/{os.getpid()}/ns/net", str(tmp_path / "fifo")]
    os.mkfifo(tmp_path / "fifo")
    path.symlink_to(targets[0])
    gateway.tenant("swap", texts.plain(path, 'return 200 "swap";', f"127.0.0.1:{PORT}"))
    start()
    cpu, until = gateway.cpu_seconds(gateway.pid), time.monotonic() + 2
    number = 0
    while time.monotonic() < until:
        number += 1
        (tmp_path / "fresh").symlink_to(targets[number % 3])
        os.rename(tmp_path / "fresh", path)
        assert not listens_on_the_host()
        time.sleep(0.002)
    used = gateway.cpu_seconds(gateway.pid) - cpu
    print(f"{number} swaps, {used:.2f} s of CPU in 2 s")
    assert used < 1.0 * SLOW
    (tmp_path / "fresh").symlink_to(targets[0])
    os.rename(tmp_path / "fresh", path)
    wait_served(good, "swap", address=("127.0.0.1", PORT))


def test_a_namespace_of_two_tenants(start, gateway, namespaces):
    """Only where the main file says so, whichever names lead there."""
    gateway.tenant("second", texts.plain(f"/run/netns/{namespaces[0]}", 'return 200 "second";',
                                         "127.0.0.1:8081"))
    start()
    line = gateway.wait_log("tenant second: waiting .*" if answer(namespaces[0]) == "calm" else
                            "tenant calm: waiting .*")
    assert "lives there, and \"netns_shared\" is off" in line
    assert answer(namespaces[0], ("127.0.0.1", 8081)) is None
    gateway.settings["netns_shared"] = "on"
    gateway.write_main()
    gateway.reload()
    wait_served(namespaces[0], "second", address=("127.0.0.1", 8081))
    assert answer(namespaces[0]) == "calm"


# ---- tenants who do as they like inside ----


def test_listeners_that_are_killed_from_inside(start, gateway, fresh):
    """Row N2: each time bound again within 5 s, and nothing spins meanwhile."""
    killed = fresh("killed")
    gateway.tenant("killed", texts.plain(killed, 'return 200 "killed";'))
    start()
    rounds = 4
    cpu = sum(gateway.cpu_seconds(pid) for pid in gateway.processes())
    quiet, begun = [], time.monotonic()
    for _ in range(rounds):
        assert answer(killed) == "killed"
        netns.run("ip", "netns", "exec", killed, "ss", "-K", "-t", "state", "listening", "sport = :8080")
        if answer(killed) == "killed" and "closed from inside" not in gateway.log():
            pytest.skip("this kernel does not let ss -K close listeners")
        quiet.append(wait_served(killed, "killed", 5.0))
    used = sum(gateway.cpu_seconds(pid) for pid in gateway.processes()) - cpu
    share = used / (time.monotonic() - begun)
    print(f"bound again after {max(quiet):.2f} s at most; {share:.0%} of a core with the load")
    assert share < 0.9, "something spins"
    gateway.wait_log("tenant killed: the listener on 127.0.0.1:8080 in .* was closed from inside")


def test_sysctls_of_the_tenant(start, gateway, fresh, scripted):
    """Row N4: a queue of one and half a gigabyte of send buffer; our own bounds hold."""
    odd = fresh("odd")
    sent = []

    def flood(connection, _):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                sent.append(connection.send(bytes(65536)))

    server = scripted(flood)
    for line in ("net.core.somaxconn=1", "net.ipv4.tcp_wmem=536870912 536870912 536870912"):
        netns.run("ip", "netns", "exec", odd, "sysctl", "-q", "-w", line)
    gateway.tenant("odd", texts.plain(odd, f"""location / {{ return 200 "odd"; }}
        location /flood {{ proxy_pass http://{server.address}; }}"""))
    start()
    with Load([(odd, PLAIN, "odd")] * 4) as load:
        wait_for(lambda: load.done > 200, 20, "it is served all the same")
    assert not load.failures, load.failures[:5]
    before = sum(gateway.memory(pid) for pid in gateway.processes())
    sock = netns.within(odd, lambda: socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(PLAIN)
    sock.sendall(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: sum(sent) > 0, what="the flood begins")
    last = -1
    while sum(sent) != last:  # until nobody takes any more
        last = sum(sent)
        time.sleep(0.3)
        assert last < 64 << 20, "the tenant's buffer sizes are obeyed"
    after = sum(gateway.memory(pid) for pid in gateway.processes())
    print(f"{last >> 10} KiB of 1 GB taken, {after - before} KiB more memory")
    assert after - before < 4096 * SLOW
    sock.close()


def test_an_address_that_is_missing_and_a_port_that_is_held(start, gateway, fresh):
    """Row N5."""
    odd = fresh("later")

    taken = netns.within(odd, lambda: occupy(("127.0.0.1", 8081)))
    gateway.tenant("later", texts.tenant(
        odd, 'server { listen 10.77.0.1:8080; listen [fd77::1]:8080; listen 127.0.0.1:8081; '
             'return 200 "later"; }'))
    start()
    gateway.wait_log("tenant later: cannot listen on 127.0.0.1:8081 in .*: bind: Address already in use")
    netns.run("ip", "-n", odd, "address", "add", "10.77.0.1/32", "dev", "lo")
    netns.run("ip", "-n", odd, "address", "add", "fd77::1/128", "dev", "lo", "nodad")
    wait_served(odd, "later", 5.0, ("10.77.0.1", 8080))
    wait_served(odd, "later", 5.0, ("fd77::1", 8080))
    taken.close()
    wait_served(odd, "later", 5.0, ("127.0.0.1", 8081))
    gateway.wait_log("tenant later: listening on 127.0.0.1:8081")
