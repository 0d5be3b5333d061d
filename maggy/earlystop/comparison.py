"""What rules compare a running trial with: how others did up to the same training step."""

from __future__ import annotations

from maggy.trial import Trial

__all__ = ["means_at_the_same_step"]


def means_at_the_same_step(to_check: Trial, finalized_trials: list[Trial]) -> list[float]:
    """The means, up to the running trial's last step, of the ended trials that got that far; empty if none did."""
    if not to_check.step_history:
        return []
    step = to_check.step_history[-1]
    return [
        mean
        for trial in finalized_trials
        if trial.step_history and trial.step_history[-1] >= step and (mean := trial.mean_until(step)) is not None
    ]
