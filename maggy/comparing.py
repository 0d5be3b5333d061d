"""Compare two experiments: ``maggy.compare(a, b)``."""

from __future__ import annotations

import os

from maggy.loading import load
from maggy.result import ExperimentResult
from maggy.result.comparison import ExperimentComparison

__all__ = ["compare"]

Experiment = ExperimentResult | str | os.PathLike[str]


def compare(
    a: Experiment, b: Experiment, *, log_dir: str | os.PathLike[str] | None = None
) -> ExperimentComparison:
    """Return two experiments side by side: their best trials, curves, and cost in worker-seconds.

    Args:
        a: A result, or what :func:`maggy.load` takes: the directory or the id of an experiment.
        b: The other experiment.
        log_dir: The directory in which ids are looked up, as :func:`maggy.load` takes it.

    Returns:
        An object that shows itself as a table, with ``rows``, ``to_dict()``, ``to_pandas()`` and
        ``plot()``.

    Raises:
        BadArgumentsError: If their metrics or directions differ.
        ExperimentNotFoundError: If there is no such experiment.
        NotSupportedError: If one of them is a function that ran once.

    Example:
        >>> import maggy
        >>> print(maggy.compare("local-1795679146_1", "local-1795679146_2"))  # doctest: +SKIP
    """
    return ExperimentComparison(
        [
            experiment
            if isinstance(experiment, ExperimentResult)
            else load(experiment, log_dir=log_dir)
            for experiment in (a, b)
        ]
    )
