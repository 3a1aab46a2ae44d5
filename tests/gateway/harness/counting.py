# SPDX-License-Identifier: MIT
"""An HTTP/1.1 server, as a process of its own, that counts: connections, and requests at a time.

A path says what becomes of a request: /wait/0.1 answers after so many seconds, /hold when somebody
asks for /release, all others at once. /counts tells the counts as JSON, /reset begins them anew."""

import asyncio
import json
import pathlib
import subprocess
import sys
import urllib.request

ASIDE = (b"/counts", b"/reset", b"/release")


class Counts:
    def __init__(self):
        self.opened = self.open = self.requests = self.active = self.most = 0
        self.held = []

    def begin(self):
        self.requests += 1
        self.active += 1
        self.most = max(self.most, self.active)


class Peer(asyncio.Protocol):
    def __init__(self, counts):
        self.counts, self.buffer, self.is_counted, self.asks = counts, b"", False, 0

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        self.counts.open -= self.is_counted
        self.counts.active -= self.asks

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.take(head.split(b" ", 2)[1])

    def take(self, path):
        counts = self.counts
        if path in ASIDE:
            self.take_aside(path)
            return
        if not self.is_counted:
            self.is_counted = True
            counts.opened += 1
            counts.open += 1
        counts.begin()
        self.asks += 1
        if path.startswith(b"/wait/"):
            asyncio.get_running_loop().call_later(float(path[6:]), self.answer)
        elif path == b"/hold":
            counts.held.append(self)
        else:
            self.answer()

    def take_aside(self, path):
        counts, told = self.counts, b""
        if path == b"/counts":
            told = json.dumps({"opened": counts.opened, "open": counts.open, "most": counts.most,
                               "active": counts.active, "requests": counts.requests}).encode()
        elif path == b"/reset":
            counts.opened = counts.requests = 0
            counts.most = counts.active
        else:
            for peer in counts.held:
                peer.answer()
            counts.held = []
        self.say(told)

    def answer(self):
        if not self.transport.is_closing():
            self.counts.active -= 1
            self.asks -= 1
            self.say(b"hello")

    def say(self, body):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def serve():
    loop, counts = asyncio.get_running_loop(), Counts()
    server = await loop.create_server(lambda: Peer(counts), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Counting:
    """The server, from a test's side."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, pathlib.Path(__file__)],
                                        stdout=subprocess.PIPE, text=True)
        self.address = f"127.0.0.1:{self.process.stdout.readline().strip()}"

    def ask(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{self.address}{path}", timeout=20) as answer:
            return answer.read()

    def counts(self):
        return json.loads(self.ask("/counts"))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve())
