# SPDX-License-Identifier: MIT
"""What goes on as it came, what is mended, and what stays here: between clients and backends of
either version."""

import json

import h2.events
import pytest

from harness import texts
from harness.backend import EchoServer, Scripted, read_head
from harness.client import raw, read_all
from harness.frames import DATA, END_HEADERS, END_STREAM, HEADERS, Frames, frame
from harness.front import PLAIN, Front, tell
from harness.h2_backend import Server


@pytest.fixture
def echoes(gateway, authority, namespace):
    """echoes(extra): a Front of which both backends tell what they got."""
    servers = []

    def start(extra="", settings=""):
        servers.extend([EchoServer(), Server(tell)])
        return Front(gateway, authority, namespace, *servers, extra, settings)

    yield start
    for server in servers:
        server.close()


def fields_of(seen):
    return [(name.lower(), value) for name, value in seen["headers"]]


def said_by_one(front, request):
    """What the backend saw of a request of HTTP/1.1; Connection: close is added."""
    line, _, rest = request.partition(b"\r\n")
    answer = front.one(line + b"\r\nHost: a.test\r\nConnection: close\r\n" + rest)
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
    return json.loads(answer.partition(b"\r\n\r\n")[2])


# ---- lengths and expectations ----

def test_a_length_of_zero_is_kept_for_every_method(echoes):
    front = echoes()
    client = front.two()
    for method in ("GET", "DELETE", "OPTIONS", "PUT", "POST", "PATCH"):
        for path in ("/1", "/2"):
            for length in (True, False):
                seen = [said_by_one(front, f"{method} {path} HTTP/1.1\r\n".encode()
                                    + b"Content-Length: 0\r\n" * length + b"\r\n")]
                stream = client.ask(path, method, fields=[("content-length", "0")] * length)
                seen.append(json.loads(stream.body))
                expected = ["0"] if length or method in ("PUT", "POST", "PATCH") else []
                for each in seen:
                    lengths = [v for n, v in fields_of(each) if n == "content-length"]
                    assert lengths == expected, (method, path, length)
    client.close()


def test_an_upload_over_http2_that_has_ended_has_a_length(echoes):
    front = echoes()
    client = front.two()
    for path in ("/1", "/2"):
        for body, expected in ((b"hello", ["5"]), (b"", [])):
            number = client.next_id()
            head = client.head("GET" if not body else "POST", path)
            client.send(frame(HEADERS, END_HEADERS, number, head)
                        + frame(DATA, END_STREAM, number, body))
            seen = json.loads(client.wait(number).body)
            fields = fields_of(seen)
            assert [v for n, v in fields if n == "content-length"] == expected, (path, body)
            assert not [v for n, v in fields if n == "transfer-encoding"]
            assert seen["length"] == len(body)
        number = client.begin("POST", path, ends=False)  # it goes on: nobody knows its length
        client.data(number, b"he")
        client.data(number, b"llo", ends=True)
        assert json.loads(client.wait(number).body)["length"] == 5
    client.close()


def test_an_expectation_without_content_stays_here(echoes):
    front = echoes()
    client = front.two()
    for path in ("/1", "/2"):
        for rest in (b"Expect: 100-continue\r\n\r\n", b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"):
            seen = said_by_one(front, f"POST {path} HTTP/1.1\r\n".encode() + rest)
            assert "expect" not in dict(fields_of(seen))
        stream = client.ask(path, "POST", fields=[("expect", "100-continue")])
        assert "expect" not in dict(fields_of(json.loads(stream.body))) and len(stream.heads) == 1
    answer = front.one(b"POST /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                       b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n") and b"HTTP/1.1 200 " in answer
    client.close()


def test_a_chunk_over_the_limit_is_refused_at_its_size_line(echoes):
    front = echoes(settings="client_max_body_size 10;")
    for chunks in (b"b\r\n", b"5\r\nhello\r\n6\r\n", b"5\r\nhello\r\nfffffffffffffff\r\n"):
        sock = front.open()
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        assert read_all(sock, 12).startswith(b"HTTP/1.1 413 "), chunks
        sock.close()
    seen = said_by_one(front, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                              b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n")
    assert seen["body"] == "helloworld"


# ---- forwarding names ----

NAMES = ["X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl",
         "X-Forwarded-Whatever", "X-Real-IP", "Forwarded", "X-Tenant", "X-Forwarded-For",
         "X_Forwarded_Port", "X-Forwarded_Prefix", "X_Real-IP", "x_real_ip", "X_Tenant",
         "X_FORWARDED-FOR"]


def test_forwarding_names_of_clients_stay_here(echoes):
    front = echoes()
    client = front.two()
    lines = "".join(f"{name}: forged\r\n" for name in NAMES).encode()
    fields = [(name.lower(), "forged") for name in NAMES] + [("x-kept", "kept")]
    for path in ("/1", "/2"):
        line = f"POST {path} HTTP/1.1\r\n".encode()
        seen = [said_by_one(front, line + lines + b"X-Kept: kept\r\n\r\n"),
                said_by_one(front, line + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + lines
                            + b"X-Kept: kept\r\n\r\n"),
                json.loads(client.ask(path, "POST", fields=fields).body)]
        for wait in (False, True):  # the trailers come with the head, or once it is on its way
            number = client.begin("POST", path, ends=False)
            client.data(number, b"x")
            if wait:
                client.send(frame(6, 0, 0, bytes(8)))
                pongs = client.pongs
                client.until(lambda: client.pongs > pongs)
            client.trailers(number, fields)
            seen.append(json.loads(client.wait(number).body))
        for each in seen:
            text = json.dumps(each)
            assert "forged" not in text and text.count("kept") >= 1, each
            own = dict(fields_of(each))
            assert own["x-tenant"] == "a" and own["x-forwarded-for"] == "127.0.0.1"
            assert "x-real-ip" not in own and "forwarded" not in own
    client.close()


def test_forwarding_names_that_the_file_sets(echoes):
    front = echoes("proxy_set_header X-Real-IP $remote_addr;"
                   "proxy_set_header X-Forwarded-Port $http_x_forwarded_port;"
                   "proxy_set_header Forwarded for=$remote_addr;")
    client = front.two()
    for path in ("/1", "/2"):
        seen = [said_by_one(front, f"GET {path} HTTP/1.1\r\nX-Real-IP: 6.6.6.6\r\nForwarded: x\r\n"
                                   "X-Forwarded-Port: 8443\r\nX_Forwarded_Port: 1\r\n\r\n".encode()),
                json.loads(client.ask(path, fields=[
                    ("x-real-ip", "6.6.6.6"), ("x-forwarded-port", "8443"), ("forwarded", "x"),
                    ("x_forwarded_port", "1")]).body)]
        for each in seen:
            fields = [(n, v) for n, v in fields_of(each) if "real" in n or "forwarded" in n.split("_")
                      or n in ("forwarded", "x-forwarded-port", "x_forwarded_port")]
            assert sorted(fields) == [("forwarded", "for=127.0.0.1"), ("x-forwarded-port", "8443"),
                                      ("x-real-ip", "127.0.0.1")]
    client.close()


# ---- the asterisk ----

def test_options_asterisk_is_the_roots(gateway, authority, namespace, echoes):
    front = echoes()
    client = front.two()
    assert said_by_one(front, b"OPTIONS * HTTP/1.1\r\n\r\n")["path"] == "*"
    assert json.loads(client.ask("*", "OPTIONS").body)["path"] == "*"
    client.close()
    gateway.tenant("a", texts.plain(namespace, "location / { return 204; }"))
    gateway.reload()
    assert front.one(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(
        b"HTTP/1.1 204 ")
    assert front.one(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 400 ")


# ---- odd responses ----

ODD = {  # a response of HTTP/1: status, body, whether its connection is used again
    "space behind sizes": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"5  \r\nhello\r\n0\t\r\n\r\n", 200, b"hello", True),
    "zeros before sizes": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"000000000000000000005\r\nhello\r\n00000000000000000000\r\n\r\n",
                           200, b"hello", True),
    "chunks in 1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n"
                      b"\r\n5\r\nhello\r\n0\r\n\r\n", 200, b"hello", False),
    "status 600": (b"HTTP/1.1 600 Odd\r\nContent-Length: 5\r\n\r\nhello", 600, b"hello", True),
    "status 999": (b"HTTP/1.1 999\r\nContent-Length: 5\r\n\r\nhello", 999, b"hello", True),
    "space before colons": (b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\nX-Odd \t: a b\r\n\r\nhello",
                            200, b"hello", True),
    "one length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
                         200, b"hello", True),
    "a list of one length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", 200, b"hello",
                             True),
    "no reason": (b"HTTP/1.1 404\r\nContent-Length: 5\r\n\r\nhello", 404, b"hello", True),
}
AMBIGUOUS = {
    "a space within a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 0\r\nhello",
    "both framings": b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n",
    "both framings in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length : 6\r\n\r\nhello!",
    "status 099": b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "a folded line": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
    "a bare line feed": b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
    "bytes before the status line": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.fixture
def odd(gateway, authority, namespace):
    """A Front whose backend says, for /NAME, what ODD or AMBIGUOUS has; .served: which
    connection served each request."""
    texts_of = {name.replace(" ", "-"): entry[0] for name, entry in ODD.items()}
    texts_of.update({name.replace(" ", "-"): text for name, text in AMBIGUOUS.items()})
    served = []

    def script(connection, number):
        while True:
            head, _ = read_head(connection)
            served.append(number)
            connection.sendall(texts_of[head.split(b" ")[1].decode()[1:]])

    server = Scripted(script)
    front = Front(gateway, authority, namespace, server)
    front.served = served
    yield front
    server.close()


def test_odd_responses_are_delivered(odd):
    client = odd.two()
    for name, (_, status, body, keeps) in ODD.items():
        path = "/" + name.replace(" ", "-")
        answer = odd.one(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, _, got = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), (name, answer)
        assert body in got and (b"chunked" in head or got == body), (name, answer)
        if name == "space before colons":
            assert b"\r\nX-Odd: a b\r\n" in head + b"\r\n"
        if name == "no reason":
            assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
        stream = client.ask(path)
        assert (stream.status, stream.body, stream.reset) == (status, body, None), name
        assert (odd.served[-1] == odd.served[-2]) == keeps, name
    client.close()


def test_ambiguous_responses_are_not(odd):
    client = odd.two()
    for name in AMBIGUOUS:
        path = "/" + name.replace(" ", "-")
        answer = odd.one(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        stream = client.ask(path)
        if name == "a space within a size":  # its head was fine: the body is seen to be cut
            assert not answer.endswith(b"0\r\n\r\n") and b"hello" not in answer
            assert stream.reset is not None
        else:
            assert answer.startswith(b"HTTP/1.1 502 ") and stream.status == 502, (name, answer)
    client.close()


def test_odd_responses_of_http2_are_delivered(gateway, authority, namespace):
    def handle(peer, event):
        if isinstance(event, h2.events.StreamEnded):
            peer.h2.config.normalize_outbound_headers = False
            peer.h2.config.validate_outbound_headers = False
            status = dict(peer.headers[event.stream_id])[":path"][1:]
            peer.respond(event.stream_id, int(status), b"hello", [("x-odd", "a b "), ("x-odd", " c")])

    server = Server(handle)
    gateway.tenant("a", texts.tenant(
        namespace,
        texts.tls_server(authority, "a.test", f"location / {{ proxy_pass http://{server.address}; }}"),
        f"server {{ listen 127.0.0.1:8080; location / {{ proxy_pass http://{server.address}; }} }}",
        settings="proxy_http_version 2;"))
    gateway.start()
    client = Frames(namespace, texts.ADDRESS, authority.context(("h2",))).ready()
    for status, reason in ((200, b"OK"), (404, b"Not Found"), (600, b""), (999, b"")):
        answer = raw(namespace, PLAIN, b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % status)
        assert answer.startswith(b"HTTP/1.1 %d %s\r\n" % (status, reason)), answer
        assert b"\r\nx-odd: a b\r\nx-odd: c\r\n" in answer and b"hello" in answer
        stream = client.ask(f"/{status}")
        assert (stream.status, stream.body) == (status, b"hello")
    client.close()
    server.close()
