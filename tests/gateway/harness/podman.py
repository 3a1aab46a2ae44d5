# SPDX-License-Identifier: MIT
"""Real containers: podman with a store, a network namespace and an engine of the tests' own.

The engine and its bridges live in a namespace, so that the host's devices, routes and packet filter
stay as they are; the containers' own namespaces are made as they are everywhere."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from . import netns
from .gateway import wait_for

BUSYBOX = "/bin/busybox"
SUBNET = "10.89.77"
TIED = "10.89.78"


def is_here():
    return shutil.which("podman") and shutil.which("runc") and os.path.exists(BUSYBOX)


class Podman:
    def __init__(self):
        netns.claim_host("podman")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nsg-podman-"))
        self.socket = self.folder / "podman.sock"
        self.namespace = netns.make("engine")
        self.service = None
        self.made = 0
        self.has_bridge = False
        self.rootfs = self.folder / "rootfs"
        (self.rootfs / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, self.rootfs / "bin" / "busybox")
        self.network = f"{netns.PREFIX}net"
        self.options = [
            "nsenter", f"--net=/run/netns/{self.namespace}", "podman", "--root",
            str(self.folder / "root"), "--runroot", str(self.folder / "run"), "--tmpdir",
            str(self.folder / "tmp"), "--network-config-dir", str(self.folder / "networks"),
            "--storage-driver=vfs", "--runtime", "runc", "--cgroup-manager=cgroupfs",
            "--events-backend=file"]
        (self.folder / "networks").mkdir()

    def podman(self, *arguments):
        done = subprocess.run([*self.options, *arguments], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, f"podman {arguments}: {done.stderr}"
        return done.stdout

    # -- the engine --

    def serve(self):
        log = open(self.folder / "service.log", "ab")
        self.service = subprocess.Popen(
            [*self.options, "system", "service", "--time", "0", f"unix://{self.socket}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for(self.socket.exists, 20, "the engine's socket")

    def stop_serving(self):
        if self.service:
            self.service.send_signal(signal.SIGKILL)
            self.service.wait()
            self.service = None
            self.socket.unlink(missing_ok=True)

    # -- containers --

    def new_name(self):
        self.made += 1
        return f"{netns.PREFIX}c{self.made}"

    def run(self, name=None, network="none"):
        """A container that sleeps; returns its name."""
        name = name or self.new_name()
        self.podman("run", "-d", "--name", name, "--network", network, "--ulimit",
                    "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--stop-timeout", "1",
                    "--rootfs", str(self.rootfs), "/bin/busybox", "sleep", "10000")
        return name

    def bridge(self):
        """A bridge that containers can be on, with an address of the engine's namespace."""
        if self.has_bridge:
            return self.network
        self.has_bridge = True
        self.podman("network", "create", "--internal", "--disable-dns", "--subnet",
                    f"{SUBNET}.0/24", self.network)
        path = self.folder / "networks" / f"{self.network}.json"
        text = json.loads(path.read_text())
        text["network_interface"] = "nsg-bridge"
        path.write_text(json.dumps(text))
        return self.network

    def raise_bridge(self):
        """Its address, once the first container has made it."""
        netns.run("ip", "-n", self.namespace, "addr", "add", f"{SUBNET}.254/24", "dev", "nsg-bridge")

    def tie(self, device, name):
        """A device here whose other end is in the container: it goes when the kernel frees the
        container's namespace, and not before. Returns the other end's address."""
        place = self.place(name)
        netns.run("ip", "-n", self.namespace, "link", "add", device, "type", "veth", "peer", "name",
                  "tied", "netns", self.inspect(name, ".State.Pid"))
        for where, end, number in ((f"/run/netns/{self.namespace}", device, 1), (place, "tied", 2)):
            ip = ["nsenter", f"--net={where}", "ip"]
            netns.run(*ip, "addr", "add", f"{TIED}.{number}/24", "dev", end)
            netns.run(*ip, "link", "set", end, "up")
        return f"{TIED}.2"

    def is_tied(self, device):
        return netns.run("ip", "-n", self.namespace, "link", "show", device,
                         check=False).returncode == 0

    def inspect(self, name, what):
        return self.podman("inspect", "--format", "{{" + what + "}}", name).strip()

    def place(self, name):
        """What leads into its network namespace."""
        return f"/proc/{self.inspect(name, '.State.Pid')}/ns/net"

    def remove_all(self):
        self.podman("rm", "-a", "-f", "-t", "0")

    def _processes(self, word=b""):
        """Its own processes (with that word in their command): a container's end is cleaned up in
        the background."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes()
            except OSError:
                continue
            if str(self.folder).encode() in command and word in command:
                found.append(int(path.parent.name))
        return found

    def end_sessions(self):
        """Ends what is kept of each `exec` over the engine's socket, for five minutes otherwise."""
        for pid in self._processes(b"--exec-attach"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        try:
            self.stop_serving()
            self.end_sessions()
            self.remove_all()
            # Twice: one may begin behind the look.
            wait_for(lambda: not self._processes() and not self._processes(), 20, "podman's end")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            netns.delete(self.namespace)
