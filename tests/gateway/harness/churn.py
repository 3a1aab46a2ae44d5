# SPDX-License-Identifier: MIT
"""A host in small, where everything changes all the time: tenants that come, go and break, with a
model that knows for each of them what must be true."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time

from . import netns, texts
from .backend import free_port
from .certs import peer_serial
from .client import Connection
from .client import fetch
from .gateway import BINARY, Gateway, is_sanitized, wait_for
from .names import NameServer

# Seconds in which a connection may break because its worker was killed.
AFTERMATH = 2.0


class CalmLoad:
    """Requests of tenants that nobody touches, over kept and over fresh connections. What fails is
    kept with its time, since a killed worker takes its connections along."""

    def __init__(self, targets, context, threads=4, pause=0.01):
        self.failures, self.done, self.ending = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True,
                                         args=(*targets[number % len(targets)], context,
                                               number % 2 == 0, pause))
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)

    def _run(self, namespace, name, body, context, keeps, pause):
        connection = None
        while not self.ending.is_set():
            try:
                if connection is None:
                    connection = Connection(namespace, texts.ADDRESS, context, name, timeout=20)
                response = connection.ask("/")
                if response.status != 200 or response.body != body:
                    self.failures.append((time.monotonic(),
                                          f"{name}: {response.status} {response.body!r}"))
                self.done += 1
                if not keeps or response.headers.get("Connection") == "close":
                    connection.close()
                    connection = None
            except Exception as error:  # any of them is a failed request
                self.failures.append((time.monotonic(), f"{name}: {error!r}"))
                connection = None
            time.sleep(pause)


class Tenant:
    """What is on the disk, and what must be in force."""

    def __init__(self, number):
        self.name = f"t{number:02}.test"
        self.namespace = f"{netns.PREFIX}t{number:02}"
        self.is_there = False      # its namespace
        self.lives = 0             # how often it was made
        self.file = None           # "good", "broken" or None
        self.revision = 0          # on the disk
        self.in_force = None       # (revision, certificate's serial) of the last good version


class Churn:
    """The operations. Each changes the world, then the model, and checks the tenant it touched."""

    def __init__(self, folder, authority, seed, tenants=45, calm=5):
        self.random = random.Random(seed)
        self.authority = authority
        self.context = authority.context()
        self.binary = pathlib.Path(folder) / "nsgate"
        shutil.copy(BINARY, self.binary)
        self.gateway = Gateway(folder, binary=self.binary, worker_shutdown_timeout="3s",
                               log_level="info")
        self.workers = 2
        self.kills = []
        self.said = []
        self.peers = netns.make("peers")
        self.names = NameServer(self.gateway.folder)
        self.swaps = [free_port(), free_port()]
        self.late, self.late_port, self.echo = 0, free_port(), free_port()
        self.write_swaps()
        self.write_late("127.0.0.1")
        self.tenants = [Tenant(number) for number in range(tenants)]
        self.calm = [Tenant(number) for number in range(tenants, tenants + calm)]
        for tenant in self.tenants + self.calm:
            self.make_namespace(tenant)
            self.write(tenant)
            tenant.in_force = (tenant.revision, authority.serial(tenant.name))

    # -- the world --

    def make_namespace(self, tenant):
        """With a veth pair, whose other end vanishes when the kernel has freed the namespace."""
        netns.make_again(tenant.namespace)
        tenant.lives += 1
        netns.run("ip", "-n", self.peers, "link", "add", self.peer(tenant), "type", "veth", "peer",
                  "name", "eth0", "netns", tenant.namespace)
        tenant.is_there = True

    @staticmethod
    def peer(tenant):
        return f"nsg-{tenant.name[:3]}-{tenant.lives}"

    def delete_namespace(self, tenant):
        netns.delete(tenant.namespace)
        tenant.is_there = False

    def peers_left(self):
        lines = netns.run("ip", "-n", self.peers, "-o", "link").stdout.splitlines()
        return {line.split(": ")[1].split("@")[0] for line in lines} - {"lo"}

    def expect_freed(self, tenant, peer=None):
        peer = peer or self.peer(tenant)
        wait_for(lambda: peer not in self.peers_left(), 3, f"the kernel frees {tenant.namespace}")

    def write(self, tenant, broken=False):
        tenant.revision += 1
        body = f'location / {{ return 200 "{tenant.name} {tenant.revision}"; }}'
        if broken:
            body = body.replace("return", "retrun")
        self.gateway.tenant(tenant.name, texts.tenant(
            tenant.namespace, texts.tls_server(self.authority, tenant.name, body)))
        tenant.file = "broken" if broken else "good"

    def command(self, *words, seconds=60):
        return subprocess.run([self.binary, "-c", self.gateway.folder / "nsgate.conf", "-s", *words],
                              capture_output=True, text=True, timeout=seconds)

    def write_swaps(self):
        """Two tenants of the host, whose addresses are exchanged."""
        for number, port in enumerate(self.swaps):
            self.gateway.tenant(f"swap{number}", texts.plain(
                "host", f'return 200 "swap{number}";', f"127.0.0.1:{port}"))

    def write_late(self, host):
        """One of the host whose server has a name; it answers for itself, by another server."""
        self.gateway.tenant("late", texts.tenant(
            "host", f'server {{ listen 127.0.0.1:{self.echo}; return 200 "late {self.late}"; }}',
            f"server {{ listen 127.0.0.1:{self.late_port};"
            f" location / {{ proxy_pass http://{host}:{self.echo}; }} }}"))

    # -- what must be true --

    def serves(self, tenant):
        return tenant.is_there and tenant.in_force is not None

    def ask(self, tenant):
        """What the tenant answers and with which certificate; None when nobody listens."""
        connection = Connection(tenant.namespace, texts.ADDRESS, self.context, tenant.name)
        try:
            connection.connect()
            serial = peer_serial(connection.sock)
            return connection.ask("/").body.decode(), serial
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def expected(self, tenant):
        if not self.serves(tenant):
            return None
        revision, serial = tenant.in_force
        return f"{tenant.name} {revision}", serial

    def check(self, tenant):
        """As a client of the tenant sees it."""
        if tenant.is_there:
            seen = self.ask(tenant)
            assert seen == self.expected(tenant), \
                f"{tenant.name}: {seen}, not {self.expected(tenant)}; {self.said[-5:]}"

    def expect_served(self, tenant, seconds=1.0):
        """Within the time that a namespace's appearing may take."""
        if self.serves(tenant):
            wait_for(lambda: self.ask(tenant) is not None, seconds, f"{tenant.name} is served")
        self.check(tenant)

    def status(self):
        answer = self.command("status", "--json")
        assert answer.returncode in (0, 1, 2), answer.stderr
        return {row["tenant"]: row for row in json.loads(answer.stdout)["tenants"]}

    def expected_state(self, tenant):
        if tenant.file is None:
            return None
        if tenant.in_force is None:
            return "refused"
        return "serving" if tenant.is_there else "waiting"

    def check_status(self):
        """As the operator sees them all."""
        def differences():
            rows = self.status()
            states = {tenant.name: self.expected_state(tenant)
                      for tenant in self.tenants + self.calm}
            return {name: (rows.get(name, {}).get("state"), state) for name, state in states.items()
                    if rows.get(name, {}).get("state") != state}
        wait_for(lambda: not differences(), 3, f"states as they must be: {differences()}")

    def check_load(self, load):
        """Failures of calm tenants: none but those that a killed worker took along."""
        unforgiven = [text for when, text in load.failures
                      if not any(0 <= when - kill < AFTERMATH for kill in self.kills)]
        assert not unforgiven, f"{unforgiven[:5]}; {self.said[-5:]}"

    # -- operations --

    def pick(self, condition):
        candidates = [tenant for tenant in self.tenants if condition(tenant)]
        return self.random.choice(candidates) if candidates else None

    def reload(self, outcome, tenant):
        """By command, which tells of each tenant what became of it."""
        answer = self.command("reload")
        lines = answer.stdout.splitlines()
        if outcome is not None:
            assert any(line.split(":")[0] == f"{outcome} {tenant.name}" for line in lines), \
                f"{outcome} {tenant.name}: {answer.stdout}{answer.stderr}"
        refused = any(other.file == "broken" for other in self.tenants)
        waits = any(self.expected_state(other) == "waiting" for other in self.tenants) or \
            outcome == "added" and not tenant.is_there
        assert answer.returncode == (1 if refused else 2 if waits else 0), \
            answer.stdout + answer.stderr

    def do_delete(self):
        tenant = self.pick(lambda tenant: tenant.is_there)
        self.delete_namespace(tenant)
        self.expect_freed(tenant)
        return tenant

    def do_add(self):
        tenant = self.pick(lambda tenant: not tenant.is_there)
        if tenant:
            self.make_namespace(tenant)
            self.expect_served(tenant)
        return tenant

    def do_recreate(self):
        tenant = self.pick(lambda tenant: tenant.is_there)
        peer = self.peer(tenant)
        self.delete_namespace(tenant)
        self.make_namespace(tenant)
        self.expect_served(tenant)
        self.expect_freed(tenant, peer)
        return tenant

    def do_certificate(self):
        tenant = self.pick(lambda tenant: tenant.file == "good")
        self.authority.issue(tenant.name)
        self.reload("changed", tenant)
        tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
        self.check(tenant)
        return tenant

    def do_change(self):
        tenant = self.pick(lambda tenant: tenant.file == "good")
        self.write(tenant)
        self.reload("changed", tenant)
        tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
        self.check(tenant)
        return tenant

    def do_break(self):
        tenant = self.pick(lambda tenant: tenant.file == "good")
        self.write(tenant, broken=True)
        self.reload("refused", tenant)
        self.check(tenant)
        return tenant

    def do_mend(self):
        tenant = self.pick(lambda tenant: tenant.file == "broken")
        if tenant:
            self.write(tenant)
            self.reload("changed" if tenant.in_force else "added", tenant)
            tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
            self.check(tenant)
        return tenant

    def do_remove(self):
        tenant = self.pick(lambda tenant: tenant.file is not None)
        self.gateway.remove_tenant(tenant.name)
        tenant.file = None
        self.reload("removed" if tenant.in_force else None, tenant)
        tenant.in_force = None
        if tenant.is_there:
            wait_for(lambda: self.ask(tenant) is None, 2, f"{tenant.name} is gone")
        return tenant

    def do_return(self):
        tenant = self.pick(lambda tenant: tenant.file is None)
        if tenant:
            broken = self.random.random() < 0.2
            self.write(tenant, broken)
            self.reload("refused" if broken else "added", tenant)
            if not broken:
                tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
            self.check(tenant)
        return tenant

    def do_kill(self):
        victim = self.random.choice(self.gateway.workers())
        self.kills.append(time.monotonic())
        # A sanitizer would take the second one for a finding.
        os.kill(victim, signal.SIGKILL if is_sanitized() else
                self.random.choice([signal.SIGKILL, signal.SIGSEGV]))
        wait_for(lambda: victim not in self.gateway.workers() and
                 len(self.gateway.workers()) >= self.workers, 2, "a new worker")

    def do_generation(self):
        self.workers = 5 - self.workers  # 2 and 3 in turn
        self.gateway.settings["worker_processes"] = str(self.workers)
        self.gateway.write_main()
        self.reload(None, None)

    def do_upgrade(self):
        fresh = self.binary.with_name("nsgate.new")
        shutil.copy(BINARY, fresh)
        fresh.rename(self.binary)
        at = self.gateway.log_size()
        pid, before = self.gateway.pid, set(self.gateway.workers())
        answer = self.command("upgrade")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert self.gateway.process.poll() is None and self.gateway.pid == pid
        wait_for(lambda: len(set(self.gateway.workers()) - before) >= self.workers, 10,
                 "the new binary's workers")
        self.gateway.wait_log(r"reload done", 10, at)  # it looks at the files, too

    def do_away(self):
        """The tenants' folder is away for a moment: nobody is removed."""
        folder, away = self.gateway.folder / "tenants", self.gateway.folder / "away"
        folder.rename(away)
        answer = self.command("reload")
        assert answer.returncode == 1 and "it would remove" in answer.stdout, answer
        at = self.gateway.log_size()
        os.kill(self.gateway.pid, signal.SIGHUP)
        self.gateway.wait_log("reload refused: it would remove", 10, at)
        away.rename(folder)
        self.reload(None, None)

    def do_swap(self):
        self.swaps.reverse()
        self.write_swaps()
        self.reload(None, None)
        for number, port in enumerate(self.swaps):
            assert fetch(None, ("127.0.0.1", port)).body.decode() == f"swap{number}"

    def do_late(self):
        """A name that resolves a moment after the reload that brings it."""
        self.late += 1
        name = f"n{self.late}.test"
        self.write_late(name)
        answer = self.command("reload")
        assert "waiting late: " in answer.stdout and name in answer.stdout, answer
        assert answer.returncode != 0
        self.names.names[name] = ["127.0.0.1"]
        wait_for(lambda: fetch(None, ("127.0.0.1", self.late_port)).body.decode() ==
                 f"late {self.late}", 10, f"{name} is served")

    def do_resolver(self):
        """The resolver is killed while it examines: that is nobody's fault."""
        tenant = self.pick(lambda tenant: tenant.file == "good")
        self.authority.issue(tenant.name)
        asking = subprocess.Popen([self.binary, "-c", self.gateway.folder / "nsgate.conf", "-s",
                                   "reload"], stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            victims = []
            while asking.poll() is None and not victims:
                victims = [pid for pid in self.gateway.children()
                           if self.gateway.role(pid) == "resolver"]
            for victim in victims:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        said = asking.communicate(timeout=60)[0]
        assert f"changed {tenant.name}\n" in said, said
        tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
        self.check(tenant)
        return tenant

    def do_hups(self):
        """Reloads faster than drains: those end all the same."""
        self.do_generation()

        def has_drained():
            os.kill(self.gateway.pid, signal.SIGHUP)
            time.sleep(0.1)
            return len(self.gateway.workers()) == self.workers
        wait_for(has_drained, 8, "old workers end while others ask for reloads")
        self.reload(None, None)

    WEIGHTS = {"delete": 12, "add": 12, "recreate": 10, "certificate": 14, "change": 14, "break": 8,
               "mend": 8, "remove": 5, "return": 5, "kill": 5, "generation": 2, "upgrade": 3,
               "away": 3, "swap": 5, "late": 2, "resolver": 4, "hups": 2}

    def step(self):
        """One operation, then a look at what it should have left alone."""
        name = self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
        self.said.append(name)
        tenant = getattr(self, f"do_{name}")()
        if tenant:
            self.said[-1] += f" {tenant.name}"
        for other in self.random.sample(self.tenants, 2):
            self.check(other)

    def settle(self):
        """Brings everything back to where it was at the start."""
        for tenant in self.tenants:
            if not tenant.is_there:
                self.make_namespace(tenant)
            if tenant.file != "good":
                self.write(tenant)
                tenant.in_force = (tenant.revision, self.authority.serial(tenant.name))
        self.workers = 2
        self.gateway.settings["worker_processes"] = "2"
        self.gateway.write_main()
        self.reload(None, None)
        for tenant in self.tenants:
            self.expect_served(tenant)
        wait_for(lambda: len(self.gateway.workers()) == self.workers, 10, "old workers are gone")

    def holdings(self):
        """Descriptors and kilobytes of the processes that stay, by role."""
        wait_for(lambda: all(self.gateway.role(pid) != "resolver"
                             for pid in self.gateway.children()), 5, "the resolver leaves")
        workers = sorted(self.gateway.workers())
        return {"descriptors": [self.gateway.descriptors(self.gateway.pid),
                                *(self.gateway.descriptors(pid) for pid in workers)],
                "memory": [self.gateway.memory(self.gateway.pid),
                           *(self.gateway.memory(pid) for pid in workers)]}


def operations():
    """How many: a day in small, and less where every process is ten times slower."""
    return int(os.environ.get("NSGATE_CHURN", "60" if is_sanitized() else "300"))
