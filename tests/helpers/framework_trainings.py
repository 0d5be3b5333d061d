"""What the tests of the callbacks for frameworks share: data, copies, a trial that is stopped."""

import copy
import pickle

import numpy as np

from helpers.loopback import Experiment, Given, one_after_another, trials

MANY = 1_000_000
"""Number of rounds or epochs that only a stop ends."""

COPIES = [copy.copy, copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))]


def points(reporter):
    return reporter.waiting()[1]


def steps(reporter):
    return [step for step, _ in points(reporter)]


def rows(count=80):
    """Return the features and the labels of two classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 3)).astype("float32")
    return x, (x[:, 0] + rng.normal(scale=0.5, size=count) > 0).astype("int64")


X, Y = rows()


def run_and_stop(root, train):
    """Run a training function in a trial that the driver stops after its third step.

    Args:
        root: The directory of the experiment.
        train: Called with the reporter. It should train for so long that only a stop ends it.

    Returns:
        The trial.
    """

    def stop(trial, final_store):
        return len(trial.metric_history) >= 3

    def run(params, reporter, interrupted):
        train(reporter)
        return -1.0

    policy = Given(one_after_another(trials(1)), 1, stop=stop)
    outcome = Experiment(root, policy, run, workers=1).run()
    assert outcome.error is None
    (trial,) = outcome.trials
    return trial


def assert_stopped(trial):
    """Assert that a trial was stopped early and has the metric of its last report."""
    assert (trial.early_stop, trial.status, trial.error) == (True, trial.FINALIZED, None)
    assert trial.final_metric == trial.metric_history[-1] != -1.0
    assert len(trial.metric_history) >= 3
