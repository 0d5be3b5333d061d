"""A Spark whose driver has a JVM of its own: local, standalone, YARN, Kubernetes."""

from __future__ import annotations

import re
import socket
import sys
from typing import Any

from maggy.common.spark_session import why_gone
from maggy.core.cluster.contract import Cluster, Task, TooLargeError
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.masters import gives_up_at_first_crash, local_cores, max_executors
from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.release import guarded

__all__ = ["ClassicCluster"]

SHARED_BYTES = 2**20
"""From this size on Spark would broadcast each job's command; one broadcast serves all jobs."""


class ClassicCluster(Cluster):
    """A driver with its own JVM: local, standalone, YARN, Kubernetes."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._context = context = session.sparkContext
        conf = context.getConf()
        self.app_id = context.applicationId
        self._master = context.master
        self.job_per_worker = gives_up_at_first_crash(self._master)
        self.local = self._master.startswith("local")
        # Local executors share the machine, so nothing but the loopback interface need be opened.
        self.advertised = (
            "127.0.0.1" if self.local else conf.get("spark.driver.host", socket.gethostname())
        )
        self.host = (
            "127.0.0.1" if self.local else conf.get("spark.driver.bindAddress", self.advertised)
        )
        self.speculation = conf.get("spark.speculation", "false").lower() == "true"
        if self.local and context.pythonExec == "python3":
            # Nobody has chosen one. The first on the PATH need not be the one that runs the driver.
            context.pythonExec = sys.executable

    def slots(self) -> int | None:
        conf = self._context.getConf()
        per_task = int(conf.get("spark.task.cpus", "1"))
        if re.fullmatch(r"local\[\s*\*.*\]", self._master):
            # What the JVM may use, which can be less than the machine has.
            return max(
                1,
                int(self._context._jvm.java.lang.Runtime.getRuntime().availableProcessors())
                // per_task,
            )
        if cores := local_cores(self._master):
            return max(1, cores // per_task)
        per_executor = int(conf.get("spark.executor.cores", "1")) // per_task
        if conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true":
            most = max_executors(conf.get("spark.dynamicAllocation.maxExecutors", ""))
            return None if most is None else max(1, most * per_executor)
        executors = int(conf.get("spark.executor.instances", "0"))
        return max(1, executors * per_executor or int(self._context.defaultParallelism) // per_task)

    def pack(self, value: Any) -> Payload:
        # Pickling a broadcast variable notes it down for the thread's next job. Ours start from other threads.
        pickled_variables = self._context._pickled_broadcast_vars
        try:
            data = dumps(value)
            references = tuple(pickled_variables)
        finally:
            pickled_variables.clear()
        if len(data) < SHARED_BYTES:
            return Payload(len(data), data, references=references)
        try:
            shared = self._context.broadcast(data)
        except Exception as error:
            raise TooLargeError(len(data), error_of(error)[0]) from error
        return Payload(len(data), None, shared, references)

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        self._context.setJobGroup(job, description, interruptOnCancel=True)

        tasks = self._context.parallelize(partitions, len(partitions))
        values: list[Any] = tasks.mapPartitions(guarded(task)).collect()
        return values

    def gone(self) -> str | None:
        return why_gone(self._context)

    def cancel(self, job: str) -> None:
        self._context.cancelJobGroup(job)

    def kill(self, job: str, task: int) -> None:
        if self.job_per_worker:
            self.cancel(job)
        else:
            self._context._jsc.sc().killTaskAttempt(task, True, "its Python worker hangs")
