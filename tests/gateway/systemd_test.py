# SPDX-License-Identifier: MIT
"""What is installed for systemd: the unit and its restrictions, under which the gateway runs here."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

from harness import confine, netns, texts
from harness.client import fetch
from harness.gateway import BINARY, ROOT, Gateway, wait_for
from harness.load import Load

PLAIN = ("127.0.0.1", 8080)
EXPOSURE = 3.2  # of systemd-analyze security, which says 9.6 of a unit without restrictions


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The root of an installation with the prefix /usr."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["cmake", "--install", pathlib.Path(BINARY).parents[1], "--prefix", "/usr"],
                   check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DESTDIR": str(root)})
    return root


@pytest.fixture(scope="module")
def unit(installed):
    return installed / "usr/lib/systemd/system/nsgate.service"


def test_systemd_understands_the_unit(installed, unit, tmp_path):
    text = unit.read_text()
    assert "ExecStart=/usr/sbin/nsgate\n" in text
    assert "ExecReload=/usr/sbin/nsgate -s reload\n" in text
    assert "@" not in re.sub(r"@[a-z-]+", "", text), "a placeholder was left"
    there = tmp_path / "nsgate.service"  # with a binary that exists on this host
    there.write_text(text.replace("/usr/sbin/nsgate", str(installed / "usr/sbin/nsgate")))
    said = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_systemd_is_content_with_its_restrictions(unit):
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={EXPOSURE * 10:.0f}", unit],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stdout
    level = float(re.search(r"exposure level for nsgate.service: ([0-9.]+)", said.stdout).group(1))
    assert level <= EXPOSURE


def test_sysusers_makes_the_user(installed):
    subprocess.run(["systemd-sysusers", f"--root={installed}"], check=True, capture_output=True)
    line = (installed / "etc/passwd").read_text()
    assert re.search(r"^nsgate:x:\d+:\d+:.*:/usr/sbin/nologin$", line, re.MULTILINE), line
    assert re.search(r"^nsgate:", (installed / "etc/group").read_text(), re.MULTILINE)


def test_the_unit_and_the_code_keep_the_same_capabilities(unit):
    text = (ROOT / "src/daemon/privileges.c").read_text()
    table = text.split("kept_capabilities[] = {")[1].split("};")[0]
    assert set(re.findall(r"^\s+(CAP_\w+)", table, re.MULTILINE)) == \
        set(confine.words(confine.read_unit(unit), "CapabilityBoundingSet"))


PROBE = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def fails(result):
    return errno.errorcode[ctypes.get_errno()] if result < 0 else "works"
print("ptrace", fails(libc.ptrace(16, 1, 0, 0)))
print("mount", fails(libc.mount(b"x", b"/tmp", b"tmpfs", 0, 0)))
print("unshare", fails(libc.unshare(0x20000)))
for family in (socket.AF_NETLINK, socket.AF_INET):
    try:
        print("socket", socket.socket(family, socket.SOCK_DGRAM) and "works")
    except OSError as error:
        print("socket", errno.errorcode[error.errno])
for path in ("/usr/nsg-probe", "/run/nsg-probe"):
    try:
        print("file", open(path, "w") and os.unlink(path) or "works")
    except OSError as error:
        print("file", errno.errorcode[error.errno])
"""


def under(unit, folder):
    return (sys.executable, str(ROOT / "tests/gateway/harness/confine.py"), str(unit), str(folder))


@pytest.mark.measures  # a sanitizer needs system calls that the unit refuses
def test_the_restrictions_are_real(unit, tmp_path):
    said = subprocess.run([*under(unit, tmp_path), sys.executable, "-c", PROBE], check=True,
                          capture_output=True, text=True).stdout.split("\n")
    assert said[:7] == ["ptrace EPERM", "mount EPERM", "unshare EPERM", "socket EAFNOSUPPORT",
                        "socket works", "file EROFS", "file works"], said


@pytest.fixture
def confined(gateway, unit):
    """The gateway, started under the unit's restrictions once its tenants are written."""
    gateway.launch = lambda: gateway.start(prefix=under(unit, gateway.folder))
    return gateway


def kept(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(value, 16) for name, value in re.findall(r"(Cap\w+):\s+(\w+)", status)}


@pytest.mark.measures
def test_it_serves_under_the_units_restrictions(confined, unit, authority, namespace, echo):
    confined.tenant("a", texts.proxied(authority, namespace, "confined.test", echo.address))
    confined.launch()
    context = authority.context()

    def ask():
        return fetch(namespace, texts.ADDRESS, context=context, name="confined.test").status

    assert ask() == 200
    mask = sum(1 << number for name, number in confine.capabilities().items()
               if name in confine.words(confine.read_unit(unit), "CapabilityBoundingSet"))
    supervisor = kept(confined.pid)
    assert supervisor["CapBnd"] == supervisor["CapEff"] == supervisor["CapPrm"] == mask
    for worker in confined.workers():
        assert not any(kept(worker).values())
    assert confined.statuses()[0]["sandbox"] == "on", "the unit leaves what that takes"
    authority.issue("confined.test")
    conf = str(confined.folder / "nsgate.conf")  # as ExecReload has it
    said = subprocess.run([*under(unit, confined.folder), BINARY, "-c", conf, "-s", "reload"],
                          check=True, capture_output=True, text=True).stdout
    assert "reload done: 0 added, 1 changed, 0 removed, 0 refused" in said, said
    assert ask() == 200
    victim = confined.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in confined.workers() and len(confined.workers()) == 2, 10,
             "a new worker")
    assert ask() == 200
    text = confined.log()
    assert "is missing" not in text and "not permitted" not in text.lower(), text
    confined.stop(signal.SIGQUIT)


@pytest.mark.measures
def test_another_binary_takes_over_under_the_units_restrictions(unit, authority, namespace, echo,
                                                                tmp_path, reachable):
    binary = pathlib.Path(reachable) / "nsgate"
    shutil.copy(BINARY, binary)
    gateway = Gateway(tmp_path, binary=str(binary))
    gateway.tenant("a", texts.proxied(authority, namespace, "confined.test", echo.address))
    gateway.start(prefix=under(unit, gateway.folder))
    try:
        pid, workers, before = gateway.pid, gateway.workers(), kept(gateway.pid)
        targets = [(namespace, texts.ADDRESS, "confined.test")]
        with Load(targets, authority.context(), threads=2) as load:
            wait_for(lambda: load.done > 20, what="the load's first requests")
            shutil.copy(BINARY, binary.with_name("new"))
            binary.with_name("new").rename(binary)
            at = gateway.log_size()
            os.kill(pid, signal.SIGUSR2)
            assert "upgrade done" in gateway.wait_log(r"upgrade (done|refused).*", 20, at)
            gateway.wait_log("the old workers have ended", 20, at)
            done = load.done
            wait_for(lambda: load.done > done + 20, what="further requests")
        assert not load.failures, load.failures[:5]
        assert kept(pid) == before
        assert not set(gateway.workers()) & set(workers)
        gateway.stop(signal.SIGQUIT)
    finally:
        if gateway.process is not None:
            gateway.kill()


def answers(namespace):
    try:
        return fetch(namespace, PLAIN).body == b"x"
    except OSError:
        return False


@pytest.mark.measures
def test_mounts_of_the_host_reach_it_and_go_from_it(confined, namespaces):
    """A namespace that is made later is seen; one that is deleted is not kept alive by the
    service's own copy of the mount: its end of the veth pair takes ours with it."""
    late = netns.PREFIX + "late-sd"
    ours = f"nsg-{os.getpid() % 100000}-sd"
    confined.tenant("late", texts.plain(late, 'return 200 "x";'))
    confined.launch()
    netns.make("late-sd")
    try:
        wait_for(lambda: answers(late), 10, "the late namespace is served")
        netns.run("ip", "link", "add", ours, "type", "veth", "peer", "name", "inside", "netns", late)
        assert os.path.exists(f"/sys/class/net/{ours}")
        netns.delete(late)
        wait_for(lambda: not os.path.exists(f"/sys/class/net/{ours}"), 10, "the kernel frees it")
    finally:
        netns.run("ip", "link", "del", ours, check=False)
        netns.delete(late)


@pytest.mark.measures
def test_a_process_is_found_under_the_units_restrictions(confined, namespace):
    """/proc hides other users' processes from all but the supervisor."""
    inside = subprocess.Popen(["ip", "netns", "exec", namespace, "setpriv", "--reuid=65534",
                               "sleep", "60"])
    try:
        wait_for(lambda: os.stat(f"/proc/{inside.pid}/ns/net").st_ino ==
                 os.stat(f"/run/netns/{namespace}").st_ino, 10, "the process is inside")
        confined.tenant("a", texts.plain(f"pid:{inside.pid}", 'return 200 "x";'))
        confined.launch()
        wait_for(lambda: answers(namespace), 10, "the process's namespace is served")
    finally:
        inside.kill()
        inside.wait()
