"""Run jobs behind a Spark Connect server, whose client has no Java process."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import uuid
from collections.abc import Iterator

from maggy.common.exceptions import ExperimentError
from maggy.common.hosts import strip_brackets
from maggy.common.spark_master import local_cores
from maggy.core.cluster.contract import Cluster, Task, TooLargeError
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.masters import (
    gives_up_at_first_crash,
    max_executors,
    tasks_per_executor,
)
from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps, loads
from maggy.core.cluster.pyspark_protocols import ArrowBatch, ConnectSession
from maggy.core.cluster.release import guard_task
from maggy.core.cluster.retries import Retries

__all__ = ["ConnectCluster"]

SHARED_BYTES = 64 * 2**20
"""Payloads of at least this many bytes travel as a file of the session, ahead of the queries.

A Connect server refuses a query of 128 MiB.
"""


class _SessionFile:
    """Bytes in a file that the server sends to its executors.

    The server deletes the file when the user's session ends.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def value(self) -> bytes:
        """Return the content. Call this in a task."""
        from pyspark import SparkFiles

        with open(SparkFiles.get(self._name), "rb") as file:
            return file.read()

    def destroy(self) -> None:
        """Do nothing: a session cannot delete one of its files."""


class ConnectCluster(Cluster):
    """Run tasks through a Spark Connect server, such as one of Databricks' shared clusters.

    Args:
        session: The user's session.

    Raises:
        ExperimentError: If the session was stopped or its server has ended.
    """

    session: ConnectSession

    def __init__(self, session: ConnectSession) -> None:
        self.session = session
        self._retries = Retries(session.client, self.why_gone)
        # Each request to a server that has ended would be tried again for ten minutes.
        if reason := self.why_gone():
            raise ExperimentError(reason)
        self.app_id = f"connect-{session.session_id[:8]}"
        server = session.client.host
        self.advertised = self.host = _own_address(server)
        self.master = self._conf("spark.master", "")
        self.job_per_worker = gives_up_at_first_crash(self.master)
        self.local = self.master.startswith("local")
        self.speculation = self._conf("spark.speculation", "false").lower() == "true"

    @property
    def spare_workers(self) -> int:
        """Number of workers that stay when no further trial is available, at least 1."""
        # A client cannot have a single task killed. If a worker hangs, only a worker that stayed
        # can take over its trial.
        return max(1, super().spare_workers)

    def version(self) -> str:
        """Return the version of the server's Spark."""
        return self.session.version

    def settings(self) -> dict[str, str]:
        """Return the settings of the session, redacted by the server."""
        return dict(self.session.sql("SET").collect())

    def slots(self) -> int | None:
        """Return how many tasks the server's Spark can run at once, as far as a client can see."""
        cores_per_task = int(self._conf("spark.task.cpus", "1"))
        if cores := local_cores(self.master):
            return max(1, cores // cores_per_task)
        if self._conf("spark.dynamicAllocation.enabled", "false").lower() == "true":
            limit = max_executors(self._conf("spark.dynamicAllocation.maxExecutors", ""))
            return None if limit is None else max(1, limit * tasks_per_executor(self._conf))
        # A Connect client cannot see the executors. The default number of partitions is the only
        # figure that Spark gives it.
        frame = self.session.range(0, 1_000).selectExpr("spark_partition_id() AS p").distinct()
        return max(1, int(frame.count()))

    def pack(self, value: object) -> Payload:
        """Pickle a value once for all jobs.

        Raises:
            TooLargeError: If the value is too large for the server.
            Exception: If a part of the value cannot be pickled.
        """
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

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[object]:
        """Run a query with one task for each partition, and return what the tasks returned."""
        # A tag applies to the calling thread, which runs no other job.
        self.session.addTag(job)
        run_tasks = guard_task(task)

        # Spark pickles this function by value. It must refer neither to self, whose session cannot
        # be pickled, nor to Maggy's modules, which may be those of another release on an executor.
        def body(batches: Iterator[ArrowBatch]) -> Iterator[ArrowBatch]:
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
        with self._retries.limit_retries():
            rows = frame.collect()
        return [loads(bytes(row[0])) for row in rows]

    def why_gone(self) -> str | None:
        """Return why the session cannot be used any more, with the remedy; None if it can."""
        if self.session.is_stopped:
            return "Spark is gone: its session was stopped. Make a new one first."
        # A session may have been made with a builder of the user's own, which has no endpoint.
        host, _, port = getattr(self.session.client._builder, "endpoint", "").rpartition(":")
        if not port.isdigit() or not _refuses(host, int(port)):
            return None
        return (
            f"Spark is gone: nothing listens at the address of its Connect server, {host}:{port}. "
            "Start the server again and make a new session first. If Python started the server, "
            "restart Python."
        )

    def cancel(self, job: str) -> None:
        """Have the server interrupt the tasks of a job."""
        self.session.interruptTag(job)

    def _conf(self, key: str, default: str) -> str:
        try:
            return str(self.session.conf.get(key, default))
        except Exception:  # Some servers hide their settings.
            return default


def _refuses(host: str, port: int) -> bool:
    """Return whether a machine answers that nothing listens on one of its ports."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        # The machine cannot be reached, so it is unknown what listens there.
        return False


def _own_address(server: str) -> str:
    """Return this machine's address on the route to ``server``."""
    candidates = socket.getaddrinfo(strip_brackets(server), 9, type=socket.SOCK_DGRAM)
    for family, kind, _, _, address in sorted(
        candidates, key=lambda candidate: candidate[0] != socket.AF_INET
    ):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            # This sends nothing: a datagram socket only picks its route.
            probe.connect(address)
            return str(probe.getsockname()[0])
    raise OSError(f"There is no route to the Spark Connect server at {server}.")
