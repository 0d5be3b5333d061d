"""Asynchronous successive halving: its rungs, its promotions, and the runs that it counts."""

from __future__ import annotations

import random

import pytest
from helpers.budgets import budgets, check_parents, drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import Asha
from maggy.optimizer.rungs import rung_budgets
from maggy.searchspace import Searchspace
from maggy.testing import LOST, OptimizerContract, SimulatedDriver, Stopped
from maggy.trial import Trial


class TestAsha(OptimizerContract):
    extra_params = ("budget",)

    def make(self):
        return Asha(reduction_factor=2, resource_min=1, resource_max=4)


class TestPausingAsha(OptimizerContract):
    extra_params = ("budget",)

    def make(self):
        return Asha(reduction_factor=2, resource_min=1, resource_max=4, stopping="pause")


@pytest.mark.parametrize(
    ("factor", "low", "high", "expected"),
    [
        (2, 1, 4, [1, 2, 4]),
        (10, 1, 1000, [1, 10, 100, 1000]),
        (3, 1, 243, [1, 3, 9, 27, 81, 243]),
        (5, 1, 125, [1, 5, 25, 125]),
        (3, 2, 20, [2, 6, 18]),
        (4, 3, 3, [3]),
        (10, 0.001, 1, [0.001, 0.01, 0.1, 1]),
    ],
)
def test_the_rungs_are_counted_exactly(factor, low, high, expected):
    assert rung_budgets(low, high, factor) == pytest.approx(expected)


@pytest.mark.parametrize("high", [1, 0.1, 0.3, 0.7, 27])
@pytest.mark.parametrize("factor", range(2, 11))
def test_rounding_loses_no_rung_and_exceeds_no_budget(factor, high):
    for steps in range(1, 9):
        budgets = rung_budgets(high / factor**steps, high, factor)
        assert len(budgets) == steps + 1
        assert budgets[-1] <= high


def test_every_rung_is_reached():
    all_budgets = set(
        budgets(drive(prepare(Asha(10, 1, 1000), 1900), lambda trial: trial.params["x"]))
    )
    assert sorted(all_budgets) == [1, 10, 100, 1000]


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_only_the_best_are_promoted(direction, sign):
    experiment = drive(
        prepare(Asha(2, 1, 8), 200, direction), lambda trial: sign * trial.params["x"]
    )
    values_by_budget = {
        budget: [t.params["x"] for t in experiment.suggestions if t.params["budget"] == budget]
        for budget in (1, 2, 4, 8)
    }
    means = [sum(xs) / len(xs) for xs in values_by_budget.values()]
    assert means == sorted(means)
    assert means[-1] > 0.9


def test_promotions_follow_the_paper_step_by_step():
    # With a factor of 2, every second result at a rung allows one promotion. The highest rung is
    # checked first.
    experiment = drive(prepare(Asha(2, 1, 4), 11), lambda trial: trial.params["x"])
    assert budgets(experiment) == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1]


def promotion(experiment, factor, sign):
    """Compute the next promotion as in Li et al., algorithm 2, get_job, from the beginning."""
    starts = {
        (trial.info_dict["configuration"], trial.info_dict["rung"])
        for trial in experiment.suggestions
    }
    for rung in (2, 1, 0):
        results = [trial for trial in experiment.final_store if trial.info_dict["rung"] == rung]
        results.sort(
            key=lambda trial: -sign * trial.final_metric
        )  # the sort is stable: equal results stay in the order in which they ended
        for trial in results[: len(results) // factor]:
            if (trial.info_dict["configuration"], rung + 1) not in starts:
                return trial.params["x"], rung + 1
    return None


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("in_flight", [1, 7, 50])
def test_every_suggestion_follows_the_paper_also_if_runs_fail_or_are_stopped(
    direction, sign, factor, in_flight
):
    optimizer, noise = prepare(Asha(factor, 1, factor**3), 300, direction), random.Random(4)

    class Checked(SimulatedDriver):
        def _ask(self):
            expected = promotion(self, factor, sign)
            trial = super()._ask()
            if trial is not None and expected is not None:
                assert (trial.params["x"], trial.info_dict["rung"]) == expected
            elif trial is not None:
                assert trial.info_dict["rung"] == 0
            return trial

    def score(trial):
        metric = round(trial.params["x"], 1)
        return noise.choice([LOST, None, Stopped(metric), metric, metric, metric])

    experiment = drive(optimizer, score, in_flight, Checked, rng=random.Random(5))
    assert {trial.info_dict["rung"] for trial in experiment.suggestions} >= {0, 1, 2}
    assert len(experiment.suggestions) == 300


def test_the_higher_rung_is_checked_first():
    optimizer = prepare(Asha(2, 1, 4), 99)
    records = []
    for configuration, (x, rungs) in enumerate(
        [(0.9, 2), (0.8, 2), (0.7, 1), (0.6, 1), (0.5, 1), (0.4, 1)]
    ):
        for rung in range(rungs):
            record = Trial(
                {"x": x, "budget": 2**rung},
                info_dict={"configuration": configuration, "rung": rung},
            )
            record.final_metric = x
            records.append(record)
    optimizer.restore(records)
    assert [optimizer.get_suggestion().params for _ in range(2)] == [
        {"x": 0.9, "budget": 4},
        {"x": 0.7, "budget": 2},
    ]


def test_a_promotion_continues_the_one_of_several_equal_trials():
    optimizer = prepare(Asha(2, 1, 4), 60, space=Searchspace(x=("DISCRETE", [1, 2])))
    experiment = drive(optimizer, lambda trial: trial.params["x"], in_flight=3)
    parents = [trial.parent for trial in experiment.suggestions if trial.parent]
    assert check_parents(experiment) == len(parents) == len(set(parents))
    assert any("_" in parent for parent in parents)


def test_a_configuration_is_promoted_once_and_keeps_its_parameters():
    experiment = drive(
        prepare(Asha(3, 1, 9), 300),
        lambda trial: trial.params["x"],
        in_flight=5,
        rng=random.Random(1),
    )
    for low, high in ((1, 3), (3, 9)):
        lower = [t.params["x"] for t in experiment.suggestions if t.params["budget"] == low]
        upper = [t.params["x"] for t in experiment.suggestions if t.params["budget"] == high]
        assert len(set(upper)) == len(upper)
        assert set(upper) <= set(lower)
        # A promotion stays when better results come later, so more than a third may be promoted.
        assert len(upper) < len(lower) / 2


def test_a_free_worker_always_gets_a_run():
    experiment = drive(prepare(Asha(), 40), lambda trial: trial.params["x"], in_flight=10)
    assert budgets(experiment)[:10] == [1] * 10


def test_a_failed_run_is_neither_promoted_nor_repeated():
    experiment = drive(
        prepare(Asha(2, 1, 4), 100),
        lambda trial: None if trial.params["budget"] == 2 else trial.params["x"],
    )
    second = [trial.params["x"] for trial in experiment.suggestions if trial.params["budget"] == 2]
    assert len(set(second)) == len(second) > 10
    assert 4 not in budgets(experiment)


def test_the_training_function_chooses_the_name_of_the_budget():
    assert prepare(Asha(), 1).parameters(["x", "resource"]) == ["x", "resource"]
    assert prepare(Asha(), 1).parameters(["x", "budget"]) == ["x", "budget"]
    assert prepare(Asha(), 1).parameters(["hparams"]) == ["x", "budget"]
    experiment = drive(
        prepare(Asha(), 9, function_parameters=["x", "resource"]), lambda trial: trial.params["x"]
    )
    assert set(budgets(experiment, "resource")) == {1, 2, 4}


def test_a_space_that_already_has_the_budget_is_refused():
    optimizer = Asha()
    optimizer.searchspace = Searchspace(budget=("INTEGER", [1, 9]))
    with pytest.raises(BadArgumentsError, match=r"'budget'.*Rename"):
        optimizer.parameters([])


def test_a_resumed_search_promotes_what_the_records_show():
    optimizer = prepare(Asha(2, 1, 4), 40)
    first = drive(optimizer, lambda trial: trial.params["x"], crash_after=20)
    resumed = drive(
        prepare(Asha(2, 1, 4), 40), lambda trial: trial.params["x"], earlier=first.ended_trials
    )
    everything = [(trial.params["x"], trial.params["budget"]) for trial in resumed.ended_trials]
    assert len(set(everything)) == len(everything) == 40
    assert {x for x, budget in everything if budget == 4} <= {
        x for x, budget in everything if budget == 2
    }


def test_a_search_resumes_although_the_function_has_renamed_its_budget():
    half = drive(prepare(Asha(2, 1, 4), 40), lambda trial: trial.params["x"], crash_after=20)
    resumed = prepare(Asha(2, 1, 4), 40, function_parameters=["x", "resource"])
    rest = drive(resumed, lambda trial: trial.params["x"], earlier=half.ended_trials)
    steps = [
        (trial.params["x"], trial.params.get("budget", trial.params.get("resource")))
        for trial in rest.ended_trials
    ]
    assert len(set(steps)) == len(steps) == 40


def test_records_of_other_budgets_are_put_on_no_rung():
    half = drive(prepare(Asha(2, 1, 4), 40), lambda trial: trial.params["x"], crash_after=20)
    optimizer = prepare(Asha(2, 3, 12), 40)
    optimizer.restore(half.ended_trials)
    assert optimizer.get_suggestion().params["budget"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {"reduction_factor": 1},
        {"reduction_factor": 2.5},
        {"reduction_factor": "2"},
        {"resource_min": 0},
        {"resource_min": float("nan")},
        {"resource_max": float("inf")},
        {"resource_max": 2**64},
        {"resource_max": 10**400},
        {"resource_min": 4, "resource_max": 2},
        {"resource_max": None},
    ],
)
def test_arguments_are_checked(arguments):
    with pytest.raises(BadArgumentsError, match=r"must be"):
        Asha(**arguments)


def test_a_trial_that_goes_on_from_a_checkpoint_comes_to_its_rung_when_it_ends():
    optimizer = prepare(Asha(2, 1, 4), 99)
    trials = [
        Trial({"x": x, "budget": 1}, info_dict={"configuration": number, "rung": 0})
        for number, x in enumerate([0.9, 0.5])
    ]
    trials[1].final_metric, trials[0].status = 0.5, Trial.RUNNING
    optimizer.restore([trials[1], trials[0]])
    optimizer.trial_store[trials[0].trial_id] = trials[0]
    assert optimizer.get_suggestion().params["budget"] == 1
    del optimizer.trial_store[trials[0].trial_id]
    trials[0].final_metric = 0.9
    optimizer.final_store.append(trials[0])
    promotion = optimizer.get_suggestion(trials[0])
    assert promotion.params == {"x": 0.9, "budget": 2}
    assert promotion.parent == trials[0].trial_id
