# SPDX-License-Identifier: MIT
"""A constant load that notices every failed request."""

import threading
import time

from .client import Connection
from .frames import Frames


class Load:
    """Threads that ask over and over: half over one connection, half over a new one each time.
    Ends by itself after `seconds`; `done` counts whole answers, `failures` lists what went wrong."""

    def __init__(self, targets, context=None, seconds=120, threads=4, pause=0.002):
        self.failures, self.done, self.ending = [], 0, threading.Event()
        self.lock = threading.Lock()
        self.targets, self.context, self.pause = targets, context, pause
        self.end = time.monotonic() + seconds
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)

    def _count(self):
        with self.lock:
            self.done += 1

    def _run(self, number):
        namespace, address, name = self.targets[number % len(self.targets)]
        keeps, connection = number % 2 == 0, None
        while not self.ending.is_set() and time.monotonic() < self.end:
            try:
                if connection is None:
                    connection = Connection(namespace, address, self.context, name, timeout=20)
                response = connection.ask("/load")
                if response.status == 200:
                    self._count()
                else:
                    self.failures.append(f"{name}: status {response.status}")
                if not keeps or response.headers.get("Connection") == "close":
                    connection.close()
                    connection = None
            except Exception as error:  # any of them is a failed request
                self.failures.append(f"{name}: {error!r}")
                connection = None
            time.sleep(self.pause)
        if connection is not None:
            connection.close()


class FramesLoad(Load):
    """The same over HTTP/2: each thread asks one stream after the other over one connection, and
    takes another connection when it is told to go away."""

    def _run(self, number):
        namespace, address, name = self.targets[number % len(self.targets)]
        connection = None
        while not self.ending.is_set() and time.monotonic() < self.end:
            try:
                if connection is None:
                    connection = Frames(namespace, address, self.context, name).ready()
                stream = connection.begin("GET", "/load")
                answer = connection.wait(stream, 20)
                if answer.ended and answer.status == 200:
                    self._count()
                else:
                    self._note(connection, stream, name, answer)
                if connection.goaways or connection.closed:
                    connection.close()
                    connection = None
            except Exception as error:  # any of them is a failed request
                self.failures.append(f"{name} (h2): {error!r}")
                connection = None
            time.sleep(self.pause)
        if connection is not None:
            connection.close()

    def _note(self, connection, stream, name, answer):
        # RFC 9113 section 6.8: a stream behind the last one of GOAWAY was not looked at.
        if any(stream > last for last, _ in connection.goaways):
            return
        self.failures.append(f"{name} (h2): status {answer.status}, reset {answer.reset}, "
                             f"{connection.goaways}")
