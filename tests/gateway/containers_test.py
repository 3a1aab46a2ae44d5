# SPDX-License-Identifier: MIT
"""Tenants in containers: real ones of podman and runc, and an engine that lies."""

import json
import os
import pathlib
import pwd
import re
import signal
import subprocess
import time

import pytest

from harness import texts
from harness.client import Connection
from harness.engine import OK, Engine, chunk, runs
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.podman import SUBNET, Podman, is_here
from harness.watch import Watch
from packages.debian import Debian

pytestmark = pytest.mark.alone

ROOT = pathlib.Path(__file__).resolve().parents[2]
PODMAN = pytest.mark.skipif(not is_here(), reason="needs podman, runc and busybox-static")
SOON = 1.0 * (4 if is_sanitized() else 1)  # seconds in which a namespace that appears is bound


@pytest.fixture(scope="module")
def podman():
    made = Podman()
    try:
        made.serve()
        yield made
    finally:
        made.close()


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "engine.sock")
    yield made
    made.close()


@pytest.fixture
def process():
    """process(namespace): the pid of one that lives there."""
    made = []

    def start(namespace):
        made.append(subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", "sleep", "1000"],
                                     stdin=subprocess.DEVNULL))
        place = os.stat(f"/run/netns/{namespace}").st_ino
        wait_for(lambda: os.stat(f"/proc/{made[-1].pid}/ns/net").st_ino == place, what="nsenter")
        return made[-1].pid

    yield start
    for one in made:
        one.kill()
        one.wait()


def configure(gateway, socket, **tenants):
    gateway.settings["container_socket"] = socket
    gateway.write_main()
    for name, container in tenants.items():
        gateway.tenant(name, texts.plain(f"container:{container}", f"return 200 {name};",
                                         listen="8080"))


def ask(place, address="127.0.0.1"):
    """What the tenant of that namespace answers; None: nobody listens there."""
    try:
        connection = Connection(place, (address, 8080), timeout=10)
        body = connection.ask().body.decode()
        connection.close()
        return body
    except OSError:
        return None


def wait_served(place, name, seconds=SOON):
    """The container's process was there when this began."""
    watch = Watch()
    wait_for(lambda: ask(place) == name, 10 * seconds, f"{name} is served")
    assert watch.seconds() < 1.5 * seconds, "it took longer than it may"


# -- real containers --


@PODMAN
def test_a_container_is_followed_through_its_life(gateway, authority, echo, namespace, podman):
    name = podman.run()
    configure(gateway, podman.socket, web=name)
    gateway.tenant("other", texts.proxied(authority, namespace, "other.test", echo.address))
    gateway.start()
    wait_served(podman.place(name), "web")
    with Load([(namespace, texts.ADDRESS, "other.test")], authority.context()) as load:
        for _ in range(3):
            podman.podman("restart", "-t", "0", name)
            wait_served(podman.place(name), "web")
        at = gateway.log_size()
        podman.podman("stop", "-t", "0", name)
        gateway.wait_log("tenant web: .*the container does not run .exited.", since=at)
        podman.podman("start", name)
        wait_served(podman.place(name), "web")
        podman.podman("rm", "-f", "-t", "0", name)
        gateway.wait_log("tenant web: .*there is no such container")
        podman.run(name)
        wait_served(podman.place(name), "web")
    assert load.done > 0 and not load.failures, load.failures[:5]


@PODMAN
def test_a_container_that_ends_leaves_nothing_behind(gateway, podman):
    """A connection from outside does not keep its namespace. (That of a bridge is kept by podman's
    own service for a while.)"""
    name = podman.run()
    configure(gateway, podman.socket, web=name)
    gateway.start()
    wait_served(podman.place(name), "web")
    address = podman.tie("nsg-tie", name)
    idle = Connection(podman.namespace, (address, 8080))
    assert idle.ask().body == b"web"
    podman.podman("stop", "-t", "0", name)
    wait_for(lambda: not podman.is_tied("nsg-tie"), 10, "the kernel frees the namespace")
    idle.close()


@PODMAN
def test_a_container_that_comes_late(gateway, podman):
    name = podman.new_name()
    configure(gateway, podman.socket, web=name)
    gateway.start()
    gateway.wait_log("tenant web: .*waiting for .*there is no such container")
    podman.run(name)
    wait_served(podman.place(name), "web")


@PODMAN
def test_containers_on_a_bridge(gateway, podman):
    bridge = podman.bridge()
    names = [podman.run(network=bridge) for _ in range(2)]
    podman.raise_bridge()
    configure(gateway, podman.socket, one=names[0], two=names[1])
    gateway.start()
    for tenant, name in zip(("one", "two"), names):
        address = podman.inspect(name, f'(index .NetworkSettings.Networks "{bridge}").IPAddress')
        assert address.startswith(SUBNET)
        wait_served(podman.place(name), tenant)
        assert ask(podman.namespace, address) == tenant, "from outside, over the bridge"
    podman.podman("restart", "-t", "0", names[0])
    wait_served(podman.place(names[0]), "one")
    assert ask(podman.place(names[1])) == "two"


@PODMAN
def test_what_an_engine_executes_comes_with_a_listed_package(podman, tmp_path):
    """netavark runs iptables, of which its package says nothing: what is executed is traced."""
    trace = tmp_path / "trace"
    command = ["strace", "-ff", "--seccomp-bpf", "-qq", "-s", "4096", "-e", "trace=execve,execveat",
               "-o", trace, *podman.options, "run", "--rm", "--network", podman.bridge(), "--ulimit",
               "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--rootfs", str(podman.rootfs),
               "/bin/busybox", "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    # A file for each process: in one file a call may be cut in two by another process's.
    executed = {path for file in tmp_path.glob("trace.*")
                for path in re.findall(r'execve\("([^"]+)".* = 0$', file.read_text(), re.M)}
    executed = {path for path in executed if path.startswith("/") and not path.startswith("/proc/")}
    assert {"podman", "netavark", "runc"} <= {pathlib.Path(path).name for path in executed}
    debian = Debian(ROOT / "conf" / "debian-packages.sh")
    missing = {path: debian.package_of(path) for path in executed
               if debian.package_of(path) not in debian.brought_by("test")}
    assert not missing, missing


@PODMAN
def test_the_hosts_own_namespace_is_refused(gateway, podman):
    # "host" is the host of who asks: the engine's, which is not this one, must not be used here.
    name = podman.new_name()
    options = podman.options
    try:
        podman.options = options[2:]
        podman.run(name, network="host")
        assert os.path.samefile(podman.place(name), "/proc/self/ns/net")
    finally:
        podman.options = options
    configure(gateway, podman.socket, web=name)
    gateway.start()
    gateway.wait_log("tenant web: .*host's")
    assert ask(None) != "web"


@PODMAN
def test_two_tenants_in_one_container(gateway, podman):
    name = podman.run()
    configure(gateway, podman.socket, one=name, two=name)
    gateway.start()
    gateway.wait_log('tenant "?(one|two)"? lives there')
    assert ask(podman.place(name)) in ("one", "two")


@PODMAN
def test_the_engine_comes_and_goes(gateway, podman):
    name = podman.run()
    podman.stop_serving()
    try:
        configure(gateway, podman.socket, web=name)
        gateway.start()
        gateway.wait_log("tenant web: .*cannot connect to the container engine: No such file")
        podman.serve()
        wait_served(podman.place(name), "web", 3 * SOON)
        podman.stop_serving()
        gateway.wait_log("containers cannot be followed")
        assert ask(podman.place(name)) == "web", "who is served needs no engine"
        podman.podman("restart", "-t", "0", name)
        gateway.wait_log("tenant web: .*gone")
        podman.serve()
        wait_served(podman.place(name), "web", 3 * SOON)
    finally:
        if not podman.service:
            podman.serve()


@PODMAN
def test_a_new_resolver_is_told_whom_to_follow(gateway, podman):
    name = podman.run()
    configure(gateway, podman.socket, web=name)
    gateway.start()
    wait_served(podman.place(name), "web")
    for _ in range(2):
        resolver = next(pid for pid in gateway.children() if gateway.role(pid) == "resolver")
        os.kill(resolver, signal.SIGKILL)
        wait_for(lambda: [pid for pid in gateway.children() if gateway.role(pid) == "resolver"
                          and pid != resolver], what="another resolver")
        assert ask(podman.place(name)) == "web"
        podman.podman("restart", "-t", "0", name)
        wait_served(podman.place(name), "web", 3 * SOON)


@PODMAN
def test_the_resolver_ends_when_there_is_nobody_to_follow(gateway, namespace, podman):
    name = podman.run()
    configure(gateway, podman.socket, web=name)
    gateway.tenant("other", texts.plain(namespace, "return 200;"))
    gateway.start()
    wait_served(podman.place(name), "web")
    assert any(gateway.role(pid) == "resolver" for pid in gateway.children())
    gateway.remove_tenant("web")
    gateway.reload()
    wait_for(lambda: not any(gateway.role(pid) == "resolver" for pid in gateway.children()),
             what="the resolver's end")
    assert ask(podman.place(name)) is None


# -- an engine that can be told what to say --


def test_events_in_any_pieces(gateway, engine, process, namespaces):
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespaces[0], "web")
    for size, place in ((1, namespaces[1]), (7, namespaces[2]), (None, namespaces[0])):
        before = [one for one in namespaces if ask(one)]
        engine.answers["web"] = runs(process(place))
        engine.event("health_status: healthy", "web", size)
        engine.event("start", "web", size)
        wait_served(place, "web")
        assert [ask(one) for one in before] == [None], "it has left where it was"


def test_a_namespace_by_its_path_when_the_process_is_none_of_ours(gateway, engine, namespace):
    engine.answers["web"] = runs(4194304, f"/run/netns/{namespace}")
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespace, "web")
    engine.answers["web"] = {"State": {"Status": "exited", "Running": False}}
    engine.event("die", "web")
    gateway.wait_log("tenant web: .*does not run .exited.")
    assert ask(namespace) is None


def test_another_engine_by_a_reload(gateway, engine, process, namespaces, tmp_path):
    other = Engine(tmp_path / "other.sock")
    try:
        engine.answers["web"] = runs(process(namespaces[0]))
        other.answers["web"] = runs(process(namespaces[1]))
        configure(gateway, engine.path, web="web")
        gateway.start()
        wait_served(namespaces[0], "web")
        gateway.settings["container_socket"] = other.path
        gateway.write_main()
        gateway.reload()
        wait_served(namespaces[1], "web")
        wait_for(lambda: not engine.streams, what="the end of the old connection")
    finally:
        other.close()


def test_an_upgrade_goes_on_following(gateway, engine, process, namespaces):
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespaces[0], "web")
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGUSR2)
    gateway.wait_log("upgrade done", 20, at)
    gateway.wait_log("reload done", 20, at)
    assert ask(namespaces[0]) == "web"
    assert "tenant web" not in gateway.log(at), "nothing has changed for it"
    engine.answers["web"] = runs(process(namespaces[1]))
    wait_for(lambda: engine.streams, what="the new resolver listens")
    engine.event("start", "web")
    wait_served(namespaces[1], "web", 3 * SOON)
    wait_for(lambda: sorted(map(gateway.role, gateway.children())) ==
             ["resolver", "worker", "worker"], what="the end of the old children")


def test_a_reload_that_changes_the_user(gateway, engine, process, namespaces):
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespaces[0], "web")
    gateway.settings["user"] = "daemon"
    gateway.write_main()
    gateway.reload()

    def users():
        return {gateway.role(pid): os.stat(f"/proc/{pid}").st_uid for pid in gateway.children()
                if gateway.role(pid) == "resolver"}

    wait_for(lambda: users() == {"resolver": pwd.getpwnam("daemon").pw_uid}, what="its new user")
    wait_for(lambda: engine.streams, what="the new resolver listens")
    engine.answers["web"] = runs(process(namespaces[1]))
    engine.event("start", "web")
    wait_served(namespaces[1], "web")


def test_an_engine_whose_events_are_forbidden(gateway, engine, process, namespaces):
    engine.on_events = lambda connection: connection.sendall(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespaces[0], "web")
    gateway.wait_log("containers cannot be followed: .* status 403")


def endless(connection):
    connection.sendall(OK)
    while True:
        connection.sendall(chunk(b'{"a":"' + b"x" * 60000))


def silent(connection):
    connection.recv(1)


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


HOSTILE = {
    "garbage": (b"\x00\xff" * 500, "cannot be read"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "cannot be read"),
    "no JSON": (answer(b"<html>"), "malformed"),
    "a list": (answer(b"[{}]"), "malformed"),
    "deep": (answer(b'{"a":' + b"[" * 100000 + b"]" * 100000 + b"}"), "malformed"),
    "huge": (answer(b'{"a":"' + b"x" * (2 << 20) + b'"}'), "it is too large"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
                    "cannot be read"),
    "cut short": (answer(b'{"State":{}}')[:-3], "closed the connection"),
    "a server's error": (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "status 500"),
    "endless": (endless, "it is too large"),
    "no process": (runs(0), "does not run"),
    "a process that is not there": (runs(4194304), "none of this host's"),
    "a process of the host": (runs(os.getpid()), "host's"),
    "no number": (runs("17"), "does not run"),
    "a relative path": (runs(4194304, "run/netns/x"), "none of this host's"),
    "a path with dots": (runs(4194304, "/run/netns/../../etc/passwd"), "none of this host's"),
    "a file": (runs(4194304, "/etc/passwd"), "not a network namespace"),
    "another kind of namespace": (runs(4194304, "/proc/self/ns/mnt"), "not a network namespace"),
    "the host's": (runs(4194304, "/proc/self/ns/net"), "host's"),
    "a path that is not there": (runs(4194304, "/run/netns/nsg-nowhere"), "does not exist"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_answers_harm_nobody(gateway, engine, process, namespaces, what):
    said, why = HOSTILE[what]
    engine.answers["web"] = said
    configure(gateway, engine.path, web="web")
    gateway.tenant("other", texts.plain(namespaces[1], "return 200 other;", listen="8080"))
    gateway.start()
    gateway.wait_log(f"tenant web: .*{why}")
    assert ask(namespaces[1]) == "other"
    assert ask(None) != "web"
    engine.answers["web"] = runs(process(namespaces[0]))
    engine.event("start", "web")
    wait_served(namespaces[0], "web")
    assert ask(namespaces[1]) == "other"


def test_one_that_is_never_answered_for_holds_up_no_other(gateway, engine, process, namespaces):
    engine.answers["slow"] = silent
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, slow="slow", web="web")
    gateway.start()
    wait_served(namespaces[0], "web")


@pytest.mark.parametrize("garbage", [b"no json at all", b"{" * 100000, b"[1]",
                                     b'{"a":"' + b"x" * 100000])
def test_hostile_events_harm_nobody(gateway, engine, process, namespaces, garbage):
    """The connection is given up, and made anew: what it did not tell is asked for."""
    engine.answers["web"] = runs(process(namespaces[0]))
    configure(gateway, engine.path, web="web")
    gateway.start()
    wait_served(namespaces[0], "web")
    engine.answers["web"] = runs(process(namespaces[1]))
    wait_for(lambda: engine.streams, what="the resolver listens")
    engine.say(chunk(garbage))
    gateway.wait_log("containers cannot be followed")
    wait_served(namespaces[1], "web", 3 * SOON)


def test_one_that_flaps_does_not_fill_the_log(gateway, engine, process, namespaces):
    """Each answer is another one, and events say so all the time."""
    place = namespaces[0]
    pids = [process(place), 0]

    def flap(connection):
        pids.reverse()
        connection.sendall(OK + chunk(json.dumps(runs(pids[0])).encode()) + chunk(b""))

    def storm(connection):
        connection.sendall(OK)
        event = json.dumps({"Type": "container", "Action": "start", "Actor": {
            "ID": "77aa", "Attributes": {"name": "web"}}}).encode()
        try:
            while True:
                connection.sendall(chunk(event))
                time.sleep(0.001)
        except OSError:
            pass

    engine.answers["web"], engine.on_events = flap, storm
    configure(gateway, engine.path, web="web")
    gateway.start()
    asked, lines = len(engine.asked), gateway.log().count("\n")
    time.sleep(4)
    assert len(engine.asked) - asked <= 12
    assert gateway.log().count("\n") - lines <= 60
    assert gateway.log().count("container web changes all the time") == 1


def test_a_broken_engine_costs_little(gateway, engine):
    """One that accepts and hangs up at once is asked seldom, and said of once."""
    engine.on_events = lambda connection: connection.close()
    configure(gateway, engine.path, web="web")
    gateway.start()
    gateway.wait_log("containers cannot be followed: .*closed the connection")
    at, begun = len(engine.asked), time.monotonic()
    wait_for(lambda: len(engine.asked) >= at + 8, what="four more attempts")
    assert time.monotonic() - begun > 0.8
    assert gateway.log().count("containers cannot be followed") == 1
