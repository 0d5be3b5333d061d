"""Listeners for tests, and what an experiment tells them."""

import threading

from helpers.waiting import HANG
from maggy import Listener

__all__ = ["INFO", "Diary", "Stuck"]

INFO = {
    "experiment_id": "app_1",
    "name": "digits",
    "description": "",
    "directory": "memory://experiments/app_1",
    "kind": "optimization",
    "method": "RandomSearch",
    "direction": "max",
    "optimization_key": "accuracy",
    "num_trials": 3,
    "searchspace": None,
    "seed": 1,
    "start": 1000.0,
    "earlier_trials": 0,
    "maggy_version": "9.9",
}
"""What a listener is told of an experiment."""


class Diary(Listener):
    """Keeps all calls, as (method, argument or arguments), and the threads that made them."""

    def __init__(self):
        self.calls, self.threads = [], set()

    def _keep(self, method, *args):
        self.calls.append((method, *args))
        self.threads.add(threading.current_thread())

    def on_experiment_start(self, info):
        self._keep("experiment_start", info)

    def on_trial_start(self, trial):
        self._keep("trial_start", trial)

    def on_report(self, trial, points):
        self._keep("report", trial, points)

    def on_trial_end(self, trial):
        self._keep("trial_end", trial)

    def on_experiment_end(self, result):
        self._keep("experiment_end", result)

    def methods(self):
        """Return the names of the methods, in the order of the calls."""
        return [call[0] for call in self.calls]


class Stuck(Diary):
    """Waits in one method until a test lets it go on."""

    def __init__(self, method):
        super().__init__()
        self.method = method
        self.is_waiting, self.may_go_on = threading.Event(), threading.Event()

    def _keep(self, method, *args):
        super()._keep(method, *args)
        if method == self.method:
            self.is_waiting.set()
            assert self.may_go_on.wait(HANG)
