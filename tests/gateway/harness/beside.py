# SPDX-License-Identifier: MIT
"""Two sessions of pytest that share the tests, since tests mostly wait: each test runs in the session
that claims it first. One begins at the start, with those that are marked as `alone`; the other begins
at the end, and leaves these out."""

import hashlib
import os


class Shared:
    def __init__(self, folder, items):
        self.folder = folder
        alone = [item for item in items if item.get_closest_marker("alone")]
        others = [item for item in items if not item.get_closest_marker("alone")]
        self.items = iter(alone + others if self._claim("first") else others[::-1])

    def _claim(self, name):
        path = os.path.join(self.folder, hashlib.sha256(name.encode()).hexdigest())
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def next(self):
        """The next test that is this session's; None: there is none."""
        return next((item for item in self.items if self._claim(item.nodeid)), None)


def run(session, folder):
    shared = Shared(folder, session.items)
    item = shared.next()
    while item:
        following = shared.next()
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
