"""The tree-structured Parzen estimator behind our contract."""

from __future__ import annotations

import pytest
from conformance import OptimizerContract

from maggy.core.exceptions import BadArgumentsError
from maggy.optimizer import optimizer_by_name
from maggy.optimizer.bayes import TPE

pytestmark = pytest.mark.slow


class TestTPE(OptimizerContract):
    num_trials = 14

    def make(self):
        return TPE(num_warmup_trials=5)


class TestTPEInHyperband(OptimizerContract):
    num_trials = 24
    extra_params = ("budget",)

    def make(self):
        return TPE(num_warmup_trials=4, pruner="hyperband", pruner_kwargs={"eta": 2, "resource_max": 4}).pruner


def test_it_has_a_name_and_options_of_optunas():
    assert optimizer_by_name("tpe").name() == "TPE"
    assert TPE(n_ei_candidates=8).name() == "TPE"


def test_an_option_that_optuna_does_not_have_is_said_so():
    with pytest.raises(BadArgumentsError, match=r"TPE must have options that optuna\.samplers\.TPESampler takes.*gama"):
        TPE(gama=3)
