# SPDX-License-Identifier: MIT
"""Every program that scripts and tests execute, and every Python module, comes with a package that
conf/debian-packages.sh lists, with one that these depend on, or with a minimal Debian."""

import pathlib

import pytest

from packages import programs
from packages.debian import Debian

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = [ROOT / "conf" / "demo" / "run.sh", *ROOT.glob("certs/*.sh")]
SCRIPTS = sorted({path for pattern in ("conf/**/*.sh", "certs/*.sh", "tests/**/*.sh")
                  for path in ROOT.glob(pattern)})
TESTS = sorted(ROOT.glob("tests/**/*.py"))


@pytest.fixture(scope="module")
def debian():
    return Debian(ROOT / "conf" / "debian-packages.sh")


def check(debian, kind, names):
    """names: what is executed, and where that stands."""
    brought = debian.brought_by(kind)
    missing = {}
    for name, place in names:
        package = debian.package_of(name)
        if package not in brought:
            missing[f"{name} ({package or 'no package that is installed has it'})"] = place
    assert not missing, f"debian-packages.sh {kind} does not bring: {missing}"


def test_the_demo_executes_what_its_packages_bring(debian):
    names = [found for path in DEMO for found in programs.of_script(path)]
    assert {"curl", "openssl", "ip", "cmake"} <= {name for name, _ in names}
    check(debian, "demo", names)


def test_scripts_execute_what_packages_bring(debian):
    names = [found for path in SCRIPTS for found in programs.of_script(path)]
    assert {"clang-tidy", "xargs", "apt-get", "debootstrap"} <= {name for name, _ in names}
    check(debian, "test", names)


def test_tests_execute_what_packages_bring(debian):
    names = [found for path in TESTS for found in programs.of_test(path)]
    assert {"ip", "strace", "podman", "nghttpd", "logrotate"} <= {name for name, _ in names}
    check(debian, "test", names)


def test_tests_import_what_packages_bring(debian):
    names = [found for path in TESTS for found in programs.modules_of(path)]
    assert {"pytest", "grpc", "h2"} <= {pathlib.Path(name).parent.name for name, _ in names}
    check(debian, "test", names)


# ---- the check itself ----


def test_what_is_not_listed_is_found(debian):
    """A package that tests need, taken out of the list, is missed."""
    for package, name in (("strace", "strace"), ("logrotate", "logrotate"), ("podman", "podman"),
                          ("debootstrap", "debootstrap"), ("python3-h2", "/usr/lib/python3/dist-packages/h2")):
        with pytest.raises(AssertionError, match="does not bring"):
            check(debian.without(package), "test", [(name, "here")])
        check(debian, "test", [(name, "here")])
    with pytest.raises(AssertionError, match="no package"):
        check(debian, "test", [("no-such-program", "here")])


def test_commands_are_found_in_scripts():
    text = """#!/bin/sh
# ignored comment
set -eu; one -a | two "three | four" && ! five
x=1 six <input >"$out" 2>&1 || { seven; eight; }
if nine; then ten; else eleven; fi
case $x in twelve|thirteen) fourteen ;; *) echo fifteen >&2 ;; esac
for name in sixteen seventeen; do timeout 10 eighteen; done
helper() { nineteen "$(twenty 'text ; twenty_one')"; }
helper a
ip netns exec ns twenty_two | xargs -n 4 -P $jobs twenty_three
sh -c "twenty_four | twenty_five"
cat <<'END'
not here; nor | here
END
trap 'exit 1' TERM
trap '' INT; list=(not these) count=$((nor + this)) rest=${nor:-this one}
coproc NAME { twenty_six; }
value=$(twenty_seven $(twenty_eight) || true)
"""
    found = set(programs.commands_of(text))
    assert found == {"one", "two", "five", "six", "seven", "eight", "nine", "ten", "eleven",
                     "fourteen", "timeout", "eighteen", "nineteen", "twenty", "ip", "twenty_two",
                     "xargs", "twenty_three", "sh", "twenty_four", "twenty_five", "cat",
                     "twenty_six", "twenty_seven", "twenty_eight"}
