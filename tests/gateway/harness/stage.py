# SPDX-License-Identifier: MIT
"""Plays the observer for the page: the gateway's own document, and figures as a test wants them."""

import http.server
import json
import threading
import time


class Stage:
    """document: the answer of a real observer, with its head. data: what is told, by path; None
    for what is not there. While is_away, connections are cut."""

    def __init__(self, document):
        self.document = document
        self.data = {}
        self.asked = []
        self.is_away = False
        stage = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stage.asked.append(self.path)
                if stage.is_away:
                    self.close_connection = True
                    return
                if self.path == "/":
                    fields = {name: value for name, value in stage.document.fields.items()
                              if name not in ("date", "connection", "content-length", "server")}
                    self.say(200, stage.document.body, fields)
                else:
                    told = stage.data.get(self.path)
                    self.say(404 if told is None else 200, json.dumps(told).encode(),
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


def tenant(name, state="serving", **more):
    """One tenant of /status.json."""
    return {"tenant": name, "namespace": "ns-" + name, "inode": 4026532000, "state": state,
            "bound": 1, "listeners": 1, "connections": 0, "draining": 0, "requests": 0,
            "refused_handshakes": 0, "certificate_expiry": None, "generation": 1,
            "last_error": None, **more}


def status(*tenants, **more):
    return {"version": "0.1.0", "state": "serving", "pid": 1, "uptime": 100, "sandbox": "on",
            "landlock": 3, "generation": 1, "workers": 2, "draining": 0, "connections": 0,
            "partial": False, "tenants": list(tenants), **more}


def in_days(days):
    """A moment as the status tells it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86400))
