# SPDX-License-Identifier: MIT
"""gRPC, unary and streaming, from a real client inside a namespace to a real server."""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import threading

import grpc
import pytest

from harness import texts
from harness.gateway import wait_for

CLIENT = pathlib.Path(__file__).resolve().parent / "harness" / "grpc_client.py"


class Service:
    """Five methods of raw bytes; no generated code is needed for that."""

    def __init__(self):
        self.cancelled = threading.Event()

    def unary(self, request, context):
        assert dict(context.invocation_metadata())["x-sent"] == "1"
        context.send_initial_metadata([("x-initial", "i")])
        context.set_trailing_metadata([("x-trailing", "t")])
        return b"got " + request

    def down(self, request, _):
        for number in range(int(request)):
            yield b"y" * (number * 20000)

    def up(self, requests, _):
        return b"%d" % sum(len(part) for part in requests)

    def both(self, requests, _):
        for part in requests:
            yield b"re " + part

    def fails(self, _, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "on purpose")

    def slow(self, _, context):
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(10)
        return b""

    def handlers(self):
        return grpc.method_handlers_generic_handler("nsg.Test", {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
            "Fails": grpc.unary_unary_rpc_method_handler(self.fails),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow)})


@pytest.fixture
def service():
    made = Service()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((made.handlers(),))
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made
    server.stop(0)


def test_all_kinds_of_call(gateway, authority, namespace, service):
    gateway.tenant("a", texts.proxied(
        authority, namespace, "grpc.test", f"127.0.0.1:{service.port}",
        "client_max_body_size 0;", "proxy_http_version 2;"))
    gateway.start()
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, CLIENT,
         f"127.0.0.1:{texts.PORT}", "grpc.test", authority.ca],
        capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr + gateway.tail()
    result = json.loads(done.stdout)
    assert result["unary"] == "got hello"
    assert (result["initial"], result["trailing"]) == ("i", "t")
    assert result["down"] == [number * 20000 for number in range(5)]
    assert result["up"] == 2000000
    assert result["both"] == [f"re {number}" for number in range(5)]
    assert result["Fails"] == ["FAILED_PRECONDITION", "on purpose"]
    assert result["Missing"][0] == "UNIMPLEMENTED", "trailers alone are an answer"
    assert result["Slow"] == "DEADLINE_EXCEEDED"
    wait_for(service.cancelled.is_set, 10, "the server hears of the cancellation")
