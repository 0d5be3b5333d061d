"""Everything Maggy asks of Spark, classic and Connect; the only module that imports pyspark, and only when used.

Knows jobs, tasks and tables; nothing of trials. Imports nothing of the package but exceptions and values.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from maggy.core.exceptions import MissingDependencyError
from maggy.core.hosts import bare

__all__ = [
    "Cluster",
    "Task",
    "TaskInfo",
    "active_cluster",
    "collect_columns",
    "dumps",
    "error_of",
    "is_connect",
    "loads",
    "read_table",
]


class TaskInfo(NamedTuple):
    """Which task of a job this is; made on the executor. ``task`` is its id in the Spark application."""

    partition: int
    attempt: int
    gpus: list[str]
    task: int = 0


Task = Callable[[TaskInfo], "list[Any]"]


def active_cluster() -> Cluster:
    """The Spark that the user's session runs on; without a session, one on all local cores is started.

    Raises:
        MissingDependencyError: pyspark or Java is not installed, or Java is too old.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingDependencyError(
            "Maggy runs trials on Apache Spark, but pyspark cannot be imported. Run: pip install pyspark"
        ) from error
    session = SparkSession.getActiveSession()
    if session is None:
        session = _start_session(SparkSession)
    if is_connect(session):
        return ConnectCluster(session)
    return ClassicCluster(session)


def is_connect(session: Any) -> bool:
    """Whether this is a session of Spark Connect."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def dumps(value: Any) -> bytes:
    """Pickle a value the way Spark pickles functions: code of notebooks and scripts travels with it."""
    from pyspark import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def loads(data: bytes) -> Any:
    """The value that :func:`dumps` pickled. For data out of Spark's own closure only, never from the network."""
    from pyspark import cloudpickle

    return cloudpickle.loads(data)


def read_table(path: str, format: str) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """Read a ``"csv"`` (with a header line) or ``"parquet"`` table; see :func:`collect_columns`."""
    session = active_cluster().session
    reader = session.read.option("header", True).option("inferSchema", True) if format == "csv" else session.read
    return collect_columns(reader.format(format).load(path))


def collect_columns(frame: Any) -> tuple[list[str], dict[str, np.ndarray[Any, Any]]]:
    """A Spark data frame in the driver's memory: the names of its columns in order, and one array for each."""
    names = list(frame.columns)
    rows = frame.collect()
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for position, name in enumerate(names):
        values = [row[position] for row in rows]
        missing = any(value is None for value in values)
        numbers = all(value is None or isinstance(value, (int, float)) for value in values)
        columns[name] = np.array(
            [np.nan if value is None else value for value in values] if missing and numbers else values
        )
    return names, columns


class Cluster(ABC):
    """One Spark application: how many tasks it can run at once, and how to run and end some.

    Attributes:
        session: The user's SparkSession.
        app_id: Spark's application id.
        host: The interface on which a driver's server should listen.
        advertised: The name or address under which executors reach the driver.
        local: Driver and executors share one process tree on this machine.
        job_per_worker: Spark gives a whole job up at its first crash, so each worker needs a job of its own.
        speculation: Spark may run a second copy of a slow task.
    """

    session: Any
    app_id: str
    host: str
    advertised: str
    local: bool
    job_per_worker: bool
    speculation: bool

    @abstractmethod
    def slots(self) -> int:
        """How many tasks Spark can run at once; at least 1."""

    @abstractmethod
    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        """Run a job with one task for each partition; blocks; returns what the tasks returned, in order."""

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Have Spark kill the tasks of a job."""

    def kill(self, job: str, task: int) -> None:
        """Have Spark kill one task of a job, and start it again; no effect where that cannot be asked for."""
        if self.job_per_worker:
            self.cancel(job)

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """A thread from which :meth:`run` may be called, with the caller's Spark properties."""
        from pyspark import InheritableThread

        options = {"session": self.session} if is_connect(self.session) else {}  # Spark 3.5 knows no other
        thread: threading.Thread = InheritableThread(target=target, **options)
        thread.name, thread.daemon = name, True
        return thread


class ClassicCluster(Cluster):
    """A driver with its own JVM: local, standalone, YARN, Kubernetes."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._context = context = session.sparkContext
        conf = context.getConf()
        self.app_id = context.applicationId
        self._master = context.master
        self.job_per_worker = _gives_up_at_first_crash(self._master)
        self.local = self._master.startswith("local")
        # Local executors share the machine, so nothing but the loopback interface need be opened.
        self.advertised = "127.0.0.1" if self.local else conf.get("spark.driver.host", socket.gethostname())
        self.host = "127.0.0.1" if self.local else conf.get("spark.driver.bindAddress", self.advertised)
        self.speculation = conf.get("spark.speculation", "false").lower() == "true"
        if self.local and context.pythonExec == "python3":
            # Nobody has chosen one. The first on the PATH need not be the one that runs the driver.
            context.pythonExec = sys.executable

    def slots(self) -> int:
        conf = self._context.getConf()
        per_task = int(conf.get("spark.task.cpus", "1"))
        if re.fullmatch(r"local\[\s*\*.*\]", self._master):
            # What the JVM may use, which can be less than the machine has.
            return max(1, int(self._context._jvm.java.lang.Runtime.getRuntime().availableProcessors()) // per_task)
        if cores := _local_cores(self._master):
            return max(1, cores // per_task)
        per_executor = int(conf.get("spark.executor.cores", "1")) // per_task
        if conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true":
            most = int(conf.get("spark.dynamicAllocation.maxExecutors", "0"))
            return max(1, most * per_executor, int(self._context.defaultParallelism) // per_task)
        executors = int(conf.get("spark.executor.instances", "0"))
        return max(1, executors * per_executor or int(self._context.defaultParallelism) // per_task)

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        self._context.setJobGroup(job, description, interruptOnCancel=True)

        def body(indices: Iterator[int]) -> Iterator[Any]:
            for index in indices:
                yield from task(_task_info(index))

        values: list[Any] = self._context.parallelize(partitions, len(partitions)).mapPartitions(body).collect()
        return values

    def cancel(self, job: str) -> None:
        self._context.cancelJobGroup(job)

    def kill(self, job: str, task: int) -> None:
        if self.job_per_worker:
            self.cancel(job)
        else:
            self._context._jsc.sc().killTaskAttempt(task, True, "its Python worker hangs")


class ConnectCluster(Cluster):
    """A client of a Spark Connect server, such as Databricks' shared clusters."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.app_id = f"connect-{session.session_id[:8]}"
        server = session.client.host
        self.advertised = self.host = _own_address(server)
        self._master = self._conf("spark.master", "")
        self.job_per_worker = _gives_up_at_first_crash(self._master)
        self.local = self._master.startswith("local")
        self.speculation = self._conf("spark.speculation", "false") == "true"

    def slots(self) -> int:
        if cores := _local_cores(self._master):
            return cores
        # A Connect client cannot see the executors: the default number of partitions is what Spark says of itself.
        frame = self.session.range(0, 1_000).selectExpr("spark_partition_id() AS p").distinct()
        return max(1, int(frame.count()))

    def run(self, job: str, description: str, partitions: list[int], task: Task) -> list[Any]:
        self.session.addTag(job)

        def body(batches: Iterator[Any]) -> Iterator[Any]:
            import pyarrow

            for batch in batches:
                for row in batch.column(0).to_pylist():
                    values = [dumps(value) for value in task(_task_info(partitions[row]))]
                    yield pyarrow.RecordBatch.from_pydict({"value": pyarrow.array(values, pyarrow.binary())})

        rows = self.session.range(0, len(partitions), 1, len(partitions)).mapInArrow(body, "value binary").collect()
        return [loads(bytes(row[0])) for row in rows]

    def cancel(self, job: str) -> None:
        self.session.interruptTag(job)

    def _conf(self, key: str, default: str) -> str:
        try:
            return str(self.session.conf.get(key, default))
        except Exception:  # some servers hide their settings
            return default


def error_of(error: BaseException) -> tuple[str, int | None]:
    """A Spark failure in one sentence, and the index of the task whose crash caused it where Spark says so."""
    text = str(error)
    found = re.search(r"Task (\d+) in stage \S+ failed", text)
    culprit = int(found.group(1)) if found else None
    if "No module named 'maggy'" in text:
        return (
            "Maggy is not installed where Spark runs Python. Install it on the executors, or set PYSPARK_PYTHON "
            f"to {sys.executable} before the session starts.",
            culprit,
        )
    for pattern in (
        r"ConnectionError: (Maggy's driver at [^\n]*)",
        r"Traceback \(most recent call last\):\n(?:[ \t][^\n]*\n)*([^\n]+)",
        r"most recent failure: Lost task [^:\n]*: (?:[\w.$]+: )?([^\n]*?)(?: Consider setting [^\n]*)?\n",
        r"most recent failure: ([^\n]*)",
        r"((?:\[\w+\] )?(?:Job|Operation) [^\n]*cancell?ed[^\n]*)",
    ):
        if match := re.search(pattern, text):
            return match.group(1).strip(), culprit
    return f"{type(error).__name__}: {text.strip().splitlines()[0] if text.strip() else 'no reason given'}", culprit


def _task_info(partition: int) -> TaskInfo:
    from pyspark import TaskContext

    context = TaskContext.get()
    if context is None:
        return TaskInfo(partition, 0, [])
    gpus = context.resources().get("gpu")
    return TaskInfo(partition, context.attemptNumber(), list(gpus.addresses) if gpus else [], context.taskAttemptId())


def _gives_up_at_first_crash(master: str) -> bool:
    """Whether this is a local master without retries (``local[2, 3]`` would retry twice)."""
    return re.fullmatch(r"local(\[[^\],]*(,\s*1)?\])?", master) is not None


def _local_cores(master: str) -> int | None:
    """How many tasks a local master runs at once; None for a master that is not local."""
    if master == "local":
        return 1
    if found := re.fullmatch(r"local\[(\*|\d+)(?:\s*,\s*\d+)?\]", master):
        return (os.cpu_count() or 1) if found.group(1) == "*" else int(found.group(1))
    if found := re.fullmatch(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,\s*\d+\s*\]", master):
        return int(found.group(1)) * int(found.group(2))
    return None


def _own_address(server: str) -> str:
    """This machine's address on the route to ``server``."""
    found = socket.getaddrinfo(bare(server), 9, type=socket.SOCK_DGRAM)
    for family, kind, _, _, address in sorted(found, key=lambda each: each[0] != socket.AF_INET):
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.connect(address)  # sends nothing: a datagram socket only picks its route
            return str(probe.getsockname()[0])
    raise OSError(f"There is no route to the Spark Connect server at {server}.")


def _start_session(builder_class: Any) -> Any:
    from pyspark import SparkContext

    builder = builder_class.builder
    if SparkContext._active_spark_context is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        builder = builder.appName("maggy").config("spark.ui.showConsoleProgress", "false")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise _java_problem() or error from error


def _java_problem() -> MissingDependencyError | None:
    """Why Spark's JVM did not start, when Java is the reason."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if java is None or not os.path.exists(java):
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        return MissingDependencyError(
            f"Spark needs Java 17 or newer, but {where}. Install a JDK (for example openjdk-17-jre-headless) "
            "and set JAVA_HOME to it."
        )
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', printed)
    if found and int(found.group(1)) < 17:
        return MissingDependencyError(
            f"Spark 4 needs Java 17 or newer, but {java} is version {found.group(1)}. "
            "Install a newer JDK and set JAVA_HOME to it."
        )
    return None
