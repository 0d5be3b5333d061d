"""Launch an experiment: turn a checked config into a driver, and its outcome into a result."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any

from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.checkpoints.place import find_place
from maggy.common import exceptions
from maggy.common.credentials import without_credentials
from maggy.common.direction import Direction
from maggy.common.environment_variables import set_variables
from maggy.common.exceptions import ExperimentError, MissingDependencyError, NotSupportedError
from maggy.common.types import TrainingFunction
from maggy.core.cluster import Cluster, Payload, Task, active_cluster, call_with_content
from maggy.core.cluster.packing import pack_workload
from maggy.core.environment import (
    Environment,
    ExperimentCard,
    ExperimentEnd,
    Registration,
    find_environment,
)
from maggy.core.executors.process_executor import why_not_here
from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.experiment_driver import ExperimentDriver, RunLimits
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.conclusion import conclude
from maggy.core.experiment_driver.display import Display
from maggy.core.experiment_driver.listeners import Listeners
from maggy.core.experiment_driver.listening import describe_experiment, heard
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import announce
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.source_experiment import SourceExperiment
from maggy.core.experiment_driver.warm_start import warm_start
from maggy.core.experiment_driver.worker_count import count_workers
from maggy.core.experiment_record import ExperimentRecord, choose_seed, describe_setup
from maggy.core.plan import Config, plan
from maggy.core.resume import Past, add_checkpoints, open_experiment, take_over
from maggy.core.rpc import Address, Server
from maggy.experiment_config import OptimizationConfig
from maggy.experiment_config.checks import check_memory
from maggy.live.choice import choose_view
from maggy.live.experiment import LiveExperiment
from maggy.records.contract import RecordStore
from maggy.records.directory import ExperimentStore
from maggy.records.events import events_problem
from maggy.result.rows import make_row
from maggy.tracking import ExperimentInfo
from maggy.tracking.registry import resolve_listeners
from maggy.trial import Trial

__all__ = ["Config", "launch"]


def launch(train_fn: TrainingFunction, config: Config) -> Any:  # noqa: ANN401 (from user code)
    """Run the experiment; see :func:`maggy.experiment.lagom`."""
    environment = find_environment()
    hearers = resolve_listeners(config.listeners)
    policy, workload = plan(train_fn, config, environment)
    root = environment.root(None if config.log_dir is None else os.fspath(config.log_dir))
    store, earlier = open_experiment(environment, root, config, policy)
    source = warm_start(environment, root, config, policy, store, earlier)
    workload.optimization_key = policy.optimization_key
    cluster = active_cluster(announce)
    _check_isolation(config, cluster)
    store, past, keeper = _open_records(environment, root, cluster, config, policy, store, earlier)
    seed = choose_seed(config, earlier)
    recorder = Recorder(store, announce, keeper)
    policy.log_to(recorder.log)
    start = time.time()
    record = ExperimentRecord(
        recorder,
        config,
        policy,
        earlier,
        app_id=cluster.app_id,
        seed=seed,
        start=start,
        setup=describe_setup(config, cluster),
        checkpoint_root=(
            None if keeper.place.root == store.directory else without_credentials(keeper.place.root)
        ),
        warm_start=None if source is None else source.record(),
    )
    record.begin()
    _announce_start(config, policy, store, recorder)
    registration = Registration()
    state, best, failure = "FAILED", None, None
    try:
        card = _make_card(config, policy, store, cluster, start)
        registration = environment.register(card, recorder.tell)
        info = describe_experiment(
            config, policy, store, seed=seed, start=start, earlier_trials=len(past.trials)
        )
        with heard(hearers, info, environment.files, recorder, past.trials) as listeners:
            with (
                set_variables(environment.variables(store.experiment_id)),
                pack_workload(workload, cluster, recorder.tell) as payload,
            ):
                driver = _make_driver(
                    config,
                    policy,
                    payload,
                    cluster,
                    recorder,
                    registration,
                    environment,
                    past,
                    keeper,
                    source,
                    seed,
                    listeners,
                    _choose_display(info, policy, past),
                )
                # The platform learns the address last: a client that asks must get the number of
                # trials.
                registration.serve_progress(cluster.host, cluster.advertised)
                outcome = driver.run()
            state = outcome.state
            best = _find_best_trial(outcome.trials, Direction.parse(policy.direction))
            recorder.clear_checkpoints(outcome.spare_checkpoint_ids, best)
            if (error := outcome.error) is not None:
                text = f"{type(error).__name__}: {without_credentials(str(error))}".rstrip(": ")
                recorder.log(f"It was ended by {text}")
            return conclude(
                outcome,
                policy,
                recorder,
                directory=store.directory,
                searchspace=config.searchspace if isinstance(config, OptimizationConfig) else None,
                seconds=time.time() - start,
                record=record.at_end(state, time.time()),
                listeners=listeners,
            )
    except Exception as error:
        state, failure = "FAILED" if state == "FINISHED" else state, error
        raise
    finally:
        end = time.time()
        record.end(state, end)
        metric = (best.trial_id, best.final_metric) if best else ()
        registration.close(ExperimentEnd(state, end - start, *metric))
        recorder.log(f"The experiment has ended: {state}.")
        recorder.close()
        # The loss of the directory may turn out only now, when everything else is over.
        if recorder.lost is not None and recorder.lost is not failure:
            announce(str(recorder.lost))


def _open_records(
    environment: Environment,
    root: str,
    cluster: Cluster,
    config: Config,
    policy: Policy,
    store: RecordStore | None,
    earlier: dict[str, Any],
) -> tuple[RecordStore, Past, CheckpointKeeper]:
    """Return the records, which this driver owns then, with what they say of earlier calls."""
    if store is None:
        store, past = _create_store(environment, root, cluster), Past([], [])
    else:
        past = take_over(store, earlier, policy, retry_failed=config.retry_failed)
    try:
        chosen_root = config.checkpoint_dir and environment.root(config.checkpoint_dir)
        place = find_place(
            environment.files,
            store.directory,
            store.proof(),
            choice=f"{chosen_root}/{store.experiment_id}" if chosen_root else None,
            recorded_root=earlier.get("checkpoint_root"),
            is_resumed=bool(earlier),
        )
        keeper = CheckpointKeeper(
            environment.files,
            place,
            store.trial_directory,
            keep_all=config.keep_checkpoints == "all",
        )
        return store, add_checkpoints(past, store, keeper), keeper
    except BaseException:
        store.release()
        raise


def _announce_start(config: Config, policy: Policy, store: RecordStore, recorder: Recorder) -> None:
    recorder.log(
        f"Maggy experiment {config.name!r} ({policy.name}) begins as {store.experiment_id}."
    )
    problem = "" if store.has_event_files else events_problem()
    for line in (problem, policy.opening_remark):
        if line:
            recorder.log(line)
    recorder.hparams(policy.hparams(), policy.optimization_key or "metric")
    announce(f"Started Maggy Experiment: {config.name}, {store.app_id}, run {store.run_id}")
    announce(f"The records are in {without_credentials(store.directory)}.")
    for remark in (policy.opening_remark, problem if config.verbose > 0 else ""):
        if remark:
            announce(remark)


def _make_card(
    config: Config, policy: Policy, store: RecordStore, cluster: Cluster, start: float
) -> ExperimentCard:
    has_metric = policy.optimization_key is not None
    return ExperimentCard(
        experiment_id=store.experiment_id,
        app_id=cluster.app_id,
        name=config.name,
        description=config.description,
        function=policy.name,
        direction=policy.direction if has_metric else None,
        optimization_key=policy.optimization_key,
        began=start,
    )


def _find_best_trial(trials: list[Trial], direction: Direction) -> Trial | None:
    """Return the trial with the best metric, and of equal ones the first; None if there is none."""
    metrics = [(trial.final_metric, trial) for trial in trials if trial.final_metric is not None]
    if not metrics:
        return None
    return direction.best(metrics, key=lambda pair: pair[0])[1]


def _make_driver(
    config: Config,
    policy: Policy,
    payload: Payload,
    cluster: Cluster,
    recorder: Recorder,
    registration: Registration,
    environment: Environment,
    past: Past,
    keeper: CheckpointKeeper,
    source: SourceExperiment | None,
    seed: int,
    listeners: Listeners | None,
    display: Display | None,
) -> ExperimentDriver:
    variables = environment.variables(recorder.experiment_id)

    def make_tasks(address: Address) -> Callable[[int], Task]:
        settings = WorkerSettings(
            address,
            config.hb_interval,
            config.max_trial_seconds,
            tee=not cluster.local,
            checkpoints=keeper.place,
            variables=variables,
            tracking_variables=listeners.worker_variables if listeners else {},
            worker_timeout=config.worker_timeout,
            isolation=config.isolation,
            max_trial_memory=_find_memory_limit(config),
        )
        return lambda job: functools.partial(
            call_with_content, functools.partial(work, settings), payload, job
        )

    remaining = None if policy.total is None else policy.total - len(past.trials)
    limits = RunLimits(
        num_workers=count_workers(config.num_workers, cluster, remaining, recorder.tell),
        seed=seed,
        trial_attempts=config.trial_attempts,
        worker_timeout=config.worker_timeout,
        preemption_grace=config.preemption_grace,
        max_trial_seconds=config.max_trial_seconds,
        max_seconds=config.max_seconds,
        fail_fast=config.fail_fast,
        give_up_after=config.give_up_after,
        verbose=config.verbose,
    )
    server = Server(cluster.host, advertised=cluster.advertised, port=config.driver_port)
    return ExperimentDriver(
        policy,
        limits,
        cluster,
        server,
        recorder,
        make_tasks,
        past.trials,
        _make_error,
        registration.board,
        past.again,
        listeners,
        display,
        CheckpointBook(
            policy.direction,
            past.pairs,
            past.again,
            past.trials,
            lambda trial_id: keeper.read(trial_id).pair,
            policy.source_trials,
            source.checkpoint_finder(environment.files) if source else lambda trial_id: None,
        ),
    )


def _choose_display(info: ExperimentInfo, policy: Policy, past: Past) -> Display | None:
    """Return what draws the experiment where the user looks; None for a bar and lines."""
    view = choose_view()
    if view is None:
        return None
    key = policy.optimization_key or "metric"
    return Display(view, LiveExperiment.of(info, [make_row(trial, key) for trial in past.trials]))


def _find_memory_limit(config: Config) -> int | None:
    limit = config.max_trial_memory
    return None if limit is None else check_memory("max_trial_memory", limit)


def _check_isolation(config: Config, cluster: Cluster) -> None:
    """Raise `NotSupportedError` if this machine cannot isolate trials as the config says.

    Executors on other machines check that themselves.
    """
    if config.isolation == "process" and cluster.local:
        problem = why_not_here(_find_memory_limit(config))
        if problem is not None:
            raise NotSupportedError(problem)


def _make_error(name: str, text: str) -> Exception:
    """Return the exception of Maggy for an error that the check of the study raised on a worker.

    Args:
        name: The name of the error's class.
        text: The text of the error.
    """
    if name in exceptions.__all__:
        error: Exception = getattr(exceptions, name)(text)
        return error
    if name in ("ModuleNotFoundError", "ImportError"):
        return MissingDependencyError(
            f"The study cannot be tried out on the executors: {text}. Install it there."
        )
    return ExperimentError(f"The study cannot be tried out: {name}: {text}")


def _create_store(environment: Environment, root: str, cluster: Cluster) -> RecordStore:
    return ExperimentStore.create(
        environment.files, root, cluster.app_id, lambda: environment.experiments(root)
    )
