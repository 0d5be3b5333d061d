"""The difference of each component of an ablation from the base."""

import pytest
from helpers.results import STUDY, ablation_result, ended_trial

from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.result import build_result


@pytest.mark.parametrize("direction", ["max", "min"])
def test_a_difference_is_the_metric_minus_that_of_the_base(direction):
    assert ablation_result(STUDY, direction)["differences"] == [
        {"ablated_feature": "fare", "ablated_layer": "None", "metric": 0.5, "difference": -0.25},
        {
            "ablated_feature": "None",
            "ablated_layer": "my_dense_two",
            "metric": 0.875,
            "difference": 0.125,
        },
        {
            "ablated_feature": "None",
            "ablated_layer": "Layers prefixed my_dense",
            "metric": None,
            "difference": None,
        },
    ]


def test_differences_are_in_order_of_start_whatever_the_order_of_ending():
    trials = [
        ended_trial(
            {"ablated_feature": name, "ablated_layer": "None"},
            0.5,
            trial_type="ablation",
            start=start,
        )
        for name, start in (("c", 3.0), ("never", None), ("None", 1.0), ("a", 2.0))
    ]
    result = build_result(trials, kind="ablation", direction="max", optimization_key="metric")
    assert [entry["ablated_feature"] for entry in result["differences"]] == ["a", "c", "never"]


def test_without_a_base_there_is_no_difference():
    result = ablation_result({("None", "None"): None, ("fare", "None"): 0.5})
    assert result["differences"][0]["difference"] is None


def test_entries_have_a_choice_only_in_a_study_with_choices():
    parts = [Component.base(), Component.feature("fare"), Component.choice("augment", False)]
    trials = [
        ended_trial(part.params(), 0.5, trial_type="ablation", start=float(position))
        for position, part in enumerate(parts)
    ]
    arguments = {"kind": "ablation", "direction": "max", "optimization_key": "metric"}
    fare, choice = build_result(trials, **arguments)["differences"]
    assert (fare["ablated_choice"], choice["ablated_choice"]) == ("None", "augment=False")
    (fare,) = build_result(trials[:2], **arguments)["differences"]
    assert "ablated_choice" not in fare


def test_the_ablator_adds_to_the_result_and_to_the_entries():
    trials = [
        ended_trial(part.params(), 0.5, trial_type="ablation")
        for part in (Component.base(), Component.feature("fare"), Component.feature("age"))
    ]
    result = build_result(
        trials,
        kind="ablation",
        direction="max",
        optimization_key="metric",
        analysis=Analysis({"rounds": []}, {Component.feature("fare"): {"contribution": 3.0}}),
    )
    assert result["rounds"] == []
    assert [entry.get("contribution") for entry in result["differences"]] == [3.0, None]
