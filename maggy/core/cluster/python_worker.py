"""Copy what pyspark keeps in a Python worker for user code into a process beside the worker."""

from __future__ import annotations

from typing import TypedDict

from maggy.core.cluster.pyspark_protocols import Broadcast

__all__ = ["TaskState", "restore_task_state", "task_state"]


class TaskState(TypedDict):
    """The state of a task that user code can reach through pyspark.

    Attributes:
        broadcasts: The attributes that give each broadcast variable its value, by its number.
        files: The folder of Spark's files, and whether this is a worker.
        context: The attributes of the task's context; None outside a task.
    """

    broadcasts: dict[int, dict[str, object]]
    files: tuple[str | None, bool]
    context: dict[str, object] | None


def task_state() -> TaskState:
    """Return what user code may ask pyspark for inside this task.

    That is the broadcast variables, the files and the task's context. The value of a broadcast
    variable is copied only if Spark decrypted it into this process's memory.
    """
    from pyspark import SparkFiles, TaskContext
    from pyspark.broadcast import _broadcastRegistry

    context = TaskContext.get()
    return {
        "broadcasts": {
            number: _source(variable) for number, variable in _broadcastRegistry.items()
        },
        "files": (SparkFiles._root_directory, SparkFiles._is_running_on_worker),
        "context": None if context is None else vars(context),
    }


def restore_task_state(state: TaskState) -> None:
    """Make pyspark answer in this process as it does in the task of which this is the state."""
    from pyspark import Broadcast as SparkBroadcast
    from pyspark import SparkFiles, TaskContext
    from pyspark.broadcast import _broadcastRegistry

    for number, source in state["broadcasts"].items():
        # The constructor would need Java or the original file handle.
        variable = SparkBroadcast.__new__(SparkBroadcast)
        vars(variable).update(
            {"_jbroadcast": None, "_sc": None, "_python_broadcast": None}, **source
        )
        _broadcastRegistry[number] = variable
    SparkFiles._root_directory, SparkFiles._is_running_on_worker = state["files"]
    if state["context"] is not None:
        vars(TaskContext._getOrCreate()).update(state["context"])


def _source(variable: Broadcast) -> dict[str, object]:
    """Return the attributes that give a broadcast variable its value."""
    # A variable with a path reads its file only when the value is asked for.
    path = getattr(variable, "_path", None)
    return {"_value": variable.value} if path is None else {"_path": path}
