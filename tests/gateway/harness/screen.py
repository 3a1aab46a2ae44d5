# SPDX-License-Identifier: MIT
"""A terminal, as a program sees it that shows a whole screen: a pty, and what stands on it. Any
control sequence but those that the program is meant to send is an error."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from .gateway import wait_for

SEQUENCE = re.compile(rb"\x1b\[(\??)([0-9;]*)([A-Za-z])")
MODES = {b"1049": "alternate", b"25": "cursor", b"7": "wraps"}


class Screen:
    def __init__(self, command, size=(24, 100), **options):
        self.master, self.slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self.slave)
        self.modes = {"alternate": False, "cursor": True, "wraps": True}
        self.lines, self.row, self.column = {}, 0, 0
        self.other = ({}, 0, 0)  # the alternate screen, or the one before it
        self.pending = b""
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm"}, **options)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # -- what the program sends --

    def read(self):
        """Takes what has come; the screen's text."""
        while select.select([self.master], [], [], 0)[0]:
            self.pending += os.read(self.master, 65536)
        # A sequence or a character of several bytes may have come in part.
        whole = re.match(rb"(?:[\x00-\x1a\x1c-\x7f]|[\xc2-\xf4][\x80-\xbf]+(?=[\x00-\x7f])|" +
                         SEQUENCE.pattern + rb")*", self.pending).group()
        self.pending = self.pending[len(whole):]
        assert len(self.pending) < 16, f"no sequence that is known: {self.pending[:40]!r}"
        at = 0
        for found in SEQUENCE.finditer(whole):
            self._put(whole[at:found.start()])
            self._obey(*found.groups())
            at = found.end()
        self._put(whole[at:])
        return "\n".join(self.lines.get(row, "") for row in range(self.rows))

    def _put(self, data):
        for character in data.decode():
            if character == "\r":
                self.column = 0
            elif character == "\n":
                assert self.row < self.rows - 1 or not self.modes["alternate"], "the screen scrolls"
                self.row += 1
            else:
                assert character.isprintable(), f"{character!r} on a terminal"
                line = self.lines.get(self.row, "").ljust(self.column)
                self.lines[self.row] = (line[:self.column] + character +
                                        line[self.column + 1:])[:self.columns]
                self.column += 1

    def _obey(self, private, numbers, letter):
        if private:
            assert letter in b"hl", letter
            if numbers == b"1049" and self.modes["alternate"] != (letter == b"h"):
                (self.lines, self.row, self.column), self.other = (
                    self.other, (self.lines, self.row, self.column))
            self.modes[MODES[numbers]] = letter == b"h"
        elif letter == b"H":
            self.row, self.column = (int(numbers.split(b";")[0]) - 1 if numbers else 0), 0
        elif letter == b"K":
            self.lines[self.row] = self.lines.get(self.row, "")[:self.column]
        elif letter == b"J":
            for row in range(self.row + 1, self.rows):
                self.lines[row] = ""
        else:
            assert letter == b"m", (numbers, letter)

    # -- what a person does --

    def wait(self, pattern, seconds=20):
        """Until that stands on the screen; what matched."""
        return wait_for(lambda: re.search(pattern, self.read(), re.MULTILINE), seconds,
                        f"{pattern!r} in\n{self.read()}")

    def press(self, keys):
        os.write(self.master, keys)

    def is_as_before(self):
        self.read()
        return (termios.tcgetattr(self.slave) == self.before and
                self.modes == {"alternate": False, "cursor": True, "wraps": True})

    def end(self):
        """Waits for the program's end; its exit status."""
        wait_for(lambda: self.read() is not None and self.process.poll() is not None, 20, "the end")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stderr, self.process.stdout):
            if stream:
                stream.close()
        os.close(self.master)
        os.close(self.slave)
