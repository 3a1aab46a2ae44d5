# SPDX-License-Identifier: MIT
"""-s status --check: whether anything is wrong, by one command and its exit status."""

import os
import signal
import socketserver
import subprocess
import threading

import pytest

from harness import netns, texts
from harness.backend import free_port, occupy
from harness.client import fetch
from harness.gateway import BINARY, is_sanitized, wait_for


@pytest.fixture(autouse=True)
def without_a_sandbox(gateway):
    """A build with sanitizers has none, which would be told."""
    if is_sanitized():
        gateway.settings["sandbox"] = "off"
        gateway.write_main()


def check(gateway):
    """The exit status, and the lines."""
    result = gateway.ask("status", "--check")
    assert result.stderr == ""
    return result.returncode, result.stdout.splitlines()


def becomes(gateway, status, *parts):
    """Waits until it is so; each of the parts stands in a line of its own."""
    def is_so():
        code, lines = check(gateway)
        return code == status and len(lines) == len(parts) and all(
            part in line for part, line in zip(parts, lines))
    wait_for(is_so, 20, f"{status} with {parts}, not {check(gateway)}")


def test_nothing_is_said_when_all_is_well(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    assert check(gateway) == (0, [])


def test_tenants_that_do_not_serve(gateway, namespaces):
    late = netns.PREFIX + "check"
    with netns.within(namespaces[0], lambda: occupy(("127.0.0.1", 8081))):
        gateway.tenant("part", texts.tenant(
            namespaces[0], 'server { listen 127.0.0.1:8080; return 200 "x"; }',
            'server { listen 127.0.0.1:8081; return 200 "y"; }'))
        gateway.tenant("late", texts.plain(late, 'return 200 "late";'))
        gateway.tenant("good", texts.plain(namespaces[1], 'return 200 "good";'))
        gateway.start()
        becomes(gateway, 2, "CRITICAL: tenant late is waiting: ",
                "WARNING: tenant part serves only in part: ")
    gateway.remove_tenant("late")
    gateway.reload()
    becomes(gateway, 0)
    gateway.tenant("good", "netns;\n")
    gateway.reload()
    code, lines = check(gateway)
    assert code == 1 and any("WARNING: tenant good serves as before: " in line and
                             "good.conf:1:" in line for line in lines)
    gateway.tenant("never", "netns;\n")
    gateway.reload()
    code, lines = check(gateway)
    assert code == 2 and lines[0].startswith("CRITICAL: tenant never is refused: ")


@pytest.mark.parametrize("days, status, text", [
    ("40", 0, None), ("20", 1, "WARNING: tenant a: a certificate expires in 20.0 days, on "),
    ("0", 2, "CRITICAL: tenant a: a certificate has expired on ")])
def test_a_certificate_that_expires(gateway, namespace, authority, days, status, text):
    authority.issue_client(f"check{days}", "-days", days)
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, f"check{days}", 'return 200 "a";')))
    gateway.start()
    becomes(gateway, status, *([text] if text else []))


def test_servers_that_are_down(gateway, namespace, echo):
    first, second = free_port(), free_port()
    upstream = f"""
        upstream pool {{ server {echo.address}; server 127.0.0.1:{first} fail_timeout=600s; }}
        upstream none {{ server 127.0.0.1:{first} fail_timeout=600s;
                         server 127.0.0.1:{second} fail_timeout=600s; }}"""
    gateway.tenant("a", texts.plain(namespace, "location / { proxy_pass http://pool; } "
                                    "location /none { proxy_pass http://none; }",
                                    settings=upstream))
    gateway.settings["worker_processes"] = "1"
    gateway.write_main()
    gateway.start()
    for _ in range(2):
        assert fetch(namespace, ("127.0.0.1", 8080)).status == 200
    becomes(gateway, 1, f"WARNING: tenant a: server 127.0.0.1:{first} of upstream pool is down")
    assert fetch(namespace, ("127.0.0.1", 8080), "/none").status == 502
    becomes(gateway, 2, "CRITICAL: tenant a: no server of upstream none is up",
            f"WARNING: tenant a: server 127.0.0.1:{first} of upstream pool is down")


def test_the_last_reload(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()
    gateway.tenant("no name", "netns;\n")
    gateway.reload()
    becomes(gateway, 1, "WARNING: not all of the last reload is in force")
    gateway.remove_tenant("no name")
    gateway.write_main("nonsense;\n")
    gateway.reload()
    becomes(gateway, 1, "WARNING: the last reload was refused")
    gateway.write_main()
    gateway.reload()
    becomes(gateway, 0)


def test_workers_that_end_as_fast_as_they_are_started(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "a";'))
    gateway.start()

    def is_told():
        for worker in gateway.workers():
            os.kill(worker, signal.SIGKILL)
        code, lines = check(gateway)
        return code in (1, 2) and any("of 2 workers are ready" in line for line in lines)
    wait_for(is_told, 20, "workers are missing")
    becomes(gateway, 0)


def asked(path):
    return subprocess.run([BINARY, "--socket", path, "-s", "status", "--check"],
                          capture_output=True, text=True, timeout=60)


def test_without_an_answer_nothing_is_known(gateway, tmp_path):
    code, lines = check(gateway)
    assert code == 3 and len(lines) == 1 and "not running" in lines[0]
    result = asked("/nowhere")
    assert result.returncode == 3 and "/nowhere" in result.stdout and result.stderr == ""

    class Silent(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(64)
            self.request.sendall(self.server.says)

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "said"), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for server.says, text in ((b"", "does not answer"),
                                  (b"hello\t1.0\t7\t0\ngateway\tpid=7\n", "went away"),
                                  (b"hello\t1.0\t7\t0\nerror\tending\nend\t1\n", "ending")):
            result = asked(str(tmp_path / "said"))
            assert result.returncode == 3 and text in result.stdout and result.stderr == ""
        server.shutdown()
