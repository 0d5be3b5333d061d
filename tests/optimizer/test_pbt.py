"""Population based training: who copies whom, what a turn continues, and how it resumes."""

from __future__ import annotations

import functools
import math
import random
from statistics import median

import numpy as np
import pytest
from helpers.budgets import drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import PBT, Asha, RandomSearch, resolve_optimizer
from maggy.searchspace import Searchspace
from maggy.testing import LOST, OptimizerContract
from maggy.trial import Trial

LR = Searchspace(lr=("DOUBLE", [1e-5, 1e-0], "log"))


class TestPBT(OptimizerContract):
    extra_params = ("budget",)

    def make(self):
        return PBT(population=4, interval=1)


def run(num_trials, score, population=5, direction="max", **options):
    return drive(prepare(PBT(population, 2), num_trials, direction), score, **options)


def by_id(experiment):
    return {trial.trial_id: trial for trial in experiment.suggestions}


def test_its_name_makes_a_population_of_ten_whose_turns_take_one_step():
    optimizer = prepare(resolve_optimizer("pbt"), 12)
    assert isinstance(optimizer, PBT)
    suggestions = drive(optimizer, lambda trial: float(trial.member)).suggestions
    assert [trial.member for trial in suggestions[:10]] == list(range(10))
    assert [trial.params["budget"] for trial in suggestions] == [1] * 10 + [2] * 2


def test_each_member_begins_anew_and_then_continues_its_own_training():
    experiment = run(10, lambda trial: 1.0 + trial.member)
    first, second = experiment.suggestions[:5], experiment.suggestions[5:]
    assert [trial.member for trial in first] == [0, 1, 2, 3, 4]
    assert [(trial.parent, trial.params["budget"]) for trial in first] == [(None, 2)] * 5
    # Only the worst of five, which is member 0, copies another one, and that is the best.
    assert [by_id(experiment)[trial.parent].member for trial in second] == [4, 1, 2, 3, 4]
    assert [trial.params["budget"] for trial in second] == [4] * 5
    for trial in second[1:]:
        assert trial.params["x"] == by_id(experiment)[trial.parent].params["x"]
    assert second[0].params["x"] != first[4].params["x"]


@pytest.mark.parametrize(("direction", "worst", "best"), [("max", 0, 4), ("min", 4, 0)])
def test_the_direction_says_who_is_bad(direction, worst, best):
    experiment = run(10, lambda trial: 1.0 + trial.member, direction=direction)
    copies = [
        trial
        for trial in experiment.suggestions[5:]
        if by_id(experiment)[trial.parent].member != trial.member
    ]
    assert [trial.member for trial in copies] == [worst]
    assert by_id(experiment)[copies[0].parent].member == best


def test_nobody_is_bad_before_every_member_has_ended_a_turn_unless_enough_have():
    # One worker for each member, and the first one is always ahead.
    experiment = run(8, lambda trial: 1.0, in_flight=5)
    assert [trial.parent is None for trial in experiment.suggestions[:5]] == [True] * 5
    sixth = experiment.suggestions[5]
    assert by_id(experiment)[sixth.parent].member == sixth.member == 0


def test_more_workers_than_members_wait():
    running = set()

    def score(trial):
        running.discard(trial.member)
        return 1.0

    experiment = run(20, score, population=3, in_flight=8)
    assert len(experiment.suggestions) == 20
    assert {trial.member for trial in experiment.suggestions} == {0, 1, 2}


def test_a_copy_continues_from_the_budget_of_what_it_copies():
    experiment = run(60, lambda trial: random.Random(trial.trial_id).random(), in_flight=3)
    trials = by_id(experiment)
    for trial in experiment.suggestions:
        before = trials[trial.parent].params["budget"] if trial.parent else 0
        assert trial.params["budget"] == before + 2


def test_a_member_whose_turn_failed_continues_from_one_of_the_best():
    def score(trial):
        is_broken = trial.member == 1 and trial.params["budget"] == 4
        return None if is_broken else float(trial.member)

    experiment = run(12, score)
    turns = [trial for trial in experiment.suggestions if trial.member == 1]
    assert turns[1].status == Trial.ERROR
    assert by_id(experiment)[turns[2].parent].member == 4


def test_a_member_whose_first_turns_all_fail_begins_anew():
    experiment = run(6, lambda trial: None)
    assert [trial.parent for trial in experiment.suggestions] == [None] * 6
    assert len({trial.params["x"] for trial in experiment.suggestions}) == 6


def test_a_lost_worker_changes_nothing():
    losses = {3: 1, 7: 2}

    def score(trial):
        turn = len(by_id_of_suggestions)
        if losses.get(turn, 0):
            losses[turn] -= 1
            return LOST
        by_id_of_suggestions.append(trial)
        return float(trial.member)

    by_id_of_suggestions = []
    assert len(run(20, score).ended_trials) == 20


def test_initial_trials_are_the_first_members():
    optimizer = prepare(PBT(3, 1), 9)
    first = optimizer.initial_trial({"x": 0.25})
    assert (first.member, first.params) == (0, {"x": 0.25, "budget": 1})
    optimizer.initial_trial({"x": 0.5})
    optimizer.initial_trial({"x": 0.75})
    with pytest.raises(BadArgumentsError, match="at most population=3"):
        optimizer.initial_trial({"x": 1.0})


def test_a_resumed_population_decides_as_if_nothing_had_happened():
    def score(trial):
        return random.Random(trial.trial_id).random()

    whole = run(40, score)
    broken = run(40, score, crash_after=23)
    resumed = drive(prepare(PBT(5, 2), 40), score, earlier=broken.ended_trials)
    assert [trial.params for trial in resumed.ended_trials] == [
        trial.params for trial in whole.ended_trials
    ]
    assert [trial.parent for trial in resumed.ended_trials] == [
        trial.parent for trial in whole.ended_trials
    ]


def test_a_parent_and_a_member_survive_the_record():
    trial = Trial({"x": 1})
    trial.parent, trial.member = "a" * 16, 3
    copy = Trial.from_json(trial.to_json())
    assert (copy.parent, copy.member) == ("a" * 16, 3)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"population": 1}, "population must be a whole number of at least 2"),
        ({"population": 2.5}, "population must be a whole number"),
        ({"interval": 0}, "interval must be a number above 0"),
        ({"interval": "2"}, "interval must be a number above 0"),
        ({"exploit_fraction": 0.6}, "exploit_fraction must be a number above 0 and at most 0.5"),
        ({"resample_probability": -1}, "resample_probability must be a number from 0 to 1"),
    ],
    ids=["one", "half", "zero", "text", "fraction", "probability"],
)
def test_an_argument_that_breaks_its_rule_is_refused(arguments, rule):
    with pytest.raises(BadArgumentsError, match=rule):
        PBT(**arguments)


def test_there_must_be_more_turns_than_members():
    with pytest.raises(BadArgumentsError, match="num_trials=50"):
        prepare(PBT(5, 1), 5)


class Toy:
    """A training whose best learning rate falls by three decades while it goes on.

    The state of a training is one number, which rises towards 1.
    """

    epochs = 32

    def __init__(self):
        self.states = {}
        self.trained_epochs = 0

    def train(self, trial):
        begin, state = self.states.get(trial.parent, (0, 0.0))
        end = trial.params.get("budget", self.epochs)
        self.trained_epochs += end - begin
        for epoch in range(begin, end):
            best = -1 - 3 * epoch / self.epochs
            distance = math.log10(trial.params["lr"]) - best
            state += (1 - state) * 0.1 * math.exp(-(distance**2) / 0.5)
        self.states[trial.trial_id] = (end, state)
        return state


def best_of(optimizer, num_trials, seed):
    toy = Toy()
    optimizer = prepare(optimizer, num_trials, space=LR)
    optimizer.searchspace = LR.seeded(seed)
    optimizer.initialize()
    experiment = drive(optimizer, toy.train, in_flight=4)
    return max(trial.final_metric for trial in experiment.final_store), toy.trained_epochs


def median_best(make, num_trials):
    """Return the median of the best metrics with 20 seeds, and of the epochs that were trained."""
    runs = [best_of(make(), num_trials, seed) for seed in range(20)]
    return tuple(median(column) for column in zip(*runs, strict=True))


def test_a_population_follows_a_best_learning_rate_that_moves():
    # Ten members of 32 turns, ten trials of 32 epochs, and promotions that continue their parents.
    population, epochs = median_best(lambda: PBT(10, 1), 320)
    alone, alone_epochs = median_best(RandomSearch, 10)
    assert epochs == alone_epochs == 320
    assert population > alone
    for ladder, num_trials in {(2, 4, 32): 60, (2, 1, 32): 170, (4, 2, 32): 100}.items():
        halving, halving_epochs = median_best(functools.partial(Asha, *ladder), num_trials)
        assert halving_epochs >= 320
        assert population > halving


def test_a_turn_that_goes_on_from_a_checkpoint_keeps_its_member_busy():
    optimizer = prepare(PBT(2, 1), 20)
    turns = [Trial({"x": x, "budget": 1}) for x in (0.9, 0.5)]
    for number, turn in enumerate(turns):
        turn.member = number
    turns[1].final_metric, turns[0].status = 0.5, Trial.RUNNING
    optimizer.restore([turns[1], turns[0]])
    optimizer.trial_store[turns[0].trial_id] = turns[0]
    following = optimizer.get_suggestion()
    assert (following.member, following.parent) == (1, turns[1].trial_id)
    del optimizer.trial_store[turns[0].trial_id]
    turns[0].final_metric = 0.9
    optimizer.final_store.append(turns[0])
    optimizer.trial_store[following.trial_id] = following
    following = optimizer.get_suggestion(turns[0])
    assert (following.member, following.parent) == (0, turns[0].trial_id)
    assert following.params == {"x": 0.9, "budget": 2}


def test_a_member_whose_turns_all_fail_takes_no_more_turns_than_the_others():
    experiment = run(50, lambda trial: None if trial.member == 1 else 1.0)
    turns = [sum(trial.member == member for trial in experiment.suggestions) for member in range(5)]
    assert turns == [10] * 5
    # The resumed experiment counts failed turns, too.
    resumed = drive(
        prepare(PBT(5, 2), 50),
        lambda trial: None if trial.member == 1 else 1.0,
        earlier=experiment.ended_trials[:23],
    )
    members = [trial.member for trial in resumed.ended_trials]
    assert [members.count(member) for member in range(5)] == [10] * 5


def test_a_resumed_population_gives_an_initial_trial_that_was_lost_its_member_again():
    optimizer = prepare(PBT(2, 1), 8)
    first, second = optimizer.initial_trial({"x": 0.25}), optimizer.initial_trial({"x": 0.5})
    second.initial_number, second.final_metric = 1, 0.5
    resumed = prepare(PBT(2, 1), 8)
    resumed.restore([second])
    again = resumed.initial_trial({"x": 0.25})
    assert (again.member, again.params) == (first.member, first.params)


@pytest.mark.parametrize("crash_after", range(1, 24, 3))
@pytest.mark.parametrize("in_flight", [2, 3, 8])
def test_a_population_resumes_after_a_crash_at_any_time(crash_after, in_flight):
    def score(trial):
        metric = random.Random(trial.trial_id).random()
        return metric if metric > 0.2 else None

    def rng():
        return random.Random(crash_after)

    options = {"in_flight": in_flight, "rng": rng()}
    broken = run(24, score, crash_after=crash_after, **options)
    resumed = drive(prepare(PBT(5, 2), 24), score, earlier=broken.ended_trials, **options)
    assert len(resumed.ended_trials) == 24
    trials = {trial.trial_id: trial for trial in resumed.ended_trials}
    for trial in trials.values():
        before = trials[trial.parent].params["budget"] if trial.parent else 0
        assert trial.params["budget"] == before + 2


def test_budgets_of_tenths_add_up_exactly():
    optimizer = prepare(PBT(2, 0.1), 20)
    experiment = drive(optimizer, lambda trial: float(trial.member))
    budgets = {trial.params["budget"] for trial in experiment.suggestions}
    assert sorted(budgets) == [tenths / 10 for tenths in range(1, 11)]


def test_budgets_that_cannot_be_sent_to_a_worker_are_refused():
    with pytest.raises(BadArgumentsError, match="interval times num_trials must be at most"):
        prepare(PBT(2, 2**60), 20)
    prepare(PBT(2, 2**60), 8)


def test_a_whole_interval_of_numpy_gives_whole_budgets():
    experiment = drive(prepare(PBT(np.int64(2), np.int64(2)), 8), lambda trial: 1.0)
    assert {type(trial.params["budget"]) for trial in experiment.suggestions} == {int}
