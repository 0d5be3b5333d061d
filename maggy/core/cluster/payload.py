"""Carry the pickled function to the tasks of many jobs, with its broadcast variables."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

from maggy.core.cluster.pyspark_protocols import Broadcast, Shared

__all__ = ["Payload", "call_with_content"]

P = ParamSpec("P")
T = TypeVar("T")


class Payload:
    """Hold pickled bytes to which any number of jobs refer.

    A payload is pickled into the command of each job. The broadcast variables in ``references`` are
    therefore part of every command, no matter how often and in which thread a job starts, and Spark
    brings the variables to the tasks. Without them a task could not unpickle the bytes, which
    contain only the variables' names.

    Args:
        size: Number of bytes.
        data: The bytes; None if ``shared`` holds them.
        shared: The bytes in Spark, so that they are not serialized again for each job.
        references: The broadcast variables to which the bytes refer.
    """

    def __init__(
        self,
        size: int,
        data: bytes | None,
        shared: Shared | None = None,
        references: tuple[Broadcast, ...] = (),
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
        """Have Spark forget the shared bytes. No job may start afterwards."""
        if self._shared is not None:
            # Spark may have ended, and then it holds nothing any more.
            with suppress(Exception):
                self._shared.destroy()


def call_with_content(
    function: Callable[Concatenate[bytes, P], T],
    payload: Payload,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call a function with the bytes of a payload and further arguments. Call this in a task.

    Args:
        function: The function, whose first argument are the bytes.
        payload: The payload as it arrived in the task.
        *args: Further arguments.
        **kwargs: Further keyword arguments.

    Returns:
        The return value of the function.
    """
    return function(payload.content(), *args, **kwargs)
