"""Early stopping rules by name."""

from __future__ import annotations

import pytest

from maggy import earlystop as package
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import (
    MedianStoppingRule,
    NoStoppingRule,
    OptunaPruner,
    Patience,
    PercentileStoppingRule,
    SuccessiveHalvingRule,
    Threshold,
    earlystop_by_name,
    stop_rules,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("median", MedianStoppingRule),
        ("Median", MedianStoppingRule),
        ("percentile", PercentileStoppingRule),
        ("successivehalving", SuccessiveHalvingRule),
        ("none", NoStoppingRule),
        (None, NoStoppingRule),
    ],
)
def test_names_are_known_in_any_case(name, expected):
    assert type(earlystop_by_name(name)) is expected


def test_an_instance_is_itself():
    mine = MedianStoppingRule()
    assert earlystop_by_name(mine) is mine


def test_an_unknown_name_lists_the_known_ones_and_the_closest():
    with pytest.raises(
        BadArgumentsError, match=r"es_policy must be one of 'median', .* 'medain'.*mean 'median'"
    ):
        earlystop_by_name("medain")


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write MedianStoppingRule\(\)\."):
        earlystop_by_name(MedianStoppingRule)


@pytest.mark.parametrize("given", [5, True, [], object])
def test_anything_else_is_refused(given):
    with pytest.raises(
        TypeError, match=r"es_policy must be one of 'median', 'none'.*AbstractEarlyStop"
    ):
        earlystop_by_name(given)


def test_a_pruner_of_optunas_is_a_rule():
    import optuna

    assert type(earlystop_by_name(optuna.pruners.NopPruner())) is OptunaPruner


def test_a_list_may_hold_rules_for_trials_and_for_the_experiment():
    patience, threshold = Patience(3), Threshold(0.9)
    for_trials, for_experiment = stop_rules(["median", patience, "percentile", threshold])
    assert [type(rule) for rule in for_trials] == [MedianStoppingRule, PercentileStoppingRule]
    assert for_experiment == [patience, threshold]
    assert stop_rules(patience) == ([], [patience])
    assert stop_rules([]) == ([], [])


def test_a_list_with_something_else_is_refused():
    with pytest.raises(TypeError, match=r"AbstractEarlyStop"):
        stop_rules(["median", 3])


def test_a_class_of_optunas_or_for_experiments_is_refused_with_the_remedy():
    optuna = pytest.importorskip("optuna")
    for given in (Patience, optuna.pruners.MedianPruner):
        with pytest.raises(
            TypeError, match=rf"got the class {given.__name__}\. Write {given.__name__}\("
        ):
            stop_rules(["median", given])


def test_a_sampler_of_optunas_is_sent_to_its_own_argument():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(TypeError, match="Pass it as optimizer"):
        earlystop_by_name(optuna.samplers.RandomSampler())


def test_everything_exported_is_there():
    assert all(hasattr(package, name) for name in package.__all__)
