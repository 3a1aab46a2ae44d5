# SPDX-License-Identifier: MIT
"""Client verification: what clients are told, which servers a connection is good for (row T3), and
that neither a ticket nor a kept connection gets around a change of it (row T2)."""

import hashlib
import ssl
import subprocess
import threading

import pytest

from harness import frames, netns, texts
from harness.backend import read_head
from harness.certs import SCRIPTS, Authority
from harness.client import Connection, fetch, read_response
from harness.gateway import wait_for
from harness.load import Load

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
TOLD = ('return 200 "$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_serial|'
        '$ssl_client_fingerprint|$ssl_session_reused";')


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("other-ca"))


def asking(authority, mode="on", ca=None, more=""):
    files = f"ssl_client_certificate {ca or authority.ca};" if mode != "optional_no_ca" else ""
    return f"ssl_verify_client {mode}; {files} {more} "


def server(authority, name, demands="", answer=TOLD):
    return texts.tls_server(authority, name, demands + answer)


def context_of(authority, pair=None, version=None):
    context = authority.context()
    if pair:
        context.load_cert_chain(*pair)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def ask(namespace, context, name="a.test", host=None):
    headers = {"Host": host} if host else {}
    return fetch(namespace, texts.ADDRESS, context=context, name=name, headers=headers)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_each_mode_lets_pass(gateway, authority, other_authority, namespace, version):
    good, strange = authority.issue_client("good"), other_authority.issue_client("strange")
    served = {"off": (200, 200, 200), "on": (400, 200, 400), "optional": (200, 200, 400),
              "optional_no_ca": (200, 200, 200)}
    for mode in served:
        authority.issue(f"{mode.replace('_', '-')}.test")
    gateway.tenant("a", texts.tenant(namespace, *[
        server(authority, f"{mode.replace('_', '-')}.test",
               asking(authority, mode) if mode != "off" else "") for mode in served]))
    gateway.start()
    for mode, expected in served.items():
        name = f"{mode.replace('_', '-')}.test"
        answers = [ask(namespace, context_of(authority, pair, version), name)
                   for pair in (None, good, strange)]
        assert tuple(answer.status for answer in answers) == expected, mode
        if expected[0] == 400:
            assert answers[0].body == b"400 No required SSL certificate was sent\n"
            assert answers[0].headers["Connection"] == "close"
        if expected[2] == 400:
            assert answers[2].body == b"400 The SSL certificate error\n"
        if mode == "optional_no_ca":
            assert answers[1].body.startswith(b"FAILED:"), "no CA was given"
        elif mode != "off":
            assert answers[1].body.startswith(b"SUCCESS|CN=good,O=Test|")
        if expected[0] == 200:
            assert answers[0].body.startswith(b"NONE||||")


def test_uses_of_a_trusted_authority_hold(gateway, authority, namespace, tmp_path):
    good = authority.issue_client("good")
    for number, option in enumerate(["-addtrust", "-addreject"]):
        subprocess.run(["openssl", "x509", "-in", authority.ca, "-trustout", option, "clientAuth",
                        "-out", tmp_path / f"{number}.pem"], check=True)
    gateway.tenant("a", texts.tenant(namespace, *[
        server(authority, f"{name}.test", asking(authority, ca=tmp_path / f"{number}.pem"))
        for number, name in enumerate(["trusted", "rejected"])]))
    gateway.start()
    context = context_of(authority, good)
    assert ask(namespace, context, "trusted.test").body.startswith(b"SUCCESS|CN=good")
    assert ask(namespace, context, "rejected.test").status == 400


def test_the_scripts_make_client_certificates(gateway, authority, namespace):
    authority.issue("a.test")
    gateway.tenant("a", texts.tenant(namespace, server(authority, "a.test", asking(authority))))
    gateway.start()
    for name, more in [("ann", []), ("bob", ["rsa"]), ("Eve A.", ["email:eve@a.test"])]:
        subprocess.run([SCRIPTS / "make-cert.sh", "--client", authority.folder, name, *more],
                       check=True)
        pair = [authority.folder / f"{name}.{end}" for end in ("crt", "key")]
        assert ask(namespace, context_of(authority, pair)).body.startswith(
            f"SUCCESS|CN={name}|".encode())
        text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", pair[0]],
                              capture_output=True, text=True, check=True).stdout
        assert "TLS Web Client Authentication" in text and "Server Authentication" not in text
        assert ("email:eve@a.test" in text) == (len(more) == 1 and ":" in more[0])


def test_why_a_certificate_is_refused_is_logged_with_the_client(gateway, authority,
                                                                other_authority, namespace):
    gateway.log_level = "notice"
    gateway.write_main()
    gateway.tenant("a", texts.tenant(namespace, server(authority, "a.test", asking(authority))))
    gateway.start()
    expired = authority.issue_client("expired", "-days", "-1")
    strange = other_authority.issue_client('x"y\x1b[1m')
    said = [(expired, r'certificate has expired \(subject "CN=expired,O=Test"\)'),
            (strange, r'unable to [a-z ]+ \(subject "CN=x\\.*y[^\x1b]*O=Test"\)'),
            (None, r"none was sent")]
    for pair, reason in said:
        at = gateway.log_size()
        assert ask(namespace, context_of(authority, pair)).status == 400
        gateway.wait_log(rf"\[notice\] .* tenant a: client 127.0.0.1: certificate refused: {reason}",
                         5, at)
    at = gateway.log_size()
    for _ in range(40):
        ask(namespace, context_of(authority, expired))
    lines = gateway.log(at).count("certificate refused")
    assert 0 < lines < 40, "a client cannot fill the log"
    wait_for(lambda: ask(namespace, context_of(authority, expired)) and
             "more were not told before" in gateway.log(at), 10, "the count of what was not told")


def test_what_is_told_of_a_certificate(gateway, authority, namespace):
    good = authority.issue_client("told")
    gateway.tenant("a", texts.tenant(namespace, server(authority, "a.test", asking(authority))))
    gateway.start()
    connection = Connection(namespace, texts.ADDRESS, context_of(authority, good), "a.test")
    verify, subject, issuer, serial, fingerprint, _ = connection.ask().body.decode().split("|")
    der = subprocess.run(["openssl", "x509", "-in", good[0], "-outform", "der"], check=True,
                         capture_output=True).stdout
    named = subprocess.run(["openssl", "x509", "-in", good[0], "-noout", "-issuer", "-nameopt",
                            "RFC2253"], check=True, capture_output=True, text=True).stdout
    assert (verify, subject) == ("SUCCESS", "CN=told,O=Test")
    assert "issuer=" + issuer == named.strip()
    assert serial.lstrip("0") == authority.serial("told")
    assert fingerprint == hashlib.sha1(der).hexdigest()
    connection.close()


def test_expired_certificates_and_the_wrong_purpose_are_refused(gateway, authority, namespace):
    authority.issue("purpose.test")  # a server's
    pair = authority.folder / "purpose.test.crt", authority.folder / "purpose.test.key"
    gateway.tenant("a", texts.tenant(namespace, server(authority, "a.test",
                                                       asking(authority, "optional"))))
    gateway.start()
    at = gateway.log_size()
    assert ask(namespace, context_of(authority, pair)).status == 400
    gateway.wait_log(r"400 bad_certificate: .*unsu\w+ certificate purpose", 10, at)


def test_a_long_serial_is_one_line(gateway, authority, namespace, tmp_path):
    key, certificate = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", "/CN=x", "-days", "3", "-set_serial", "0x" + "ab" * 40],
                   check=True, capture_output=True)
    authority.issue("a.test")
    gateway.tenant("a", texts.tenant(namespace, server(
        authority, "a.test", asking(authority, "optional_no_ca"),
        'return 200 "$ssl_client_serial";')))
    gateway.start()
    told = ask(namespace, context_of(authority, (certificate, key)))
    assert told.body == b"AB" * 40


def test_verification_that_has_no_effect_is_warned_about(gateway, authority, namespace):
    authority.issue("a.test")
    gateway.tenant("a", texts.tenant(
        namespace, server(authority, "a.test", asking(authority) + "listen 10.0.0.1:80; ")))
    gateway.start()
    assert 'also listens without "ssl"' in gateway.log()


@pytest.mark.parametrize("version", VERSIONS)
def test_another_server_with_other_demands_is_misdirected(gateway, authority, namespace, version):
    """Row T3: what is behind client verification is not reached by another name's handshake."""
    good = authority.issue_client("t3")
    for name in ("open.test", "open2.test", "closed.test", "closed2.test"):
        authority.issue(name, "ec", "DNS:open.test", "DNS:open2.test", "DNS:closed.test",
                        "DNS:closed2.test")
    pair = f"""ssl_certificate {authority.folder}/open.test.crt;
               ssl_certificate_key {authority.folder}/open.test.key;"""
    block = "server {{ listen 127.0.0.1:{port} ssl; server_name {name}; {demands} {answer} }}"

    def make(name, demands=""):
        return block.format(port=texts.PORT, name=name, demands=demands,
                            answer=f'return 200 "{name}";')

    gateway.tenant("a", texts.tenant(
        namespace, make("open.test"), make("open2.test"), make("closed.test", asking(authority)),
        make("closed2.test", asking(authority)), settings=pair))
    gateway.start()
    for client in (None, good):
        context = context_of(authority, client, version)
        assert ask(namespace, context, "open.test").body == b"open.test"
        assert ask(namespace, context, "open.test", "open2.test").body == b"open2.test"
        assert ask(namespace, context, "open.test", "closed.test").status == 421
        assert ask(namespace, context, "closed.test", "open.test").status == 421
    context = context_of(authority, good, version)
    assert ask(namespace, context, "closed.test", "closed2.test").body == b"closed2.test"
    nameless = context_of(authority, good, version)
    nameless.check_hostname = False
    assert ask(namespace, nameless, None, "closed.test").status == 421, "without SNI too"
    assert ask(namespace, nameless, None, "open2.test").body == b"open2.test"


def handshake(namespace, context, session=None, name="a.test"):
    """One request over a fresh connection: its body, whether it resumed, and a session."""
    sock = netns.connect(namespace, texts.ADDRESS)
    with context.wrap_socket(sock, server_hostname=name, session=session) as tls:
        tls.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        _, _, body = read_response(tls)
        return body, tls.session_reused, tls.session


@pytest.mark.parametrize("version", VERSIONS)
def test_no_ticket_outlives_a_change_of_demands(gateway, authority, other_authority, namespaces,
                                                version):
    """Row T2: every change (mode, depth, CA, its content) makes older tickets worth nothing."""
    good = authority.issue_client("t2")
    copied = authority.folder / "copied-ca.crt"
    copied.write_bytes(authority.ca.read_bytes())
    context = context_of(authority, good, version)
    bare = context_of(authority, None, version)

    def configure(demands):
        gateway.tenant("a", texts.tenant(namespaces[0], server(authority, "a.test", demands)))

    configure("")
    gateway.start()
    body, resumed, session = handshake(namespaces[0], bare)
    assert body.startswith(b"NONE") and not resumed
    body, resumed, session = handshake(namespaces[0], bare, session)
    assert resumed, "an ordinary ticket resumes"
    changes = [asking(authority, "optional"), asking(authority),
               asking(authority, more="ssl_verify_depth 3;"), asking(authority, ca=copied)]
    certified = None
    for demands in changes[:3]:
        configure(demands)
        assert "1 changed" in gateway.reload()
        body, resumed, session = handshake(namespaces[0], bare, session)
        assert not resumed, demands
        assert body.startswith(b"NONE") == ("optional" in demands), "without a certificate"
        body, resumed, certified = handshake(namespaces[0], context, certified)
        assert not resumed and body.startswith(b"SUCCESS|CN=t2"), demands
        body, resumed, _ = handshake(namespaces[0], context, certified)
        assert resumed and body.startswith(b"SUCCESS|CN=t2"), "the certificate is in the ticket"
    configure(changes[3])
    gateway.reload()
    body, resumed, certified = handshake(namespaces[0], context)
    copied.write_bytes(other_authority.ca.read_bytes())
    gateway.reload()
    body, resumed, _ = handshake(namespaces[0], context, certified)
    assert not resumed and b"The SSL certificate error" in body, "the file's content has changed"
    gateway.tenant("b", texts.tenant(namespaces[1], server(authority, "a.test", changes[3])))
    gateway.reload()
    assert not handshake(namespaces[1], context, certified)[1], "another tenant"


def test_a_change_ends_kept_connections_and_no_others(gateway, authority, namespaces):
    """Row T2: with HTTP/1 and HTTP/2, under a load on another tenant and on another server."""
    for name in ("a.test", "b.test", "c.test"):
        authority.issue(name)

    def configure(demands):
        gateway.tenant("a", texts.tenant(namespaces[0], server(authority, "a.test", demands),
                                         server(authority, "b.test")))

    configure("")
    gateway.tenant("c", texts.tenant(namespaces[1], server(authority, "c.test")))
    gateway.start()
    targets = [(namespaces[0], texts.ADDRESS, "b.test"), (namespaces[1], texts.ADDRESS, "c.test")]
    with Load(targets, authority.context(), threads=4) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for demands in (asking(authority), "", asking(authority, "optional")):
            kept = Connection(namespaces[0], texts.ADDRESS, authority.context(), "a.test")
            kept.ask()
            twin = frames.Frames(namespaces[0], texts.ADDRESS, authority.context(["h2"]), "a.test")
            assert twin.ask().status in (200, 400)
            configure(demands)
            assert "1 changed" in gateway.reload()
            assert kept.sock is None or kept.sock.recv(1) == b"", "an idle one closes at once"
            assert not twin.until(lambda: False, 5) and twin.goaways, "HTTP/2 too"
            twin.close()
            kept.close()
    assert not load.failures, load.failures[:5]
    assert load.done > 50


def test_streams_that_run_go_on_and_new_ones_are_refused(gateway, authority, namespace, scripted):
    """Row T2, in the middle of an exchange."""
    release = threading.Event()

    def script(connection, _):
        read_head(connection)
        release.wait(10)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")

    backend = scripted(script)
    forward = f"location / {{ proxy_pass http://{backend.address}; }}"

    def configure(demands):
        gateway.tenant("a", texts.tenant(namespace, server(authority, "a.test", demands, forward)))

    configure("")
    gateway.start()
    kept = Connection(namespace, texts.ADDRESS, authority.context(), "a.test")
    kept.request("GET", "/")
    twin = frames.Frames(namespace, texts.ADDRESS, authority.context(["h2"]), "a.test")
    first = twin.begin()
    wait_for(lambda: backend.accepted == 2, what="both requests are with the backend")
    configure(asking(authority))
    assert "1 changed" in gateway.reload()
    second = twin.begin()
    assert twin.wait(second).reset == 7, "REFUSED_STREAM: to be sent again elsewhere"
    release.set()
    assert twin.wait(first).body == b"old"
    assert not twin.until(lambda: False, 5), "then it ends"
    response = kept.getresponse()
    assert response.read() == b"old" and response.headers["Connection"] == "close"
    assert backend.accepted == 2
    kept.close()
    twin.close()
