# SPDX-License-Identifier: MIT
"""Chromium, headless, driven by the DevTools protocol over a pipe."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATIENCE = 90

# A page must not ask anybody else: neither must the browser.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-features=Translate,OptimizationHints,MediaRouter", "--metrics-recording-only",
         "--hide-scrollbars", "--remote-debugging-pipe"]


class Browser:
    """One process; each page() is a tab of its own with a profile of its own."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="nsg-browser-")
        theirs_in, self.out = os.pipe()
        self.inp, theirs_out = os.pipe()
        # The protocol is spoken on descriptors 3 and 4, which may be ours here.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in (theirs_in, theirs_out)]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash", "chromium", *FLAGS,
             f"--user-data-dir={self.profile}", "about:blank"],
            pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        self.rest = b""
        self.number = 0
        self.events = []

    def close(self):
        os.close(self.out)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.inp)
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, end):
        """The next message; None when none has come by then."""
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            if not select.select([self.inp], [], [], max(0, left))[0]:
                return None
            piece = os.read(self.inp, 1 << 20)
            assert piece, "the browser has ended"
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        asked = {"id": self.number, "method": method, "params": parameters}
        if session:
            asked["sessionId"] = session
        data = json.dumps(asked).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        end = time.monotonic() + PATIENCE
        while True:
            message = self.receive(end)
            assert message is not None, f"{method} is not answered"
            if message.get("id") == self.number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            if "method" in message:
                self.events.append(message)

    def page(self):
        return Page(self)


class Page:
    """One tab, and what it has asked for and complained of."""

    def __init__(self, browser):
        self.browser = browser
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank",
                              browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.size(1440, 900)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def close(self):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)
        self.browser.events.clear()

    def size(self, width, height, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, url):
        self.call("Page.navigate", url=url)

    def run(self, script):
        """What the expression, or the promise that it is, comes to."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script, what=""):
        """Until the expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"!!({script})"):
            assert time.monotonic() < end, f"{what or script}: {self.run('document.body.innerText')[:800]}"
            time.sleep(0.05)

    def key(self, key, code=0, text=""):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, text=text,
                  windowsVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key,
                  windowsVirtualKeyCode=code)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def told(self, *methods):
        """Parameters of the events of these kinds so far."""
        self.run("1")  # what was on its way is there
        return [event["params"] for event in self.browser.events
                if event.get("sessionId") == self.session and event["method"] in methods]

    def complaints(self):
        """Errors in the console, exceptions, and what was refused."""
        wrong = [str(entry) for entry in self.told("Runtime.exceptionThrown")]
        wrong += [str(entry) for entry in self.told("Runtime.consoleAPICalled")
                  if entry["type"] in ("error", "warning", "assert")]
        wrong += [str(entry) for entry in self.told("Log.entryAdded")
                  if entry["entry"]["level"] in ("error", "warning")]
        return wrong

    def asked(self):
        """The addresses that were asked for."""
        return [entry["request"]["url"] for entry in self.told("Network.requestWillBeSent")]
