"""Send frames that no worker of ours would send, to the decoder and to a live server.

python tests/faults/fuzz.py --frames 1000000 --seed 1
"""

import argparse
import json
import os
import random
import resource
import sys
import threading
import time

import msgspec
import zmq
from helpers.waiting import HANG, running

from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import Checked, Failed, Final, Heartbeat, Register
from maggy.core.rpc import Server
from maggy.core.rpc.encoding import decode_worker_message, encode

KINDS = (
    "Register",
    "Checked",
    "Heartbeat",
    "Final",
    "Failed",
    "Assign",
    "Done",
    "Nonsense",
    "",
    7,
    None,
)


def value(generator, depth=0):
    """Return any value that MessagePack can hold."""
    kind = generator.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return generator.choice((None, True, False))
    if kind == 1:
        return generator.choice((0, -1, 1, 2**31, -(2**63), 2**64 - 1, generator.randrange(100)))
    if kind == 2:
        return generator.choice((0.5, float("nan"), float("inf"), -0.0, 1e308))
    if kind == 3:
        return generator.choice(("", "a", "None", "é" * 50, "x" * generator.randrange(2000)))
    if kind == 4:
        return os.urandom(generator.randrange(40)) if depth else b""
    if kind == 5:
        return msgspec.msgpack.Ext(generator.randrange(-128, 128), b"ext")
    if kind == 6:
        return {str(n): value(generator, depth + 1) for n in range(generator.randrange(4))}
    return [value(generator, depth + 1) for _ in range(generator.randrange(5))]


def honest(generator):
    """Return a correct message about a run that may not exist."""
    run = generator.choice((0, 1, 2, 10**9, -5))
    report = (
        run,
        generator.choice((0, -1, 7, 2**62)),
        [(0, 1.0)] * generator.randrange(3),
        0,
        [(True, "x")],
    )
    return generator.choice(
        (
            Register.of_this_release("host", 1),
            Checked(None, ""),
            Heartbeat(*report, generator.random() < 0.5),
            Final(*report, 1.0, {"metric": 1.0}, False),
            Failed(*report, "reason", "traceback"),
        )
    )


def frame(generator):
    """Return some bytes.

    They are noise, a value, an array with a message's name, an honest message or a damaged one.
    """
    kind = generator.randrange(5)
    if kind == 0:
        return generator.randbytes(generator.randrange(200))
    if kind == 1:
        return msgspec.msgpack.encode(value(generator))
    if kind == 2:
        fields = [value(generator, 1) for _ in range(generator.randrange(10))]
        return msgspec.msgpack.encode([generator.choice(KINDS), *fields])
    data = encode(honest(generator))
    if kind == 3:
        return data
    at = generator.randrange(len(data))
    noise = bytes([generator.randrange(256)])
    return generator.choice(
        (data[:at], data[:at] + noise + data[at + 1 :], data + noise, b"\xdd" + data)
    )


def decode_all(frames, seed):
    """Decode frames, and return how many were messages.

    Raise any error that is not the decoder's own.
    """
    generator = random.Random(seed)
    decoded = 0
    for _ in range(frames):
        try:
            decode_worker_message(frame(generator))
            decoded += 1
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return decoded


class Sink:
    """A handler that takes instructions, and keeps an error of the dispatcher."""

    def __init__(self):
        self.error = None

    def worker_registered(self, worker, message):
        pass

    def carry_out(self, instructions):
        pass

    def dispatcher_failed(self, error):
        self.error = error


def attack(frames, seed):
    """Send frames to a live server from a peer that has the key, while an honest worker is served.

    Returns:
        The slowest answer to the honest worker in seconds, the growth of memory in MiB, and how
        many messages the server rejected.
    """
    server = Server("127.0.0.1")
    address = server.start()
    sink = Sink()
    dispatcher = Dispatcher(server, Ledger(worker_timeout=600), sink)
    dispatcher.start()
    context = zmq.Context()
    honest_worker, attacker = (_peer(context, address, name) for name in (b"0.0.0", b"0.1.0"))
    generator = random.Random(seed)
    stop = threading.Event()
    slowest = [0.0]

    def serve():
        honest_worker.send(encode(Register.of_this_release("host", 1)))
        while not stop.is_set():
            began = time.perf_counter()
            honest_worker.send(encode(Heartbeat(0, 0, [], 0, [], True)))
            assert honest_worker.poll(1000 * HANG), "the honest worker got no answer"
            honest_worker.recv()
            slowest[0] = max(slowest[0], time.perf_counter() - began)
            stop.wait(0.01)

    try:
        with running(serve, release=stop.set) as serving:
            growth = _send(frames, generator, attacker)
            stop.set()
            serving.result()
    finally:
        for peer in (honest_worker, attacker):
            peer.close(linger=0)
        context.term()
        dispatcher.close()
    if sink.error is not None:
        raise sink.error
    return slowest[0], growth, server.rejected


def _send(frames, generator, attacker):
    """Send frames; return the growth of the process in MiB after the first fifth."""
    before = None
    for number in range(frames):
        attacker.send(frame(generator))
        if generator.random() < 0.001:
            attacker.send_multipart([b"", frame(generator), b"x"])
        while attacker.poll(0):
            attacker.recv()
        if number == frames // 5:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _peer(context, address, identity):
    peer = context.socket(zmq.DEALER)
    peer.routing_id = identity
    peer.curve_serverkey = address.server_key
    peer.curve_publickey = address.client_key
    peer.curve_secretkey = address.client_secret
    peer.connect(address.endpoint)
    return peer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    decoded = decode_all(options.frames, options.seed)
    slowest, growth, rejections = attack(options.frames, options.seed + 1)
    figures = {
        "frames": 2 * options.frames,
        "messages_among_those_decoded": decoded,
        "rejected_by_the_server": rejections,
        "slowest_honest_answer_s": round(slowest, 3),
        "memory_growth_mib": round(growth, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(figures))
    sys.exit(growth > 50)


if __name__ == "__main__":
    main()
