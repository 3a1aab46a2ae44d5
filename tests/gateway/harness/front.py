# SPDX-License-Identifier: MIT
"""A gateway before a backend of each version of HTTP, to be asked in both, byte by byte."""

import json

import h2.events

from . import netns, texts
from .client import raw
from .frames import Frames

PLAIN = ("127.0.0.1", 8080)


def tell(peer, event):
    """Answers each request of HTTP/2 with what it was, as harness.backend.Echo does."""
    if isinstance(event, h2.events.StreamEnded):
        seen = peer.request(event.stream_id)
        seen["body"] = peer.bodies[event.stream_id].decode("latin-1")
        body = json.dumps(seen).encode()
        peer.respond(event.stream_id, 200, body, [("content-length", str(len(body)))])


class Front:
    """A gateway before /1 (a backend of HTTP/1.1) and /2 (one of HTTP/2), asked in both versions."""

    def __init__(self, gateway, authority, namespace, one, two=None, extra="", settings=""):
        self.namespace, self.context = namespace, authority.context
        body = f"""{settings}
            location / {{ proxy_pass http://{one.address}; {extra} }}"""
        if two:
            body += f"""
            location /2 {{ proxy_pass http://{two.address}; proxy_http_version 2; {extra} }}"""
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.tenant("a", texts.tenant(
            namespace, texts.tls_server(authority, "a.test", body),
            f"server {{ listen 127.0.0.1:8080; {body} }}"))
        gateway.start()

    def two(self):
        return Frames(self.namespace, texts.ADDRESS, self.context(("h2",))).ready()

    def one(self, data, **more):
        return raw(self.namespace, PLAIN, data, **more)

    def open(self):
        sock = netns.connect(self.namespace, PLAIN)
        sock.settimeout(10)
        return sock
