"""Limit how long a client of Spark Connect tries to reach its server."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maggy.core.cluster.pyspark_protocols import ConnectClient, RetryPolicy

__all__ = ["Retries"]


class Retries:
    """Prevent a client from trying for ten minutes to reach a server that has ended.

    A server that cannot be reached is tried again by the rules of the user's session. The client
    gives up only if the server's machine answers that nothing listens there.

    Args:
        client: The client of the session.
        why_gone: Return why the server has ended; None if it may still run.
    """

    def __init__(self, client: ConnectClient, why_gone: Callable[[], str | None]) -> None:
        self._client = client
        self._why_gone = why_gone
        self._lock = threading.Lock()
        self._users = 0
        self._policies: list[RetryPolicy] = []

    @contextmanager
    def limit_retries(self) -> Iterator[None]:
        """Limit the client's retries for as long as at least one thread is in this context."""
        # The rules of Spark 3.5 cannot be changed.
        if not hasattr(self._client, "get_retry_policies"):
            yield
            return
        # All threads share one client: the first one changes its rules, the last one restores them.
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._policies = self._client.get_retry_policies()
                self._client.set_retry_policies([self._limit(policy) for policy in self._policies])
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._client.set_retry_policies(self._policies)

    def _limit(self, policy: RetryPolicy) -> RetryPolicy:
        limited = copy.copy(policy)
        limited.can_retry = lambda error: policy.can_retry(error) and self._why_gone() is None
        return limited
