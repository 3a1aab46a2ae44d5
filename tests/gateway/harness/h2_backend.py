# SPDX-License-Identifier: MIT
"""HTTP/2 backends on the host side: scripted ones (python3-h2), nghttpd and nginx."""

import json
import pathlib
import socket
import subprocess
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from .backend import Scripted, free_port
from .gateway import wait_for


class Peer:
    """One connection of a Server: its session, what streams said, and what they are still owed.
    Its lock is for threads other than its own that answer."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.lock = threading.RLock()
        self.headers, self.bodies, self.trailers, self.owed = {}, {}, {}, {}
        self.most_open = 0

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def respond(self, stream, status=200, body=b"", headers=(), trailers=None, end=True):
        """A whole response, as far as the windows allow; the rest follows as they open."""
        self.h2.send_headers(stream, [(":status", str(status)), *headers])
        self.owed[stream] = [memoryview(bytes(body)), trailers, end]
        self.pay(stream)

    def pay(self, stream):
        """Sends what the windows allow of what the stream is owed."""
        if stream not in self.owed:
            return
        try:
            self._pay(stream)
        except h2.exceptions.StreamClosedError:
            self.owed.pop(stream, None)  # its reset came in the same read, and is told next

    def _pay(self, stream):
        body, trailers, end = self.owed[stream]
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                break
            self.h2.send_data(stream, bytes(body[:room]))
            body = body[room:]
        self.owed[stream][0] = body
        if body:
            return
        del self.owed[stream]
        if trailers:
            self.h2.send_headers(stream, trailers, end_stream=True)
        elif end:
            self.h2.end_stream(stream)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.headers[event.stream_id] = event.headers
            self.bodies[event.stream_id] = bytearray()
            self.most_open = max(self.most_open, self.h2.open_inbound_streams)
        elif isinstance(event, h2.events.TrailersReceived):
            self.trailers[event.stream_id] = event.headers
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            if event.flow_controlled_length and self.server.windows:
                try:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                except h2.exceptions.StreamClosedError:
                    pass
        elif isinstance(event, (h2.events.WindowUpdated, h2.events.RemoteSettingsChanged)):
            for stream in list(self.owed):
                self.pay(stream)
        elif isinstance(event, h2.events.StreamReset):
            self.owed.pop(event.stream_id, None)
            self.server.resets.append((self.number, event.stream_id, event.error_code))

    def run(self):
        self.h2.initiate_connection()
        if self.server.settings:
            self.h2.update_settings(self.server.settings)
        self.flush()
        while data := self.sock.recv(65536):
            with self.lock:
                for event in self.h2.receive_data(data):
                    self.take(event)
                    self.server.handle(self, event)
                self.flush()

    def request(self, stream):
        headers = dict(self.headers[stream])
        return {"method": headers[":method"], "path": headers[":path"],
                "authority": headers.get(":authority"), "connection": self.number,
                "headers": [list(item) for item in self.headers[stream]],
                "trailers": [list(item) for item in self.trailers.get(stream, [])],
                "length": len(self.bodies[stream])}


def echo(peer, event):
    """Answers each request with what it was as JSON; /bytes/N: with N bytes."""
    if not isinstance(event, h2.events.StreamEnded):
        return
    request = peer.request(event.stream_id)
    kind, _, argument = request["path"].lstrip("/").partition("/")
    body = b"x" * int(argument) if kind == "bytes" else json.dumps(request).encode()
    peer.respond(event.stream_id, 200, b"" if request["method"] == "HEAD" else body,
                 [("content-length", str(len(body)))])


class Server(Scripted):
    """An HTTP/2 server that lets handle(peer, event) answer. settings: as h2.settings.SettingCodes
    have them; context: of ssl, for TLS."""

    def __init__(self, handle=echo, settings=None, path=None, context=None, listener=None):
        self.handle, self.settings, self.context = handle, settings, context
        self.windows = True  # given back for what was read
        self.peers, self.resets = [], []
        super().__init__(self._connection, path, listener)

    def _connection(self, sock, number):
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            sock = self.context.wrap_socket(sock, server_side=True)
        peer = Peer(self, sock, number)
        self.peers.append(peer)
        try:
            peer.run()
        except h2.exceptions.ProtocolError:
            peer.flush()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A real server as a process."""

    def __init__(self, command, port):
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(port), 10, command[0])

    def close(self):
        self.process.terminate()
        self.process.wait(10)


def nghttpd(folder, *options):
    port = free_port()
    return Program(["nghttpd", "--no-tls", "-d", str(folder), *options, str(port)], port)


def nginx(folder, body, protocol="http2", http=""):
    """nginx with one server without TLS, of HTTP/2 (or with protocol "" of HTTP/1.1); http: what
    stands around it."""
    port = free_port()
    folder = pathlib.Path(folder)
    config = folder / "nginx.conf"
    config.write_text(f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        events {{}}
        http {{ access_log off; client_body_temp_path {folder}; client_max_body_size 0; {http}
                server {{ listen 127.0.0.1:{port} {protocol}; {body} }} }}""")
    return Program(["nginx", "-p", str(folder), "-c", str(config)], port)
