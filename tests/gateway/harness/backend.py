# SPDX-License-Identifier: MIT
"""Backends on the host side: an ordinary HTTP server that tells what it saw, and scripted ones
that misbehave on purpose."""

import http.server
import json
import os
import socket
import socketserver
import threading


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it got as JSON. /bytes/N: N bytes; /status/N; /chunked/N: N chunks."""

    protocol_version = "HTTP/1.1"
    server_version = "echo"

    def log_message(self, *_):
        pass

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.trailers = []
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                self.trailers.append(line.decode().strip())
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        self.trailers = []
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.read_body()
        kind, _, argument = self.path.lstrip("/").partition("/")
        status, content = 200, None
        if kind == "bytes":
            content = b"x" * int(argument)
        elif kind == "status":
            status, content = int(argument), b"status\n"
        elif kind == "chunked":
            return self.answer_chunked(int(argument))
        if content is None:
            content = json.dumps({
                "server": self.server.name, "method": self.command, "path": self.path,
                "headers": [list(item) for item in self.headers.items()],
                "length": len(body), "body": body[:4096].decode("latin-1"),
                "trailers": self.trailers}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Backend", self.server.name)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_chunked(self, count):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Trailer", "X-Sum")
        self.end_headers()
        for number in range(count):
            part = f"chunk {number}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\nX-Sum: %d\r\n\r\n" % count)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        pass  # a gateway that hangs up is part of the tests


class EchoServer:
    """A thread of Echo on 127.0.0.1, on a free port unless one is given; .address is HOST:PORT."""

    def __init__(self, name="backend", port=0):
        self.server = _Server(("127.0.0.1", port), Echo)
        self.server.name, self.server.connections = name, set()
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        """Stops listening, and ends the connections that are kept alive."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Scripted:
    """Accepts connections and hands each to script(connection, number) in a thread of its own.
    What arrives before the script reads is the script's business."""

    def __init__(self, script, path=None, listener=None):
        """path: of a Unix socket; listener: a socket that is bound, e.g. inside a namespace."""
        if listener:
            self.listener = listener
            self.address = "%s:%d" % listener.getsockname()[:2]
        elif path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o666)
            self.address = f"unix:{path}"
        else:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.listener.listen(256)
        self.script, self.accepted, self.open = script, 0, set()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(120)
            self.open.add(connection)
            threading.Thread(target=self._one, args=(connection, self.accepted),
                             daemon=True).start()

    def _one(self, connection, number):
        try:
            self.script(connection, number)
        except OSError:
            pass
        finally:
            self.open.discard(connection)
            connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def read_head(connection):
    """Bytes up to and with the empty line, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError("no head")
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def occupy(address):
    """A socket that listens there, in the gateway's way."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(address)
    taken.listen()
    return taken


_claims = []


def free_port():
    """A free port of 127.0.0.1, which no other test gets while this process runs. It lies below
    those that the system gives away (ip_local_port_range), and a name of it is claimed."""
    start = os.getpid() * 16
    for number in range(10000):
        port = 22000 + (start + number) % 10000
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0nsg-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise AssertionError("no port is free")
