# SPDX-License-Identifier: MIT
"""Time that depends less on how busy the machine is: what passes while somebody waits for a processor
does not count, nor what the host has taken of the machine's processors. Many wait at the same time,
which is no more time: what counts is the one of the test's processes (the gateway, its workers) that
has waited longest. A quarter of the time counts in any case: nothing is late only for others."""

import os
import time

from .proc import of_threads

LEFT_OUT = 0.75  # at most, of the time on the wall


def _family(pid):
    yield pid
    for children in of_threads(pid, "children").values():
        for child in children.split():
            yield from _family(int(child))


def _waits():
    """Seconds in which each thread wanted a processor and had none: schedstat's second field."""
    return {thread: int(text.split()[1]) / 1e9 for pid in _family(os.getpid())
            for thread, text in of_threads(pid, "schedstat").items()}


def _stolen():
    """Seconds in which other machines of the host had our processors, of each: proc(5), `steal`."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK") / os.cpu_count()


class Watch:
    """Starts when it is made."""

    def __init__(self):
        self._waits, self._stolen = _waits(), _stolen()
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
        """Seconds that would have passed on an idle machine, about: for what must not be later."""
        if self._stopped:
            return self._stopped[1]
        wall = self.wall()
        longest = max(now - self._waits.get(thread, 0) for thread, now in _waits().items())
        return wall - min(max(0, longest) + max(0, _stolen() - self._stolen), LEFT_OUT * wall)

    def lasts(self, seconds):
        """Whether less has passed: four times as much on the wall at most. Cheap, as long as it has not
        there."""
        return self.wall() < seconds or self.seconds() < seconds
