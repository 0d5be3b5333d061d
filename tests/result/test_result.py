"""The result of an experiment: its keys, the best and the worst trial."""

import json
import math
import pickle

import pytest
from helpers.results import STUDY, ablation_result, ended_trial, search_result

from maggy.result import build_result
from maggy.trial import Trial


def test_a_search_has_these_keys():
    assert list(search_result([0.5])) == [
        "best_id", "best_val", "best_hp", "best_config",
        "worst_id", "worst_val", "worst_hp", "worst_config",
        "avg", "metric_list", "num_trials", "early_stopped", "failed",
    ]  # fmt: skip


def test_an_ablation_has_configs_and_differences_but_no_hp():
    assert list(ablation_result(STUDY)) == [
        "best_id", "best_val", "best_config", "worst_id", "worst_val", "worst_config",
        "avg", "metric_list", "num_trials", "early_stopped", "failed", "differences",
    ]  # fmt: skip


@pytest.mark.parametrize(("direction", "best", "worst"), [("max", 0.75, 0.25), ("min", 0.25, 0.75)])
def test_best_and_worst_follow_the_direction(direction, best, worst):
    result = search_result([0.5, 0.75, 0.25], direction)
    assert (result["best_val"], result["worst_val"]) == (best, worst)
    assert result["best_hp"] == result["best_config"] == {"lr": 1 if direction == "max" else 2}
    assert result["best_id"] == Trial(result["best_hp"]).trial_id


@pytest.mark.parametrize("direction", ["max", "min"])
def test_of_equal_metrics_the_first_to_end_is_best_and_worst(direction):
    result = search_result([0.5, 0.5, 0.5], direction)
    assert result["best_hp"] == result["worst_hp"] == {"lr": 0}


def test_failed_trials_count_only_as_failed():
    result = search_result([None, 0.5, None, 0.25])
    assert (result["num_trials"], result["failed"], result["metric_list"], result["avg"]) == (
        2,
        2,
        [0.5, 0.25],
        0.375,
    )


def test_a_metric_of_nan_never_becomes_best():
    result = search_result([math.nan, 0.5, math.inf], "max")
    assert (result["best_val"], result["num_trials"], result["failed"]) == (0.5, 1, 2)


def test_zero_is_a_metric():
    result = search_result([0, -0.0, 0.0])
    assert (result["num_trials"], result["best_val"], result["avg"]) == (3, 0, 0.0)


def test_a_trial_stopped_early_may_be_best():
    trials = [
        ended_trial({"lr": 1}, 0.9, early_stop=True),
        ended_trial({"lr": 2}, 0.5),
        ended_trial({"lr": 3}, None, early_stop=True),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="metric")
    assert (result["early_stopped"], result["best_hp"]) == (1, {"lr": 1})


@pytest.mark.parametrize("metrics", [[], [None, None]])
def test_without_a_success_there_is_no_best(metrics):
    result = search_result(metrics)
    assert (
        result["best_id"]
        is result["best_val"]
        is result["best_hp"]
        is result["worst_config"]
        is None
    )
    assert (result["avg"], result["metric_list"], result["failed"]) == (None, [], len(metrics))


def test_the_average_of_huge_metrics_is_finite():
    assert search_result([1.5e308, 1.5e308])["avg"] == pytest.approx(1.5e308)


def test_every_value_is_plain_json_and_survives_pickling():
    result = search_result([0.5, None, 1])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert json.loads(json.dumps(result.trials, allow_nan=False)) == result.trials
    copy = pickle.loads(pickle.dumps(result))
    assert (copy, copy.trials, copy.kind) == (result, result.trials, "optimization")


def test_changing_best_hp_changes_nothing_else():
    result = search_result([0.5])
    result["best_hp"]["lr"] = "changed"
    assert result["best_config"] == result["worst_hp"] == result.trials[0]["params"] == {"lr": 0}
