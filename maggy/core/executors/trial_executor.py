"""A worker: one long-running Spark task that trains trial after trial until the driver has no more."""

from __future__ import annotations

import contextlib
import contextvars
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from maggy.common.exceptions import EarlyStopException
from maggy.core.cluster.spark import TaskInfo, loads
from maggy.core.executors.children import Children
from maggy.core.executors.error_text import reason_of, text_of, traceback_of
from maggy.core.executors.interrupt import Interrupter, TrialInterrupted
from maggy.core.executors.mistakes import mistake_of, remedy_of
from maggy.core.executors.process_executor import ProcessExecutor, why_not_here
from maggy.core.executors.session import Session
from maggy.core.executors.trial_session import PROBE_SECONDS, Answer, TrialSession
from maggy.core.executors.surroundings import Surroundings, isolated
from maggy.core.executors.worker_loop import serve
from maggy.core.executors.workload import Workload
from maggy.core.messages import Assign, Checked, Register, WorkerId
from maggy.core.rpc import Address

__all__ = ["TrialExecutor", "WorkerSettings", "work"]

LOGDIR_VARIABLE = "MAGGY_TRIAL_LOGDIR"
ANSWER_SECONDS = 90.0
"""For how long a worker waits for the driver's answer at least before it leaves."""


@dataclass(frozen=True)
class WorkerSettings:
    """What every worker of one experiment is told once, inside the Spark job.

    Attributes:
        address: Where the driver listens.
        hb_interval: Seconds between heartbeats.
        max_trial_seconds: Seconds that one trial may take; None for no limit.
        tee: Also print to the executor's own output, which Spark keeps.
        variables: Environment variables that the platform's tools expect there.
        worker_timeout: Seconds without a heartbeat after which the driver takes a worker for lost.
        isolation: ``"process"`` for a process of its own for each trial, else ``"worker"``.
        max_trial_memory: Bytes that such a process may take with its descendants; None for no limit.
    """

    address: Address
    hb_interval: float
    max_trial_seconds: float | None
    tee: bool
    variables: dict[str, str] = field(default_factory=dict)
    worker_timeout: float = 60.0
    isolation: str = "worker"
    max_trial_memory: int | None = None

    @property
    def answer_timeout(self) -> float:
        """Seconds for which a message may stay unanswered before the worker leaves."""
        return max(ANSWER_SECONDS, 1.5 * self.worker_timeout)


def work(settings: WorkerSettings, payload: bytes, job: int, task: TaskInfo) -> list[Any]:
    """Be a worker.

    Args:
        settings: What every worker is told.
        payload: The pickled :class:`Workload`.
        job: Which of the experiment's Spark jobs this is.
        task: Which of its tasks.

    Returns:
        What the training function returned, when it was to be run once for that; else nothing.
    """
    if task.gpus:
        # Before the payload is loaded, since that may import TensorFlow, which looks only once.
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(task.gpus)
    os.environ.update(settings.variables)
    identity = WorkerId(job, task.partition, task.attempt).encode()
    hello = Register.of_this_release(socket.gethostname(), os.getpid(), task.task)
    try:
        if settings.isolation == "process":
            return _work_in_children(settings, payload, identity, hello)
        return _work_here(settings, payload, identity, hello)
    finally:
        for name in settings.variables:
            os.environ.pop(name, None)


def _work_here(
    settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register
) -> list[Any]:
    interrupter = Interrupter()
    with (
        interrupter.installed(),
        _session(settings, identity, interrupt=interrupter.fire) as session,
    ):
        try:
            workload = loads(payload)
        except Exception as error:
            session.request(_cannot_load(f"{type(error).__name__}: {text_of(error)}"))
            return []
        with Surroundings() as surroundings:
            executor = TrialExecutor(session, workload, interrupter, settings.tee, surroundings)
            serve(session, hello, executor)
        _check_heard(session, settings)
        return executor.values


def _work_in_children(
    settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register
) -> list[Any]:
    limit = settings.max_trial_memory
    children = Children(payload, max_memory=limit, interval=settings.hb_interval, tee=settings.tee)
    orders: dict[str, Any] = {
        "interrupt": children.interrupt,
        "stop": children.stop,
        "kill": children.kill,
    }
    with contextlib.closing(children), _session(settings, identity, **orders) as session:
        if (problem := why_not_here(limit)) is not None:
            session.request(Checked(f"{problem} (On {socket.gethostname()}.)", "NotSupportedError"))
            return []
        if (error := children.start()) is not None:
            session.request(_cannot_load(error))
            return []
        executor = ProcessExecutor(session, children)
        serve(session, hello, executor)
        _check_heard(session, settings)
        return executor.values


@contextlib.contextmanager
def _session(settings: WorkerSettings, identity: bytes, **orders: Any) -> Iterator[Session]:
    """A session with the driver for as long as the block runs; ``orders``: what it calls to end a trial."""
    session = Session(
        settings.address,
        identity,
        hb_interval=settings.hb_interval,
        max_trial_seconds=settings.max_trial_seconds,
        answer_timeout=settings.answer_timeout,
        **orders,
    )
    session.start()
    with contextlib.closing(session):
        yield session


def _check_heard(session: Session, settings: WorkerSettings) -> None:
    if not session.has_heard:
        raise ConnectionError(
            f"Maggy's driver at {settings.address.endpoint} cannot be reached from {socket.gethostname()}. "
            "Open that way, fix the port with driver_port, or set spark.driver.host to an address that "
            "the executors can reach."
        )
    if session.desertion:  # or Spark and the driver would take the worker for one that is done
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
    """Runs trials in this process, one after the other."""

    def __init__(
        self,
        session: TrialSession,
        workload: Workload,
        interrupter: Interrupter,
        tee: bool,
        surroundings: Surroundings,
    ) -> None:
        self._session = session
        self._workload = workload
        self._interrupter = interrupter
        self._tee = tee
        self._surroundings = surroundings
        self._values: list[Any] = []

    @property
    def values(self) -> list[Any]:
        """What a function that is run once has returned."""
        return self._values

    def check(self, probe: bool) -> Checked:
        """Try the study out, and with ``probe`` also build its components."""
        found = Checked(None, "")
        try:
            with isolated(self._session.reporter.log, surroundings=self._surroundings):
                self._workload.verify()
                for label, build in (self._workload.probes() if probe else {}).items():
                    self._probe(label, build, found)
        except (
            BaseException
        ) as error:  # also SystemExit: it is the study that is wrong, not the worker
            return Checked(text_of(error) or type(error).__name__, type(error).__name__)
        return found

    def _probe(self, label: str, build: Callable[[], Any], found: Checked) -> None:
        """Build one component, and note if that fails or takes too long."""
        last_word = Checked(None, "", list(found.failures), [*found.slow, label], leaving=True)
        try:
            with self._interrupter.armed():
                self._session.begin_check(PROBE_SECONDS, last_word)
                build()
        except BaseException as error:  # also SystemExit, as in a trial
            if not self._interrupter.reason:
                found.failures.append((label, reason_of(error), traceback_of(error)))
        if self._interrupter.reason:  # whatever the component made of the interrupt
            found.slow.append(label)

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the session's answer."""
        session, reporter = self._session, self._session.reporter
        self._interrupter.reason = ""
        try:
            with isolated(
                lambda line: reporter.log(line, jupyter=True),
                tee=self._tee,
                surroundings=self._surroundings,
                was_stopped=lambda: (
                    reporter.stop_metric is not None or bool(self._interrupter.reason)
                ),
            ):
                os.environ[LOGDIR_VARIABLE] = assignment.logdir
                try:
                    # In a copy of the context, so that no variable of it that is set there reaches the next trial.
                    value, early = contextvars.copy_context().run(self._call, assignment)
                finally:
                    os.environ.pop(
                        LOGDIR_VARIABLE, None
                    )  # or the whole environment would have to be put back
            if self._workload.optimization_key is None:
                self._values.append(value)
                return session.final(None, {}, False)
            metric, outputs = self._workload.metric_of(value, reporter.log)
            return session.final(metric, outputs, early)
        except (
            BaseException
        ) as error:  # also SystemExit: a training function ends its trial, never its worker
            if self._interrupter.reason:  # whatever the function made of the interrupt
                return session.failed(self._interrupter.reason, "")
            remedy = remedy_of(error)
            reason, text = reason_of(error), traceback_of(error)
            if remedy:
                reason, text = f"{reason}. {remedy}", f"{text}{remedy}"
            return session.failed(reason, text, *mistake_of(error))

    def _call(self, assignment: Assign) -> tuple[Any, bool]:
        """Call the training function; returns its value, or the metric at which it was stopped early."""
        reporter = self._session.reporter
        try:
            with self._interrupter.armed():
                self._session.begin()
                value = self._workload.call(assignment.params, reporter)
        except EarlyStopException as stop:
            value = stop.metric if reporter.stop_metric is None else reporter.stop_metric
            return value, True
        if self._interrupter.reason:  # swallowed, and then it returned: too late
            raise TrialInterrupted(self._interrupter.reason)
        if reporter.stop_metric is not None:  # the function swallowed the exception
            return reporter.stop_metric, True
        return value, False
