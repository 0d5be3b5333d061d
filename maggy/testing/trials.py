"""Make trials with a history, for the tests of stop rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from maggy.trial import Trial

__all__ = ["final_with", "trial_with"]


def trial_with(
    values: Sequence[float], name: str = "running", steps: Iterable[int | float] | None = None
) -> Trial:
    """Return a running trial that has reported these values.

    Example:
        >>> trial = trial_with([0.5, 0.75])
        >>> trial.metric_history, trial.step_history
        ([0.5, 0.75], [0, 1])

    Args:
        values: The metrics in the order of their steps.
        name: Its only parameter. Trials with different names have different ids.
        steps: The step of each value. The default counts from 0.
    """
    trial = Trial({"name": name})
    for step, value in zip(range(len(values)) if steps is None else steps, values, strict=True):
        trial.append_metric({"step": step, "value": value})
    return trial


def final_with(
    values: Sequence[float], name: str = "final", steps: Iterable[int | float] | None = None
) -> Trial:
    """Return a trial that has ended with the last of these values.

    Example:
        >>> final_with([0.5, 0.75]).final_metric
        0.75

    Args:
        values: The metrics in the order of their steps. Without any, the final metric is 0.
        name: Its only parameter. Trials with different names have different ids.
        steps: The step of each value. The default counts from 0.
    """
    trial = trial_with(values, name, steps)
    trial.status, trial.final_metric = Trial.FINALIZED, values[-1] if values else 0.0
    return trial
