"""Trials hear that their executors will be taken away, and move; threads stand in for Spark."""

import queue

import pytest
from helpers.checkpoints import steps_on_disk
from helpers.loopback import Experiment, Given, one_after_another
from helpers.waiting import wait_until

from maggy import Trial
from maggy.core.experiment_driver import preemption_watch
from maggy.core.experiment_driver.preemption_watch import PreemptionWatch
from maggy.core.messages import WorkerId
from maggy.testing.thread_cluster import ThreadCluster

pytestmark = pytest.mark.loopback

A, B = WorkerId(0, 0, 0), WorkerId(0, 1, 0)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch):
    monkeypatch.setattr(preemption_watch, "LOOK_SECONDS", 0.01)


class AnnouncingCluster(ThreadCluster):
    """A cluster that announces the end of the executors of these tasks."""

    announces_preemption = True

    def __init__(self):
        super().__init__(job_per_worker=False)
        self.leaving = set()
        self.errors = []
        self.looks = 0

    def tasks_to_move(self, tasks):
        self.looks += 1
        if self.errors:
            raise self.errors.pop()
        return [task for task in tasks if task in self.leaving]


class Watched:
    """A watch with the cluster that it asks."""

    def __init__(self):
        self.cluster = AnnouncingCluster()
        self.reports, self.lines = queue.SimpleQueue(), []
        self.watch = PreemptionWatch(self.cluster, self.reports.put, self.lines.append)
        self.watch.start()


@pytest.fixture
def watched():
    watched = Watched()
    yield watched
    watched.watch.close()


def wait_for_look(watched):
    looks = watched.cluster.looks
    wait_until(lambda: watched.cluster.looks > looks + 1)


def test_a_worker_is_reported_once(watched):
    watched.watch.add(A, 7)
    watched.watch.add(B, 8)
    watched.cluster.leaving = {7}
    assert watched.reports.get(timeout=60) == [A]
    wait_for_look(watched)
    watched.cluster.leaving = {7, 8}
    assert watched.reports.get(timeout=60) == [B]
    wait_for_look(watched)
    assert watched.reports.empty()


def test_a_worker_that_comes_after_the_announcement_is_reported(watched):
    watched.cluster.leaving = {7}
    wait_for_look(watched)
    watched.watch.add(A, 7)
    assert watched.reports.get(timeout=60) == [A]


def test_a_failure_of_spark_costs_one_line_and_the_watch_goes_on(watched):
    watched.watch.add(A, 7)
    watched.cluster.errors = [RuntimeError("no"), ValueError("busy\nand a stack")]
    wait_until(lambda: not watched.cluster.errors)
    watched.cluster.leaving = {7}
    assert watched.reports.get(timeout=60) == [A]
    assert watched.lines == ["Spark does not say which executors it takes away: ValueError: busy"]


def test_a_cluster_that_announces_nothing_is_not_asked():
    watch = PreemptionWatch(ThreadCluster(), print, print)
    watch.start()
    assert watch._thread is None
    watch.close()


def run(tmp_path, train, *, values, **limits):
    """Run a search on two workers and return the experiment with the trials that ended."""
    cluster = AnnouncingCluster()
    suggest = one_after_another([Trial({"x": value}) for value in values])
    experiment = Experiment(
        tmp_path, Given(suggest), lambda *args: train(cluster, *args), cluster=cluster, **limits
    )
    outcome = experiment.run()
    assert outcome.error is None
    assert not experiment.troubles
    return experiment, {trial.params["x"]: trial for trial in outcome.trials}


def test_a_trial_saves_a_checkpoint_and_goes_on_from_it_elsewhere(tmp_path):
    starts = []

    def train(cluster, params, reporter, interrupted):
        if params["x"] == 1:
            return 0.0
        checkpoint = reporter.restore()
        starts.append(0 if checkpoint is None else checkpoint.step + 1)
        for epoch in range(starts[-1], 4):
            reporter.broadcast(epoch, step=epoch)
            if epoch == 1:
                cluster.leaving = {0, 1}  # the tasks of the first job
                wait_until(lambda: reporter.should_checkpoint)
            if reporter.should_checkpoint:
                with reporter.checkpoint(step=epoch):
                    pass
                wait_until(interrupted.is_set)
                raise RuntimeError("interrupted")
        return 3.0

    experiment, trials = run(tmp_path, train, values=[2, 1], trial_attempts=1, preemption_grace=0.5)
    assert starts == [0, 2]
    assert (trials[2].attempts, trials[2].metric_history) == (2, [0, 1, 2, 3])
    directory = tmp_path / experiment.store.experiment_id
    assert steps_on_disk(directory / trials[2].trial_id) == [1]
    log = (directory / "maggy.log").read_text()
    assert "Spark will take its executor away" in log
    assert "will run again: Spark takes its executor away" in log


def test_a_trial_that_ends_in_time_counts_and_its_worker_gets_no_other_one(tmp_path):
    workers = {}

    def train(cluster, params, reporter, interrupted):
        workers[params["x"]] = reporter
        if params["x"] == 0:
            cluster.leaving = {0}
            wait_until(lambda: reporter.should_checkpoint)
        return float(params["x"])

    experiment, trials = run(tmp_path, train, values=range(6), workers=1, trial_attempts=1)
    assert [trial.attempts for trial in trials.values()] == [1] * 6
    # A new job has opened the place again.
    assert len(experiment.cluster.jobs) == 2
