# SPDX-License-Identifier: MIT
"""The harness's own measure of time: what is slow fails its bound beside whatever else wants the
processors, and what only waits for one does not."""

import os
import subprocess
import sys
import time

import pytest

from harness.watch import Watch

ENDLESS = "while True: pass"
WORK = "import time\nwhile time.process_time() < 0.3: pass"


def python(code):
    return subprocess.Popen([sys.executable, "-S", "-c", code])


@pytest.fixture
def hogs():
    """Four that never rest, of the test's own family, on the processor that the test has."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    started = [python(ENDLESS) for _ in range(4)]
    time.sleep(0.2)
    yield
    for process in started:
        process.kill()
        process.wait()
    os.sched_setaffinity(0, before)


def test_what_sleeps_fails_its_bound_beside_hogs(hogs):
    watch = Watch()
    time.sleep(1)
    assert not watch.seconds() < 0.25
    assert not watch.stop().seconds() < 0.25


def test_what_computes_fails_its_bound_beside_hogs(hogs):
    watch = Watch()
    assert python(WORK).wait() == 0
    assert not watch.seconds() < 0.1


def test_waiting_for_a_processor_is_left_out(hogs):
    watch = Watch()
    assert python(WORK).wait() == 0
    watch.stop()
    assert watch.wall() > 0.5, "the hogs let it wait"
    assert watch.seconds() < 0.7 * watch.wall()


def test_a_time_ends_beside_hogs(hogs):
    watch = Watch()
    while watch.lasts(0.3):
        assert watch.wall() < 5
        time.sleep(0.001)
    assert watch.wall() >= 0.3
