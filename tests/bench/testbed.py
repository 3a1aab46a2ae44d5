# SPDX-License-Identifier: MIT
"""What a measurement stands on: certificates, the programs of the load, processors, two tenants'
namespaces, and a backend for each tenant."""

import atexit
import os
import pathlib
import subprocess
import time

from harness import netns
from harness.backend import free_port
from harness.certs import Authority
from harness.client import fetch

LOAD = pathlib.Path(__file__).resolve().parent / "load"
BACKEND = """
daemon off; user root; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/backend.pid;
error_log {folder}/backend.log;
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {content};
        location = /small {{ return 200 "nineteen bytes long"; }}
    }}
}}
"""


def end(process):
    """It has a few seconds to end by itself."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ahead(processors, nice, *more):
    """The beginning of a command that goes before what else this machine does. Kernels with
    autogroups compare nice values within a session only, and sessions by the value in that file."""
    return ["taskset", "-c", processors, "nice", "-n", str(nice), *more, "sh", "-c",
            f'echo {nice} 2>/dev/null >/proc/$$/autogroup; exec "$@"', "sh"]


class Testbed:
    """The gateway has one processor, all others are for load and backends; the neighbour and its
    backend go before the load there. What is measured is the gateway, not who else waits for a
    processor."""

    __test__ = False  # pytest would take it for tests by its name

    def __init__(self, folder):
        self.processes, self.namespaces = [], {}
        atexit.register(self.close)  # also if it does not come about
        self.folder = pathlib.Path(folder)
        processors = [str(number) for number in sorted(os.sched_getaffinity(0))]
        others = ",".join(processors[1:] or processors)
        self.for_gateway = ahead(processors[0], -20)
        self.for_load = ahead(others, -15)
        self.for_neighbour = ahead(others, -15, "chrt", "-f", "10")
        self.processors = {"gateway": processors[0], "load": others}
        self.authority = Authority(self._make("ca"))
        for name in ("a.test", "b.test"):
            certificate, key = self.authority.issue(name)
            (self.folder / f"{name}.pem").write_text(certificate.read_text() + key.read_text())
        self.programs = self._make("programs")
        for name in ("probe", "flood", "echo"):
            subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", self.programs / name,
                            LOAD / f"{name}.c", LOAD / "session.c", "-lssl", "-lcrypto"], check=True)
        self.namespaces = {name: netns.make(f"bench-{name}") for name in ("a", "b")}
        self.backends = {"a": self._backend("a", self.for_load),
                         "b": self._backend("b", self.for_neighbour)}
        self.echo = free_port()
        self.run([*self.for_load, self.programs / "echo", str(self.echo)], "echo.log")

    def _make(self, name):
        (self.folder / name).mkdir()
        return self.folder / name

    def run(self, command, log):
        """A process that lives until the end of the testbed, or until it is ended."""
        with open(self.folder / log, "ab") as file:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file, start_new_session=True)
        self.processes.append(process)
        return process

    def _backend(self, name, prefix):
        folder, port = self._make(f"backend-{name}"), free_port()
        (folder / "bulk").write_bytes(os.urandom(1 << 20))
        (folder / "nginx.conf").write_text(BACKEND.format(folder=folder, content=folder, port=port))
        self.run([*prefix, "nginx", "-c", folder / "nginx.conf"], f"backend-{name}.log")
        wait_until_served(None, port, None)
        return port

    def close(self):
        for process in reversed(self.processes):
            end(process)
        for name in self.namespaces.values():
            netns.delete(name)
        atexit.unregister(self.close)


def wait_until_served(namespace, port, context, name="127.0.0.1", seconds=15):
    last = time.monotonic() + seconds
    while True:
        try:
            response = fetch(namespace, ("127.0.0.1", port), "/small", context, name)
            assert response.status == 200, response.status
            return
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.05)
