"""The difference of each component of an ablation from the base."""

import numpy as np
import pytest
from helpers.results import STUDY, ablation_result, ended_trial, repeated_result

from maggy.ablation.component import Component
from maggy.ablation.metrics import Analysis
from maggy.ablation.statistics import detectable_difference, holm, paired_difference
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


def test_with_repeats_a_run_is_compared_with_the_base_of_the_same_repeat():
    result = repeated_result(base=[0.5, 0.75, 0.25], fare=[0.25, 0.5, 0.125])
    (entry,) = result["differences"]
    effect = paired_difference([-0.25, -0.25, -0.125], 0.95)
    assert entry["difference"] == effect.mean
    assert (entry["ci_low"], entry["ci_high"]) == (effect.ci_low, effect.ci_high)
    assert (entry["n"], entry["failed"]) == (3, 0)
    assert entry["metric"] == entry["metric_mean"] == pytest.approx(0.875 / 3)
    assert result["base"]["metric_mean"] == 0.5
    assert result["base"]["n"] == 3


def test_the_order_of_ending_does_not_decide_which_base_counts():
    trials = []
    for repeat, (base, fare) in enumerate([(0.5, 0.25), (0.75, 0.5)]):
        for name, metric in (("None", base), ("fare", fare)):
            trial = ended_trial(
                {"ablated_feature": name, "ablated_layer": "None"},
                metric,
                trial_type="ablation",
                start=float(repeat),
            )
            trial.trial_id += "_2" if repeat else ""  # as the driver names equal trials
            trials.append(trial)
    for ended in (trials, trials[::-1]):
        result = build_result(ended, kind="ablation", direction="max", optimization_key="metric")
        assert [entry["difference"] for entry in result["differences"]] == [-0.25]
        assert result["differences"][0]["n"] == 2


def test_pairs_with_a_failed_trial_are_left_out_and_counted():
    result = repeated_result(
        base=[0.5, None, 0.25, 0.5], fare=[0.25, 0.5, None, 0.5], dense=[0.5, 0.5, 0.5, 0.5]
    )
    fare, dense = result["differences"]
    assert (fare["n"], fare["failed"]) == (2, 2)
    assert (dense["n"], dense["failed"]) == (3, 1)
    assert fare["metric_mean"] == pytest.approx(1.25 / 3)


def test_with_fewer_than_two_pairs_there_is_no_verdict():
    result = repeated_result(base=[0.5, None], fare=[0.25, 0.5])
    (entry,) = result["differences"]
    assert (entry["difference"], entry["n"]) == (-0.25, 1)
    assert entry["ci_low"] is entry["ci_high"] is entry["p_value"] is entry["verdict"] is None
    assert result["base"]["detectable_difference"] is None


def test_a_repeat_that_the_base_has_not_reached_is_no_failure():
    result = repeated_result(base=[0.5, 0.75], fare=[0.25, 0.5, 0.5])
    assert (result["differences"][0]["n"], result["differences"][0]["failed"]) == (2, 0)


def test_entries_of_repeats_and_the_base_have_these_keys_and_values():
    base, fare, dense = [0.5, 0.75, 0.25], [0.25, 0.5, 0.125], [0.5, 0.5, 0.375]
    result = repeated_result(confidence=0.8, base=base, fare=fare, dense=dense)
    effects = [
        paired_difference([one - other for one, other in zip(values, base, strict=True)], 0.8)
        for values in (fare, dense)
    ]
    adjusted = holm([effect.p_value for effect in effects])
    assert result["differences"] == [
        {
            "ablated_feature": feature,
            "ablated_layer": layer,
            "metric": pytest.approx(np.mean(values)),
            "difference": effect.mean,
            "metric_mean": pytest.approx(np.mean(values)),
            "metric_std": pytest.approx(np.std(values, ddof=1)),
            "n": 3,
            "failed": 0,
            "difference_std": effect.std,
            "ci_low": effect.ci_low,
            "ci_high": effect.ci_high,
            "p_value": effect.p_value,
            "p_adjusted": p_adjusted,
            "verdict": verdict,
        }
        for feature, layer, values, effect, p_adjusted, verdict in (
            ("fare", "None", fare, effects[0], adjusted[0], "helps"),
            ("None", "dense", dense, effects[1], adjusted[1], "inconclusive"),
        )
    ]
    assert result["base"] == {
        "metric_mean": 0.5,
        "metric_std": 0.25,
        "n": 3,
        "detectable_difference": detectable_difference(
            [effect.std for effect in effects], 3, 2, 0.8
        ),
    }


@pytest.mark.parametrize(("direction", "verdict"), [("max", "helps"), ("min", "hurts")])
def test_verdicts_follow_the_direction_and_are_adjusted_for_all_components(direction, verdict):
    result = repeated_result(direction)
    fare, dense = result["differences"]
    assert (fare["verdict"], dense["verdict"]) == (verdict, "inconclusive")
    assert fare["p_adjusted"] == 2 * fare["p_value"]
    assert repeated_result(direction, confidence=0.9999999)["differences"][0]["verdict"] == (
        "inconclusive"
    )


def test_single_runs_have_the_keys_of_before_and_no_base():
    result = repeated_result(base=[0.5], fare=[0.25])
    assert list(result["differences"][0]) == [
        "ablated_feature",
        "ablated_layer",
        "metric",
        "difference",
    ]
    assert "base" not in result


def test_differences_beyond_floats_are_left_out():
    result = repeated_result(base=[-1.7e308, 0.5], fare=[1.7e308, 0.5])
    assert (result["differences"][0]["n"], result["differences"][0]["failed"]) == (1, 1)


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


def test_runs_that_were_stopped_early_are_counted_only_in_a_study_that_has_some():
    metrics = {("None", "None"): 0.5, ("fare", "None"): 0.25}
    assert "stopped_early" not in ablation_result(metrics)["differences"][0]
    (entry,) = ablation_result(metrics, stopped=[0])["differences"]
    assert entry["stopped_early"] == 0
    assert "stopped_early" not in repeated_result()["base"]
    result = repeated_result(stopped=[0, 1, 5])
    counts = [entry["stopped_early"] for entry in (result["base"], *result["differences"])]
    assert counts == [2, 1, 0]


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
