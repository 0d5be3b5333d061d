"""Puts an experiment together: a checked config becomes a driver with its parts, and its outcome a result."""

from __future__ import annotations

import functools
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy import __version__
from maggy.common import exceptions
from maggy.common.exceptions import ExperimentError, MissingDependencyError, NotSupportedError
from maggy.core.cluster.packing import packed
from maggy.core.cluster.spark import (
    MAX_UNLIMITED_WORKERS,
    Cluster,
    Payload,
    Task,
    active_cluster,
    with_content,
)
from maggy.core.environment import (
    Environment,
    ExperimentCard,
    ExperimentEnd,
    Registration,
    find_environment,
)
from maggy.core.executors.process_executor import why_not_here
from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.experiment_driver import ExperimentDriver, Outcome, RunLimits
from maggy.core.experiment_driver.jobs import SparkIsGone
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import announce
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.plan import Config, plan
from maggy.core.resume import Past, open_experiment, take_over
from maggy.core.rpc import Address, Server
from maggy.experiment_config import OptimizationConfig
from maggy.experiment_config.lagom import check_memory
from maggy.records.directory import ExperimentStore
from maggy.records.events import events_problem
from maggy.records.trial_record import RECORD_FORMAT
from maggy.result import ExperimentResult, build_result, summary_text
from maggy.trial import Trial

__all__ = ["Config", "launch"]


def launch(train_fn: Callable[..., Any], config: Config) -> Any:
    """Run the experiment; see :func:`maggy.experiment.lagom`."""
    environment = find_environment()
    policy, workload = plan(train_fn, config, environment)
    root = environment.root(None if config.log_dir is None else os.fspath(config.log_dir))
    store, record = open_experiment(environment, root, config, policy)
    workload.optimization_key = policy.optimization_key
    cluster = active_cluster()
    _check_isolation(config, cluster)
    if store is None:
        store, past = _create_store(environment, root, cluster), Past([], [])
    else:
        past = take_over(store, record, policy, retry_failed=config.retry_failed)
    seed = _seed(config, record)
    recorder = Recorder(store, announce)
    policy.log_to(recorder.log)
    began = time.time()
    record = {
        **_description(config, policy),
        **{
            name: value
            for name, value in record.items()
            if name not in ("ended", "duration_seconds")
        },
        "format": RECORD_FORMAT,
        "drawn_seed": seed,
        "state": "RUNNING",
        "runs": [
            *record.get("runs", []),
            {"app_id": cluster.app_id, "began": began, "maggy_version": __version__},
        ],
    }
    recorder.experiment(record)
    recorder.log(
        f"Maggy experiment {config.name!r} ({policy.name}) begins as {store.experiment_id}."
    )
    if not store.events_available:
        recorder.log(events_problem())
    recorder.hparams(policy.hparams(), policy.optimization_key or "metric")
    announce(f"Started Maggy Experiment: {config.name}, {store.app_id}, run {store.run_id}")
    registration = Registration()
    state, best, raised = "FAILED", None, None
    try:
        registration = environment.register(
            _card(config, policy, store, cluster, began), recorder.tell
        )
        with (
            _variables(environment.variables(store.experiment_id)),
            packed(workload, cluster, recorder.tell) as payload,
        ):
            driver = _driver(
                config, policy, payload, cluster, recorder, registration, environment, past, seed
            )
            # The platform learns last where to ask: whoever asks must get the number of trials.
            registration.listen(cluster.host, cluster.advertised)
            outcome = driver.run()
        state, best = outcome.state, _best(outcome.trials, policy.direction)
        if outcome.error is not None:
            recorder.log(
                f"It was ended by {type(outcome.error).__name__}: {outcome.error}".rstrip(": ")
            )
        return _conclude(outcome, config, policy, store, recorder, time.time() - began)
    except Exception as error:
        state, raised = "FAILED" if state == "FINISHED" else state, error
        raise
    finally:
        ended = time.time()
        recorder.experiment(
            {**record, "state": state, "ended": ended, "duration_seconds": ended - began}
        )
        end = ExperimentEnd(
            state, ended - began, *((best.trial_id, best.final_metric) if best else ())
        )
        registration.close(end)
        recorder.log(f"The experiment has ended: {state}.")
        recorder.close()
        if (
            recorder.lost is not None and recorder.lost is not raised
        ):  # it turned out when all else was over
            announce(str(recorder.lost))


def _card(
    config: Config, policy: Policy, store: ExperimentStore, cluster: Cluster, began: float
) -> ExperimentCard:
    compared = policy.optimization_key is not None
    return ExperimentCard(
        experiment_id=store.experiment_id,
        app_id=cluster.app_id,
        name=config.name,
        description=config.description,
        function=policy.name,
        direction=policy.direction if compared else None,
        optimization_key=policy.optimization_key,
        began=began,
    )


def _best(trials: list[Trial], direction: str) -> Trial | None:
    """The trial with the best metric; of equals the first."""
    ended = [(trial.final_metric, trial) for trial in trials if trial.final_metric is not None]
    if not ended:
        return None
    pick = max if direction == "max" else min
    return pick(ended, key=lambda each: each[0])[1]


@contextmanager
def _variables(variables: dict[str, str]) -> Iterator[None]:
    """Environment variables for as long as an experiment runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _driver(
    config: Config,
    policy: Policy,
    payload: Payload,
    cluster: Cluster,
    recorder: Recorder,
    registration: Registration,
    environment: Environment,
    past: Past,
    seed: int,
) -> ExperimentDriver:
    def make_tasks(address: Address) -> Callable[[int], Task]:
        settings = WorkerSettings(
            address,
            config.hb_interval,
            config.max_trial_seconds,
            tee=not cluster.local,
            variables=variables,
            worker_timeout=config.worker_timeout,
            isolation=config.isolation,
            max_trial_memory=_memory_limit(config),
        )
        return lambda job: functools.partial(
            with_content, functools.partial(work, settings), payload, job
        )

    limits = RunLimits(
        num_workers=_worker_count(config, policy, cluster, len(past.ended), recorder.tell),
        seed=seed,
        trial_attempts=config.trial_attempts,
        worker_timeout=config.worker_timeout,
        max_trial_seconds=config.max_trial_seconds,
        max_seconds=config.max_seconds,
        fail_fast=config.fail_fast,
        give_up_after=config.give_up_after,
    )
    variables = environment.variables(recorder.experiment_id)
    server = Server(cluster.host, advertised=cluster.advertised, port=config.driver_port)
    return ExperimentDriver(
        policy,
        limits,
        cluster,
        server,
        recorder,
        make_tasks,
        past.ended,
        _check_error,
        registration.board,
        past.again,
    )


def _memory_limit(config: Config) -> int | None:
    limit = config.max_trial_memory
    return None if limit is None else check_memory("max_trial_memory", limit)


def _check_isolation(config: Config, cluster: Cluster) -> None:
    """Raise `NotSupportedError` if trials cannot run as the config says. Other machines say so themselves."""
    if config.isolation == "process" and cluster.local:
        problem = why_not_here(_memory_limit(config))
        if problem is not None:
            raise NotSupportedError(problem)


def _worker_count(
    config: Config, policy: Policy, cluster: Cluster, ended: int, tell: Callable[[str], None]
) -> int:
    left = None if policy.total is None else max(1, policy.total - ended)
    slots = cluster.slots()
    if config.num_workers is not None:
        # On a cluster more than there are slots may be asked for, so that it grows. On one machine they could only
        # wait in line for each other.
        count = (
            min(config.num_workers, slots)
            if cluster.local and slots is not None
            else config.num_workers
        )
    elif slots is not None:
        count = slots
    else:
        count = MAX_UNLIMITED_WORKERS if left is None else min(left, MAX_UNLIMITED_WORKERS)
        tell(
            f"Spark's dynamic allocation has no limit here, so {count} workers are asked for. For another number set "
            "num_workers, or spark.dynamicAllocation.maxExecutors before the session is made."
        )
    return count if left is None else min(count, left)


def _check_error(name: str, text: str) -> Exception:
    """The exception that a worker's check of the study raised, as one of ours."""
    if name in exceptions.__all__:
        error: Exception = getattr(exceptions, name)(text)
        return error
    if name in ("ModuleNotFoundError", "ImportError"):
        return MissingDependencyError(
            f"The study cannot be tried out on the executors: {text}. Install it there."
        )
    return ExperimentError(f"The study cannot be tried out: {name}: {text}")


def _conclude(
    outcome: Outcome,
    config: Config,
    policy: Policy,
    store: ExperimentStore,
    recorder: Recorder,
    seconds: float,
) -> Any:
    """Record and show what came out; raise what ended the experiment."""
    interrupted = outcome.state == "KILLED"
    failed = [trial for trial in outcome.trials if trial.status == Trial.ERROR]
    if isinstance(outcome.error, SparkIsGone):
        outcome.error = _spark_is_gone(outcome, policy, store)
    if policy.optimization_key is None:
        if outcome.error is None and failed:
            raise _all_failed(failed)
        if interrupted and not isinstance(outcome.error, KeyboardInterrupt):
            raise ExperimentError(f"The function did not end in time: {outcome.error}")
        if outcome.error is not None:
            raise outcome.error
        if not outcome.values:
            reason = (
                outcome.job_error
                or "it ran in an earlier experiment, and only its records were kept"
            )
            raise ExperimentError(f"What the function returned cannot be had: {reason}")
        announce("Finished Experiment")
        return outcome.values[0]
    result = build_result(
        outcome.trials,
        kind=policy.kind,
        direction=policy.direction,
        optimization_key=policy.optimization_key,
    )
    result.directory = store.directory
    result.searchspace = config.searchspace if isinstance(config, OptimizationConfig) else None
    recorder.result(result)
    if outcome.error is not None and not (
        interrupted and not isinstance(outcome.error, KeyboardInterrupt)
    ):
        raise outcome.error
    if failed and not result["num_trials"]:
        raise _all_failed(failed)
    policy.finish([trial for trial in outcome.trials if trial.final_metric is not None])
    announce(_summary(result, policy, seconds))
    announce("Finished Experiment")
    return result


def _spark_is_gone(outcome: Outcome, policy: Policy, store: ExperimentStore) -> ExperimentError:
    if policy.optimization_key is None:
        return ExperimentError(f"{outcome.error} The function did not end.")
    return ExperimentError(
        f"{outcome.error} Trials that have ended: {len(outcome.trials)}, recorded in {store.directory}. Run the same "
        f"experiment with resume={store.directory!r} to go on with the others."
    )


def _summary(result: ExperimentResult, policy: Policy, seconds: float) -> str:
    return "\n" + summary_text(
        result, name=policy.name, kind=policy.kind, direction=policy.direction, seconds=seconds
    )


def _all_failed(failed: list[Trial]) -> ExperimentError:
    first = failed[0]
    count = "The trial failed" if len(failed) == 1 else f"All {len(failed)} trials failed"
    return ExperimentError(
        f"{count}. The first one, {first.trial_id} with {first.params!s:.1000}:\n{first.error}"
    )


def _description(config: Config, policy: Policy) -> dict[str, Any]:
    return {
        "name": config.name,
        "description": config.description,
        "maggy_version": __version__,
        "seed": config.seed,
        "identity": policy.identity(),
    }


def _create_store(environment: Environment, root: str, cluster: Cluster) -> ExperimentStore:
    return ExperimentStore.create(
        environment.files, root, cluster.app_id, lambda: environment.experiments(root)
    )


def _seed(config: Config, record: dict[str, Any]) -> int:
    if config.seed is not None:
        return config.seed
    drawn = record.get("drawn_seed")
    return drawn if isinstance(drawn, int) else secrets.randbits(32)
