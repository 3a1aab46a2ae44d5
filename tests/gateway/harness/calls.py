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


def counted(worker, trace, work):
    """What the worker calls during work(), as (reads, writes, waits, {others}). trace: a file."""
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
