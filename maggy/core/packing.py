"""The training function made ready to travel: pickled once, with a sentence when that fails or is very large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy.core.cluster.weight import describe_size
from maggy.core.exceptions import ExperimentError, SignatureError
from maggy.core.executors.workload import Workload
from maggy.core.spark import Cluster, Payload, TooLargeError

__all__ = ["packed"]

LARGE_BYTES = 100 * 2**20
"""From this size on the user is told what makes the function large."""
REMEDY = (
    "Read large data inside the function from a place that all executors see, or send it with "
    "spark.sparkContext.broadcast(data) and use the variable's .value (not on Spark Connect)"
)


@contextmanager
def packed(
    train_fn: Callable[..., Any], workload: Workload, cluster: Cluster, tell: Callable[[str], None]
) -> Iterator[Payload]:
    """Pickle the workload for as long as an experiment runs.

    Args:
        train_fn: The user's function, for the messages.
        workload: What is pickled: the function with what it refers to, and in an ablation the ablator.
        cluster: Where it goes.
        tell: Told in a sentence when the workload is large.

    Raises:
        SignatureError: Something in it cannot be pickled.
        ExperimentError: Spark cannot take so many bytes.
    """
    payload = _pack(train_fn, workload, cluster)
    try:
        if payload.size >= LARGE_BYTES:
            tell(f"{describe_size(workload, payload.size)} Every executor gets a copy. {REMEDY}.")
        yield payload
    finally:
        payload.release()


def _pack(train_fn: Callable[..., Any], workload: Workload, cluster: Cluster) -> Payload:
    try:
        return cluster.pack(workload)
    except TooLargeError as error:
        raise ExperimentError(
            f"{describe_size(workload, error.size)} Spark cannot take so much ({error.reason}). {REMEDY}; or start "
            "Spark with more memory for its driver (spark.driver.memory, before the session is made)."
        ) from error
    except Exception as error:
        raise SignatureError(
            f"The training function {getattr(train_fn, '__name__', train_fn)} must be able to travel to the "
            f"executors, but something that it uses cannot be pickled ({type(error).__name__}: {error}). "
            "Make or open it inside the function."
        ) from error
