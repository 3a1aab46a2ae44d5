# SPDX-License-Identifier: MIT
"""Host names of servers that have no address yet, any more, or for a moment (row C1)."""

import json
import time

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import wait_for
from harness.names import NameServer

PLAIN = ("127.0.0.1", 8080)


@pytest.fixture
def server(tmp_path):
    made = NameServer(tmp_path)
    yield made
    made.close()


def proxied(namespace, host, port, extra=""):
    return texts.plain(namespace, f"location / {{ proxy_pass http://{host}:{port}; {extra} }}")


def tenant_of(gateway, name):
    whole = json.loads(gateway.ask("status", "--json").stdout)
    return [tenant for tenant in whole["tenants"] if tenant["tenant"] == name][0]


@pytest.mark.parametrize("how", ["answer", "fail", "silence"])
def test_a_name_that_resolves_late(gateway, namespaces, echo, server, how):
    """Whether it does not exist, or nobody can tell: the tenant waits, and comes by itself."""
    host, port = echo.address.split(":")
    server.how = how
    gateway.tenant("late", proxied(namespaces[0], "late.test", port))
    gateway.tenant("well", texts.plain(namespaces[1], 'return 200 "well";'))
    gateway.start(prefix=server.prefix)
    assert fetch(namespaces[1], PLAIN).body == b"well"
    late = tenant_of(gateway, "late")
    assert late["state"] == "waiting" and "late.test" in late["last_error"], late
    assert gateway.ask("status").returncode == 2
    if how == "answer":
        result = gateway.ask("reload")
        assert result.returncode == 2 and "waiting late: " in result.stdout, result
        assert "host not found" in result.stdout
        assert result.stdout.endswith("0 refused, 0 degraded, 1 waiting\n")
    server.names["late.test"], server.how = [host], "answer"
    at = gateway.log_size()
    wait_for(lambda: tenant_of(gateway, "late")["state"] == "serving", 20, "it is served")
    gateway.wait_log("tenant late: added", since=at)
    assert fetch(namespaces[0], PLAIN).status == 200
    assert gateway.ask("reload").returncode == gateway.ask("status").returncode == 0


def test_a_name_that_is_gone_goes_on_with_its_addresses(gateway, namespaces, echo, server):
    host, port = echo.address.split(":")
    server.names["app.test"] = [host]
    gateway.tenant("a", proxied(namespaces[0], "app.test", port))
    gateway.start(prefix=server.prefix)
    assert fetch(namespaces[0], PLAIN).status == 200
    del server.names["app.test"]
    result = gateway.ask("reload")
    assert result.returncode == 0 and "0 changed, 0 removed, 0 refused" in result.stdout, result
    a = tenant_of(gateway, "a")
    assert a["state"] == "serving" and "app.test" in a["last_error"], a
    assert fetch(namespaces[0], PLAIN).status == 200
    # A changed file is in force too, as long as its names are known.
    gateway.tenant("a", proxied(namespaces[0], "app.test", port, "add_header X-New 1;"))
    assert "1 changed" in gateway.ask("reload").stdout
    assert fetch(namespaces[0], PLAIN).headers["X-New"] == "1"
    # One with a name that is not waits, and the version before serves on.
    gateway.tenant("a", proxied(namespaces[0], "other.test", port, "add_header X-New 2;"))
    result = gateway.ask("reload")
    assert result.returncode == 2 and "waiting a: " in result.stdout, result
    a = tenant_of(gateway, "a")
    assert a["state"] == "serving" and "other.test" in a["last_error"], a
    assert fetch(namespaces[0], PLAIN).headers["X-New"] == "1"
    # Its files on the disk are nobody's wish before a reload: only what was read is tried again.
    at = gateway.log_size()
    server.names["other.test"] = [host]
    gateway.wait_log("tenant a: changed", 20, at)
    wait_for(lambda: fetch(namespaces[0], PLAIN).headers["X-New"] == "2", what="the new one")
    assert tenant_of(gateway, "a")["last_error"] is None
    assert gateway.ask("reload").returncode == 0


def test_files_that_are_briefly_away_while_it_waits(gateway, namespaces, echo, server):
    host, port = echo.address.split(":")
    gateway.tenant("late", proxied(namespaces[0], "late.test", port))
    gateway.tenant("late2", proxied(namespaces[1], "late.test", port))
    gateway.start(prefix=server.prefix)
    gateway.wait_log("tenant late: is tried again in 1 s")
    tenants, away = gateway.folder / "tenants", gateway.folder / "away"
    tenants.rename(away)
    answer = gateway.ask("reload")
    assert answer.returncode == 1 and "would remove 2 of 2 tenants" in answer.stdout, answer
    time.sleep(3)  # a try or more
    assert tenant_of(gateway, "late")["state"] == "waiting"
    server.names["late.test"] = [host]
    away.rename(tenants)
    for name in ("late", "late2"):
        gateway.wait_log(f"tenant {name}: added", 30)
    assert fetch(namespaces[0], PLAIN).status == 200
    assert gateway.ask("status").returncode == 0


def test_questions_grow_rarer_and_stop(gateway, namespaces, echo, server):
    gateway.tenant("late", proxied(namespaces[0], "late.test", 80))
    gateway.start(prefix=server.prefix)
    gateway.wait_log("is tried again in 4 s", 20)
    assert gateway.log().count("host not found") == 1, "told once"
    gateway.tenant("other", texts.plain(namespaces[1], "return 200;"))
    gateway.remove_tenant("late")
    assert gateway.ask("reload", "--force").returncode == 0
    asked = server.asked
    gateway.tenant("late", "netns;")
    assert gateway.ask("reload").returncode == 1
    assert server.asked == asked
