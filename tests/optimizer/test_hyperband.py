"""Hyperband: its brackets, its waiting, and its samplers."""

from __future__ import annotations

import random

import pytest
from helpers.budgets import budgets, drive, prepare

from maggy.common.exceptions import BadArgumentsError
from maggy.optimizer import (
    AbstractOptimizer,
    Asha,
    GridSearch,
    Hyperband,
    RandomSearch,
    resolve_optimizer,
)
from maggy.optimizer.brackets import plan_brackets
from maggy.searchspace import Searchspace
from maggy.testing import OptimizerContract, Stopped
from maggy.trial import Trial


class TestHyperband(OptimizerContract):
    extra_params = ("budget",)

    def make(self):
        return Hyperband(eta=2, resource_min=1, resource_max=4)


class TestHyperbandOfUnlimitedTrials(OptimizerContract):
    extra_params = ("budget",)
    num_trials = None
    runs_num_trials = False

    def make(self):
        return resolve_optimizer(
            RandomSearch(pruner="hyperband", pruner_kwargs={"eta": 2, "resource_max": 4})
        )

    def test_a_resumed_experiment_runs_what_is_missing_and_nothing_twice(self):
        whole = len(self.drive().suggestions)
        half = self.drive(crash_after=whole // 2)
        assert len(self.drive(earlier=half.ended_trials).ended_trials) == whole


def test_each_kind_of_bracket_runs_once_when_the_number_of_trials_is_left_out():
    brackets = plan_brackets(3, 1, 81, None)
    # Table 1 of the paper.
    assert [bracket._sizes for bracket in brackets] == [
        [81, 27, 9, 3, 1],
        [34, 11, 3, 1],
        [15, 5, 1],
        [8, 2],
        [5],
    ]
    assert [bracket._budgets for bracket in brackets][:2] == [[1, 3, 9, 27, 81], [3, 9, 27, 81]]


@pytest.mark.parametrize("num_trials", [1, 2, 5, 13, 22, 100])
@pytest.mark.parametrize("in_flight", [1, 8])
def test_the_number_of_runs_is_met_exactly(num_trials, in_flight):
    experiment = drive(
        prepare(Hyperband(3, 1, 9), num_trials), lambda trial: trial.params["x"], in_flight
    )
    assert len(experiment.suggestions) == num_trials
    assert 9 in budgets(experiment)


def test_the_rungs_are_counted_exactly():
    assert len(plan_brackets(10, 1, 1000, None)) == 4


@pytest.mark.parametrize(("direction", "sign"), [("max", 1), ("min", -1)])
def test_the_best_of_a_rung_are_promoted_when_all_have_ended(direction, sign):
    optimizer = prepare(Hyperband(3, 1, 9), None, direction)
    experiment = drive(optimizer, lambda trial: sign * trial.params["x"])
    first = experiment.suggestions[:13]
    assert budgets(experiment)[:13] == [1] * 9 + [3] * 3 + [9]
    ranking = sorted((trial.params["x"] for trial in first[:9]), reverse=True)
    assert {trial.params["x"] for trial in first[9:12]} == set(ranking[:3])
    assert first[12].params["x"] == ranking[0]


def test_a_worker_waits_for_a_rung_when_there_is_no_other_bracket():
    optimizer = prepare(Hyperband(3, 1, 3), 4)  # one bracket: 3 on budget 1, then 1 on budget 3
    running = []
    for _ in range(3):
        running.append(optimizer.get_suggestion())
        optimizer.trial_store[running[-1].trial_id] = running[-1]
    assert optimizer.get_suggestion() == "IDLE"
    for trial in running:
        del optimizer.trial_store[trial.trial_id]
        trial.final_metric = trial.params["x"]
        optimizer.final_store.append(trial)
    last = optimizer.get_suggestion()
    assert last.params == {**max(running, key=lambda trial: trial.final_metric).params, "budget": 3}
    optimizer.trial_store[last.trial_id] = last
    assert optimizer.get_suggestion() == "IDLE"
    del optimizer.trial_store[last.trial_id]
    assert optimizer.get_suggestion() is None


def test_a_free_worker_begins_the_next_bracket():
    optimizer = prepare(Hyperband(3, 1, 9), None)
    running = []
    while (trial := optimizer.get_suggestion()) != "IDLE":
        optimizer.trial_store[trial.trial_id] = trial
        running.append(trial.params["budget"])
    assert running == [1] * 9 + [3] * 5 + [9] * 3


def test_a_failed_run_is_not_promoted_and_fewer_are_promoted():
    optimizer = prepare(Hyperband(3, 1, 9), 13)
    calls = []

    def score(trial):
        calls.append(trial)
        return trial.params["x"] if trial.params["budget"] > 1 or len(calls) in (2, 5) else None

    experiment = drive(optimizer, score)
    assert budgets(experiment) == [1] * 9 + [3] * 2 + [9]


def drive_with_initial_trials(optimizer, count, in_flight):
    queue = [optimizer.initial_trial({"x": place / 10}) for place in range(count)]
    ask = optimizer.get_suggestion
    optimizer.get_suggestion = lambda trial: queue.pop(0) if queue else ask(trial)
    return drive(optimizer, lambda trial: trial.params["x"], in_flight)


@pytest.mark.parametrize("in_flight", [1, 50])
def test_initial_trials_take_the_places_of_configurations(in_flight):
    experiment = drive_with_initial_trials(prepare(Hyperband(3, 1, 9), 13), 9, in_flight)
    values = [trial.params["x"] for trial in experiment.suggestions]
    assert values == [*(place / 10 for place in range(9)), 0.6, 0.7, 0.8, 0.8]


def test_more_initial_trials_than_configurations_are_refused():
    optimizer = prepare(Hyperband(3, 1, 9), 13)
    for place in range(9):
        optimizer.initial_trial({"x": place / 10})
    with pytest.raises(
        BadArgumentsError, match=r"initial_trials .* num_trials=13 trials only 9 .*raise num_trials"
    ):
        optimizer.initial_trial({"x": 0.9})


def test_without_a_number_of_trials_any_number_of_initial_trials_fits():
    experiment = drive_with_initial_trials(prepare(Hyperband(3, 1, 3), None), 10, in_flight=4)
    # Three of them start the first bracket. The others join the second, which runs full budgets.
    assert sorted(budgets(experiment)) == [1] * 3 + [3] * (7 + 1)


class Recorder(AbstractOptimizer):
    """A user's own sampler, which keeps the trials that it gets."""

    def initialize(self):
        self.reports = []
        self.number = 0

    def get_suggestion(self, trial=None):
        if trial is not None:
            self.reports.append(trial)
        self.number += 1
        return Trial({"x": self.number})


def test_a_sampler_gets_the_metric_of_each_budget_and_the_end_of_a_configuration():
    sampler = Recorder(pruner="hyperband", pruner_kwargs={"eta": 3, "resource_max": 9})
    optimizer = prepare(resolve_optimizer(sampler), 40, space=Searchspace(x=("INTEGER", [1, 99])))
    drive(optimizer, lambda trial: trial.params["x"] * trial.params["budget"])
    reports = {trial.params["x"]: trial for trial in sampler.reports}
    assert reports[9].step_history == [1, 3, 9]
    assert reports[9].metric_history == [9, 27, 81]
    assert (reports[9].final_metric, reports[9].early_stop) == (81, False)
    assert (reports[8].final_metric, reports[8].early_stop, reports[8].step_history) == (
        24,
        True,
        [1, 3],
    )
    assert (reports[1].final_metric, reports[1].early_stop) == (1, True)
    assert sampler.trial_store == {} or all(
        trial.final_metric is None for trial in sampler.trial_store.values()
    )


def test_a_resumed_sampler_gets_configurations_that_were_left_out_as_stopped_early():
    class Restored(Recorder):
        def restore(self, trials):
            self.history = trials
            return True

    def score(trial):
        return trial.params["x"] * trial.params["budget"]

    space = Searchspace(x=("INTEGER", [1, 99]))
    half = drive(
        prepare(Hyperband(3, 1, 9, sampler=Recorder()), 40, space=space), score, crash_after=13
    )
    sampler = Restored()
    prepare(Hyperband(3, 1, 9, sampler=sampler), 40, space=space).restore(half.ended_trials)
    assert {
        trial.params["x"]: (trial.step_history, trial.early_stop) for trial in sampler.history
    } == {
        **{x: ([1], True) for x in range(1, 7)},
        **{x: ([1, 3], True) for x in (7, 8)},
        9: ([1, 3, 9], False),
    }


def test_a_sampler_without_more_configurations_ends_the_brackets():
    sampler = GridSearch()
    optimizer = prepare(
        Hyperband(2, 1, 4, sampler=sampler), None, space=Searchspace(x=("DISCRETE", [1, 2, 3]))
    )
    experiment = drive(optimizer, lambda trial: trial.params["x"], in_flight=4)
    assert [
        trial.params["x"] for trial in experiment.suggestions if trial.params["budget"] == 1
    ] == [
        1,
        2,
        3,
    ]
    assert budgets(experiment).count(4) >= 1


def test_a_sampler_that_waits_for_results_does_not_block_the_brackets():
    class OneByOne(Recorder):
        def get_suggestion(self, trial=None):
            suggested = super().get_suggestion(trial)
            return "IDLE" if self.trial_store else suggested

    optimizer = prepare(
        Hyperband(3, 1, 9, sampler=OneByOne()), 40, space=Searchspace(x=("INTEGER", [1, 99]))
    )
    experiment = drive(optimizer, lambda trial: trial.params["x"], in_flight=2)
    assert len(experiment.suggestions) >= 4


def test_a_sampler_may_be_a_name_or_a_sampler_of_optuna():
    optuna = pytest.importorskip("optuna")
    for sampler, name in (
        ("tpe", "TPE"),
        ("RandomSearch", "RandomSearch"),
        (optuna.samplers.RandomSampler(), None),
    ):
        optimizer = resolve_optimizer(Hyperband(3, 1, 9, sampler=sampler))
        assert optimizer.name() == f"Hyperband({name or 'RandomSampler'})"
        assert len(drive(prepare(optimizer, 13), lambda trial: trial.params["x"]).suggestions) == 13


@pytest.mark.parametrize(
    "sampler", ["asha", "none", Asha(), Hyperband(), RandomSearch(pruner="hyperband")]
)
def test_an_optimizer_with_a_budget_or_without_configurations_cannot_be_a_sampler(sampler):
    with pytest.raises(BadArgumentsError, match=r"sampler must suggest configurations .*'tpe'"):
        resolve_optimizer(Hyperband(sampler=sampler))


def test_a_users_own_optimizer_may_refuse_to_be_a_sampler():
    class WithBudget(Recorder):
        can_be_sampler = False

    with pytest.raises(BadArgumentsError, match="leave the budget to its pruner"):
        resolve_optimizer(WithBudget(pruner="hyperband"))
    with pytest.raises(BadArgumentsError, match="leave the budget to its pruner"):
        resolve_optimizer(Hyperband(sampler=WithBudget()))


@pytest.mark.parametrize("sampler", [RandomSearch, 5])
def test_a_sampler_must_be_an_instance(sampler):
    with pytest.raises(TypeError, match="sampler must be"):
        resolve_optimizer(Hyperband(sampler=sampler))


def test_the_name_holds_the_pruner_and_the_sampler():
    assert resolve_optimizer("hyperband").name() == "Hyperband(RandomSearch)"
    assert resolve_optimizer(RandomSearch(pruner="Hyperband")).name() == "Hyperband(RandomSearch)"


@pytest.mark.parametrize("pruner", ["hyperbnd", 5, Hyperband])
def test_an_unknown_pruner_is_refused(pruner):
    with pytest.raises(BadArgumentsError, match="pruner must be 'hyperband' or None"):
        RandomSearch(pruner=pruner)


@pytest.mark.parametrize(
    "pruner_kwargs", [{"factor": 3}, {"eta": 1}, {"resource_min": 5, "resource_max": 2}]
)
def test_arguments_are_checked(pruner_kwargs):
    with pytest.raises(BadArgumentsError, match="must be"):
        RandomSearch(pruner="hyperband", pruner_kwargs=pruner_kwargs)


def test_a_resumed_search_repeats_the_same_brackets():
    def score(trial):
        return trial.params["x"] * trial.params["budget"]

    whole = drive(prepare(Hyperband(3, 1, 9), 40), score, in_flight=3)
    half = drive(
        prepare(Hyperband(3, 1, 9), 40), score, in_flight=3, rng=random.Random(2), crash_after=17
    )
    resumed = drive(prepare(Hyperband(3, 1, 9), 40), score, in_flight=3, earlier=half.ended_trials)
    assert {trial.trial_id for trial in resumed.ended_trials} == {
        trial.trial_id for trial in whole.ended_trials
    }
    assert len(resumed.suggestions) == 40 - 17


def test_a_search_resumes_although_the_function_has_renamed_its_budget():
    half = drive(prepare(Hyperband(3, 1, 9), 40), lambda trial: trial.params["x"], crash_after=13)
    resumed = prepare(Hyperband(3, 1, 9), 40, function_parameters=["x", "resource"])
    rest = drive(resumed, lambda trial: trial.params["x"], earlier=half.ended_trials)
    assert len(rest.suggestions) == 40 - 13
    assert all("resource" in trial.params for trial in rest.suggestions)


def test_records_of_other_budgets_do_not_count_as_runs():
    half = drive(prepare(Hyperband(3, 1, 9), 40), lambda trial: trial.params["x"], crash_after=13)
    resumed = prepare(Hyperband(3, 2, 18), 13)
    assert resumed.restore(half.ended_trials)
    running = [resumed.get_suggestion() for _ in range(9)]
    assert [trial.params["budget"] for trial in running] == [2] * 9
    assert [trial.params["x"] for trial in running] == [
        trial.params["x"] for trial in half.ended_trials[:9]
    ]


def test_a_failed_configuration_is_in_neither_store_of_the_sampler():
    sampler = Recorder(pruner="hyperband", pruner_kwargs={"eta": 3, "resource_max": 9})
    optimizer = prepare(resolve_optimizer(sampler), 13, space=Searchspace(x=("INTEGER", [1, 99])))
    drive(optimizer, lambda trial: None if trial.params["x"] in (2, 9) else trial.params["x"])
    assert sampler.trial_store == {}
    assert sorted(trial.params["x"] for trial in sampler.final_store) == [1, 3, 4, 5, 6, 7, 8]


def test_a_stopped_run_counts_with_the_metric_at_which_it_was_stopped():
    experiment = drive(prepare(Hyperband(3, 1, 9), 13), lambda trial: Stopped(trial.params["x"]))
    assert len(experiment.suggestions) == 13


def test_resolving_an_optimizer_twice_changes_nothing():
    pruner = resolve_optimizer(RandomSearch(pruner="hyperband"))
    assert resolve_optimizer(pruner) is pruner
    assert resolve_optimizer(resolve_optimizer(Hyperband(sampler="tpe"))).name() == "Hyperband(TPE)"


def test_a_trial_that_goes_on_from_a_checkpoint_decides_in_its_bracket():
    first = prepare(Hyperband(3, 1, 9), 40).get_suggestion()
    optimizer = prepare(Hyperband(3, 1, 9), 40)
    first.status = Trial.RUNNING
    assert optimizer.restore([first])
    optimizer.trial_store[first.trial_id] = first
    others = []
    for _ in range(8):
        others.append(optimizer.get_suggestion())
        optimizer.trial_store[others[-1].trial_id] = others[-1]
    assert {trial.params["budget"] for trial in [first, *others]} == {1}
    for trial in [*others, first]:
        del optimizer.trial_store[trial.trial_id]
        trial.final_metric = 2.0 if trial is first else trial.params["x"]
        optimizer.final_store.append(trial)
    promotions = [optimizer.get_suggestion() for _ in range(3)]
    assert [trial.params["budget"] for trial in promotions] == [3, 3, 3]
    parents = {trial.params["x"]: trial.parent for trial in promotions}
    assert parents[first.params["x"]] == first.trial_id
