"""Answer a notebook's front end that asks for the progress, in the framing that it speaks.

A question is a length of four bytes, big-endian, and a pickle of
``{"type": "LOG", "secret": ..., "data": "LOG"}``. The answer has the same form.
"""

from __future__ import annotations

import hmac
import logging
import pickle
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable

from maggy.common.hosts import strip_brackets
from maggy.core.environment.hopsworks.question import MAX_QUESTION_BYTES, read_question
from maggy.core.environment.progress_board import ProgressBoard

__all__ = ["ProgressChannel"]

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
SILENT_SECONDS = 30.0
"""A connection is closed after this number of seconds without a question or a sent answer."""
GRACE_SECONDS = 6.0
"""Seconds for which a front end can still ask after the end. Front ends ask every five seconds."""
# Every front end in use reads this protocol of pickle.
PICKLE_PROTOCOL = 3

_LENGTH = struct.Struct(">I")


class ProgressChannel:
    """Answer questions about the progress.

    One thread serves all connections, so that no client can delay another one. A client that does
    not know the secret, asks for something else, sends too much or sends nothing gets no answer,
    and its connection is closed. The answer is ``{"type": "OK", ...}`` with the figures of the
    board.

    Args:
        board: The figures.
        secret: The 1 to 128 characters that a client must send.
        host: The interface on which to listen.
        grace: Seconds for which the channel stays open after :meth:`close` if a client has asked
            before.
        clock: Monotonic seconds.

    Raises:
        ValueError: If the secret is empty or longer than 128 characters.
    """

    def __init__(
        self,
        board: ProgressBoard,
        secret: str,
        host: str,
        grace: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= len(secret) <= 128:
            raise ValueError(f"The secret must have 1 to 128 characters, but got {len(secret)}.")
        self._board = board
        self._secret = secret.encode()
        self._host = host
        self._grace = grace
        self._clock = clock
        self._end_time: float | None = None
        self._has_clients = False
        self._selector = selectors.DefaultSelector()
        self._connections: dict[socket.socket, _Connection] = {}
        # Closing the button makes the bell readable, which wakes the thread.
        self._bell, self._button = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="maggy-progress", daemon=True)

    def start(self) -> int:
        """Begin to listen.

        Returns:
            The port.

        Raises:
            OSError: If this machine does not have the interface.
        """
        host = strip_brackets(self._host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, 0), family=family, backlog=MAX_CONNECTIONS)
        except OSError:
            # No thread runs that would close these at its end.
            for resource in (self._bell, self._button, self._selector):
                resource.close()
            raise
        for source in (self._listener, self._bell):
            source.setblocking(False)
            self._selector.register(source, selectors.EVENT_READ)
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """End the channel without waiting for it.

        The channel ends at once if no client has asked so far, otherwise after the grace.
        """
        self._button.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the channel has ended.

        Args:
            timeout: Maximum number of seconds to wait; None for no limit.

        Returns:
            Whether the channel has ended.
        """
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._end_time is None or (self._has_clients and self._clock() < self._end_time):
                for key, events in self._selector.select(self._seconds_to_wait()):
                    self._serve(key.fileobj, events)
                self._close_silent_connections()
        except Exception:
            # An error of the channel must not reach the experiment.
            logger.warning(
                "The notebook's progress channel failed; the experiment goes on.", exc_info=True
            )
        finally:
            for source in (*self._connections, self._listener, self._bell, self._button):
                source.close()
            self._selector.close()

    def _seconds_to_wait(self) -> float | None:
        """Return the seconds until a connection or the channel must end; None for no limit."""
        times = [state.last_time + SILENT_SECONDS for state in self._connections.values()]
        if self._end_time is not None:
            times.append(self._end_time)
        return max(0.0, min(times) - self._clock()) if times else None

    def _serve(self, source: object, events: int) -> None:
        if source is self._listener:
            self._accept()
        elif source is self._bell:
            self._selector.unregister(self._bell)
            self._end_time = self._clock() + self._grace
        # A connection that was closed for another one may still have an event in this round.
        elif isinstance(source, socket.socket) and source in self._connections:
            try:
                self._talk(source, self._connections[source], events)
            except Exception as error:
                # Whatever this client sent, the other ones must be served.
                logger.debug("The connection of a front end was closed: %s", error)
                self._hang_up(source)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # The client has already gone.
            return
        # The connection that has been silent for longest makes room for the new one.
        if len(self._connections) >= MAX_CONNECTIONS:
            self._hang_up(
                min(self._connections, key=lambda other: self._connections[other].last_time)
            )
        connection.setblocking(False)
        self._connections[connection] = _Connection(self._clock())
        self._selector.register(connection, selectors.EVENT_READ)

    def _talk(self, connection: socket.socket, state: _Connection, events: int) -> None:
        if events & selectors.EVENT_READ:
            data = connection.recv(MAX_QUESTION_BYTES)
            if not data:
                self._hang_up(connection)
                return
            state.input += data
        # The next question waits until the last answer is gone, so that answers cannot pile up.
        if not state.output and (question := state.take_question()) is not None:
            state.output += self._answer(question)
            state.last_time = self._clock()
        if state.output:
            size = connection.send(state.output)
            del state.output[:size]
            state.last_time = self._clock()
        # A whole question that waits causes no further EVENT_READ. EVENT_WRITE brings its turn.
        has_work = bool(state.output) or state.has_question()
        self._selector.modify(
            connection, selectors.EVENT_WRITE if has_work else selectors.EVENT_READ
        )

    def _answer(self, data: bytes) -> bytes:
        question = read_question(data)
        secret = question.get("secret")
        # The comparison takes constant time, so that a client cannot guess the secret by parts.
        is_allowed = isinstance(secret, str) and hmac.compare_digest(
            secret.encode("utf-8", "replace"), self._secret
        )
        if not is_allowed or question.get("type") != "LOG":
            raise ValueError("The question has the wrong secret or type.")
        self._has_clients = True
        answer = pickle.dumps({"type": "OK", **self._board.read()}, protocol=PICKLE_PROTOCOL)
        return _LENGTH.pack(len(answer)) + answer

    def _close_silent_connections(self) -> None:
        now = self._clock()
        silent = [
            connection
            for connection, state in self._connections.items()
            if now - state.last_time >= SILENT_SECONDS
        ]
        for connection in silent:
            self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        self._connections.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()


class _Connection:
    """The bytes that have come and the bytes that must go on one connection.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self.last_time = now
        self.input = bytearray()
        self.output = bytearray()

    def has_question(self) -> bool:
        """Return whether a whole question has come.

        Raises:
            ValueError: If the next question is too long, or announces that it will be.
        """
        if len(self.input) < _LENGTH.size:
            return False
        length: int = _LENGTH.unpack_from(self.input)[0]
        if not 0 < length <= MAX_QUESTION_BYTES:
            raise ValueError(
                f"A question must have 1 to {MAX_QUESTION_BYTES} bytes, but {length} are announced."
            )
        return len(self.input) >= _LENGTH.size + length

    def take_question(self) -> bytes | None:
        """Remove and return the next whole question; None if it has not come yet."""
        if not self.has_question():
            return None
        (length,) = _LENGTH.unpack_from(self.input)
        question = bytes(self.input[_LENGTH.size : _LENGTH.size + length])
        del self.input[: _LENGTH.size + length]
        return question
