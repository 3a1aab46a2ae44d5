# SPDX-License-Identifier: MIT
"""What a flood at one tenant costs its neighbour: the neighbour's latencies quiet and under the flood,
by turns, so that what else the machine does meets both."""

import re
import subprocess
import time

from bench import floods


class Samples:
    """Latencies of the neighbour in milliseconds, over connections that it keeps and over new ones
    (their handshake included), and why requests failed."""

    def __init__(self):
        self.kept, self.new, self.failed = [], [], []

    def add(self, text):
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "failed":
                self.failed.append(rest)
            else:
                getattr(self, kind).append(int(rest) / 1e6)

    def figures(self):
        return {"p50": percentile(self.kept, 50), "p99": percentile(self.kept, 99),
                "new_p50": percentile(self.new, 50), "new_p99": percentile(self.new, 99),
                "requests": len(self.kept) + len(self.new) + len(self.failed),
                "failed": len(self.failed), "why": sorted(set(self.failed))}


def percentile(values, of):
    """None of no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * of // 100)] if ordered else None


def _in(namespace, command):
    inside = ["ip", "netns", "exec", namespace] if namespace else []
    return [*inside, *map(str, command)]


def probe(testbed, gateway, seconds):
    """What the neighbour sees for so long: the probe's lines."""
    command = [*testbed.for_neighbour, testbed.programs / "probe", gateway.ports["b"], "b.test", "/small",
               seconds]
    return subprocess.run(_in(gateway.namespaces["b"], command), capture_output=True, text=True,
                          timeout=seconds + 60, check=True).stdout


def flooded(testbed, gateway, row, seconds):
    """The same under a flood, and what the flood did."""
    command = floods.command(row, testbed, gateway.ports["a"], seconds + 0.5)
    flood = subprocess.Popen(_in(gateway.namespaces["a"], [*testbed.for_load, *command]),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    try:
        text = probe(testbed, gateway, seconds)
        said = flood.communicate(timeout=15)[0]
    except subprocess.TimeoutExpired:
        said = "did not end by itself"
    finally:
        flood.kill()
        flood.wait()
    done = re.search(r"[\d.]+ req/s|\d+ connections, \d+ done", said)
    return text, done.group(0) if done else said.strip()[-200:]


def compare(testbed, gateway, row, seconds, rounds):
    """seconds: of each of the rounds, once quiet and once flooded."""
    quiet, busy, flood = Samples(), Samples(), []
    probe(testbed, gateway, 0.3)  # warm
    for _ in range(rounds):
        quiet.add(probe(testbed, gateway, seconds))
        text, done = flooded(testbed, gateway, row, seconds)
        busy.add(text)
        flood.append(done)
        time.sleep(0.5)  # what the flood has left ends
    result = {"row": row, "gateway": gateway.name, "quiet": quiet.figures(),
              "flooded": busy.figures(), "flood": flood}
    if quiet.kept and busy.kept:
        result["ratio"] = result["flooded"]["p99"] / result["quiet"]["p99"]
    return result
