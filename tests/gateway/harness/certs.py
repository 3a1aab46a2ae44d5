# SPDX-License-Identifier: MIT
"""A certificate authority for one test run, by the scripts in certs/."""

import pathlib
import ssl
import subprocess

SCRIPTS = pathlib.Path(__file__).resolve().parents[3] / "certs"


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        subprocess.run([SCRIPTS / "make-ca.sh", folder], check=True)
        self.ca = self.folder / "ca.crt"

    def issue(self, name, kind="ec", *names):
        """Issues or replaces NAME.crt and NAME.key; returns both paths."""
        subprocess.run([SCRIPTS / "make-cert.sh", self.folder, name, kind, *names], check=True)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def issue_client(self, name, *options):
        """Issues NAME.crt and NAME.key for a client; returns both paths."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate, extension = self.folder / f"{name}.crt", self.folder / "client.ext"
        extension.write_text("extendedKeyUsage=clientAuth\n")
        for command in (
                ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-subj", f"/O=Test/CN={name}", "-keyout", key, "-out", request],
                ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key",
                 "-extfile", extension, "-days", "10", *options, "-out", certificate]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        return certificate, key

    def serial(self, name):
        text = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in",
                               self.folder / f"{name}.crt"], check=True, capture_output=True,
                              text=True).stdout
        return text.strip().split("=")[1].upper().lstrip("0")

    def context(self, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=str(self.ca))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def peer_serial(connection):
    return connection.getpeercert()["serialNumber"].upper().lstrip("0")
