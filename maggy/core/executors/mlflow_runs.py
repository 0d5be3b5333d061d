"""Tag the runs of MLflow that a trial opens, and end those that it leaves open.

Nothing here loads MLflow.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import ModuleType

__all__ = ["RunContext", "end_open_runs", "missing_variables"]

logger = logging.getLogger(__name__)

RUN_CONTEXT = "MLFLOW_RUN_CONTEXT"
"""The environment variable whose tags, as JSON, MLflow gives to every run that begins."""
EXPERIMENT_TAGS = "MAGGY_RUN_CONTEXT"
"""The environment variable with the tags of the experiment, as JSON. There are none without it."""

PATIENCE_SECONDS = 2.0
"""How long to wait for MLflow's server. After that a thread goes on waiting for it."""


def end_open_runs(status: str, patience: float = PATIENCE_SECONDS) -> None:
    """End the runs that are active on this thread, the innermost first.

    Afterwards no run is active on this thread, whether MLflow's server answered in time or not.

    Args:
        status: How they end: FINISHED, FAILED or KILLED.
        patience: Seconds to wait at most.
    """
    fluent = sys.modules.get("mlflow.tracking.fluent")
    if fluent is None:
        return
    runs = _take_active_runs(fluent)
    if not runs:
        return
    thread = threading.Thread(
        target=_end, args=(fluent, runs, status), name="maggy-mlflow", daemon=True
    )
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        logger.warning("MLflow did not end the trial's runs within %g seconds.", patience)


class RunContext:
    """Have MLflow give tags that name the trial to every run that a trial begins.

    With the tags, the driver makes these runs children of the trial's own run. Without
    ``$MAGGY_RUN_CONTEXT`` nothing is done.

    Example:
        >>> import os
        >>> os.environ["MAGGY_RUN_CONTEXT"] = '{"maggy.experiment_id": "app_1"}'
        >>> context = RunContext()
        >>> context.enter("3d1cc9fdb1d4d001")
        >>> os.environ["MLFLOW_RUN_CONTEXT"]
        '{"maggy.experiment_id": "app_1", "maggy.trial_id": "3d1cc9fdb1d4d001"}'
        >>> context.leave()
        >>> del os.environ["MAGGY_RUN_CONTEXT"]
    """

    def __init__(self) -> None:
        tags = os.environ.get(EXPERIMENT_TAGS)
        self._outer_context = os.environ.get(RUN_CONTEXT)
        self._tags = None if tags is None else _tags_in(self._outer_context) | _tags_in(tags)

    def enter(self, trial_id: str) -> None:
        """Tag the runs that begin from now on."""
        if self._tags is not None:
            os.environ[RUN_CONTEXT] = json.dumps({**self._tags, "maggy.trial_id": trial_id})

    def leave(self) -> None:
        """Restore the tags that were there before."""
        if self._tags is None:
            return
        if self._outer_context is None:
            os.environ.pop(RUN_CONTEXT, None)
        else:
            os.environ[RUN_CONTEXT] = self._outer_context


def missing_variables(
    variables: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that a worker lacks to find MLflow's server and experiment.

    A worker with another server, or with an experiment of its own, keeps it.

    Args:
        variables: Those of the driver.
        environment: The environment of the worker.
    """
    server = "MLFLOW_TRACKING_URI"
    names = {EXPERIMENT_TAGS}
    if environment.get(server) in (None, variables.get(server)):
        names.add(server)
        experiment = {"MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"}
        # MLflow refuses a name and an id that do not belong together.
        names |= set() if experiment & environment.keys() else experiment
    return {
        name: value
        for name, value in variables.items()
        if name in names and name not in environment
    }


def _tags_in(text: str | None) -> dict[str, str]:
    try:
        tags = json.loads(text or "{}")
    except ValueError:  # MLflow ignores it, too
        return {}
    return tags if isinstance(tags, dict) else {}


def _take_active_runs(fluent: ModuleType) -> list[str]:
    """Return the ids of the thread's active runs, and make none active.

    MLflow's own function would wait for its server.
    """
    stack = getattr(fluent, "_active_run_stack", ())
    # Each thread has a stack of its own; in older releases there is one for all.
    runs = stack.get() if hasattr(stack, "get") else stack
    if not runs:
        return []
    ids = [run.info.run_id for run in reversed(runs)]
    runs.clear()
    return ids


def _end(fluent: ModuleType, runs: list[str], status: str) -> None:
    try:
        client = fluent.MlflowClient()
        monitors = getattr(fluent, "run_id_to_system_metrics_monitor", {})
        for run in runs:
            client.set_terminated(run, status)
            if (monitor := monitors.pop(run, None)) is not None:
                monitor.finish()
    except Exception as error:
        # Whatever a server or its library raises, the next trial can begin.
        logger.warning("MLflow could not end the trial's runs: %s: %s", type(error).__name__, error)
