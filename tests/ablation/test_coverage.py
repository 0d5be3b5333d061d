"""Intervals and verdicts of simulated studies, whose true differences are known."""

import numpy as np
import pytest
from ablation_coverage import Cell, measure


@pytest.mark.parametrize("noise", ["normal", "t3"])
def test_intervals_and_verdicts_are_right_as_often_as_they_say(noise):
    cell = Cell(noise, "unequal", repeats=5, components=20)
    figures = measure(cell, 400, np.random.default_rng(7))
    assert 0.93 <= figures.coverage <= 0.98
    assert max(figures.false_idle, figures.false_half) <= 0.08
    assert figures.power >= 0.8


def test_one_variance_for_all_components_gives_false_verdicts_if_their_noise_differs():
    figures = measure(
        Cell("normal", "unequal", repeats=5, components=20), 400, np.random.default_rng(7)
    )
    assert figures.pooled > 0.08
