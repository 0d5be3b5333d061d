"""Wake a thread that waits on sockets."""

from __future__ import annotations

import contextlib
import socket

__all__ = ["Waker"]


class Waker:
    """A socket by which any thread can wake a thread that waits on sockets."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def fileno(self) -> int:
        """Return the file descriptor on which the waiting thread waits."""
        return self._receiver.fileno()

    def wake(self) -> None:
        """Wake the waiting thread. It never blocks, and has no effect after :meth:`close`."""
        # A full buffer holds enough wake-ups, and a closed one needs none.
        with contextlib.suppress(OSError):
            self._sender.send(b"\0")

    def clear(self) -> None:
        """Remove the wake-ups so far."""
        with contextlib.suppress(BlockingIOError):
            self._receiver.recv(4096)

    def close(self) -> None:
        """Close the socket."""
        self._receiver.close()
        self._sender.close()
