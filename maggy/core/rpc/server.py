"""Hold the driver's end of the wire."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import msgspec
import zmq
from zmq.auth.thread import ThreadAuthenticator

from maggy.common.hosts import add_brackets, find_address, strip_brackets
from maggy.core.messages import DriverMessage, WorkerMessage
from maggy.core.rpc.address import LINGER_MILLISECONDS, Address
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES, decode_worker_message, encode, failure_of
from maggy.core.rpc.waker import Waker

__all__ = ["Server"]

logger = logging.getLogger(__name__)

MAX_BATCH = 200
"""Maximum number of messages that are read before the receiving thread looks at anything else."""


class _OnlyThisKey:
    """Accept the workers of one experiment: those that have its client key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def callback(self, domain: str, key: bytes) -> bool:
        """Return whether a peer with this key may connect. pyzmq calls it."""
        return key == self._key


class Server:
    """The driver's end: one ROUTER socket. Only one thread may use it, except for :meth:`wake`.

    Args:
        host: The address or name of the interface to listen on.
        advertised: The address at which workers reach the driver; None for ``host``.
        port: The port; None or 0 for a free one.
    """

    def __init__(
        self, host: str, *, advertised: str | None = None, port: int | None = None
    ) -> None:
        self._host = strip_brackets(host)
        self._advertised = strip_brackets(advertised or host)
        self._port = port or 0
        self.rejected = 0
        """Number of messages that could not be decoded."""

    def start(self) -> Address:
        """Make the keys, listen, and return the address for the workers.

        Raises:
            OSError: If the address does not belong to this machine, or the port is in use.
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
        self._socket.router_handover = True  # a worker that reconnects takes over its identity
        self._socket.maxmsgsize = MAX_MESSAGE_BYTES
        self._socket.linger = LINGER_MILLISECONDS
        try:
            address = find_address(self._host)
            self._socket.ipv6 = ":" in address
            self._socket.bind(f"tcp://{add_brackets(address)}:{self._port or '*'}")
        except (OSError, zmq.ZMQError) as error:
            self.close()
            raise OSError(
                "Maggy's driver must listen where Spark's driver does, but "
                f"{self._host}:{self._port or 'any port'} cannot be used ({error}). Set "
                "spark.driver.bindAddress to an address of this machine, or driver_port to a free "
                "port."
            ) from error
        port = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1]
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._waker, zmq.POLLIN)
        return Address(
            f"tcp://{add_brackets(self._advertised)}:{port}", server_key, client_key, client_secret
        )

    def receive(self, timeout: float) -> Iterator[tuple[bytes, WorkerMessage]]:
        """Wait for messages or a wake-up, and yield the messages with their senders.

        A message that cannot be decoded is dropped. If it is the end of a run, the failure of this
        run is yielded in its place.

        Args:
            timeout: Seconds to wait at most.
        """
        ready = dict(self._poller.poll(max(0, int(timeout * 1000))))
        if self._waker.fileno() in ready:
            self._waker.clear()
        if self._socket not in ready:
            return
        for _ in range(MAX_BATCH):
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
                raise msgspec.DecodeError(f"{len(frames)} frames instead of 2")
            message: WorkerMessage = decode_worker_message(frames[1])
            return message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.rejected += 1
            if self.rejected == 1:
                logger.warning("A message that is not of the protocol was dropped: %s", error)
            return failure_of(frames[1], error) if len(frames) == 2 else None

    def send(self, peer: bytes, message: DriverMessage) -> None:
        """Send without waiting. A peer that is gone or does not read loses the message."""
        try:
            self._socket.send_multipart((peer, encode(message)), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            logger.debug("A message to %r could not be sent: %s", peer, error)

    def wake(self) -> None:
        """Let :meth:`receive` return now. May be called from any thread."""
        self._waker.wake()

    def close(self) -> None:
        """Send the queued messages, then free the port."""
        self._socket.close()
        self._authenticator.stop()
        self._waker.close()
        self._context.term()


def _raise_open_file_limit() -> int:
    """Raise this process's limit of open files as far as allowed, and return the limit."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 1023
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < target:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        except (ValueError, OSError) as error:
            logger.warning(
                "The limit of %d open files (process %d) could not be raised: %s",
                soft,
                os.getpid(),
                error,
            )
            return soft
    return target
