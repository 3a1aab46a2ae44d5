# SPDX-License-Identifier: MIT
"""What operators are given, with a real Prometheus and a gateway with traffic: every rule, every
query of the dashboard and of docs/OBSERVING.md has data, the page's commands work, and alerts fire."""

import datetime
import json
import math
import os
import re
import signal
import subprocess
import threading
import urllib.request

import pytest

from harness import netns, texts
from harness.backend import EchoServer, free_port
from harness.client import fetch
from harness.gateway import BINARY, ROOT, Gateway, wait_for
from harness.prometheus import SAMPLES, Prometheus, promtool

PLAIN = ("127.0.0.1", 8080)
PAGE = (ROOT / "docs" / "OBSERVING.md").read_text()
DASHBOARD = json.loads((SAMPLES / "grafana-dashboard.json").read_text())


class Traffic:
    """All kinds of it, again and again, until it is ended."""

    def __init__(self, namespace, authority):
        self.namespace, self.authority = namespace, authority
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(0.05):
            try:
                self._once()
            except OSError:
                pass  # the worker was killed

    def _once(self):
        for path in ("/", "/missing", "/failing", "/none"):
            fetch(self.namespace, texts.ADDRESS, path, self.authority.context(), "acme.test")
        fetch(self.namespace, PLAIN)
        with netns.connect(self.namespace, texts.ADDRESS, 10) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")  # this is no TLS
            stranger.recv(100)

    def end(self):
        self.ending.set()
        self.thread.join(30)


def configure(gateway, namespace, authority, echo):
    authority.issue_client("week", "-days", "5")
    dead, other = free_port(), free_port()
    gateway.tenant("acme", texts.tenant(
        namespace,
        texts.tls_server(authority, "acme.test", f"""
            ssl_client_certificate {authority.ca}; ssl_verify_client optional;
            location / {{ proxy_pass http://pool; }}
            location /missing {{ return 404; }}
            location /failing {{ return 500; }}
            location /none {{ proxy_pass http://none; }}
            location /once {{ proxy_pass http://once; }}""", listen="127.0.0.1:8443 ssl http2"),
        texts.tls_server(authority, "week", 'return 200 "a";'),
        'server { listen 8080; return 200 "plain"; }',
        settings=f"""
            upstream pool {{ server {echo.address};
                             server 127.0.0.1:{dead} fail_timeout=600s; }}
            upstream none {{ server 127.0.0.1:{dead} fail_timeout=600s;
                             server 127.0.0.1:{other} fail_timeout=600s; }}
            upstream once {{ server 127.0.0.1:{dead}; }}"""))
    gateway.tenant("late", texts.plain(netns.PREFIX + "late", 'return 200 "late";'))


@pytest.fixture(scope="module")
def observed(tmp_path_factory, namespaces, authority):
    """A gateway with traffic, and the Prometheus that scrapes it."""
    echo, port = EchoServer(), free_port()
    folder = tmp_path_factory.mktemp("observed")
    log = folder / "access.json"
    logs = blocks("access_log /")[0].replace("/var/log/nsgate/access.json", str(log))
    formats = blocks("log_format")[0] + f"\naccess_log {folder / 'times.log'} times;"
    made = Gateway(folder, observe=f"127.0.0.1:{port}", extra=f"defaults {{ {logs}\n{formats} }}")
    configure(made, namespaces[0], authority, echo)
    made.start()
    made.access_log, made.url = log, f"http://127.0.0.1:{port}"
    made.prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{port}")
    traffic = Traffic(namespaces[0], authority)
    try:
        made.prometheus.wait_ready()
        yield made
        traffic.end()
        made.stop()
    finally:
        traffic.end()
        made.prometheus.stop()
        echo.close()
        if made.process is not None:
            made.kill()


def has_data(prometheus, queries, is_enough=lambda value: not math.isnan(value)):
    """Waits until each of them has a value that is a number; the first ones may need two scrapes."""
    missing = dict.fromkeys(queries)

    def is_complete():
        for query in list(missing):
            if any(is_enough(value) for _, value in prometheus.query(query)):
                del missing[query]
        return not missing
    try:
        wait_for(is_complete, 30)
    except AssertionError:
        pass
    assert not missing, f"no data: {list(missing)}"


# ---- what is written in the page ----


def blocks(beginning):
    """Its indented blocks that begin so, each as one text."""
    found = re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
    return [text for text in (re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found)
            if text.startswith(beginning)]


def page_queries():
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE) + blocks("(nsgate_") + blocks("sum by")
    return {text.strip() for text in spans if "nsgate_" in text}


def dashboard_queries():
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    return {target["expr"]: panel["title"] for panel in panels for target in panel["targets"]}


def played(query):
    """As Grafana fills in variables, when all is chosen."""
    return query.replace("$__rate_interval", "30s").replace("$tenant", ".*").replace(
        "$instance", ".*")


# ---- the tests, in this order: the last ones break things, and each makes what it needs ----


def break_things(gateway):
    """A worker dies, whose successor finds out anew which servers fail; a reload is done in part."""
    os.kill(gateway.workers()[0], signal.SIGKILL)
    gateway.tenant("bad name", "netns;\n")
    gateway.reload()


def test_metrics_are_as_prometheus_wants_them(observed):
    observed.prometheus.wait('nsgate_requests_total{tenant="acme",code="5xx"} > 0')
    with urllib.request.urlopen(f"{observed.url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    assert promtool("check", "metrics", text=text) == ""


def test_every_rule_has_data_and_no_alert_is_wrong(observed):
    rules = [rule for group in observed.prometheus.ask("rules")["groups"]
             for rule in group["rules"]]
    has_data(observed.prometheus, [rule["name"] for rule in rules if rule["type"] == "recording"])

    def are_well():
        return all(rule["health"] == "ok" for group in observed.prometheus.ask("rules")["groups"]
                   for rule in group["rules"])
    wait_for(are_well, 30, "every rule can be evaluated")
    assert len(rules) > 15


def test_every_query_of_the_dashboard_has_data(observed):
    queries = dashboard_queries()
    assert len(queries) > 25
    has_data(observed.prometheus, map(played, queries))


def test_one_event_is_seen(observed, namespaces, authority):
    """The first of its kind: its series begins with it."""
    queries = [query for query in page_queries() if "unless" in query]
    assert len(queries) == 2
    fetch(namespaces[0], texts.ADDRESS, "/once", authority.context(), "acme.test")
    with netns.connect(namespaces[0], PLAIN, 10) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        connection.recv(1000)
    for query, labels in zip(sorted(queries), ({"reason": "request_refused"},
                                               {"reason": "connect", "upstream": "once"})):
        def told():
            return [value for found, value in observed.prometheus.query(query)
                    if labels.items() <= found.items()]
        wait_for(lambda: told() == [1], 30, f"{query}: {observed.prometheus.query(query)}")


def test_a_server_that_works_has_no_failures(observed):
    query = 'endpoint:nsgate_failures:ratio_rate5m{upstream="pool"}'
    wait_for(lambda: 0 in [value for _, value in observed.prometheus.query(query)], 30, query)
    query = 'nsgate_endpoint_failures_total{upstream="pool",reason="connect"} > 0'
    observed.prometheus.wait(query)


def test_no_traffic_is_no_error(observed):
    query = played(next(query for query, title in dashboard_queries().items() if title == "Errors"))
    for tenant in ("late", "nobody"):
        found = observed.prometheus.query(query.replace('tenant=~".*"', f'tenant=~"{tenant}"'))
        assert [value for _, value in found] == [0]


def test_the_dashboard_can_be_imported():
    """What Grafana asks for when a file is imported, and what makes a panel readable."""
    assert [entry["name"] for entry in DASHBOARD["__inputs"]] == ["DS_PROMETHEUS"]
    assert DASHBOARD["id"] is None and DASHBOARD["title"]
    names = {entry["name"] for entry in DASHBOARD["templating"]["list"]}
    assert names == {"tenant", "instance"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & places and place["x"] + place["w"] <= 24, panel["title"]
        places |= cells
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"
            used = {name for target in panel["targets"]
                    for name in re.findall(r"\$(\w+)", target["expr"])}
            assert used <= names | {"__rate_interval"}, panel["title"]


def test_alerts_fire(observed, namespaces):
    fire = observed.prometheus.firing
    wrong = {"NsgateTenantNotServing", "NsgateEndpointDown", "NsgateUpstreamDown", "NsgateErrors",
             "NsgateCertificateExpiresIn7Days"}
    well = {"NsgateDown", "NsgateWorkerRestarted", "NsgateReloadNotDone", "NsgateWorkersMissing"}
    # Alerts do not wait here, so that a scrape that was late fires one for a moment.
    wait_for(lambda: wrong <= (now := set(fire())) and not well & now, 30,
             f"what is wrong is told and no more, not {list(fire())}")
    summary = fire()["NsgateTenantNotServing"]["annotations"]["summary"]
    assert summary == f"tenant late of {observed.url[7:]} is waiting"
    break_things(observed)
    wait_for(lambda: {"NsgateWorkerRestarted", "NsgateReloadNotDone"} <= set(fire()), 30, "both")
    assert fire()["NsgateReloadNotDone"]["labels"]["outcome"] == "partial"


def test_every_query_of_the_page_has_data(observed):
    break_things(observed)
    queries = page_queries()
    zero = {query for query in queries if re.search(r"== 0|refused_total|_state|_connections\)", query)}
    has_data(observed.prometheus, zero)
    has_data(observed.prometheus, queries - zero, lambda value: value > 0)
    with urllib.request.urlopen(f"{observed.url}/metrics?tenant=acme", timeout=20) as answer:
        assert b'tenant="acme"' in answer.read()


def shell(gateway, text):
    """A command of the page, where its files are the test's."""
    for written, here in (("/var/log/nsgate/access.json", str(gateway.access_log)),
                          ("/var/log/nsgate/error.log", str(gateway.log_path)),
                          ("2026-11-27", datetime.date.today().isoformat()),
                          ("10.0.0.1:443", "127.0.0.1:8443"), ("www.acme.test", "acme.test")):
        text = text.replace(written, here)
    text = re.sub(r"^nsgate ", f"{BINARY} -c {gateway.folder / 'nsgate.conf'} ", text)
    return subprocess.run(["bash", "-o", "pipefail", "-c", text], capture_output=True, text=True,
                          timeout=60)


def test_every_command_of_the_page_works(observed, namespaces, authority):
    authority.issue_client("client")
    context = authority.context()
    context.load_cert_chain(authority.folder / "client.crt", authority.folder / "client.key")
    fetch(namespaces[0], texts.ADDRESS, "/", context, "acme.test")
    wait_for(lambda: "CN=client" in observed.access_log.read_text(), 30, "its line")
    for command in blocks("jq") + blocks("grep"):
        wait_for(lambda: shell(observed, command).stdout, 20,
                 f"{command}: {shell(observed, command)}")
        assert shell(observed, command).returncode == 0
    for command in blocks("openssl"):
        result = shell(observed, f"ip netns exec {namespaces[0]} {command}")
        assert "acme.test" in result.stdout, result
    for command in blocks("nsgate"):
        assert re.search("late|acme", shell(observed, command).stdout), command
    assert shell(observed, blocks("nsgate -s status --check")[0]).stdout.splitlines()[-1] == "2"
    assert {text.split()[0] for text in blocks("")} == {
        "nsgate", "access_log", "jq", "log_format", "grep", "openssl", "sum",
        "(nsgate_certificate_expiry_timestamp_seconds"}, "a kind of block that is not tried"
    assert (observed.folder / "times.log").stat().st_size > 0


def test_a_gateway_that_is_gone_is_told(observed):
    observed.stop()
    wait_for(lambda: "NsgateDown" in observed.prometheus.firing(), 30, "the alert")
