# SPDX-License-Identifier: MIT
"""One request, said and heard in the same words over HTTP/1.1 and over HTTP/2."""

import socket

from . import netns, texts


class One:
    """One request over a connection of HTTP/1.1 of its own."""

    def __init__(self, namespace, context, receive=None):
        def connect():
            sock = socket.socket()
            if receive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            sock.settimeout(30)
            sock.connect(texts.ADDRESS)
            return sock
        self.sock = context(("http/1.1",)).wrap_socket(netns.within(namespace, connect),
                                                       server_hostname="a.test")
        self.answer = bytearray()

    def begin(self, method, path, ends=True):
        self.sock.sendall(b"%s %s HTTP/1.1\r\nHost: a.test\r\nConnection: close, TE\r\n"
                          b"TE: trailers\r\n%s\r\n" % (
                              method.encode(), path.encode(),
                              b"" if ends else b"Transfer-Encoding: chunked\r\n"))
        return self

    def data(self, data):
        self.sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def trailers(self, name, value):
        self.sock.sendall(f"0\r\n{name}: {value}\r\n\r\n".encode())

    def has_read(self, size):
        while len(self.answer) < size:
            part = self.sock.recv(65536)
            assert part, "the response ended early"
            self.answer += part

    def whole(self):
        """Status, body and trailers."""
        while part := self.sock.recv(1 << 18):
            self.answer += part
        self.sock.close()
        head, _, body = bytes(self.answer).partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        if b"chunked" not in head.lower():
            assert b"content-length: %d" % len(body) in head.lower()
            return status, body, {}
        parts, trailers = [], {}
        while True:
            size, _, body = body.partition(b"\r\n")
            size = int(size, 16)
            if size == 0:
                break
            parts.append(body[:size])
            assert body[size:size + 2] == b"\r\n"
            body = body[size + 2:]
        assert body.endswith(b"\r\n")
        for line in body.decode().split("\r\n"):
            if line:
                name, _, value = line.partition(": ")
                trailers[name.lower()] = value
        return status, b"".join(parts), trailers

    def cancel(self):
        self.sock.close()


class Two:
    """One stream of an HTTP/2 connection."""

    def __init__(self, connection):
        self.connection, self.number = connection, None

    def begin(self, method, path, ends=True):
        self.number = self.connection.begin(method, path, ends=ends)
        return self

    @property
    def stream(self):
        return self.connection.streams[self.number]

    def data(self, data):
        self.connection.data(self.number, data)

    def trailers(self, name, value):
        self.connection.trailers(self.number, [(name, value)])

    def has_read(self, size):
        assert self.connection.until(lambda: self.stream.size >= size)

    def whole(self):
        self.connection.wait(self.number, 30)
        assert self.stream.ended and self.stream.reset is None
        return self.stream.status, self.stream.body, self.stream.trailers or {}

    def cancel(self):
        self.connection.reset(self.number)
