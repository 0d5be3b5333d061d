"""Check the release of Maggy on an executor before the executor imports anything of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from maggy.core.cluster.contract import Task, task_info
from maggy.core.cluster.pickling import dumps
from maggy.core.messages import MISMATCH, protocol_mismatch
from maggy.version import PROTOCOL

__all__ = ["guard_task", "release_error", "run_tasks"]


def guard_task(task: Task) -> Callable[[Iterable[int]], Iterator[object]]:
    """Return a function that runs the task on an executor with a release that fits the driver's.

    Spark pickles the function by value, since it is defined inside another one. It refers to
    nothing of this package but plain values and functions of the same kind. So it also works where
    another release is installed, whose modules may lack names that the task refers to.

    Args:
        task: The function to call for each partition number.

    Returns:
        A function of partition numbers, which yields the values that the task returns. It raises
        ``RuntimeError`` if the release on the executor speaks another protocol, and
        ``ModuleNotFoundError`` if Maggy is not installed there.
    """
    data = dumps((run_tasks, task))
    driver_protocol = PROTOCOL
    message = protocol_mismatch("{host}", "{version}", "{protocol}")
    read_release = _make_release_reader()

    def run(partitions: Iterable[int]) -> Iterator[object]:
        import socket

        from pyspark import cloudpickle

        version, protocol = read_release()
        if protocol != driver_protocol:
            host = socket.gethostname()
            raise RuntimeError(message.format(host=host, version=version, protocol=protocol))
        run_partitions, inner = cloudpickle.loads(data)
        yield from run_partitions(inner, partitions)

    return run


def _make_release_reader() -> Callable[[], tuple[str, int]]:
    """Return a function that reads the version and the protocol of the release on an executor."""

    # Like the function that calls it, this one must refer to nothing of this package.
    def read_release() -> tuple[str, int]:
        import importlib.util
        import os
        import re
        import sys

        module = sys.modules.get("maggy.version")
        spec = importlib.util.find_spec("maggy")
        # A module in memory is the release that this process runs, even if the files are newer.
        if module is not None:
            return str(module.__version__), getattr(module, "PROTOCOL", 0)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("No module named 'maggy'")
        # As text: an import of "maggy.version" would run the package's own imports first.
        path = os.path.join(os.path.dirname(spec.origin), "version.py")
        try:
            text = spec.loader.get_data(path).decode()  # type: ignore[union-attr]
        except OSError:
            text = ""
        protocols = re.findall(r"(?m)^PROTOCOL = (\d+)", text)
        versions = re.findall(r'(?m)^__version__ = "([^"]+)"', text)
        return (versions or ["an unknown release"])[0], int((protocols or [0])[0])

    return read_release


def run_tasks(task: Task, partitions: Iterable[int]) -> Iterator[object]:
    """Call a task once for each partition number, and yield the values that it returns."""
    for partition in partitions:
        yield from task(task_info(partition))


def release_error(error: BaseException) -> str | None:
    """Return the message of a failed check of the release; None for any other error of Spark."""
    match = re.search(rf"RuntimeError: ({re.escape(MISMATCH)}[^\n]*)", str(error))
    return match[1] if match else None
