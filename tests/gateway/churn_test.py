# SPDX-License-Identifier: MIT
"""A day of churn in small: operations drawn by lot over 50 tenants from a printed seed, each checked
against a model, while tenants that nobody touches are under load."""

import os
import random

import pytest

from harness import netns
from harness.churn import Churn, CalmLoad, operations
from harness.gateway import is_sanitized, wait_for


@pytest.fixture
def churn(authority, reachable):
    # One seed, so that a change is judged by its own faults; NSGATE_SEED=0 takes another each time.
    seed = int(os.environ.get("NSGATE_SEED", 1)) or random.randrange(1, 1 << 32)
    print(f"NSGATE_SEED={seed} runs the same day again")
    made = Churn(reachable, authority, seed)
    yield made
    try:
        if made.gateway.process is not None:
            made.gateway.stop()
    finally:
        if made.gateway.process is not None:
            made.gateway.kill()
        for tenant in made.tenants + made.calm:
            netns.delete(tenant.namespace)
        netns.delete(made.peers)
        made.names.close()


@pytest.mark.alone
def test_a_day_of_churn(churn):
    churn.gateway.start(prefix=churn.names.prefix)
    targets = [(tenant.namespace, tenant.name, churn.expected(tenant)[0].encode())
               for tenant in churn.calm]
    with CalmLoad(targets, churn.context) as load:
        wait_for(lambda: load.done > 20, what="the load's first requests")
        for tenant in churn.tenants:
            churn.expect_served(tenant)
        for number in range(operations()):
            churn.step()
            churn.check_load(load)
            if number == 10:
                churn.settle()
                before = churn.holdings()  # every process has served everything once
            if number % 25 == 0:
                churn.check_status()
        churn.settle()
        churn.check_status()
        for tenant in churn.tenants + churn.calm:
            churn.check(tenant)
        churn.check_load(load)
    assert load.done > operations()
    assert churn.peers_left() == {churn.peer(tenant) for tenant in churn.tenants + churn.calm}
    after = churn.holdings()
    for role, was, now in zip(("supervisor", "worker", "worker"), before["descriptors"],
                              after["descriptors"]):
        assert now - was <= 8, f"{role}: {was} descriptors, then {now}"
    for role, was, now in zip(("supervisor", "worker", "worker"), before["memory"],
                              after["memory"]):
        assert is_sanitized() or now - was < 3072, f"{role}: {was} kB, then {now}"
