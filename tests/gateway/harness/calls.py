# SPDX-License-Identifier: MIT
"""What a worker's requests cost in system calls, without what only time costs: the messages that it
exchanges with the supervisor, however long a busy machine takes, waits that end by themselves, and
the look at its rarer events that it takes once a second, which tells of its other epoll set."""

import re
import signal
import subprocess

CHANNEL = 3  # SPAWN_CHANNEL_FD
READS = ("read", "recvfrom", "recvmsg", "readv")
WRITES = ("write", "sendto", "sendmsg", "writev")
WAITS = ("epoll_wait", "epoll_pwait")
LINE = re.compile(r"(\w+)\((\w*)(.*) = (-?\w+)")


def _is_of_a_request(sets, name, first, rest, result):
    if name not in WAITS:
        return first != str(CHANNEL)
    told = set(re.findall(r"u32=(\d+)", rest)) - sets - {str(CHANNEL)}
    return bool(told) and result != "0"


def _counted(worker, trace, work):
    tracer = subprocess.Popen(["strace", "-p", str(worker), "-o", str(trace), "-e", "signal=none"],
                              stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    work()
    tracer.send_signal(signal.SIGINT)
    tracer.wait(60)
    calls = {}
    lines = map(LINE.match, trace.read_text(errors="replace").splitlines())
    made = [line.groups() for line in lines if line]
    sets = {first for name, first, *_ in made if name in WAITS}
    for call in made:
        if _is_of_a_request(sets, *call):
            calls[call[0]] = calls.get(call[0], 0) + 1
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
