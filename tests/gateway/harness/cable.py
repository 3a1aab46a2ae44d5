# SPDX-License-Identifier: MIT
"""A cable from the host into a namespace: it vanishes when the kernel frees the namespace."""

import os

from . import netns


class Cable:
    def __init__(self, namespace, number):
        netns.claim_host("a cable to the host")
        self.link, self.address = f"nsg{os.getpid() % 100000}c{number}", f"169.254.77.{4 * number + 2}"
        netns.run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "nsg0", "netns",
                  namespace)
        netns.run("ip", "address", "add", f"169.254.77.{4 * number + 1}/30", "dev", self.link)
        netns.run("ip", "link", "set", self.link, "up")
        netns.run("ip", "-n", namespace, "address", "add", f"{self.address}/30", "dev", "nsg0")
        netns.run("ip", "-n", namespace, "link", "set", "nsg0", "up")

    def is_there(self):
        return os.path.exists(f"/sys/class/net/{self.link}")

    def remove(self):
        netns.run("ip", "link", "del", self.link, check=False)
