# SPDX-License-Identifier: MIT
"""Holds the tree to src/floors: who includes whom, what a room's door is, and how files begin."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)
LIBRARIES = {"openssl/": {"tls"}, "nghttp2/": {"h2"}, "pcre2.h": {"tenant"},
             "ares.h": {"resolver"}, "cap-ng.h": {"ipc", "supervisor"},
             "jansson.h": {"main", "resolver"}}


def floors():
    found = {}
    for line in (ROOT / "src" / "floors").read_text().splitlines():
        if line and not line.startswith("#"):
            number, *rooms = line.split()
            found.update({room: int(number) for room in rooms})
    return found


FLOORS = floors()
SOURCES = sorted([*ROOT.glob("src/*/**/*.[ch]"), *ROOT.glob("include/*/*.h")])


def room_of(path):
    """A room may have folders of its own in src."""
    return path.relative_to(ROOT).parts[1]


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in SOURCES}
    assert rooms, "there are no sources"
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source(path):
    room = room_of(path)
    text = path.read_text()
    lines = text.splitlines()
    assert lines[0] == "/* SPDX-License-Identifier: MIT */"
    assert lines[1].startswith("/* "), "the second line says what the file does"
    for quote, name in INCLUDE.findall(text):
        for library, users in LIBRARIES.items():
            if name.startswith(library):
                assert room in users, f"only {users} may include <{name}>"
        if quote == "<":
            continue
        assert not name.endswith(".c"), f"includes the source {name}"
        if "/" not in name or name.endswith("_internal.h"):
            own = (ROOT / "src" / room / name).exists() or name == "version.h"
            assert own, f"\"{name}\" is not in src/{room}"
            continue
        other = name.split("/")[0]
        assert (ROOT / "include" / name).exists(), f"there is no include/{name}"
        if other != room:
            assert FLOORS[other] < FLOORS[room], f"{room} may not include {name}"


def test_every_source_has_its_unit_test():
    missing = [str(path.relative_to(ROOT)) for path in ROOT.glob("src/*/**/*.c")
               if room_of(path) != "main" and not
               (ROOT / "tests" / "unit" / path.relative_to(ROOT / "src").parent /
                f"{path.stem}_test.c").exists()]
    assert not missing


def test_no_file_is_two_files():
    long = {str(path.relative_to(ROOT)): count for path in SOURCES
            if (count := len(path.read_text().splitlines())) > 700}
    assert not long


def test_no_global_name_stands_twice():
    """Static libraries share one namespace: of two equal names the linker silently takes one."""
    definition = re.compile(r"^(?!static|typedef|extern)[\w][\w \t*]*?\b(\w+)\((?:[^;{]*)\)\n\{", re.M)
    seen = {}
    for path in sorted(ROOT.glob("src/*/**/*.c")):
        for name in definition.findall(path.read_text()):
            seen.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert len(seen) > 200, "the pattern finds functions"
    assert not {name: places for name, places in seen.items() if len(places) > 1}
