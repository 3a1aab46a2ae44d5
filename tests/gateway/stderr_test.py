# SPDX-License-Identifier: MIT
"""A standard error that nobody reads: a start goes on, and ends when it is told to."""

import fcntl
import os
import signal
import subprocess

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import BINARY, wait_for

PLAIN = ("127.0.0.1", 8080)


@pytest.fixture
def full():
    """The writing end of a pipe that has no room."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    yield writer
    os.close(writer)
    os.close(reader)


def begin(gateway, full, *arguments):
    return subprocess.Popen([BINARY, "-c", str(gateway.folder / "nsgate.conf"), *arguments],
                            stdin=subprocess.DEVNULL, stdout=full, stderr=full,
                            start_new_session=True)


@pytest.mark.parametrize("log", ["stderr", "own.log"])
def test_warnings_of_a_start_do_not_hold_it_up(gateway, namespace, full, log):
    gateway.write_main(f"""user nobody; worker_processes 1; pid nsgate.pid; error_log {log} info;
        tenants tenants/*.conf; tenants nothing/*.conf;""")
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.tenant("b", "nonsense;")
    process = begin(gateway, full)

    def answers():
        assert process.poll() is None
        try:
            return fetch(namespace, PLAIN).body == b"x"
        except OSError:
            return False

    wait_for(answers, 20, "it serves")
    if log != "stderr":
        assert "could not be written here" in (gateway.folder / log).read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_errors_of_a_start_do_not_keep_it_from_ending(gateway, full):
    gateway.write_main("nonsense; " * 500)
    assert begin(gateway, full).wait(20) == 1


def test_a_check_waits_for_its_reader(gateway, full):
    gateway.write_main("nonsense;")
    process = begin(gateway, full, "-t")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
