# SPDX-License-Identifier: MIT
"""Network namespaces of the tests' own (nsg-...), and sockets inside them.

A socket keeps the namespace it was made in, so a test stays in one process: a short-lived thread
enters the namespace, makes the socket and ends."""

import ctypes
import os
import socket
import subprocess
import threading

PREFIX = f"nsg-{os.getpid()}-"
CLONE_NEWNET = 0x40000000
PATIENCE = 30  # seconds for what does not take any, so that a test that is broken ends
_libc = ctypes.CDLL(None, use_errno=True)
_made = []
_is_alone = True  # whether the test that runs is marked as `alone`


def begin_test(is_alone):
    global _is_alone
    _is_alone = is_alone


def claim_host(what):
    """Whoever uses what the machine has once says so: only tests that are marked may."""
    assert _is_alone, f"{what}: this test needs pytest.mark.alone"


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def inside(full, *command, check=True, text=True, timeout=60):
    """A command in that namespace: the finished process, with its output."""
    return subprocess.run(["ip", "netns", "exec", full, *map(str, command)], check=check,
                          capture_output=True, text=text, timeout=timeout)


def make(name):
    """Makes the namespace PREFIX+name with its loopback up; returns its full name."""
    return make_again(PREFIX + name)


def make_again(full):
    """The same under a full name, which may have been one before."""
    run("ip", "netns", "add", full)
    _made.append(full)
    run("ip", "-n", full, "link", "set", "lo", "up")
    return full


def make_many(count):
    """Makes many at once (one `ip -batch` call each for adding and raising)."""
    names = [f"{PREFIX}m{number}" for number in range(count)]
    _made.extend(names)
    lines = "".join(f"netns add {name}\n" for name in names)
    subprocess.run(["ip", "-batch", "-"], input=lines, text=True, check=True)
    for name in names:
        within(name, _raise_loopback)
    return names


def _raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = b"lo".ljust(16, b"\0") + (1 | 64).to_bytes(2, "little") + bytes(22)
        import fcntl
        fcntl.ioctl(control, 0x8914, request)  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING


def delete(full):
    run("ip", "netns", "del", full, check=False)
    if full in _made:
        _made.remove(full)


def delete_all_of(names):
    """Many at once."""
    lines = "".join(f"netns del {name}\n" for name in names)
    subprocess.run(["ip", "-force", "-batch", "-"], input=lines, text=True, capture_output=True)
    _made[:] = [name for name in _made if name not in set(names)]


def delete_all():
    delete_all_of(list(_made))


def within(full, act):
    """Calls act() in a thread that is in the namespace (its name, or the path of one), and returns
    its result. None: here."""
    if full is None:
        return act()
    result = []

    def body():
        handle = os.open(os.path.join("/run/netns", full), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            result.append((True, act()))
        except BaseException as error:  # handed to the caller below
            result.append((False, error))
        finally:
            os.close(handle)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    worked, value = result[0]
    if not worked:
        raise value
    return value


def connect(full, address, timeout=PATIENCE):
    """A TCP connection made inside the namespace."""
    return within(full, lambda: socket.create_connection(address, timeout))


class Veth:
    """A pair of devices: one end here, the other inside; gone when the kernel frees the namespace."""

    def __init__(self, full, number=0):
        claim_host("a veth pair with addresses of the host")
        self.name = f"nsg{os.getpid() % 1000000}-{number}"
        self.here, self.inside = f"169.254.77.{4 * number + 1}", f"169.254.77.{4 * number + 2}"
        run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "outside", "netns", full)
        run("ip", "addr", "add", f"{self.here}/30", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        run("ip", "-n", full, "addr", "add", f"{self.inside}/30", "dev", "outside")
        run("ip", "-n", full, "link", "set", "outside", "up")

    def is_there(self):
        return os.path.exists(f"/sys/class/net/{self.name}")

    def go_silent(self):
        """Nothing that is sent to this end is answered any more, not even by RST. The link stays up:
        without it, what is sent would wait for ARP to fail, which takes the kernel 3 s."""
        run("ip", "addr", "flush", "dev", self.name)

    def remove(self):
        run("ip", "link", "del", self.name, check=False)
