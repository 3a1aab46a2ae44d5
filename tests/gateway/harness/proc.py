# SPDX-License-Identifier: MIT
"""What /proc says of a process that may end at any moment, as the resolver does: nothing then."""

import os


def _entries(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def open_files(pid):
    """What its descriptors lead to, as readlink(2) tells."""
    links = []
    for name in _entries(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass
    return links


def network_namespaces(pid):
    """The inodes of the network namespaces in which its threads are."""
    inodes = set()
    for thread in _entries(f"/proc/{pid}/task"):
        try:
            inodes.add(os.stat(f"/proc/{pid}/task/{thread}/ns/net").st_ino)
        except OSError:
            pass
    return inodes


def of_threads(pid, name):
    """The texts of that file of all its threads, by their ids."""
    texts = {}
    for thread in _entries(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/{name}") as file:
                texts[int(thread)] = file.read()
        except OSError:
            pass
    return texts
