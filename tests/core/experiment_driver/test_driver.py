"""The driver with everything real except Spark: workers are threads, records are on disk."""

import itertools
import json
import os
import threading
import time

import pytest
from helpers.loopback import Experiment, Given, one_after_another, records, square, trials
from helpers.waiting import HANG, running, wait_until, wait_until_sent

from maggy import Searchspace, Trial
from maggy.common.exceptions import ExperimentError, OwnershipError
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.earlystop import Threshold
from maggy.experiment_config import OptimizationConfig
from maggy.records.ownership import Ownership
from maggy.records.process import Process

pytestmark = pytest.mark.loopback


def test_fifty_trials_on_four_workers_end_once_each_with_their_own_metric(tmp_path):
    experiment = Experiment(tmp_path, Given(one_after_another(trials(50)), 50), square, workers=4)
    outcome = experiment.run()
    assert (outcome.state, outcome.error) == ("FINISHED", None)
    assert sorted(trial.params["x"] for trial in outcome.trials) == list(range(50))
    assert all(trial.final_metric == trial.params["x"] ** 2 for trial in outcome.trials)
    assert all(trial.status == Trial.FINALIZED and trial.attempts == 1 for trial in outcome.trials)
    assert records(experiment).keys() == {trial.trial_id for trial in outcome.trials}
    assert experiment.troubles == []


def test_nothing_of_the_driver_is_left(tmp_path):
    def run(name):
        Experiment(tmp_path / name, Given(one_after_another(trials(4)), 4), square).run()

    def files():
        return len(os.listdir("/proc/self/fd"))

    run("warm")
    threads, files_before = set(threading.enumerate()), files()
    run("measured")
    assert set(threading.enumerate()) <= threads  # threads of earlier tests may end
    assert files() <= files_before


def test_two_drivers_after_each_other_do_not_meet(tmp_path):
    for _ in range(2):
        assert (
            len(Experiment(tmp_path, Given(one_after_another(trials(3)), 3), square).run().trials)
            == 3
        )


def test_every_point_and_line_is_kept(tmp_path):
    def train(params, reporter, interrupted):
        for step in range(100):
            reporter.broadcast(step / 100)
            reporter.log(f"step {step}")
        return 1.0

    experiment = Experiment(tmp_path, Given(one_after_another(trials(4)), 4), train)
    for trial in experiment.run().trials:
        assert trial.step_history == list(range(100))
        output = (
            tmp_path / experiment.store.experiment_id / trial.trial_id / "output.log"
        ).read_text()
        assert output.splitlines() == [f"step {step}" for step in range(100)]


def test_a_bad_trial_is_stopped_by_its_steps_and_not_by_the_heartbeats(tmp_path):
    space = Searchspace(x=("INTEGER", [0, 9]))
    config = OptimizationConfig(1, "randomsearch", space, es_min=1, es_interval=5)
    policy = OptimizationPolicy(config)
    suggestions = iter(trials(3))
    policy.suggest = lambda finished: next(suggestions, None)

    def train(params, reporter, interrupted):
        if params["x"] < 2:  # the first two trials are good
            for step in range(10):
                reporter.broadcast(1.0, step)
            return 1.0
        for step in range(1, 5):
            reporter.broadcast(0.0, step)
            # The driver gets the point, but es_interval does not select the step.
            wait_until_sent(reporter)
        reporter.broadcast(0.25, 5)
        for step in range(6, 6000):  # until the rule stops the trial
            time.sleep(0.01)
            reporter.broadcast(0.5, step)
        return 0.9

    outcome = Experiment(tmp_path, policy, train, workers=1).run()
    bad = outcome.trials[-1]
    assert [trial.early_stop for trial in outcome.trials] == [False, False, True]
    assert bad.step_history[-1] > 5
    assert bad.final_metric == 0.5


def test_idle_is_asked_again_when_a_trial_ends_and_when_none_runs(tmp_path):
    calls = []
    left = trials(2)

    def suggest(finished):
        calls.append((time.monotonic(), finished))
        if len(calls) in (1, 2, 3, 5, 6):
            return "IDLE"
        return left.pop() if left else None

    began = time.monotonic()
    outcome = Experiment(
        tmp_path, Given(suggest), square, workers=1, hb_interval=600, worker_timeout=1800
    ).run()
    assert len(outcome.trials) == 2
    assert time.monotonic() - began < 300  # faster than the heartbeats
    pauses = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(calls)]
    assert all(pause >= 0.09 for pause in (pauses[0], pauses[1], pauses[2], pauses[4]))


def test_a_trial_that_ends_is_told_to_the_optimizer_once(tmp_path):
    suggestions = iter(trials(6))
    ids = []

    def suggest(finished):
        if finished is not None:
            ids.append(finished.trial_id)
        return next(suggestions, None)

    outcome = Experiment(tmp_path, Given(suggest, 6), square, workers=1).run()
    assert ids == [trial.trial_id for trial in outcome.trials]


def test_an_optimizer_decides_alone_how_many_trials_there_are(tmp_path):
    policy = Given(one_after_another(trials(7)), total=3)
    assert len(Experiment(tmp_path, policy, square).run().trials) == 7


def test_an_optimizer_without_a_trial_ends_the_experiment(tmp_path):
    outcome = Experiment(tmp_path, Given(lambda finished: None), square).run()
    assert (outcome.state, outcome.trials) == ("FINISHED", [])


def test_an_optimizer_that_fails_ends_the_experiment_with_its_error_and_the_records_stay(tmp_path):
    suggestions = iter(trials(3))

    def suggest(finished):
        if finished is not None and finished.params["x"] == 1:
            raise ZeroDivisionError("in the optimizer")
        return next(suggestions)

    experiment = Experiment(tmp_path, Given(suggest), square, workers=1)
    outcome = experiment.run()
    assert outcome.state == "FAILED"
    assert isinstance(outcome.error, ZeroDivisionError)
    assert [trial.params["x"] for trial in outcome.trials] == [0, 1]
    assert {trial.final_metric for trial in records(experiment).values()} >= {0.0}


@pytest.mark.parametrize("suggestion", [{"x": 1}, "idle", 3, [Trial({})]])
def test_a_suggestion_that_is_none_is_an_error_that_names_the_optimizer(tmp_path, suggestion):
    outcome = Experiment(tmp_path, Given(lambda finished: suggestion), square).run()
    assert isinstance(outcome.error, ExperimentError)
    assert "Given must suggest a Trial, None or 'IDLE'" in str(outcome.error)


def test_equal_configurations_are_told_apart(tmp_path):
    policy = Given(one_after_another([Trial({"x": 5}) for _ in range(3)]), 3)
    experiment = Experiment(tmp_path, policy, square)
    base = Trial({"x": 5}).trial_id
    assert {trial.trial_id for trial in experiment.run().trials} == {base, f"{base}_2", f"{base}_3"}
    assert records(experiment).keys() == {base, f"{base}_2", f"{base}_3"}


def test_a_slow_suggestion_delays_no_heartbeat(tmp_path):
    suggestions = iter(trials(3))
    suggesting, heartbeat = threading.Event(), threading.Event()
    sent_in_time = []

    def suggest(finished):
        trial = next(suggestions, None)
        if trial is not None and trial.params["x"] == 1:
            suggesting.set()
            sent_in_time.append(heartbeat.wait(HANG))
        return trial

    def train(params, reporter, interrupted):
        if params["x"] == 0:
            assert suggesting.wait(HANG)
            for _ in range(5):
                reporter.broadcast(0.5)
                wait_until_sent(reporter)
            heartbeat.set()
        return 1.0

    assert len(Experiment(tmp_path, Given(suggest), train, workers=2).run().trials) == 3
    assert sent_in_time == [True]


def test_a_study_that_does_not_hold_costs_no_trial(tmp_path):
    policy = Given(one_after_another(trials(4)), 4, check=True)
    outcome = Experiment(tmp_path, policy, square, check=lambda: "no layer x").run()
    assert outcome.state == "FAILED"
    assert str(outcome.error) == "CheckError: no layer x"
    assert outcome.trials == []


def test_a_study_that_holds_is_checked_once(tmp_path):
    checks = []
    policy = Given(one_after_another(trials(4)), 4, check=True)
    outcome = Experiment(tmp_path, policy, square, workers=3, check=lambda: checks.append(1)).run()
    assert (len(outcome.trials), len(checks)) == (4, 1)


def test_a_stop_rule_that_fails_stops_nothing_and_is_said_once(tmp_path, capsys):
    def rule(trial, final_store):
        raise ZeroDivisionError("in the rule")

    def train(params, reporter, interrupted):
        for _ in range(5):
            reporter.broadcast(0.5)
            wait_until_sent(reporter)  # the rule does not judge points that come with the end
        return 1.0

    outcome = Experiment(tmp_path, Given(one_after_another(trials(2)), 2, stop=rule), train).run()
    assert [trial.status for trial in outcome.trials] == [Trial.FINALIZED] * 2
    output = capsys.readouterr()
    assert (output.out + output.err).count("ZeroDivisionError: in the rule") == 1


def spoilt(count, start=100):
    """Return trials with parameters that the constructor would refuse."""
    spoilt_trials = trials(count, start)
    for trial, params in zip(
        spoilt_trials, itertools.cycle([{"x": 2**70}, {"x": "\udc80"}, None]), strict=False
    ):
        trial.params = params
    return spoilt_trials


def test_what_cannot_be_sent_as_a_parameter_fails_its_trial_and_the_others_go_on(tmp_path):
    suggestions = [*trials(1), *spoilt(2), *trials(1, 1), *spoilt(2, 200)]
    experiment = Experiment(tmp_path, Given(one_after_another(suggestions), 6), square)
    outcome = experiment.run()
    assert (outcome.state, outcome.error) == ("FINISHED", None)
    assert len(outcome.trials) == 6
    assert [trial.final_metric for trial in suggestions] == [0, None, None, 1, None, None]
    failed = [trial for trial in records(experiment).values() if trial.status == Trial.ERROR]
    assert len(failed) == 4
    assert all("Given must suggest parameters that can be sent" in trial.error for trial in failed)


def test_three_suggestions_in_a_row_that_cannot_be_sent_end_the_experiment(tmp_path):
    suggestions = [*trials(1), *spoilt(9)]
    outcome = Experiment(tmp_path, Given(one_after_another(suggestions)), square).run()
    assert outcome.state == "FAILED"
    assert isinstance(outcome.error, ExperimentError)
    assert "Given must suggest parameters" in str(outcome.error)
    assert len([trial for trial in outcome.trials if trial.status == Trial.ERROR]) == 3


def test_a_flood_of_lines_is_recorded_in_full_and_shown_in_part(tmp_path, capsys):
    count = 50_000

    def train(params, reporter, interrupted):
        for number in range(count):
            reporter.log(f"line {number}", jupyter=True)
        return 1.0

    experiment = Experiment(tmp_path, Given(one_after_another(trials(1)), 1), train, workers=1)
    (trial,) = experiment.run().trials
    directory = tmp_path / experiment.store.experiment_id
    expected = [f"line {number}" for number in range(count)]
    assert (directory / trial.trial_id / "output.log").read_text().splitlines() == expected
    assert (directory / "executor_0_0.log").read_text().count("line ") == count
    out = capsys.readouterr().out
    assert "0 #1: line 0\n" in out
    assert out.count(": line ") <= 10_000
    assert (
        f"trial {trial.trial_id} left out here; all are in {directory}/{trial.trial_id}/output.log"
        in out
    )


def test_waiting_costs_no_time_of_the_processor(tmp_path):
    def train(params, reporter, interrupted):
        began, processor_time = time.monotonic(), time.process_time()
        threading.Event().wait(1.5)
        return (time.process_time() - processor_time) / (time.monotonic() - began)

    policy = Given(one_after_another(trials(1)), 1)
    outcome = Experiment(tmp_path, policy, train, workers=4, hb_interval=0.1).run()
    assert outcome.trials[0].final_metric < 0.05  # the driver and four workers together


def test_the_record_of_a_trial_is_valid_json(tmp_path):
    experiment = Experiment(tmp_path, Given(one_after_another(trials(1)), 1), square)
    (trial,) = experiment.run().trials
    record = json.loads(
        (tmp_path / experiment.store.experiment_id / trial.trial_id / "trial.json").read_text()
    )
    assert record["final_metric"] == 0.0


@pytest.mark.parametrize(
    ("optimizer", "rule", "before"),
    [("randomsearch", "none", 2 + 2), ("asha", "none", 2), ("randomsearch", Threshold(9.0), 2)],
)
def test_suggestions_are_made_ahead_only_where_they_depend_on_no_result(
    tmp_path, optimizer, rule, before
):
    go, suggested, training = threading.Event(), [], []
    policy = OptimizationPolicy(
        OptimizationConfig(8, optimizer, Searchspace(x=("DOUBLE", [0, 1])), es_policy=rule)
    )
    suggest = policy.suggest
    policy.suggest = lambda finished: suggested.append(finished) or suggest(finished)

    def train(params, reporter, interrupted):
        for _ in range(5):
            reporter.broadcast(params["x"])
            wait_until_sent(reporter)
        training.append(params)
        assert go.wait(HANG)
        return params["x"]

    experiment = Experiment(tmp_path, policy, train, workers=2)
    with running(experiment.run, release=go.set) as runner:
        wait_until(
            lambda: len(training) == 2 and len(suggested) >= before, "the training of both workers"
        )
        count = len(suggested)
        go.set()
        runner.result()
    assert count == before
    assert len(suggested) == 8 + 1


def test_an_experiment_whose_directory_gets_another_owner_ends_and_leaves_its_records(
    tmp_path,
):
    followed = threading.Event()

    def train(params, reporter, interrupted):
        if params["x"] == 0:
            return 0.0
        ownership = experiment.store.ownership
        if not followed.is_set():
            followed.set()
            record = os.path.join(
                experiment.store.directory, Trial({"x": 0}).trial_id, "trial.json"
            )
            wait_until(lambda: os.path.exists(record), "the record of the first trial")
            ownership._clock = lambda: time.time() + 100  # as if this process had been suspended
            directory, process = experiment.store.directory, Process("other-host", pid=7)
            Ownership(AnyFiles(), directory, clock=ownership._clock, process=process).take()
            experiment.recorder.log("a write")
        interrupted.wait(60)
        return 1.0

    experiment = Experiment(tmp_path, Given(one_after_another(trials(3)), 3), train, workers=1)
    outcome = experiment.run()
    assert outcome.state == "FAILED"
    assert isinstance(outcome.error, OwnershipError)
    assert "is now owned by process 7 on other-host" in str(outcome.error)
    assert [trial.params["x"] for trial in records(experiment).values()] == [0]
    assert experiment.troubles == []
