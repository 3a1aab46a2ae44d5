#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads the JUnit report of a pytest run, and that of a second run of what failed in it.

usage: tests/report.py REPORT [SECOND]
prints `PASSED FAILED SKIPPED`, and below it what tests/run.sh repeats at its end: each test that
failed with its last words, each that failed once only (unsteady), each that was skipped.

usage: tests/report.py --lost REPORT...
prints how many of the collected tests none of these sessions, which shared them, has run."""

import sys
import xml.etree.ElementTree as tree

LAST_WORDS = 6  # lines for each test that failed
IN_FULL = 4  # tests that are told with these lines


def verdicts(path):
    """{test: (verdict, what it said)}; a test that failed and whose end failed, too, is one."""
    found = {}
    for case in tree.parse(path).getroot().iter("testcase"):
        module = case.get("classname", "").replace(".", "/")
        test = f"tests/{module}.py::{case.get('name')}" if module else case.get("name")
        for result in case:
            if result.tag in ("failure", "error"):
                said = (result.get("message") or "", result.text or "")
                found.setdefault(test, ("failed", said))
            elif result.tag == "skipped":
                found.setdefault(test, ("skipped", (result.get("message") or "", "")))
        found.setdefault(test, ("passed", ("", "")))
    return found


def last_words(text):
    lines = text.rstrip().splitlines()
    wrong = [line for line in lines if line.startswith("E ")] or lines
    return [line[:200] for line in wrong[-LAST_WORDS:] + lines[-1:]]


def first_line(message):
    return (message.strip().splitlines() or [""])[0][:200]


def main(first, second=None):
    found = verdicts(first)
    again = verdicts(second) if second else {}
    count, briefly, fully = dict(passed=0, failed=0, skipped=0), [], []
    for test, (verdict, (message, text)) in found.items():
        told = f"{verdict}: {test}: {first_line(message)}"
        if verdict == "failed" and again.get(test, ("",))[0] == "passed":
            verdict = "passed"
            briefly.append(told.replace("failed", "unsteady", 1))
        elif verdict == "failed" and count["failed"] < IN_FULL:
            fully += [told, *(f"    {line}" for line in last_words(text))]
        elif verdict != "passed":
            briefly.append(told)
        count[verdict] += 1
    print(count["passed"], count["failed"], count["skipped"])
    print("\n".join(briefly + fully))


def lost(*paths):
    collected = [int(entry.get("value")) for path in paths
                 for entry in tree.parse(path).getroot().iter("property")
                 if entry.get("name") == "collected"]
    ran = set().union(*(verdicts(path) for path in paths))
    print(max(collected) - len(ran))


if __name__ == "__main__":
    if sys.argv[1] == "--lost":
        lost(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
