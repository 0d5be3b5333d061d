"""Find what Spark has brought to a task: files of the session, values of broadcast variables."""

from __future__ import annotations

__all__ = ["forget_pickled", "forget_value", "session_file"]


def session_file(name: str) -> str | None:
    """Return the path of a file that the user's session has sent; None outside a task."""
    from pyspark import SparkFiles

    try:
        return str(SparkFiles.get(name))
    except Exception:  # neither a task nor a driver of classic Spark
        return None


def forget_pickled(variable: object) -> None:
    """Let the next job of this thread go without a broadcast variable that was pickled before.

    Spark sends with a job all variables that were pickled since the last one, whatever they were
    pickled for, and fails if one of them is destroyed.
    """
    registry = vars(variable).get("_pickle_registry")
    if registry is not None:
        registry.clear()


def forget_value(variable: object) -> None:
    """Release the memory that the value of a broadcast variable takes in a task's process.

    The variable reads Spark's file again when it is asked again. Where Spark decrypts variables,
    there is no such file, and the value stays.
    """
    attributes = vars(variable)
    if attributes.get("_path") is not None:
        attributes.pop("_value", None)
