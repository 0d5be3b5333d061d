"""A pickled function on its way to the tasks of many jobs, with what Spark has to bring along for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

__all__ = ["Payload", "Shared", "with_content"]


class Shared(Protocol):
    """Bytes that Spark keeps for all jobs, such as a broadcast variable."""

    @property
    def value(self) -> bytes:
        """The bytes, on the driver and in a task."""

    def destroy(self) -> None:
        """Have Spark forget the bytes."""


class Payload:
    """Pickled bytes that any number of jobs refer to.

    It is pickled into each job's command. So the broadcast variables among ``references`` are part of every
    command, however often and on whatever thread a job is started, and Spark brings them to its tasks. Without them
    the bytes could not be unpickled there: they only name the variables.

    Args:
        size: Number of bytes.
        data: The bytes, or None where ``shared`` holds them.
        shared: The bytes, kept by Spark so that they are not serialized again for each job.
        references: The broadcast variables that the bytes refer to.
    """

    def __init__(
        self,
        size: int,
        data: bytes | None,
        shared: Shared | None = None,
        references: tuple[Any, ...] = (),
    ) -> None:
        self.size = size
        self._data = data
        self._shared = shared
        self._references = references

    def content(self) -> bytes:
        """Return the bytes."""
        if self._shared is not None:
            return self._shared.value
        assert self._data is not None
        return self._data

    def release(self) -> None:
        """Have Spark forget what it keeps for the jobs. No job may be started afterwards."""
        if self._shared is not None:
            with suppress(Exception):  # Spark may be gone, and then nothing is kept
                self._shared.destroy()


def with_content(
    function: Callable[..., list[Any]], payload: Payload, *arguments: Any
) -> list[Any]:
    """Call a function with a payload's bytes and further arguments; runs in a task."""
    return function(payload.content(), *arguments)
