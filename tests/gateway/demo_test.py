# SPDX-License-Identifier: MIT
"""The demo does what the README says, and cleans up, also when interrupted."""

import pathlib
import re
import signal
import subprocess
import time

import pytest

from harness import netns

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Once, with the release build that it makes itself.
pytestmark = [pytest.mark.measures, pytest.mark.alone]


def left_behind():
    return [name for name in netns.run("ip", "netns", "list").stdout.split() if "nsg-demo-" in name]


def test_demo():
    result = subprocess.run([ROOT / "conf" / "demo" / "run.sh"], capture_output=True, text=True,
                            timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    for tenant in ("alpha", "beta", "gamma"):
        assert f"{tenant}: the backend saw tenant {tenant}," in result.stdout
    assert result.stdout.count("beta, same connection") == 2
    old, new = re.search(r"before (\w+), now (\w+)", result.stdout).groups()
    assert old != new
    assert not left_behind()


@pytest.mark.parametrize("moment", ["2. Three", "4. nsgate", "6. Rotating", "Done;"])
def test_demo_cleans_up_when_interrupted(moment):
    """However often, and also when it cleans up already."""
    demo = subprocess.Popen([ROOT / "conf" / "demo" / "run.sh"], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, start_new_session=True)
    for line in demo.stdout:
        if moment in line:
            break
    end = time.monotonic() + 60
    while demo.poll() is None and time.monotonic() < end:
        demo.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    demo.communicate(timeout=60)
    assert demo.returncode == 130 or moment == "Done;"
    assert not left_behind()
    assert "/tmp/nsgate-demo" not in subprocess.run(["ps", "axww"], capture_output=True,
                                                    text=True).stdout
