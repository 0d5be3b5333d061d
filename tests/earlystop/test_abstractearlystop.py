"""A rule of a user's own."""

from __future__ import annotations

import pytest
from conformance import EarlyStopContract

from maggy.earlystop import AbstractEarlyStop


class WorstFinal(AbstractEarlyStop):
    """Stops what is worse than the worst final trial; an instance method works as well as a static one."""

    def earlystop_check(self, to_check, finalized_trials, direction):
        best = to_check.best(direction)
        metrics = [
            trial.best(direction) for trial in finalized_trials if trial.best(direction) is not None
        ]
        if best is None or not metrics:
            return None
        is_worse = best < min(metrics) if direction == "max" else best > max(metrics)
        return to_check.trial_id if is_worse else None


class TestWorstFinal(EarlyStopContract):
    def make(self):
        return WorstFinal()


def test_without_a_check_there_is_no_rule():
    class Incomplete(AbstractEarlyStop):
        pass

    with pytest.raises(TypeError, match="earlystop_check"):
        Incomplete()
