# SPDX-License-Identifier: MIT
"""Clients: Python's own http.client over sockets that were made inside a namespace, and raw bytes."""

import contextlib
import http.client
import socket
import ssl
import threading

from . import netns


class Connection(http.client.HTTPConnection):
    """http.client with its socket made inside a namespace, under TLS when a context is given."""

    def __init__(self, namespace, address, context=None, name=None, timeout=netns.PATIENCE):
        super().__init__(name or address[0], address[1], timeout=timeout)
        self.namespace, self.address = namespace, address
        self.context, self.name = context, name

    def connect(self):
        self.sock = netns.connect(self.namespace, self.address, self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.name)

    def ask(self, path="/", method="GET", body=None, headers=None):
        """One request; returns the response with its body read, as response.body."""
        self.request(method, path, body=body, headers=headers or {})
        response = self.getresponse()
        response.body = response.read()
        return response


def fetch(namespace, address, path="/", context=None, name=None, **rest):
    connection = Connection(namespace, address, context, name)
    try:
        return connection.ask(path, **rest)
    finally:
        connection.close()


def say(sock, data):
    """Sends bytes to a peer that may hang up before it has them all. What it said first can still be
    read."""
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass


def raw(namespace, address, data, context=None, name=None, timeout=netns.PATIENCE, half_close=False):
    """Sends bytes and returns everything until the gateway ends the connection."""
    sock = netns.connect(namespace, address, timeout)
    try:
        if context:
            sock = context.wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=False)
        say(sock, data)
        if half_close:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
        return read_all(sock)
    finally:
        sock.close()


def read_all(sock, limit=1 << 24):
    parts, total = [], 0
    while total < limit:
        try:
            part = sock.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            break
        if not part:
            break
        parts.append(part)
        total += len(part)
    return b"".join(parts)


def read_response(sock):
    """One response off a raw socket: (status, headers, body), by http.client's parser."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    body = response.read()
    return response.status, response.headers, body


def fetch_at_once(namespace, address, count, path="/bytes/100000"):
    """count requests at the same time; returns the bodies' lengths."""
    got = []

    def ask():
        got.append(len(fetch(namespace, address, path).body))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got
