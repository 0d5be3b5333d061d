"""A worker: one long-running Spark task that trains trial after trial until the driver has no more."""

from __future__ import annotations

import os
import socket
import traceback
from dataclasses import dataclass, field
from typing import Any

from maggy.core.exceptions import EarlyStopException, MaggyError
from maggy.core.executors.capture import Surroundings, isolated
from maggy.core.executors.interrupt import Interrupter, TrialInterrupted
from maggy.core.executors.mistakes import mistake_of, remedy_of
from maggy.core.executors.session import Answer, Session
from maggy.core.executors.workload import Workload, metric_of
from maggy.core.messages import Assign, Check, Checked, Register
from maggy.core.rpc import Address
from maggy.core.spark import TaskInfo, loads

__all__ = ["WorkerSettings", "work"]

LOGDIR_VARIABLE = "MAGGY_TRIAL_LOGDIR"
MAX_TRACEBACK_LENGTH = 20_000
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
    """

    address: Address
    hb_interval: float
    max_trial_seconds: float | None
    tee: bool
    variables: dict[str, str] = field(default_factory=dict)
    worker_timeout: float = 60.0

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
    interrupter = Interrupter()
    session = Session(
        settings.address,
        f"{job}.{task.partition}.{task.attempt}".encode(),
        hb_interval=settings.hb_interval,
        max_trial_seconds=settings.max_trial_seconds,
        interrupt=interrupter.fire,
        answer_timeout=settings.answer_timeout,
    )
    with interrupter.installed():
        session.start()
        try:
            try:
                workload = loads(payload)
            except Exception as error:
                session.request(_cannot_load(error))
                return []
            hello = Register(socket.gethostname(), os.getpid(), task.task)
            values = TrialExecutor(session, workload, interrupter, settings.tee).run(hello)
            if not session.heard:
                raise ConnectionError(
                    f"Maggy's driver at {settings.address.endpoint} cannot be reached from {socket.gethostname()}. "
                    "Open that way, fix the port with driver_port, or set spark.driver.host to an address that "
                    "the executors can reach."
                )
            if session.desertion:  # else it would count as a worker that is done
                raise ConnectionError(
                    f"Maggy's driver at {settings.address.endpoint} cannot be heard from "
                    f"{socket.gethostname()}, so the worker left its trial: {session.desertion}."
                )
            return values
        finally:
            session.close()
            for name in settings.variables:
                os.environ.pop(name, None)


def _cannot_load(error: Exception) -> Checked:
    return Checked(
        f"The training function cannot be loaded on {socket.gethostname()}: "
        f"{type(error).__name__}: {_text(error)}. "
        "Install there what it imports, or add the module with spark.sparkContext.addPyFile.",
        "ExperimentError",
    )


class TrialExecutor:
    """The loop of a worker: ask, train, answer."""

    def __init__(self, session: Session, workload: Workload, interrupter: Interrupter, tee: bool) -> None:
        self._session = session
        self._workload = workload
        self._interrupter = interrupter
        self._tee = tee
        self._surroundings = Surroundings()
        self._values: list[Any] = []

    def run(self, hello: Register) -> list[Any]:
        """Work until there is no more; returns what a function that is run once has returned."""
        answer = self._session.request(hello)
        while True:
            if isinstance(answer, Assign):
                answer = self._train(answer)
            elif isinstance(answer, Check):
                answer = self._session.request(self._check())
            else:
                return self._values

    def _check(self) -> Checked:
        try:
            with isolated(self._session.reporter.log, surroundings=self._surroundings):
                self._workload.verify()
        except BaseException as error:  # also SystemExit: it is the study that is wrong, not the worker
            return Checked(_text(error) or type(error).__name__, type(error).__name__)
        return Checked(None, "")

    def _train(self, assignment: Assign) -> Answer:
        session, reporter = self._session, self._session.reporter
        self._interrupter.reason = ""
        try:
            with isolated(
                lambda line: reporter.log(line, jupyter=True), tee=self._tee, surroundings=self._surroundings
            ):
                os.environ[LOGDIR_VARIABLE] = assignment.logdir
                try:
                    value, early = self._call(assignment)
                finally:
                    os.environ.pop(LOGDIR_VARIABLE, None)  # or the whole environment would have to be put back
            if self._workload.optimization_key is None:
                self._values.append(value)
                return session.final(None, {}, False)
            metric, outputs = metric_of(value, self._workload.optimization_key, reporter.log)
            return session.final(metric, outputs, early)
        except BaseException as error:  # also SystemExit: a training function ends its trial, never its worker
            if self._interrupter.reason:  # whatever the function made of the interrupt
                return session.failed(self._interrupter.reason, "")
            remedy = remedy_of(error)
            reason, text = _reason(error), _traceback(error)
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


def _reason(error: BaseException) -> str:
    text, name = _text(error), type(error).__name__
    if isinstance(error, MaggyError):
        return text or name
    return f"{name}: {text.splitlines()[0]}" if text else name


def _text(error: BaseException) -> str:
    """What the exception says, at a length that fits a message; empty if even that fails.

    The exception may be of a class of the user's own.
    """
    try:
        return str(error).strip()[:MAX_TRACEBACK_LENGTH]
    except Exception:
        return ""


def _traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: our own frames help nobody."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # a chain of a thousand causes, or a class of the user's own
        text = "".join(traceback.format_tb(frames)) + _reason(error)
    return text if len(text) <= MAX_TRACEBACK_LENGTH else "...\n" + text[-MAX_TRACEBACK_LENGTH:]


def _is_ours(filename: str) -> bool:
    return os.path.dirname(filename) == os.path.dirname(__file__)
