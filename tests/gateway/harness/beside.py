# SPDX-License-Identifier: MIT
"""Two sessions of pytest that share the tests, since tests mostly wait: each test runs in the session
that claims it first, and the tests of a module that share a fixture of their own are claimed as one,
so that they run in their order. One session begins at the start, with those that are marked as
`alone`; the other begins at the end, and leaves these out."""

import hashlib
import os


def _module(item):
    return item.nodeid.partition("::")[0]


def _shares_a_fixture(item):
    definitions = item._fixtureinfo.name2fixturedefs.values()
    return any(one[-1].scope == "module" for one in definitions)


def _shares(items):
    """[(name, its tests in their order)]: single tests, then modules."""
    modules = {_module(item) for item in items if _shares_a_fixture(item)}
    shares = {}
    for item in items:
        module = _module(item)
        shares.setdefault(module if module in modules else item.nodeid, []).append(item)
    return sorted(shares.items(), key=lambda share: share[0] in modules)


class Shared:
    def __init__(self, folder, items):
        self.folder = folder
        alone = [item for item in items if item.get_closest_marker("alone")]
        others = _shares([item for item in items if not item.get_closest_marker("alone")])
        first = [("alone", alone)] + others
        self.items = self._claimed(first if self._claim("first") else others[::-1])

    def _claim(self, name):
        path = os.path.join(self.folder, hashlib.sha256(name.encode()).hexdigest())
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def _claimed(self, shares):
        for name, tests in shares:
            if self._claim(name):
                yield from tests

    def next(self):
        """The next test that is this session's; None: there is none."""
        return next(self.items, None)


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
