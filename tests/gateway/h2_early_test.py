# SPDX-License-Identifier: MIT
"""Answers that come before the request has ended, towards clients of HTTP/2."""

import threading
import time

import h2.events
import h2.exceptions
import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.h2_backend import Server

URL = f"https://a.test:{texts.PORT}"
NO_ERROR, CALM = 0, 11


def early(connection, _):
    """A server that answers a request's head, and reads no more."""
    read_head(connection)
    connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n"
                       b"Connection: close\r\n\r\nno")
    time.sleep(0.1)


def test_an_early_response(h2_proxy, scripted, h2_dial):
    """One that does not go on is reset without error; what it sends then is forgiven."""
    h2_proxy(scripted(early).address, "client_max_body_size 0;")
    client = h2_dial().ready()
    number = client.begin("POST", "/", ends=False)
    client.data(number, b"x" * 1000)
    client.until(lambda: client.streams[number].reset is not None)
    stream = client.streams[number]
    assert (stream.status, stream.body, stream.ended, stream.reset) == (413, b"no", True, NO_ERROR)
    client.send(frames.frame(frames.DATA, 0, number, b"x" * 1000))
    client.trailers(number, [("x-sum", "1")])
    assert client.ask("/", "POST", b"x").status == 413, "the connection goes on"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_curl_hears_an_early_response(gateway, scripted, authority, namespace, tmp_path, tls):
    """It takes a reset that comes with the response for an error."""
    def long(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n" +
                           b"o" * 200_000)
        time.sleep(0.2)

    def large_error(peer, event):
        if isinstance(event, h2.events.RequestReceived):
            peer.respond(event.stream_id, 413, b"e" * 200_000, [("content-length", "200000")])

    server, speaker = scripted(early).address, Server(large_error)
    locations = {"/early": f"proxy_pass http://{server};", "/dead": "proxy_pass http://127.0.0.1:1;",
                 "/large": f"client_max_body_size 1k; proxy_pass http://{server};",
                 "/forbidden": "return 403 no;", "/fine": "return 200 yes;",
                 "/moved": "return 307 https://b.test/;",
                 "/error": f"proxy_http_version 2; proxy_pass http://{speaker.address};",
                 "/long": f"proxy_pass http://{scripted(long).address};"}
    body = " ".join(f"location {path} {{ {text} }}" for path, text in locations.items())
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "a.test", body),
        f"server {{ listen 127.0.0.1:8080; {body} }}", settings="client_max_body_size 0;"))
    gateway.start()
    upload = tmp_path / "upload"
    where = ["--http2", "--cacert", authority.ca, "--resolve", f"a.test:{texts.PORT}:127.0.0.1", URL]
    if not tls:
        where = ["--http2-prior-knowledge", "http://127.0.0.1:8080"]
    for size in (100_000, 1 << 20, 5 << 20):
        upload.write_bytes(b"z" * size)
        for path, status in zip(locations, (413, 502, 413, 403, 200, 307, 413, 200)):
            slow = ["--limit-rate", "500k"] if size == 100_000 else []
            for more in (slow, ["-H", "Transfer-Encoding: chunked"]):
                out = netns.inside(namespace, "curl", "-sS", "--max-time", "10", "-o", "/dev/null", "-w",
                                   "%{http_code}", "--data-binary", f"@{upload}", *more, *where[:-1],
                                   where[-1] + path, check=False)
                assert (out.returncode, out.stdout) == (0, str(status)), (size, path, more, out.stderr)
    speaker.close()


def answers_in_pieces(connection, _):
    """The path says the status. The head, the body, and for chunked ones the end, come apart."""
    head, _ = read_head(connection)
    _, status, framing, _ = head.split(b" ")[1].split(b"/", 3)
    framed = b"Transfer-Encoding: chunked" if framing == b"chunked" else b"Content-Length: 6"
    pieces = [b"5\r\nlater\r\n", b"0\r\n\r\n"] if framing == b"chunked" else [b"la", b"ter."]
    connection.sendall(b"HTTP/1.1 " + status + b" Early\r\nLocation: /x\r\nConnection: close\r\n" + framed + b"\r\n\r\n")
    for piece in pieces:
        time.sleep(0.15)
        connection.sendall(piece)
    time.sleep(0.3)


def answers_in_frames(peer, event):
    if not isinstance(event, h2.events.RequestReceived):
        return
    status = dict(event.headers)[":path"].split("/")[1]
    peer.respond(event.stream_id, int(status), headers=[("location", "/x")], end=False)

    def send(body, end):
        with peer.lock:
            try:
                peer.h2.send_data(event.stream_id, body, end_stream=end)
                peer.flush()
            except (OSError, h2.exceptions.ProtocolError):
                pass

    threading.Timer(0.15, send, (b"later", False)).start()
    threading.Timer(0.3, send, (b".", True)).start()


@pytest.mark.parametrize("backend", ["length", "chunked", "h2"])
def test_curl_hears_an_early_response_in_pieces(backend, h2_proxy, scripted, authority, namespace,
                                                tmp_path):
    """Its end, which lets the rest of the request be dropped, comes later than its head."""
    speaker = Server(answers_in_frames)
    address = speaker.address if backend == "h2" else scripted(answers_in_pieces).address
    h2_proxy(address, "client_max_body_size 0;" +
             ("proxy_http_version 2;" if backend == "h2" else ""))
    upload = tmp_path / "upload"
    where = ["--cacert", authority.ca, "--resolve", f"a.test:{texts.PORT}:127.0.0.1"]
    for size in (100_000, 5 << 20):
        upload.write_bytes(b"z" * size)
        slow = ["--limit-rate", "500k"] if size == 100_000 else []
        for status in (200, 302, 413):
            for more in (slow, ["-H", "Transfer-Encoding: chunked"]):
                out = netns.inside(namespace, "curl", "-sS", "--http2", "--max-time", "10", "-w",
                                   "%{http_code}", "--data-binary", f"@{upload}", *more, *where,
                                   f"{URL}/{status}/{backend}/", check=False)
                body = "later" if backend == "chunked" else "later."
                assert (out.returncode, out.stdout) == (0, f"{body}{status}"), (size, more, out.stderr)
    speaker.close()


def test_what_an_early_answer_opened_is_held_by_no_other_stream(gateway, authority, namespace, h2_dial):
    """The window of the connection is open for the rest of an upload that is not sent: others send
    into it, to a server that takes nothing. The connection's 2 MiB stay the most that is held."""
    server = Server(lambda *_: None)
    server.windows = False
    body = ("location /no { return 403 no; } "
            f"location / {{ proxy_http_version 2; proxy_pass http://{server.address}; }}")
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(authority, "a.test", body),
                                     settings="client_max_body_size 0;"))
    gateway.start()
    client = h2_dial().ready()
    number = client.begin("POST", "/no", ends=False)
    client.until(lambda: client.streams[number].ended)
    client.reset(number)
    uploads = [client.begin("POST", "/", ends=False) for _ in range(24)]
    for number in uploads:
        for _ in range(8):
            client.data(number, b"x" * 16000)

    def gone():
        return [number for number in uploads if client.streams[number].reset is not None]

    client.until(lambda: len(gone()) >= 7)
    assert client.ask("/no").status == 403 and not client.goaways
    assert len(gone()) <= 9 and {client.streams[number].reset for number in gone()} == {CALM}
    server.close()


def test_an_endless_upload_after_the_answer(h2_proxy, scripted, h2_dial):
    """It is read for a while, whatever its windows say, and then no more."""
    h2_proxy(scripted(early).address, "client_max_body_size 0;")
    client = h2_dial().ready()
    number = client.begin("POST", "/", ends=False)
    sent, end = 0, time.monotonic() + 20
    while client.streams[number].reset is None:
        assert time.monotonic() < end and sent < 64 << 20
        client.data(number, b"x" * 65536)
        sent += 65536
        client.sock.settimeout(0.01)
        try:
            client.step()
        except TimeoutError:
            pass
        client.sock.settimeout(10)
    assert client.streams[number].reset == NO_ERROR and not client.goaways
