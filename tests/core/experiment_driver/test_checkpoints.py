"""Trials go on from their checkpoints, with a real driver and records, and threads as workers."""

import json
import pathlib

import pytest
from helpers.checkpoints import count_up, steps_on_disk
from helpers.loopback import Experiment, Given, one_after_another
from helpers.waiting import wait_until

from maggy import Asha, Decision, OptimizationConfig, Searchspace, Trial
from maggy.checkpoints.saved import CheckpointPair, Handover, SavedCheckpoint
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.testing import WorkerDied

pytestmark = pytest.mark.loopback


def suggestions(*values):
    return Given(one_after_another([Trial({"x": value}) for value in values]))


def die(reporter):
    """Lose the worker once the driver knows of every checkpoint."""
    wait_until(lambda: reporter.checkpoint_news() is None or not reporter.checkpoint_news().saved)
    wait_until(lambda: reporter._first_saved > 0)
    raise WorkerDied


def test_a_trial_that_loses_its_worker_goes_on_with_one_curve(tmp_path):
    trained = []

    def train(params, reporter, interrupted):
        return count_up(params, reporter, fail_at=2, fails=die, trained=trained)

    experiment = Experiment(tmp_path, suggestions(5), train, workers=1)
    (trial,) = experiment.run().trials
    assert (trial.final_metric, trial.attempts) == (26, 2)
    assert (trial.step_history, trial.metric_history) == ([0, 1, 2, 3], [5, 11, 18, 26])
    assert len(set(trained)) == 4
    # Of the last checkpoint at most one epoch is trained again.
    assert len(trained) <= 5
    assert not experiment.troubles


def test_a_function_that_does_not_restore_begins_with_a_clean_history(tmp_path):
    def train(params, reporter, interrupted):
        lost = reporter._checkpoints.handover is None
        for epoch in range(3):
            reporter.broadcast(epoch + (0 if lost else 10), step=epoch)
            with reporter.checkpoint(step=epoch):
                pass
        if lost:
            die(reporter)
        return 1.0

    (trial,) = Experiment(tmp_path, suggestions(1), train, workers=1).run().trials
    assert trial.metric_history == [10, 11, 12]


def test_a_child_goes_on_from_the_checkpoint_of_its_parent(tmp_path):
    parent = Trial({"x": 1, "epochs": 2})
    trained = []

    def suggest(finished):
        if finished is None:
            return parent if parent.status == Trial.PENDING else "IDLE"
        if finished is not parent:
            return None
        child = Trial({"x": 1, "epochs": 4})
        child.parent = parent.trial_id
        return child

    def train(params, reporter, interrupted):
        return count_up(params, reporter, epochs=params["epochs"], trained=trained)

    experiment = Experiment(tmp_path, Given(suggest), train, workers=1)
    first, second = experiment.run().trials
    assert trained == [(1, 0), (1, 1), (1, 2), (1, 3)]
    assert (first.final_metric, second.final_metric) == (3, 10)
    assert second.metric_history == [1, 3, 6, 10]
    record = pathlib.Path(experiment.store.trial_directory(second.trial_id), "trial.json")
    assert json.loads(record.read_text())["info_dict"]["parent"] == first.trial_id


def test_a_child_that_loses_its_worker_begins_again_where_its_parent_has_ended(tmp_path):
    parent, child = Trial({"x": 1, "epochs": 2}), Trial({"x": 1, "epochs": 4})
    handed = []

    def suggest(finished):
        if finished is None:
            return parent if parent.status == Trial.PENDING else "IDLE"
        child.parent = parent.trial_id
        return child if finished is parent else None

    def train(params, reporter, interrupted):
        handed.append(reporter._checkpoints.handover)
        if len(handed) == 2:
            reporter.broadcast(99, step=reporter.restore().step + 1)
            # Another thread writes it into the trial, after the driver has acknowledged it.
            wait_until(lambda: child.metric_history == [1, 3, 99])
            raise WorkerDied
        return count_up(params, reporter, epochs=params["epochs"])

    Experiment(tmp_path, Given(suggest), train, workers=1).run()
    assert (child.attempts, child.step_history) == (2, [0, 1, 2, 3])
    assert child.metric_history == [1, 3, 6, 10]
    assert handed[1] == handed[2]


def test_the_newest_and_the_best_checkpoint_stay(tmp_path):
    values = [1.0, 9.0, 2.0, 3.0]

    def train(params, reporter, interrupted):
        for step, value in enumerate(values):
            reporter.broadcast(value, step=step)
            with reporter.checkpoint(step=step) as folder:
                (folder / "value").write_text(str(value))
            # One that waits would be replaced by the next one.
            wait_until(lambda count=step: reporter._first_saved + len(reporter._saved) > count)
        return values[-1]

    experiment = Experiment(tmp_path, suggestions(1), train, workers=1)
    (trial,) = experiment.run().trials
    directory = pathlib.Path(experiment.store.trial_directory(trial.trial_id))
    assert steps_on_disk(directory) == [1, 3]
    record = experiment.keeper.read(trial.trial_id)
    assert (record.pair.newest.step, record.pair.best.step, record.pair.best.metric) == (3, 1, 9.0)
    assert record.trial.metric_history == values
    experiment.keeper._keep_all = False
    # A function that is run once has no metric, and keeps what it has saved.
    for best_id in (trial.trial_id, None):
        experiment.keeper.clear([trial.trial_id], best_id)
        assert steps_on_disk(directory) == [1, 3]
    experiment.keeper.clear([trial.trial_id], "another trial")
    assert steps_on_disk(directory) == []
    assert not (directory / "checkpoints.json").exists()


def test_a_block_that_raises_saves_nothing(tmp_path):
    def train(params, reporter, interrupted):
        with pytest.raises(KeyError), reporter.checkpoint(step=0):
            raise KeyError("the disk is full")
        return 1.0

    experiment = Experiment(tmp_path, suggestions(1), train, workers=1)
    (trial,) = experiment.run().trials
    directory = pathlib.Path(experiment.store.trial_directory(trial.trial_id))
    assert (trial.final_metric, steps_on_disk(directory)) == (1.0, [])


def test_a_checkpoint_that_is_damaged_costs_a_line_and_no_trial(tmp_path):
    def train(params, reporter, interrupted):
        handover = reporter._checkpoints.handover
        if handover is None:
            return count_up(params, reporter, fail_at=2, fails=die)
        # Only this one: the driver may be removing an older one.
        root = pathlib.Path(experiment.store.trial_directory("a trial")).parent
        (root / handover.directory / "files" / "total").write_text("other")
        return count_up(params, reporter)

    experiment = Experiment(tmp_path, suggestions(5), train, workers=1)
    (trial,) = experiment.run().trials
    assert trial.metric_history == [5, 11, 18, 26]
    output = pathlib.Path(experiment.store.trial_directory(trial.trial_id), "output.log")
    assert "begins anew, since its checkpoint cannot be restored" in output.read_text()


def test_a_checkpoint_is_recorded_with_its_points_though_its_trial_begins_again():
    book, trial = CheckpointBook(), Trial({"x": 1})
    for step in range(3):
        trial.append_point(step, float(step))
    saving = book.save(trial, [SavedCheckpoint(1, 1.0, "1/a")])
    book.leave(trial)
    trial.reset()
    assert (saving.steps, saving.values) == ([0, 1], [0.0, 1.0])
    assert book.go_on(trial, 1).points == [(0, 0.0), (1, 1.0)]
    assert trial.metric_history == [0.0, 1.0]


def test_a_child_keeps_the_points_of_the_run_that_has_saved_its_parents_checkpoint():
    book, parent, child = CheckpointBook(), Trial({"x": 1}), Trial({"x": 2})
    child.parent = parent.trial_id
    parent.append_point(0, 0.25)
    book.save(parent, [SavedCheckpoint(0, 0.25, "0/a")])
    book.leave(parent)
    parent.reset()
    parent.append_point(0, 0.75)  # its next run did not restore, and ended without a checkpoint
    book.leave(parent)
    assert book.handover(child) == Handover(f"{parent.trial_id}/checkpoints/0/a", 0, 0.25)
    assert book.go_on(child, 0).points == [(0, 0.25)]


def test_the_store_is_asked_only_for_a_trial_of_an_earlier_call_that_is_continued_and_once():
    parent, calls = Trial({"x": 1}), []
    for step in range(3):
        parent.append_point(step, float(step))

    def find(trial_id):
        calls.append(trial_id)
        return CheckpointPair(SavedCheckpoint(1, 1.0, "1/a"))

    book = CheckpointBook(earlier=[parent, Trial({"x": 2})], find=find)
    assert book.handover(Trial({"x": 3})) is None
    stranger = Trial({"x": 4})
    stranger.parent = "f" * 16
    assert book.handover(stranger) is None
    assert calls == []
    children = [Trial({"x": value}) for value in (5, 6)]
    for child in children:
        child.parent = parent.trial_id
        assert book.handover(child) == Handover(f"{parent.trial_id}/checkpoints/1/a", 1, 1.0)
        assert book.go_on(child, 1).points == [(0, 0.0), (1, 1.0)]
    assert calls == [parent.trial_id]


def test_a_trial_that_failed_without_a_checkpoint_keeps_the_points_of_its_parent():
    parent, child = Trial({"x": 1, "budget": 2}), Trial({"x": 1, "budget": 4})
    for step in range(2):
        parent.append_point(step, float(step))
    child.parent = parent.trial_id
    book = CheckpointBook(
        pairs={child.trial_id: CheckpointPair()},
        again=[child],
        earlier=[parent],
        find=lambda trial_id: CheckpointPair(SavedCheckpoint(1, 1.0, "1/a")),
    )
    assert book.handover(child) == Handover(f"{parent.trial_id}/checkpoints/1/a", 1, 1.0)
    assert book.go_on(child, 1).points == [(0, 0.0), (1, 1.0)]
    assert child.metric_history == [0.0, 1.0]


class Pausing(Given):
    """A policy whose trials with x = 1 pause after their first step."""

    def __init__(self, suggest, *, continues_paused=False):
        super().__init__(suggest, stop=lambda trial, finals: False)
        self.continues_paused = continues_paused

    def decide(self, trial, final_store):
        if trial.params["x"] != 1 or trial.step_history[-1] > 0:
            return Decision.CONTINUE
        trial.stop_reason = "paused at step 0: it may wait"
        return Decision.PAUSE


def run_with_pauses(tmp_path, policy, trained):
    """Run a policy on one worker, and return the experiment and the ended trials.

    A trial with x = 1 waits before its first checkpoint until it is to pause.
    """

    def train(params, reporter, interrupted):
        def wait(epoch):
            if params["x"] == 1 and epoch == 0:
                wait_until(lambda: reporter.is_pausing)

        return count_up(params, reporter, trained=trained, before_saving=wait)

    experiment = Experiment(tmp_path, policy, train, workers=1)
    trials = experiment.run().trials
    assert not experiment.troubles
    return experiment, trials


def test_a_trial_pauses_at_a_checkpoint_and_goes_on_when_there_is_no_further_one(tmp_path):
    first, second, trained = Trial({"x": 1}), Trial({"x": 2}), []
    policy = Pausing(one_after_another([first, second]))
    experiment, trials = run_with_pauses(tmp_path, policy, trained)
    assert trials == [second, first]
    assert trained == [(1, 0), *((2, epoch) for epoch in range(4)), (1, 1), (1, 2), (1, 3)]
    for trial in trials:
        assert trial.step_history == [0, 1, 2, 3]
        assert (trial.early_stop, trial.stop_reason) == (False, None)
    output = pathlib.Path(experiment.store.trial_directory(first.trial_id), "output.log")
    assert "--- trial 1: paused at step 0: it may wait ---" in output.read_text()


def test_an_optimizer_continues_the_trials_that_it_pauses(tmp_path):
    first, second, third = (Trial({"x": value}) for value in (1, 2, 3))
    trained = []
    left = iter([first, second, first, third])
    policy = Pausing(lambda finished: next(left, None), continues_paused=True)
    _, trials = run_with_pauses(tmp_path, policy, trained)
    assert trials == [second, first, third]
    assert len(trained) == len(set(trained)) == 12


def test_a_trial_that_never_goes_on_ends_as_stopped_with_its_metric(tmp_path):
    first, second, trained = Trial({"x": 1}), Trial({"x": 2}), []
    policy = Pausing(one_after_another([first, second]), continues_paused=True)
    experiment, trials = run_with_pauses(tmp_path, policy, trained)
    assert trials == [second, first]
    assert (first.status, first.final_metric, first.early_stop) == (Trial.FINALIZED, 1, True)
    assert first.stop_reason == "paused at step 0: it may wait"
    assert first.duration > 0
    record = pathlib.Path(experiment.store.trial_directory(first.trial_id), "trial.json")
    assert json.loads(record.read_text())["early_stop"]


def test_asha_pauses_trials_and_trains_no_epoch_twice(tmp_path):
    trained = []

    def train(params, reporter, interrupted):
        params = {"x": round(params["x"] * 1000)}
        return count_up(
            params,
            reporter,
            epochs=8,
            trained=trained,
            before_saving=lambda epoch: interrupted.wait(0.1),  # several heartbeats
        )

    space = Searchspace(x=("DOUBLE", [0, 1]))
    optimizer = Asha(2, 1, 8, stopping="pause")
    config = OptimizationConfig(12, optimizer, space, es_policy="none", seed=1)
    experiment = Experiment(tmp_path, OptimizationPolicy(config), train)
    trials = experiment.run().trials
    assert len(trials) == 12
    assert len(trained) == len(set(trained)) == sum(len(trial.step_history) for trial in trials)
    stopped = [trial for trial in trials if trial.early_stop]
    best = max(trials, key=lambda trial: trial.params["x"])
    assert best.step_history == list(range(8))
    # Half of those at each of three rungs at most go on, and one epoch comes after a decision.
    assert 6 <= len(stopped) < 12
    assert len(trained) <= 12 * 2 + 6 * 2 + 4 * 3 + 8
    for trial in stopped:
        assert trial.stop_reason.startswith("paused at step ")
        assert "not among the best 1/2 of" in trial.stop_reason
    assert any(trial.attempts > 1 for trial in trials)  # some have gone on
