# SPDX-License-Identifier: MIT
"""Many uploads and downloads at once, in one thread: asyncio's clients, and a backend that reads
when it is told to."""

import asyncio
import hashlib
import socket
import ssl
import threading

import hpack

from . import netns
from .frames import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, frame, settings


class SlowBackend:
    """HTTP/1.1, as many connections as come: answers each request with its body's length and
    digest, and GET /N with N bytes. It reads no bodies before .release(), nor after .hold()."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.released = asyncio.Event()
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % listener.getsockname()[1]
        self.server = None
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(listener,), daemon=True)
        self.thread.start()
        self.ready.wait()

    def _run(self, listener):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self._one, sock=listener, backlog=4096))
        self.ready.set()
        self.loop.run_forever()

    async def _one(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await self.released.wait()
                if head.startswith(b"GET /"):
                    answer = body_of(0, int(head[5:].split()[0]))
                else:
                    answer = describe(await self._body(reader, head.lower()))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(answer), answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _body(reader, head):
        if b"chunked" not in head:
            length = head.split(b"content-length:")[1].split()[0] if b"content-length" in head \
                else 0
            return await reader.readexactly(int(length))
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body

    def release(self):
        self.loop.call_soon_threadsafe(self.released.set)

    def hold(self):
        self.loop.call_soon_threadsafe(self.released.clear)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


def body_of(number, size):
    return (b"%d," % number * (size // 2 + 1))[:size]


def describe(body):
    return b"%d %s" % (len(body), hashlib.sha256(body).hexdigest().encode())


class Uploads:
    """Uploads that run in a thread; .failures lists what went wrong, .done counts what did not."""

    def __init__(self, namespace, address, context=None, name="a.test"):
        self.namespace, self.address, self.context, self.name = namespace, address, context, name
        self.failures, self.done, self.thread = [], 0, None

    def start(self, count, size, streams=0, pieces=1, pause=0):
        """`streams`: that many for each connection of HTTP/2; 0: HTTP/1.1. Each body goes in so
        many pieces."""
        self.count = count
        self.size, self.streams, self.pieces, self.pause = size, streams, pieces, pause
        self.thread = threading.Thread(target=lambda: netns.within(
            self.namespace, lambda: asyncio.run(self._all())), daemon=True)
        self.thread.start()

    def wait(self, seconds):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), f"{self.done} of {self.count}: {self.failures[:3]}"

    async def _all(self):
        one = self._http2 if self.streams else self._http1
        step = self.streams or 1
        await asyncio.gather(*(self._guarded(one, first) for first in range(0, self.count, step)))

    async def _guarded(self, one, first):
        try:
            await one(first)
        except (OSError, EOFError, AssertionError, ssl.SSLError) as error:
            self.failures.append(f"{first}: {error!r}")

    async def _connect(self):
        return await asyncio.open_connection(
            *self.address, ssl=self.context, server_hostname=self.name if self.context else None,
            **({"ssl_handshake_timeout": 300} if self.context else {}))

    async def _send(self, writer, data):
        part = -(-len(data) // self.pieces)
        for at in range(0, len(data), part):
            writer.write(data[at:at + part])
            await writer.drain()
            await asyncio.sleep(self.pause)

    async def _http1(self, number):
        reader, writer = await self._connect()
        body = body_of(number, self.size)
        writer.write(b"POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n"
                     b"\r\n" % (self.name.encode(), len(body)))
        await self._send(writer, body)
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(describe(body)), answer[:200]
        self.done += 1

    async def _http2(self, first):
        """Bodies that fit the windows of the first SETTINGS."""
        reader, writer = await self._connect()
        encoder = hpack.Encoder()
        writer.write(PREFACE + settings())
        kind, answers = None, {}
        while kind != 8:  # the connection's window
            kind = (await self._frame(reader))[0]
        streams = {2 * n + 1: body_of(first + n, self.size) for n in range(self.streams)}
        frames = [frame(4, flags=1)]  # the windows of their SETTINGS hold from then on
        for stream, body in streams.items():
            head = encoder.encode([(":method", "POST"), (":scheme", "https"), (":path", "/"),
                                   (":authority", self.name)], huffman=False)
            frames.append(frame(HEADERS, END_HEADERS, stream, head))
            for at in range(0, len(body), 16384):
                part = body[at:at + 16384]
                flags = END_STREAM if at + 16384 >= len(body) else 0
                frames.append(frame(DATA, flags, stream, part))
        await self._send(writer, b"".join(frames))
        ended = 0
        while ended < len(streams):
            kind, flags, stream, payload = await self._frame(reader)
            assert kind not in (3, 7), (kind, payload)
            if kind == DATA:
                answers[stream] = answers.get(stream, b"") + payload
            ended += kind in (DATA, HEADERS) and flags & END_STREAM
        writer.close()
        for stream, body in streams.items():
            assert answers.get(stream) == describe(body), (stream, answers.get(stream))
            self.done += 1

    @staticmethod
    async def _frame(reader):
        head = await reader.readexactly(9)
        return (head[3], head[4], int.from_bytes(head[5:], "big"),
                await reader.readexactly(int.from_bytes(head[:3], "big")))


class Downloads(Uploads):
    """The same for responses of `size` bytes, which nobody reads before .read()."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.reads = threading.Event()

    def read(self):
        self.reads.set()

    async def _http1(self, number):
        reader, writer = await self._connect()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        writer.write(b"GET /%d HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                     % (self.size, self.name.encode()))
        while not self.reads.is_set():
            await asyncio.sleep(0.05)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and body == body_of(0, self.size), (number, head)
        self.done += 1
