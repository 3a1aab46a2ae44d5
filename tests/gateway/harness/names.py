# SPDX-License-Identifier: MIT
"""A small name server on a loopback address of its own, and how a gateway is made to ask it."""

import os
import socket
import struct
import threading


class NameServer:
    """Answers A questions from `names`; what is not there does not exist. `how`: "answer", "fail"
    (SERVFAIL) or "silence"."""

    def __init__(self, folder):
        self.address = f"127.{53 + os.getpid() % 100}.{os.getpid() // 100 % 250}.53"
        self.names, self.how, self.asked = {}, "answer", 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 53))
        self.conf = folder / "resolv.conf"
        self.conf.write_text(f"nameserver {self.address}\n")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def prefix(self):
        """In front of the gateway's command line: it sees this server's resolv.conf."""
        return ("unshare", "--mount", "--propagation", "slave", "sh", "-c",
                f'mount --bind {self.conf} /etc/resolv.conf && exec "$@"', "sh")

    def _run(self):
        while True:
            question, client = self.socket.recvfrom(512)
            if not question:
                return
            self.asked += 1
            if self.how != "silence":
                self.socket.sendto(self._answer(question), client)

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, = struct.unpack_from(">H", question, at + 1)
        asked = question[12:at + 5]
        addresses = self.names.get(".".join(labels).lower(), None)
        code = 2 if self.how == "fail" else 3 if addresses is None else 0
        found = [address for address in addresses or [] if kind == 1 and code == 0]
        head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0)
        return head + asked + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
            for address in found)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"", (self.address, 53))
        self.thread.join(5)
        self.socket.close()
