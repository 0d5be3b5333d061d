"""Policies, training functions and limits for experiments on threads."""

from maggy import Trial
from maggy.core.experiment_driver import RunLimits
from maggy.core.experiment_driver.policy import Policy
from maggy.earlystop import Decision
from maggy.testing.loopback import LoopbackExperiment


class Given(Policy):
    """A policy made of a function that suggests: called with the trial that has ended, or None."""

    kind, name = "optimization", "Given"

    def __init__(self, suggest, total=None, check=False, stop=None):
        self._suggest, self.total, self.needs_check, self._stop = suggest, total, check, stop

    def start(self, trial_store, final_store, seed):
        self.trial_store, self.final_store = trial_store, final_store

    def suggest(self, finished):
        return self._suggest(finished)

    def is_check_due(self, trial, steps):
        return self._stop is not None

    def decide(self, trial, final_store):
        return Decision.STOP if self._stop(trial, final_store) else Decision.CONTINUE

    def identity(self):
        return {}


def one_after_another(trials):
    """Return a suggest function that gives these trials."""
    left = iter(trials)
    return lambda finished: next(left, None)


class Experiment(LoopbackExperiment):
    """An experiment on threads whose limits are arguments.

    Args:
        root: The directory of all experiments.
        policy: The policy.
        train: The training function.
        workers: Number of workers.
        before: Trials that ended in an earlier run.
        hb_interval: Seconds between heartbeats.
        check: Tries the study out.
        cluster: The cluster.
        listeners: Hear of the experiment.
        **limits: Further fields of `RunLimits`.
    """

    def __init__(
        self,
        root,
        policy,
        train,
        *,
        workers=2,
        before=(),
        hb_interval=0.02,
        check=None,
        cluster=None,
        listeners=(),
        **limits,
    ):
        super().__init__(
            root,
            policy,
            train,
            hb_interval=hb_interval,
            check=check,
            cluster=cluster,
            earlier=before,
            limits=RunLimits(num_workers=workers, seed=1, **limits),
            listeners=listeners,
        )


def square(params, reporter, interrupted):
    return float(params["x"]) ** 2


def trials(count, start=0):
    return [Trial({"x": number}) for number in range(start, start + count)]


def records(experiment):
    """Return the trials on disk by id."""
    trials, damaged = experiment.store.read_trials()
    assert not damaged
    return {trial.trial_id: trial for trial in trials}
