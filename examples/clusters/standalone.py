"""Start a standalone cluster of Spark on this machine, submit a search to it, and stop it again.

    python examples/clusters/standalone.py
    python examples/clusters/standalone.py --archive environment.tar.gz

A standalone cluster is a master and workers, each a Java process. They come with pyspark. Here
all of them run on 127.0.0.1; on a real cluster each runs on a machine of its own.

Without an archive the executors use the Python that runs this file, and get Maggy as a zip file.
With one they use the Python in it: a virtual environment that venv-pack or conda-pack has packed.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyspark

import maggy

SPARK = Path(pyspark.__file__).parent
SEARCH = Path(__file__).with_name("search.py")
HOST = "127.0.0.1"
START_SECONDS = 300


@contextlib.contextmanager
def daemon(name, *options, folder):
    """A master or a worker of Spark, for as long as the block lasts. The value is its log file."""
    log = folder / f"{name}-{len(list(folder.iterdir()))}.log"
    # Port 0 is any free port. On a real cluster leave these two options out: a master then listens
    # on port 7077, and its web page is on 8080.
    ports = ("--port", "0", "--webui-port", "0")
    command = [SPARK / "bin" / "spark-class", f"org.apache.spark.deploy.{name}", "--host", HOST]
    environment = {**os.environ, "SPARK_HOME": str(SPARK), "SPARK_LOCAL_IP": HOST}
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [*command, *ports, *options], env=environment, stdout=file, stderr=file
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait()


def wait_for(pattern, log):
    """Return what the pattern finds in a log file, as soon as it is there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if match := re.search(pattern, log.read_text(errors="replace")):
            return match[0]
        time.sleep(0.2)
    sys.exit(f"Spark did not start:\n{log.read_text(errors='replace')}")


def submit(url, archive, folder):
    """Submit the search, wait for its end, and return the exit code of spark-submit."""
    command = [SPARK / "bin" / "spark-submit", "--master", url]
    command += ["--executor-cores", "1", "--executor-memory", "512m"]
    command += ["--conf", "spark.ui.enabled=false", "--conf", "spark.log.level=ERROR"]
    # The executors connect to this address. On a real cluster it is the driver's own name, which
    # Spark finds by itself in most cases.
    command += ["--conf", f"spark.driver.host={HOST}"]
    environment = {**os.environ, "SPARK_HOME": str(SPARK), "PYSPARK_DRIVER_PYTHON": sys.executable}
    if archive:
        # Each executor unpacks it into a folder with the name after the "#".
        command += ["--archives", f"{archive}#environment"]
        environment["PYSPARK_PYTHON"] = "./environment/bin/python"
    else:
        package = Path(maggy.__file__).parent
        zipped = shutil.make_archive(str(folder / "maggy"), "zip", package.parent, package.name)
        command += ["--py-files", zipped]
        environment["PYSPARK_PYTHON"] = sys.executable
    return subprocess.run(
        [*command, SEARCH, "--workers", "2"], env=environment, check=False
    ).returncode


def main():
    parser = argparse.ArgumentParser(description="Run a search on a standalone cluster.")
    parser.add_argument("--archive", type=Path, help="a packed virtual environment")
    archive = parser.parse_args().archive
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maggy-cluster-")))
        master = stack.enter_context(daemon("master.Master", folder=folder))
        url = wait_for(r"spark://\S+:\d+", master)
        for number in (1, 2):
            work = ("--cores", "1", "--memory", "512m", "--work-dir", folder / f"work{number}")
            log = stack.enter_context(daemon("worker.Worker", *work, url, folder=folder))
            wait_for("Successfully registered with master", log)
        print(f"The cluster is {url}, with two workers of one core each.", flush=True)
        code = submit(url, archive and archive.resolve(), folder)
    print("The cluster is stopped.")
    sys.exit(code)


if __name__ == "__main__":
    main()
