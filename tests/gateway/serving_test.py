# SPDX-License-Identifier: MIT
"""The main job: HTTPS inside a namespace, forwarded to a backend on the host's side."""

import json
import socket
import ssl
import subprocess

import pytest

from harness import netns, texts
from harness.certs import peer_serial
from harness.client import Connection, fetch, raw, read_all
from harness.gateway import BINARY
from harness.proc import network_namespaces

PLAIN = ("127.0.0.1", 8080)


def test_three_tenants_on_one_address(gateway, authority, namespaces, echo):
    for number, namespace in enumerate(namespaces):
        gateway.tenant(f"t{number}", texts.proxied(authority, namespace, f"t{number}.test",
                                                   echo.address))
    gateway.start()
    for number, namespace in enumerate(namespaces):
        name = f"t{number}.test"
        connection = Connection(namespace, texts.ADDRESS, authority.context(), name)
        response = connection.ask("/a%20b?x=1", headers={"X-Tenant": "forged", "X-Own": "1"})
        assert response.status == 200
        assert peer_serial(connection.sock) == authority.serial(name)
        seen = json.loads(response.body)
        headers = {key.lower(): value for key, value in seen["headers"]}
        assert seen["path"] == "/a%20b?x=1"
        assert headers["x-tenant"] == f"t{number}"
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["x-forwarded-host"] == f"{name}:{texts.PORT}"
        assert headers["host"] == f"{name}:{texts.PORT}"
        assert headers["x-own"] == "1"
        assert "connection" not in headers or headers["connection"] != "close"
        connection.close()


def test_no_process_is_in_a_tenants_namespace(gateway, authority, namespace, echo):
    import os
    gateway.tenant("a", texts.proxied(authority, namespace, "a.test", echo.address))
    gateway.start()
    home = os.stat("/proc/self/ns/net").st_ino
    for pid in gateway.processes():
        assert network_namespaces(pid) <= {home}
    assert network_namespaces(gateway.pid) == {home}
    listing = netns.run("ip", "netns", "exec", namespace, "ss", "-Hltn").stdout
    assert f"127.0.0.1:{texts.PORT}" in listing
    with pytest.raises(OSError):
        socket.create_connection(texts.ADDRESS, 1)


def test_children_have_no_privileges(gateway, authority, namespace, echo):
    gateway.tenant("a", texts.proxied(authority, namespace, "a.test", echo.address))
    gateway.start()
    assert gateway.children()
    for pid in gateway.children():
        status = dict(line.split(":\t", 1) for line in
                      open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Gid"].split() == ["65534"] * 4
        assert status["NoNewPrivs"].strip() == "1"
        for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[which], 16) == 0, which
        # Not dumpable: /proc/PID belongs to root then.
        import os
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    # SYS_ADMIN, NET_BIND_SERVICE, SYS_PTRACE, DAC_READ_SEARCH, SETUID, SETGID, SETPCAP, KILL
    kept = sum(1 << bit for bit in (21, 10, 19, 2, 7, 6, 8, 5))
    status = open(f"/proc/{gateway.pid}/status").read()
    for which in ("CapPrm", "CapEff", "CapBnd"):
        value = int(status.split(f"{which}:\t")[1].split()[0], 16)
        assert value & ~kept == 0, which


def test_certificate_by_server_name(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(
        namespace,
        texts.tls_server(authority, "default.test", 'return 200 "default\\n";',
                         f"127.0.0.1:{texts.PORT} ssl default_server"),
        texts.tls_server(authority, "exact.test", 'return 200 "exact\\n";'),
        texts.tls_server(authority, "wild.test", 'return 200 "wild\\n";', names="*.wild.test")))
    gateway.start()
    context = authority.context()
    context.check_hostname = False
    for name, issued, answer in [("exact.test", "exact.test", b"exact\n"),
                                 ("EXACT.test", "exact.test", b"exact\n"),
                                 ("a.b.wild.test", "wild.test", b"wild\n"),
                                 ("unknown.test", "default.test", b"default\n"),
                                 (None, "default.test", b"default\n")]:
        connection = Connection(namespace, texts.ADDRESS, context, name)
        assert connection.ask().body == answer, name
        assert peer_serial(connection.sock) == authority.serial(issued), name
        connection.close()


def test_another_servers_host_is_misdirected(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "one.test", 'return 200 "one\\n";'),
        texts.tls_server(authority, "two.test", 'return 200 "two\\n";')))
    gateway.start()
    connection = Connection(namespace, texts.ADDRESS, authority.context(), "one.test")
    assert connection.ask().body == b"one\n"
    assert connection.ask(headers={"Host": "two.test"}).status == 421
    assert connection.ask(headers={"Host": "nobody.test"}).body == b"one\n"
    connection.close()


def test_the_default_server_is_a_wall_against_forged_hosts(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(
        namespace,
        texts.tls_server(authority, "exact.test", 'return 200 "exact\n";'),
        texts.tls_server(authority, "wild.test", 'return 200 "wild\n";', names="*.wild.test"),
        texts.tls_server(authority, "regex.test", 'return 200 "regex\n";', names="~^r[0-9]x"),
        texts.tls_server(authority, "wall.test", "return 403 wall;",
                         f"127.0.0.1:{texts.PORT} ssl default_server", names="_")))
    gateway.start()
    context = authority.context()
    context.check_hostname = False
    for name in ("exact.test", "x.wild.test", "r1x.test", "unknown.test", None):
        connection = Connection(namespace, texts.ADDRESS, context, name)
        for forged in ("evil.test", "wild.test", "127.0.0.1", "exact.test.evil.test:443"):
            assert connection.ask(headers={"Host": forged}).status == 403, (name, forged)
        connection.close()
        answer = raw(namespace, texts.ADDRESS, b"GET / HTTP/1.0\r\n\r\n", context, name)
        assert answer.startswith(b"HTTP/1.1 403"), (name, answer)


def test_the_wall_asks_clients_for_what_it_says(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "open.test", "return 200;"),
        texts.tls_server(authority, "wall.test",
                         f"ssl_verify_client on; ssl_client_certificate {authority.ca}; "
                         "return 403;", f"127.0.0.1:{texts.PORT} ssl default_server", names="_")))
    gateway.start()
    connection = Connection(namespace, texts.ADDRESS, authority.context(), "open.test")
    assert connection.ask().status == 200
    assert connection.ask(headers={"Host": "evil.test"}).status == 421
    connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions(gateway, authority, namespace, version):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "$ssl_protocol $ssl_server_name\\n";')))
    gateway.start()
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    answer = fetch(namespace, texts.ADDRESS, context=context, name="a.test").body.decode()
    assert answer == f"{'TLSv1.2' if version == ssl.TLSVersion.TLSv1_2 else 'TLSv1.3'} a.test\n"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_tls_and_foreign_alpn_are_refused(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(authority, "a.test",
                                                                 'return 200 "x";')))
    gateway.start()
    old = authority.context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        fetch(namespace, texts.ADDRESS, context=old, name="a.test")
    with pytest.raises(ssl.SSLError, match="ALPN|alert"):
        fetch(namespace, texts.ADDRESS, context=authority.context(["spdy/1"]), name="a.test")
    assert fetch(namespace, texts.ADDRESS, context=authority.context([]), name="a.test").status == 200


def test_alpn_with_http_1_0_alone(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "$server_protocol";')))
    gateway.start()
    for protocol in ("1.0", "1.1"):
        context = authority.context(["http/1.0"])
        answer = raw(namespace, texts.ADDRESS, f"GET / HTTP/{protocol}\r\nHost: a.test\r\n"
                     "Connection: close\r\n\r\n".encode(), context, "a.test")
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(f"HTTP/{protocol}".encode())


def test_clients_that_use_each_ticket_once_are_always_resumed(gateway, authority, namespace,
                                                              tmp_path):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", 'return 200 "$ssl_session_reused";')))
    gateway.start()
    context = authority.context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    session, answers = None, b""
    for _ in range(11):
        sock = netns.connect(namespace, texts.ADDRESS)
        sock = context.wrap_socket(sock, server_hostname="a.test", session=session)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        answers += read_all(sock)[-1:]
        session = sock.session  # the newest ticket's
        sock.close()
    assert answers == b"." + b"r" * 10

    kept = tmp_path / "session.pem"
    for number in range(11):
        known = ["-sess_in", kept] if number else []
        out = subprocess.run(
            ["ip", "netns", "exec", namespace, "openssl", "s_client", "-tls1_3", "-ign_eof",
             "-CAfile", authority.ca, "-connect", f"127.0.0.1:{texts.PORT}", "-servername",
             "a.test", "-sess_out", kept, *known], timeout=20, capture_output=True, text=True,
            input="GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").stdout
        assert ("Reused, TLSv1.3" if number else "New, TLSv1.3") in out, number


def test_a_ticket_resumes_only_with_its_own_tenant(gateway, authority, namespaces):
    for name, namespace in zip(("one", "two"), namespaces):
        gateway.tenant(name, texts.tenant(namespace, texts.tls_server(
            authority, "same.test", 'return 200 "$ssl_session_reused\\n";')))
    gateway.start()
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def handshake(namespace, session=None):
        sock = netns.connect(namespace, texts.ADDRESS)
        with context.wrap_socket(sock, server_hostname="same.test", session=session) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: same.test\r\nConnection: close\r\n\r\n")
            while tls.recv(4096):
                pass
            return tls.session, tls.session_reused

    session, _ = handshake(namespaces[0])
    assert handshake(namespaces[0], session)[1], "either worker takes its tenant's ticket"
    assert handshake(namespaces[0], session)[1]
    assert not handshake(namespaces[1], session)[1]


def test_a_chain_file_with_what_does_not_belong(gateway, authority, namespace, tmp_path):
    leaf, key = authority.issue("leaf.test")
    stranger, _ = authority.issue("stranger.test", "rsa")
    trusted = subprocess.run(["openssl", "x509", "-in", leaf, "-trustout", "-addtrust",
                              "serverAuth"], check=True, capture_output=True, text=True).stdout
    assert "BEGIN TRUSTED CERTIFICATE" in trusted
    old = leaf.read_text().replace("CERTIFICATE", "X509 CERTIFICATE")
    root, other = authority.ca.read_text(), stranger.read_text()
    files = [leaf.read_text() + other + root, trusted + other, root + other + old, trusted * 3]
    for number, text in enumerate(files):
        (tmp_path / f"{number}.crt").write_text(text)
    gateway.tenant("a", texts.tenant(namespace, *[
        f"server {{ listen 127.0.0.1:{texts.PORT + number} ssl; return 204; "
        f"ssl_certificate {tmp_path}/{number}.crt; ssl_certificate_key {key}; }}"
        for number in range(len(files))]))
    checked = subprocess.run([BINARY, "-c", gateway.folder / "nsgate.conf", "-t"],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    for place in ("a.conf:3:65: certificate 2", "a.conf:4:65: certificate 2",
                  "a.conf:5:65: certificate 2"):
        assert f"{place} (/CN=stranger.test) does not belong to the chain" in checked.stderr
    assert "a.conf:6:65: a certificate is in the file more than once" in checked.stderr
    gateway.start()
    context = authority.context()
    for number in range(len(files)):
        address = ("127.0.0.1", texts.PORT + number)
        assert fetch(namespace, address, context=context, name="leaf.test").status == 204


def test_both_kinds_of_key(gateway, authority, namespace):
    authority.issue("both-ec.test", "ec", "DNS:both.test")
    authority.issue("both-rsa.test", "rsa", "DNS:both.test")
    folder = authority.folder
    gateway.tenant("a", texts.tenant(namespace, f"""
server {{
    listen 127.0.0.1:{texts.PORT} ssl;
    server_name both.test;
    ssl_certificate {folder}/both-rsa.test.crt;
    ssl_certificate_key {folder}/both-rsa.test.key;
    ssl_certificate {folder}/both-ec.test.crt;
    ssl_certificate_key {folder}/both-ec.test.key;
    return 200 "$ssl_cipher\\n";
}}"""))
    gateway.start()
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        context.set_ciphers(ciphers)
        answer = fetch(namespace, texts.ADDRESS, context=context, name="both.test")
        assert answer.body.decode().strip() == ciphers


def test_plain_listener_redirects(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, "return 308 https://$host$request_uri;"))
    gateway.start()
    response = fetch(namespace, PLAIN, "/a?b=c", headers={"Host": "Acme.test:8080"})
    assert response.status == 308
    assert response.headers["Location"] == "https://acme.test/a?b=c"


def test_locations_in_nginxs_order(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, r'''
        location / { return 200 "root"; }
        location = /health { return 200 "exact"; }
        location /img { return 200 "prefix"; }
        location ^~ /static/ { return 200 "final"; }
        location ~ \.php$ { return 200 "regex"; }
        location ~* \.JPG$ { return 200 "nocase"; }
        location /gone { return 404; }
    '''))
    gateway.start()
    connection = Connection(namespace, PLAIN)
    for path, answer in [("/", b"root"), ("/health", b"exact"), ("/health/", b"root"),
                         ("/img/x", b"prefix"), ("/img/x.php", b"regex"),
                         ("/static/x.php", b"final"), ("/a.jpg", b"nocase"),
                         ("/img/../health", b"exact"), ("//health", b"exact"),
                         ("/%68ealth", b"exact"), ("/x/%2e%2e/health?a", b"exact")]:
        assert connection.ask(path).body == answer, path
    assert connection.ask("/gone/").status == 404
    assert connection.ask("/../x").status == 400
    connection.close()


def test_headers_added_hidden_and_set(gateway, namespace, echo):
    gateway.tenant("a", texts.plain(namespace, f"""
        add_header X-Level server;
        location / {{
            proxy_pass http://{echo.address};
            proxy_set_header X-Env prod;
            proxy_set_header Host inner.test;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_hide_header X-Backend;
        }}
        location /uri/ {{ proxy_pass http://{echo.address}/other/; add_header X-Own 1 always; }}
    """))
    gateway.start()
    response = fetch(namespace, PLAIN, headers={"X-Forwarded-For": "192.0.2.9"})
    seen = {key.lower(): value for key, value in json.loads(response.body)["headers"]}
    assert seen["x-env"] == "prod" and seen["host"] == "inner.test"
    assert seen["x-forwarded-for"] == "192.0.2.9, 127.0.0.1"
    assert response.headers["X-Level"] == "server" and "X-Backend" not in response.headers
    response = fetch(namespace, PLAIN, "/uri/a%2fb?c")
    assert json.loads(response.body)["path"] in ("/other/a/b?c", "/other/a%2Fb?c")
    assert response.headers["X-Own"] == "1" and "X-Level" not in response.headers
    assert response.headers["X-Backend"] == "backend"


def test_ipv6_and_addresses_not_configured_yet(gateway, authority, namespace):
    body = 'return 200 "$server_addr $remote_addr\\n";'
    gateway.tenant("a", texts.tenant(
        namespace, texts.tls_server(authority, "a.test", body, f"[::1]:{texts.PORT} ssl"),
        f"server {{ listen 10.99.0.1:8080; {body} }}"))
    gateway.start()
    answer = fetch(namespace, ("::1", texts.PORT), context=authority.context(), name="a.test")
    assert answer.body == b"::1 ::1\n"
    netns.run("ip", "-n", namespace, "addr", "add", "10.99.0.1/32", "dev", "lo")
    try:
        assert fetch(namespace, ("10.99.0.1", 8080)).body == b"10.99.0.1 10.99.0.1\n"
    finally:
        netns.run("ip", "-n", namespace, "addr", "del", "10.99.0.1/32", "dev", "lo")


def test_unix_backend(gateway, namespace, scripted, reachable):
    def script(connection, _):
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlocal")

    server = scripted(script, f"{reachable}/app.sock")
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}:; }}"))
    gateway.start()
    connection = Connection(namespace, PLAIN)
    assert [connection.ask().body for _ in range(3)] == [b"local"] * 3
    connection.close()


def test_keep_alive_pipelining_and_old_clients(gateway, namespace, echo):
    gateway.tenant("a", texts.plain(namespace, f"""
        keepalive_requests 3;
        location / {{ proxy_pass http://{echo.address}; }}
        location /local {{ return 200 "$connection_requests,"; }}"""))
    gateway.start()
    one = b"GET /local HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = raw(namespace, PLAIN, one * 5)
    assert answer.count(b"HTTP/1.1 200") == 3, "keepalive_requests ends the connection"
    assert answer.endswith(b"3,") and answer.count(b"Connection: close") == 1
    answer = raw(namespace, PLAIN, b"GET /chunked/5 HTTP/1.0\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and b"Transfer-Encoding" not in answer
    assert answer.endswith(b"chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n")
    answer = raw(namespace, PLAIN, b"HEAD /bytes/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 10\r\n" in answer and answer.endswith(b"\r\n\r\n")


def test_chunked_both_ways_with_trailers(gateway, namespace, echo):
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{echo.address}; }}"))
    gateway.start()
    answer = raw(namespace, PLAIN, b"GET /chunked/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in answer
    assert answer.endswith(b"0\r\nX-Sum: 3\r\n\r\n")
    answer = raw(namespace, PLAIN,
                 b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close"
                 b"\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Digest: 1\r\nHost: no\r\n\r\n")
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert seen["body"] == "hello world" and seen["trailers"] == ["X-Digest: 1"]


def test_body_too_large(gateway, namespace, echo):
    gateway.tenant("a", texts.plain(namespace, f"""
        client_max_body_size 1k;
        location / {{ proxy_pass http://{echo.address}; }}
        location /any {{ client_max_body_size 0; proxy_pass http://{echo.address}; }}"""))
    gateway.start()
    assert fetch(namespace, PLAIN, method="POST", body=b"x" * 1024).status == 200
    assert fetch(namespace, PLAIN, method="POST", body=b"x" * 1025).status == 413
    parts = b"400\r\n" + b"x" * 1024 + b"\r\n" + b"1\r\nx\r\n0\r\n\r\n"
    answer = raw(namespace, PLAIN, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                   b"\r\n" + parts)
    assert answer.startswith(b"HTTP/1.1 413")
    assert fetch(namespace, PLAIN, "/any", method="POST", body=b"x" * 3000000).status == 200
