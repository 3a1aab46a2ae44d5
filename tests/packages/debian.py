# SPDX-License-Identifier: MIT
"""What the packages of this machine bring, and which of them a fresh one would have."""

import copy
import functools
import os
import pathlib
import re
import shutil
import subprocess

# Where packages put programs: what stands in /usr/local is this machine's own.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@functools.cache
def find_program(name):
    return shutil.which(name, path=PATH)


@functools.cache
def _owners():
    """Each file's package, as dpkg -S tells it, but all at once."""
    owners = {}
    for listing in pathlib.Path("/var/lib/dpkg/info").glob("*.list"):
        package = listing.name.removesuffix(".list").split(":")[0]
        owners.update((path, package) for path in listing.read_text().splitlines())
    return owners


def _owner(path):
    """The file's package; folders of before the merge of /usr may be in the name it has there."""
    for name in (path, os.path.realpath(path)):
        for known in (name, name.removeprefix("/usr")):
            if known in _owners():
                return _owners()[known]
    return None


def _parse(text):
    """Dependencies: a list of lists of alternatives, without versions and architectures."""
    return [[re.split(r"[ (:]", part.strip())[0] for part in group.split("|")]
            for group in text.split(",") if group.strip()]


class Debian:
    def __init__(self, script):
        self.script = script
        self.removed = set()
        self.needs, self.provided, self.minimal = {}, {}, set()
        fields = "${Package}\t${Essential}\t${Priority}\t${Pre-Depends},${Depends}\t${Provides}\n"
        lines = subprocess.run(["dpkg-query", "-W", "-f", fields], check=True, capture_output=True,
                               text=True).stdout
        for line in lines.splitlines():
            package, essential, priority, needs, provided = line.split("\t")
            self.needs[package] = _parse(needs)
            for alternatives in _parse(provided):
                self.provided.setdefault(alternatives[0], []).append(package)
            # What debootstrap --variant=minbase installs.
            if essential == "yes" or priority == "required" or package == "apt":
                self.minimal.add(package)

    def without(self, package):
        """The same machine, with a list that lacks the package."""
        other = copy.copy(self)
        other.removed = self.removed | {package}
        return other

    def package_of(self, name):
        """Of a program, or of a file with its path; None if there is none."""
        path = name if name.startswith("/") else find_program(name)
        return _owner(path) if path else None

    def _choose(self, alternatives, have):
        """The one of the alternatives that apt takes: what is there already, or else the first."""
        real = [package for name in alternatives
                for package in ([name] if name in self.needs else self.provided.get(name, []))]
        return next((package for package in real if package in have), real[0] if real else None)

    @functools.cache
    def brought_by(self, kind):
        listed = subprocess.run([self.script, "--list", kind], check=True, capture_output=True,
                                text=True).stdout.split()
        have = set()
        todo = [*self.minimal, *(package for package in listed if package not in self.removed)]
        while todo:
            package = todo.pop(0)
            if package in have:
                continue
            have.add(package)
            chosen = (self._choose(group, have | set(todo)) for group in self.needs.get(package, []))
            todo.extend(name for name in chosen if name)
        return have
