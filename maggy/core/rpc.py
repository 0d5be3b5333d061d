"""Sockets, keys and framing between the driver and its workers. Knows messages, not trials.

ZeroMQ carries the messages, CURVE encrypts them and tells both sides apart from strangers: the keys are made for one
experiment and reach the workers inside the Spark job. Without the key a peer gets no byte to the decoder, and the
decoder makes nothing but the message types of :mod:`maggy.core.messages`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

from maggy.common.hosts import bare, bracketed, resolved
from maggy.core.messages import (
    MAX_MESSAGE_BYTES,
    DriverMessage,
    WorkerMessage,
    decode_driver_message,
    decode_worker_message,
    encode,
    failure_of,
)

__all__ = ["Address", "Client", "Server", "Waker"]

logger = logging.getLogger(__name__)

RECEIVED_AT_ONCE = 200
"""So many messages are read before the receiving thread may look at anything else."""
LINGER_MILLISECONDS = 1000
"""How long a closing socket may take to send its last words."""


@dataclass(frozen=True)
class Address:
    """Where the driver listens, and the keys to be heard there. Its repr shows no key."""

    endpoint: str
    server_key: bytes = field(repr=False)
    client_key: bytes = field(repr=False)
    client_secret: bytes = field(repr=False)

    @property
    def host(self) -> str:
        """The endpoint's name or address."""
        return bare(self.endpoint.removeprefix("tcp://").rpartition(":")[0])


class Waker:
    """Wakes a thread that waits on sockets, from any other thread."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def fileno(self) -> int:
        return self._receiver.fileno()

    def wake(self) -> None:
        """Let the waiting thread go on. Never blocks; has no effect once closed."""
        with contextlib.suppress(
            OSError
        ):  # a full buffer holds enough wake-ups; a closed one needs none
            self._sender.send(b"\0")

    def clear(self) -> None:
        """Forget the wake-ups so far."""
        with contextlib.suppress(BlockingIOError):
            self._receiver.recv(4096)

    def close(self) -> None:
        self._receiver.close()
        self._sender.close()


class _OnlyThisKey:
    """Lets in the workers of one experiment: those that hold its client key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def callback(self, domain: str, key: bytes) -> bool:
        return key == self._key


class Server:
    """The driver's end: one ROUTER socket. All methods but :meth:`wake` belong to one thread.

    Args:
        host: Address or name of the interface to listen on.
        advertised: Address under which workers reach it; ``host`` if None.
        port: The port; None or 0 for a free one.
    """

    def __init__(
        self, host: str, *, advertised: str | None = None, port: int | None = None
    ) -> None:
        self._host = bare(host)
        self._advertised = bare(advertised or host)
        self._port = port or 0
        self.rejected = 0
        """How many messages could not be decoded."""

    def start(self) -> Address:
        """Make the keys, listen, and return what workers need to connect.

        Raises:
            OSError: The address is not one of this machine's, or the port is taken.
        """
        server_key, server_secret = zmq.curve_keypair()
        client_key, client_secret = zmq.curve_keypair()
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _raise_open_file_limit())
        self._authenticator = ThreadAuthenticator(self._context)
        self._authenticator.start()
        self._authenticator.configure_curve_callback("*", _OnlyThisKey(client_key))
        self._waker = Waker()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.curve_server = True
        self._socket.curve_publickey = server_key
        self._socket.curve_secretkey = server_secret
        self._socket.router_handover = True  # a worker that reconnects keeps its identity
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        self._socket.linger = LINGER_MILLISECONDS
        try:
            address = resolved(self._host)
            self._socket.ipv6 = ":" in address
            self._socket.bind(f"tcp://{bracketed(address)}:{self._port or '*'}")
        except (OSError, zmq.ZMQError) as error:
            self.close()
            raise OSError(
                f"Maggy's driver must listen where Spark's driver does, but {self._host}:{self._port or 'any port'} "
                f"cannot be used ({error}). Set spark.driver.bindAddress to an address of this machine, "
                "or driver_port to a free port."
            ) from error
        port = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1]
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._waker, zmq.POLLIN)
        return Address(
            f"tcp://{bracketed(self._advertised)}:{port}", server_key, client_key, client_secret
        )

    def receive(self, timeout: float) -> Iterator[tuple[bytes, WorkerMessage]]:
        """Wait for messages or a wake-up, ``timeout`` seconds at most, and yield what has come.

        What cannot be decoded costs its sender the message and nobody else anything. The end of a run
        that cannot be decoded is yielded as its failure.
        """
        ready = dict(self._poller.poll(max(0, int(timeout * 1000))))
        if self._waker.fileno() in ready:
            self._waker.clear()
        if self._socket not in ready:
            return
        for _ in range(RECEIVED_AT_ONCE):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = self._decode(frames)
            if message is not None:
                yield frames[0], message

    def _decode(self, frames: list[bytes]) -> WorkerMessage | None:
        try:
            if len(frames) != 2:
                raise msgspec.DecodeError(f"{len(frames)} frames in place of 2")
            message: WorkerMessage = decode_worker_message(frames[1])
            return message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.rejected += 1
            if self.rejected == 1:
                logger.warning("A message that is not of the protocol was dropped: %s", error)
            return failure_of(frames[1], error) if len(frames) == 2 else None

    def send(self, peer: bytes, message: DriverMessage) -> None:
        """Send without waiting. A peer that is gone, or that reads nothing, loses the message."""
        try:
            self._socket.send_multipart((peer, encode(message)), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            logger.debug("Nothing could be sent to %r: %s", peer, error)

    def wake(self) -> None:
        """Make :meth:`receive` return now. May be called from any thread."""
        self._waker.wake()

    def close(self) -> None:
        """Send what is queued, then give the port back."""
        self._socket.close()
        self._authenticator.stop()
        self._waker.close()
        self._context.term()


class Client:
    """A worker's end: one DEALER socket and the thread that owns it.

    Args:
        address: Where the driver listens.
        identity: The worker's routing id, the same after a reconnect.
        on_message: Called in the client's thread with each message.
        on_tick: Called in the client's thread when woken or when the time it asked for has come; returns the
            number of seconds until it wants to be called again.
    """

    def __init__(
        self,
        address: Address,
        identity: bytes,
        on_message: Callable[[DriverMessage], None],
        on_tick: Callable[[], float],
    ) -> None:
        self._address = address
        self._identity = identity
        self._on_message = on_message
        self._on_tick = on_tick
        self._closing = False
        self._connected = False
        self._thread = threading.Thread(target=self._run, name="maggy-heartbeat", daemon=True)

    def start(self) -> None:
        """Connect and start the thread. A driver that is away is waited for."""
        self._context = zmq.Context()
        self._waker = Waker()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.routing_id = self._identity
        self._socket.curve_serverkey = self._address.server_key
        self._socket.curve_publickey = self._address.client_key
        self._socket.curve_secretkey = self._address.client_secret
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        self._socket.linger = LINGER_MILLISECONDS
        self._socket.reconnect_ivl = 100
        self._socket.reconnect_ivl_max = 2000
        events = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        self._monitor = self._socket.get_monitor_socket(events)
        with contextlib.suppress(OSError):  # a name that is not known yet is looked up again
            self._socket.ipv6 = ":" in resolved(self._address.host)
        self._socket.connect(self._address.endpoint)
        self._thread.start()

    def send(self, message: WorkerMessage) -> bool:
        """Send without waiting, only from the client's own thread; return whether it will be sent.

        A full queue drops the message: it will be said again.
        """
        try:
            self._socket.send(encode(message), zmq.NOBLOCK)
        except zmq.Again:
            logger.debug("The driver is away; a message was not sent.")
            return False
        return True

    def is_connected(self) -> bool:
        """Return whether a connection stands, only from the client's own thread.

        A driver that is only stopped keeps its connections.
        """
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            self._connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return self._connected

    def flush(self) -> None:
        """Wait until what was sent has left, a second at most; only from the client's own thread, to end it."""
        self._close_sockets()
        self._context.term()

    def wake(self) -> None:
        """Have ``on_tick`` called now. May be called from any thread."""
        self._waker.wake()

    def is_current_thread(self) -> bool:
        """Whether the caller runs in the client's own thread."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Send what is queued, end the thread and close the socket."""
        self._closing = True
        self._waker.wake()
        if not self.is_current_thread():
            self._thread.join()
        self._waker.close()
        self._context.term()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._waker, zmq.POLLIN)
        timeout = self._on_tick()
        while not self._closing:
            ready = dict(poller.poll(max(0, int(timeout * 1000) + 1)))
            if self._waker.fileno() in ready:
                self._waker.clear()
            if not ready:
                self.is_connected()  # so that what the monitor has to say does not pile up
            if self._socket in ready:
                self._receive()
            timeout = self._on_tick()
        self._on_tick()  # last words
        self._close_sockets()

    def _close_sockets(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = self._decode(data)
            if message is not None:
                self._on_message(message)

    def _decode(self, data: bytes) -> DriverMessage | None:
        """Decode a message. An assignment that cannot be decoded is answered with its failure."""
        try:
            message: DriverMessage = decode_driver_message(data)
            return message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            logger.warning("A message that is not of the protocol was dropped: %s", error)
            failure = failure_of(data, error)
        if failure is not None:
            self.send(failure)
        return None


def _raise_open_file_limit() -> int:
    """Let this process hold as many sockets as the system allows; returns how many that is."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 1023
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError) as error:
            logger.warning(
                "The limit of %d open files (process %d) could not be raised: %s",
                soft,
                os.getpid(),
                error,
            )
            return soft
    return wanted
