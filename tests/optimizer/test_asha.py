"""Asynchronous successive halving: rungs, promotions, and what it counts."""

from __future__ import annotations

import random

import pytest
from budgets import budgets, drive, started
from conformance import LOST, Drive, OptimizerContract, Stopped

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import Asha
from maggy.optimizer.rungs import rung_budgets
from maggy.searchspace import Searchspace
from maggy.trial import Trial


class TestAsha(OptimizerContract):
    extra_params = ("budget",)

    def make(self):
        return Asha(reduction_factor=2, resource_min=1, resource_max=4)


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
def test_no_rung_is_lost_or_above_the_largest_budget_by_rounding(factor, high):
    for steps in range(1, 9):
        budgets = rung_budgets(high / factor**steps, high, factor)
        assert len(budgets) == steps + 1
        assert budgets[-1] <= high


def test_every_rung_is_reached():
    seen = set(budgets(drive(started(Asha(10, 1, 1000), 1900), lambda trial: trial.params["x"])))
    assert sorted(seen) == [1, 10, 100, 1000]


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_only_the_best_are_promoted(direction, sign):
    driven = drive(started(Asha(2, 1, 8), 200, direction), lambda trial: sign * trial.params["x"])
    by_rung = {
        budget: [t.params["x"] for t in driven.suggested if t.params["budget"] == budget]
        for budget in (1, 2, 4, 8)
    }
    means = [sum(xs) / len(xs) for xs in by_rung.values()]
    assert means == sorted(means)
    assert means[-1] > 0.9


def test_a_promotion_follows_the_paper_step_by_step():
    # With a factor of 2, each second result at a rung allows one promotion; the highest rung is looked at first.
    driven = drive(started(Asha(2, 1, 4), 11), lambda trial: trial.params["x"])
    assert budgets(driven) == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1]


def promotion(driven, factor, sign):
    """Li et al., algorithm 2, get_job: by its words, each time anew."""
    started = {
        (trial.info_dict["configuration"], trial.info_dict["rung"]) for trial in driven.suggested
    }
    for rung in (2, 1, 0):
        results = [trial for trial in driven.final_store if trial.info_dict["rung"] == rung]
        results.sort(
            key=lambda trial: -sign * trial.final_metric
        )  # equal ones stay in the order of their ending
        for trial in results[: len(results) // factor]:
            if (trial.info_dict["configuration"], rung + 1) not in started:
                return trial.params["x"], rung + 1
    return None


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("in_flight", [1, 7, 50])
def test_every_suggestion_is_the_papers_also_where_runs_fail_or_are_stopped(
    direction, sign, factor, in_flight
):
    optimizer, noise = started(Asha(factor, 1, factor**3), 300, direction), random.Random(4)

    class Checked(Drive):
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

    driven = drive(optimizer, score, in_flight, Checked, rng=random.Random(5))
    assert {trial.info_dict["rung"] for trial in driven.suggested} >= {0, 1, 2}
    assert len(driven.suggested) == 300


def test_the_higher_rung_is_looked_at_first():
    optimizer = started(Asha(2, 1, 4), 99)
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


def test_a_configuration_is_promoted_once_and_keeps_its_parameters():
    driven = drive(
        started(Asha(3, 1, 9), 300),
        lambda trial: trial.params["x"],
        in_flight=5,
        rng=random.Random(1),
    )
    for low, high in ((1, 3), (3, 9)):
        lower = [t.params["x"] for t in driven.suggested if t.params["budget"] == low]
        upper = [t.params["x"] for t in driven.suggested if t.params["budget"] == high]
        assert len(set(upper)) == len(upper)
        assert set(upper) <= set(lower)
        # What was once among the best third stays promoted when better ones come later, so it may be more than a third.
        assert len(upper) < len(lower) / 2


def test_it_never_waits():
    driven = drive(started(Asha(), 40), lambda trial: trial.params["x"], in_flight=10)
    assert budgets(driven)[:10] == [1] * 10


def test_a_failed_run_is_neither_promoted_nor_repeated():
    driven = drive(
        started(Asha(2, 1, 4), 100),
        lambda trial: None if trial.params["budget"] == 2 else trial.params["x"],
    )
    second = [trial.params["x"] for trial in driven.suggested if trial.params["budget"] == 2]
    assert len(set(second)) == len(second) > 10
    assert 4 not in budgets(driven)


def test_the_budget_is_called_as_the_training_function_asks_for():
    assert started(Asha(), 1).parameters(["x", "resource"]) == ["x", "resource"]
    assert started(Asha(), 1).parameters(["x", "budget"]) == ["x", "budget"]
    assert started(Asha(), 1).parameters(["hparams"]) == ["x", "budget"]
    driven = drive(started(Asha(), 9, asked=["x", "resource"]), lambda trial: trial.params["x"])
    assert set(budgets(driven, "resource")) == {1, 2, 4}


def test_a_space_that_already_has_the_budget_is_refused():
    optimizer = Asha()
    optimizer.searchspace = Searchspace(budget=("INTEGER", [1, 9]))
    with pytest.raises(BadArgumentsError, match=r"'budget'.*Rename"):
        optimizer.parameters([])


def test_a_resumed_search_promotes_what_the_records_show():
    optimizer = started(Asha(2, 1, 4), 40)
    first = drive(optimizer, lambda trial: trial.params["x"], crash_after=20)
    resumed = drive(
        started(Asha(2, 1, 4), 40), lambda trial: trial.params["x"], recorded=first.ended
    )
    everything = [(trial.params["x"], trial.params["budget"]) for trial in resumed.ended]
    assert len(set(everything)) == len(everything) == 40
    assert {x for x, budget in everything if budget == 4} <= {
        x for x, budget in everything if budget == 2
    }


def test_records_of_other_budgets_are_on_no_rung():
    half = drive(started(Asha(2, 1, 4), 40), lambda trial: trial.params["x"], crash_after=20)
    optimizer = started(Asha(2, 3, 12), 40)
    optimizer.restore(half.ended)
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
