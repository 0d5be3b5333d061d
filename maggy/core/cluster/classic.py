"""Run jobs on Spark whose driver has its own Java process: local, standalone, YARN, Kubernetes."""

from __future__ import annotations

import re
import socket
import sys

from maggy.common.spark_master import local_cores
from maggy.common.spark_session import why_gone
from maggy.core.cluster.contract import Cluster, Task, TooLargeError
from maggy.core.cluster.failures import error_of
from maggy.core.cluster.masters import (
    gives_up_at_first_crash,
    max_executors,
    tasks_by_gpus,
    tasks_per_executor,
)
from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.pyspark_protocols import ClassicSession
from maggy.core.cluster.release import guard_task

__all__ = ["ClassicCluster"]

SHARED_BYTES = 2**20
"""All jobs share one broadcast for a payload of at least this many bytes.

Spark itself would broadcast the command of each job from this size on.
"""


class ClassicCluster(Cluster):
    """Run tasks through the Java process of the driver.

    Args:
        session: The user's session.
    """

    session: ClassicSession

    def __init__(self, session: ClassicSession) -> None:
        self.session = session
        self._context = context = session.sparkContext
        conf = context.getConf()
        self.app_id = context.applicationId
        self.master = context.master
        self.job_per_worker = gives_up_at_first_crash(self.master)
        self.local = self.master.startswith("local")
        # Local executors share the machine, so only the loopback interface is opened.
        self.advertised = (
            "127.0.0.1" if self.local else conf.get("spark.driver.host", socket.gethostname())
        )
        self.host = (
            "127.0.0.1" if self.local else conf.get("spark.driver.bindAddress", self.advertised)
        )
        self.speculation = conf.get("spark.speculation", "false").lower() == "true"
        self.announces_preemption = (
            not self.local and conf.get("spark.decommission.enabled", "false").lower() == "true"
        )
        if self.local and context.pythonExec == "python3":
            # This is Spark's default. The first python3 on the PATH may be another interpreter
            # than the driver's.
            context.pythonExec = sys.executable

    def version(self) -> str:
        """Return the version of Spark."""
        return self.session.version

    def settings(self) -> dict[str, str]:
        """Return Spark's settings, redacted by Spark. Of a value of several lines it is the first.

        Spark redacts what ``spark.redaction.regex`` matches: names such as ``...password``, and
        values that contain such a name.
        """
        lines = self._context.getConf().toDebugString().splitlines()
        pairs = (line.partition("=") for line in lines if line.startswith("spark."))
        return {name: value for name, equals, value in pairs if equals}

    def slots(self) -> int | None:
        """Return how many tasks Spark can run at once, according to its settings."""
        conf = self._context.getConf()
        cores_per_task = int(conf.get("spark.task.cpus", "1"))
        if re.fullmatch(r"local\[\s*\*.*\]", self.master):
            return max(1, self._java_processors() // cores_per_task)
        if cores := local_cores(self.master):
            return max(1, cores // cores_per_task)
        if conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true":
            limit = max_executors(conf.get("spark.dynamicAllocation.maxExecutors", ""))
            return None if limit is None else max(1, limit * tasks_per_executor(conf.get))
        if executors := int(conf.get("spark.executor.instances", "0")):
            return max(1, executors * tasks_per_executor(conf.get))
        # Where no number of executors is set, Spark's default is the number of cores that it has.
        slots = int(self._context.defaultParallelism) // cores_per_task
        if (by_gpus := tasks_by_gpus(conf.get)) is not None:
            slots = min(slots, self._count_executors() * by_gpus)
        return max(1, slots)

    def _count_executors(self) -> int:
        driver_and_executors = self._context._jsc.sc().getExecutorMemoryStatus()
        return int(driver_and_executors.size()) - 1

    def pack(self, value: object) -> Payload:
        """Pickle a value once for all jobs, together with the broadcast variables in it.

        Raises:
            TooLargeError: If the value is too large for a broadcast.
            Exception: If a part of the value cannot be pickled.
        """
        # Spark brings the broadcast variables that a thread has pickled to that thread's next job.
        # Our jobs start in other threads, so the payload carries the variables itself.
        variables = self._context._pickled_broadcast_vars
        try:
            data = dumps(value)
            references = tuple(variables)
        finally:
            variables.clear()
        if len(data) < SHARED_BYTES:
            return Payload(len(data), data, references=references)
        try:
            shared = self._context.broadcast(data)
        except Exception as error:
            raise TooLargeError(len(data), error_of(error)[0]) from error
        return Payload(len(data), None, shared, references)

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[object]:
        """Run a job with one task for each partition, and return what the tasks returned."""
        # A job group applies to the calling thread, which runs no other job.
        self._context.setJobGroup(job, description, interruptOnCancel=True)
        tasks = self._context.parallelize(partitions, len(partitions))
        return tasks.mapPartitions(guard_task(task)).collect()

    def why_gone(self) -> str | None:
        """Return why the Java process or its session cannot be used any more; None if it can."""
        return why_gone(self._context)

    def cancel(self, job: str) -> None:
        """Have Spark kill the tasks of a job."""
        self._context.cancelJobGroup(job)

    def kill(self, job: str, task: int) -> None:
        """Have Spark kill one task of a job and start it again."""
        if self.job_per_worker:
            self.cancel(job)
        else:
            self._context._jsc.sc().killTaskAttempt(task, True, "its Python worker hangs")

    def tasks_to_move(self, tasks: list[int]) -> list[int]:
        """Return those of the tasks whose executors Spark decommissions."""
        scheduler = self._context._jsc.sc().taskScheduler()
        # Almost always there is none, and then this is all that is asked.
        if bool(scheduler.executorsPendingDecommission().isEmpty()):
            return []
        executors = scheduler.taskIdToExecutorId()
        leaving = []
        for task in tasks:
            executor = executors.get(task)  # an Option of Scala
            if bool(executor.isDefined()):
                state = scheduler.getExecutorDecommissionState(str(executor.get()))
                if bool(state.isDefined()):
                    leaving.append(task)
        return leaving

    def _java_processors(self) -> int:
        # Java may be allowed fewer processors than the machine has, for example in a container.
        return int(self._context._jvm.java.lang.Runtime.getRuntime().availableProcessors())
