# SPDX-License-Identifier: MIT
"""Access logs: whole lines, none lost, none forged, and nothing that waits for them."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing

import pytest

from harness import texts
from harness.backend import free_port
from harness.client import Connection, fetch, raw
from harness.gateway import wait_for
from harness.h2_backend import nginx
from harness.load import Load

PLAIN = ("127.0.0.1", 8080)
FORMAT = "log_format line '$request_uri $status';"
LINE = re.compile(r"/\w+ 200\n")


def observer(gateway):
    found = [pid for pid in gateway.children() if gateway.role(pid) == "observer"]
    return found[0] if found else None


def lines(path):
    try:
        return path.read_bytes().decode("latin1").splitlines(keepends=True)
    except OSError:
        return []


@pytest.fixture
def logs(tmp_path):
    """A folder that only root may write to."""
    folder = tmp_path / "logs"
    folder.mkdir(mode=0o755)
    return folder


def serve(gateway, namespace, where, body='location / { return 200 "x"; }', form=FORMAT):
    gateway.tenant("a", texts.plain(namespace, f"access_log {where};\n{body}", settings=form))
    gateway.start()


@pytest.fixture
def dropped(gateway):
    """dropped(): how many lines have been, so far; None while nobody answers."""
    port = free_port()
    gateway.settings["observe"] = f"127.0.0.1:{port}"
    gateway.write_main()

    def look():
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                connection.request("GET", "/metrics")
                text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return None
        found = re.search(r"^nsgate_access_log_dropped_total (\d+)$", text, re.MULTILINE)
        return int(found.group(1)) if found else 0
    return look


def ask(namespace, count, prefix="/n", last=None, **more):
    """So many requests over one connection, each with a number. One more, if it is named, shows that
    they are over, and have their lines: that is a moment after the answer."""
    with closing(Connection(namespace, PLAIN)) as connection:
        for number in range(count):
            assert connection.ask(f"{prefix}{number}", **more).status == 200
        assert not last or connection.ask(last).status == 200


def expect_all(files, count, prefix="/n", seconds=10):
    """Each number has its one line, in whichever of the files."""
    wanted = sorted(f"{prefix}{number} 200\n" for number in range(count))
    found = lambda: sorted(line for file in files for line in lines(file) if line.startswith(prefix))
    wait_for(lambda: len(found()) >= count, seconds, "all lines")
    assert found() == wanted


def test_lines_are_there_within_a_second_or_so_and_at_the_end(gateway, namespace, logs):
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} line")
    ask(namespace, 100)
    expect_all([file], 100)
    assert file.stat().st_mode & 0o777 == 0o640
    ask(namespace, 50, "/end", last="/last")
    gateway.stop()
    expect_all([file], 50, "/end", 0.1)


def test_an_observer_that_is_killed_under_load(gateway, namespace, logs):
    """No request fails, every line is whole, and none is lost but what it had taken."""
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} line")
    with Load([(namespace, PLAIN, None)]) as load:
        for turn in range(2):
            wait_for(lambda: observer(gateway), 20, "an observer")
            size = len(lines(file))
            wait_for(lambda: len(lines(file)) > size, 20, "lines of it")
            os.kill(observer(gateway), signal.SIGKILL)
            ask(namespace, 200, f"/killed{turn}n")
            expect_all([file], 200, f"/killed{turn}n", 20)
    assert not load.failures, load.failures[:3]
    assert all(LINE.fullmatch(line) for line in lines(file))


def test_an_observer_that_is_stopped(gateway, namespace, logs, dropped):
    """Another takes its place, and each line that found no room meanwhile is counted."""
    file, long = logs / "a.log", "s" * 3000
    serve(gateway, namespace, f"{file} line")
    ask(namespace, 100)
    expect_all([file], 100)
    before = observer(gateway)
    os.kill(before, signal.SIGSTOP)
    ask(namespace, 400, f"/{long}")
    wait_for(lambda: observer(gateway) not in (None, before), 30, "another observer")
    wait_for(lambda: (dropped() or 0) + len(lines(file)) == 500, 20, "each is written or counted")
    assert 0 < dropped() < 400 and all(LINE.fullmatch(line) for line in lines(file))
    gateway.wait_log("a worker's lines came faster than they were read, some are dropped")


def test_a_worker_that_dies_leaves_its_lines(gateway, namespace, logs):
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} line")
    ask(namespace, 101)  # where the last is answered, the others' lines are there
    for worker in gateway.workers():
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: {f"/n{number} 200\n" for number in range(100)} <= set(lines(file)), 20, "lines")

    def is_logged():
        try:
            assert fetch(namespace, PLAIN, "/alive").status == 200
        except (OSError, http.client.HTTPException):
            return False  # nobody is there yet
        return "/alive 200\n" in lines(file)

    wait_for(is_logged, 20, "another worker, and its line")
    assert len(set(lines(file))) >= 101 and all(LINE.fullmatch(line) for line in lines(file))


@pytest.mark.skipif(not shutil.which("logrotate"), reason="there is no logrotate here")
@pytest.mark.parametrize("way", ["create 0640 nobody", "copytruncate"])
def test_logrotate(gateway, namespace, logs, tmp_path, way):
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} line")
    group = subprocess.run(["id", "-gn", "nobody"], capture_output=True, text=True).stdout.strip()
    rotation = tmp_path / "rotate"
    reopen = f"""postrotate
        kill -USR1 {gateway.pid}
        endscript""" if way != "copytruncate" else ""
    rotation.write_text(f"""{file} {{ rotate 5
        su root root
        {way + " " + group if way != "copytruncate" else way}
        {reopen} }}""")
    rotation.chmod(0o644)
    for turn in range(2):
        ask(namespace, 100, f"/{turn}n")
        wait_for(lambda: len(lines(file)) == 100, 10, "lines")
        since = gateway.log_size()
        subprocess.run(["logrotate", "-f", "-s", tmp_path / "state", rotation], check=True)
        if way != "copytruncate":
            gateway.wait_log("logs opened anew", since=since)
        wait_for(lambda: (logs / f"a.log.{turn + 1}").exists(), 20, "a rotated file")
    ask(namespace, 100, "/last")
    expect_all([file], 100, "/last")
    for turn in range(2):
        expect_all(sorted(logs.iterdir()), 100, f"/{turn}n")


def test_a_full_disk_is_told_once_and_no_request_waits(gateway, namespace, logs, dropped):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", logs], check=True)
    file, filler = logs / "a.log", logs / "filler"
    try:
        serve(gateway, namespace, f"{file} line")
        ask(namespace, 20)
        expect_all([file], 20)
        with open(filler, "wb", buffering=0) as full:
            try:
                while full.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        long = "x" * 3000
        for turn in range(2):
            before = dropped()
            ask(namespace, 20, f"/{turn}{long}")
            wait_for(lambda: dropped() > before, 10, "lines are dropped")
        gateway.wait_log(r"access log \S*a.log: lines are dropped: No space left")
        assert gateway.log().count("lines are dropped") == 1
        filler.unlink()
        ask(namespace, 10, "/again")
        wait_for(lambda: dropped() + len(lines(file)) == 70, 10, "each is written or counted")
        assert all(LINE.fullmatch(line) for line in lines(file)), "no line is torn"
        assert "/again9 200\n" in lines(file)
    finally:
        gateway.stop()
        subprocess.run(["umount", "-l", logs], check=True)


def test_a_stalled_pipe(gateway, namespace, logs, dropped):
    pipe = logs / "pipe"
    os.mkfifo(pipe)
    handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        serve(gateway, namespace, f"{pipe} line")
        long = "y" * 3000
        ask(namespace, 300, f"/{long}")
        gateway.wait_log(r"pipe: lines are dropped: they are not taken fast enough")
        got, asked = b"", 300

        def drain():
            nonlocal got
            try:
                while data := os.read(handle, 1 << 16):
                    got += data
            except BlockingIOError:
                pass

        def arrives():
            nonlocal asked
            assert fetch(namespace, PLAIN, "/after").status == 200
            asked += 1  # one that comes before there is room is dropped as well
            drain()
            return got.endswith(b"/after 200\n")

        def is_all_told():
            drain()
            return got.count(b"\n") + dropped() == asked

        wait_for(arrives, 20, "room")
        wait_for(is_all_told, 10, "each is written or counted")
        assert all(re.fullmatch(rb"/[a-z0-9]+ 200", line) for line in got.splitlines())
    finally:
        os.close(handle)


def test_a_file_that_may_not_grow(gateway, namespace, logs, dropped):
    """RLIMIT_FSIZE: SIGXFSZ ends nobody, and it is as with a full disk."""
    file = logs / "a.log"
    limit = 1 << 30  # nsgate's own memory is files, too
    file.write_text("\n")
    os.truncate(file, limit - 1000)
    gateway.tenant("a", texts.plain(namespace, f'access_log {file} line; location / {{ return 200 "x"; }}',
                                    settings=FORMAT))
    gateway.start(prefix=["prlimit", f"--fsize={limit}"])
    wait_for(lambda: observer(gateway), 10, "an observer")
    before = observer(gateway)
    ask(namespace, 200)
    gateway.wait_log(r"a.log: lines are dropped: File too large")
    ask(namespace, 100, "/more")
    wait_for(lambda: file.stat().st_size == limit, 10, "as much as there is room for")
    assert gateway.log().count("lines are dropped") == 1
    assert observer(gateway) == before
    with open(file, "rb") as end:
        end.seek(limit - 1000)
        written = end.read()
    assert written.startswith(b"/n0 200\n/n1 200\n")
    begun = len(written.splitlines())  # the last one waits for room, if it is not whole
    wait_for(lambda: begun + dropped() == 300, 10, "each is written or counted")


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_syslog(gateway, namespace, reachable, dropped, kind):
    path = pathlib.Path(reachable) / "syslog"

    def listen():
        if kind == "udp":
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", port))
        else:
            path.unlink(missing_ok=True)
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.bind(str(path))
            path.chmod(0o666)
        made.settimeout(10)
        return made

    port = free_port()
    server = f"127.0.0.1:{port}" if kind == "udp" else f"unix:{path}"
    receiver = listen()
    serve(gateway, namespace, f"syslog:server={server},facility=local3,severity=notice,tag=web line")
    ask(namespace, 50)
    host = re.escape(socket.gethostname())
    for number in range(50):
        got = receiver.recv(65536).decode()
        assert re.fullmatch(rf"<157>\w{{3}} [ \d]\d \d\d:\d\d:\d\d {host} web: /n{number} 200", got), got
    receiver.close()
    ask(namespace, 3, "/gone")
    if kind == "unix":
        gateway.wait_log("lines are dropped: Connection refused")
        wait_for(lambda: dropped() == 3, 10, "they are counted")
    receiver = listen()
    ask(namespace, 3, "/back")
    with closing(receiver):
        wait_for(lambda: "/back" in receiver.recv(65536).decode(), 10, "lines again")


def test_no_client_forges_a_line(gateway, namespace, logs):
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} agent", form="""
        log_format agent escape=none '$remote_addr "$http_user_agent" "$request"';""")
    for evil in (b'x"\t1.1.1.1 "', b"\\x0a", b"\x7f\x01", b'\xff\xfe"', b"a\x0bb"):
        raw(namespace, PLAIN, b"GET /e HTTP/1.1\r\nHost: a\r\nUser-Agent: " + evil +
            b"\r\nConnection: close\r\n\r\n")
    raw(namespace, PLAIN, b"GET /\n1.2.3.4 HTTP/1.1\r\n\r\n")
    wait_for(lambda: len(lines(file)) >= 6, 10, "lines")
    time.sleep(1.2)
    assert len(lines(file)) == 6 and all(line.startswith('127.0.0.1 "') for line in lines(file))


def test_reloads_change_files_and_lose_nothing(gateway, namespace, logs):
    one, other = logs / "one.log", logs / "other.log"
    serve(gateway, namespace, f"{one} line")
    ask(namespace, 50, "/a")
    text = texts.plain(namespace, f"access_log {other} line; access_log {one} line if=$arg_both;\n"
                       'location / { return 200 "x"; }', settings=FORMAT)
    gateway.tenant("a", text)
    gateway.reload()
    ask(namespace, 50, "/b")
    assert fetch(namespace, PLAIN, "/c?both=1").status == 200
    expect_all([one], 50, "/a")
    expect_all([other], 50, "/b")
    assert "/c?both=1 200\n" in lines(one) and "/c?both=1 200\n" in lines(other)
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.reload()
    ask(namespace, 5, "/silent")
    time.sleep(1.2)
    assert not any("silent" in line for file in (one, other) for line in lines(file))


def test_a_reload_and_an_upgrade_under_load_lose_nothing(gateway, namespace, logs):
    file = logs / "a.log"
    serve(gateway, namespace, f"{file} line")
    stop, asked, failures = threading.Event(), [], []

    def load():
        try:
            while not stop.is_set():
                with closing(Connection(namespace, PLAIN)) as connection:
                    path = f"/u{len(asked)}"
                    assert connection.ask(path).status == 200, path
                    asked.append(path)
        except Exception as error:  # told at the end
            failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        wait_for(lambda: asked or failures, 20, "requests before it")
        gateway.reload()
        upgrade = gateway.ask("upgrade")
        gateway.reload()
        before = len(asked)
        wait_for(lambda: len(asked) > before + 10 or failures, 20, "requests after it")
    finally:
        stop.set()
        thread.join()
    assert not failures and upgrade.returncode == 0, (failures, upgrade)
    expect_all([file], len(asked), "/u")


def test_a_file_that_cannot_be_opened_is_tried_again(gateway, namespace, tmp_path):
    file = tmp_path / "none" / "a.log"
    serve(gateway, namespace, f"{file} line")
    gateway.wait_log("cannot open the access log .*: No such file or directory")
    ask(namespace, 10)
    file.parent.mkdir()
    expect_all([file], 10, seconds=15)


def test_without_access_logs_there_is_no_observer(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'access_log off; return 200 "x";'))
    gateway.start()
    ask(namespace, 3)
    assert observer(gateway) is None


def test_standard_error(gateway, namespace):
    """Beside the lines of nsgate's own log, each of them whole; USR1 changes nothing there."""
    serve(gateway, namespace, "stderr line")
    ask(namespace, 50)
    expect_all([gateway.log_path], 50)
    assert gateway.ask("reopen").returncode == 0
    ask(namespace, 50, "/again", last="/last")
    gateway.stop()
    expect_all([gateway.log_path], 50, "/again", 0.1)


def test_inheritance_and_several_at_once(gateway, namespace, logs):
    """As in nginx: the logs of a block take the place of all that it would inherit."""
    serve(gateway, namespace, f"{logs}/server line; access_log {logs}/second line", f"""
        location / {{ return 200 "x"; }}
        location /own {{ access_log {logs}/own line; return 200 "x"; }}
        location /off {{ access_log off; return 200 "x"; }}
        location /if {{ access_log {logs}/if line if=$arg_log; return 200 "x"; }}
        location /two {{ access_log {logs}/own line buffer=32k flush=1m gzip;
                         access_log {logs}/own json; access_log {logs}/server; return 200 "x"; }}
        """)
    for path in ("/a", "/own", "/off", "/if", "/if?log=0", "/if?log=1", "/two", "/z"):
        assert fetch(namespace, PLAIN, path, headers={"User-Agent": 'a"b'}).status == 200
    wait_for(lambda: "/z 200\n" in lines(logs / "second"), 10, "the last line")
    known = {name: lines(logs / name) for name in ("server", "second", "own", "if")}
    assert sorted(known["second"]) == ["/a 200\n", "/z 200\n"]
    assert known["if"] == ["/if?log=1 200\n"]
    (combined,) = [line for line in known["server"] if "/two" in line]
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET /two HTTP/1\.1" 200 1 "-" "a\\x22b"\n',
                        combined)
    (first, plain, said) = sorted(known["own"], key=len)
    assert (first, plain) in [("/own 200\n", "/two 200\n"), ("/two 200\n", "/own 200\n")]
    said = json.loads(said)
    assert said["status"] == 200 and 'a"b' in said.values()


def test_t_tries_the_files(gateway, namespace, logs):
    """What is wrong is said with what would be right, and no file is made."""
    theirs = logs / "theirs"
    theirs.mkdir(mode=0o755)
    shutil.chown(theirs, 33, 33)
    (logs / "read-only").write_text("")
    (logs / "read-only").chmod(0o440)
    shutil.chown(logs / "read-only", 33, 33)
    (logs / "link").symlink_to("a.log")
    for name, wrong in (("a.log", None), ("read-only", r"user 33, may not write to it: mode 0440"),
                        ("none/deep/a.log", rf"there is no folder {logs}/none: make it"),
                        ("link", "symbolic link"), ("theirs", "Is a directory|somebody else's"),
                        ("theirs/a.log", r"user 33, mode 0755: give the folder to user 0")):
        gateway.tenant("a", texts.plain(namespace, f"access_log {logs / name} line;", settings=FORMAT))
        result = subprocess.run([gateway.binary, "-t", "-c", gateway.folder / "nsgate.conf"],
                                capture_output=True, text=True)
        assert (result.returncode == 0) == (wrong is None), (name, result.stderr)
        if wrong:
            assert re.search(rf'a\.conf:\d+:\d+: cannot open the access log "{logs / name}": .*'
                             rf"({wrong})", result.stderr), result.stderr
        assert not (logs / "a.log").exists() and not (theirs / "a.log").exists()


def test_a_log_that_cannot_be_opened_breaks_nothing_else(gateway, namespace, logs):
    """At a reload too: all requests are served, and every other log is written."""
    serve(gateway, namespace, f"{logs}/good line")
    gateway.tenant("a", texts.plain(
        namespace, f"access_log {logs}/good line; access_log {logs}/none/bad line;"
                   'location / { return 200 "x"; }', settings=FORMAT))
    gateway.reload()
    gateway.wait_log(rf"cannot open the access log {logs}/none/bad: .*there is no folder {logs}/none")
    ask(namespace, 20)
    expect_all([logs / "good"], 20)
    assert gateway.statuses()[1]["a"]["state"] == "serving"


# ---- beside nginx ----

VARIABLES = """$remote_addr $remote_user "$request" $request_method $request_uri $uri $args $host
    $server_protocol $status $body_bytes_sent $http_host "$http_user_agent" "$http_referer"
    "$http_x_odd" $http_none $arg_a $cookie_c $content_length $content_type $request_completion
    $scheme $server_port $is_args $sent_http_x_made $query_string""".split()
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /? HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /q?a=1&b=%20x HTTP/1.1\r\nHost: A.test:8080\r\nUser-Agent: \"x\\y\xe9\"\r\n\r\n",
    b"HEAD /%41/../b//c HTTP/1.1\r\nHost: a\r\nReferer: http://x/\r\nCookie: c=v; d=w\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: text/x\r\n\r\nabc",
    b"GET /u HTTP/1.1\r\nHost: a\r\nAuthorization: Basic dTpw\r\nX-Odd: a b;c\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"DELETE /d HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /missing HTTP/1.1\r\nHost: a\r\n\r\n",
]
BODY = """add_header X-Made yes;
    location = /missing { return 404 "none"; }
    location / { return 200 "hello"; }"""


def drop_time(line):
    return re.sub(r"\[\d+/\w+/[\d:]+ [+-]\d{4}\]", "[TIME]", line)


def test_lines_are_nginxs(gateway, namespace, logs, tmp_path):
    ours, theirs = logs / "ours.log", tmp_path / "theirs.log"
    ours_own, theirs_own = logs / "own.log", tmp_path / "theirs_own.log"
    gateway.settings["worker_processes"] = "1"  # lines of several are in order for each alone
    gateway.write_main()
    form = "log_format own '" + " ".join(VARIABLES) + "';"
    serve(gateway, namespace, f"{ours}; access_log {ours_own} own", BODY, form)
    server = nginx(tmp_path, f"access_log {theirs}; access_log {theirs_own} own; {BODY}", "", form)
    port = int(server.address.rpartition(":")[2])
    with closing(server):
        for request in REQUESTS:
            for where in (PLAIN, ("127.0.0.1", port)):
                data = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                raw(namespace if where == PLAIN else None, where, data)
        for file in (ours, theirs, ours_own, theirs_own):
            wait_for(lambda: len(lines(file)) == len(REQUESTS), 10, f"lines of {file}")
    for mine, other in ((ours, theirs), (ours_own, theirs_own)):
        for got, wanted, request in zip(lines(mine), lines(other), REQUESTS):
            wanted = wanted.replace(f" {port} ", " 8080 ")
            assert drop_time(got) == drop_time(wanted), request
