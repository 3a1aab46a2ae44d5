# SPDX-License-Identifier: MIT
"""Backends behind TLS: who is believed, who is not and what the log says of it, and HTTP over it."""

import hashlib
import os
import shutil
import socket
import ssl
import threading
import time

import pytest

from harness import netns, texts
from harness.backend import Echo, _Server, read_head
from harness.certs import Authority
from harness.client import Connection, fetch, raw
from harness.gateway import wait_for
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
NAME = "backend.test"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def server_context(authority, name, alpn=("http/1.1",)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / f"{name}.crt", authority.folder / f"{name}.key")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TlsEcho:
    """Echo behind TLS. .handshakes tells of each: (server name, ALPN, resumed)."""

    def __init__(self, context):
        self.handshakes, self.asked = [], []
        context.sni_callback = lambda sock, name, _: self.asked.append(name)
        echo = self

        class Server(_Server):
            def finish_request(self, request, client_address):
                try:
                    with context.wrap_socket(request, server_side=True) as secured:
                        echo.handshakes.append((secured.selected_alpn_protocol(),
                                                secured.session_reused))
                        self.RequestHandlerClass(secured, client_address, self)
                except OSError:
                    echo.handshakes.append(None)

        self.server = Server(("127.0.0.1", 0), Echo)
        self.server.name, self.server.connections = "tls", set()
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def certificates(authority):
    authority.issue(NAME, "ec", f"DNS:{NAME}", "IP:127.0.0.1")
    authority.issue("named.test")
    return authority


@pytest.fixture
def secure(certificates):
    """secure(name): a TLS echo that shows that certificate."""
    servers = []

    def start(name=NAME, alpn=("http/1.1",)):
        servers.append(TlsEcho(server_context(certificates, name, alpn)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def behind(gateway, namespace, certificates):
    """behind(address, settings): a gateway in front of https://ADDRESS that trusts the CA."""

    def start(address, settings="", trusted=None):
        gateway.tenant("a", texts.plain(
            namespace, f"proxy_ssl_trusted_certificate {trusted or certificates.ca}; {settings} "
                       f"location / {{ proxy_pass https://{address}; }}"))
        gateway.start()

    return start


def test_a_verified_backend(behind, gateway, namespace, secure):
    server = secure()
    behind(server.address)
    response = fetch(namespace, PLAIN, "/x?y=1")
    assert response.status == 200
    assert b'"path": "/x?y=1"' in response.body
    assert server.handshakes[0][0] == "http/1.1"
    assert server.asked == [None], "no SNI for an address"


def test_one_connection_serves_many_requests(behind, namespace, secure):
    server = secure()
    behind(server.address, settings="keepalive_requests 1000;")
    client = Connection(namespace, PLAIN)
    for number in range(20):
        assert client.ask(f"/{number}", "POST", b"x" * number).status == 200
    client.close()
    assert len(server.handshakes) == 1


def test_another_name_is_refused(behind, gateway, namespace, secure):
    server = secure("named.test")
    behind(server.address)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 backend_tls: the TLS handshake with the backend failed: "
                     r"IP address mismatch \(verified for \"127\.0\.0\.1\"\), "
                     r"the certificate is for named\.test")


def test_a_mismatch_names_the_names_that_there_are(behind, gateway, namespace, certificates, secure):
    certificates.issue("many.test", "ec", "DNS:many.test", "DNS:*.many.test", "IP:192.0.2.7",
                       "IP:2001:db8::7")
    behind(secure("many.test").address, "proxy_ssl_name other.test;")
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"hostname mismatch \(verified for \"other\.test\"\), the certificate is for "
                     r"many\.test, \*\.many\.test, 192\.0\.2\.7, 2001:db8::7 ")


def test_a_server_with_several_certificates_shows_the_right_one(gateway, namespace, certificates):
    """By SNI, which goes with verification."""
    contexts = {name: server_context(certificates, name) for name in (NAME, "named.test")}
    server = TlsEcho(contexts[NAME])

    def choose(sock, name, _):
        sock.context = contexts.get(name, contexts[NAME])

    contexts[NAME].sni_callback = choose
    gateway.tenant("a", texts.plain(namespace, f"""
        proxy_ssl_trusted_certificate {certificates.ca};
        location / {{ proxy_pass https://named.test; }}
        location /off {{ proxy_pass https://named.test; proxy_ssl_server_name off; }}""",
        settings=f"upstream named.test {{ server {server.address} max_fails=0; }}"))
    gateway.start()
    assert fetch(namespace, PLAIN).status == 200
    assert fetch(namespace, PLAIN, "/off").status == 502
    server.close()


def test_proxy_ssl_name_and_server_name(behind, namespace, secure):
    server = secure("named.test")
    behind(server.address, "proxy_ssl_name named.test; proxy_ssl_server_name on;")
    assert fetch(namespace, PLAIN).status == 200
    assert server.asked == ["named.test"]


def test_the_name_of_an_upstream_is_what_is_verified(gateway, namespace, certificates, secure):
    server = secure("named.test")
    gateway.tenant("a", texts.plain(namespace, f"""
        proxy_ssl_trusted_certificate {certificates.ca};
        location /good {{ proxy_pass https://named.test; }}
        location /bad {{ proxy_pass https://pool; }}
        location /told {{ proxy_pass https://pool; proxy_ssl_name named.test; }}""", settings=f"""
        upstream named.test {{ server {server.address}; }}
        upstream pool {{ server {server.address}; }}"""))
    gateway.start()
    assert fetch(namespace, PLAIN, "/good").status == 200
    assert fetch(namespace, PLAIN, "/bad").status == 502
    gateway.wait_log(r'hostname mismatch \(verified for "pool"\)')
    assert fetch(namespace, PLAIN, "/told").status == 200
    assert fetch(namespace, PLAIN, "/bad").status == 502, "one location's connection is not another's"


def test_an_unknown_authority_is_refused(behind, gateway, namespace, secure, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    server = secure()
    behind(server.address, trusted=other.ca)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 backend_tls: .*unable to get local issuer certificate")


def test_the_system_knows_it_or_not(gateway, namespace, certificates, secure, reachable):
    server = secure()
    bundle = os.path.join(reachable, "bundle.pem")
    shutil.copy(certificates.ca, bundle)
    os.chmod(bundle, 0o644)
    gateway.tenant("a", texts.plain(namespace,
                                    f"location / {{ proxy_pass https://{server.address}; }}"))
    gateway.start(env={"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": "/nonexistent"})
    assert fetch(namespace, PLAIN).status == 200
    gateway.stop()
    since = gateway.log_size()
    gateway.start(wait=False,
                  env={"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/nonexistent"})
    gateway.wait_log(r"\bstarted: ", 60, since)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log("the system has no CA certificates to verify with")


def test_without_verification(behind, namespace, secure):
    server = secure("named.test")
    behind(server.address, "proxy_ssl_verify off;")
    assert fetch(namespace, PLAIN).status == 200


def test_plain_http_on_the_other_side(behind, gateway, namespace, echo):
    behind(echo.address)
    assert fetch(namespace, PLAIN).status == 502
    gateway.wait_log(r"502 backend_tls: .*wrong version number")


def test_a_handshake_that_hangs(behind, gateway, namespace, scripted):
    server = scripted(lambda connection, _: time.sleep(60))
    behind(server.address, "proxy_connect_timeout 500ms;")
    watch = Watch()
    assert fetch(namespace, PLAIN).status == 504
    assert watch.seconds() < 4
    gateway.wait_log("504 connect_timeout: .*in the TLS handshake")


def test_the_next_server_is_tried(gateway, namespace, certificates, secure):
    bad, good = secure("named.test"), secure()
    gateway.tenant("a", texts.plain(
        namespace, f"proxy_ssl_trusted_certificate {certificates.ca}; proxy_ssl_name {NAME};"
                   "location / { proxy_pass https://pool; }",
        settings=f"upstream pool {{ server {bad.address}; server {good.address} backup; }}"))
    gateway.start()
    for _ in range(3):
        assert fetch(namespace, PLAIN, method="POST", body=b"x").status == 200
    gateway.wait_log(r"hostname mismatch \(verified for .*, trying the next")
    assert len([shake for shake in bad.handshakes if shake is None]) == len(bad.handshakes) >= 1


def test_sessions_are_resumed(gateway, namespace, certificates, secure):
    server = secure()
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.tenant("a", texts.plain(
        namespace, f"proxy_ssl_trusted_certificate {certificates.ca}; proxy_ssl_name {NAME};"
                   "location / { proxy_pass https://pool; } location /not { proxy_pass "
                   "https://pool; proxy_ssl_session_reuse off; }",
        settings=f"upstream pool {{ server {server.address}; keepalive 0; }}"))
    gateway.start()
    for path in ("/", "/", "/not", "/not"):
        assert fetch(namespace, PLAIN, path).status == 200
    assert [shake[1] for shake in server.handshakes] == [False, True, False, False]


def test_a_trusted_certificate_is_rotated(gateway, namespace, certificates, secure, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    server = secure()
    trusted = gateway.folder / "trusted.pem"
    shutil.copy(other.ca, trusted)
    gateway.tenant("a", texts.plain(
        namespace, "proxy_ssl_trusted_certificate trusted.pem;"
                   f"location / {{ proxy_pass https://{server.address}; }}"))
    gateway.start()
    assert fetch(namespace, PLAIN).status == 502
    shutil.copy(certificates.ca, trusted)
    assert gateway.reload() == "reload done: 0 added, 1 changed, 0 removed, 0 refused"
    assert fetch(namespace, PLAIN).status == 200
    shutil.copy(other.ca, trusted)
    assert gateway.reload() == "reload done: 0 added, 1 changed, 0 removed, 0 refused"
    assert fetch(namespace, PLAIN).status == 502, "neither a kept connection nor a session helps"
    trusted.write_text("no certificate")
    assert gateway.reload() == "reload done: 0 added, 0 changed, 0 removed, 1 refused"
    gateway.wait_log(r"a\.conf:\d+:\d+: no certificate in PEM form in the file")
    trusted.unlink()
    gateway.reload()
    gateway.wait_log(r"a\.conf:\d+:\d+: cannot read .*trusted\.pem")


def test_big_bodies_both_ways(gateway, namespace, certificates, scripted):
    size = 64 << 20
    context = server_context(certificates, NAME)
    piece = os.urandom(1 << 16)

    def script(connection, _):
        with context.wrap_socket(connection, server_side=True) as secured:
            head, data = read_head(secured)
            taken, sums = 0, hashlib.sha256()
            while True:
                sums.update(data)
                taken += len(data)
                if taken == size:
                    break
                data = secured.recv(1 << 16)
                if not data:
                    return
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Sum: %s\r\n\r\n"
                            % (size, sums.hexdigest().encode()))
            for _ in range(size // len(piece)):
                secured.sendall(piece)
            secured.recv(1)

    server = scripted(script)
    gateway.tenant("a", texts.plain(
        namespace, f"proxy_ssl_trusted_certificate {certificates.ca}; client_max_body_size 0;"
                   f"location / {{ proxy_pass https://{server.address}; }}"))
    gateway.start()
    client = Connection(namespace, PLAIN, timeout=60)
    expected = hashlib.sha256()
    for _ in range(size // len(piece)):
        expected.update(piece)
    client.request("POST", "/", body=(piece for _ in range(size // len(piece))),
                   headers={"Content-Length": str(size)})
    response = client.getresponse()
    assert response.headers["X-Sum"] == expected.hexdigest()
    got = hashlib.sha256()
    while part := response.read(1 << 16):
        got.update(part)
    assert got.digest() == expected.digest()
    client.close()


@pytest.mark.parametrize("head, notified, whole", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", True, False),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", False, False),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", True, True),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", False, False),
], ids=["length", "length, no close_notify", "until close", "until close, no close_notify"])
def test_the_end_of_a_body(behind, gateway, namespace, certificates, scripted, head, notified,
                           whole):
    context = server_context(certificates, NAME)

    def script(connection, _):
        secured = context.wrap_socket(connection, server_side=True)
        read_head(secured)
        secured.sendall(head)
        if notified:
            secured.unwrap()
        secured.close()

    server = scripted(script)
    behind(server.address)
    data = raw(namespace, PLAIN, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200 ")
    body = data.partition(b"\r\n\r\n")[2]
    if b"chunked" in data:
        assert body.endswith(b"0\r\n\r\n") == whole
    else:
        assert whole == (len(body) == 10)
    if not whole:
        gateway.wait_log("after the response began")


def test_a_unix_socket_and_a_websocket(gateway, namespace, certificates, scripted, reachable):
    authority = certificates
    authority.issue("localhost")
    context = server_context(authority, "localhost")

    def script(connection, _):
        with context.wrap_socket(connection, server_side=True) as secured:
            read_head(secured)
            secured.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            b"Connection: upgrade\r\n\r\n")
            while data := secured.recv(65536):
                secured.sendall(data)
            secured.unwrap()

    server = scripted(script, os.path.join(reachable, "tls.sock"))
    gateway.tenant("a", texts.plain(
        namespace, f"proxy_ssl_trusted_certificate {authority.ca};"
                   f"location / {{ proxy_pass https://{server.address}:; }}"))
    gateway.start()
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                 b"Upgrade: websocket\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1000)
    assert head.startswith(b"HTTP/1.1 101 ")
    sock.sendall(b"ping")
    assert sock.recv(1000) == b"ping"
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(1000) == b"", "close_notify and FIN go through, and come back"
    sock.close()


def test_a_kept_connection_that_ended_is_no_failure(behind, gateway, namespace, certificates,
                                                    scripted):
    context = server_context(certificates, NAME)

    def script(connection, _):
        with context.wrap_socket(connection, server_side=True) as secured:
            read_head(secured)
            secured.sendall(OK)

    server = scripted(script)
    behind(server.address)
    client = Connection(namespace, PLAIN)
    for _ in range(5):
        assert client.ask().status == 200
        wait_for(lambda: not server.open, what="the backend's end")
    client.close()
    assert server.accepted == 5


def test_many_at_once(behind, namespace, secure):
    server = secure()
    behind(server.address)
    answers = []

    def ask():
        answers.append(fetch(namespace, PLAIN, "/bytes/100000").body)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"x" * 100000] * 40
