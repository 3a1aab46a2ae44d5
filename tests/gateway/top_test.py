# SPDX-License-Identifier: MIT
"""-s top: what the gateway does now, live in a terminal or once as a table."""

import os
import re
import signal
import socketserver
import subprocess
import threading

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import BINARY, wait_for
from harness.load import Load
from harness.screen import Screen

PLAIN = ("127.0.0.1", 8080)


@pytest.fixture
def served(gateway, namespaces):
    """Three tenants, one of which does not serve."""
    gateway.tenant("busy", texts.plain(namespaces[0], 'return 200 "busy";'))
    gateway.tenant("idle", texts.plain(namespaces[1], 'return 200 "idle";'))
    gateway.tenant("broken", "netns;\n")
    gateway.start()
    return gateway


def command(gateway):
    return [BINARY, "-c", str(gateway.folder / "nsgate.conf"), "-s", "top"]


@pytest.fixture
def screen(served):
    made = Screen(command(served), stderr=subprocess.PIPE)
    yield made
    made.close()


def order(screen):
    """The tenants, from above."""
    return re.findall(r"^(busy|idle|broken) ", screen.read(), re.MULTILINE)


def test_figures_live_and_in_the_order_that_a_key_asks_for(screen, namespaces):
    screen.wait(r"^nsgate \d.*pid \d+.*; 2 workers of generation 1")
    screen.wait(r"^2 of 3 tenants serve; ")
    screen.wait(r"^TENANT +STATE +REQUESTS/S +ERRORS/S +P99 +CONNECTIONS$")
    screen.wait(r"^broken +refused ")
    screen.wait(r"^sort: requests errors p99 connections state tenant .*q: quit")
    assert screen.modes == {"alternate": True, "cursor": False, "wraps": False}
    with Load([(namespaces[0], PLAIN, "localhost")]):
        screen.wait(r"^busy +serving +[1-9][0-9.]* .* [1-9][0-9]*$")
        wait_for(lambda: order(screen) == ["busy", "broken", "idle"], 20, "the busiest first")
        screen.press(b"t")
        wait_for(lambda: order(screen) == ["broken", "busy", "idle"], 20, "by name")
        screen.press(b"t")
        wait_for(lambda: order(screen) == ["idle", "busy", "broken"], 20, "from the end")
        screen.press(b"\x1b[Bsc")
        wait_for(lambda: order(screen)[0] == "busy", 20, "by connections")
        screen.press(b"s")
        wait_for(lambda: order(screen) == ["broken", "busy", "idle"], 20, "what does not serve")
    screen.press(b"x\x1bq")
    assert screen.end() == 0 and screen.is_as_before()


@pytest.mark.parametrize("how", ["q", "control-C", signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_left_as_it_was(screen, how):
    screen.wait(r"^idle +serving")
    if how == "q":
        screen.press(b"q")
    elif how == "control-C":
        screen.press(b"\x03")
    else:
        screen.process.send_signal(how)
    assert screen.end() == 0 and screen.is_as_before()
    assert screen.process.stderr.read() == b""


def test_a_gateway_that_goes_away_is_told_on_the_terminal_as_it_was(served, screen):
    screen.wait(r"^idle +serving")
    served.kill()
    assert screen.end() == 1 and screen.is_as_before()
    assert b"nsgate: the running nsgate " in screen.process.stderr.read()


def test_a_gateway_that_does_not_answer_leaves_the_keys_alive(served, screen):
    screen.wait(r"^idle +serving")
    os.kill(served.pid, signal.SIGSTOP)
    try:
        screen.wait(r"^no answer for \d+ s; 2 of 3")
        screen.press(b"q")
        assert screen.end() == 0 and screen.is_as_before()
    finally:
        os.kill(served.pid, signal.SIGCONT)


def test_stopped_it_gives_the_terminal_back_and_continued_it_takes_it(screen):
    screen.wait(r"^idle +serving")

    def is_stopped():
        screen.read()
        with open(f"/proc/{screen.process.pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"

    for stop in (lambda: screen.process.send_signal(signal.SIGTSTP), lambda: screen.press(b"\x1a")):
        stop()
        # The session's leader is of an orphaned group, which SIGTSTP does not stop: see setpgid(2).
        wait_for(lambda: screen.read() is not None and screen.modes["alternate"], 20, "it goes on")
    screen.process.send_signal(signal.SIGSTOP)
    wait_for(is_stopped, 20, "the stop")
    screen.lines.clear()
    screen.process.send_signal(signal.SIGCONT)
    screen.wait(r"^idle +serving")
    screen.press(b"q")
    assert screen.end() == 0 and screen.is_as_before()


def test_stopped_by_a_shell_that_watches(served):
    """As a shell runs it: a child in a group of its own, whose parent sees it stop."""
    script = """
import os, signal, sys, termios
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
before = termios.tcgetattr(0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
_, status = os.waitpid(pid, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
print("stopped" if os.WIFSTOPPED(status) else "ended", termios.tcgetattr(0) == before, flush=True)
input()
os.tcsetpgrp(0, pid)
os.kill(-pid, signal.SIGCONT)
_, status = os.waitpid(pid, 0)
os.tcsetpgrp(0, os.getpgrp())
print("end", os.WEXITSTATUS(status), termios.tcgetattr(0) == before, flush=True)
"""
    screen = Screen(["/usr/bin/python3", "-c", script, *command(served)])
    try:
        screen.wait(r"^idle +serving")
        screen.press(b"\x1a")
        wait_for(lambda: screen.read() is not None and not screen.modes["alternate"], 20, "the stop")
        screen.wait(r"stopped (True|False)")
        screen.lines.clear()
        os.write(screen.master, b"\n")
        screen.wait(r"^idle +serving")
        assert screen.modes["alternate"]
        screen.press(b"q")
        screen.wait(r"end 0 True")
        assert screen.end() == 0 and screen.is_as_before()
    finally:
        screen.close()


def test_a_window_of_another_size_is_filled_anew(screen):
    screen.wait(r"^idle +serving")
    screen.resize(8, 40)
    screen.wait(r"^1 to 2 of 3$")
    assert len(screen.read().splitlines()) <= 8
    screen.press(b"\x1b[6~")
    screen.wait(r"^2 to 3 of 3$")
    screen.resize(2, 5)
    screen.resize(30, 120)
    screen.wait(r"^idle +serving")
    screen.press(b"q")
    assert screen.end() == 0


def test_names_cannot_move_the_cursor(tmp_path):
    """nsgate refuses such names; who only reads what a socket says does not depend on that."""
    lines = ["hello\t1.0\t7\t0", "gateway\tversion=1.0\tpid=7\tuptime=1"]
    for name in ("a\\x1b[2Jb", "c\\xc2\\x9bd", "\\xff\\x9b", "\u00fc\u202e\u0445"):
        lines.append(f"tenant\tname={name}\tstate=serv\\x1b]0;ing\tconnections=1\terror=\\x1b[1m")
    answer = "".join(f"{line}\n" for line in [*lines, "end\t0"]).encode()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.readline()
            self.wfile.write(answer)

    path = str(tmp_path / "said.sock")
    asked = [BINARY, "--socket", path, "-s"]
    with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        screen = Screen([*asked, "top"])
        try:
            screen.wait(r"^a\?\[2Jb +serv\?\]0; ")
            screen.wait(r"^c\?d +serv")
            screen.wait(r"^\u00fc\?\u0445 +serv")
            screen.press(b"q")
            assert screen.end() == 0 and screen.is_as_before()
        finally:
            screen.close()
        for what in ("top", "status"):
            plain = subprocess.run([*asked, what], capture_output=True, timeout=60).stdout.decode()
            assert "a?[2Jb" in plain and "c?d" in plain and "\u00fc?\u0445" in plain
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", plain)
        server.shutdown()


def test_once_as_a_table_where_there_is_no_terminal(served, namespaces):
    with Load([(namespaces[0], PLAIN, "localhost")]):
        result = served.ask("top")
    assert result.returncode == 0 and result.stderr == "" and "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("nsgate ") and lines[1].startswith("2 of 3 tenants serve; ")
    assert lines[3].split() == ["TENANT", "STATE", "REQUESTS/S", "ERRORS/S", "P99", "CONNECTIONS"]
    assert lines[4].split()[:2] == ["busy", "serving"] and float(lines[4].split()[2]) > 0
    assert [line.split()[0] for line in lines[5:]] == ["broken", "idle"]


def test_without_a_gateway_there_is_one_error(gateway):
    result = gateway.ask("top")
    assert result.returncode == 1 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and "not running" in result.stderr
    screen = Screen(command(gateway), stderr=subprocess.PIPE)
    try:
        assert screen.end() == 1 and screen.is_as_before()
        assert b"not running" in screen.process.stderr.read()
    finally:
        screen.close()
