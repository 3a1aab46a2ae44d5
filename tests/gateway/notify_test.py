# SPDX-License-Identifier: MIT
"""What a service manager hears of the gateway (sd_notify), watchdog included."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from harness import texts
from harness.gateway import BINARY, is_sanitized
from harness.watch import Watch

WATCHED = ("sh", "-c", 'export WATCHDOG_PID=$$; exec "$0" "$@"')  # as systemd sets it


class Manager:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.environment = {"NOTIFY_SOCKET": address.replace("\0", "@")}

    def take(self, seconds=10):
        """The next message as a dictionary; None when none comes."""
        self.socket.settimeout(seconds * (4 if is_sanitized() else 1))
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.split("\n"))

    def wait(self, name, seconds=10):
        """The next message with that name; others are passed over."""
        while (message := self.take(seconds)) is not None:
            if name in message:
                return message
        raise AssertionError(f"no {name} came")

    def drain(self):
        while self.take(0.01):
            pass


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    made = Manager(str(tmp_path / "notify") if request.param == "path" else f"\0nsg-{os.getpid()}")
    yield made
    made.socket.close()


def test_a_life_is_told(gateway, namespace, manager):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(env=manager.environment)
    ready = manager.wait("READY")
    assert ready == {"READY": "1", "STATUS": "started: 1 tenants, 0 waiting, 0 refused, 2 workers"}
    for pid in gateway.children():
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environment

    before = time.monotonic_ns() // 1000
    assert gateway.reload().startswith("reload done")
    reloading = manager.take()
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.take()["STATUS"].startswith("reload done: ")

    gateway.write_main("nonsense;\n")
    assert gateway.reload().startswith("reload refused")
    assert manager.take()["RELOADING"] == "1"
    again = manager.take()
    assert again["READY"] == "1" and again["STATUS"].startswith("reload refused: 1 error in ")

    gateway.stop(signal.SIGQUIT)
    assert manager.take() == {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "6000000",
                              "STATUS": "ending"}
    assert manager.take(0.1) is None


def test_the_command_line_says_nothing(gateway, namespace, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    conf = str(gateway.folder / "nsgate.conf")
    for arguments in (["-t"], ["-s", "reload"], ["-s", "reopen"]):
        subprocess.run([BINARY, "-c", conf, *arguments], check=True, capture_output=True,
                       env={**os.environ, **manager.environment})
    assert manager.take(0.1) is None


def test_the_watchdog_is_fed_by_the_loop(gateway, namespace, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(prefix=WATCHED, env={**manager.environment, "WATCHDOG_USEC": "1000000"})
    manager.wait("READY")
    for _ in range(3):
        watch = Watch()
        manager.wait("WATCHDOG")
        assert watch.seconds() < 0.9 or is_sanitized()
    os.kill(gateway.pid, signal.SIGSTOP)
    manager.drain()
    assert manager.take(0.4) is None, "it is stopped"
    os.kill(gateway.pid, signal.SIGCONT)
    manager.wait("WATCHDOG")


def test_a_watchdog_of_another_process_is_not_fed(gateway, namespace, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(env={**manager.environment, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"})
    manager.wait("READY")
    assert manager.take(0.2) is None


def test_an_upgrade_is_told_and_the_watchdog_goes_on(gateway, namespace, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    gateway.settings["worker_shutdown_timeout"] = "1s"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(prefix=WATCHED, env={**manager.environment, "WATCHDOG_USEC": "1000000"})
    manager.wait("READY")
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGUSR2)
    gateway.wait_log("upgrade done", 20, at)
    gateway.wait_log("reload done", 20, at)
    assert manager.wait("READY")["STATUS"].startswith("reload done: ")
    manager.drain()
    for _ in range(3):
        manager.wait("WATCHDOG")
    gateway.stop()
    assert manager.wait("STOPPING")
