"""The evolution strategy, the even spread and the genetic algorithm."""

from __future__ import annotations

import pytest
from budgets import drive, started
from conformance import OptimizerContract, conditional_space

from maggy.core.exceptions import BadArgumentsError
from maggy.optimizer import NSGAII, QMC, CmaEs

pytestmark = pytest.mark.slow


class TestCmaEs(OptimizerContract):
    def make(self):
        return CmaEs()


class TestQMC(OptimizerContract):
    conditions = False

    def make(self):
        return QMC()


class TestNSGAII(OptimizerContract):
    def make(self):
        return NSGAII()


def test_an_even_spread_leaves_no_large_gap():
    driven = drive(started(QMC(), 33), lambda trial: 0.0)
    values = sorted(trial.params["x"] for trial in driven.suggested[1:])  # the first one is random
    assert [int(value * 32) for value in values] == list(range(32))


def test_conditional_parameters_cannot_be_spread():
    optimizer = QMC()
    optimizer.searchspace = conditional_space()
    with pytest.raises(BadArgumentsError, match="conditional"):
        optimizer.parameters([])
