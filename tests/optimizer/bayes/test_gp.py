"""The Gaussian process behind our contract."""

from __future__ import annotations

import pytest
from conformance import OptimizerContract

from maggy.optimizer.bayes import GP

pytestmark = pytest.mark.slow


class TestGP(OptimizerContract):
    num_trials = 6

    def make(self):
        return GP(num_warmup_trials=4)
