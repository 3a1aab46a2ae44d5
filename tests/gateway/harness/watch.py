# SPDX-License-Identifier: MIT
"""Time that does not depend on how busy the machine is."""

import os
import pathlib
import time


def _waited(pid):
    """Seconds in which the process's threads wanted a processor and had none (schedstat's second)."""
    total = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[1])
        except OSError:
            pass  # the thread has ended
    return total / 1e9


class Watch:
    """Seconds since it was made, but for those in which one of the gateway's processes, or the
    test's own, waited for a processor: what it would have been on an idle machine, at most."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.waited = {pid: _waited(pid) for pid in self._processes()}
        self.begin = time.monotonic()

    def _processes(self):
        there = self.gateway.processes() if self.gateway.process else []
        return [os.getpid(), *there]

    def seconds(self):
        passed = time.monotonic() - self.begin
        now = {pid: _waited(pid) for pid in self._processes()}
        return max(0, passed - sum(max(0, now[pid] - self.waited.get(pid, 0)) for pid in now))
