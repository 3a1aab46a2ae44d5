# SPDX-License-Identifier: MIT
"""Which version of HTTP a backend speaks: by ALPN, by what it says to the wrong one, by demand."""

import json
import re
import socket
import ssl
import struct
import time

import h2.events
import h2.settings
import pytest

from harness import texts
from harness.backend import Scripted, read_head
from harness.client import fetch, fetch_at_once
from harness.frames import GOAWAY, frame
from harness.h2_backend import Peer, Server, nghttpd, nginx

PLAIN = ("127.0.0.1", 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LIMITS = "proxy_connect_timeout 2s; proxy_read_timeout 2s; proxy_send_timeout 2s;"
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


def tls(authority, *protocols):
    if not (authority.folder / "h2.test.crt").exists():
        authority.issue("h2.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "h2.test.crt", authority.folder / "h2.test.key")
    context.set_alpn_protocols(protocols)
    return context


# ---- by ALPN ----


def test_https_agrees_on_http_2(behind_h2, namespace, authority):
    server = behind_h2(Server(context=tls(authority, "h2", "http/1.1"), settings={STREAMS: 200}),
                       "proxy_ssl_verify off;", "https")
    seen = json.loads(fetch(namespace, PLAIN, "/x").body)
    assert dict(seen["headers"])[":scheme"] == "https"
    assert fetch_at_once(namespace, PLAIN, 50) == [100000] * 50
    body = b"x" * (1 << 20)
    response = fetch(namespace, PLAIN, "/", method="POST", body=body)
    assert json.loads(response.body)["length"] == len(body)
    assert server.accepted == 1


def test_https_falls_back_to_http_1(behind_h2, namespace, authority):
    context = tls(authority, "http/1.1")

    def script(connection, _):
        secured = context.wrap_socket(connection, server_side=True)
        while True:
            read_head(secured)
            time.sleep(0.01)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")

    server = behind_h2(Scripted(script), "proxy_ssl_verify off;", "https")
    assert fetch_at_once(namespace, PLAIN, 20) == [10] * 20
    accepted = server.accepted
    for _ in range(10):
        assert fetch(namespace, PLAIN).body == b"0123456789"
    assert server.accepted == accepted, "they are kept"


# ---- the wrong version ----


def test_a_server_of_http_1_is_recognized(behind_h2, gateway, namespace):
    def script(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    behind_h2(Scripted(script), LIMITS)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 response: .*the server speaks HTTP/1 \(see proxy_http_version\)")


@pytest.mark.parametrize("kind", ["scripted", "nghttpd", "nginx"])
def test_a_server_of_http_2_is_recognized(gateway, namespace, tmp_path, kind):
    made = {"scripted": Server, "nghttpd": lambda: nghttpd(tmp_path),
            "nginx": lambda: nginx(tmp_path, "return 200 ok;")}
    server = made[kind]()
    gateway.tenant("a", texts.plain(
        namespace, f"{LIMITS} location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 .*the server speaks HTTP/2 \(see proxy_http_version\)")
    server.close()


# ---- by demand ----


def picky(by_goaway, seen):
    """A server that wants HTTP/1.1, and says so on every stream of HTTP/2."""
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            seen.append("2")
            if by_goaway:
                peer.flush()
                peer.sock.sendall(frame(GOAWAY, payload=struct.pack(">II", 0, 13)))
            else:
                peer.h2.reset_stream(event.stream_id, 13)

    class Picky(Server):
        def _connection(self, sock, number):
            if sock.recv(3, socket.MSG_PEEK) == b"PRI":
                super()._connection(sock, number)
                return
            while True:
                head, rest = read_head(sock)
                length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
                while len(rest) < length:
                    rest += sock.recv(65536)
                seen.append("1")
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, rest))

    return Picky(handle)


@pytest.mark.parametrize("by_goaway", [False, True], ids=["rst", "goaway"])
def test_a_server_that_demands_http_1(behind_h2, gateway, namespace, by_goaway):
    seen = []
    behind_h2(picky(by_goaway, seen))
    for number in range(5):
        body = b"y" * (10000 * number + 1)
        response = fetch(namespace, PLAIN, method="POST", body=body)
        assert response.status == 200 and response.body == body
    assert seen == ["2"] + ["1"] * 5, "it is remembered"
    gateway.wait_log("http1_required" if not by_goaway else "retired")


def test_a_server_that_demands_http_1_by_tls(behind_h2, namespace, authority):
    protocols = []

    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.reset_stream(event.stream_id, 13)

    class Picky(Server):
        def _connection(self, sock, number):
            secured = tls(authority, "h2", "http/1.1").wrap_socket(sock, server_side=True)
            protocols.append(secured.selected_alpn_protocol())
            if protocols[-1] == "h2":
                Peer(self, secured, number).run()
                return
            while True:
                read_head(secured)
                secured.sendall(OK)

    server = Picky(handle)
    behind_h2(server, "proxy_ssl_verify off;", "https")
    for _ in range(3):
        assert fetch(namespace, PLAIN).body == b"ok"
    assert protocols == ["h2", "http/1.1"]
