# SPDX-License-Identifier: MIT
"""A real gRPC client, run as a program of its own inside a namespace: all four kinds of call.
usage: grpc_client.py ADDRESS SERVER_NAME CA_FILE; prints one JSON object."""

import json
import sys

import grpc


def main(address, name, ca):
    credentials = grpc.ssl_channel_credentials(open(ca, "rb").read())
    options = [("grpc.ssl_target_name_override", name), ("grpc.default_authority", name)]
    result = {}
    with grpc.secure_channel(address, credentials, options) as channel:
        call = channel.unary_unary("/nsg.Test/Unary")
        reply, info = call.with_call(b"hello", metadata=[("x-sent", "1")], timeout=20)
        result["unary"] = reply.decode()
        result["initial"] = dict(info.initial_metadata()).get("x-initial")
        result["trailing"] = dict(info.trailing_metadata()).get("x-trailing")
        call = channel.unary_stream("/nsg.Test/Down")
        result["down"] = [len(part) for part in call(b"5", timeout=20)]
        call = channel.stream_unary("/nsg.Test/Up")
        result["up"] = int(call((b"x" * 100000 for _ in range(20)), timeout=20))
        # Both ways at once: each answer comes before the next question is asked.
        answers, questions = [], iter(range(5))

        def ask():
            for number in questions:
                yield b"%d" % number

        for answer in channel.stream_stream("/nsg.Test/Both")(ask(), timeout=20):
            answers.append(answer.decode())
        result["both"] = answers
        for method in ("Fails", "Missing"):
            try:
                channel.unary_unary(f"/nsg.Test/{method}")(b"x", timeout=20)
            except grpc.RpcError as error:
                result[method] = [error.code().name, error.details()]
        # A deadline of the client's: the call is cancelled on the way.
        try:
            channel.unary_unary("/nsg.Test/Slow")(b"x", timeout=0.5)
        except grpc.RpcError as error:
            result["Slow"] = error.code().name
    print(json.dumps(result))


main(*sys.argv[1:])
