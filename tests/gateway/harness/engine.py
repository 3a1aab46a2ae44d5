# SPDX-License-Identifier: MIT
"""A container engine of Python: it says what the test wants, however wrong."""

import json
import os
import threading

from .backend import Scripted, read_head

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def runs(pid, sandbox=""):
    return {"Id": "77aa", "State": {"Status": "running", "Running": True, "Pid": pid},
            "NetworkSettings": {"SandboxKey": sandbox}}


class Engine:
    def __init__(self, path):
        self.path = str(path)
        self.answers = {}       # name: what json.dumps takes, raw bytes, or act(connection)
        self.on_events = None   # act(connection), in place of an honest stream
        self.asked, self.streams, self.lock = [], set(), threading.Lock()
        self.server = None
        self.open()

    def open(self):
        self.server = Scripted(self._serve, self.path)

    def close(self):
        if self.server:
            self.server.close()
            self.server = None
            os.unlink(self.path)

    def _serve(self, connection, _):
        head, _ = read_head(connection)
        target = head.split()[1].decode()
        self.asked.append(target)
        if target.startswith("/events"):
            self._listen(connection)
            return
        answer = self.answers.get(target.split("/")[2], NOT_FOUND)
        if callable(answer):
            answer(connection)
        elif isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            connection.sendall(OK + chunk(json.dumps(answer).encode()) + chunk(b""))

    def _listen(self, connection):
        if self.on_events:
            self.on_events(connection)
            return
        connection.settimeout(None)
        connection.sendall(OK)
        with self.lock:
            self.streams.add(connection)
        try:
            while connection.recv(1024):
                pass
        finally:
            with self.lock:
                self.streams.discard(connection)

    def event(self, action, name, size=None):
        """Tells all who listen; in chunks of that many bytes."""
        data = json.dumps({"Type": "container", "Action": action, "Actor": {
            "ID": "77aa", "Attributes": {"name": name}}}).encode()
        size = size or len(data)
        for at in range(0, len(data), size):
            self.say(chunk(data[at:at + size]))

    def say(self, data):
        """Sends bytes to all who listen. Who does not like them may hang up before their end."""
        with self.lock:
            for stream in self.streams:
                try:
                    stream.sendall(data)
                except OSError:
                    pass
