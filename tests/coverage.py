#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Prints the share of each room's lines that ran in a build with --coverage.

usage: coverage.py BUILD-FOLDER
"""

import collections
import json
import pathlib
import subprocess
import sys


def lines_of(notes):
    """(file, line number, whether it ran) of one object's sources."""
    report = subprocess.run(["gcov", "--json-format", "--stdout", notes], check=True,
                            capture_output=True, text=True).stdout
    for document in report.splitlines():
        for source in json.loads(document)["files"]:
            for line in source["lines"]:
                yield source["file"], line["line_number"], line["count"] > 0


def main(build):
    ran = collections.defaultdict(bool)
    for notes in pathlib.Path(build).resolve().glob("CMakeFiles/*.dir/src/**/*.gcda"):
        for source, number, hit in lines_of(notes):
            ran[source, number] |= hit
    rooms = collections.defaultdict(lambda: [0, 0])
    for (source, _), hit in ran.items():
        parts = pathlib.PurePath(source).parts
        if "src" in parts:
            room = rooms[parts[parts.index("src") + 1]]
            room[0] += hit
            room[1] += 1
    if not rooms:
        sys.exit("coverage.py: no room's code ran")
    for name, (hit, total) in sorted(rooms.items()):
        print(f"{name:12} {100 * hit / total:5.1f} %  of {total} lines")


main(sys.argv[1])
