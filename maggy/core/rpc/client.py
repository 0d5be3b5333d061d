"""Hold a worker's end of the wire."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from maggy.common.hosts import find_address
from maggy.core.messages import DriverMessage, WorkerMessage
from maggy.core.rpc.address import LINGER_MILLISECONDS, Address
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES, decode_driver_message, encode, failure_of
from maggy.core.rpc.waker import Waker

__all__ = ["Client"]

logger = logging.getLogger(__name__)


class Client:
    """A worker's end: one DEALER socket and the thread that owns it.

    Args:
        address: The address of the driver.
        identity: The routing id of the worker, which stays the same when it reconnects.
        on_message: Called with each message, on the client's thread.
        on_error: Called with an exception that one of the other two has raised. It is the last call
            on the client's thread.
        on_tick: Called when the thread is woken, and after the number of seconds that the last call
            has returned, on the client's thread.
    """

    def __init__(
        self,
        address: Address,
        identity: bytes,
        on_message: Callable[[DriverMessage], None],
        on_tick: Callable[[], float],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._address = address
        self._identity = identity
        self._on_message = on_message
        self._on_tick = on_tick
        self._on_error = on_error
        self._is_closing = False
        self._has_connection = False
        self._thread = threading.Thread(target=self._run, name="maggy-heartbeat", daemon=True)

    def start(self) -> None:
        """Connect, and start the thread. If the driver is away, the socket connects later."""
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
        with contextlib.suppress(OSError):  # ZeroMQ looks up an unknown name again later
            self._socket.ipv6 = ":" in find_address(self._address.host)
        self._socket.connect(self._address.endpoint)
        self._thread.start()

    def send(self, message: WorkerMessage) -> bool:
        """Send without waiting, and return whether the message was queued.

        Only the client's own thread may call it. A full queue drops the message: the next one makes
        up for it.
        """
        try:
            self._socket.send(encode(message), zmq.NOBLOCK)
        except zmq.Again:
            logger.debug("The driver is away; a message was not sent.")
            return False
        return True

    def is_connected(self) -> bool:
        """Return whether the driver is connected. Only the client's own thread may call it.

        The connections of a driver that is merely stopped stay.
        """
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            self._has_connection = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return self._has_connection

    def flush(self) -> None:
        """Wait at most a second until all messages are sent, and close.

        Only the client's own thread may call it, as the last thing that it does.
        """
        self._close_sockets()
        self._context.term()

    def wake(self) -> None:
        """Have ``on_tick`` called now. May be called from any thread."""
        self._waker.wake()

    def is_current_thread(self) -> bool:
        """Return whether the caller runs on the client's own thread."""
        return threading.current_thread() is self._thread

    def close(self) -> None:
        """Send the queued messages, end the thread and close the socket."""
        self._is_closing = True
        self._waker.wake()
        if not self.is_current_thread():
            self._thread.join()
        self._waker.close()
        self._context.term()

    def _run(self) -> None:
        try:
            self._exchange_messages()
        except Exception as error:
            # Without this, a thread that waits for an answer would wait forever.
            logger.exception("The connection of the worker failed.")
            self._on_error(error)
        finally:
            self._close_sockets()  # or close() would wait forever, in ZeroMQ

    def _exchange_messages(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._waker, zmq.POLLIN)
        timeout = self._on_tick()
        while not self._is_closing:
            ready = dict(poller.poll(max(0, int(timeout * 1000) + 1)))
            if self._waker.fileno() in ready:
                self._waker.clear()
            if not ready:
                self.is_connected()  # reads the events of the monitor, which would pile up
            if self._socket in ready:
                self._receive()
            timeout = self._on_tick()
        self._on_tick()  # for the last messages

    def _close_sockets(self) -> None:
        if self._socket.closed:
            return
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
        """Return the decoded message, or None. Answer an assignment that cannot be decoded."""
        try:
            message: DriverMessage = decode_driver_message(data)
            return message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            logger.warning("A message that is not of the protocol was dropped: %s", error)
            failure = failure_of(data, error)
        if failure is not None:
            self.send(failure)
        return None
