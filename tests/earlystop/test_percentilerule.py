"""The percentile stopping rule."""

from __future__ import annotations

import math
import random

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import MedianStoppingRule, PercentileStoppingRule
from maggy.testing import EarlyStopContract, final_with, trial_with


class TestPercentile(EarlyStopContract):
    def make(self):
        return PercentileStoppingRule(30.0)


def stops(rule, running, finals, direction="max"):
    trial = trial_with(running)
    return (
        rule.earlystop_check(
            trial, [final_with(f, str(i)) for i, f in enumerate(finals)], direction
        )
        is not None
    )


FINALS = [[0.1], [0.2], [0.3], [0.4], [0.5]]


@pytest.mark.parametrize(
    ("percentile", "value", "expected"),
    [
        (25, 0.39, True),
        (25, 0.4, False),
        (75, 0.19, True),
        (75, 0.2, False),
        (10, 0.45, True),
        (10, 0.461, False),
    ],
)
def test_a_trial_must_be_among_the_best(percentile, value, expected):
    assert stops(PercentileStoppingRule(percentile), [value], FINALS) == expected
    mirrored = [[-metric for metric in final] for final in FINALS]
    assert stops(PercentileStoppingRule(percentile), [-value], mirrored, "min") == expected


def test_fifty_is_the_median_rule():
    noise = random.Random(1)
    finals = [final_with([noise.random() for _ in range(5)], str(i)) for i in range(9)]
    for _ in range(100):
        trial = trial_with([noise.random() for _ in range(noise.randint(1, 5))])
        for direction in ("max", "min"):
            expected = MedianStoppingRule.earlystop_check(trial, finals, direction)
            assert PercentileStoppingRule(50).earlystop_check(trial, finals, direction) == expected


@pytest.mark.parametrize("percentile", [0, 100, -1, math.nan, "50", None, True])
def test_a_percentile_lies_between_0_and_100(percentile):
    with pytest.raises(BadArgumentsError, match="above 0 and below 100"):
        PercentileStoppingRule(percentile)
