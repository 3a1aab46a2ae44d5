# SPDX-License-Identifier: MIT
"""What small requests cost over HTTP/2: system calls of one stream at a time, and of many."""

import re
import signal
import subprocess

import pytest

from harness import frames, texts
from harness.frames import Frames

pytestmark = pytest.mark.measures
ROUNDS = 500


@pytest.mark.parametrize("streams", [1, 20])
def test_one_read_and_one_write_for_all_streams(streams, gateway, authority, namespace, tmp_path):
    gateway.settings["worker_processes"] = "1"
    gateway.log_level = "notice"
    gateway.write_main()
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "hello";'), settings="keepalive_requests 10000000;"))
    gateway.start()
    client = Frames(namespace, texts.ADDRESS, authority.context(("h2",))).ready()
    client.acknowledges = False

    def ask(rounds):
        for _ in range(rounds):
            numbers = [client.next_id() for _ in range(streams)]
            client.send(b"".join(
                frame_of(client, number) for number in numbers))
            client.until(lambda: all(client.streams[number].over for number in numbers))
            for number in numbers:
                assert client.streams.pop(number).body == b"hello"

    # The connection's window is never opened again: it holds 13,000 such answers.
    client.send(window(1 << 30))
    ask(20)
    (worker,) = gateway.workers()
    table = tmp_path / "strace"
    tracer = subprocess.Popen(["strace", "-c", "-p", str(worker), "-o", str(table)],
                              stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "attached"
    ask(ROUNDS)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    calls = {}
    for line in table.read_text().splitlines():
        if match := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line):
            if match.group(2) != "total":
                calls[match.group(2)] = int(match.group(1))
    print({name: count / ROUNDS for name, count in calls.items()})
    slack = ROUNDS // 50
    reads = sum(calls.pop(name, 0) for name in ("read", "recvfrom", "recvmsg", "readv"))
    writes = sum(calls.pop(name, 0) for name in ("write", "sendto", "sendmsg", "writev"))
    waits = sum(calls.pop(name, 0) for name in ("epoll_wait", "epoll_pwait"))
    assert reads <= ROUNDS + slack and writes <= ROUNDS + slack and waits <= ROUNDS + slack
    assert sum(calls.values()) <= slack, f"nothing else: {calls}"
    client.close()


def frame_of(client, number):
    return frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, number,
                        client.head("GET", "/"))


def window(size):
    return frames.frame(frames.WINDOW_UPDATE, 0, 0, size.to_bytes(4, "big"))
