"""Be a worker: one long Spark task that trains trial after trial until there are no more."""

from __future__ import annotations

import contextlib
import contextvars
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from maggy.checkpoints.run import CheckpointPlace
from maggy.common.exceptions import EarlyStopException
from maggy.core.cluster import TaskInfo, loads
from maggy.core.executors.checkpoint_runs import CheckpointRuns
from maggy.core.executors.children import Children
from maggy.core.executors.error_text import reason_of, text_of, traceback_of
from maggy.core.executors.mistakes import mistake_of, remedy_of
from maggy.core.executors.mlflow_runs import RunContext, missing_variables
from maggy.core.executors.process_executor import ProcessExecutor, why_not_here
from maggy.core.executors.process_state import ProcessState, isolate
from maggy.core.executors.session import Session
from maggy.core.executors.trial_interrupt import Interrupter, TrialInterrupted
from maggy.core.executors.trial_session import (
    PROBE_SECONDS,
    Answer,
    Checkpointing,
    TrialSession,
)
from maggy.core.executors.worker_loop import serve
from maggy.core.executors.workload import Workload
from maggy.core.messages import Assign, Checked, Order, Register, WorkerId
from maggy.core.rpc import Address

__all__ = ["TrialExecutor", "WorkerSettings", "work"]

LOGDIR_VARIABLE = "MAGGY_TRIAL_LOGDIR"
ANSWER_SECONDS = 90.0
"""How long a worker waits, at least, for the driver's answer before it leaves."""


@dataclass(frozen=True)
class WorkerSettings:
    """Tell every worker of one experiment, inside the Spark job, what it has to know.

    Attributes:
        address: Where the driver listens.
        hb_interval: Seconds between heartbeats.
        max_trial_seconds: Seconds that one trial may take; None for no limit.
        tee: Whether to print to the executor's own output, which Spark keeps, too.
        variables: Environment variables that the platform's tools expect on the worker.
        tracking_variables: Environment variables for MLflow, which the worker may have already.
        worker_timeout: Seconds without a heartbeat after which the driver counts a worker as lost.
        isolation: ``"process"`` if each trial has a process of its own, else ``"worker"``.
        max_trial_memory: Bytes that such a process may use with its descendants; None for no limit.
        checkpoints: Where the checkpoints of the experiment lie; None if there is no such place.
    """

    address: Address
    hb_interval: float
    max_trial_seconds: float | None
    tee: bool
    variables: dict[str, str] = field(default_factory=dict)
    tracking_variables: dict[str, str] = field(default_factory=dict)
    worker_timeout: float = 60.0
    isolation: str = "worker"
    max_trial_memory: int | None = None
    checkpoints: CheckpointPlace | None = None

    @property
    def answer_timeout(self) -> float:
        """Seconds for which a message may stay unanswered before the worker leaves."""
        return max(ANSWER_SECONDS, 1.5 * self.worker_timeout)


def work(settings: WorkerSettings, payload: bytes, job: int, task: TaskInfo) -> list[Any]:
    """Be a worker until the driver has no more work.

    Args:
        settings: What every worker is told.
        payload: The pickled :class:`Workload`.
        job: Number of this Spark job in the experiment.
        task: Which of the job's tasks this is.

    Returns:
        What the training function returned, for a function that is run once; nothing for others.

    Raises:
        ConnectionError: If the driver could not be reached, or if the worker left its trial because
            the driver did not answer any more.
    """
    if task.gpus:
        # Before the payload is loaded: that may import TensorFlow, which looks only once.
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(task.gpus)
    variables = settings.variables | missing_variables(settings.tracking_variables, os.environ)
    os.environ.update(variables)
    identity = WorkerId(job, task.partition, task.attempt).encode()
    hello = Register.of_this_release(socket.gethostname(), os.getpid(), task.task)
    try:
        if settings.isolation == "process":
            return _work_in_children(settings, payload, identity, hello)
        return _work_here(settings, payload, identity, hello)
    finally:
        for name in variables:
            os.environ.pop(name, None)


def _work_here(
    settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register
) -> list[object]:
    interrupter = Interrupter()
    with (
        interrupter.install(),
        _session(settings, identity, interrupt=interrupter.fire) as session,
    ):
        try:
            workload = loads(payload)
        except Exception as error:
            session.request(_cannot_load(f"{type(error).__name__}: {text_of(error)}"))
            return []
        with ProcessState() as state:
            checkpoints = CheckpointRuns(settings.checkpoints, identity.decode())
            executor = TrialExecutor(
                session, workload, interrupter, settings.tee, state, checkpoints
            )
            with contextlib.closing(checkpoints):
                serve(session, hello, executor)
        _check_heard(session, settings)
        return executor.values


def _work_in_children(
    settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register
) -> list[object]:
    limit = settings.max_trial_memory
    children = Children(payload, max_memory=limit, interval=settings.hb_interval, tee=settings.tee)
    with (
        contextlib.closing(children),
        _session(
            settings,
            identity,
            interrupt=children.interrupt,
            pass_on=children.pass_on,
            kill=children.kill,
        ) as session,
    ):
        if (problem := why_not_here(limit)) is not None:
            session.request(Checked(f"{problem} (On {socket.gethostname()}.)", "NotSupportedError"))
            return []
        if (error := children.start()) is not None:
            session.request(_cannot_load(error))
            return []
        checkpoints = CheckpointRuns(settings.checkpoints, identity.decode())
        executor = ProcessExecutor(session, children, checkpoints)
        with contextlib.closing(checkpoints):
            serve(session, hello, executor)
        _check_heard(session, settings)
        return executor.values


@contextlib.contextmanager
def _session(
    settings: WorkerSettings,
    identity: bytes,
    *,
    interrupt: Callable[[str], None],
    pass_on: Callable[[Order], None] = lambda order: None,
    kill: Callable[[], None] | None = None,
) -> Iterator[Session]:
    """Hold a session with the driver for as long as the block runs."""
    session = Session(
        settings.address,
        identity,
        hb_interval=settings.hb_interval,
        max_trial_seconds=settings.max_trial_seconds,
        answer_timeout=settings.answer_timeout,
        interrupt=interrupt,
        pass_on=pass_on,
        kill=kill,
    )
    session.start()
    with contextlib.closing(session):
        yield session


def _check_heard(session: Session, settings: WorkerSettings) -> None:
    if not session.has_heard:
        raise ConnectionError(
            f"Maggy's driver at {settings.address.endpoint} cannot be reached from "
            f"{socket.gethostname()}. Open that way, fix the port with driver_port, or set "
            "spark.driver.host to an address that the executors can reach."
        )
    if session.desertion:
        # Without an error, Spark and the driver would believe that the worker has done its work.
        raise ConnectionError(
            f"Maggy's driver at {settings.address.endpoint} cannot be heard from "
            f"{socket.gethostname()}, so the worker left its trial: {session.desertion}."
        )


def _cannot_load(error: str) -> Checked:
    return Checked(
        f"The training function cannot be loaded on {socket.gethostname()}: {error}. "
        "Install there what it imports, or add the module with spark.sparkContext.addPyFile.",
        "ExperimentError",
    )


class TrialExecutor:
    """Run trials in this process, one after the other.

    Args:
        session: Gets the trials' ends.
        workload: What to call.
        interrupter: Interrupts it.
        tee: Whether to print as before, too.
        state: What the process is like between trials.
        checkpoints: Saves and restores the checkpoints of the trials; None if nobody does.
    """

    def __init__(
        self,
        session: TrialSession,
        workload: Workload,
        interrupter: Interrupter,
        tee: bool,
        state: ProcessState,
        checkpoints: Checkpointing | None = None,
    ) -> None:
        self._checkpoints = checkpoints or CheckpointRuns(None, "")
        self._session = session
        self._workload = workload
        self._interrupter = interrupter
        self._tee = tee
        self._state = state
        self._run_context = RunContext()
        self._values: list[object] = []

    @property
    def values(self) -> list[object]:
        """What a function that is run once has returned."""
        return self._values

    def check(self, probe: bool) -> Checked:
        """Try the study out before any trial.

        Args:
            probe: Whether to build each of the study's components, too.
        """
        outcome = Checked(None, "")
        try:
            reporter = self._session.reporter
            # Not through log(): it would divide a line where the text has other line ends in it.
            with isolate(lambda line: reporter.extend([], [(False, line)]), state=self._state):
                self._workload.verify()
                for label, build in (self._workload.probes() if probe else {}).items():
                    self._probe(label, build, outcome)
        except BaseException as error:
            # Also SystemExit: then the study is wrong, and not the worker.
            return Checked(text_of(error) or type(error).__name__, type(error).__name__)
        return outcome

    def _probe(self, label: str, build: Callable[[], object], outcome: Checked) -> None:
        """Build one component; add it to the outcome if that fails or takes too long."""
        failures, slow = list(outcome.failures), [*outcome.slow, label]
        last_word = Checked(None, "", failures, slow, leaving=True)
        try:
            with self._interrupter.arm():
                self._session.begin_check(PROBE_SECONDS, last_word)
                build()
        except BaseException as error:  # Also SystemExit, as in a trial.
            if not self._interrupter.reason:
                outcome.failures.append((label, reason_of(error), traceback_of(error)))
        if self._interrupter.reason:  # Whatever the component has made of the interrupt.
            outcome.slow.append(label)

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the session's answer."""
        reporter = self._session.reporter
        self._interrupter.reason = ""
        try:
            with self._checkpoints.run(assignment, reporter):
                try:
                    with isolate(
                        lambda line: reporter.extend([], [(True, line)]),
                        tee=self._tee,
                        state=self._state,
                        was_stopped=lambda: (
                            reporter.stop_metric is not None or bool(self._interrupter.reason)
                        ),
                    ):
                        value, is_early = self._run(assignment)
                finally:
                    self._session.function_returned()
                    self._checkpoints.wait()
            return self._report(value, is_early)
        except BaseException as error:
            # Also SystemExit: a training function ends its trial, never its worker.
            return self._report_error(error)

    def _run(self, assignment: Assign) -> tuple[object, bool]:
        os.environ[LOGDIR_VARIABLE] = assignment.logdir
        self._run_context.enter(assignment.trial_id)
        try:
            # In a copy of the context: a variable of the context that is set there does not reach
            # the next trial.
            return contextvars.copy_context().run(self._call, assignment)
        finally:
            # While it is there, the whole environment would have to be restored.
            os.environ.pop(LOGDIR_VARIABLE, None)
            self._run_context.leave()

    def _report(self, value: object, is_early: bool) -> Answer:
        if self._workload.optimization_key is None:
            self._values.append(value)
            return self._session.final(None, {}, False)
        reporter = self._session.reporter
        metric, outputs = self._workload.metric_of(value, reporter.log)
        return self._session.final(metric, outputs, is_early, paused=reporter.is_paused)

    def _report_error(self, error: BaseException) -> Answer:
        if self._interrupter.reason:  # Whatever the function has made of the interrupt.
            return self._session.failed(self._interrupter.reason, "")
        remedy = remedy_of(error)
        reason, text = reason_of(error), traceback_of(error)
        if remedy:
            reason, text = f"{reason}. {remedy}", f"{text}{remedy}"
        return self._session.failed(reason, text, *mistake_of(error))

    def _call(self, assignment: Assign) -> tuple[object, bool]:
        """Call the training function.

        Returns:
            The value that it returned and False, or the metric at which it was stopped early and
            True.
        """
        reporter = self._session.reporter
        try:
            with self._interrupter.arm():
                self._session.begin()
                value = self._workload.call(assignment.params, reporter)
        except EarlyStopException as stop:
            metric = stop.metric if reporter.stop_metric is None else reporter.stop_metric
            return metric, True
        if self._interrupter.reason:  # The function swallowed it and returned: too late.
            raise TrialInterrupted(self._interrupter.reason)
        if reporter.stop_metric is not None:  # The function swallowed the exception.
            return reporter.stop_metric, True
        return value, False
