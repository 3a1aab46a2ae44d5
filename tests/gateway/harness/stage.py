# SPDX-License-Identifier: MIT
"""Plays the observer for the page: the gateway's own document, and figures as a test wants them."""

import http.server
import json
import threading
import time
import urllib.parse

COLUMNS = ["name", "namespace", "state", "bound", "listeners", "connections", "expires", "error",
           "rate", "errors", "p50", "p99", "curve", "errorCurve"]


class Stage:
    """document: the answer of a real observer, with its head. tenants and gateway: what is told.
    While is_away, connections are cut."""

    def __init__(self, document):
        self.document = document
        self.tenants = []
        self.gateway = {}
        self.is_away = False
        stage = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                if stage.is_away:
                    self.close_connection = True
                    return
                if path == "/":
                    fields = {name: value for name, value in stage.document.fields.items()
                              if name not in ("date", "connection", "content-length", "server")}
                    self.say(200, stage.document.body, fields)
                else:
                    chosen = urllib.parse.parse_qs(query).get("tenant", [None])[0]
                    self.say(200 if path == "/page.json" else 404,
                             json.dumps(stage.told(chosen)).encode(),
                             {"Content-Type": "application/json"})

            def say(self, status, body, fields):
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a browser that goes away

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def told(self, chosen):
        """What /page.json says; chosen: of that tenant."""
        now = time.time()
        states = {}
        for one in self.tenants:
            states[one["state"]] = states.get(one["state"], 0) + 1
        shown = [one for one in self.tenants if chosen in (None, one["name"])]
        whole = {"version": "0.1.0", "state": "serving", "now": int(now), "started": int(now) - 100,
                 "generation": 1, "ready": 2, "wanted": 2, "draining": 0, "restarts": 0,
                 "goodReload": int(now) - 90, "reload": None, "states": states, "expired": 0,
                 "expiring": 0, "connections": 0, "sandbox": "on", "step": 15, "points": 60,
                 "flow": [0, 0, None, None], "curve": None, "columns": COLUMNS,
                 "tenants": [[one[name] for name in COLUMNS] for one in shown], **self.gateway}
        if chosen is not None and shown:
            whole.update({"help": {}, "figures": {}, "curves": dict.fromkeys(
                ["rate", "errors", "p50", "p99", "connections"]), "complaints": [], "parts": [],
                "error": shown[0]["error"], **shown[0]["more"]})
        return whole


def tenant(name, state="serving", more=(), **columns):
    """One tenant; more: what is told of it alone."""
    return {"name": name, "namespace": "ns-" + name, "state": state, "bound": 1, "listeners": 1,
            "connections": 0, "expires": 0, "error": "", "rate": 0, "errors": 0, "p50": None,
            "p99": None, "curve": None, "errorCurve": None, "more": dict(more), **columns}


def in_days(days):
    return int(time.time() + days * 86400)


def part(scope, figures, **labels):
    """A listener, endpoint or certificate."""
    return {"scope": scope, **labels, "figures": figures}
