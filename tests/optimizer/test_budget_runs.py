"""The runs of a configuration on several budgets become one trial of a sampler."""

from __future__ import annotations

from helpers.results import ended_trial

from maggy.optimizer.budget_runs import merge_runs, name_by_number, name_by_params

NAMES = ["x"]


def run(x, budget, metric, **notes):
    return ended_trial({"x": x, "budget": budget}, metric, **notes)


def test_the_largest_budget_gives_the_metric_and_the_others_are_points():
    runs = [("a", run(1, 1, 0.5)), ("b", run(1, 1, 0.25)), ("a", run(1, 3, 0.75))]
    first, second = merge_runs(runs, NAMES, 3)
    assert (first.params, first.final_metric, first.early_stop) == ({"x": 1}, 0.75, False)
    assert (first.step_history, first.metric_history) == ([1, 3], [0.5, 0.75])
    assert (second.final_metric, second.early_stop) == (0.25, True)


def test_a_configuration_whose_runs_all_failed_has_no_metric():
    (trial,) = merge_runs([("a", run(1, 1, None))], NAMES, 3)
    assert (trial.final_metric, trial.metric_history) == (None, [])


def test_notes_about_the_origin_stay():
    (trial,) = merge_runs(
        [("a", run(1, 1, 0.5, source_experiment="other_1", initial_number=2))], NAMES, 3
    )
    assert (trial.source_experiment, trial.initial_number) == ("other_1", 2)


def test_equal_parameters_are_one_configuration_whose_largest_budget_comes_last():
    runs = [run(1, 9, 0.9), run(2, 3, 0.2), run(1, 3, 0.3), run(1.0, 1, 0.1)]
    groups = name_by_params(runs, NAMES)
    assert [trial.params["budget"] for _, trial in groups] == [1, 3, 3, 9]
    names = {name for name, trial in groups if trial.params["x"] == 1}
    assert len(names) == 2  # 1 and 1.0 are different values


def test_recorded_runs_are_sorted_by_configuration_and_rung():
    runs = {(1, 0): run(2, 1, 0.2), (0, 1): run(1, 3, 0.3), (0, 0): run(1, 1, 0.1)}
    named_runs = name_by_number(runs)
    assert [name for name, _ in named_runs] == [0, 0, 1]
    assert [trial.final_metric for _, trial in named_runs] == [0.1, 0.3, 0.2]
