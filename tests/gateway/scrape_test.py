# SPDX-License-Identifier: MIT
"""/metrics: what Prometheus reads, in which format, and that it is what has happened."""

import gzip
import http.client
import os
import re
import signal
import time

import pytest

from harness import netns, texts
from harness.backend import Scripted, free_port, read_head
from harness.client import Connection, fetch
from harness.frames import Frames
from harness.gateway import wait_for

PLAIN = ("127.0.0.1", 8080)
ODD = "o.d_d-"  # as odd as a tenant's name may be
OPEN = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
BODY = 'location / { return 200 "a"; } location /gone { return 410 "b"; }'
SAMPLE = re.compile(r'^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.]+)$')


def scrape(place, path="/metrics", method="GET", **fields):
    """Status, fields and text of an answer."""
    connection = http.client.HTTPConnection(*place, timeout=10)
    try:
        connection.request(method, path, headers={key.replace("_", "-"): value
                                                  for key, value in fields.items()})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.getheader("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return answer.status, answer.headers, body.decode()


def samples(text):
    """By name and labels; every line is one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            name, labels, value = SAMPLE.match(line).groups()
            assert name + (labels or "") not in found, "none twice"
            found[name + (labels or "")] = float(value)
    return found


def answers(place):
    try:
        return scrape(place)[0] == 200
    except OSError:
        return False


def serve(place, *tenants):
    found = samples(scrape(place)[2])
    return all(found.get(f'nsgate_tenant_state{{tenant="{tenant}",state="serving"}}') == 1
               for tenant in tenants)


@pytest.fixture
def place(gateway, authority, namespaces):
    where = ("127.0.0.1", free_port())
    gateway.settings["observe"] = f"127.0.0.1:{where[1]}"
    gateway.write_main()
    gateway.tenant("a", texts.tenant(
        namespaces[0], texts.tls_server(authority, "a.test", BODY),
        f"server {{ listen 8080; {BODY} }}"))
    gateway.tenant(ODD, texts.plain(namespaces[1], BODY))
    gateway.start()
    wait_for(lambda: answers(where) and serve(where, "a", ODD), 30, "both are seen to serve")
    return where


def test_formats_and_encodings(place):
    status, fields, plain = scrape(place)
    assert status == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Accept" in fields["Vary"] and "# EOF" not in plain
    status, fields, text = scrape(place, Accept=OPEN, Accept_Encoding="gzip")
    assert status == 200 and fields["Content-Encoding"] == "gzip"
    assert fields["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("# EOF\n") and "# TYPE nsgate_requests counter\n" in text
    assert samples(plain).keys() == samples(re.sub(r'le="(\d+)\.0"', r'le="\1"', text)).keys()
    status, fields, text = scrape(place, method="HEAD")
    assert status == 200 and not text and fields["Content-Type"].startswith("text/plain")


def test_one_tenant_is_to_be_had(place):
    _, _, one = scrape(place, "/metrics?tenant=o%2Ed_d-")
    assert one and all(name.split("{")[1].startswith(f'tenant="{ODD}"') for name in samples(one))
    assert scrape(place, "/metrics?tenant=none")[0] == 404


def expect_sample(place, name, value):
    """One look at all figures serves who asks within a second."""
    wait_for(lambda: samples(scrape(place)[2]).get(name) == value, 10, f"{name} is {value}")


def count(place, protocol, code, tenant="a"):
    return samples(scrape(place)[2]).get(
        f'nsgate_requests_total{{tenant="{tenant}",protocol="{protocol}",code="{code}"}}')


def test_what_is_sent_is_what_is_counted_whatever_dies(gateway, authority, namespaces, place):
    def ask_some():
        one = Connection(namespaces[0], PLAIN)
        two = Frames(namespaces[0], texts.ADDRESS, authority.context(("h2",)), "a.test").ready()
        for number in range(20):
            path = "/gone" if number % 4 == 0 else "/"
            assert one.ask(path).status == two.ask(path).status
        one.close()
        two.close()

    def expect(times):
        for protocol in ("h1", "h2"):
            wait_for(lambda: count(place, protocol, "2xx") == 15 * times, 10, "they are counted")
            wait_for(lambda: count(place, protocol, "4xx") == 5 * times, 10, "they are counted")

    ask_some()
    expect(1)
    victim = next(pid for pid in gateway.children() if gateway.role(pid) == "observer")
    os.kill(victim, signal.SIGSTOP)
    ask_some()
    os.kill(victim, signal.SIGKILL)
    ask_some()
    wait_for(lambda: answers(place), 20, "there is another observer")
    expect(3)
    for victim in gateway.workers():
        os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(gateway.workers()) == 2, 10, "there are other workers")
    expect(3)
    expect_sample(place, 'nsgate_worker_restarts_total{reason="signal"}', 2)
    expect_sample(place, 'nsgate_request_duration_seconds_count{tenant="a"}', 120)
    expect_sample(place, 'nsgate_request_duration_seconds_bucket{tenant="a",le="+Inf"}', 120)
    expect_sample(place, "nsgate_workers_ready", 2)


def test_each_certificate_is_told_of_by_name_and_kind(gateway, authority, namespaces, place):
    """Also by the next binary, which examines nothing anew."""
    gateway.tenant("c", texts.tenant(namespaces[2], *(
        texts.tls_server(authority, name, BODY, "127.0.0.1:8443 ssl")
        for name in ("c.test", "d.test"))))
    assert gateway.ask("reload").returncode == 0

    def told():
        status, _, text = scrape(place, "/metrics?tenant=c")
        found = samples(text) if status == 200 else {}
        return {key.split('server_name="')[1].split('"')[0]: value for key, value in found.items()
                if key.startswith("nsgate_certificate_expiry_timestamp_seconds{")
                and 'kind="other"' not in key}

    def is_told():
        try:
            found = told()
        except OSError:
            return False
        return set(found) == {"c.test", "d.test"} and min(found.values()) > time.time()

    wait_for(is_told, 10, "both are told of")
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGUSR2)
    gateway.wait_log(r"upgrade done.*", 30, at)
    gateway.wait_log(r"reload done.*", 30, at)
    wait_for(lambda: answers(place) and is_told(), 20, "both are told of by the next one")


def test_each_worker_tells_of_its_turns_and_descriptors(namespaces, place):
    with_connections = [Connection(namespaces[0], PLAIN) for _ in range(3)]
    for connection in with_connections:
        assert connection.ask("/").status == 200

    def of_workers(name):
        found = samples(scrape(place)[2])
        return [found.get(f'nsgate_worker_{name}{{worker="{number}"}}', 0) for number in range(2)]

    wait_for(lambda: sum(of_workers("descriptors")) >= 2 * 32 + 3 + 2 * 3, 10, "they are counted")
    assert all(used < allowed for used, allowed in zip(of_workers("descriptors"),
                                                       of_workers("descriptors_allowed")))
    assert all(count > 0 for count in of_workers("loop_turn_duration_seconds_count"))
    assert "nsgate_log_dropped_total" in samples(scrape(place)[2])
    for connection in with_connections:
        connection.close()


def test_a_removed_tenants_series_end(gateway, place):
    gateway.remove_tenant(ODD)
    assert gateway.ask("reload").returncode == 0
    wait_for(lambda: ODD not in scrape(place)[2], 10, "nothing is told of it")


def failures(place):
    """Of all servers, by reason."""
    label = re.compile('nsgate_endpoint_failures_total{.*reason="([a-z_]+)"')
    return {label.match(name).group(1): value
            for name, value in samples(scrape(place)[2]).items() if label.match(name) and value}


def test_a_server_is_not_blamed_for_what_a_client_breaks_off(gateway, place, namespaces):
    heads = []

    def read(connection, _):
        heads.append(read_head(connection))
        while connection.recv(4096):
            pass

    server = Scripted(read)
    gateway.tenant(ODD, texts.plain(
        namespaces[1], f"location / {{ proxy_pass http://{server.address}; }}"))
    assert "done" in gateway.reload()
    client = netns.connect(namespaces[1], PLAIN)
    client.sendall(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nbegun")
    wait_for(lambda: heads, 10, "the server has the head")
    client.close()
    wait_for(lambda: not server.open, 10, "the server's connection ends")
    server.close()
    assert fetch(namespaces[1], PLAIN).status == 502
    wait_for(lambda: failures(place), 10, "the second one's failure is counted")
    assert failures(place) == {"connect": 1}
