"""Limit how many times MLflow's client repeats a request."""

from __future__ import annotations

import os
import threading
from types import TracebackType

__all__ = ["NO_RETRIES", "NoRetries"]

VARIABLE = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
"""The environment variable that MLflow's client reads before each request."""


class NoRetries:
    """Let MLflow's client fail at once inside a ``with`` block, unless the user has set a number.

    By default it repeats a request for minutes if the server is away, with a line for each time. It
    takes the number from the environment variable only. Several threads may be inside.

    Example:
        >>> with NoRetries():
        ...     os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
        '0'
        >>> "MLFLOW_HTTP_REQUEST_MAX_RETRIES" in os.environ
        False
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._is_ours = False

    def __enter__(self) -> None:
        """Set the number."""
        with self._lock:
            if self._count == 0:
                self._is_ours = VARIABLE not in os.environ
                if self._is_ours:
                    os.environ[VARIABLE] = "0"
            self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Remove it when the last thread leaves."""
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._is_ours:
                os.environ.pop(VARIABLE, None)


NO_RETRIES = NoRetries()
"""The one object for all listeners of the process, since they share the environment."""
