"""A Spark behind a Connect server, whose client has no JVM."""

from __future__ import annotations

import contextlib
import copy
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy.common.exceptions import ExperimentError
from maggy.common.hosts import bare
from maggy.core.cluster.contract import Cluster, Task, TooLargeError
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.masters import gives_up_at_first_crash, local_cores, max_executors
from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps, loads
from maggy.core.cluster.release import guarded

__all__ = ["ConnectCluster"]

SHARED_BYTES = 64 * 2**20
"""A query of 128 MiB is refused. From this size on the bytes go ahead of the queries, as a file of the session."""


class _SessionFile:
    """Bytes in a file that the server sends to its executors and deletes when the user's session ends."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def value(self) -> bytes:
        from pyspark import SparkFiles

        with open(SparkFiles.get(self._name), "rb") as file:
            return file.read()

    def destroy(self) -> None:
        """Do nothing: a session cannot delete one of its files."""


class ConnectCluster(Cluster):
    """A client of a Spark Connect server, such as Databricks' shared clusters."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._retries = _Retries(session.client, self.gone)
        if reason := self.gone():
            raise ExperimentError(reason)
        self.app_id = f"connect-{session.session_id[:8]}"
        server = session.client.host
        self.advertised = self.host = _own_address(server)
        self._master = self._conf("spark.master", "")
        self.job_per_worker = gives_up_at_first_crash(self._master)
        self.local = self._master.startswith("local")
        self.speculation = self._conf("spark.speculation", "false") == "true"

    @property
    def spare_workers(self) -> int:
        # A client cannot have a single task killed: when a worker hangs, only one that stayed can take over.
        return max(1, super().spare_workers)

    def slots(self) -> int | None:
        if cores := local_cores(self._master):
            return cores
        if self._conf("spark.dynamicAllocation.enabled", "false").lower() == "true":
            most = max_executors(self._conf("spark.dynamicAllocation.maxExecutors", ""))
            per_executor = int(self._conf("spark.executor.cores", "1")) // int(
                self._conf("spark.task.cpus", "1")
            )
            return None if most is None else max(1, most * per_executor)
        # A Connect client cannot see the executors: the default number of partitions is what Spark says of itself.
        frame = self.session.range(0, 1_000).selectExpr("spark_partition_id() AS p").distinct()
        return max(1, int(frame.count()))

    def pack(self, value: Any) -> Payload:
        data = dumps(value)
        if len(data) < SHARED_BYTES:
            return Payload(len(data), data)
        name = f"maggy-{uuid.uuid4().hex}"
        try:
            with tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, name)
                with open(path, "wb") as file:
                    file.write(data)
                self.session.addArtifacts(path, file=True)
        except Exception as error:
            raise TooLargeError(len(data), error_of(error)[0]) from error
        return Payload(len(data), None, _SessionFile(name))

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        self.session.addTag(job)

        run_tasks = guarded(task)

        def body(batches: Iterator[Any]) -> Iterator[Any]:
            import pyarrow
            from pyspark import cloudpickle

            for batch in batches:
                numbers = [partitions[row] for row in batch.column(0).to_pylist()]
                values = [cloudpickle.dumps(value) for value in run_tasks(numbers)]
                yield pyarrow.RecordBatch.from_pydict(
                    {"value": pyarrow.array(values, pyarrow.binary())}
                )

        frame = self.session.range(0, len(partitions), 1, len(partitions)).mapInArrow(
            body, "value binary"
        )
        with self._retries.only_while_there():
            rows = frame.collect()
        return [loads(bytes(row[0])) for row in rows]

    def gone(self) -> str | None:
        if self.session.is_stopped:
            return "Spark is gone: its session was stopped. Make a new one first."
        # A builder of the user's own need not have an endpoint.
        host, _, port = getattr(self.session.client._builder, "endpoint", "").rpartition(":")
        if not port.isdigit() or not _refuses(host, int(port)):
            return None
        return (
            f"Spark is gone: nobody listens where its Connect server was, at {host}:{port}. Start the server again and "
            "make a new session first; if Python had started it, restart Python."
        )

    def cancel(self, job: str) -> None:
        self.session.interruptTag(job)

    def _conf(self, key: str, default: str) -> str:
        try:
            return str(self.session.conf.get(key, default))
        except Exception:  # some servers hide their settings
            return default


class _Retries:
    """Keeps a client from trying for ten minutes to reach a server that has ended.

    A server that cannot be reached is tried again, as the user's session would have it. Only one whose machine answers
    that nobody listens there is not.

    Args:
        client: The session's client.
        gone: Says why the server is gone; None if it may be there.
    """

    def __init__(self, client: Any, gone: Callable[[], str | None]) -> None:
        self._client = client
        self._gone = gone
        self._lock = threading.Lock()
        self._users = 0
        self._policies: list[Any] = []

    @contextmanager
    def only_while_there(self) -> Iterator[None]:
        """Change what the client tries again, for as long as at least one thread is inside."""
        if not hasattr(self._client, "get_retry_policies"):  # Spark 3.5 has fixed ones
            yield
            return
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._policies = self._client.get_retry_policies()
                self._client.set_retry_policies(
                    [self._limited(policy) for policy in self._policies]
                )
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._client.set_retry_policies(self._policies)

    def _limited(self, policy: Any) -> Any:
        limited = copy.copy(policy)
        limited.can_retry = lambda error: policy.can_retry(error) and self._gone() is None
        return limited


def _refuses(host: str, port: int) -> bool:
    """Whether a machine answers that nobody listens on a port of it."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:  # it cannot be reached, which says nothing of what listens there
        return False


def _own_address(server: str) -> str:
    """Return this machine's address on the route to ``server``."""
    candidates = socket.getaddrinfo(bare(server), 9, type=socket.SOCK_DGRAM)
    for family, kind, _, _, address in sorted(
        candidates, key=lambda candidate: candidate[0] != socket.AF_INET
    ):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.connect(address)  # sends nothing: a datagram socket only picks its route
            return str(probe.getsockname()[0])
    raise OSError(f"There is no route to the Spark Connect server at {server}.")
