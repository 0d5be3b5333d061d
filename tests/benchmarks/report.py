"""What the benchmarks share: a table, one JSON line, a process apart, a quiet Spark session, silence while timing."""

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
    """Print rows under headers, columns as wide as what is in them, numbers to the right."""
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
    """Print the figures as one line of JSON, with where they were measured."""
    machine = {
        "machine_cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }
    print(json.dumps({"benchmark": name, **machine, **figures}), flush=True)


@contextlib.contextmanager
def quiet():
    """Nothing is printed inside, as progress bars and reports would be."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def apart(function, *args):
    """What the function returns in a new process: memory that one measurement leaves behind would hide another's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def quiet_session(slots):
    """A Spark session on this machine with so many task slots, without its page and its progress bars."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{slots}]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return session
