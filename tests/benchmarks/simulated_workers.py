"""Thousands of simulated workers in a few processes, against one real driver.

A simulated worker sends the same messages as a real one, in the same order, but trains nothing.
Sockets, keys, messages and records are real.
"""

from __future__ import annotations

import contextlib
import heapq
import io
import math
import multiprocessing
import random
import select
import shutil
import tempfile
import threading
import time
from array import array
from dataclasses import dataclass, field

import psutil
import zmq

from maggy import Searchspace
from maggy.core.cluster import Cluster
from maggy.core.environment import find_environment
from maggy.core.experiment_driver import ExperimentDriver, RunLimits
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.messages import Ack, Assign, Done, Final, Heartbeat, Register, Stop, WorkerId
from maggy.core.rpc import Server
from maggy.core.rpc.encoding import decode_driver_message, encode
from maggy.experiment_config import OptimizationConfig
from maggy.records.directory import ExperimentStore


@dataclass(frozen=True)
class Load:
    """What each simulated worker does.

    Attributes:
        beats: Fewest and most heartbeats of a trial.
        points: Points in each heartbeat.
        lines: Lines of output in each heartbeat.
        seconds: Time between two heartbeats. With 0, the next heartbeat follows the answer at once.
        ramp: Seconds in which all workers register.
        warm_up: Seconds at the start in which answers do not count.
    """

    beats: tuple[int, int]
    points: int
    lines: int
    seconds: float = 1.0
    ramp: float = 0.0
    warm_up: float = 0.0


@dataclass
class Measured:
    """What the simulated workers measured; times are in seconds.

    Attributes:
        answers: From each heartbeat to its answer.
        assignments: From each trial's end to the next trial.
        late: The delay of each heartbeat, which is the fault of the load generator itself.
        trials: How many trials ended in the time that counts.
        first_answer: When the first answer that counts arrived.
        last_answer: When the last answer that counts arrived.
    """

    answers: array = field(default_factory=lambda: array("d"))
    assignments: array = field(default_factory=lambda: array("d"))
    late: array = field(default_factory=lambda: array("d"))
    trials: int = 0
    first_answer: float = math.inf
    last_answer: float = -math.inf

    @property
    def seconds(self):
        """Return the duration of the measurement."""
        return max(self.last_answer - self.first_answer, 1e-9)

    def add(self, other):
        self.answers.extend(other.answers)
        self.assignments.extend(other.assignments)
        self.late.extend(other.late)
        self.trials += other.trials
        self.first_answer, self.last_answer = (
            min(self.first_answer, other.first_answer),
            max(self.last_answer, other.last_answer),
        )


class _Worker:
    """The state of one worker; :class:`_Generator` does the rest."""

    __slots__ = ("beats", "due", "lines", "points", "quality", "run", "sent", "socket")

    def __init__(self, socket):
        self.socket = socket
        self.run = self.points = self.lines = self.beats = 0
        self.sent = self.due = 0.0
        self.quality = 0.0


class _Generator:
    """Simulate some of the workers in one thread, which sockets and the clock wake up."""

    def __init__(self, address, job, partitions, load, seed):
        self._load = load
        self._rng = random.Random(seed)
        self._measured = Measured()
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 10_000)
        self._poll = select.epoll()
        self._by_file = {}
        self._due = []
        self._began = time.perf_counter()
        for count, partition in enumerate(partitions):
            socket = self._context.socket(zmq.DEALER)
            socket.routing_id = WorkerId(job, partition, 0).encode()
            socket.curve_serverkey = address.server_key
            socket.curve_publickey = address.client_key
            socket.curve_secretkey = address.client_secret
            socket.linger = 1000
            worker = _Worker(socket)
            # ZeroMQ's descriptor signals changes only. So a reader must empty the socket each time.
            file = socket.getsockopt(zmq.FD)
            self._by_file[file] = worker
            self._poll.register(file, select.EPOLLIN | select.EPOLLET)
            heapq.heappush(
                self._due, (self._began + load.ramp * count / len(partitions), count, worker)
            )
        self._endpoint = address.endpoint
        self._left = len(partitions)

    def run(self):
        while self._left:
            now = time.perf_counter()
            while self._due and self._due[0][0] <= now:
                due, _, worker = heapq.heappop(self._due)
                self._act(worker, due)
                # Sending may have consumed the signal of a message that had arrived.
                self._hear(worker)
            wait = min(1.0, self._due[0][0] - time.perf_counter()) if self._due else 1.0
            for file, _ in self._poll.poll(max(0.0, wait)):
                self._hear(self._by_file[file])
        for worker in self._by_file.values():
            worker.socket.close()
        self._context.term()
        return self._measured

    def _act(self, worker, due):
        if worker.socket.closed:
            return
        worker.due = due
        if worker.sent == 0.0:
            worker.socket.connect(self._endpoint)
            self._send(worker, Register.of_this_release("simulated", 1))
            return
        if self._counts():
            self._measured.late.append(time.perf_counter() - due)
        worker.beats -= 1
        first, points = (
            worker.points,
            [
                (step, worker.quality * (1 - 1 / (step + 2)))
                for step in range(worker.points, worker.points + self._load.points)
            ],
        )
        lines = [
            (False, f"epoch {worker.points}: loss {1 - worker.quality:.6f}")
        ] * self._load.lines
        first_line = worker.lines
        worker.points += len(points)
        worker.lines += len(lines)
        if worker.beats > 0:
            self._send(worker, Heartbeat(worker.run, first, points, first_line, lines, False))
            return
        metric = worker.quality
        if self._counts():
            self._measured.trials += 1
        self._send(
            worker,
            Final(worker.run, first, points, first_line, lines, metric, {"metric": metric}, False),
        )

    def _hear(self, worker):
        while not worker.socket.closed and worker.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            message = decode_driver_message(worker.socket.recv())
            now = time.perf_counter()
            if isinstance(message, Ack):
                if self._counts():
                    self._measured.answers.append(now - worker.sent)
                    self._measured.first_answer = min(self._measured.first_answer, now)
                    self._measured.last_answer = now
                self._plan(worker, max(now, worker.due + self._load.seconds))
            elif isinstance(message, Assign) and message.run > worker.run:
                is_first = worker.run == 0
                if self._counts() and not is_first:
                    self._measured.assignments.append(now - worker.sent)
                worker.run, worker.points, worker.lines = message.run, 0, 0
                worker.beats = self._rng.randint(*self._load.beats)
                worker.quality = message.params["x"]
                # The first trial starts in its middle, so that workers are out of step, as after
                # a long time.
                if is_first:
                    worker.beats = self._rng.randint(1, worker.beats)
                self._plan(
                    worker, now + self._load.seconds * (self._rng.random() if is_first else 1.0)
                )
            elif isinstance(message, Stop) and message.run == worker.run:
                worker.beats = 1  # the next heartbeat ends the trial, as the next broadcast would
            elif isinstance(message, Done):
                self._left -= not worker.socket.closed
                worker.socket.close()

    def _plan(self, worker, at):
        heapq.heappush(self._due, (at, id(worker), worker))

    def _send(self, worker, message):
        worker.sent = time.perf_counter()
        worker.socket.send(encode(message))

    def _counts(self):
        return time.perf_counter() - self._began >= self._load.warm_up


def _play(connection, *args):
    connection.send(_Generator(*args).run())
    connection.close()


class _Simulated(Cluster):
    """A cluster whose tasks are simulated workers in several processes."""

    app_id = "simulated"
    host = advertised = "127.0.0.1"
    local = job_per_worker = speculation = False

    def __init__(self, load, processes):
        self._load, self._processes = load, processes
        self.measured = Measured()

    def slots(self):
        return 1

    def run(self, group, description, partitions, task):
        spawn = multiprocessing.get_context("spawn")
        playing = []
        for number in range(self._processes):
            mine, theirs = spawn.Pipe(duplex=False)
            share = partitions[number :: self._processes]
            process = spawn.Process(
                target=_play, args=(theirs, *task, share, self._load, number), daemon=True
            )
            process.start()
            theirs.close()
            playing.append((process, mine))
        for process, connection in playing:
            self.measured.add(connection.recv())
            process.join()
        return []

    def cancel(self, job):
        pass

    def thread(self, target, name):
        return threading.Thread(target=target, name=name, daemon=True)


@dataclass
class Simulation:
    """The result of one experiment with simulated workers.

    Attributes:
        measured: What the workers measured.
        seconds: How long the driver ran.
        cpu_share: The driver process's share of a core in the time that counts.
        threads: The share of each of its threads, by name.
        memory: Growth of the driver process in bytes.
        outcome: What the driver returned.
    """

    measured: Measured
    seconds: float
    cpu_share: float
    threads: dict[str, float]
    memory: int
    outcome: object


def simulate(
    workers,
    load,
    *,
    num_trials=None,
    max_seconds=None,
    processes=1,
    directory=None,
    worst=0.0,
    **config,
):
    """Run one experiment: a random search with the median rule and with records on disk.

    Args:
        workers: Number of simulated workers.
        load: What each worker does.
        num_trials: Number of trials; None for more than fit into ``max_seconds``.
        max_seconds: The experiment ends after this time.
        processes: Number of processes that share the workers.
        directory: Folder for the records; None for a temporary one, which is removed.
        worst: The lowest final metric; the highest is 1. From 0.99 on, the rule stops nothing.
        **config: Further arguments of the :class:`OptimizationConfig`.
    """
    policy = OptimizationPolicy(
        OptimizationConfig(
            num_trials or 10**7, "randomsearch", Searchspace(x=("DOUBLE", [worst, 1.0])), **config
        )
    )
    root = directory or tempfile.mkdtemp()
    store = ExperimentStore.create(find_environment().files, root, "simulated")
    recorder = Recorder(store, print)
    recorder.hparams(policy.hparams(), "metric")
    cluster = _Simulated(load, processes)
    driver = ExperimentDriver(
        policy,
        RunLimits(num_workers=workers, seed=1, max_seconds=max_seconds),
        cluster,
        Server("127.0.0.1"),
        recorder,
        lambda address: lambda job: (address, job),
        [],
        lambda name, text: RuntimeError(f"{name}: {text}"),
    )
    process = psutil.Process()
    before, began = process.memory_info().rss, time.perf_counter()
    samples = []

    def sample():
        threads = {thread.native_id: thread.name for thread in threading.enumerate()}
        times = {threads.get(thread.id, "sockets"): 0.0 for thread in process.threads()}
        for thread in process.threads():
            times[threads.get(thread.id, "sockets")] += thread.user_time + thread.system_time
        samples.append((time.perf_counter(), sum(process.cpu_times()[:2]), times))

    timers = [threading.Timer(load.warm_up, sample)]
    if max_seconds:
        timers.append(threading.Timer(max_seconds - 0.5, sample))
    for timer in timers:
        timer.start()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            outcome = driver.run()
        if not cluster.measured.trials:
            raise RuntimeError(
                f"No simulated worker has ended a trial: {outcome.job_error or outcome.error}"
            )
        if len(samples) < 2:
            sample()
        recorder.close()
    finally:
        if directory is None:
            shutil.rmtree(root)
    seconds = time.perf_counter() - began
    (start, cpu_before, threads_before), (end, cpu_after, threads_after) = samples[0], samples[-1]
    took = max(end - start, 1e-9)
    shares = {
        name: (seconds_after - threads_before.get(name, 0.0)) / took
        for name, seconds_after in threads_after.items()
    }
    memory = process.memory_info().rss - before
    return Simulation(
        cluster.measured, seconds, (cpu_after - cpu_before) / took, shares, memory, outcome
    )
