"""What every use of Optuna needs."""

from __future__ import annotations

import pytest

from maggy.core.exceptions import MissingDependencyError
from maggy.core.optuna_tools import require, tellable_points
from maggy.trial import Trial


def test_steps_that_optuna_cannot_hold_are_rounded_left_out_or_thinned():
    trial = Trial({})
    for step in (-1, 0.5, 1.5, 1.7):
        trial.append_metric({"step": step, "value": step})
    assert tellable_points(trial) == {0: 0.5, 1: 1.7}
    long = Trial({})
    for step in range(12_345):
        long.append_metric({"step": step, "value": step})
    points = tellable_points(long)
    assert len(points) <= 1000
    assert max(points) == 12_344
    assert tellable_points(Trial({})) == {}


def test_what_is_missing_is_named_with_the_remedy():
    with pytest.raises(MissingDependencyError, match=r"GP needs no_such_module.*pip install 'maggy\[gp\]'"):
        require("GP", ["json", "no_such_module"], "gp")
