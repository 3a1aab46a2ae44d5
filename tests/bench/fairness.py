#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a flood at one tenant costs its neighbour on the same worker, beside nginx, haproxy and
nghttpx. README.md says how to read the table.
usage: sudo tests/bench/fairness.py [--row NAME] [--peer NAME] [--quick] [--seconds N] [--install]"""

import argparse
import atexit
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "gateway")]

from bench import floods, gateways, measure  # noqa: E402
from bench.testbed import Testbed  # noqa: E402
from harness import netns  # noqa: E402

ROUNDS = 3


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--row", action="append", choices=floods.ROWS, help="may be repeated")
    parser.add_argument("--peer", action="append", choices=gateways.ALL, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="one round of a second")
    parser.add_argument("--seconds", type=float, default=2, help="of each round, quiet and flooded")
    parser.add_argument("--install", action="store_true", help="what is missing, from Debian")
    parser.add_argument("--output", type=pathlib.Path, default=TESTS.parent / "build-bench",
                        help="folder of fairness.json")
    return parser.parse_args()


def install():
    packages = [made.package for made in gateways.ALL.values() if made.package]
    # RUNLEVEL: invoke-rc.d then starts none of their services.
    environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "gcc",
                    "nghttp2-client", *packages], check=True, env=environment)


def those_here(names):
    for name in names:
        made = gateways.ALL[name]
        if made.package and not made.is_here():
            print(f"{name}: skipped, it is not installed ({made.package}; --install does it)")
        else:
            yield made


def cell(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def print_line(result):
    quiet, busy = result["quiet"], result["flooded"]
    print(f"{result['row']:<12} {result['gateway']:<8}"
          f"{cell(quiet['p50']):>8}{cell(quiet['p99']):>8}{cell(busy['p50']):>9}{cell(busy['p99']):>9}"
          f"{cell(result.get('ratio'), '{:.1f} x'):>9}{floods.ROWS[result['row']][1]:>4} x"
          f"{cell(quiet['new_p99']):>9}{cell(busy['new_p99']):>9}"
          f"{quiet['failed'] + busy['failed']:>7}  {result['flood'][-1]}", flush=True)


def measure_all(testbed, options):
    rounds, seconds = (1, 1) if options.quick else (ROUNDS, options.seconds)
    peers = list(those_here(options.peer or gateways.ALL))
    print("milliseconds          quiet:  p50     p99   flood: p50      p99    ratio  goal"
          "  new: p99    flood failed  flood")
    for row in options.row or floods.ROWS:
        for made in peers:
            if row in made.lacks:
                print(f"{row:<12} {made.name:<8}       - {made.lacks[row]}")
                continue
            with tempfile.TemporaryDirectory(prefix="nsg-") as folder:
                gateway = made(testbed, pathlib.Path(folder))
                try:
                    gateway.start()
                    result = measure.compare(testbed, gateway, row, seconds, rounds)
                finally:
                    gateway.stop()
            print_line(result)
            yield result


def main():
    options = read_arguments()
    if os.geteuid() != 0:
        sys.exit("fairness.py: needs root, it makes network namespaces")
    if options.install:
        install()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # runs the ends of all
    atexit.register(netns.delete_all)
    results = []
    with tempfile.TemporaryDirectory(prefix="nsg-") as folder:
        os.chmod(folder, 0o755)
        testbed = Testbed(folder)
        try:
            for result in measure_all(testbed, options):
                results.append(result)
        finally:
            testbed.close()
    options.output.mkdir(parents=True, exist_ok=True)
    whole = {"machine": platform.platform(), "processors": testbed.processors, "rows": results}
    (options.output / "fairness.json").write_text(json.dumps(whole, indent=1) + "\n")
    print(f"written: {options.output / 'fairness.json'}")


if __name__ == "__main__":
    main()
