"""A started server whose answers a test plays, and its peers: a client or a session."""

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from maggy.core.executors.session import Session
from maggy.core.messages import Assign, Done, Heartbeat, Register
from maggy.core.rpc import Client, Server

SOON = 60.0
"""Seconds in which what is due comes, also on a busy machine."""


def has_ipv6():
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class Host:
    """A started server, on a free port of the loopback interface."""

    def __init__(self, port=None, host="127.0.0.1", **options):
        self.server = Server(host, port=port, **options)
        self.address = self.server.start()
        self.got = []

    @property
    def port(self):
        return int(self.address.endpoint.rsplit(":", 1)[1])

    def receive(self, count=1, seconds=SOON):
        """Receive this many messages, or until the time is over. Return all with their peers."""
        deadline = time.monotonic() + seconds
        while len(self.got) < count and time.monotonic() < deadline:
            self.got += self.server.receive(deadline - time.monotonic())
        return self.got

    def until(self, condition, seconds=SOON):
        """Receive until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not happen; received: {self.got}"
            self.got += self.server.receive(0.02)

    def expect(self, kind, seconds=SOON):
        """The next message of this class; those before it are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            while self.got:
                _, message = self.got.pop(0)
                if isinstance(message, kind):
                    return message
            assert time.monotonic() < deadline, f"no {kind.__name__} came"
            self.got += self.server.receive(deadline - time.monotonic())

    def gather(self, seconds):
        """All messages that come in so many seconds."""
        self.got.clear()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.got += self.server.receive(deadline - time.monotonic())
        found, self.got = [message for _, message in self.got], []
        return found


def keys_of(address):
    return {
        "curve_serverkey": address.server_key,
        "curve_publickey": address.client_key,
        "curve_secretkey": address.client_secret,
    }


class Peer:
    """A started client, what it heard, and messages that it is to send."""

    def __init__(self, address, identity=b"0.0.0"):
        self.heard = []
        self.news = threading.Event()
        self.outbox = []
        self.errors = []
        self.client = Client(address, identity, self.on_message, self.on_tick, self.errors.append)
        self.client.start()

    def on_message(self, message):
        self.heard.append(message)
        self.news.set()

    def on_tick(self):
        while self.outbox:
            self.client.send(self.outbox.pop(0))
        return 60.0

    def say(self, message):
        self.outbox.append(message)
        self.client.wake()

    def hear(self):
        assert self.news.wait(SOON)
        self.news.clear()
        return self.heard


ME = b"0.0.0"
HELLO = Register.of_this_release("host", 1)


class Clock:
    """A session's time, which passes only when the test lets it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Stage:
    """The driver (the test itself), a session, and a thread that is the worker's main thread.

    Args:
        **options: Of the session. With a :class:`Clock` its time passes in :meth:`pass_time` only.
    """

    def __init__(self, **options):
        self.host = Host()
        self.interrupts = []
        self.interrupted = threading.Event()
        self.left = threading.Event()
        options = {
            "hb_interval": 0.05,
            "interrupt": self._interrupt,
            "leave": self._leave,
            **options,
        }
        self.session = Session(self.host.address, ME, **options)
        self.session.start()
        self._worker = ThreadPoolExecutor(1)

    def _interrupt(self, reason):
        self.interrupts.append(reason)
        self.interrupted.set()

    def _leave(self):
        self.left.set()
        sys.exit()  # ends the heartbeat's thread, as os._exit would end the process

    def worker(self, function, *args):
        """Have the worker's main thread do something."""
        return self._worker.submit(function, *args)

    def say(self, *messages):
        for message in messages:
            self.host.server.send(ME, message)

    def assigned(self, run=1):
        """Bring the worker into a run whose training function has begun."""
        answer = self.worker(self.session.request, HELLO)
        self.host.expect(Register)
        self.say(Assign(run, f"t{run}", {}, ""))
        assert answer.result(SOON).run == run
        self.worker(self.session.begin).result(SOON)

    def pass_time(self, heartbeats):
        """Let so many intervals between two heartbeats pass, each with its heartbeat."""
        for _ in range(heartbeats):
            self.session._clock.now += self.session._hb_interval
            self.session._client.wake()
            self.host.expect(Heartbeat)

    def close(self):
        self.say(Done())
        self.session._answers.put(
            Done()
        )  # for a request that nobody has answered, in a test that fails
        self._worker.shutdown()
        self.session.close()
        self.host.server.close()
