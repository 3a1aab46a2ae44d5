# SPDX-License-Identifier: MIT
"""The command line, and what an operator is told."""

import os
import re
import shutil
import subprocess

import pytest

from harness import texts
from harness.client import fetch
from harness.gateway import BINARY, wait_for


def nsgate(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_version_and_help():
    for option in ("-v", "--version"):
        version = nsgate(option)
        assert version.returncode == 0
        assert re.fullmatch(r"nsgate version: nsgate/\d+\.\d+\.\d+\n", version.stdout), version
    for option in ("-h", "--help"):
        usage = nsgate(option)
        assert usage.returncode == 0 and not usage.stderr
        for named in ("-c", "-t", "-T", "-s", "-v", "-h", "--json", "--socket"):
            assert named in usage.stdout
    assert nsgate("-z").returncode == 1
    dance = nsgate("-s", "dance")
    assert dance.returncode == 1
    assert dance.stderr.count("\n") == 1 and "reload" in dance.stderr
    odd = nsgate("-s", "quit", "--json")
    assert odd.returncode == 1 and "--json" in odd.stderr
    assert nsgate("stray").returncode == 1
    for alone in (("--json",), ("--socket", "x")):
        assert nsgate("-t", *alone).returncode == 1 and nsgate(*alone).returncode == 1


def test_no_main_file(tmp_path):
    for option in ((), ("-t",)):
        result = nsgate("-c", tmp_path / "none.conf", *option)
        assert result.returncode == 1 and "none.conf" in result.stderr
        assert "tenants" not in result.stderr, "a file that is not there lacks nothing else"


@pytest.mark.alone
def test_an_openssl_without_its_default_provider_is_called_that(gateway, tmp_path):
    bare = tmp_path / "openssl.cnf"
    bare.write_text("openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = base\n"
                    "[base]\nactivate = 1\n")
    gateway.tenant("a", "netns host; server { listen 127.0.0.1:8080; return 204; }")
    result = subprocess.run([BINARY, "-c", gateway.folder / "nsgate.conf", "-t"], text=True,
                            capture_output=True, env={**os.environ, "OPENSSL_CONF": str(bare)})
    assert result.returncode == 1
    assert "OpenSSL's default provider is not loaded" in result.stderr
    assert "out of memory" not in result.stderr


@pytest.mark.alone
def test_what_openssl_refuses_is_told_at_its_own_line(gateway, authority):
    pair = authority.issue("a.test")
    tls = (f"listen 127.0.0.1:8443 ssl;\nssl_certificate {pair[0]}; "
           f"ssl_certificate_key {pair[1]};\n")
    gateway.tenant("a", f"netns host;\nssl_ecdh_curve\n  X25519:nonsense;\nserver {{ {tls}"
                   "ssl_ciphers NONE:SUCH; return 204; }\nserver { server_name b; "
                   f"{tls} return 204; }}\nserver {{ listen 127.0.0.1:8080;\n"
                   "location / { proxy_pass https://127.0.0.1:1;\nproxy_ssl_ciphers x; } }")
    result = nsgate("-c", gateway.folder / "nsgate.conf", "-t")
    assert result.returncode == 1
    assert "a.conf:3:3: invalid group list \"X25519:nonsense\"" in result.stderr
    assert "a.conf:6:13: invalid cipher list \"NONE:SUCH\"" in result.stderr
    assert "a.conf:12:19: invalid cipher list \"x\"" in result.stderr
    assert result.stderr.count("[error]") == 3, "each once"


@pytest.mark.alone
def test_names_that_can_never_match_are_warned_about(gateway):
    gateway.tenant("a", "netns host; server { listen 127.0.0.1:8080;\n"
                   "server_name A.test *.MÜLLER.test 'b \"c\"' a.test:80;\n"
                   'return 200 "$server_name"; }')
    result = nsgate("-c", gateway.folder / "nsgate.conf", "-t")
    assert result.returncode == 0, result.stderr
    assert re.search(r'\[warn\].*a.conf:2:20: the server name "\*.MÜLLER.test" never matches: .*'
                     r'"\*.xn--mller-kva.test" would', result.stderr)
    assert 'a.conf:2:35: the server name "b "c"" never matches' in result.stderr
    assert '"a.test" would' in result.stderr
    assert len(re.findall(r"\[warn\].*a\.conf", result.stderr)) == 3
    gateway.start()
    answer = fetch(None, ("127.0.0.1", 8080), headers={"Host": "a.test"})
    assert answer.body == b"a.test", "$server_name is lower case"


def test_t_says_all_errors_at_once(gateway, authority, namespace):
    gateway.tenant("good", texts.proxied(authority, namespace, "good.test", "127.0.0.1:1"))
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 0, result.stderr
    assert "successful" in result.stderr
    gateway.tenant("bad", "netns x;\nserver {\n    lisen 80;\n    listen 99999;\n}\n")
    gateway.tenant("worse", texts.proxied(authority, namespace, "good.test", "127.0.0.1:1")
                   .replace("good.test.key", "gone.key"))
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 1
    assert re.search(r"bad\.conf:3:5: .*lisen.*listen", result.stderr)
    assert re.search(r"bad\.conf:4:12: .*99999", result.stderr)
    assert re.search(r"worse\.conf:\d+:\d+: .*gone\.key", result.stderr)
    assert "failed" in result.stderr


def test_t_warns_of_a_key_that_others_can_read(gateway, authority, namespace):
    gateway.tenant("open", texts.proxied(authority, namespace, "open.test", "127.0.0.1:1"))
    (authority.folder / "open.test.key").chmod(0o644)
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 0
    assert re.search(r"open\.conf:\d+:\d+: .*open\.test\.key", result.stderr)
    (authority.folder / "open.test.key").chmod(0o600)


def test_capital_t_dumps_the_files(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    result = nsgate("-T", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 0
    assert f"# configuration file {gateway.folder}/nsgate.conf:" in result.stdout
    assert f"# configuration file {gateway.folder}/tenants/a.conf:" in result.stdout
    assert 'return 200 "x";' in result.stdout


def test_the_sample_files_are_good(tmp_path, authority):
    import pathlib
    conf = pathlib.Path(__file__).resolve().parents[2] / "conf"
    shutil.copytree(conf, tmp_path / "conf")
    authority.issue("acme.test")
    (tmp_path / "conf" / "certs").mkdir()
    shutil.copy(authority.folder / "acme.test.crt", tmp_path / "conf" / "certs" / "acme.crt")
    shutil.copy(authority.folder / "acme.test.key", tmp_path / "conf" / "certs" / "acme.key")
    result = nsgate("-t", "-c", tmp_path / "conf" / "nsgate.conf")
    assert "[error]" not in result.stderr and "unknown" not in result.stderr, result.stderr
    assert result.returncode == 0


REFUSED_BY_NAME = {
    "client certificate": "location / { proxy_ssl_certificate a; proxy_pass https://127.0.0.1:1; }",
    "rewrite": "rewrite ^ /x;",
    "location in a location": "location / { location /a { return 404; } }",
}


@pytest.mark.parametrize("what", REFUSED_BY_NAME)
def test_what_is_not_there_yet_is_refused_by_name(gateway, namespace, what):
    gateway.tenant("a", texts.plain(namespace, REFUSED_BY_NAME[what]))
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 1
    assert "not supported yet" in result.stderr


def test_nginxs_idioms_pass_with_a_warning(gateway, authority, namespace):
    gateway.tenant("a", texts.tenant(namespace, texts.tls_server(
        authority, "a.test", """
        location / {
            proxy_set_header Connection "";
            proxy_set_header Upgrade $http_upgrade;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_redirect off;
            proxy_pass http://127.0.0.1:1;
        }""", f"{texts.PORT} ssl http2")))
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("[warn]") >= 3, result.stderr


def test_a_broken_main_file_does_not_start(gateway):
    gateway.write_main("worker_processes many;\nuser;\n")
    result = nsgate("-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 1
    assert re.search(r"nsgate\.conf:1:18: ", result.stderr)
    assert re.search(r"nsgate\.conf:2:\d+: ", result.stderr)


def contents(folder):
    """Every file's mode, size and times of content and mode; not that it was read."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found


def test_t_tries_what_a_start_opens(gateway, namespace):
    """Each is told by its name, and nothing is made, emptied or touched, whoever owns it."""
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    logs = gateway.folder / "logs"
    logs.mkdir()
    for name, mode in (("theirs", 0o640), ("read-only", 0o440)):
        (logs / name).write_text("kept\n")
        (logs / name).chmod(mode)
        shutil.chown(logs / name, 33, 4)
    (logs / "link").symlink_to("theirs")
    (gateway.folder / "taken.sock").write_text("precious")
    for setting, good in (
            ("error_log logs/fresh info;", True), ("error_log logs/theirs;", True),
            ("error_log syslog;", True), ("error_log logs/read-only;", False),
            ("error_log logs/link;", False), ("error_log nowhere/log;", False),
            ("error_log logs;", False), ("pid fresh.pid;", True), ("pid nowhere/pid;", False),
            ("pid logs;", False), ("pid logs/link;", False), ("pid /dev/null;", False),
            ("pid taken.pid;", False)):
        main = f"user nobody; tenants tenants/*.conf; {setting}"
        gateway.write_main(main if "pid" in setting else f"{main} pid nsgate.pid;")
        before = contents(gateway.folder)
        result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
        assert (result.returncode == 0) == good, (setting, result.stderr)
        assert contents(gateway.folder) == before, setting
        if not good:
            named = setting.split()[1].rstrip(";").replace("taken.pid", "taken.sock")
            assert re.search(rf"\[error\] cannot .*{named}: ", result.stderr), result.stderr
            assert "failed" in result.stderr


def test_t_beside_one_that_runs(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.write_main("user nobody; pid nsgate.pid; tenants tenants/*.conf; error_log own.log info;")
    gateway.start(wait=False)
    gateway.log_path = gateway.folder / "own.log"
    wait_for(gateway.log_path.exists, what="the log")
    gateway.wait_log(" started: ")
    pid = (gateway.folder / "nsgate.pid").read_text()
    result = nsgate("-t", "-c", gateway.folder / "nsgate.conf")
    assert result.returncode == 0, result.stderr
    assert (gateway.folder / "nsgate.pid").read_text() == pid
    assert " started: " in gateway.log()
    assert gateway.ask("status").returncode == 0
