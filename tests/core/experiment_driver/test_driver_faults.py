"""The driver when trials fail, workers die, or time is up."""

import threading

import pytest
from helpers.loopback import Experiment, Given, one_after_another, records, square, trials
from helpers.waiting import HANG, wait_until_sent

from maggy import Trial
from maggy.core.experiment_driver import driver as driver_module
from maggy.core.experiment_driver.jobs import Jobs
from maggy.testing import WorkerDied
from maggy.testing.thread_cluster import ThreadCluster

pytestmark = pytest.mark.loopback


def test_a_trial_that_fails_ends_alone(tmp_path):
    def train(params, reporter, interrupted):
        if params["x"] % 3 == 0:
            raise ValueError(f"no luck with {params['x']}")
        return 1.0

    experiment = Experiment(tmp_path, Given(one_after_another(trials(9)), 9), train)
    outcome = experiment.run()
    failed = [trial for trial in outcome.trials if trial.status == Trial.ERROR]
    assert sorted(trial.params["x"] for trial in failed) == [0, 3, 6]
    assert {trial.error for trial in failed} == {"the traceback"}
    assert {trial.attempts for trial in outcome.trials} == {1}
    assert outcome.state == "FINISHED"
    assert len(records(experiment)) == 9


def mistaken(params, reporter, interrupted):
    return params["y"]


@pytest.mark.parametrize("check", [False, True])  # an ablation checks its study first
@pytest.mark.parametrize("workers", [1, 4])
def test_five_trials_with_one_mistake_end_the_experiment_and_no_other_is_trained(
    tmp_path, check, workers
):
    policy = Given(one_after_another(trials(30)), 30, check=check)
    policy.ahead = True
    experiment = Experiment(tmp_path, policy, mistaken, workers=workers)
    outcome = experiment.run()
    assert (outcome.state, len(outcome.trials), len(records(experiment))) == ("FAILED", 5, 5)
    text = str(outcome.error)
    place = f"{__file__}, line {mistaken.__code__.co_firstlineno + 1}"
    assert f"All 5 trials that ended failed with the same KeyError at {place}" in text
    assert "with 25 trials that were left (give_up_after=5;" in text
    assert text.endswith(
        f"{outcome.trials[0].trial_id} with {outcome.trials[0].params}:\nthe traceback"
    )


@pytest.mark.parametrize("number", [1, 3])
def test_give_up_after_is_the_number_of_trials(tmp_path, number):
    policy = Given(one_after_another(trials(30)))
    outcome = Experiment(tmp_path, policy, mistaken, give_up_after=number).run()
    assert (outcome.state, len(outcome.trials)) == ("FAILED", number)


@pytest.mark.parametrize(
    ("count", "options"),
    [(8, {"give_up_after": None}), (5, {}), (5, {"workers": 1}), (3, {})],
)
def test_an_experiment_without_a_trial_left_is_not_given_up(tmp_path, count, options):
    outcome = Experiment(
        tmp_path, Given(one_after_another(trials(count)), count), mistaken, **options
    ).run()
    assert (outcome.state, outcome.error, len(outcome.trials)) == ("FINISHED", None, count)


def test_trials_of_an_earlier_call_neither_count_nor_save_the_experiment(tmp_path):
    earlier = trials(4, 100)
    for trial in earlier:
        trial.status, trial.final_metric = Trial.FINALIZED, 1.0
    policy = Given(one_after_another(trials(30)), 34)
    outcome = Experiment(tmp_path, policy, mistaken, before=earlier).run()
    assert (outcome.state, len(outcome.trials)) == ("FAILED", 9)
    assert "All 5 trials that ended" in str(outcome.error)
    assert "with 25 trials that were left" in str(outcome.error)


def refused(params, reporter, interrupted):
    raise ValueError(f"no such configuration: {params}")


def now_and_then(params, reporter, interrupted):
    return params["y"] if params["x"] else 1.0


@pytest.mark.parametrize("train", [refused, now_and_then])
def test_configurations_that_are_refused_and_one_that_succeeds_are_worth_going_on(tmp_path, train):
    outcome = Experiment(tmp_path, Given(one_after_another(trials(12)), 12), train, workers=1).run()
    assert (outcome.state, outcome.error, len(outcome.trials)) == ("FINISHED", None, 12)


def test_fail_fast_ends_the_experiment_at_the_first_failure(tmp_path):
    def train(params, reporter, interrupted):
        if params["x"] == 2:
            raise ValueError("no luck")
        if params["x"] > 2:
            assert interrupted.wait(HANG)
        return 1.0

    experiment = Experiment(
        tmp_path, Given(one_after_another(trials(5))), train, workers=1, fail_fast=True
    )
    outcome = experiment.run()
    assert outcome.state == "FAILED"
    assert "ValueError: no luck" in str(outcome.error)
    assert [trial.params["x"] for trial in outcome.trials] == [0, 1, 2]
    assert {trial.params["x"] for trial in records(experiment).values()} >= {0, 1, 2}


def test_max_seconds_ends_the_experiment_with_the_trials_that_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(driver_module, "STOP_SECONDS", HANG)

    def train(params, reporter, interrupted):
        if params["x"] >= 2:
            assert interrupted.wait(HANG)
        return 1.0

    experiment = Experiment(tmp_path, Given(one_after_another(trials(9)), 9), train, max_seconds=4)
    outcome = experiment.run()
    assert outcome.state == "KILLED"
    assert sorted(trial.params["x"] for trial in outcome.trials) == [0, 1]
    assert not experiment.cluster.cancelled.is_set()  # all workers have left by themselves


def test_a_worker_that_does_not_leave_is_cancelled(tmp_path):
    go_on = threading.Event()

    def train(params, reporter, interrupted):
        go_on.wait(HANG)
        return 1.0

    experiment = Experiment(
        tmp_path, Given(one_after_another(trials(2)), 2), train, workers=1, max_seconds=0.2
    )
    try:
        assert experiment.run().state == "KILLED"
        assert experiment.cluster.cancelled.is_set()
    finally:
        go_on.set()


@pytest.mark.parametrize("job_per_worker", [True, False])
def test_a_trial_whose_worker_dies_runs_again_from_a_clean_history(tmp_path, job_per_worker):
    deaths = []

    def train(params, reporter, interrupted):
        reporter.broadcast(0.5, 7 if not deaths else 0)
        if params["x"] == 1 and not deaths:
            wait_until_sent(reporter)
            deaths.append(params)
            raise WorkerDied("out of memory")
        return 1.0

    cluster = ThreadCluster(job_per_worker)
    experiment = Experiment(
        tmp_path, Given(one_after_another(trials(4)), 4), train, cluster=cluster
    )
    outcome = experiment.run()
    assert outcome.state == "FINISHED"
    assert sorted(trial.params["x"] for trial in outcome.trials) == [0, 1, 2, 3]
    assert {trial.status for trial in outcome.trials} == {Trial.FINALIZED}
    again = next(trial for trial in outcome.trials if trial.params["x"] == 1)
    assert (again.attempts, again.step_history) == (2, [0])


def test_a_trial_that_kills_every_worker_is_given_up_and_the_rest_goes_on(tmp_path):
    def train(params, reporter, interrupted):
        if params["x"] == 1:
            raise WorkerDied("out of memory")
        return 1.0

    experiment = Experiment(
        tmp_path, Given(one_after_another(trials(4)), 4), train, trial_attempts=2
    )
    outcome = experiment.run()
    killer = next(trial for trial in outcome.trials if trial.params["x"] == 1)
    assert (outcome.state, killer.status, killer.attempts) == ("FINISHED", Trial.ERROR, 2)
    assert "out of memory" in killer.error
    assert len(outcome.trials) == 4


def test_workers_that_never_come_end_the_experiment_with_the_reason(tmp_path):
    class Broken(ThreadCluster):
        def run(self, job, description, partitions, task):
            raise RuntimeError("No module named 'maggy'")

    outcome = Experiment(
        tmp_path, Given(one_after_another(trials(4)), 4), square, cluster=Broken()
    ).run()
    assert outcome.state == "FAILED"
    assert "Maggy is not installed where Spark runs Python" in str(outcome.error)


def test_a_suggestion_that_was_refused_is_none_of_the_trials_with_the_mistake(tmp_path):
    bad_trials = trials(1, 100)
    bad_trials[0].params = None
    policy = Given(one_after_another([*bad_trials, *trials(29)]), 30)
    outcome = Experiment(tmp_path, policy, mistaken, workers=1).run()
    assert (outcome.state, len(outcome.trials)) == ("FAILED", 6)
    assert "All 5 trials that ended" in str(outcome.error)
    assert "with 24 trials that were left" in str(outcome.error)


def test_an_interrupt_while_the_driver_shuts_down_is_the_state_that_is_recorded(
    tmp_path, monkeypatch
):
    experiment = Experiment(tmp_path, Given(one_after_another(trials(2)), 2), square)
    join = Jobs.join

    def interrupt_and_join(jobs, seconds):
        monkeypatch.setattr(Jobs, "join", join)
        experiment.driver._interrupted()
        return jobs.join(seconds)

    monkeypatch.setattr(Jobs, "join", interrupt_and_join)
    outcome = experiment.run()
    assert outcome.state == "KILLED"
    assert isinstance(outcome.error, KeyboardInterrupt)


def test_a_policy_that_hangs_is_left_alone_when_time_is_up(tmp_path):
    go_on, late = threading.Event(), Trial({"x": 99})

    def suggest(finished):
        assert go_on.wait(HANG)
        return late

    experiment = Experiment(tmp_path, Given(suggest, 2), square, max_seconds=0.2)
    try:
        outcome = experiment.run()
        assert (outcome.state, outcome.trials, outcome.has_policy_ended) == ("KILLED", [], False)
        assert outcome.trials is not experiment.driver._book.ended
    finally:
        go_on.set()
