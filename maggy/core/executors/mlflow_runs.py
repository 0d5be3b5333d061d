"""End the runs of MLflow that a trial has left open. Nothing here loads MLflow."""

from __future__ import annotations

import logging
import sys
import threading
from types import ModuleType

__all__ = ["end_open_runs"]

logger = logging.getLogger(__name__)

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
