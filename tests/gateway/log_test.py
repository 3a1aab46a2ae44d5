# SPDX-License-Identifier: MIT
"""A log that cannot be written (row E3): lines are counted, nothing waits for it; and one that is
rotated, whoever owns it then."""

import os
import pathlib
import pwd
import re
import signal
import subprocess

import pytest

from harness import texts
from harness.backend import free_port
from harness.client import Connection, fetch
from harness.gateway import BINARY, is_sanitized, wait_for
from harness.proc import open_files
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)
MAIN = """user nobody; worker_processes 2; workers_per_tenant all; pid nsgate.pid;
    tenants tenants/*.conf; """


def answers(namespace):
    try:
        return fetch(namespace, PLAIN).status == 200
    except OSError:
        return False


def write_tenant(gateway, namespace):
    """/ is served; /down logs an error line for each request."""
    port = free_port()
    gateway.tenant("a", texts.plain(namespace, f"""location / {{ return 200 "x"; }}
        location = /down {{ proxy_pass http://127.0.0.1:{port}; }}"""))


def ask_much(namespace, count):
    """Requests of both kinds; returns how long the slowest took."""
    slowest = 0
    connections = [Connection(namespace, PLAIN) for _ in range(4)]
    for number in range(count):
        watch = Watch()
        connection = connections[number % 4]
        assert connection.ask("/down").status == 502
        assert connection.ask("/").status == 200
        slowest = max(slowest, watch.wall() if watch.wall() < 0.1 else watch.seconds())
    for connection in connections:
        connection.close()
    return slowest


def read_all(handle):
    data = b""
    try:
        while part := os.read(handle, 1 << 16):
            data += part
    except BlockingIOError:
        return data


@pytest.fixture
def fifo(tmp_path):
    """A pipe whose reader reads when the test does."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    path.chmod(0o666)
    yield path, handle
    os.close(handle)


@pytest.mark.parametrize("where", ["stderr", "file"])
def test_a_stalled_reader(gateway, namespace, fifo, where):
    path, handle = fifo
    write_tenant(gateway, namespace)
    gateway.write_main(MAIN + f"error_log {'stderr' if where == 'stderr' else path} info;")
    gateway.start(wait=False, prefix=("sh", "-c", f'exec "$0" "$@" 2>"{path}"')
                  if where == "stderr" else ())
    wait_for(lambda: answers(namespace), 20, "it serves")
    slowest = ask_much(namespace, 1000)
    print(f"slowest pair of requests with a stalled log: {slowest * 1000:.0f} ms")
    assert slowest < 1 or is_sanitized()
    read_all(handle)  # the pipe was full to the brim
    text = b""

    def lost():
        """Each process tells its own, with its next line."""
        nonlocal text
        ask_much(namespace, 4)
        text += read_all(handle)
        return sum(map(int, re.findall(rb"(\d+) lines of this process could not be", text))) > 100

    wait_for(lost, 10, "what was lost is told")


def test_a_full_disk(gateway, namespace):
    write_tenant(gateway, namespace)
    gateway.write_main(MAIN + "error_log /dev/full info;")
    gateway.start(wait=False)
    wait_for(lambda: answers(namespace), 20, "it serves")
    assert ask_much(namespace, 200) < 1 or is_sanitized()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "new";'))
    os.kill(gateway.pid, 1)
    wait_for(lambda: fetch(namespace, PLAIN).body == b"new", 10, "a reload works")


# ---- rotation ----

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "conf" / "logrotate" / "nsgate"


@pytest.fixture
def rotated(gateway, namespace):
    """A gateway that logs into a file, which somebody else owns from the start."""
    write_tenant(gateway, namespace)
    gateway.write_main(MAIN + "error_log logs/error.log info; "
                       "defaults { access_log logs/access.json json; }")
    (gateway.folder / "logs").mkdir()
    own = gateway.folder / "logs" / "error.log"
    give_away(own)
    gateway.start(wait=False)
    gateway.log_path = own
    gateway.wait_log(" started: ", 60)
    return gateway


def give_away(path, owner="www-data", mode=0o640):
    path.touch()
    path.chmod(mode)
    os.chown(path, pwd.getpwnam(owner).pw_uid, 4)


def rotate(gateway, *changes):
    """Debian's logrotate with our sample, for this gateway's files."""
    text = SAMPLE.read_text()
    for old, new in [("/var/log/nsgate", str(gateway.folder / "logs")),
                     ("/run/nsgate.pid", str(gateway.folder / "nsgate.pid")),
                     ("nsgate -s", f"{BINARY} -c {gateway.folder}/nsgate.conf -s"), *changes]:
        assert old in text, old
        text = text.replace(old, new)
    configuration = gateway.folder / "logrotate.conf"
    configuration.write_text(text)
    result = subprocess.run(["logrotate", "-f", "-s", gateway.folder / "logrotate.state",
                             configuration], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result


def log_descriptors(gateway, path):
    """How many descriptors of the gateway's processes are open on the file."""
    return sum(open_files(pid).count(str(path)) for pid in gateway.processes())


@pytest.mark.parametrize("create", ["create 0640 www-data adm", "create 0600 nobody nogroup",
                                    "create 0640 root adm", "nocreate"])
def test_logrotate_with_create(rotated, namespace, create):
    path, access = rotated.log_path, rotated.log_path.parent / "access.json"
    for _ in range(2):
        assert fetch(namespace, PLAIN, "/before").status == 200
        wait_for(lambda: '"/before"' in access.read_text(), what="a line in the access log")
        before = path.read_text()
        rotate(rotated, ("create 0640 root adm", create))
        assert (path.parent / "error.log.1").read_text().startswith(before)
        # The supervisor writes there as soon as logrotate has ended; the workers follow.
        assert "logs opened anew" in path.read_text()
        wait_for(lambda: log_descriptors(rotated, path) >= 3, what="all have the new file")
        assert fetch(namespace, PLAIN, "/down").status == 502
        wait_for(lambda: "/down" in path.read_text(), what="a worker's line in the new file")
        wait_for(lambda: not log_descriptors(rotated, path.parent / "error.log.1"),
                 what="nobody has the old file")
        wait_for(lambda: access.exists() and '"/down"' in access.read_text(),
                 what="the observer's line in the new file")
        assert '"/before"' in (path.parent / "access.json.1").read_text()
        (path.parent / "error.log.1").unlink()
        (path.parent / "access.json.1").unlink()


def test_logrotate_with_copytruncate(rotated, namespace):
    path = rotated.log_path
    rotate(rotated, ("create 0640 root adm", "copytruncate"))
    assert " started: " in (path.parent / "error.log.1").read_text()
    assert fetch(namespace, PLAIN, "/down").status == 502
    wait_for(lambda: "/down" in path.read_text(), what="a line in the truncated file")
    assert b"\0" not in path.read_bytes() and " started: " not in path.read_text()
    assert path.owner() == "www-data"


def spoil_log(path):
    """What may stand where the log was, one after the other."""
    os.mkfifo(path)
    os.chown(path, 33, 33)
    yield "a FIFO"
    path.unlink()
    give_away(path, mode=0o440)
    yield "a file that its owner may not write"
    path.unlink()
    path.mkdir()
    yield "a folder"
    path.rmdir()
    precious = path.parent / "precious"
    precious.write_text("precious")
    path.symlink_to(precious)
    yield "a link"
    assert precious.read_text() == "precious"
    path.unlink()
    path.parent.rename(path.parent.with_name("moved"))
    yield "not even its folder"
    path.parent.with_name("moved").rename(path.parent)


def test_a_log_that_cannot_be_reopened_is_told_to_who_asks(rotated, namespace):
    """The old file stays in use, for all processes; -s reopen and -s reload say so."""
    path = rotated.log_path
    path.rename(path.parent / "kept.log")
    for what in spoil_log(path):
        for command in ("reopen", "reload"):
            result = rotated.ask(command)
            assert result.returncode == 1, (what, result)
            assert re.search(r"\[error\] cannot open the error log .*error\.log: .*stays where it is",
                             result.stderr), (what, result)
            assert ("1 setting not taken over" in result.stdout) == (command == "reload"), result
        kept = next(rotated.folder.glob("*/kept.log"))
        size = kept.stat().st_size
        assert fetch(namespace, PLAIN, "/down").status == 502
        wait_for(lambda: b"/down" in kept.read_bytes()[size:], what=f"the old file goes on: {what}")
    give_away(path)
    result = rotated.ask("reopen")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert "logs opened anew" in path.read_text()


def test_whoever_asks_is_told_of_all_logs(rotated, namespace):
    """The access log fails at once; the error log, which is another's, is opened after that."""
    folder = rotated.folder / "access"
    folder.mkdir()
    rotated.tenant("a", texts.plain(namespace, f"""access_log {folder}/a.log;
        location / {{ return 200 "x"; }}"""))
    assert rotated.ask("reload").returncode == 0
    wait_for((folder / "a.log").exists, 20, what="the access log")
    folder.rename(rotated.folder / "moved")
    for _ in range(3):
        result = rotated.ask("reopen")
        assert result.returncode == 1 and "cannot open the access log" in result.stderr, result
    (rotated.folder / "moved").rename(folder)
    assert rotated.ask("reopen").returncode == 0


def test_nobody_is_root_to_open_a_log(rotated):
    """The right to write others' files is in none of its processes' sets, also while a log is opened
    anew again and again; no descriptor and no process is left behind."""
    bits = 1 << 1  # CAP_DAC_OVERRIDE
    descriptors, processes = rotated.descriptors(rotated.pid), len(rotated.children())
    for _ in range(5):
        assert rotated.ask("reopen").returncode == 0
        for pid in rotated.processes():
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            for line in re.findall(r"^Cap(?:Prm|Eff|Bnd):\s+(\w+)", status, re.M):
                assert not int(line, 16) & bits, status
    os.kill(rotated.pid, signal.SIGUSR1)
    wait_for(lambda: rotated.descriptors(rotated.pid) <= descriptors and
             len(rotated.children()) <= processes, what="nothing is left")


def test_the_log_is_opened_anew_while_the_gateway_serves(rotated, namespace):
    """A child that opens the log and is stopped holds up nobody; after a while it is given up."""
    asking = subprocess.Popen([BINARY, "-c", str(rotated.folder / "nsgate.conf"), "-s", "reopen"],
                              stderr=subprocess.PIPE, text=True)
    opener = None
    while opener is None and asking.poll() is None:
        opener = next((pid for pid in rotated.children() if rotated.role(pid) == "opener"), None)
    if opener:
        os.kill(opener, signal.SIGSTOP)
    assert fetch(namespace, PLAIN).status == 200
    assert rotated.ask("status").returncode == 0
    text = asking.communicate(timeout=60)[1]
    assert asking.returncode == 0 or "it took too long" in text, (asking.returncode, text)
    wait_for(lambda: rotated.ask("reopen").returncode == 0, what="the stopped child is gone")
