"""What pyspark keeps in a Python worker for user code; a process started beside the worker gets a copy."""

from __future__ import annotations

from typing import Any

__all__ = ["restore_task_state", "task_state"]


def task_state() -> dict[str, Any]:
    """Return what user code may ask pyspark for inside this task: broadcast variables, files, the task's context.

    The values of broadcast variables are not copied but for those that Spark decrypted into this process's memory.
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


def restore_task_state(state: dict[str, Any]) -> None:
    """Make pyspark answer in this process as it does in the task whose :func:`task_state` this is."""
    from pyspark import SparkFiles, TaskContext
    from pyspark.broadcast import Broadcast, _broadcastRegistry

    for number, source in state["broadcasts"].items():
        variable: Any = Broadcast.__new__(Broadcast)
        vars(variable).update(
            {"_jbroadcast": None, "_sc": None, "_python_broadcast": None}, **source
        )
        _broadcastRegistry[number] = variable
    SparkFiles._root_directory, SparkFiles._is_running_on_worker = state["files"]
    if state["context"] is not None:
        vars(TaskContext._getOrCreate()).update(state["context"])


def _source(variable: Any) -> dict[str, Any]:
    """Where a broadcast variable's value is: a file that is read when it is asked for, or this memory."""
    path = getattr(variable, "_path", None)
    return {"_value": variable.value} if path is None else {"_path": path}
