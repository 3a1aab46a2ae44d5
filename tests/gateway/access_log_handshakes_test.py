# SPDX-License-Identifier: MIT
"""access_log_handshakes: a line for what never became a request."""

import re
import socket
import ssl

import pytest

from harness import netns, texts
from harness.client import fetch
from harness.gateway import wait_for

FORM = ("log_format hand '$remote_addr:$remote_port $server_addr:$server_port "
        "[$ssl_server_name] [$tls_failure] $close_reason $status [$request] $tls_handshake_time';")
ALWAYS = r"127\.0\.0\.1:\d+ 127\.0\.0\.1:8443 "


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def serve(gateway, authority, namespace, tmp_path):
    """serve(settings): servers a.test (the default) and b.test, each with a log of its own, and
    c.test, which does not ask for lines of handshakes. Returns the folder of the logs."""
    folder = tmp_path / "logs"
    folder.mkdir(mode=0o755)

    def start(settings=""):
        servers = [texts.tls_server(authority, f"{name}.test", f"""
            access_log {folder}/{name} hand; access_log_handshakes {flag};
            ssl_protocols TLSv1.3; return 200 "x";""") for name, flag in
            (("a", "on"), ("b", "on"), ("c", "off"))]
        gateway.tenant("a", texts.tenant(namespace, *servers, settings=FORM + settings))
        gateway.start()
        return folder
    return start


def fails(namespace, context, name):
    """A handshake that fails, whatever the client is told."""
    with netns.connect(namespace, texts.ADDRESS) as sock, pytest.raises(OSError):
        with context.wrap_socket(sock, server_hostname=name) as secured:
            secured.recv(1)
            raise AssertionError("the handshake is completed")


def old(authority):
    context = authority.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def expect(file, count, pattern):
    wait_for(lambda: len(lines(file)) >= count, 20, f"lines of {file.name}")
    found = lines(file)
    assert len(found) == count, found
    assert re.fullmatch(ALWAYS + pattern, found[-1]), found[-1]


def test_failures_are_the_named_servers(serve, authority, namespace):
    folder = serve()
    fails(namespace, old(authority), "b.test")
    expect(folder / "b", 1, r"\[b\.test\] \[.*(version|protocol).*\] handshake 000 \[-\] -")
    fails(namespace, old(authority), "A.test")
    expect(folder / "a", 1, r"\[a\.test\] \[.*(version|protocol).*\] handshake 000 \[-\] -")
    fails(namespace, old(authority), "none.test")
    expect(folder / "a", 2, r"\[none\.test\] \[.+\] handshake 000 \[-\] -")
    fails(namespace, old(authority), "c.test")
    assert fetch(namespace, texts.ADDRESS, context=authority.context(), name="c.test").status == 200
    wait_for(lambda: lines(folder / "c"), 20, "the request's line")
    assert len(lines(folder / "c")) == 1 and "GET / HTTP/1.1" in lines(folder / "c")[0]
    assert len(lines(folder / "b")) == 1 and len(lines(folder / "a")) == 2


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                  b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00" * 300],
                         ids=["nothing", "part", "http", "nonsense"])
def test_what_is_no_handshake(serve, namespace, said):
    """Nothing at all, a part of one, another protocol, nonsense: then the client goes."""
    folder = serve()
    with netns.connect(namespace, texts.ADDRESS) as sock:
        try:
            sock.sendall(said)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except OSError:
            pass
    expect(folder / "a", 1, r"\[-\] \[[^\]]+\] handshake 000 \[-\] -")


def test_a_client_without_trust(serve, authority, namespace):
    folder = serve()
    fails(namespace, ssl.create_default_context(), "b.test")
    expect(folder / "b", 1, r"\[b\.test\] \[[^\]]*unknown ca[^\]]*\] handshake 000 \[-\] -")


def test_who_finds_no_place_and_who_is_too_slow(gateway, serve, authority, namespace):
    """One that never ends its handshake holds the only place, until its time is over."""
    gateway.settings["worker_processes"] = "1"  # takes them in the order in which they come
    gateway.write_main()
    folder = serve("max_handshakes 1;")
    with netns.connect(namespace, texts.ADDRESS) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        wait_for(lambda: not is_served(authority, namespace), 20, "a refusal")
        wait_for(lambda: any("handshake_timeout" in line for line in lines(folder / "a")), 30, "its end")
    found = [line for line in lines(folder / "a") if "GET" not in line]
    assert all(re.fullmatch(ALWAYS + r"\[-\] \[[^\]]+\] (max_handshakes|handshake_timeout) 000 \[-\] -", line)
               for line in found), found
    assert sum("max_handshakes" in line for line in found) == 1
    assert sum("handshake_timeout" in line for line in found) == 1


def is_served(authority, namespace):
    try:
        return fetch(namespace, texts.ADDRESS, context=authority.context(), name="a.test").status == 200
    except OSError:
        return False


def test_who_may_not_begin(serve, authority, namespace):
    folder = serve("handshake_rate 1/m burst=1;")
    for _ in range(2):
        assert fetch(namespace, texts.ADDRESS, context=authority.context(), name="a.test").status == 200

    wait_for(lambda: not is_served(authority, namespace), 20, "a refusal")
    wait_for(lambda: any("rate" in line for line in lines(folder / "a")), 20, "its line")
    refused = [line for line in lines(folder / "a") if "rate" in line]
    assert re.fullmatch(ALWAYS + r"\[-\] \[[^\]]+\] client_handshake_rate 000 \[-\] -", refused[0])
    assert len(refused) == 1
