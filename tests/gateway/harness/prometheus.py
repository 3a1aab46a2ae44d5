# SPDX-License-Identifier: MIT
"""The real Prometheus, with the configuration that operators are given: only what it asks whom, and
how often, is the test's."""

import json
import re
import subprocess
import urllib.parse
import urllib.request

from .backend import free_port
from .gateway import ROOT, wait_for

SAMPLES = ROOT / "conf" / "observability"


def promtool(*arguments, text=None):
    """Its output; it must be content."""
    result = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True,
                            input=text, timeout=120)
    assert result.returncode == 0, f"{arguments}: {result.stdout}\n{result.stderr}"
    return result.stdout + result.stderr


class Prometheus:
    """It scrapes and evaluates each second, and alerts do not wait."""

    def __init__(self, folder, target):
        self.port = free_port()
        text = (SAMPLES / "prometheus.yml").read_text()
        assert "127.0.0.1:9180" in text
        text = text.replace("127.0.0.1:9180", target)
        (folder / "prometheus.yml").write_text(re.sub(r"(_interval: )\d+s", r"\g<1>1s", text))
        (folder / "rules.yml").write_text((SAMPLES / "rules.yml").read_text())
        alerts = (SAMPLES / "alerts.yml").read_text()
        (folder / "alerts.yml").write_text(re.sub(r"\n *for: .*", "", alerts))
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'data'}", "--storage.tsdb.retention.time=1h",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                stdout=log, stderr=log, cwd=folder)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, text):
        """The series, each a dictionary of its labels and its value."""
        return [(series["metric"], float(series["value"][1]))
                for series in self.ask("query", query=text)["result"]]

    def wait(self, text, seconds=30):
        """Until the query has a result, which is returned."""
        return wait_for(lambda: self.query(text), seconds, text)

    def wait_ready(self):
        def is_up():
            assert self.process.poll() is None, "Prometheus has ended"
            try:
                return self.query("up == 1")
            except (OSError, AssertionError):
                return False  # it starts
        wait_for(is_up, 60, "the first scrape")

    def firing(self):
        """Names of alerts, with their labels."""
        return {alert["labels"]["alertname"]: alert for alert in self.ask("alerts")["alerts"]
                if alert["state"] == "firing"}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
