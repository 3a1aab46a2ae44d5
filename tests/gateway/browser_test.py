# SPDX-License-Identifier: MIT
"""Chromium, headless, over HTTP/2: a page with many parts and a script that posts."""

import subprocess
import tempfile

import pytest

from harness import texts
from harness.backend import EchoServer, Echo

pytestmark = pytest.mark.measures  # once is enough: the browser is what is slow
PARTS = 40
PAGE = f"""<!doctype html><title>page</title><body>waiting<script>
Promise.all([...Array({PARTS}).keys()].map(n => fetch("/bytes/" + (n * 1000 + 1))
    .then(r => r.text()).then(t => t.length)))
.then(sizes => fetch("/post", {{method: "POST", body: "b".repeat(300000)}}).then(r => r.json())
    .then(seen => {{ document.body.textContent = "done " + sizes.reduce((a, b) => a + b, 0) + " "
        + seen.length + " " + performance.getEntriesByType("navigation")[0].nextHopProtocol; }}))
.catch(error => {{ document.body.textContent = "failed " + error; }});
</script></body>"""


class Site(Echo):
    def answer(self):
        if self.path != "/page":
            return super().answer()
        content = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer


def test_a_page_with_many_parts(gateway, authority, namespace):
    server = EchoServer("site")
    server.server.RequestHandlerClass = Site
    gateway.tenant("a", texts.proxied(authority, namespace, "page.test", server.address))
    gateway.start()
    try:
        with tempfile.TemporaryDirectory() as profile:
            out = subprocess.run(
                ["ip", "netns", "exec", namespace, "chromium", "--headless", "--no-sandbox",
                 "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--ignore-certificate-errors", "--host-resolver-rules=MAP page.test 127.0.0.1",
                 f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom",
                 f"https://page.test:{texts.PORT}/page"],
                capture_output=True, text=True, timeout=120)
        total = sum(n * 1000 + 1 for n in range(PARTS))
        assert f"done {total} 300000 h2" in out.stdout, out.stdout[-500:] + out.stderr[-500:]
    finally:
        server.close()
