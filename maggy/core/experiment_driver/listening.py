"""The listeners of one call of ``lagom``: their beginning, and their end whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from maggy.common.files import Files
from maggy.core.experiment_driver.listeners import Listeners
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.experiment_config import AblationConfig, LagomConfig, OptimizationConfig
from maggy.records.contract import RecordStore
from maggy.result import ExperimentResult, build_result
from maggy.tracking import ExperimentInfo, Listener
from maggy.tracking.listener import Tracker
from maggy.trial import Trial
from maggy.version import __version__

__all__ = ["describe_experiment", "heard"]


def describe_experiment(
    config: LagomConfig | OptimizationConfig | AblationConfig,
    policy: Policy,
    store: RecordStore,
    *,
    seed: int,
    start: float,
    earlier_trials: int,
) -> ExperimentInfo:
    """Return what the listeners are told of an experiment.

    Args:
        config: The config of the call.
        policy: The policy of the call.
        store: The records of the experiment.
        seed: The seed of the call.
        start: When the call began, in seconds since 1970.
        earlier_trials: Number of trials that a resumed experiment has already.
    """
    space = config.searchspace if isinstance(config, OptimizationConfig) else None
    return {
        "experiment_id": store.experiment_id,
        "name": config.name,
        "description": config.description,
        "directory": store.directory,
        "kind": policy.kind,
        "method": policy.name,
        "direction": policy.direction,
        "optimization_key": policy.optimization_key,
        "num_trials": policy.total,
        "searchspace": None if space is None else json.loads(space.json()),
        "seed": seed,
        "start": start,
        "earlier_trials": earlier_trials,
        "maggy_version": __version__,
    }


@contextmanager
def heard(
    listeners: Sequence[Listener],
    info: ExperimentInfo,
    files: Files,
    recorder: Recorder,
    earlier: list[Trial],
) -> Iterator[Listeners | None]:
    """Let listeners hear of the experiment inside the block, and of its end in any case.

    Without listeners nothing is made, and None is given.

    Args:
        listeners: The listeners.
        info: What the experiment is.
        files: Reads and writes in its directory.
        recorder: Shows and logs the lines about listeners.
        earlier: The trials of earlier calls, which are the result if the experiment ends with an
            error before it has one.
    """
    if not listeners:
        yield None
        return
    threads = Listeners(listeners, info["optimization_key"] or "metric", recorder.tell)
    for listener in listeners:
        if isinstance(listener, Tracker):
            threads.worker_variables.update(listener.prepare(info, files))
    threads.experiment_began(info)
    try:
        yield threads
    finally:
        if not threads.have_heard_end:
            threads.experiment_ended(_partial_result(info, earlier))
        threads.close()


def _partial_result(info: ExperimentInfo, trials: list[Trial]) -> ExperimentResult:
    key = info["optimization_key"] or "metric"
    result = build_result(
        trials, kind=info["kind"], direction=info["direction"], optimization_key=key
    )
    result.directory, result.state = info["directory"], "FAILED"
    return result
