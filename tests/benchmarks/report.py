"""Helpers of the benchmarks: a table, a JSON line, a new process, a quiet Spark session."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor


def table(headers, rows, title=""):
    """Print rows under headers; align numbers to the right, and fit columns to their content."""
    texts = [[str(cell) for cell in row] for row in [headers, *rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    if title:
        print(f"\n{title}")
    for row in texts:
        first, *rest = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())
    sys.stdout.flush()


def json_line(name, figures):
    """Print the figures as one line of JSON, with a description of the machine."""
    machine = {
        "machine_cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }
    print(json.dumps({"benchmark": name, **machine, **figures}), flush=True)


@contextlib.contextmanager
def quiet():
    """Discard what the block prints, such as progress bars and reports."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def apart(function, *args):
    """Return what the function returns in a new process.

    Memory that one measurement does not free would distort the next one.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def quiet_session(slots, master=None):
    """Start a Spark session, without its web page and its progress bars.

    Args:
        slots: The number of tasks that may run at once on this machine.
        master: The URL of another master; ``local[<slots>]`` if None.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(master or f"local[{slots}]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return session
