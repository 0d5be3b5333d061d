"""Snapshots of experiments and rows of trials, made by hand."""

from maggy.live import Snapshot

__all__ = ["TRACEBACK", "experiment_snapshot", "trial_row"]

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 12, in train
    model.fit(x, batch_size=batch)
ValueError: bad batch -3
"""


def trial_row(number, history=(), /, **values):
    """Return the row of a running trial, with other values in place of its own."""
    return {
        "trial_id": f"{number:016x}",
        "number": number,
        "status": "RUNNING",
        "params": {"lr": 0.1, "units": 32 * number},
        "metric": None,
        "early_stop": False,
        "duration": None,
        "start": 1.0,
        "attempts": 1,
        "steps": list(range(len(history))),
        "history": list(history),
        "outputs": None,
        "error": None,
        "worker": number % 4,
        **values,
    }


def experiment_snapshot(**values):
    """Return a snapshot of an experiment in which each part of a view has content."""
    best = trial_row(
        1, [0.5, 0.9], status="FINALIZED", metric=0.9, duration=12_345, early_stop=True
    )
    failure = trial_row(2, status="ERROR", error=TRACEBACK, duration=5)
    running = trial_row(3, [0.25, 0.5, 0.75])
    return Snapshot(
        **{
            "name": "digits",
            "experiment_id": "local-1_1",
            "directory": "/data/local-1_1",
            "kind": "optimization",
            "state": "RUNNING",
            "direction": "max",
            "optimization_key": "accuracy",
            "total": 8,
            "num_ended": 2,
            "num_stopped": 1,
            "num_failed": 1,
            "seconds": 65.0,
            "remaining_seconds": 130.0,
            "running": [running],
            "best": [best],
            "failures": [failure],
            "output": {running["trial_id"]: ["epoch 1", "epoch 2"]},
            **values,
        }
    )
