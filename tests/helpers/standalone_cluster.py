"""A standalone cluster of Spark on this machine: a master and workers, each a process."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from helpers.waiting import PROCESS_SECONDS, kill_tree, wait_until

__all__ = ["StandaloneCluster"]

JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dspark.decommission.enabled=true"
"""Options of the master and the workers. They decommission only where this is enabled."""


class StandaloneCluster:
    """A master and workers with one core each. Use it in a ``with`` statement.

    Args:
        folder: Where they write.
        workers: Number of workers.
        memory: The memory that each of them offers.

    Attributes:
        url: The master URL.
    """

    def __init__(self, folder, workers=2, memory="512m"):
        self._folder, self._count, self._memory = folder, workers, memory
        self._processes = []

    def __enter__(self):
        try:
            self._start("master", "master.Master")
            self.url = wait_until(
                self._find_url, "the start of Spark's master", seconds=PROCESS_SECONDS
            )
            for number in range(self._count):
                folder = ("--work-dir", str(self._folder / f"work{number}"))
                options = ("--cores", "1", "--memory", self._memory, *folder, self.url)
                self._start(f"worker{number}", "worker.Worker", *options)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exception):
        self._end()

    def decommission(self, directory):
        """Send SIGPWR to the worker below whose folder this directory is."""
        number = int(re.search(r"/work(\d+)/", directory)[1])
        self._processes[1 + number].send_signal(signal.SIGPWR)

    def _start(self, name, main, *options):
        import pyspark

        home = Path(pyspark.__file__).parent
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{main}"]
        command += ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *options]
        environment = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": JAVA_OPTIONS,
            "PYSPARK_PYTHON": sys.executable,
        }
        with open(self._folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self._processes.append(process)

    def _find_url(self):
        assert self._processes[0].poll() is None, (self._folder / "master.log").read_text()
        match = re.search(r"spark://\S+:\d+", (self._folder / "master.log").read_text())
        return match and match[0]

    def _end(self):
        for process in reversed(self._processes):
            kill_tree(process)
