"""Run an experiment without Spark: real driver, sockets and records, and threads as workers.

A worker here only trains. It captures no output and restores nothing after a trial.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from maggy.ablation.ablator import ablator_by_name
from maggy.checkpoints.keeping import CheckpointKeeper
from maggy.checkpoints.run import CheckpointPlace
from maggy.common.exceptions import EarlyStopException
from maggy.common.types import Params
from maggy.core.cluster import Task
from maggy.core.environment import find_environment
from maggy.core.executors.checkpoint_runs import CheckpointRuns
from maggy.core.executors.mistakes import mistake_of
from maggy.core.executors.session import Session
from maggy.core.executors.trial_session import Answer
from maggy.core.experiment_driver import ExperimentDriver, Outcome, RunLimits
from maggy.core.experiment_driver.ablation_policy import AblationPolicy
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.display import Display
from maggy.core.experiment_driver.listeners import Listeners
from maggy.core.experiment_driver.listening import describe_experiment
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.warm_start import warm_start
from maggy.core.messages import Assign, Check, Checked, Done, Register, WorkerId
from maggy.core.reporter import Reporter
from maggy.core.rpc import Address, Server
from maggy.experiment_config import AblationConfig, LagomConfig, OptimizationConfig
from maggy.live import View
from maggy.live.experiment import LiveExperiment
from maggy.records.directory import ExperimentStore
from maggy.result import build_result
from maggy.testing.thread_cluster import POLL_SECONDS, ThreadCluster
from maggy.tracking import Listener
from maggy.tracking.registry import resolve_listeners
from maggy.trial import Trial

__all__ = [
    "LoopbackExperiment",
    "TrainingFunction",
    "WorkerDied",
    "run_on_threads",
]

TrainingFunction = Callable[[Params, Reporter, threading.Event], float]
"""Trains with the parameters and returns the metric. The event is set when it must end."""


class WorkerDied(BaseException):
    """Raise this in a training function to lose its worker, which then says nothing more."""


def run_on_threads(
    train: Callable[[Params, Reporter], float],
    config: OptimizationConfig | AblationConfig,
    *,
    workers: int = 2,
) -> list[Trial]:
    """Run a search or an ablation without Spark, and return the trials that ended, in that order.

    A driver and its workers talk over real sockets, as on a cluster, so trials end in any order,
    metrics come with heartbeats and stop rules stop running trials. A trial that raises
    :class:`WorkerDied` loses its worker and runs again on another one. In an ablation the function
    gets the labels; no data set is read and no model is built. Nothing is left on disk.

    Example:
        >>> from maggy import OptimizationConfig, Searchspace
        >>> space = Searchspace(x=("INTEGER", [1, 9]))
        >>> config = OptimizationConfig(4, "randomsearch", space, seed=1, verbose=0)
        >>> trials = run_on_threads(lambda params, reporter: params["x"] ** 2, config)
        >>> sorted(trial.final_metric == trial.params["x"] ** 2 for trial in trials)
        [True, True, True, True]

    Args:
        train: Called with the parameters of a trial and its reporter; returns the metric. If it
            raises an error, the trial fails.
        config: The config of the experiment. A thread cannot be ended from outside, and nothing is
            kept. So ``max_trial_seconds``, ``isolation``, ``log_dir`` and ``resume`` have no
            effect. The experiment of ``warm_start`` is looked up as :func:`maggy.load` does it.
        workers: Number of threads that train.

    Raises:
        Exception: The error that ended the experiment, such as one of the optimizer.
    """
    policy, environment = _policy_of(config), find_environment("local")
    source = warm_start(environment, environment.root(), config, policy, None, {})
    checkpoints = None
    if source is not None:
        checkpoints = CheckpointBook(
            policy.direction,
            source_trials=source.trials,
            find_source=source.checkpoint_finder(environment.files),
        )
    with tempfile.TemporaryDirectory() as folder:
        experiment = LoopbackExperiment(
            folder,
            policy,
            lambda params, reporter, interrupted: train(params, reporter),
            workers=workers,
            hb_interval=min(config.hb_interval, POLL_SECONDS),
            checkpoints=checkpoints,
            listeners=resolve_listeners(config.listeners),
            limits=RunLimits(
                num_workers=workers,
                seed=1 if config.seed is None else config.seed,
                trial_attempts=config.trial_attempts,
                worker_timeout=config.worker_timeout,
                preemption_grace=config.preemption_grace,
                max_seconds=config.max_seconds,
                fail_fast=config.fail_fast,
                give_up_after=config.give_up_after,
                verbose=config.verbose,
            ),
        )
        outcome = experiment.run()
    if outcome.error is not None:
        raise outcome.error
    return outcome.trials


def _policy_of(config: OptimizationConfig | AblationConfig) -> Policy:
    if isinstance(config, AblationConfig):
        ablator = ablator_by_name(config.ablator, config.ablation_study, config.ablator_options)
        return AblationPolicy(config, ablator)
    policy = OptimizationPolicy(config)
    policy.parameters([])  # An optimizer may refuse the search space here.
    return policy


class LoopbackExperiment:
    """Run a policy on threads, and keep its records and errors.

    Args:
        root: The directory of all experiments.
        policy: The policy.
        train: The training function.
        workers: Number of workers.
        hb_interval: Seconds between heartbeats.
        check: Tries the study out, on the first worker; returns the text of the error, or None.
        cluster: The cluster; None for a new one.
        earlier: Trials that ended in an earlier call.
        again: Trials that run again.
        checkpoints: The checkpoints of trials of an earlier call.
        limits: The limits of the call; None for those of a test.
        listeners: Hear of the experiment.
        view: Draws the experiment; None for a bar and printed lines.

    Attributes:
        store: The records.
        keeper: Keeps the checkpoints.
        recorder: The writer of the records.
        cluster: The cluster.
        driver: The driver.
        troubles: The sentences about records that could not be written.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        policy: Policy,
        train: TrainingFunction,
        *,
        workers: int = 2,
        hb_interval: float = POLL_SECONDS,
        check: Callable[[], str | None] | None = None,
        cluster: ThreadCluster | None = None,
        earlier: Iterable[Trial] = (),
        again: Iterable[Trial] = (),
        checkpoints: CheckpointBook | None = None,
        limits: RunLimits | None = None,
        listeners: Sequence[Listener] = (),
        view: View | None = None,
    ) -> None:
        environment = find_environment("local")
        self.store = ExperimentStore.create(environment.files, os.fspath(root), "threads")
        self.troubles: list[str] = []
        self.keeper = CheckpointKeeper(
            environment.files,
            CheckpointPlace(self.store.directory, *self.store.proof()),
            self.store.trial_directory,
            keep_all=True,
        )
        self.recorder = Recorder(self.store, self.troubles.append, self.keeper)
        self.cluster = cluster or ThreadCluster()
        self._train, self._hb_interval, self._check = train, hb_interval, check
        self._sessions: list[_DismissibleSession] = []
        self._policy = policy
        self._key = policy.optimization_key or "metric"
        self._listeners = Listeners(listeners, self._key, self.recorder.tell) if listeners else None
        self.driver = ExperimentDriver(
            policy,
            limits or RunLimits(num_workers=workers, seed=1),
            self.cluster,
            Server("127.0.0.1"),
            self.recorder,
            self._make_tasks,
            list(earlier),
            lambda name, text: ValueError(f"{name}: {text}"),
            again=again,
            checkpoints=checkpoints,
            listeners=self._listeners,
            display=None if view is None else Display(view, _live_experiment(policy)),
        )

    def run(self) -> Outcome:
        """Run the experiment and return its outcome. Call this once."""
        try:
            return self.driver.run() if self._listeners is None else self._run(self._listeners)
        finally:
            for session in self._sessions:
                session.dismiss()
            self.recorder.close()

    def _run(self, listeners: Listeners) -> Outcome:
        config = LagomConfig(self._policy.name)
        info = describe_experiment(
            config, self._policy, self.store, seed=1, start=time.time(), earlier_trials=0
        )
        listeners.experiment_began(info)
        outcome = self.driver.run()
        policy = self._policy
        result = build_result(
            outcome.trials,
            kind=policy.kind,
            direction=policy.direction,
            optimization_key=self._key,
        )
        result.directory, result.state = self.store.directory, outcome.state
        listeners.experiment_ended(result)
        listeners.close()
        return outcome

    def _make_tasks(self, address: Address) -> Callable[[int], Task]:
        return lambda job: (
            lambda info: self._work(
                address, WorkerId(job, info.partition, info.attempt).encode(), info.task
            )
        )

    def _work(self, address: Address, identity: bytes, task: int) -> list[object]:
        interrupted = threading.Event()
        session = _DismissibleSession(
            address,
            identity,
            hb_interval=self._hb_interval,
            interrupt=lambda reason: interrupted.set(),
            leave=lambda: None,  # The real one would end the process of the test.
        )
        session.start()
        self._sessions.append(session)
        checkpoints = CheckpointRuns(self.keeper.place, identity.decode())
        try:
            answer = session.request(Register.of_this_release("host", 1, task))
            while not isinstance(answer, Done):
                interrupted.clear()
                if isinstance(answer, Assign):
                    answer = self._train_one(session, answer, interrupted, checkpoints)
                else:
                    answer = self._try_out(session, answer)
            return []
        finally:
            session.close()
            checkpoints.close()

    def _try_out(self, session: Session, order: Check) -> Answer:
        error = self._check() if self._check else None
        return session.request(Checked(error, "CheckError"))

    def _train_one(
        self,
        session: Session,
        assignment: Assign,
        interrupted: threading.Event,
        checkpoints: CheckpointRuns,
    ) -> Answer:
        session.begin()
        reporter = session.reporter
        try:
            with checkpoints.run(assignment, reporter):
                try:
                    metric: float | None = self._train(assignment.params, reporter, interrupted)
                finally:
                    checkpoints.wait()
        except EarlyStopException:
            metric = reporter.stop_metric
            return session.final(metric, {"metric": metric}, True, paused=reporter.is_paused)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            return session.failed(reason, "the traceback", *mistake_of(error))
        if interrupted.is_set():
            return session.failed("interrupted", "")
        return session.final(metric, {"metric": metric}, False)


def _live_experiment(policy: Policy) -> LiveExperiment:
    return LiveExperiment(
        policy.name, kind=policy.kind, direction=policy.direction, total=policy.total
    )


class _DismissibleSession(Session):
    """A session whose worker can be sent away without the driver.

    Spark ends the tasks of a job that was cancelled. A thread cannot be ended from outside, so its
    next request gets an answer instead.
    """

    def dismiss(self) -> None:
        """Answer the pending request, or the next one, with the end of the experiment."""
        self._answers.put(Done())
