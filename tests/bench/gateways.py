# SPDX-License-Identifier: MIT
"""nsgate and its peers, each with one worker and configured for the same two tenants: "a", from which
the floods come, and "b", its neighbour. Tenants of nsgate have namespaces of their own; for the
others a tenant is an address."""

import shutil

from harness import texts
from harness.backend import free_port
from harness.gateway import Gateway

from bench.testbed import end, wait_until_served

PATTERN = "^/(a+)+$"
STREAMS = 128


class Nsgate:
    name, package, lacks = "nsgate", None, {}

    def __init__(self, testbed, folder):
        self.gateway = Gateway(folder, worker_processes="1", log_level="warn")
        self.testbed, self.ports = testbed, dict.fromkeys("ab", texts.PORT)
        self.namespaces = testbed.namespaces

    def start(self):
        for name in "ab":
            self.gateway.tenant(name, texts.tenant(
                self.namespaces[name], texts.tls_server(self.testbed.authority, f"{name}.test", f"""
                    location / {{ proxy_pass http://127.0.0.1:{self.testbed.backends[name]}; }}
                    location /ws {{ proxy_pass http://127.0.0.1:{self.testbed.echo}; }}
                    location ~ "{PATTERN}" {{ return 200 matched; }}"""),
                settings=f"""max_connections 10000; keepalive_requests 1000000;
                    http2_max_concurrent_streams {STREAMS};"""))
        self.gateway.start(wait=False, prefix=self.testbed.for_gateway)
        for name in "ab":
            wait_until_served(self.namespaces[name], texts.PORT, self.testbed.authority.context(),
                              f"{name}.test")

    def stop(self):
        self.gateway.stop()


class Peer:
    """One that is told all by one file. lacks: rows that it cannot have, and why."""

    lacks = {}

    def __init__(self, testbed, folder):
        self.testbed, self.folder = testbed, folder
        self.ports = {name: free_port() for name in "ab"}
        self.namespaces = {"a": None, "b": None}

    @classmethod
    def is_here(cls):
        return shutil.which(cls.program) is not None

    def start(self):
        values = {"folder": self.folder, "certificates": self.testbed.folder, "pattern": PATTERN,
                  "streams": STREAMS, "echo": self.testbed.echo,
                  **{f"{name}_{what}": ports[name] for what, ports in
                     (("port", self.ports), ("backend", self.testbed.backends)) for name in "ab"}}
        (self.folder / "conf").write_text(self.text.format(**values))
        self.process = self.testbed.run(
            [*self.testbed.for_gateway, self.program, *self.arguments, self.folder / "conf"],
            f"{self.name}.log")
        for name in "ab":
            wait_until_served(None, self.ports[name], self.testbed.authority.context(), f"{name}.test")

    def stop(self):
        end(self.process)


NGINX_SERVER = """
    upstream {0} {{{{ server 127.0.0.1:{{{0}_backend}}; keepalive 64; keepalive_requests 1000000; }}}}
    server {{{{
        listen 127.0.0.1:{{{0}_port}} ssl http2 backlog=4096;
        server_name {0}.test;
        ssl_certificate {{certificates}}/{0}.test.pem;
        ssl_certificate_key {{certificates}}/{0}.test.pem;
        location / {{{{ proxy_pass http://{0}; proxy_set_header Connection ""; }}}}
        location /ws {{{{ proxy_pass http://127.0.0.1:{{echo}}; proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade; }}}}
        location ~ "{{pattern}}" {{{{ return 200 matched; }}}}
    }}}}"""


class Nginx(Peer):
    name, program, package, arguments = "nginx", "nginx", "nginx-light", ["-c"]
    text = """
daemon off; user root; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 15000; }}
http {{
    access_log off; proxy_http_version 1.1; keepalive_requests 1000000; sendfile on;
    http2_max_concurrent_streams {streams};
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
""" + "".join(NGINX_SERVER.format(name) for name in "ab") + "\n}}\n"


HAPROXY_SERVER = """
frontend {0}
    bind 127.0.0.1:{{{0}_port}} ssl crt {{certificates}}/{0}.test.pem alpn h2,http/1.1 backlog 4096
    http-request return status 200 content-type text/plain string matched if {{{{ path_reg {{pattern}} }}}}
    use_backend echo if {{{{ path /ws }}}}
    default_backend {0}
backend {0}
    server s 127.0.0.1:{{{0}_backend}}
"""


class Haproxy(Peer):
    name, program, package, arguments = "haproxy", "haproxy", "haproxy", ["-db", "-f"]
    text = """
global
    nbthread 1
    maxconn 9000
    tune.h2.max-concurrent-streams {streams}
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
backend echo
    server s 127.0.0.1:{echo}
""" + "".join(HAPROXY_SERVER.format(name) for name in "ab")


class Nghttpx(Peer):
    name, program, package = "nghttpx", "nghttpx", "nghttp2-proxy"
    arguments, lacks = ["--conf"], {"regex": "has no regular expressions"}
    text = """
frontend=127.0.0.1,{a_port}
frontend=127.0.0.1,{b_port}
backend=127.0.0.1,{a_backend};a.test/
backend=127.0.0.1,{echo};a.test/ws
backend=127.0.0.1,{b_backend};b.test/
backend=127.0.0.1,{b_backend};/
private-key-file={certificates}/a.test.pem
certificate-file={certificates}/a.test.pem
subcert={certificates}/b.test.pem:{certificates}/b.test.pem
workers=1
backlog=4096
rlimit-nofile=20000
frontend-http2-max-concurrent-streams={streams}
errorlog-file={folder}/error.log
accesslog-file=/dev/null
no-ocsp=yes
pid-file={folder}/pid
"""


ALL = {made.name: made for made in (Nsgate, Nginx, Haproxy, Nghttpx)}
