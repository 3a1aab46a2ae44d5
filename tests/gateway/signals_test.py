# SPDX-License-Identifier: MIT
"""Signals at bad moments: before the handlers, under inherited masks, at a file's limit, as the
first process of a container (rows C2, E3)."""

import os
import pathlib
import pwd
import re
import resource
import signal
import subprocess
import time

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import BINARY, is_sanitized, wait_for

PLAIN = ("127.0.0.1", 8080)
EARLY = {signal.SIGHUP: " reload done: ", signal.SIGUSR1: "SIGUSR1: opening logs anew",
         signal.SIGUSR2: " upgrade done: "}


def field(pid, name):
    """A set of signals in /proc/PID/status."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = int(text.split(f"{name}:\t", 1)[1].split("\n", 1)[0], 16)
    return {number for number in range(1, 32) if mask >> (number - 1) & 1}


@pytest.mark.parametrize("number", EARLY)
def test_signals_with_the_pid_file_are_answered(gateway, number):
    """The moment at which scripts may send the first one."""
    path = gateway.folder / "nsgate.pid"
    for _ in range(2 if is_sanitized() else 12):
        at = gateway.log_size() if gateway.log_path.exists() else 0
        gateway.start(wait=False)
        while not path.exists() or not path.read_text():
            assert gateway.process.poll() is None, gateway.tail()
        os.kill(gateway.pid, number)
        gateway.wait_log(EARLY[number], 30, at)
        gateway.stop()


def descendants(pid):
    try:
        found = [int(child) for child in children(pid)]
    except OSError:
        return []
    return found + [grandchild for child in found for grandchild in descendants(child)]


def shower(gateway, known, is_over):
    """All that comes anew gets every signal that is only for the supervisor, as by `pkill -HUP
    nsgate`, all the time."""
    while not is_over():
        for pid in set(descendants(gateway.pid)) - known:
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT,
                           signal.SIGQUIT):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    break
        assert gateway.process.poll() is None, gateway.tail()


def test_children_that_start_take_no_signals(gateway, namespace):
    """The binary that an upgrade tries, its worker, new workers and the resolver."""
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    for _ in range(2):
        known, at = set(descendants(gateway.pid)), gateway.log_size()
        asked = subprocess.Popen([BINARY, "-c", str(gateway.folder / "nsgate.conf"), "-s", "upgrade"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        shower(gateway, known, lambda: asked.poll() is not None)
        assert asked.returncode == 0, asked.stdout.read()
        asked.stdout.close()
        gateway.wait_log("the old workers have ended", 20, at)
    for _ in range(4):
        victim, at = gateway.workers()[0], gateway.log_size()
        known = set(descendants(gateway.pid))
        os.kill(victim, signal.SIGKILL)
        shower(gateway, known, lambda: len(set(gateway.workers()) - known) == 1
               and signal.SIGTERM in field(gateway.workers()[-1], "SigCgt"))
        assert gateway.ask("reload").returncode == 0
    assert set(re.findall(r"killed by signal (\d+)", gateway.log())) == {"9"}, gateway.tail()
    assert fetch(namespace, PLAIN).body == b"x"


def test_a_term_with_the_pid_file_ends_it_cleanly(gateway):
    path = gateway.folder / "nsgate.pid"
    for _ in range(2 if is_sanitized() else 8):
        gateway.start(wait=False)
        while not path.exists():
            assert gateway.process.poll() is None, gateway.tail()
        gateway.stop()
        assert not path.exists()


def ignore(*numbers):
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers]


INHERITED = {
    "SIGCHLD ignored": ignore(signal.SIGCHLD),
    "all that can be ignored": ignore(*signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}),
    "all blocked": lambda: signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals()),
}


@pytest.mark.parametrize("inherited", INHERITED)
def test_what_was_inherited_does_not_matter(gateway, namespace, inherited):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    command = [BINARY, "-c", str(gateway.folder / "nsgate.conf")]
    with open(gateway.log_path, "ab") as log:
        gateway.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           preexec_fn=INHERITED[inherited], start_new_session=True)
    gateway.wait_log(r"\bstarted: ", 60)
    for pid in gateway.processes():
        assert not field(pid, "SigBlk"), gateway.role(pid)
        assert {signal.SIGPIPE, signal.SIGXFSZ} <= field(pid, "SigIgn"), gateway.role(pid)
    for worker in gateway.workers():
        assert signal.SIGCHLD not in field(worker, "SigIgn")
        assert signal.SIGTERM in field(worker, "SigCgt")
        os.kill(worker, signal.SIGKILL)
        gateway.wait_log(rf"\(pid {worker}\) was killed by signal 9")
    wait_for(lambda: len(gateway.workers()) == 2, what="new workers")
    answer = gateway.ask("reload")
    assert answer.returncode == 0, answer
    assert fetch(namespace, PLAIN).body == b"x"
    assert subprocess.run([*command, "-t"], capture_output=True, timeout=30,
                          preexec_fn=INHERITED[inherited]).returncode == 0
    gateway.stop(signal.SIGTERM)


def limit_files(gateway, limit):
    """No process of it can make a file longer. Workers are nobody's, and only nobody may say so."""
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for worker in gateway.workers():
        subprocess.run(["prlimit", f"--fsize={limit}:", "--pid", str(worker)], check=True,
                       user="nobody", group=pwd.getpwnam("nobody").pw_gid)


def test_a_log_at_its_size_limit_loses_lines_and_nothing_else(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    processes = gateway.processes()
    limit_files(gateway, gateway.log_size())
    for _ in range(5):
        os.kill(gateway.pid, signal.SIGUSR1)
        time.sleep(0.1)
    assert fetch(namespace, PLAIN).body == b"x"
    assert gateway.process.poll() is None and set(gateway.workers()) <= set(processes)
    limit_files(gateway, resource.RLIM_INFINITY)
    os.kill(gateway.pid, signal.SIGUSR1)
    gateway.wait_log(r"\d+ lines of this process could not be written here")


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_as_the_first_process_it_reaps_every_orphan(gateway):
    """Those of before it was executed, and those that come while it runs and drains its workers."""
    gateway.start(wait=False, prefix=("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
                                      '(sleep 0.2 &); (sleep 1 &); exec "$0" "$@"'))
    gateway.wait_log(r"\bstarted: ", 60)
    first = gateway.children()[0]
    orphan = ["nsenter", "-t", str(first), "-p", "-m", "sh", "-c",
              "for i in 1 2 3 4 5; do (sleep 0.$i &); (true &); done"]
    try:
        for _ in range(4):
            subprocess.run(orphan, check=True)
            os.kill(first, signal.SIGHUP)
        victim = next(pid for pid in children(first) if gateway.role(pid) == "worker")
        os.kill(int(victim), signal.SIGKILL)
        gateway.wait_log(r"was killed by signal 9")
        wait_for(lambda: [gateway.role(pid) for pid in children(first)] == ["worker"] * 2, 10,
                 "its own children, and neither orphans nor zombies")
    finally:
        os.kill(first, signal.SIGTERM)
    assert gateway.process.wait(10) == 0
    gateway.process = None
