"""The channel on which a notebook's front end asks for the progress, in the framing that it speaks.

A question is four bytes of length, big-endian, and a pickle of ``{"type": "LOG", "secret": ..., "data": "LOG"}``; the
answer comes alike. A pickle can run code in whoever reads it, so a question is read as text in a dict or not at all.
"""

from __future__ import annotations

import hmac
import io
import logging
import pickle
import pickletools
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from maggy.common.hosts import bare
from maggy.core.environment.progress_board import Board

__all__ = ["MAX_QUESTION_BYTES", "PollServer", "read_question"]

logger = logging.getLogger(__name__)

MAX_QUESTION_BYTES = 4096
MAX_CONNECTIONS = 32
SILENT_SECONDS = 30.0
"""A connection on which nothing was asked or fetched for so long is closed."""
GRACE_SECONDS = 6.0
"""How long somebody who has asked can still do so after the end; front ends ask every five seconds."""
PICKLE_PROTOCOL = 3  # every front end that can be out there reads it

_LENGTH = struct.Struct(">I")
_TEXT_ONLY = frozenset(
    [
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "EMPTY_DICT",
        "DICT",
        "SETITEM",
        "SETITEMS",
        "UNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "STRING",
        "SHORT_BINSTRING",
        "BINSTRING",
        "NONE",
        "MEMOIZE",
        "BINPUT",
        "BINGET",
        "PUT",
        "GET",
    ]
)
_MAX_MEMO = 255


class PollServer:
    """Answers questions for the progress. One thread serves every connection, so nobody can hold up anybody.

    Who does not know the secret, asks for something else, sends too much or sends nothing is not answered, and is cut
    off. The answer is ``{"type": "OK", ...}`` with what :meth:`Board.read` gives.

    Args:
        board: The figures.
        secret: 1 to 128 characters that the asker must know.
        host: The interface to listen on.
        grace: Seconds for which it stays open after :meth:`close` if somebody has asked before.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        board: Board,
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
        self._ends: float | None = None
        self._asked = False
        self._selector = selectors.DefaultSelector()
        self._connections: dict[socket.socket, _Connection] = {}
        self._bell, self._button = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="maggy-polls", daemon=True)

    def start(self) -> int:
        """Begins to listen; returns the port.

        Raises:
            OSError: The interface is not there.
        """
        host = bare(self._host)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=MAX_CONNECTIONS)
        for each in (self._listener, self._bell):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Ends the channel: at once if nobody has asked so far, else after the grace. Does not wait for that."""
        self._button.close()

    def join(self, timeout: float | None = None) -> bool:
        """Waits until the channel is closed, ``timeout`` seconds at most; returns whether it is."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._ends is None or (self._asked and self._clock() < self._ends):
                for key, events in self._selector.select(self._patience()):
                    self._serve(key.fileobj, events)
                self._cut_off_silent_ones()
        except Exception:  # the experiment must not notice
            logger.warning(
                "The notebook's progress channel failed; the experiment goes on.", exc_info=True
            )
        finally:
            for each in (*self._connections, self._listener, self._bell, self._button):
                each.close()
            self._selector.close()

    def _patience(self) -> float | None:
        """Seconds until something is due if nobody says anything."""
        due = [each.last + SILENT_SECONDS for each in self._connections.values()]
        if self._ends is not None:
            due.append(self._ends)
        return max(0.0, min(due) - self._clock()) if due else None

    def _serve(self, which: Any, events: int) -> None:
        if which is self._listener:
            self._accept()
        elif which is self._bell:
            self._selector.unregister(self._bell)
            self._ends = self._clock() + self._grace
        elif which in self._connections:
            try:
                self._talk(which, self._connections[which], events)
            except Exception as error:  # whatever this one sent, the others go on
                logger.debug("A poller was cut off: %s", error)
                self._hang_up(which)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            self._hang_up(min(self._connections, key=lambda each: self._connections[each].last))
        connection.setblocking(False)
        self._connections[connection] = _Connection(self._clock())
        self._selector.register(connection, selectors.EVENT_READ)

    def _talk(self, connection: socket.socket, state: _Connection, events: int) -> None:
        if events & selectors.EVENT_READ:
            data = connection.recv(MAX_QUESTION_BYTES)
            if not data:
                self._hang_up(connection)
                return
            state.received += data
        # The next question is looked at only once the last answer is gone, so that answers cannot pile up.
        if not state.to_send and (question := state.take_question()) is not None:
            state.to_send += self._answer(question)
            state.last = self._clock()
        if state.to_send:
            sent = connection.send(state.to_send)
            del state.to_send[:sent]
            state.last = self._clock()
        wanted = (
            selectors.EVENT_WRITE if state.to_send or state.has_question() else selectors.EVENT_READ
        )
        self._selector.modify(connection, wanted)

    def _answer(self, question: bytes) -> bytes:
        asked = read_question(question)
        secret = asked.get("secret")
        known = isinstance(secret, str) and hmac.compare_digest(
            secret.encode("utf-8", "replace"), self._secret
        )
        if not known or asked.get("type") != "LOG":
            raise ValueError("The question has the wrong secret or type.")
        self._asked = True
        answer = pickle.dumps({"type": "OK", **self._board.read()}, protocol=PICKLE_PROTOCOL)
        return _LENGTH.pack(len(answer)) + answer

    def _cut_off_silent_ones(self) -> None:
        now = self._clock()
        for connection in [
            each for each, state in self._connections.items() if now - state.last >= SILENT_SECONDS
        ]:
            self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        self._connections.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()


def read_question(data: bytes) -> dict[Any, Any]:
    """Reads a pickled dict of texts without being able to make anything else.

    Its operations are looked through first: one that could import, call, build or reserve memory is refused.

    Raises:
        ValueError: It is too long, damaged or something else.
    """
    if len(data) > MAX_QUESTION_BYTES:
        raise ValueError(
            f"A question must be at most {MAX_QUESTION_BYTES} bytes, but got {len(data)}."
        )
    try:
        for operation, argument, _ in pickletools.genops(data):
            in_memo = (
                not operation.name.endswith(("PUT", "GET")) or 0 <= int(str(argument)) <= _MAX_MEMO
            )
            if operation.name not in _TEXT_ONLY or not in_memo:
                raise ValueError(
                    f"A question must be a dict of texts, but this one has the operation {operation.name}."
                )
        question = _NothingUnpickler(io.BytesIO(data)).load()
    except Exception as error:
        raise ValueError(f"A question must be a pickled dict of texts: {error}") from error
    if not isinstance(question, dict):
        raise ValueError(f"A question must be a dict, but got {type(question).__name__}.")
    return question


class _NothingUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is not allowed here.")


class _Connection:
    """What has come and what is to go on one connection."""

    def __init__(self, now: float) -> None:
        self.last = now
        self.received = bytearray()
        self.to_send = bytearray()

    def has_question(self) -> bool:
        """Whether a whole question waits.

        Raises:
            ValueError: The next one is, or says that it is, too long.
        """
        if len(self.received) < _LENGTH.size:
            return False
        length: int = _LENGTH.unpack_from(self.received)[0]
        if not 0 < length <= MAX_QUESTION_BYTES:
            raise ValueError(
                f"A question must be at most {MAX_QUESTION_BYTES} bytes, but {length} were announced."
            )
        return len(self.received) >= _LENGTH.size + length

    def take_question(self) -> bytes | None:
        """The next whole question, or None as long as it is not there."""
        if not self.has_question():
            return None
        (length,) = _LENGTH.unpack_from(self.received)
        question = bytes(self.received[_LENGTH.size : _LENGTH.size + length])
        del self.received[: _LENGTH.size + length]
        return question
