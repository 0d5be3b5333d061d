"""Take the store of a search away for a minute, and count what that costs.

    python tests/benchmarks/store_outage.py

A search on Spark has its records and checkpoints on an S3 server of this machine (moto). The server
ends while trials train, and starts again on the same port after a minute, with what it held. Each
trial saves a checkpoint after every epoch. At the end the script counts the trials with a metric,
the complete records, and the checkpoints that a new process can open.
"""

import argparse
import contextlib
import io
import logging
import os
import socket
import threading
import time

from report import json_line, quiet_session, table

from maggy import Searchspace, experiment, load
from maggy.experiment_config import OptimizationConfig


class Server:
    """moto's S3 server on one port. Its buckets outlive a stop, since they are in this process."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()

    def stop(self):
        self._server.stop()


def make_train(epochs, seconds):
    """Return a training function; the workers get it by value."""

    def train(x, reporter):
        import time

        start, total = 0, 0.0
        if (checkpoint := reporter.restore()) is not None:
            start, total = checkpoint.step + 1, float((checkpoint / "total").read_text())
        for epoch in range(start, epochs):
            time.sleep(seconds)
            total += x
            reporter.broadcast(total, step=epoch)
            with reporter.checkpoint(step=epoch) as folder:
                (folder / "total").write_text(repr(total))
        return total

    return train


def interrupt(server, after, seconds):
    """Take the server away after some seconds, for some seconds."""
    time.sleep(after)
    server.stop()
    time.sleep(seconds)
    server.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=40, help="epochs of each trial")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each epoch")
    parser.add_argument("--after", type=float, default=15.0, help="seconds before the outage")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds of the outage")
    options = parser.parse_args()
    import fsspec

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line about each request
    server = Server()
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ENDPOINT_URL=server.url,
    )
    fsspec.filesystem("s3").mkdir("outage")
    session = quiet_session(2)
    config = OptimizationConfig(
        options.trials,
        "randomsearch",
        Searchspace(x=("DOUBLE", [0, 1])),
        es_policy="none",
        keep_checkpoints="all",
        log_dir="s3://outage/experiments",
        num_workers=2,
        seed=1,
    )
    outage = threading.Thread(target=interrupt, args=(server, options.after, options.outage))
    outage.start()
    start, output = time.monotonic(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        result = experiment.lagom(make_train(options.epochs, options.seconds), config)
    seconds = time.monotonic() - start
    outage.join()
    recorded = load(result.directory)
    last = [
        recorded.checkpoint(row["trial_id"]).step == options.epochs - 1 for row in recorded.trials
    ]
    session.stop()
    server.stop()
    figures = {
        "seconds": round(seconds, 1),
        "undisturbed": options.trials / 2 * options.epochs * options.seconds,
        "trials_with_a_metric": sum(row["metric"] is not None for row in result.trials),
        "attempts": sum(row["attempts"] for row in result.trials),
        "complete_records": sum(
            row["steps"] == list(range(options.epochs)) for row in recorded.trials
        ),
        "last_checkpoints": sum(last),
    }
    lines = [
        line for line in output.getvalue().splitlines() if "Maggy: " in line or "cannot" in line
    ]
    title = f"{options.trials} trials, and an outage of {options.outage:g} s"
    table(["figure", "value"], list(figures.items()), title=title)
    print("\n".join(lines))
    json_line("store_outage", figures)


if __name__ == "__main__":
    main()
