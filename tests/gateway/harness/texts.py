# SPDX-License-Identifier: MIT
"""Tenant files as the tests need them most."""

PORT = 8443
ADDRESS = ("127.0.0.1", PORT)


def tls_server(authority, name, body, listen=f"127.0.0.1:{PORT} ssl", names=None):
    """A server block with NAME's certificate (issued when there is none yet)."""
    certificate = authority.folder / f"{name}.crt"
    if not certificate.exists():
        authority.issue(name)
    return f"""
server {{
    listen {listen};
    server_name {names or name};
    ssl_certificate {certificate};
    ssl_certificate_key {authority.folder / f"{name}.key"};
    {body}
}}
"""


def tenant(namespace, *blocks, settings=""):
    netns = namespace if namespace else "host"
    return f"netns {netns};\n{settings}\n" + "\n".join(blocks)


def proxied(authority, namespace, name, backend, settings="", location=""):
    """One TLS server that forwards everything to a backend."""
    body = f"location / {{ proxy_pass http://{backend}; {location} }}"
    return tenant(namespace, tls_server(authority, name, body), settings=settings)


def plain(namespace, body, listen="127.0.0.1:8080", settings=""):
    """One server without TLS."""
    return tenant(namespace, f"server {{ listen {listen}; {body} }}", settings=settings)
