# SPDX-License-Identifier: MIT
"""Time that does not depend on how busy the machine is: what passes while the test's process, or one
that it has started (the gateway, its workers), waits for a processor does not count, nor what the
host has taken of the machine's processors."""

import os
import time

from .proc import of_threads

_waited = {}  # of each process, also of those that have ended: seconds, as last seen


def _waits_of(pid):
    """Seconds in which its threads wanted a processor and had none: schedstat's second field."""
    return sum(int(text.split()[1]) for text in of_threads(pid, "schedstat")) / 1e9


def _family(pid):
    yield pid
    for children in of_threads(pid, "children"):
        for child in children.split():
            yield from _family(int(child))


def _stolen():
    """Seconds in which other machines of the host had our processors: proc(5), `steal`."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def _all_waits():
    for pid in _family(os.getpid()):
        _waited[pid] = max(_waited.get(pid, 0), _waits_of(pid))
    return sum(_waited.values()) + _stolen()


class Watch:
    """Starts when it is made."""

    def __init__(self):
        self._waits = _all_waits()
        self._begin = time.monotonic()
        self._stopped = None

    def stop(self):
        """It tells the same from now on. Returns itself."""
        self._stopped = self.wall(), self.seconds()
        return self

    def wall(self):
        """Seconds of the clock on the wall: for what must not be sooner."""
        return self._stopped[0] if self._stopped else time.monotonic() - self._begin

    def seconds(self):
        """Seconds that would have passed on an idle machine, at most: for what must not be later."""
        if self._stopped:
            return self._stopped[1]
        return max(0, self.wall() - (_all_waits() - self._waits))

    def lasts(self, seconds):
        """Whether less has passed. Cheap, as long as it has on the wall."""
        return self.wall() < seconds or self.seconds() < seconds
