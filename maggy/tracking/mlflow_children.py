"""The runs that training functions open: they become children of their trials' runs."""

from __future__ import annotations

from collections.abc import Mapping

from maggy.tracking.mlflow_server import MlflowServer
from maggy.tracking.mlflow_values import EXPERIMENT_TAG, PARENT_TAG, ROLE_TAG, TRIAL_TAG

__all__ = ["ChildRuns"]


class ChildRuns:
    """Find the runs that training functions have opened, and set their parents.

    A worker does not know the run of its trial. So it gives a run only tags that name the trial.

    Args:
        server: The server.
        experiment_id: The id of Maggy's experiment.

    Attributes:
        deleted: Runs of trials that have begun again. A child of one gets another parent.
    """

    def __init__(self, server: MlflowServer, experiment_id: str) -> None:
        self._server = server
        self._tags = {EXPERIMENT_TAG: experiment_id, ROLE_TAG: "run"}
        self.deleted: set[str] = set()

    def link(self, runs: Mapping[str, str]) -> None:
        """Make each run without a parent a child of its trial's run.

        Args:
            runs: The runs of the trials, by the trials' ids.
        """
        for run in self._server.find_runs(self._tags, in_all_experiments=True):
            parent = run.tags.get(PARENT_TAG)
            # A function may nest its runs. Then only the outermost one has no parent.
            if parent and parent not in self.deleted:
                continue
            trial_run = runs.get(run.tags.get(TRIAL_TAG, ""))
            if trial_run is not None:
                self._server.log(run.run_id, tags={PARENT_TAG: trial_run})
