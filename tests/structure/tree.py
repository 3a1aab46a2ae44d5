# SPDX-License-Identifier: MIT
"""A tree of rooms: src/<room>/, with folders in it, and include/<room>/."""

import collections
import functools
import re

from structure.c import CFile


def circles(edges):
    """The sets of nodes that reach each other, of two or more. edges: node -> nodes."""
    def reached(node, along):
        seen, left = set(), [node]
        while left:
            for other in along.get(left.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        return seen

    back = collections.defaultdict(set)
    for node, others in edges.items():
        for other in others - {node}:
            back[other].add(node)
    found, done = [], set()
    for node in sorted(edges):
        if node in done:
            continue
        circle = reached(node, edges) & reached(node, back)
        done |= circle
        if len(circle) > 1:
            found.append(sorted(circle))
    return found


class Tree:
    def __init__(self, root):
        self.root = root
        self.sources = sorted([*root.glob("src/*/**/*.[ch]"), *root.glob("include/*/*.h")])
        self.rooms = sorted({self.room_of(path) for path in self.sources})
        self.floors = {}
        for line in (root / "src" / "floors").read_text().splitlines():
            if line and not line.startswith("#"):
                number, *rooms = line.split()
                self.floors.update({room: int(number) for room in rooms})

    def room_of(self, path):
        return path.relative_to(self.root).parts[1]

    def name_of(self, path):
        return str(path.relative_to(self.root))

    @functools.cached_property
    def files(self):
        return {path: CFile(path.read_text()) for path in self.sources}

    def of_room(self, room, suffix=".c"):
        return [path for path in self.sources if path.suffix == suffix and
                path.is_relative_to(self.root / "src" / room)]

    def included(self, path, name):
        """The file that `path` means by "name"; None if the room may not have it or it is not there."""
        inside = self.root / "src" / self.room_of(path)
        for place in (path.parent / name, inside / name, self.root / "include" / name):
            if place.exists():
                is_own = place.resolve().is_relative_to(inside)
                return place.resolve() if is_own or place.is_relative_to(self.root / "include") else None
        return None

    @functools.cached_property
    def room_includes(self):
        """room -> rooms whose headers it includes."""
        edges = {room: set() for room in self.rooms}
        for path, file in self.files.items():
            for quote, name in file.includes:
                other = self.included(path, name) if quote == '"' else None
                if other:
                    edges[self.room_of(path)].add(self.room_of(other))
        return {room: others - {room} for room, others in edges.items()}

    @functools.cached_property
    def room_links(self):
        """room -> rooms that its library links to."""
        text = (self.root / "CMakeLists.txt").read_text()
        links = {words.split()[0]: set(words.split()[1:])
                 for words in re.findall(r"^nsgate_room\(([^)]+)\)", text, re.M)}
        return {room: others & set(links) for room, others in links.items()}

    def calls(self, room):
        """source -> sources of the room that define what it calls or names; what an inline function
        or a macro of a header names, its user names."""
        inlines = {}
        for file in self.files.values():
            inlines.update(file.inlines)

        def expanded(names):
            seen, left = set(), set(names)
            while left:
                seen |= left
                left = set().union(*(inlines.get(name, ()) for name in left)) - seen
            return seen

        sources = self.of_room(room)
        owner = {name: path for path in sources for name in self.files[path].definitions}
        return {self.name_of(path): {self.name_of(owner[name])
                                     for name in expanded(self.files[path].uses)
                                     if owner.get(name, path) != path} for path in sources}
