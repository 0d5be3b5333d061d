"""A worker: one long-running Spark task that trains trial after trial until the driver has no more."""

from __future__ import annotations

import contextlib
import os
import socket
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from maggy.core.exceptions import EarlyStopException
from maggy.core.executors.capture import Surroundings, isolated
from maggy.core.executors.children import Children
from maggy.core.executors.interrupt import Interrupter, TrialInterrupted
from maggy.core.executors.process_executor import ProcessExecutor, why_not_here
from maggy.core.executors.session import Answer, Session, TrialSession
from maggy.core.executors.workload import Workload, metric_of
from maggy.core.messages import Assign, Checked, Register
from maggy.core.rpc import Address
from maggy.core.spark import TaskInfo, loads

__all__ = ["TrialExecutor", "WorkerSettings", "work"]

LOGDIR_VARIABLE = "MAGGY_TRIAL_LOGDIR"
MAX_TRACEBACK_LENGTH = 20_000


@dataclass(frozen=True)
class WorkerSettings:
    """What every worker of one experiment is told once, inside the Spark job.

    Attributes:
        address: Where the driver listens.
        hb_interval: Seconds between heartbeats.
        max_trial_seconds: Seconds that one trial may take; None for no limit.
        tee: Also print to the executor's own output, which Spark keeps.
        variables: Environment variables that the platform's tools expect there.
        isolation: ``"process"`` for a process of its own for each trial, else ``"worker"``.
        max_trial_memory: Bytes that such a process may take with its descendants; None for no limit.
    """

    address: Address
    hb_interval: float
    max_trial_seconds: float | None
    tee: bool
    variables: dict[str, str] = field(default_factory=dict)
    isolation: str = "worker"
    max_trial_memory: int | None = None


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
    identity = f"{job}.{task.partition}.{task.attempt}".encode()
    hello = Register(socket.gethostname(), os.getpid(), task.task)
    try:
        if settings.isolation == "process":
            return _work_in_children(settings, payload, identity, hello)
        return _work_here(settings, payload, identity, hello)
    finally:
        for name in settings.variables:
            os.environ.pop(name, None)


def _work_here(settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register) -> list[Any]:
    interrupter = Interrupter()
    with interrupter.installed(), _session(settings, identity, interrupt=interrupter.fire) as session:
        try:
            workload = loads(payload)
        except Exception as error:
            session.request(_cannot_load(f"{type(error).__name__}: {error}"))
            return []
        executor = TrialExecutor(session, workload, interrupter, settings.tee)
        session.serve(hello, executor.train, executor.check)
        _check_heard(session, settings)
        return executor.values


def _work_in_children(settings: WorkerSettings, payload: bytes, identity: bytes, hello: Register) -> list[Any]:
    limit = settings.max_trial_memory
    children = Children(payload, max_memory=limit, interval=settings.hb_interval, tee=settings.tee)
    orders: dict[str, Any] = {"interrupt": children.interrupt, "stop": children.stop, "kill": children.kill}
    with contextlib.closing(children), _session(settings, identity, **orders) as session:
        if (problem := why_not_here(limit)) is not None:
            session.request(Checked(f"{problem} (On {socket.gethostname()}.)", "NotSupportedError"))
            return []
        if (error := children.start()) is not None:
            session.request(_cannot_load(error))
            return []
        executor = ProcessExecutor(session, children)
        session.serve(hello, executor.train, executor.check)
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
        **orders,
    )
    session.start()
    with contextlib.closing(session):
        yield session


def _check_heard(session: Session, settings: WorkerSettings) -> None:
    if not session.heard:
        raise ConnectionError(
            f"Maggy's driver at {settings.address.endpoint} cannot be reached from {socket.gethostname()}. "
            "Open that way, fix the port with driver_port, or set spark.driver.host to an address that "
            "the executors can reach."
        )


def _cannot_load(error: str) -> Checked:
    return Checked(
        f"The training function cannot be loaded on {socket.gethostname()}: {error}. "
        "Install there what it imports, or add the module with spark.sparkContext.addPyFile.",
        "ExperimentError",
    )


class TrialExecutor:
    """Runs trials in this process, one after the other."""

    def __init__(self, session: TrialSession, workload: Workload, interrupter: Interrupter, tee: bool) -> None:
        self._session = session
        self._workload = workload
        self._interrupter = interrupter
        self._tee = tee
        self._surroundings = Surroundings()
        self._values: list[Any] = []

    @property
    def values(self) -> list[Any]:
        """What a function that is run once has returned."""
        return self._values

    def check(self) -> Checked:
        """Try the study out."""
        try:
            with isolated(self._session.reporter.log, surroundings=self._surroundings):
                self._workload.verify()
        except BaseException as error:  # also SystemExit: it is the study that is wrong, not the worker
            return Checked(_text(error) or type(error).__name__, type(error).__name__)
        return Checked(None, "")

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the session's answer."""
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
            return session.failed(_reason(error), _traceback(error))

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
    text = _text(error)[:MAX_TRACEBACK_LENGTH]
    name = type(error).__name__
    if type(error).__module__.startswith("maggy."):
        return text or name
    return f"{name}: {text.splitlines()[0]}" if text else name


def _text(error: BaseException) -> str:
    """What the exception says; empty if even that fails, since it is the user's own class."""
    try:
        return str(error).strip()
    except Exception:
        return ""


def _traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: our own frames help nobody."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return text if len(text) <= MAX_TRACEBACK_LENGTH else "...\n" + text[-MAX_TRACEBACK_LENGTH:]


def _is_ours(filename: str) -> bool:
    return os.path.dirname(filename) == os.path.dirname(__file__)
