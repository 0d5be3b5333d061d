"""Puts an experiment together: a checked config becomes a driver with its parts, and its outcome a result."""

from __future__ import annotations

import functools
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maggy.ablation.ablator import ablator_by_name
from maggy.core import exceptions
from maggy.core.environment import Environment, ExperimentCard, ExperimentEnd, Registration, find_environment
from maggy.core.events import events_problem
from maggy.core.exceptions import ExperimentError, MissingDependencyError, ResumeError
from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.executors.workload import AblationWorkload, SearchWorkload, Workload
from maggy.core.experiment_driver import Conditions, ExperimentDriver, Outcome
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.core.experiment_driver.jobs import SparkIsGone
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import announce
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.single_policy import SinglePolicy
from maggy.core.packing import packed
from maggy.core.rpc import Address, Server
from maggy.core.signature import accepted_parameters, check_defaults, check_signature, parameter_names
from maggy.core.spark import Cluster, Payload, Task, active_cluster, with_content
from maggy.core.store import ExperimentStore
from maggy.experiment_config import AblationConfig, LagomConfig, OptimizationConfig
from maggy.result import ExperimentResult, build_result, summary_text
from maggy.trial import Trial

__all__ = ["Config", "launch"]

MAX_UNLIMITED_WORKERS = 32
"""Number of workers, at most, where Spark would start executors without a limit, which costs money."""

Config = LagomConfig | OptimizationConfig | AblationConfig


def launch(train_fn: Callable[..., Any], config: Config) -> Any:
    """Run the experiment; see :func:`maggy.experiment.lagom`."""
    environment = find_environment()
    policy, workload = _plan(train_fn, config, environment)
    root = environment.root(None if config.log_dir is None else os.fspath(config.log_dir))
    store, before, record = _resumed(environment, root, config, policy)
    cluster = active_cluster()
    if store is None:
        store = ExperimentStore.create(environment, root, cluster.app_id)
    seed = _seed(config, record)
    recorder = Recorder(store, announce)
    began = time.time()
    record = {
        **_description(config, policy),
        **{name: value for name, value in record.items() if name not in ("ended", "duration_seconds")},
        "drawn_seed": seed,
        "state": "RUNNING",
        "runs": [*record.get("runs", []), {"app_id": cluster.app_id, "began": began}],
    }
    recorder.experiment(record)
    recorder.log(f"Maggy experiment {config.name!r} ({policy.name}) begins as {store.experiment_id}.")
    if not store.events_available:
        recorder.log(events_problem())
    recorder.hparams(policy.hparams(), policy.optimization_key or "metric")
    announce(f"Started Maggy Experiment: {config.name}, {store.app_id}, run {store.run_id}")
    registration = Registration()
    state, best = "FAILED", None
    try:
        registration = environment.register(_card(config, policy, store, cluster, began), recorder.tell)
        registration.listen(cluster.host, cluster.advertised)
        with (
            _variables(environment.variables(store.experiment_id)),
            packed(train_fn, workload, cluster, recorder.tell) as payload,
        ):
            driver = _driver(config, policy, payload, cluster, recorder, registration, environment, before, seed)
            outcome = driver.run()
        state, best = outcome.state, _best(outcome.trials, policy.direction)
        if outcome.error is not None:
            recorder.log(f"It was ended by {type(outcome.error).__name__}: {outcome.error}".rstrip(": "))
        return _conclude(outcome, config, policy, store, recorder, time.time() - began)
    except Exception:
        state = "FAILED" if state == "FINISHED" else state
        raise
    finally:
        ended = time.time()
        recorder.experiment({**record, "state": state, "ended": ended, "duration_seconds": ended - began})
        end = ExperimentEnd(state, ended - began, *((best.trial_id, best.final_metric) if best else ()))
        registration.close(end)
        recorder.log(f"The experiment has ended: {state}.")
        recorder.close()


def _card(config: Config, policy: Policy, store: ExperimentStore, cluster: Cluster, began: float) -> ExperimentCard:
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


def _plan(train_fn: Callable[..., Any], config: Config, environment: Environment) -> tuple[Policy, Workload]:
    """What decides and what is called; raises whatever can be known to be wrong before Spark is touched."""
    if isinstance(config, AblationConfig):
        ablator = ablator_by_name(config.ablator, config.ablation_study)
        ablator.find_training_dataset = environment.find_training_dataset
        check_signature(train_fn, [], ["dataset_function", "model_function", "reporter"])
        ablator.prepare(accepted_parameters(train_fn, ["dataset_function", "model_function"]))
        return AblationPolicy(config, ablator), AblationWorkload(train_fn, config.optimization_key, ablator)
    if isinstance(config, OptimizationConfig):
        policy = OptimizationPolicy(config)
        space = {} if config.searchspace is None else config.searchspace.to_dict()
        names = policy.parameters(parameter_names(train_fn))
        check_signature(
            train_fn, list(space) if names is None else names, ["reporter", "hparams"], others=names is None
        )
        check_defaults(train_fn, [entry["name"] for entry in config.searchspace or () if "when" in entry])
        return policy, SearchWorkload(train_fn, config.optimization_key)
    check_signature(train_fn, [], ["reporter", "hparams"])
    return SinglePolicy(), SearchWorkload(train_fn, None)


def _driver(
    config: Config,
    policy: Policy,
    payload: Payload,
    cluster: Cluster,
    recorder: Recorder,
    registration: Registration,
    environment: Environment,
    before: list[Trial],
    seed: int,
) -> ExperimentDriver:
    def make_tasks(address: Address) -> Callable[[int], Task]:
        settings = WorkerSettings(
            address, config.hb_interval, config.max_trial_seconds, tee=not cluster.local, variables=variables
        )
        return lambda job: functools.partial(with_content, functools.partial(work, settings), payload, job)

    conditions = Conditions(
        num_workers=_worker_count(config, policy, cluster, len(before), recorder.tell),
        seed=seed,
        trial_attempts=config.trial_attempts,
        worker_timeout=config.worker_timeout,
        max_trial_seconds=config.max_trial_seconds,
        max_seconds=config.max_seconds,
        fail_fast=config.fail_fast,
    )
    variables = environment.variables(recorder.experiment_id)
    server = Server(cluster.host, advertised=cluster.advertised, port=config.driver_port)
    return ExperimentDriver(
        policy, conditions, cluster, server, recorder, make_tasks, before, _check_error, registration.board
    )


def _worker_count(config: Config, policy: Policy, cluster: Cluster, ended: int, tell: Callable[[str], None]) -> int:
    left = None if policy.total is None else max(1, policy.total - ended)
    slots = cluster.slots()
    if config.num_workers is not None:
        # On a cluster more than there are slots may be asked for, so that it grows. On one machine they could only
        # wait in line for each other.
        count = min(config.num_workers, slots) if cluster.local and slots is not None else config.num_workers
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
        return MissingDependencyError(f"The study cannot be tried out on the executors: {text}. Install it there.")
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
            reason = outcome.job_error or "it ran in an earlier experiment, and only its records were kept"
            raise ExperimentError(f"What the function returned cannot be had: {reason}")
        announce("Finished Experiment")
        return outcome.values[0]
    result = build_result(
        outcome.trials, kind=policy.kind, direction=policy.direction, optimization_key=policy.optimization_key
    )
    result.directory = store.directory
    result.searchspace = config.searchspace if isinstance(config, OptimizationConfig) else None
    recorder.result(result)
    if outcome.error is not None and not (interrupted and not isinstance(outcome.error, KeyboardInterrupt)):
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
    return "\n" + summary_text(result, name=policy.name, kind=policy.kind, direction=policy.direction, seconds=seconds)


def _all_failed(failed: list[Trial]) -> ExperimentError:
    first = failed[0]
    count = "The trial failed" if len(failed) == 1 else f"All {len(failed)} trials failed"
    return ExperimentError(f"{count}. The first one, {first.trial_id} with {first.params}:\n{first.error}")


def _description(config: Config, policy: Policy) -> dict[str, Any]:
    from maggy import __version__

    return {
        "name": config.name,
        "description": config.description,
        "maggy_version": __version__,
        "seed": config.seed,
        "identity": policy.identity(),
    }


def _seed(config: Config, record: dict[str, Any]) -> int:
    if config.seed is not None:
        return config.seed
    drawn = record.get("drawn_seed")
    return drawn if isinstance(drawn, int) else secrets.randbits(32)


def _resumed(
    environment: Environment, root: str, config: Config, policy: Policy
) -> tuple[ExperimentStore | None, list[Trial], dict[str, Any]]:
    """The earlier experiment that is to go on: its directory, its ended trials and its record; or None."""
    if config.resume is None:
        return None, [], {}
    store = ExperimentStore.open(environment, root, config.resume)
    record = store.read_experiment()
    recorded = {**(record.get("identity") or {}), "seed": record.get("seed")}
    wanted = {**policy.identity(), "seed": config.seed}
    for name, value in wanted.items():
        if recorded.get(name) != value:
            raise ResumeError(
                f"A resumed experiment must have the {name} that is recorded, but {store.directory} has "
                f"{recorded.get(name)!r} and the config {value!r}. Use what is recorded, or start a new experiment."
            )
    trials, damaged = store.read_trials()
    for name in damaged:
        announce(f"The record of trial {name} is damaged; it was set aside, and the trial runs again.")
    return store, trials, record
