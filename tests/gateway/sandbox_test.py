# SPDX-License-Identifier: MIT
"""The sandbox: an intruder in a worker, and one in the resolver, tries to get out; the modes; kernels
that have none."""

import errno
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

import pytest

from harness import confine, texts
from harness.client import fetch
from harness.gateway import BINARY, ROOT, is_sanitized, wait_for

PLAIN = ("127.0.0.1", 8080)
BREAKOUT = pathlib.Path(BINARY).parent / "nsgate_breakout"
ORDER, ANSWER = struct.Struct("@q6qq512s"), struct.Struct("@q512s")
AT_FDCWD = -100
O_PATH = 0o10000000

# Sends system calls to processes of a gateway. There is no sandbox in a sanitized build.
release_only = pytest.mark.measures


def filters(pid):
    """Whether it has a filter of system calls: the field of proc(5)."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(line.split()[1] for line in text.splitlines() if line.startswith("Seccomp:"))


class Intruder:
    def __init__(self, gateway):
        self.gateway = gateway
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.numbers = confine.numbers()

    def start(self):
        if not BREAKOUT.exists():
            subprocess.run(["cmake", "--build", BREAKOUT.parent.parent, "-j", "2", "--target",
                            "nsgate_breakout"], check=True, capture_output=True)
        self.gateway.binary = str(BREAKOUT)
        self.gateway.is_broken_out = True
        self.gateway.start(stdin=self.theirs)

    def call(self, pid, name, *arguments):
        """Has that process make the call: its result, or None when the process has ended by it.
        Text and bytes are passed by their address."""
        text, numbers, pointers = b"", [], 0
        for index, argument in enumerate(arguments):
            if isinstance(argument, (str, bytes)):
                pointers |= 1 << index
                numbers.append(len(text))
                text += argument if isinstance(argument, bytes) else argument.encode() + b"\0"
            else:
                numbers.append(argument)
        numbers += [0] * (6 - len(numbers))
        self.ours.send(ORDER.pack(self.numbers[name], *numbers, pointers, text))
        os.kill(pid, signal.SIGURG)

        def look():
            try:
                return ANSWER.unpack(self.ours.recv(ANSWER.size, socket.MSG_DONTWAIT))[0],
            except BlockingIOError:
                return None if pid in self.gateway.children() else (None,)

        return wait_for(look, 20, f"{name} is made or refused")[0]

    def confined(self, role):
        """A process of that role that is in its sandbox."""
        def look():
            for pid in self.gateway.children():
                try:
                    if self.gateway.role(pid) == role and filters(pid) == "2":
                        return pid
                except (FileNotFoundError, ProcessLookupError, StopIteration):
                    pass
            return None

        return wait_for(look, 10, f"a {role}")

    def refused(self, pid, name, *arguments):
        """The call ends the process, and the log has its name."""
        since = self.gateway.log_size()
        result = self.call(pid, name, *arguments)
        assert result is None, f"{name} is made: {result}"
        self.gateway.wait_log(rf"\] {pid} \S+.*: sandbox: system call {name}\(", 10, since)
        self.gateway.wait_log(rf"\(pid {pid}\) was killed by signal 31", 10, since)


@pytest.fixture
def intruder(gateway):
    made = Intruder(gateway)
    yield made
    made.ours.close()
    made.theirs.close()


@pytest.fixture
def broken(intruder, gateway, namespace):
    """Many workers, so that an attempt need not wait for the one before it to be replaced."""
    gateway.settings["worker_processes"] = "12"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    intruder.start()
    return intruder



def outside(gateway):
    """(name, arguments): what no worker may do. The supervisor is whom it would like to have."""
    root = gateway.pid
    return [
        ("openat", AT_FDCWD, "/etc/passwd", os.O_RDONLY),
        ("openat", AT_FDCWD, str(gateway.folder / "made"), os.O_WRONLY | os.O_CREAT, 0o600),
        ("openat", AT_FDCWD, f"/proc/{root}/mem", os.O_RDWR),
        ("openat", AT_FDCWD, f"/proc/{root}/fd/3", O_PATH),
        ("newfstatat", AT_FDCWD, "/root", bytes(256), 0),
        ("unlinkat", AT_FDCWD, str(gateway.folder / "nsgate.conf"), 0),
        ("renameat2", AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", 0),
        ("ptrace", 16, root, 0, 0),
        ("process_vm_readv", root, bytes(16), 1, bytes(16), 1, 0),
        ("process_vm_writev", root, bytes(16), 1, bytes(16), 1, 0),
        ("pidfd_open", root, 0),
        ("pidfd_getfd", 5, 5, 0),
        ("kill", root, 0),
        ("tgkill", root, root, 0),
        ("rt_sigqueueinfo", root, 0, bytes(128)),
        ("setns", 5, 0x40000000),
        ("unshare", 0x10000000),
        ("mount", "none", "/mnt", "tmpfs", 0, 0),
        ("pivot_root", "/", "/"),
        ("chroot", "/"),
        ("socket", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        ("socket", socket.AF_PACKET, socket.SOCK_RAW, 0),
        ("socket", socket.AF_NETLINK, socket.SOCK_RAW, 0),
        ("socket", socket.AF_VSOCK, socket.SOCK_STREAM, 0),
        ("bind", 5, bytes(16), 16),
        ("io_uring_setup", 8, bytes(120)),
        ("bpf", 0, bytes(128), 128),
        ("perf_event_open", bytes(128), 0, -1, -1, 0),
        ("execve", "/bin/true", 0, 0),
        ("execveat", 5, "", 0, 0, 0x1000),
        ("memfd_create", "code", 0x10),
        ("mmap", 0, 4096, 4, 0x22, -1, 0),
        ("clone", 17, 0, 0, 0, 0),
        ("vfork",),
        ("keyctl", 0, -3, 0),
        ("add_key", "user", "name", "data", 4, -3),
        ("userfaultfd", 0),
        ("setsockopt", 0, socket.SOL_SOCKET, 26, bytes(16), 16),
        ("fcntl", 0, 4, 0),
        ("ioctl", 0, 0x5412, "x"),
        ("rt_sigaction", signal.SIGSYS, bytes(152), 0, 8),
        ("prctl", 4, 1, 0, 0, 0),
        ("seccomp", 1, 0, bytes(16)),
        ("setresuid", 0, 0, 0),
        ("reboot", 0, 0, 0, 0),
    ]


@release_only
def test_a_worker_gets_nowhere(broken, gateway, namespace):
    attempts = outside(gateway)
    for attempt in attempts:
        broken.refused(broken.confined("worker"), *attempt)
    assert not (gateway.folder / "made").exists()
    assert wait_for(lambda: fetch(namespace, PLAIN).status == 200, 10, "it serves on")
    assert gateway.process.poll() is None


def abstract_listener():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(b"\0nsg-" + os.urandom(8).hex().encode())
    listener.listen()
    return listener


@release_only
def test_what_a_worker_connects_to_is_not_the_gateway(broken, gateway, tmp_path):
    """Sockets of backends are open to it, and so connect(2) must be: what else has one refuses."""
    worker = gateway.workers()[0]

    def connect(path):
        fd = broken.call(worker, "socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
        address = struct.pack("@H", socket.AF_UNIX) + path
        result = broken.call(worker, "connect", fd, address.ljust(110, b"\0"),
                             2 + len(path) + (0 if path[:1] == b"\0" else 1))
        broken.call(worker, "close", fd)
        return result

    backend = socket.socket(socket.AF_UNIX)
    backend.bind(str(tmp_path / "backend.sock"))
    backend.listen()
    os.chmod(tmp_path / "backend.sock", 0o666)
    assert connect(str(gateway.folder / "nsgate.sock").encode()) == -errno.EACCES
    assert broken.call(worker, "sendto", 999, "x", 1, 0, 0, 0) == -errno.EBADF, "not its own"
    assert broken.call(worker, "getpid") == worker, "it lives"
    if gateway.statuses()[0]["landlock"] and gateway.statuses()[0]["landlock"] >= 6:
        with abstract_listener() as listener:
            assert connect(listener.getsockname()) == -errno.EPERM
    backend.close()


@release_only
def test_the_resolver_reads_names_and_nothing_else(intruder, gateway, namespace):
    gateway.settings["container_socket"] = "none.sock"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.tenant("b", texts.plain("container:none", 'return 200 "b";'))  # it goes on for this one
    intruder.start()

    def resolver():
        return intruder.confined("resolver")

    def opens(path, flags=os.O_RDONLY):
        fd = intruder.call(resolver(), "openat", AT_FDCWD, path, flags)
        if fd >= 0:
            intruder.call(resolver(), "close", fd)
        return fd

    assert opens("/etc/hosts") >= 0
    if gateway.statuses()[0]["landlock"]:
        assert opens("/bin/sh") == -errno.EACCES
        assert opens("/proc/self/status") == -errno.EACCES
    for attempt in (("openat", AT_FDCWD, "/tmp/nsg-made", os.O_WRONLY | os.O_CREAT, 0o600),
                    ("execve", "/bin/true", 0, 0), ("ptrace", 16, gateway.pid, 0, 0),
                    ("kill", gateway.pid, 0), ("setns", 5, 0), ("accept4", 0, 0, 0, 0),
                    ("socket", socket.AF_NETLINK, socket.SOCK_RAW, 0)):
        intruder.refused(resolver(), *attempt)


@release_only
def test_the_observer_gets_nowhere(intruder, gateway, namespace):
    gateway.settings["observe"] = "unix:observe.sock"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    intruder.start()
    for attempt in (("openat", AT_FDCWD, "/etc/hosts", os.O_RDONLY),
                    ("execve", "/bin/true", 0, 0), ("ptrace", 16, gateway.pid, 0, 0),
                    ("kill", gateway.pid, 0), ("setns", 5, 0),
                    ("socket", socket.AF_INET, socket.SOCK_STREAM, 0),
                    ("bind", 0, "x", 2), ("listen", 0, 1), ("unlinkat", AT_FDCWD, "x", 0)):
        intruder.refused(intruder.confined("observer"), *attempt)
    assert fetch(namespace, PLAIN).status == 200


# ---- modes ----

@release_only
def test_log_tells_and_lets_pass(intruder, gateway, namespace):
    gateway.settings.update(worker_processes="1", sandbox="log")
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    intruder.start()
    (worker,) = gateway.workers()
    since = gateway.log_size()
    for _ in range(20):
        assert intruder.call(worker, "getppid") == gateway.pid
    fd = intruder.call(worker, "openat", AT_FDCWD, "/etc/hosts", os.O_RDONLY)
    assert fd >= 0 and os.readlink(f"/proc/{worker}/fd/{fd}") == "/etc/hosts"
    assert intruder.call(worker, "openat", AT_FDCWD, "/none/such", 0) == -errno.ENOENT
    log = gateway.log(since)
    assert "worker 0: sandbox: system call openat(-100, address, 0) is not allowed\n" in log
    assert 1 <= log.count("system call getppid(") <= 10, "once a second"
    assert gateway.workers() == [worker]
    assert gateway.statuses()[0]["sandbox"] == "log" and gateway.statuses()[0]["landlock"] is None


def test_a_reload_changes_the_mode(gateway, namespace):
    gateway.settings["sandbox"] = "off"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    workers = gateway.workers()

    assert gateway.statuses()[0]["sandbox"] == "off"
    assert {filters(pid) for pid in workers} == {"0"}
    assert "run without" not in gateway.log()
    gateway.settings["sandbox"] = "on"
    gateway.write_main()
    assert "done" in gateway.reload()
    wait_for(lambda: not set(workers) & set(gateway.workers()), 10, "the old ones have ended")
    status, number = ("missing", "0") if is_sanitized() else ("on", "2")
    assert gateway.statuses()[0]["sandbox"] == status
    assert {filters(pid) for pid in gateway.workers()} == {number}
    assert filters(gateway.pid) == "0"
    assert fetch(namespace, PLAIN).status == 200


REFUSE = """
import os, sys
sys.path.insert(0, {folder!r})
from harness import confine
number = confine.numbers()
names = ("seccomp", "landlock_create_ruleset")
program = [(confine.LOAD, 0, 0, 0)]
for name in names:
    program += [(confine.EQUAL, 0, 1, number[name]), (confine.RETURN, 0, 0, confine.refuse({error}))]
program.append((confine.RETURN, 0, 0, confine.ALLOW))
confine.load_filter(program)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM])
def test_a_kernel_without_seccomp_is_told_of_once(gateway, namespace, error):
    script = REFUSE.format(folder=str(ROOT / "tests" / "gateway"), error=error)
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start(prefix=(sys.executable, "-c", script))
    assert gateway.log().count("workers and the resolver run without, for") == 1
    whole = gateway.statuses()[0]
    assert whole["sandbox"] == "missing" and whole["landlock"] is None
    assert "; sandbox missing\n" in gateway.ask("status").stdout
    assert fetch(namespace, PLAIN).status == 200
