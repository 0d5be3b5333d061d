"""Start a server of Spark Connect on this machine, run a search through it, and stop it again.

    python examples/clusters/connect.py

The program that searches has no Java. It needs `pip install "pyspark[connect]"`, and the address of
the server in `SPARK_REMOTE`. Here the server has a Spark of two cores; on a cluster it gets the
cluster's master URL.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyspark

SPARK = Path(pyspark.__file__).parent
SEARCH = Path(__file__).with_name("search.py")
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_SECONDS = 300


def start_server(log):
    """Start the server; its lines go to a file. Only this machine reaches it."""
    command = [SPARK / "bin" / "spark-submit", "--class", SERVER, "--master", "local[2]"]
    command += ["--conf", "spark.connect.grpc.binding.address=127.0.0.1"]
    command += ["--conf", "spark.connect.grpc.binding.port=0"]  # any free port, in place of 15002
    command += ["--conf", "spark.ui.enabled=false", "spark-internal"]
    environment = {**os.environ, "SPARK_HOME": str(SPARK), "PYSPARK_PYTHON": sys.executable}
    with open(log, "wb") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


def find_port(server, log):
    """Return the port of the server, as soon as it listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if match := re.search(r"started at: \S*:(\d+)", log.read_text(errors="replace")):
            return match[1]
        time.sleep(0.2)
    sys.exit(f"The server did not start:\n{log.read_text(errors='replace')}")


def main():
    with tempfile.TemporaryDirectory(prefix="maggy-connect-") as folder:
        log = Path(folder, "server.log")
        server = start_server(log)
        try:
            address = f"sc://127.0.0.1:{find_port(server, log)}"
            print(f"The server listens at {address}.", flush=True)
            environment = {**os.environ, "SPARK_REMOTE": address}
            code = subprocess.run([sys.executable, SEARCH], env=environment, check=False).returncode
        finally:
            server.terminate()
            server.wait()
    print("The server is stopped.")
    sys.exit(code)


if __name__ == "__main__":
    main()
