"""A real HDFS on this machine: one NameNode and one DataNode, from the jars of pyspark 2.4.8.

Run as a program, it fetches them with pip into a folder: ``python hdfs_cluster.py <folder>``.
"""

import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE = "pyspark==2.4.8"
CLASSES = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
}
OPENED = [
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
]


def fetch_jars(folder):
    """The folder with the jars; fetched (220 MB) unless they are there."""
    jars = Path(folder) / "jars"
    if jars.is_dir():
        return jars
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-build-isolation",
        "--no-binary",
        "pyspark",
        "--dest",
        str(folder),
        PACKAGE,
    ]
    subprocess.run(pip, check=True)
    archive = next(folder.glob("pyspark-*.tar.gz"))
    new = folder / "jars.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            if "/deps/jars/" in member.name and member.name.endswith(".jar"):
                (new / Path(member.name).name).write_bytes(tar.extractfile(member).read())
    new.rename(jars)
    archive.unlink()
    return jars


class HdfsCluster:
    """Started and stopped by hand; its files outlive a stop.

    Args:
        folder: For its data and logs.
        jars: The folder with Hadoop's jars.
    """

    def __init__(self, folder, jars):
        self.folder = Path(folder)
        self.jars = Path(jars)
        self.port = _free_port()
        self.url = f"hdfs://127.0.0.1:{self.port}"
        self.processes = {}
        self._configure()
        self._run("namenode-format", CLASSES["namenode"], "-format", "-force").wait(600)

    def start(self):
        """Returns once a file can be written."""
        for part in CLASSES:
            self.start_part(part)
        self.wait()

    def wait(self):
        """Returns once a file can be written."""
        _until(self._writable, "HDFS does not take files")

    def start_part(self, part):
        """Starts ``"namenode"`` or ``"datanode"``."""
        from helpers.leftovers import LASTING  # not at the top: this file also runs as a program

        process = self.processes[part] = self._run(part, CLASSES[part])
        LASTING.add(process.pid)  # a part that a test starts again serves the next tests, too

    def stop_part(self, part):
        process = self.processes.pop(part)
        process.terminate()
        _end(process)

    def stop(self):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            _end(process)
        self.processes.clear()

    def _writable(self):
        import hdfs_native

        try:
            client = hdfs_native.Client(self.url)
            with client.create("/ready", hdfs_native.WriteOptions(overwrite=True)) as file:
                file.write(b"x")
            return client.read("/ready").read() == b"x"
        except Exception:
            return False

    def _configure(self):
        name, data = self.folder / "name", self.folder / "data"
        for pages in (
            "hdfs",
            "datanode",
        ):  # which the jars lack, and which must be there, though empty
            (self.folder / "conf" / "webapps" / pages).mkdir(parents=True)
        settings = {
            "fs.defaultFS": self.url,
            "dfs.namenode.name.dir": name.as_uri(),
            "dfs.datanode.data.dir": data.as_uri(),
            "dfs.replication": 1,
            "dfs.webhdfs.enabled": "false",
            "dfs.permissions.enabled": "false",
            "dfs.namenode.http-address": "127.0.0.1:0",
            "dfs.datanode.address": "127.0.0.1:0",
            "dfs.datanode.http.address": "127.0.0.1:0",
            "dfs.datanode.ipc.address": "127.0.0.1:0",
            "dfs.namenode.safemode.extension": 0,
            "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
        }
        rows = "".join(
            f"<property><name>{key}</name><value>{value}</value></property>"
            for key, value in settings.items()
        )
        for file in ("core-site.xml", "hdfs-site.xml"):
            (self.folder / "conf" / file).write_text(f"<configuration>{rows}</configuration>")
        (self.folder / "conf" / "log4j.properties").write_text(
            "log4j.rootLogger=WARN,console\n"
            "log4j.appender.console=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.console.layout=org.apache.log4j.SimpleLayout\n"
        )

    def _run(self, name, *command):
        java = (
            os.path.join(os.environ["JAVA_HOME"], "bin", "java")
            if os.environ.get("JAVA_HOME")
            else "java"
        )
        opened = [
            option for module in OPENED for option in ("--add-opens", f"{module}=ALL-UNNAMED")
        ]
        path = os.pathsep.join([str(self.folder / "conf"), f"{self.jars}/*"])
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [java, "-Xmx256m", *opened, "-cp", path, *command],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )


def _end(process):
    """Wait for the end of a process that was told to end; kill it if it hangs."""
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _until(condition, otherwise, seconds=300):
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.5)


if __name__ == "__main__":
    print(fetch_jars(sys.argv[1]))
