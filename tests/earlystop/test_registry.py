"""Early stopping rules that users pass by name, as instances, as pruners or in a list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.distributions import install

from maggy import earlystop as package
from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import (
    AbstractEarlyStop,
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
from maggy.earlystop.registry import STOP_RULES


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
def test_a_name_may_be_written_in_upper_or_lower_case(name, expected):
    assert type(earlystop_by_name(name)) is expected


def test_an_instance_is_itself():
    for rule in (MedianStoppingRule(), SuccessiveHalvingRule()):
        assert earlystop_by_name(rule) is rule


def test_the_error_for_an_unknown_name_lists_all_names_and_suggests_the_closest():
    with pytest.raises(
        BadArgumentsError, match=r"es_policy must be one of 'median', .* 'medain'.*mean 'median'"
    ):
        earlystop_by_name("medain")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("hyperband", "pass optimizer='hyperband'"),
        ("asha", "Write 'successivehalving', the stop rule of ASHA"),
        ("MedianPruner", "Write 'median', which stops"),
        ("off", "Write 'none', which stops no trial."),
        ("patience", "Write Patience(20) (from maggy.earlystop)"),
        ("EarlyStopping", "Write Patience(20)"),
        ("threshold", "Write Threshold(0.95)"),
    ],
)
def test_a_name_from_another_library_gets_what_to_write(name, remedy):
    with pytest.raises(BadArgumentsError, match=f"but got '{name}'") as caught:
        earlystop_by_name(name)
    assert remedy in str(caught.value)


def test_what_the_advice_writes_can_be_made():
    assert stop_rules([Patience(20), Threshold(0.95), "successivehalving"])


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write MedianStoppingRule\(\)\."):
        earlystop_by_name(MedianStoppingRule)


@pytest.mark.parametrize("policy", [5, True, [], object])
def test_anything_else_is_refused(policy):
    with pytest.raises(
        TypeError, match=r"es_policy must be one of 'median', .*'none'.*AbstractEarlyStop"
    ):
        earlystop_by_name(policy)


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
    for policy in (Patience, optuna.pruners.MedianPruner):
        name = policy.__name__
        with pytest.raises(TypeError, match=rf"got the class {name}\. Write {name}\("):
            stop_rules(["median", policy])


def test_the_error_for_a_sampler_of_optunas_names_its_argument():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(TypeError, match="Pass it as optimizer"):
        earlystop_by_name(optuna.samplers.RandomSampler())


def test_a_rule_of_optunas_is_itself():
    optuna = pytest.importorskip("optuna")
    rule = OptunaPruner(optuna.pruners.NopPruner())
    assert earlystop_by_name(rule) is rule


def test_the_docstring_lists_every_name():
    assert "{" not in earlystop_by_name.__doc__
    for name in STOP_RULES:
        assert f"``'{name}'``" in earlystop_by_name.__doc__


def test_every_rule_has_a_contract_test_and_a_row_in_the_documentation():
    root = Path(__file__).parents[2]
    pages = [page.read_text() for page in (root / "docs").rglob("*.md")]
    rows = re.findall(r'^\| `"(\w+)"', "\n".join(pages), re.MULTILINE)
    for name, rule in STOP_RULES.items():
        test = root / "tests" / "earlystop" / f"test_{rule.__module__.split('.')[-1]}.py"
        assert "(EarlyStopContract)" in test.read_text()
        assert name in rows


def test_another_distribution_may_register_a_rule(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(
        tmp_path,
        {"maggy.stop_rules": {"Plateau": "acme_plateau:Plateau"}},
        {"acme_plateau": "from maggy.earlystop import NoStoppingRule as Plateau"},
    )
    rules, _ = stop_rules(["median", "plateau"])
    assert isinstance(rules[1], AbstractEarlyStop)
    with pytest.raises(BadArgumentsError, match=r"'none', 'percentile', 'plateau', .*'plato'"):
        stop_rules("plato")


def test_the_package_has_every_name_that_it_exports():
    assert all(hasattr(package, name) for name in package.__all__)
