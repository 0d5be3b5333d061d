"""A driver without Spark: its workers are threads of this process, over real sockets, with real records."""

import threading

from maggy import Trial
from maggy.common.exceptions import EarlyStopException
from maggy.core.cluster.spark import Cluster, TaskInfo
from maggy.core.environment import find_environment
from maggy.core.executors.mistakes import mistake_of
from maggy.core.executors.session import Session
from maggy.core.experiment_driver import ExperimentDriver, RunLimits
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.messages import (
    Assign,
    Check,
    Checked,
    Done,
    Register,
    WorkerId,
)
from maggy.core.rpc import Server
from maggy.records.directory import ExperimentStore


class WorkerDied(BaseException):
    """Raised in a training function: its worker is gone, without a word."""


class Threads(Cluster):
    """A cluster whose tasks are threads. A task that dies fails its job, as in Spark."""

    app_id = "threads"
    host = advertised = "127.0.0.1"
    local = True
    speculation = False

    def __init__(self, job_per_worker=True):
        self.job_per_worker = job_per_worker
        self.cancelled = threading.Event()
        self.jobs = []

    def slots(self):
        return 4

    def run(self, job, description, partitions, task):
        self.jobs.append(job)
        values, failures = {}, []

        def body(index, partition):
            try:
                values[index] = task(TaskInfo(partition, 0, []))
            except BaseException as error:
                failures.append((index, error))

        threads = [
            threading.Thread(target=body, args=each, daemon=True) for each in enumerate(partitions)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self.cancelled.is_set() and not failures:
                thread.join(0.02)
        if failures:
            index, error = failures[0]
            raise RuntimeError(
                f"Job aborted: Task {index} in stage 0.0 failed 1 times, most recent failure: "
                f"Lost task {index}.0 in stage 0.0: {error}\nDriver stacktrace:"
            )
        if self.cancelled.is_set():
            raise RuntimeError(f"Job {job} cancelled")
        return [value for index in sorted(values) for value in values[index]]

    def cancel(self, job):
        self.cancelled.set()

    def thread(self, target, name):
        return threading.Thread(target=target, name=name, daemon=True)


class Given(Policy):
    """A policy made of a function that suggests: called with the trial that has ended, or None."""

    kind, name = "optimization", "Given"

    def __init__(self, suggest, total=None, check=False, stop=None):
        self._suggest, self.total, self.needs_check, self._stop = suggest, total, check, stop

    def start(self, trial_store, final_store, seed):
        self.trial_store, self.final_store = trial_store, final_store

    def suggest(self, finished):
        return self._suggest(finished)

    def is_check_due(self, trial, steps):
        return self._stop is not None

    def should_stop(self, trial, final_store):
        return self._stop(trial, final_store)

    def identity(self):
        return {}


def one_after_another(trials):
    """A suggest function that gives these trials."""
    left = iter(trials)
    return lambda finished: next(left, None)


class Experiment:
    """Runs a policy with ``train(params, reporter, interrupted)`` on threads, and keeps what came out."""

    def __init__(
        self,
        root,
        policy,
        train,
        *,
        workers=2,
        hb_interval=0.02,
        check=None,
        cluster=None,
        before=(),
        **limits,
    ):
        environment = find_environment()
        self.store = ExperimentStore.create(environment.files, str(root), "threads")
        self.troubles = []
        self.recorder = Recorder(self.store, self.troubles.append)
        self.cluster = cluster or Threads()
        self._train, self._hb_interval, self._check = train, hb_interval, check
        self._sessions = []
        self.driver = ExperimentDriver(
            policy,
            RunLimits(num_workers=workers, seed=1, **limits),
            self.cluster,
            Server("127.0.0.1"),
            self.recorder,
            self._make_tasks,
            list(before),
            lambda name, text: ValueError(f"{name}: {text}"),
        )

    def run(self):
        try:
            return self.driver.run()
        finally:
            for session in self._sessions:  # as Spark ends the tasks of a job that was cancelled
                session._answers.put(Done())
            self.recorder.close()

    def _make_tasks(self, address):
        return lambda job: (
            lambda info: self._work(address, WorkerId(job, info.partition, info.attempt).encode())
        )

    def _work(self, address, identity):
        interrupted = threading.Event()
        session = Session(
            address,
            identity,
            hb_interval=self._hb_interval,
            interrupt=lambda reason: interrupted.set(),
            leave=list,
        )
        session.start()
        self._sessions.append(session)
        try:
            answer = session.request(Register.of_this_release("host", 1))
            while not isinstance(answer, Done):
                interrupted.clear()
                do = self._train_one if isinstance(answer, Assign) else self._checked
                answer = do(session, answer, interrupted)
            return []
        finally:
            session.close()

    def _checked(self, session, answer, interrupted):
        assert isinstance(answer, Check)
        error = self._check() if self._check else None
        return session.request(Checked(error, "CheckError"))

    def _train_one(self, session, assignment, interrupted):
        session.begin()
        reporter = session.reporter
        try:
            metric = self._train(assignment.params, reporter, interrupted)
        except EarlyStopException:
            return session.final(reporter.stop_metric, {"metric": reporter.stop_metric}, True)
        except Exception as error:
            return session.failed(
                f"{type(error).__name__}: {error}", "the traceback", *mistake_of(error)
            )
        if interrupted.is_set():
            return session.failed("interrupted", "")
        return session.final(metric, {"metric": metric}, False)


def square(params, reporter, interrupted):
    return float(params["x"]) ** 2


def trials(count, start=0):
    return [Trial({"x": number}) for number in range(start, start + count)]


def records(experiment):
    """The trials on disk, by id."""
    found, damaged = experiment.store.read_trials()
    assert not damaged
    return {trial.trial_id: trial for trial in found}
