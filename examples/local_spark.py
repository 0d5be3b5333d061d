"""Start a quiet Spark for the examples: the logs of Spark and TensorFlow go to a file.

A notebook or job on a cluster does not need this, because it already has a Spark session.
"""

import contextlib
import os
from pathlib import Path

LOG = Path("Experiments", "spark.log")


def local_spark():
    """Return the active Spark session; without one, start one on all local cores."""
    # The workers inherit these variables. TensorFlow then looks for no GPU, and its numbers do not
    # depend on the processor's features.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from maggy.core.cluster import active_cluster

    LOG.parent.mkdir(parents=True, exist_ok=True)
    print(f"Starting Spark; its log is {LOG}", flush=True)
    with _errors_into(LOG):
        return active_cluster().session


@contextlib.contextmanager
def _errors_into(path):
    """Send the errors of processes that start inside the block to a file."""
    terminal = os.dup(2)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
