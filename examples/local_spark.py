"""A quiet Spark for the examples: what Spark and TensorFlow log goes to a file, so that the terminal shows the example.

Not needed in a notebook or job on a cluster, where there is a Spark session already.
"""

import contextlib
import os
from pathlib import Path

LOG = Path("Experiments", "spark.log")


def local_spark():
    """The active Spark session; without one, a new one on all local cores."""
    # The workers inherit these: no GPU is looked for, and numbers do not depend on the processor's features.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from maggy.core.cluster.spark import active_cluster

    LOG.parent.mkdir(parents=True, exist_ok=True)
    print(f"Starting Spark; its log is {LOG}", flush=True)
    with _errors_into(LOG):
        return active_cluster().session


@contextlib.contextmanager
def _errors_into(path):
    """Let processes that start inside the block write their errors to a file instead of the terminal."""
    terminal = os.dup(2)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
