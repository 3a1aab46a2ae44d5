# SPDX-License-Identifier: MIT
"""Processes that die and are replaced (row R3), signals, and how it all ends."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import netns, texts
from harness.backend import read_head
from harness.client import Connection, fetch
from harness.gateway import is_sanitized, wait_for
from harness.load import Load
from harness.proc import open_files
from harness.watch import Watch

PLAIN = ("127.0.0.1", 8080)


def running(gateway, number):
    """The pid of worker NUMBER as the log tells it last."""
    return int(re.findall(rf"started worker {number} \(pid (\d+)\)", gateway.log())[-1])


def served_alone(gateway, namespaces):
    """Two tenants with a worker each; the number of the first one's worker."""
    gateway.settings.update(workers_per_tenant=1)
    gateway.write_main()
    for number, namespace in enumerate(namespaces[:2]):
        gateway.tenant(f"t{number}", texts.plain(namespace, f'return 200 "{number}";'))
    gateway.start()
    connection = Connection(namespaces[0], PLAIN)
    connection.ask()
    mine = sockets(namespaces[0])
    found = next(number for number in range(2) if mine & held_by(running(gateway, number)))
    connection.close()
    return found


def sockets(namespace):
    """The inodes of sockets that hold connections to PLAIN there."""
    lines = netns.within(namespace, lambda: open("/proc/thread-self/net/tcp").read().splitlines())
    return {fields[9] for fields in map(str.split, lines[1:])
            if fields[3] == "01" and fields[1].endswith(f":{PLAIN[1]:04X}")}


def held_by(pid):
    return set(re.findall(r"socket:\[(\d+)\]", " ".join(open_files(pid))))


# A sanitizer would report the second one as a crash of its own.
DEATHS = [signal.SIGKILL] if is_sanitized() else [signal.SIGKILL, signal.SIGSEGV]


def test_a_worker_that_dies_twenty_times_is_back_within_a_second(gateway, namespaces):
    """Its tenants wait that long, and nobody else notices."""
    number = served_alone(gateway, namespaces)
    slowest = 0
    with Load([(namespaces[1], PLAIN, "t1")], threads=2) as load:
        for how in DEATHS * (20 // len(DEATHS)):
            watch = Watch()
            os.kill(running(gateway, number), how)
            assert fetch(namespaces[0], PLAIN).body == b"0"
            slowest = max(slowest, watch.seconds())
    assert not load.failures, load.failures[:5]
    assert load.done > 100
    assert slowest < (3 if is_sanitized() else 1), "with backoff, and within a second"
    assert gateway.log().count(f"started worker {1 - number} ") == 1


def test_a_stopped_worker_is_killed_and_replaced(gateway, namespaces):
    number = served_alone(gateway, namespaces)
    watch = Watch()
    victim = running(gateway, number)
    with Load([(namespaces[1], PLAIN, "t1")], threads=2) as load:
        os.kill(victim, signal.SIGSTOP)
        connection = Connection(namespaces[0], PLAIN, timeout=60)
        assert connection.ask().body == b"0", "who connects meanwhile is served by the next one"
        connection.close()
    assert not load.failures, load.failures[:5]
    assert 4 < watch.wall() and watch.seconds() < (15 if is_sanitized() else 8)
    gateway.wait_log(f"worker {number} does not answer, killing it")
    gateway.wait_log(rf"worker {number} \(pid {victim}\) was killed by signal 9")
    assert running(gateway, number) != victim


def test_the_other_worker_serves_meanwhile(gateway, authority, namespaces):
    for number, namespace in enumerate(namespaces):
        gateway.tenant(f"t{number}", texts.tenant(namespace, texts.tls_server(
            authority, f"t{number}.test", f'return 200 "{number}";')))
    gateway.start()
    context = authority.context()
    for number in range(2):
        victim = running(gateway, number)
        os.kill(victim, signal.SIGSTOP)
        for other, namespace in enumerate(namespaces):
            assert fetch(namespace, texts.ADDRESS, context=context,
                         name=f"t{other}.test").body == b"%d" % other
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: running(gateway, number) != victim, 10, "a new worker")


def test_a_supervisor_that_was_stopped_kills_nobody(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    workers = gateway.workers()
    os.kill(gateway.pid, signal.SIGSTOP)
    time.sleep(7)
    assert fetch(namespace, PLAIN).body == b"x"
    os.kill(gateway.pid, signal.SIGCONT)
    time.sleep(1.5)
    assert gateway.workers() == workers
    assert "does not answer" not in gateway.log()


def hit_resolver(gateway, how=signal.SIGKILL):
    for pid in gateway.children():
        if gateway.role(pid) == "resolver":
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                continue
            return True
    return False


def test_a_dead_resolver_is_replaced(gateway, authority, namespace):
    """It runs only while there is work, so it is killed in the middle of some: RSA keys take time."""
    certificates = [authority.issue(f"dead{number}.test", "rsa") for number in range(3)]

    def text(answer):
        servers = "".join(
            f'''server {{ listen 127.0.0.1:{9000 + number} ssl; ssl_certificate {certificate};
                ssl_certificate_key {key}; return 200 "{answer}"; }}'''
            for number, (certificate, key) in enumerate(certificates))
        return texts.tenant(namespace, servers, f"""server {{ listen 127.0.0.1:8080;
            return 200 "{answer}"; }}""")

    gateway.tenant("a", text("old"))
    gateway.start()
    wait_for(lambda: not any(gateway.role(pid) == "resolver" for pid in gateway.children()), 10,
             "the resolver ends when there is nothing to do")
    for turn in range(20):  # it may have finished before it is hit: then once more
        gateway.tenant("a", text(f"new {turn}"))
        at = gateway.log_size()
        os.kill(gateway.pid, signal.SIGHUP)
        wait_for(lambda: hit_resolver(gateway), 10, "a resolver to kill")
        assert "0 added, 1 changed" in gateway.wait_log("reload done.*", 20, at)
        assert fetch(namespace, PLAIN).body == b"new %d" % turn
        if "signal 9" in gateway.log(at).partition("reload done")[0]:
            return
    raise AssertionError("no resolver was hit at work in 20 turns")


def test_quit_finishes_what_runs(gateway, namespace, scripted):
    def script(connection, _):
        read_head(connection)
        time.sleep(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    server = scripted(script)
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    idle = netns.connect(namespace, PLAIN)
    busy = netns.connect(namespace, PLAIN)
    busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: server.accepted, what="the request is with the backend")
    os.kill(gateway.pid, signal.SIGQUIT)
    assert idle.recv(10) == b"", "idle connections close at once"
    answer = b""
    while part := busy.recv(1000):
        answer += part
    assert answer.endswith(b"done") and b"Connection: close" in answer
    with pytest.raises(OSError):
        netns.connect(namespace, PLAIN, 1)
    gateway.process.wait(5)
    assert not (gateway.folder / "nsgate.pid").exists()
    gateway.stop()


def test_quit_counts_what_it_cuts(gateway, namespace, scripted):
    """Also a WebSocket, whose listener's limit is over in the same moment."""
    def script(connection, _):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
                           b"Connection: upgrade\r\n\r\n")
        time.sleep(20)

    gateway.settings.update(worker_shutdown_timeout="1s", worker_processes=1)
    gateway.write_main()
    server = scripted(script)
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    sock = netns.connect(namespace, PLAIN)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert b"101" in sock.recv(1000)
    gateway.stop(signal.SIGQUIT)
    sock.close()
    assert re.findall(r"(\d+) connections are cut", gateway.log()) == ["1"]


def test_a_stopped_resolver_holds_up_a_reload_for_seconds(gateway, authority, namespaces):
    """From outside, while it examines; and killed from outside, which is nobody's fault (row C1)."""
    def text(namespace, name):
        return texts.tenant(namespace, texts.tls_server(authority, f"{name}.test", f'return 200 "{name}";'))

    for number, namespace in enumerate(namespaces[:2]):
        gateway.tenant(f"t{number}", text(namespace, "old"))
    gateway.start()
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for number, namespace in enumerate(namespaces[:2]):
            gateway.tenant(f"t{number}", text(namespace, how.name.lower()))
        at = gateway.log_size()
        os.kill(gateway.pid, signal.SIGHUP)
        for _ in range(1 if how == signal.SIGSTOP else 3):
            wait_for(lambda: hit_resolver(gateway, how), 10, "a resolver to hit")
        # Half of the minute that an answer may take: it is the heartbeat that finds it.
        assert " 0 refused" in gateway.wait_log("reload done.*", 30, at)
        assert "died over it" not in gateway.log()


def test_quit_ends_within_its_limit(gateway, namespace, scripted):
    gateway.settings["worker_shutdown_timeout"] = "1s"
    gateway.write_main()
    server = scripted(lambda connection, _: (read_head(connection), time.sleep(20)))
    gateway.tenant("a", texts.plain(namespace, f"location / {{ proxy_pass http://{server.address}; }}"))
    gateway.start()
    busy = netns.connect(namespace, PLAIN)
    busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_for(lambda: server.accepted, what="the request is with the backend")
    gateway.stop(signal.SIGQUIT)
    busy.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_term_ends_at_once_and_leaves_nothing(gateway, namespace, how):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    children = gateway.children()
    assert (gateway.folder / "nsgate.pid").read_text().strip() == str(gateway.pid)
    gateway.stop(how, 5)
    assert not (gateway.folder / "nsgate.pid").exists()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 10, "no children")
    with pytest.raises(OSError):
        netns.connect(namespace, PLAIN, 1)


def test_workers_end_when_the_supervisor_is_gone(gateway, namespace):
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    children = gateway.children()
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.process.wait()
    gateway.process = None
    wait_for(lambda: not any(map(open_files, children)), 10, "the children end")


def test_usr1_reopens_the_log(gateway, namespace, tmp_path):
    log = tmp_path / "own.log"
    gateway.write_main("""user nobody; worker_processes 1; pid nsgate.pid;
        error_log own.log info; tenants tenants/*.conf;""")
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(wait=False)
    wait_for(lambda: log.exists() and " started: " in log.read_text(), what="the log")
    log.rename(tmp_path / "old.log")
    os.kill(gateway.pid, signal.SIGUSR1)
    wait_for(log.exists, what="a new log")
    os.kill(gateway.pid, signal.SIGHUP)
    wait_for(lambda: "reload done" in log.read_text(), what="lines in the new log")
    assert "reload done" not in (tmp_path / "old.log").read_text()


def test_the_command_line_sends_signals(gateway, namespace):
    from harness.gateway import BINARY
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    conf = str(gateway.folder / "nsgate.conf")
    at = gateway.log_size()
    subprocess.run([BINARY, "-c", conf, "-s", "reload"], check=True)
    gateway.wait_log("reload done", since=at)
    subprocess.run([BINARY, "-c", conf, "-s", "reopen"], check=True)
    subprocess.run([BINARY, "-c", conf, "-s", "quit"], check=True)
    gateway.process.wait(10)
    assert subprocess.run([BINARY, "-c", conf, "-s", "reload"], capture_output=True).returncode == 1


def test_a_second_one_does_not_start(gateway, namespace):
    from harness.gateway import BINARY
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    second = subprocess.run([BINARY, "-c", str(gateway.folder / "nsgate.conf")],
                            capture_output=True, text=True, timeout=60)
    assert second.returncode == 1 and "nsgate.pid belongs to an nsgate that runs" in second.stderr
    assert (gateway.folder / "nsgate.pid").read_text().strip() == str(gateway.pid)
    assert fetch(namespace, PLAIN).status == 200


def test_a_listener_killed_from_inside_is_bound_again(gateway, namespaces):
    """`ss -K` needs a kernel option; shutdown(2) on the shared socket is the same for accept."""
    namespace = namespaces[0]
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    killed = netns.run("ip", "netns", "exec", namespace, "ss", "-K", "-ltn", "sport", "=", "8080",
                       check=False)
    if "8080" not in killed.stdout:
        # The kernel has no INET_DIAG_DESTROY: reach into the supervisor's socket instead.
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        process = libc.syscall(434, gateway.pid, 0)  # pidfd_open
        for name in os.listdir(f"/proc/{gateway.pid}/fd"):
            handle = libc.syscall(438, process, int(name), 0)  # pidfd_getfd
            try:
                sock = socket.socket(fileno=handle)
                if sock.getsockname()[1:2] == (8080,):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            except (OSError, ValueError):
                os.close(handle) if handle >= 0 else None
        os.close(process)
    spent = sum(gateway.cpu_seconds(pid) for pid in gateway.processes())

    def answers():
        try:
            return fetch(namespace, PLAIN).status == 200
        except OSError:
            return False

    wait_for(answers, 10, "the listener is bound again")
    assert sum(gateway.cpu_seconds(pid) for pid in gateway.processes()) - spent < 1


def test_started_without_standard_descriptors(gateway, namespace):
    """What is opened first must not become 0, 1 or 2, in any of the processes."""
    gateway.write_main("""user nobody; worker_processes 2; pid nsgate.pid;
        error_log own.log info; tenants tenants/*.conf;""")
    gateway.log_path = gateway.folder / "own.log"
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start(prefix=("sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-'))
    assert fetch(namespace, PLAIN).status == 200
    assert len(gateway.workers()) == 2
    for pid in gateway.processes():
        for number in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null", (pid, number)


def test_no_reader_of_the_pid_file_keeps_a_start_from_it(gateway, namespace):
    import fcntl
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    path = gateway.folder / "nsgate.pid"
    assert path.stat().st_mode & 0o777 == 0o600
    with open(path, "rb") as file:  # the lock of another kind is no obstacle
        fcntl.flock(file, fcntl.LOCK_SH)
        gateway.kill()
        gateway.start(wait=False)
        wait_for(lambda: gateway.log().count(" started: ") == 2, 20, "the second start")


def test_a_log_that_cannot_be_reopened_is_told_and_not_claimed(gateway, namespace):
    """Of root's power over files the supervisor keeps none."""
    logs = gateway.folder / "logs"
    logs.mkdir()
    os.chown(logs, 65534, 65534)
    logs.chmod(0o755)
    gateway.write_main("""user nobody; worker_processes 1; pid nsgate.pid;
        error_log logs/own.log info; tenants tenants/*.conf;""")
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    gateway.wait_log("cannot open the error log .*own.log: Permission denied")
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGUSR1)
    gateway.wait_log("cannot open the error log", since=at)
    gateway.reload()
    assert "opened anew" not in gateway.log(at)


def test_reload_and_quit_at_once(gateway, namespace):
    """Nothing is bound, reported or begun by a round once the end has begun."""
    gateway.settings["netns_shared"] = "on"
    gateway.write_main()
    gateway.tenant("a", texts.plain(namespace, 'return 200 "x";'))
    gateway.start()
    for number in range(20):
        gateway.tenant(f"b{number}", texts.plain(namespace, 'return 200 "y";',
                                                 f"127.0.0.1:{9000 + number}"))
    at = gateway.log_size()
    os.kill(gateway.pid, signal.SIGHUP)
    os.kill(gateway.pid, signal.SIGHUP)
    gateway.wait_log("reloading", since=at)
    os.kill(gateway.pid, signal.SIGQUIT)
    gateway.process.wait(8)
    text = gateway.log(at)
    assert "listening on" not in text[text.index("draining"):]
    assert "reload done" not in text[text.index("draining"):]
    gateway.stop()
