# SPDX-License-Identifier: MIT
"""What the house allows. Each check gives its breaches as {name: what is wrong}."""

import re

from structure.tree import circles

ROOM_LINES = 3000
ROOM_SOURCES = 16
CIRCLE_SOURCES = 3
# A room's own object, and the one room that may name it.
PRIVATE = {"struct supervisor": "supervisor"}
PARAMETERS = 5
# What a library calls has the library's parameters.
CALLBACKS = {"on_header", "on_invalid_header", "on_data_chunk", "send_data", "read_body",
             "data_length", "tls_hello_on_alpn", "tls_ticket_on_key", "tls_ticket_on_open",
             "wire_on_message"}
# What is written in one way only (CONTRIBUTING.md, Style).
DIALECT = {"a pointer compared with NULL": re.compile(r"[!=]= NULL\b|\bNULL [!=]="),
           "sizeof without parentheses": re.compile(r"\bsizeof\s*[^\s(]|\bsizeof\s+\("),
           "a cast by offset": re.compile(r"\(char \*\)[^;]*-\s*offsetof")}


def circles_of_rooms(tree):
    found = {}
    for how, edges in (("include", tree.room_includes), ("link to", tree.room_links)):
        for circle in circles(edges):
            found[f"circle of rooms: {' '.join(circle)}"] = f"these rooms {how} each other"
    return found


def circles_of_sources(tree):
    found = {}
    for room in tree.rooms:
        large = [circle for circle in circles(tree.calls(room)) if len(circle) > CIRCLE_SOURCES]
        if large:
            found[f"circle of sources: {room}"] = "; ".join(" ".join(circle) for circle in large)
    return found


def sizes(tree, cut):
    """cut: the rooms that may be larger, as long as each of their folders is not."""
    found = {}
    for room in tree.rooms:
        inside = tree.root / "src" / room
        files = {path: len(path.read_text().splitlines())
                 for path in tree.of_room(room) + tree.of_room(room, ".h")}
        for folder in sorted({path.parent for path in files}) if room in cut else [inside]:
            of_it = {path: lines for path, lines in files.items()
                     if folder == path.parent or (folder in path.parents and room not in cut)}
            lines, sources = sum(of_it.values()), sum(path.suffix == ".c" for path in of_it)
            if lines > ROOM_LINES or sources > ROOM_SOURCES:
                found[f"too large: {folder.relative_to(tree.root / 'src')}"] = (
                    f"{lines} lines (most: {ROOM_LINES}), {sources} sources (most: {ROOM_SOURCES})")
    return found


def private_names(tree):
    found = {}
    for name, owner in PRIVATE.items():
        for path, file in tree.files.items():
            room = tree.room_of(path)
            if name in file.words and room != owner:
                found.setdefault(f"{room} names {name}", []).append(tree.name_of(path))
    return found


def dialect(tree):
    found = {}
    for path, file in tree.files.items():
        place = tree.name_of(path)
        for what, pattern in DIALECT.items():
            if place != "include/base/container_of.h" and (hit := pattern.search(file.text)):
                found[f"{what}: {place}"] = f"line {file.text.count(chr(10), 0, hit.start()) + 1}"
        found.update({f"parameters: {name}": f"{count} in {place} (most: {PARAMETERS})"
                      for name, count in file.parameters.items()
                      if count > PARAMETERS and name not in CALLBACKS})
    return found


# ---- docs/ARCHITECTURE.md ----

TICKED = re.compile(r"`([^`]+)`")
MESSAGE = re.compile(r"\bX\(([A-Z_]+),\s*([A-Z_| ]+),\s*([A-Z_| ]+),")


def tables(text):
    """Each table as its rows, each row as its cells; the first is the head."""
    found = []
    for block in re.findall(r"(?:^\|[^\n]*\n)+", text, re.M):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found.append([rows[0], *rows[2:]])
    return found


def described_rooms(tree, text):
    """Each room stands on its floor in the table of rooms, and nothing else does."""
    told = {}
    for head, *rows in tables(text):
        if head[:2] == ["floor", "room"]:
            told.update({room: int(row[0]) for row in rows for room in TICKED.findall(row[1])})
    return {f"floor of {room}": f"the table says {told.get(room)}, src/floors says {floor}"
            for room in sorted({*told, *tree.floors})
            if told.get(room) != (floor := tree.floors.get(room))}


def described_files(tree, text, mapped):
    """The map of a room (a table whose head names `src/<room>/`) names each of its sources, by its
    path below that folder without .c; another room's with that room's name. Every room of `mapped`
    has one."""
    found, seen = {}, set()
    for head, *rows in tables(text):
        for folder in re.findall(r"`src/(\w+)/`", " ".join(head)):
            inside = tree.root / "src" / folder
            sources = {str(path.relative_to(inside).with_suffix("")) for path in tree.of_room(folder)}
            told = {name for row in rows for name in TICKED.findall(" ".join(row))
                    if re.fullmatch(r"[a-z0-9_/]+", name)}
            seen.add(folder)
            found.update({f"map of {folder}: {name}": "is not in the map" for name in sources - told})
            found.update({f"map of {folder}: {name}": "is no source" for name in told - sources
                          if name not in tree.rooms and not (inside / name).is_dir() and
                          not (tree.root / "src" / f"{name}.c").exists()})
    found.update({f"map of {room}": "there is no table" for room in set(mapped) - seen})
    for name in TICKED.findall(text):
        if re.fullmatch(r"[\w/]+\.(c|h|py|sh)", name):
            places = [place / name for place in (tree.root, tree.root / "src", tree.root / "include")]
            there = any(place.exists() for place in places) if "/" in name else any(
                path.name == name for path in tree.sources)
            if not there:
                found[f"file {name}"] = "is not in the tree"
    return found


def described_messages(tree, text):
    """The table of messages says what include/ipc says: names, from, to."""
    def row(sender, receiver):
        return tuple(tuple(sorted(word.removeprefix("ROLE_").lower() for word in
                                  re.findall(r"\w+", words))) for words in (sender, receiver))

    real = {name: row(sender, receiver) for path in (tree.root / "include" / "ipc").glob("*.h")
            for name, sender, receiver in MESSAGE.findall(path.read_text())}
    told = {name: row(cells[1], cells[2]) for head, *rows in tables(text)
            if head[:3] == ["message", "from", "to"]
            for cells in rows for name in re.findall(r"[A-Z_]+", cells[0])}
    found = {f"message {name}": f"the table says {told.get(name)}, include/ipc says {real.get(name)}"
             for name in sorted({*told, *real}) if told.get(name) != real.get(name)}
    return found if real else {"messages": "include/ipc has no table of them"}
