"""The difference of each component of an ablation from the base."""

import pytest
from helpers.results import STUDY, ablation_result, ended_trial

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
