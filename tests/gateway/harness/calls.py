# SPDX-License-Identifier: MIT
"""What a worker's requests cost in system calls, without what only time costs: the messages that it
exchanges with the supervisor, however long a busy machine takes, and waits that end by themselves."""

import re
import signal
import subprocess

CHANNEL = 3  # SPAWN_CHANNEL_FD
READS = ("read", "recvfrom", "recvmsg", "readv")
WRITES = ("write", "sendto", "sendmsg", "writev")
WAITS = ("epoll_wait", "epoll_pwait")
LINE = re.compile(r"(\w+)\((\w*)(.*) = (-?\w+)")


def _is_of_a_request(name, first, rest, result):
    if name not in WAITS:
        return first != str(CHANNEL)
    return any(int(fd) != CHANNEL for fd in re.findall(r"u32=(\d+)", rest)) and result != "0"


def _counted(worker, trace, work):
    tracer = subprocess.Popen(["strace", "-p", str(worker), "-o", str(trace), "-e", "signal=none"],
                              stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    work()
    tracer.send_signal(signal.SIGINT)
    tracer.wait(60)
    calls = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if match and _is_of_a_request(*match.groups()):
            calls[match.group(1)] = calls.get(match.group(1), 0) + 1
    print(calls)

    def some(names):
        return sum(calls.pop(name, 0) for name in names)

    return some(READS), some(WRITES), some(WAITS), calls


def assert_at_most(most, slack, worker, trace, work):
    """Each time that work() is done, the worker reads, writes and waits that often, and does nothing
    else. The best of five counts: what requests cost is there in each, and a peer that a busy machine
    interrupts in the middle of what it says adds a read and a wait. trace: a file."""
    for _ in range(5):
        *counts, others = _counted(worker, trace, work)
        if max(counts) <= most + slack and sum(others.values()) <= slack:
            return
    assert max(counts) <= most + slack, f"reads, writes, waits: {counts}, not {most} each"
    assert sum(others.values()) <= slack, f"nothing else: {others}"
