"""Turn functions into bytes and back, in the way of Spark."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Writable", "dump", "dumps", "loads"]


class Writable(Protocol):
    """A file that takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Add bytes and return their number."""


def dumps(value: object) -> bytes:
    """Return a value as bytes, pickled as Spark pickles functions.

    The code of notebooks and scripts travels with the bytes.

    Raises:
        Exception: If a part of the value cannot be pickled. The type depends on that part.
    """
    from pyspark import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def dump(value: object, file: Writable) -> None:
    """Pickle a value into a file, as :func:`dumps` does.

    Raises:
        Exception: If a part of the value cannot be pickled, or if the file refuses the bytes.
    """
    from pyspark import cloudpickle

    cloudpickle.CloudPickler(file).dump(value)


def loads(data: bytes) -> Any:  # noqa: ANN401 (it may be anything)
    """Return the value that :func:`dumps` pickled.

    Unpickling can run any code. The bytes must come from Spark's own closure or from the results of
    its tasks, never from the network.
    """
    from pyspark import cloudpickle

    return cloudpickle.loads(data)
