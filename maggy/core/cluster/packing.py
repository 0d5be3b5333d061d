"""Pickle the training function once for all jobs. Explain why it fails or is very large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maggy.common.exceptions import BadArgumentsError, ExperimentError, SignatureError
from maggy.core.cluster.contract import Cluster, TooLargeError
from maggy.core.cluster.payload import Payload
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.weight import describe_size
from maggy.core.executors.workload import Workload

__all__ = ["pack_workload"]

LARGE_BYTES = 100 * 2**20
"""The user is told about a function of at least this many bytes."""
REMEDY = (
    "Read large data inside the function from a place that all executors can reach, share a table "
    "with maggy.data.share(frame), or send other data with spark.sparkContext.broadcast(data) and "
    "use the variable's .value (not on Spark Connect)"
)


@contextmanager
def pack_workload(
    workload: Workload, cluster: Cluster, tell: Callable[[str], None]
) -> Iterator[Payload]:
    """Pickle the workload, and keep it in Spark for as long as the context lasts.

    Args:
        workload: The function with everything to which it refers, and in an ablation the ablator.
        cluster: The cluster whose tasks need the workload.
        tell: Called with one sentence if the workload is large.

    Yields:
        The payload for the jobs.

    Raises:
        SignatureError: If the function uses something that cannot be pickled.
        BadArgumentsError: If the config's model or dataset cannot be pickled.
        ExperimentError: If the workload is too large for Spark.
    """
    payload = _pack(workload, cluster)
    try:
        if payload.size >= LARGE_BYTES:
            size = describe_size(workload, payload.size)
            tell(f"{size} Every executor gets a copy. {REMEDY}.")
        yield payload
    finally:
        payload.release()


def _pack(workload: Workload, cluster: Cluster) -> Payload:
    try:
        return cluster.pack(workload)
    except TooLargeError as error:
        raise ExperimentError(
            f"{describe_size(workload, error.size)} Spark cannot take that much ({error.reason}). "
            f"{REMEDY}; or start Spark with more memory for its driver (spark.driver.memory, "
            "before the session is made)."
        ) from error
    except Exception as error:
        raise _pickling_error(workload, error) from error


def _pickling_error(workload: Workload, error: Exception) -> Exception:
    """Return the error for a workload that cannot be pickled."""
    # The config's model and dataset are tried one by one, to blame the one that causes the error.
    for name, value in workload.values.items():
        try:
            dumps(value)
        except Exception as reason:
            return BadArgumentsError(
                f"The config's {name} must be picklable, since it travels to the executors, but "
                f"{type(value).__name__} cannot be pickled ({type(reason).__name__}: {reason}). "
                "Give a class, a path or a function that makes it."
            )
    function = getattr(workload.train_fn, "__name__", workload.train_fn)
    return SignatureError(
        f"The training function {function} must be picklable, since it travels to the executors, "
        f"but something that it uses cannot be pickled ({type(error).__name__}: {error}). "
        "Make or open it inside the function."
    )
