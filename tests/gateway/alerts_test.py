# SPDX-License-Identifier: MIT
"""The rules that operators are given, on figures that are played: each alert fires in its scenario,
and no other one does. JSON is YAML, so the scenarios need no writer of their own."""

import json

import pytest

from harness.prometheus import SAMPLES, promtool

MINUTES, END = 120, 65  # of figures, and when it is looked
DAY = 86400
FAR = f"{60 * DAY}"
STATES = ("serving", "degraded", "waiting", "blocked", "refused")


def name(metric, **labels):
    return metric + json.dumps({"job": "nsgate", "instance": "gw:9180", **labels}).replace(
        '": ', '"=').replace('{"', "{").replace(', "', ",").replace('"=', "=")


def constant(value):
    return f"{value}x{MINUTES}"


def grows(by):
    """So much each minute."""
    return f"0+{by}x{MINUTES}"


def jumps(before, after):
    """Ten minutes before it is looked."""
    return f"{before}x{END - 10} {after}x{MINUTES - END + 10}"


def state(now):
    return {name("nsgate_tenant_state", tenant="acme", state=each): constant(int(each == now))
            for each in STATES}


def reload(outcome):
    return {name("nsgate_last_reload", outcome=each): constant(int(each == outcome))
            for each in ("done", "partial", "refused")}


def requests(good, failed):
    return {name("nsgate_requests_total", tenant="acme", protocol="h2", code=code): grows(count)
            for code, count in (("2xx", good), ("5xx", failed))}


def durations(fast, rest):
    return {name("nsgate_request_duration_seconds_bucket", tenant="acme", le=le): grows(count)
            for le, count in (("0.1", fast), ("5", fast + rest), ("+Inf", fast + rest))}


def endpoints(*up):
    return {name("nsgate_endpoint_up", tenant="acme", upstream="pool", server=f"10.0.0.{i}:80"):
            constant(value) for i, value in enumerate(up)}


def certificate(seconds):
    return {name("nsgate_certificate_expiry_timestamp_seconds", tenant="acme",
                 server_name="acme.test", kind="ec"): constant(seconds)}


def one(metric, values, **labels):
    return {name(metric, **labels): values}


HEALTHY = {
    **one("up", constant(1)),
    **one("nsgate_workers_ready", constant(2)), **one("nsgate_workers_wanted", constant(2)),
    **one("nsgate_worker_restarts_total", constant(3), reason="signal"), **reload("done"),
    **one("nsgate_access_log_dropped_total", constant(5)),
    **one("nsgate_log_dropped_total", constant(7)),
    **one("nsgate_worker_descriptors", constant(700), worker="0"),
    **one("nsgate_worker_descriptors_allowed", constant(1000), worker="0"),
    **state("serving"), **requests(6000, 60), **durations(6060, 0), **endpoints(1, 1),
    **certificate(FAR),
}

# What is otherwise than in a healthy one, and which alerts fire.
SCENARIOS = {
    "all is well": ({}, []),
    "the gateway cannot be asked": (one("up", constant(0)), ["NsgateDown"]),
    "nobody is asked": (one("up", None), ["NsgateDown"]),
    "a worker does not become ready": (one("nsgate_workers_ready", constant(1)),
                                       ["NsgateWorkersMissing"]),
    "a worker was killed": (one("nsgate_worker_restarts_total", jumps(3, 4), reason="signal"),
                            ["NsgateWorkerRestarted"]),
    "the main file is broken": (reload("refused"), ["NsgateReloadNotDone"]),
    "a tenant's file is broken": (reload("partial"), ["NsgateReloadNotDone"]),
    "lines of an access log are lost": (one("nsgate_access_log_dropped_total", jumps(5, 9)),
                                        ["NsgateAccessLogLinesDropped"]),
    "lines of the error log are lost": (one("nsgate_log_dropped_total", jumps(7, 8)),
                                        ["NsgateErrorLogLinesDropped"]),
    "a worker has few descriptors left": (
        one("nsgate_worker_descriptors", constant(801), worker="0"), ["NsgateFewDescriptors"]),
    "a tenant waits": (state("waiting"), ["NsgateTenantNotServing"]),
    "a tenant is blocked": (state("blocked"), ["NsgateTenantNotServing"]),
    "a tenant is refused": (state("refused"), ["NsgateTenantNotServing"]),
    "a tenant serves in part": (state("degraded"), ["NsgateTenantDegraded"]),
    "a tenth of the requests fails": (requests(6000, 660), ["NsgateErrors"]),
    "the only request fails, now and then": (requests(0, 1), []),
    "one request in fifty is slow": (durations(5940, 120), ["NsgateSlow"]),
    "one of two servers is down": (endpoints(1, 0), ["NsgateEndpointDown"]),
    "both servers are down": (endpoints(0, 0),
                              ["NsgateEndpointDown", "NsgateEndpointDown", "NsgateUpstreamDown"]),
    "a certificate has a month": (certificate(29 * DAY), ["NsgateCertificateExpiresIn30Days"]),
    "a certificate has a week": (certificate(6 * DAY), ["NsgateCertificateExpiresIn7Days"]),
    "a certificate has a day": (certificate(DAY), ["NsgateCertificateExpiresIn1Day"]),
    "a certificate has expired": (certificate(60), ["NsgateCertificateExpiresIn1Day"]),
}


def scenario(what, changes, alerts):
    series = {**HEALTHY, **changes}
    return {
        "name": what, "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()
                         if values is not None],
        "promql_expr_test": [{
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{END}m",
            "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": alerts.count(alert)}
                            for alert in sorted(set(alerts))]}]}


def run(folder, scenarios):
    file = folder / "scenarios.yml"
    file.write_text(json.dumps({
        "rule_files": [str(SAMPLES / "rules.yml"), str(SAMPLES / "alerts.yml")],
        "evaluation_interval": "1m", "tests": scenarios}))
    promtool("test", "rules", file)


def test_files_are_good():
    promtool("check", "config", SAMPLES / "prometheus.yml")
    promtool("check", "rules", "--lint=all", "--lint-fatal", SAMPLES / "rules.yml",
             SAMPLES / "alerts.yml")


def test_each_alert_fires_in_its_scenario_alone(tmp_path):
    run(tmp_path, [scenario(what, *told) for what, told in SCENARIOS.items()])
    fired = {alert for _, alerts in SCENARIOS.values() for alert in alerts}
    written = {line.split()[-1] for line in (SAMPLES / "alerts.yml").read_text().splitlines()
               if "- alert:" in line}
    assert fired == written, "each has a scenario"


def test_a_scenario_can_fail(tmp_path):
    with pytest.raises(AssertionError, match="NsgateDown"):
        run(tmp_path, [scenario("wrong", one("up", constant(0)), [])])
