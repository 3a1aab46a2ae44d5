# SPDX-License-Identifier: MIT
"""A running nsgate: its files, its log, its processes, and the promises every test checks at the
end (clean exit, no sanitizer report)."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

from . import netns
from .proc import open_files
from .watch import Watch

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("NSGATE_BINARY", str(ROOT / "build" / "bin" / "nsgate"))
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehavior|Assertion|"
                    r"sandbox: system call")


def is_sanitized():
    return bool(os.environ.get("NSGATE_SANITIZED"))


def wait_for(condition, seconds=10, what="condition"):
    """Polls until condition() is true and returns its value. On a busy machine it waits longer. Where
    our own short sleep took a second the machine stood still, also for the gateway: the time begins
    anew."""
    watch = Watch()
    limit = seconds * (4 if is_sanitized() else 1)
    while True:
        value = condition()
        if value:
            return value
        assert watch.lasts(limit), f"{what}: not within {seconds} s"
        begun = time.monotonic()
        time.sleep(0.01)
        if time.monotonic() - begun > 1:
            watch = Watch()


class Gateway:
    def __init__(self, folder, binary=BINARY, **settings):
        self.binary = binary
        self.folder = pathlib.Path(folder)
        os.chmod(self.folder, 0o755)
        (self.folder / "tenants").mkdir(exist_ok=True)
        self.log_path = self.folder / "error.log"
        self.process = None
        self.is_broken_out = False  # whether the sandbox is meant to speak
        self.settings = {"user": "nobody", "worker_processes": "2", "pid": "nsgate.pid",
                         "worker_shutdown_timeout": "5s", "tenants": "tenants/*.conf"}
        if os.environ.get("NSGATE_SANDBOX"):  # log: what the list of system calls lacks
            self.settings["sandbox"] = os.environ["NSGATE_SANDBOX"]
        self.settings.update(settings)
        self.log_level = self.settings.pop("log_level", "info")
        self.extra = self.settings.pop("extra", "")
        self.write_main()

    # -- configuration --

    def write_main(self, text=None):
        if text is None:
            lines = [f"{name} {value};" for name, value in self.settings.items()]
            text = "\n".join(lines) + f"\nerror_log stderr {self.log_level};\n{self.extra}\n"
        self.replace(self.folder / "nsgate.conf", text)

    def tenant(self, name, text):
        """Writes or replaces a tenant's file."""
        if re.search(r"\bnetns host;", text):
            netns.claim_host("the host's ports")
        self.replace(self.folder / "tenants" / f"{name}.conf", text)

    def remove_tenant(self, name):
        (self.folder / "tenants" / f"{name}.conf").unlink()

    @staticmethod
    def replace(path, text):
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        fresh.rename(path)

    # -- life --

    def start(self, wait=True, prefix=(), env=None, stdin=subprocess.DEVNULL):
        log = open(self.log_path, "ab")
        environment = {**os.environ, **(env or {})}
        environment.setdefault("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=1")
        self.process = subprocess.Popen(
            [*prefix, self.binary, "-c", str(self.folder / "nsgate.conf")], stdin=stdin,
            stdout=log, stderr=log, env=environment, start_new_session=True)
        log.close()
        if wait:
            self.wait_log(r"\bstarted: ", 60)
        return self

    def stop(self, how=signal.SIGTERM, seconds=15):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                wait_for(lambda: self.process.poll() is not None, seconds, f"the end by {how!r}")
            except AssertionError as error:
                self.kill()
                raise AssertionError(f"{error}\n{self.tail()}") from None
        process, self.process = self.process, None
        text = self.log()
        if self.is_broken_out:
            text = text.replace("sandbox: system call", "")
        assert not REPORT.search(text), f"a sanitizer, an assertion or the sandbox spoke:\n{self.tail(200)}"
        assert process.returncode == 0, f"exit status {process.returncode}\n{self.tail()}"

    def kill(self):
        for pid in [*self.children(), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None

    def reload(self, seconds=30):
        """HUP, and the line that tells how it went."""
        at = self.log_size()
        os.kill(self.pid, signal.SIGHUP)
        return self.wait_log(r"reload (done|refused).*", seconds, at)

    def reload_whatever(self):
        """A reload that may remove all tenants, and the line that tells how it went."""
        return self.ask("reload", "--force").stdout.splitlines()[-1]

    def ask(self, *arguments, seconds=60):
        """nsgate -s ...: the finished process, with its output as text."""
        return subprocess.run([BINARY, "-c", str(self.folder / "nsgate.conf"), "-s", *arguments],
                              capture_output=True, text=True, timeout=seconds)

    def statuses(self):
        """-s status --json: the whole object, and its tenants by name. Its exit status is the worst
        that it shows."""
        result = self.ask("status", "--json")
        whole = json.loads(result.stdout)
        states = {tenant["state"] for tenant in whole["tenants"]}
        if result.returncode != 1:
            assert result.returncode == (0 if states <= {"serving"} else 2), result
            assert "refused" not in states
        return whole, {tenant["tenant"]: tenant for tenant in whole["tenants"]}

    # -- log --

    def log(self, since=0):
        with open(self.log_path, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def log_size(self):
        return self.log_path.stat().st_size

    def tail(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, pattern, seconds=10, since=0):
        """Waits for a line; returns what the pattern matched."""
        compiled = re.compile(pattern)

        def look():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"nsgate ended while waiting for {pattern!r}\n{self.tail()}")
            return compiled.search(self.log(since))

        try:
            return wait_for(look, seconds, pattern).group(0)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    # -- processes --

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

    def processes(self):
        return [self.pid, *self.children()]

    def role(self, pid):
        try:
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return "gone"
        return arguments[2].decode() if b"--role" in arguments else "supervisor"

    def workers(self):
        return [pid for pid in self.children() if self.role(pid) == "worker"]

    @staticmethod
    def descriptors(pid):
        return len(open_files(pid))

    @staticmethod
    def memory(pid, field="Pss"):
        """Kilobytes, of smaps_rollup."""
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1))

    @staticmethod
    def limit(worker, what, most):
        """prlimit(1) of a worker. As its user: not every root may do that."""
        netns.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                  "prlimit", f"--pid={worker}", f"--{what}={most}:")

    def spent_in_a_second(self):
        """CPU seconds of all workers, in one of the clock."""
        before = sum(map(self.cpu_seconds, self.workers()))
        time.sleep(1)
        return sum(map(self.cpu_seconds, self.workers())) - before

    def footprint(self):
        """Kilobytes of all processes, whatever else runs: anonymous and shared memory, and of each
        mapping of a file what the process with most of it has; but not the C library, which all
        processes of the machine have."""
        anonymous, shared = 0, {}
        for pid in self.processes():
            for head, body in re.findall(r"^[0-9a-f]+-[0-9a-f]+ (.*)\n((?:[A-Z].*\n)+)",
                                         pathlib.Path(f"/proc/{pid}/smaps").read_text(), re.MULTILINE):
                sizes = dict(re.findall(r"^(\w+): +(\d+) kB", body, re.MULTILINE))
                anonymous += int(sizes["Anonymous"])
                if not re.search(r"/(libc|libm|ld-linux[^/]*)\.so", head):
                    backed = int(sizes["Rss"]) - int(sizes["Anonymous"])
                    shared[head] = max(backed, shared.get(head, 0))
        return anonymous + sum(shared.values())

    @staticmethod
    def cpu_seconds(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
