# SPDX-License-Identifier: MIT
"""HTTP/2 frame by frame: a client that says exactly what a test wants, right or wrong."""

import socket
import ssl
import struct

import hpack

from . import netns
from .watch import Watch

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, _, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
ENDED = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    names = {"max_streams": 3, "window": 4, "max_frame": 5}
    return frame(SETTINGS, 0, 0, b"".join(
        struct.pack(">HI", names[name], value) for name, value in values.items()))


class Stream:
    def __init__(self):
        self.heads, self.trailers, self.body = [], None, b""
        self.size, self.ended, self.reset = 0, False, None

    @property
    def head(self):
        return self.heads[-1] if self.heads else {}

    @property
    def status(self):
        return int(self.head.get(":status", 0))

    @property
    def over(self):
        return self.ended or self.reset is not None


class Frames:
    """One connection. Acknowledges SETTINGS and PING and opens windows unless told not to."""

    def __init__(self, namespace, address, context=None, name="a.test", timeout=netns.PATIENCE, receive=None,
                 **own_settings):
        def connect():
            sock = socket.socket()
            if receive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            sock.settimeout(timeout)
            sock.connect(address)
            return sock
        self.sock = netns.within(namespace, connect)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=name)
            assert self.sock.selected_alpn_protocol() == "h2"
        self.name, self.scheme = name, "https" if context else "http"
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams, self.goaways, self.settings, self.windows = {}, [], {}, {0: 65535}
        self.acknowledges, self.answers, self.closed, self.pongs = True, True, False, 0
        self.paused = set()  # streams whose window is not opened again
        self.buffer, self.last = b"", -1
        self.send(PREFACE + settings(**own_settings))

    def send(self, data):
        self.sock.sendall(data)

    def send_if_open(self, data):
        """Nothing where the other side has ended: what it said before is still to be read."""
        try:
            self.send(data)
        except ENDED:
            pass

    def close(self):
        self.sock.close()

    # -- saying --

    def head(self, method="GET", path="/", fields=(), authority=None, **more):
        pseudo = [(":method", method), (":scheme", self.scheme),
                  (":authority", authority or self.name), (":path", path)]
        pseudo += [(":" + name, value) for name, value in more.items()]
        return self.encoder.encode(pseudo + list(fields), huffman=False)

    def next_id(self):
        self.last += 2
        self.streams[self.last] = Stream()
        self.windows[self.last] = self.settings.get(4, 65535)
        return self.last

    def begin(self, *arguments, ends=True, **more):
        """Sends HEADERS; returns the stream's number."""
        number = self.next_id()
        flags = END_HEADERS | (END_STREAM if ends else 0)
        self.send_if_open(frame(HEADERS, flags, number, self.head(*arguments, **more)))
        return number

    def begin_all(self, count, *arguments):
        """Sends that many requests at once, so that all are open together; returns their numbers."""
        numbers = [self.next_id() for _ in range(count)]
        self.send_if_open(b"".join(
            frame(HEADERS, END_HEADERS | END_STREAM, number, self.head(*arguments))
            for number in numbers))
        return numbers

    def data(self, number, data, ends=False):
        """Sends a body as the windows allow."""
        view = memoryview(data)
        while True:
            room = min(self.windows[0], self.windows[number], 16384, len(view))
            if len(view) and room <= 0:
                if self.streams[number].over or self.closed:
                    return
                self.step()
                continue
            piece, view = view[:room], view[room:]
            is_last = ends and not len(view)
            self.send_if_open(frame(DATA, END_STREAM if is_last else 0, number, bytes(piece)))
            self.windows[0] -= room
            self.windows[number] -= room
            if not len(view):
                return

    def trailers(self, number, fields):
        self.send_if_open(frame(HEADERS, END_HEADERS | END_STREAM, number, self.encoder.encode(fields)))

    def reset(self, number, code=8):
        self.send_if_open(frame(RST_STREAM, 0, number, struct.pack(">I", code)))

    # -- hearing --

    def step(self):
        """Reads once; understands all whole frames."""
        try:
            part = self.sock.recv(1 << 18)
        except ENDED:
            part = b""
        if not part:
            self.closed = True
            return
        self.buffer += part
        at = 0
        while len(self.buffer) - at >= 9:
            size = int.from_bytes(self.buffer[at:at + 3], "big")
            if len(self.buffer) - at < 9 + size:
                break
            kind, flags, number = struct.unpack_from(">BBI", self.buffer, at + 3)
            self.take(kind, flags, number, self.buffer[at + 9:at + 9 + size])
            at += 9 + size
        self.buffer = self.buffer[at:]

    def until(self, condition, seconds=10):
        """Reads until condition() holds; False when the connection ended before."""
        watch = Watch()
        while not condition():
            if self.closed:
                return False
            assert watch.lasts(seconds), f"in vain: {self.streams} {self.goaways}"
            self.sock.settimeout(max(seconds - watch.wall(), 0.2))
            try:
                self.step()
            except TimeoutError:
                pass
        return True

    def take(self, kind, flags, number, payload):
        stream = self.streams.get(number, Stream())
        if kind == HEADERS:
            fields = self.decoder.decode(payload)
            assert flags & END_HEADERS
            if stream.status >= 200:
                stream.trailers = dict(fields)
            else:
                stream.heads.append(dict(fields))
            stream.ended = stream.ended or bool(flags & END_STREAM)
        elif kind == DATA:
            self.take_data(flags, number, stream, payload)
        elif kind == RST_STREAM:
            stream.reset = int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self.take_settings(payload)
        elif kind == PING:
            self.pongs += flags & ACK
            if not flags & ACK and self.answers:
                self.send_if_open(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        elif kind == WINDOW_UPDATE:
            self.windows[number] = self.windows.get(number, 0) + int.from_bytes(payload, "big")

    def take_data(self, flags, number, stream, payload):
        stream.size += len(payload)
        if len(stream.body) < 1 << 20:
            stream.body += payload
        stream.ended = bool(flags & END_STREAM)
        if payload and self.acknowledges:
            more = struct.pack(">I", len(payload))
            answer = frame(WINDOW_UPDATE, 0, 0, more)
            if number not in self.paused and not stream.ended:
                answer += frame(WINDOW_UPDATE, 0, number, more)
            self.send_if_open(answer)

    def take_settings(self, payload):
        old = self.settings.get(4, 65535)
        self.settings.update(struct.iter_unpack(">HI", payload))
        for number in self.streams:
            self.windows[number] += self.settings.get(4, 65535) - old
        if self.answers:
            self.send_if_open(frame(SETTINGS, ACK))

    # -- both --

    def ready(self):
        """Waits for the other side's SETTINGS."""
        self.until(lambda: self.settings)
        return self

    def wait(self, number, seconds=10):
        self.until(lambda: self.streams[number].over, seconds)
        return self.streams[number]

    def ask(self, path="/", method="GET", body=None, fields=(), seconds=10):
        number = self.begin(method, path, fields, ends=body is None)
        if body is not None:
            self.data(number, body, ends=True)
        return self.wait(number, seconds)
