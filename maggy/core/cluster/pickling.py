"""Functions as bytes, the way Spark sends them."""

from __future__ import annotations

from typing import Any

__all__ = ["dump", "dumps", "loads"]


def dumps(value: Any) -> bytes:
    """Pickle a value the way Spark pickles functions: code of notebooks and scripts travels with it."""
    from pyspark import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def dump(value: Any, file: Any) -> None:
    """Pickle a value into a file, as :func:`dumps` does."""
    from pyspark import cloudpickle

    cloudpickle.CloudPickler(file).dump(value)


def loads(data: bytes) -> Any:
    """The value that :func:`dumps` pickled. For data out of Spark's own closure only, never from the network."""
    from pyspark import cloudpickle

    return cloudpickle.loads(data)
