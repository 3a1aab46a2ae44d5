# SPDX-License-Identifier: MIT
"""The rows of the fairness table: what tenant "a" does while its neighbour is measured."""

import math

# The pattern of gateways.PATTERN takes 2^28 steps to find that this does not match.
CATASTROPHIC = "/" + "a" * 28 + "b"

# Goal: the neighbour's p99 against its quiet value.
ROWS = {
    "handshakes": ("handshakes, 6 clients, never resumed", 2),
    "bulk": ("bulk bodies, 64 connections x 1 MiB, HTTP/1.1", 2),
    "small": ("small requests, 256 connections, HTTP/1.1", 2),
    "streams": ("small requests, 100 connections x 100 streams", 3),
    "slow-reader": ("1,000 clients that read 20 kB/s each", 2),
    "trickle": ("1,000 heads that come byte by byte, 20,000 bytes/s", 2),
    "websockets": ("WebSockets, 10,000 small messages/s", 2),
    "regex": ("a catastrophic regex, 16 connections", 2),
    "connects": ("50,000 new TCP connections/s that send nothing", 2),
}
H2LOAD = {
    "bulk": ("--h1", "-c64", "/bulk"),
    "small": ("--h1", "-c256", "/small"),
    "streams": ("-c100", "-m100", "/small"),
    "regex": ("--h1", "-c16", CATASTROPHIC),
}
PATHS = {"slow-reader": "/bulk", "websockets": "/ws"}


def command(row, testbed, port, seconds):
    if row not in H2LOAD:
        return [testbed.programs / "flood", row, port, "a.test", PATHS.get(row, "/small"), seconds]
    *options, path = H2LOAD[row]
    return ["h2load", *options, "-D", math.ceil(seconds), f"--connect-to=127.0.0.1:{port}",
            f"https://a.test:{port}{path}"]
