"""The training function made ready to travel: pickled once, with a sentence when that fails or is very large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maggy.common.exceptions import BadArgumentsError, ExperimentError, SignatureError
from maggy.core.cluster.spark import Cluster, Payload, TooLargeError, dumps
from maggy.core.cluster.weight import describe_size
from maggy.core.executors.workload import Workload

__all__ = ["packed"]

LARGE_BYTES = 100 * 2**20
"""From this size on the user is told what makes the function large."""
REMEDY = (
    "Read large data inside the function from a place that all executors see, or send it with "
    "spark.sparkContext.broadcast(data) and use the variable's .value (not on Spark Connect)"
)


@contextmanager
def packed(workload: Workload, cluster: Cluster, tell: Callable[[str], None]) -> Iterator[Payload]:
    """Pickle the workload for as long as an experiment runs.

    Args:
        workload: What is pickled: the function with what it refers to, and in an ablation the ablator.
        cluster: Where it goes.
        tell: Told in a sentence when the workload is large.

    Raises:
        SignatureError: Something in it cannot be pickled.
        BadArgumentsError: The config's model or dataset cannot be pickled.
        ExperimentError: Spark cannot take so many bytes.
    """
    payload = _pack(workload, cluster)
    try:
        if payload.size >= LARGE_BYTES:
            tell(f"{describe_size(workload, payload.size)} Every executor gets a copy. {REMEDY}.")
        yield payload
    finally:
        payload.release()


def _pack(workload: Workload, cluster: Cluster) -> Payload:
    try:
        return cluster.pack(workload)
    except TooLargeError as error:
        raise ExperimentError(
            f"{describe_size(workload, error.size)} Spark cannot take so much ({error.reason}). {REMEDY}; or start "
            "Spark with more memory for its driver (spark.driver.memory, before the session is made)."
        ) from error
    except Exception as error:
        raise _cannot_travel(workload, error) from error


def _cannot_travel(workload: Workload, error: Exception) -> Exception:
    """Return the error for a workload that cannot be pickled, which says whether the config's values are to blame."""
    for name, value in workload.values.items():
        try:
            dumps(value)
        except Exception as reason:
            return BadArgumentsError(
                f"The config's {name} must be able to travel to the executors, but {type(value).__name__} cannot be "
                f"pickled ({type(reason).__name__}: {reason}). Give a class, a path or a function that makes it."
            )
    function = getattr(workload.train_fn, "__name__", workload.train_fn)
    return SignatureError(
        f"The training function {function} must be able to travel to the "
        f"executors, but something that it uses cannot be pickled ({type(error).__name__}: {error}). "
        "Make or open it inside the function."
    )
