# SPDX-License-Identifier: MIT
"""Fixtures of the whole-gateway tests."""

import atexit
import os
import signal
import tempfile

import pytest

from harness import beside, netns, texts
from harness.backend import EchoServer, Scripted
from harness.certs import Authority
from harness.frames import Frames
from harness.gateway import Gateway

atexit.register(netns.delete_all)


def _end(*_):
    # The fixtures' ends and atexit run; the status is that of an interrupted session.
    pytest.exit("told to end", returncode=2)


signal.signal(signal.SIGTERM, _end)


def pytest_addoption(parser):
    parser.addoption("--beside", metavar="FOLDER",
                     help="share the tests with another session that has the same (empty) folder")


def pytest_runtestloop(session):
    folder = session.config.getoption("--beside")
    if not folder or session.testsfailed or session.config.option.collectonly:
        return None
    beside.run(session, folder)
    return True


@pytest.fixture(scope="session", autouse=True)
def root(request, record_testsuite_property):
    record_testsuite_property("collected", len(request.session.items))
    assert os.geteuid() == 0, "the gateway tests need root: they make network namespaces"
    yield
    netns.delete_all()


@pytest.fixture(autouse=True)
def told_whether_alone(request):
    netns.begin_test(request.node.get_closest_marker("alone") is not None)
    yield
    netns.begin_test(True)  # fixtures of modules and of the session


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def namespaces():
    """Three namespaces that the tests of a session share; all have the same addresses."""
    return [netns.make(name) for name in ("a", "b", "c")]


@pytest.fixture
def namespace(namespaces):
    return namespaces[0]


@pytest.fixture
def gateway(tmp_path):
    """A gateway to configure and start; stopped and checked at the end."""
    made = Gateway(tmp_path)
    yield made
    if made.process is not None:
        try:
            made.stop()
        except BaseException:
            if made.process is not None:
                made.kill()
            raise


@pytest.fixture
def echo():
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def scripted():
    """scripted(script) starts a backend that does what script(connection, number) does."""
    servers = []

    def start(script, path=None):
        servers.append(Scripted(script, path))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def reachable():
    """A folder that the unprivileged workers can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="nsg-") as folder:
        os.chmod(folder, 0o755)
        yield folder


@pytest.fixture
def behind_h2(gateway, namespace):
    """behind_h2(server): a gateway of one worker before it, which asks it by HTTP/2."""
    servers = []

    def start(server, settings="", scheme="http"):
        servers.append(server)
        gateway.settings["worker_processes"] = "1"
        gateway.write_main()
        gateway.tenant("a", texts.plain(namespace, f"""client_max_body_size 0; {settings}
            proxy_http_version 2; location / {{ proxy_pass {scheme}://{server.address}; }}"""))
        gateway.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def h2_proxy(gateway, authority, namespace):
    """h2_proxy(address, settings) starts a gateway before that backend, with TLS and without."""

    def start(address, settings=""):
        location = f"location / {{ proxy_pass http://{address}; }}"
        gateway.tenant("a", texts.tenant(
            namespace, texts.tls_server(authority, "a.test", location),
            f"server {{ listen 127.0.0.1:8080; {location} }}", settings=settings))
        return gateway.start()

    return start


@pytest.fixture
def h2_dial(authority, namespace):
    """h2_dial() opens connections of exact frames over TLS."""
    made = []

    def open_one(**more):
        made.append(Frames(namespace, texts.ADDRESS, authority.context(("h2",)), **more))
        return made[-1]

    yield open_one
    for connection in made:
        connection.close()
