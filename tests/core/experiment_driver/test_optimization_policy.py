"""The policy of a search, as the driver sees it: initial trials, stop rules and records."""

from __future__ import annotations

import pytest
from helpers.loopback import Experiment

from maggy import Searchspace, Trial
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.earlystop import (
    AbstractEarlyStop,
    AbstractExperimentStop,
    Decision,
    Patience,
    Threshold,
)
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import AbstractOptimizer

pytestmark = pytest.mark.loopback

SPACE = Searchspace(x=("INTEGER", [1, 1000]))


def policy(num_trials=4, optimizer="randomsearch", **options):
    search = OptimizationPolicy(OptimizationConfig(num_trials, optimizer, SPACE, **options))
    search.parameters([])
    return search


def started(**options):
    search = policy(**options)
    search.start({}, [], 1)
    return search


@pytest.mark.parametrize("optimizer", ["randomsearch", "asha", "hyperband"])
def test_initial_trials_come_first_and_count(optimizer):
    search = started(num_trials=13, optimizer=optimizer, initial_trials=[{"x": 7}, {"x": 8}])
    trials = [search.suggest(None) for _ in range(2)]
    assert [trial.params["x"] for trial in trials] == [7, 8]
    assert [trial.info_dict["initial"] for trial in trials] == [0, 1]
    assert search.total == 13


def test_what_ended_meanwhile_is_handed_over_afterwards():
    class Keeps(AbstractOptimizer):
        def initialize(self):
            self.told = []

        def get_suggestion(self, trial=None):
            self.told.append(trial)
            return

    optimizer = Keeps()
    search = started(optimizer=optimizer, initial_trials=[{"x": 7}, {"x": 8}])
    first = search.suggest(None)
    search.suggest(first)
    search.suggest(None)
    assert optimizer.told == [first]


def test_the_total_is_known_for_what_knows_it():
    assert policy(num_trials=5).total == 5
    assert policy(num_trials=None, optimizer="hyperband").total == 22

    class Own(AbstractOptimizer):
        def get_suggestion(self, trial=None):
            return None

    assert policy(optimizer=Own()).total is None


def test_initial_trials_belong_to_what_must_be_the_same_to_resume():
    assert policy(initial_trials=[{"x": 7}]).identity()["initial_trials"] == [{"x": 7}]
    # A record without the key also gives None, so a config without initial trials fits it, and does
    # not fit a record with some.
    assert policy().identity()["initial_trials"] is None


def test_initial_trials_that_are_recorded_are_not_tried_again():
    search = started(initial_trials=[{"x": 7}, {"x": 8}, {"x": 9}])
    record = [search.suggest(None) for _ in range(3)][1]
    resumed = started(optimizer="asha", initial_trials=[{"x": 7}, {"x": 8}, {"x": 9}])
    record.info_dict.update(configuration=0, rung=0)
    assert resumed.restore([record])
    assert [resumed.suggest(None).params["x"] for _ in range(2)] == [7, 9]
    assert "initial" not in resumed.suggest(None).info_dict


SMALL = Searchspace(x=("INTEGER", [1, 3]))


def small(optimizer="randomsearch", num_trials=3, earlier_identity=None, **options):
    """Start a search of a small space; with an earlier identity, resume that search."""
    search = OptimizationPolicy(OptimizationConfig(num_trials, optimizer, SMALL, **options))
    if earlier_identity is not None:
        search.adopt(earlier_identity)
    search.start({}, [], 2)
    return search


def drawn(search):
    return [search.suggest(None).params["x"] for _ in range(3)]


REPEATS = [params["x"] for params in SMALL.seeded(2).get_random_parameter_values(3)]


def test_a_small_space_is_searched_without_repeats_unless_they_are_allowed():
    assert sorted(drawn(small())) == [1, 2, 3]
    assert drawn(small(allow_repeats=True)) == REPEATS
    assert len(set(REPEATS)) < 3


def test_whether_repeats_are_allowed_must_be_the_same_to_resume():
    for allow_repeats in (False, True):
        earlier_identity = small(allow_repeats=allow_repeats).identity()
        assert earlier_identity["allow_repeats"] is allow_repeats
        assert small(earlier_identity=earlier_identity).identity()["allow_repeats"] is False


@pytest.mark.parametrize("options", [{}, {"allow_repeats": True}])
def test_what_release_2_0_began_goes_on_in_the_sequence_of_its_seed(options):
    earlier_identity = {
        name: value for name, value in small().identity().items() if name != "allow_repeats"
    }
    resumed = small(earlier_identity=earlier_identity, **options)
    assert drawn(resumed) == REPEATS
    assert resumed.identity() == earlier_identity


def test_a_grid_that_release_2_0_began_keeps_its_duplicates():
    space = Searchspace(x=("DISCRETE", [1, 1, 2]))
    search = OptimizationPolicy(OptimizationConfig(None, "gridsearch", space))
    assert search.total == 2
    search.adopt(
        {name: value for name, value in search.identity().items() if name != "allow_repeats"}
    )
    assert search.total == 3


def test_a_record_without_an_identity_says_nothing_about_repeats():
    assert sorted(drawn(small(earlier_identity={}))) == [1, 2, 3]


def test_any_rule_for_the_experiment_ends_it():
    final = Trial({"x": 1})
    final.final_metric = 0.7
    for rules in ([Patience(9), Threshold(0.5)], [Threshold(0.5), Patience(9)]):
        assert started(es_policy=rules).should_end([final]) == "the metric 0.7 has reached 0.5"
    assert started(es_policy=[Patience(9), Threshold(0.8)]).should_end([final]) is None


class Asked(AbstractEarlyStop):
    waits_for_finals = False

    @staticmethod
    def earlystop_check(to_check, finalized_trials, direction):
        return None

    def check_running(self, to_check, finalized_trials, running_trials, direction):
        self.seen = (len(finalized_trials), list(running_trials))
        return to_check.trial_id


class Waits(Asked):
    waits_for_finals = True


def test_a_rule_that_does_not_wait_is_asked_at_once_and_sees_all_running_trials():
    rule = Asked()
    search = policy(es_policy=["median", rule])
    running = {"a": Trial({"x": 1}), "b": Trial({"x": 2})}
    search.start(running, [], 1)
    assert search.decide(running["a"], []) is Decision.STOP
    assert rule.seen == (0, list(running.values()))


def test_a_rule_that_waits_is_asked_once_more_than_es_min_are_final():
    search = started(es_policy=Waits(), es_min=1)
    trial = Trial({"x": 1})
    assert search.decide(trial, [trial]) is Decision.CONTINUE
    assert search.decide(trial, [trial, trial]) is Decision.STOP


class Remembering(AbstractEarlyStop):
    """Stop every trial after the first one that this experiment asks about."""

    waits_for_finals = False

    def start(self):
        self.first = None

    def decide(self, trial, finalized_trials, running_trials, direction):
        self.first = self.first or trial
        return Decision.CONTINUE if trial is self.first else Decision.STOP


def test_one_rule_serves_several_experiments():
    rule = Remembering()
    for _ in range(2):
        search = started(es_policy=rule)
        first, second = Trial({"x": 1}), Trial({"x": 2})
        assert search.decide(first, []) is Decision.CONTINUE
        assert search.decide(second, []) is Decision.STOP


def test_a_rule_for_the_experiment_starts_with_it():
    class Starts(Patience):
        count = 0

        def start(self):
            self.count += 1

    rule = Starts(3)
    started(es_policy=["median", rule])
    assert rule.count == 1


@pytest.mark.parametrize("answer", [True, None, "stop", "a trial's id"])
def test_a_decision_of_another_type_is_refused(answer):
    class Undecided(AbstractEarlyStop):
        waits_for_finals = False

        def decide(self, trial, finalized_trials, running_trials, direction):
            return answer

    with pytest.raises(
        TypeError, match=r"Undecided\.decide must return a .*Decision, but returned"
    ):
        started(es_policy=Undecided()).decide(Trial({"x": 1}), [])


# Searches on workers that are threads.


def test_reaching_a_threshold_ends_the_experiment_and_stops_what_runs(tmp_path):
    def train(params, reporter, interrupted):
        if params["x"] == 7:
            return 1.0
        for step in range(20_000):  # until the threshold is reached
            reporter.broadcast(0.1, step)
            interrupted.wait(0.005)
        return 0.1

    search = policy(
        100,
        es_policy=["median", Threshold(0.9)],
        initial_trials=[{"x": 1}, {"x": 2}, {"x": 7}],
        direction="max",
    )
    ran = Experiment(tmp_path, search, train, workers=3)
    outcome = ran.run()
    assert outcome.state == "FINISHED"
    assert outcome.error is None
    assert sorted(trial.params["x"] for trial in outcome.trials) == [1, 2, 7]
    assert [trial.early_stop for trial in sorted(outcome.trials, key=lambda t: t.params["x"])] == [
        True,
        True,
        False,
    ]


def test_patience_and_a_rule_for_trials_work_together(tmp_path):
    starts = []

    def train(params, reporter, interrupted):
        starts.append(params)
        # From the third trial on, a trial lasts until the rule stops it.
        for step in range(1, 50 if len(starts) <= 2 else 20_000):
            reporter.broadcast(0.5, step)
            interrupted.wait(0.005)
        return 0.5

    rule = Waits()
    outcome = Experiment(
        tmp_path, policy(100, es_policy=[Patience(3), rule], es_min=1), train, workers=1
    ).run()
    assert len(outcome.trials) == 4
    assert [trial.early_stop for trial in outcome.trials] == [False, False, True, True]


def test_a_rule_for_the_experiment_that_fails_costs_nothing(tmp_path, capsys):
    class Broken(AbstractExperimentStop):
        def experiment_check(self, finalized_trials, direction):
            raise ZeroDivisionError("oh")

    outcome = Experiment(
        tmp_path, policy(4, es_policy=Broken()), lambda params, reporter, interrupted: 1.0
    ).run()
    assert len(outcome.trials) == 4
    assert capsys.readouterr().out.count("ZeroDivisionError: oh") == 1
