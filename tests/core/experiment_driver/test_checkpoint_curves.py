"""TensorBoard and stop rules see one curve of a trial that goes on, also while it runs."""

import pytest
from helpers.checkpoints import count_up
from helpers.loopback import Experiment, Given, one_after_another
from helpers.waiting import wait_until

from maggy import Trial
from maggy.testing import WorkerDied

pytestmark = pytest.mark.loopback


def test_tensorboard_sees_one_curve_of_a_trial_that_lost_its_worker(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trial = Trial({"x": 5})
    curves = []  # of the first run and of the second one, before the trial has ended

    def shown():
        accumulator = EventAccumulator(experiment.store.trial_directory(trial.trial_id))
        accumulator.Reload()
        if "reported" not in accumulator.Tags()["scalars"]:
            return []
        return [(event.step, event.value) for event in accumulator.Scalars("reported")]

    def die(reporter):
        """Lose the worker after a step beyond the checkpoint of step 1, when it is shown."""
        wait_until(lambda: reporter._first_saved + len(reporter._saved) > 0)
        reporter.broadcast(1000, step=2)
        wait_until(lambda: shown()[-1:] == [(2, 1000.0)])
        curves.append(shown())
        raise WorkerDied

    def train(params, reporter, interrupted):
        def wait(epoch):
            if epoch == 0:  # the next checkpoint would take the place of one that waits
                return
            wait_until(lambda: reporter._first_saved or reporter._restored)
            if epoch == 3:
                wait_until(lambda: shown()[-1:] == [(3, 26.0)])
                curves.append(shown())

        return count_up(params, reporter, fail_at=1, fails=die, before_saving=wait)

    experiment = Experiment(tmp_path, Given(one_after_another([trial])), train, workers=1)
    experiment.store.points_seconds = 0.05
    experiment.run()
    assert curves[0] == [(0, 5.0), (1, 11.0), (2, 1000.0)]
    whole = [(0, 5.0), (1, 11.0), (2, 18.0), (3, 26.0)]
    assert curves[1] == whole
    assert shown() == whole
    assert list(zip(trial.step_history, trial.metric_history, strict=True)) == whole


def test_a_stop_rule_sees_one_curve_of_a_trial_that_lost_its_worker(tmp_path):
    curves = []

    def look(trial, finals):
        curves.append(list(zip(trial.step_history, trial.metric_history, strict=True)))
        return False

    def die(reporter):
        """Lose the worker after a step beyond the checkpoint of step 1, when the rule has seen it.

        The driver knows of both checkpoints then.
        """
        wait_until(lambda: reporter._first_saved > 1)
        reporter.broadcast(1000, step=2)
        wait_until(lambda: curves[-1][-1] == (2, 1000))
        raise WorkerDied

    def train(params, reporter, interrupted):
        def wait(epoch):
            if epoch == 1:  # its checkpoint would take the place of one that waits
                wait_until(lambda: reporter._first_saved)
            if epoch == 3:
                wait_until(lambda: curves[-1][-1] == (3, 26))

        return count_up(params, reporter, fail_at=1, fails=die, before_saving=wait)

    policy = Given(one_after_another([Trial({"x": 5})]), stop=look)
    Experiment(tmp_path, policy, train, workers=1).run()
    first_run, whole = [(0, 5), (1, 11), (2, 1000)], [(0, 5), (1, 11), (2, 18), (3, 26)]
    assert first_run in curves
    later = curves[curves.index(first_run) + 1 :]
    assert later[-1] == whole
    for curve in later:
        assert curve == whole[: len(curve)]
        assert len(curve) > 2
