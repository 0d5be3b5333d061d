"""The Spark task's side of trials in processes of their own: it has them started, follows them and has them ended.

One template process, started here in a fresh interpreter, forks a child for each trial; see
:mod:`maggy.core.executors.watchdog`. It shares no memory with the Spark task, so it knows nothing of the connection to
the driver and its keys, nor of what other jobs of Spark have left in this process.
"""

from __future__ import annotations

import codecs
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from maggy.core.cluster.python_worker import task_state
from maggy.core.cluster.spark import dumps
from maggy.core.executors.capture import STDERR_MARK, LineWriter
from maggy.core.executors.channel import (
    Answered,
    Channel,
    ChannelClosed,
    Ended,
    Interrupt,
    Kill,
    Prepare,
    Prepared,
    Probing,
    Reported,
    Run,
    Value,
)
from maggy.core.executors.process_table import descendants, memory_of
from maggy.core.messages import Assign, Message, Stop
from maggy.core.reporter import Reporter

__all__ = ["Children", "Outcome"]

BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from maggy.core.executors.watchdog import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
CLOSE_SECONDS = 15.0
"""How long the watchdog may take to end everything, before this process goes on without it."""


@dataclass
class Outcome:
    """How a child has ended.

    Attributes:
        answer: How the child's end is to be reported, if it got as far as to say so.
        values: What a function that is run once has returned, pickled.
        reason: Without an answer: why the child has ended.
        ended_by_us: The reason is a limit or an order, which running the trial again would not change.
        probing: In a check, the component that was being built last; None if none was.
        was_interrupted: It was told to end and did not.
    """

    answer: Answered | None = None
    values: list[bytes] = field(default_factory=list)
    reason: str = ""
    ended_by_us: bool = False
    probing: Probing | None = None
    was_interrupted: bool = False


class Children:
    """Runs trials in child processes, one at a time.

    One thread runs them; :meth:`interrupt`, :meth:`stop` and :meth:`kill` may be called from another one.

    Args:
        payload: The pickled :class:`~maggy.core.executors.workload.Workload`.
        max_memory: Bytes that a child may take with its descendants; None for no limit.
        interval: Seconds between two measurements of that.
        tee: Also print a child's output to this process's own.
    """

    def __init__(
        self, payload: bytes, *, max_memory: int | None, interval: float, tee: bool
    ) -> None:
        self._payload = payload
        self._max_memory = max_memory
        self._interval = interval
        self._tee = tee
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # over the child and its connection
        self._child: Child | None = None

    def start(self) -> str | None:
        """Start the template and have it load the function; return why that cannot be loaded, or None."""
        prepared = self._spawn(ahead=True)
        if (
            prepared.threads
        ):  # a process with threads must not fork, so each child loads the function itself
            self.close()
            prepared = self._spawn(ahead=False)
        return prepared.error

    def check(
        self, probe: bool, reporter: Reporter, on_probing: Callable[[Probing], None]
    ) -> Outcome:
        """Run the check of the study in a new child; return when nothing of it is left.

        Args:
            probe: Also build the study's components.
            reporter: Gets what is printed.
            on_probing: Called before each component is built.
        """
        return self._run(Run(None, probe), reporter, on_probing)

    def run(self, assignment: Assign, reporter: Reporter) -> Outcome:
        """Run a trial in a new child; return when nothing of it is left."""
        return self._run(Run(assignment), reporter, lambda probing: None)

    def _run(
        self, order: Run, reporter: Reporter, on_probing: Callable[[Probing], None]
    ) -> Outcome:
        if self._process is not None and self._process.poll() is not None:
            self.close()  # it was killed since the last trial
        if self._process is None and (error := self.start()) is not None:
            return Outcome(
                reason=f"the training function cannot be loaded: {error}", ended_by_us=True
            )
        child = Child(reporter, self._tee, on_probing)
        try:
            with self._lock:
                self._child = child
                child.launch(self._task, order)
            if reporter.is_stopped:  # before there was a child to tell
                self.stop()
            self._follow(child)
            return child.outcome()
        finally:
            with self._lock:
                self._child = None
                child.close()

    def interrupt(self, reason: str) -> None:
        """Interrupt the training function."""
        if self._child is not None:
            self._child.reason = f"{reason}; it could not be interrupted"
            self._child.was_interrupted = True
        self._tell(Interrupt(reason))

    def stop(self) -> None:
        """Have the child's next broadcast raise."""
        self._tell(Stop(0))

    def kill(self) -> None:
        """End the child at once."""
        with self._lock, suppress(ChannelClosed):
            if self._child is not None:
                self._task.send(Kill())

    def close(self) -> None:
        """End the template, and with it whatever is left of a child."""
        if self._process is None:
            return
        self._lifeline.close()
        self._task.finish(
            CLOSE_SECONDS
        )  # the template may outlive a watchdog that was killed, if only for a moment
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        self._process = None

    def _tell(self, message: Message) -> None:
        with self._lock, suppress(ChannelClosed):  # it may be ending
            if self._child is not None:
                self._child.control.send(message)

    def _spawn(self, ahead: bool) -> Prepared:
        self._task, template = Channel.pair()
        self._lifeline, watched = socket.socketpair()
        ends = (template.fileno(), watched.fileno())
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                BOOT,
                json.dumps([str(path) for path in sys.path]),
                *map(str, ends),
            ],
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # what Spark sends to its own group must not end the watchdog before its time
        )
        template.close()
        watched.close()
        message: object = None
        with suppress(ChannelClosed):
            self._task.send(Prepare(dumps(task_state()), self._payload, ahead))
            message, _ = self._task.receive()
        if isinstance(message, Prepared):
            return message
        self.close()
        return Prepared("the process that was to load it has ended", 0)

    def _follow(self, child: Child) -> None:
        """Take what the child says and prints until it has ended."""
        next_look = time.monotonic() + self._interval
        with selectors.DefaultSelector() as selector:
            sources = {**child.sources(), self._task.fileno(): lambda: self._hear_template(child)}
            for descriptor, take in sources.items():
                selector.register(descriptor, selectors.EVENT_READ, take)
            while child.status is None and self._process is not None:
                wait = None if self._max_memory is None else max(0.0, next_look - time.monotonic())
                for key, _ in selector.select(wait):
                    if not key.data():
                        selector.unregister(key.fileobj)
                if self._max_memory is not None and time.monotonic() >= next_look:
                    self._check_memory(child, self._max_memory)
                    next_look = time.monotonic() + self._interval
        child.drain()

    def _hear_template(self, child: Child) -> bool:
        message, _ = self._task.receive()
        if isinstance(message, Ended):
            child.status = message.status
        elif message is None:
            child.reason = child.reason or "the process that starts its worker's trials has ended"
            self.close()  # the watchdog ends what is left; the next trial starts a new template
        return message is not None

    def _check_memory(self, child: Child, limit: int) -> None:
        assert self._process is not None
        _, *pids = descendants(self._process.pid) or [0]  # the first is the template
        used = memory_of(pids, limit)
        if used > limit:
            child.reason = (
                f"used {_in_mib(used)} of memory, more than max_trial_memory={_in_mib(limit)}"
            )
            self.kill()


class Child:
    """One child process, from its start to its end.

    Args:
        reporter: Gets its points and lines.
        tee: Also print its output to this process's own.
        on_probing: Called when it says that it is about to build a component.
    """

    def __init__(
        self, reporter: Reporter, tee: bool, on_probing: Callable[[Probing], None]
    ) -> None:
        self._reporter = reporter
        self._on_probing = on_probing
        self._probing: Probing | None = None
        self._tee = tee
        self.control, self._far_control = Channel.pair()
        self._pipes = [os.pipe(), os.pipe()]
        self._answer: Answered | None = None
        self._values: list[bytes] = []
        self.status: int | None = None
        """How it has ended: an exit code, or a signal's number below 0."""
        self.reason = ""
        """Why it has to end, if it was told to."""
        self.was_interrupted = False
        self._writers = [
            LineWriter(functools.partial(self._take_text, mark), sys.stdout, tee=False)
            for mark in ("", STDERR_MARK)
        ]
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in self._pipes]

    def launch(self, task: Channel, order: Run) -> None:
        """Have the template fork the process."""
        far_ends = [self._far_control.fileno(), *(write for _, write in self._pipes)]
        with suppress(ChannelClosed):  # the template is gone, which the one who follows will hear
            task.send(order, tuple(far_ends))
        self._far_control.close()
        for read, write in self._pipes:
            os.close(write)
            os.set_blocking(read, False)

    def sources(self) -> dict[int, Callable[[], bool]]:
        """Return the descriptors that may have something to read, and what takes it; False when no more can come."""
        output, errors = (read for read, _ in self._pipes)
        return {
            self.control.fileno(): self._take_message,
            output: lambda: self._take_output(0),
            errors: lambda: self._take_output(1),
        }

    def drain(self) -> None:
        """Take what was sent or written before the end."""
        for take in self.sources().values():
            with suppress(BlockingIOError):
                while take():
                    pass
        for number, writer in enumerate(self._writers):
            writer.write(self._decoders[number].decode(b"", final=True))
            writer.finish()

    def outcome(self) -> Outcome:
        """Return how it has ended."""
        reason = self.reason or _description(self.status)
        return Outcome(
            self._answer,
            self._values,
            reason,
            ended_by_us=bool(self.reason) and self.status is not None,
            probing=self._probing,
            was_interrupted=self.was_interrupted,
        )

    def close(self) -> None:
        """Close what is open of it here."""
        self.control.close()
        for read, _ in self._pipes:
            os.close(read)

    def _take_message(self) -> bool:
        try:
            message, _ = self.control.receive(wait=False)
        except (msgspec.DecodeError, RecursionError) as error:
            self._answer = Answered(
                "failed", [f"The returned value cannot leave its process ({error}).", ""]
            )
            return True
        if isinstance(message, Reported):
            self._reporter.extend(message.points, message.lines)
            if self._tee:
                sys.stdout.write(
                    "".join(f"{line}\n" for is_shown, line in message.lines if is_shown)
                )
        elif isinstance(message, Probing):
            self._probing = message
            # What interrupted the component before is over.
            self.reason, self.was_interrupted = "", False
            self._on_probing(message)
        elif isinstance(message, Value):
            self._values.append(message.data)
        elif isinstance(message, Answered):
            self._answer = self._answer or message
        return message is not None

    def _take_output(self, number: int) -> bool:
        data = os.read(self._pipes[number][0], 65_536)
        self._writers[number].write(self._decoders[number].decode(data))
        return bool(data)

    def _take_text(self, mark: str, line: str) -> None:
        self._reporter.log(f"{mark}{line}")
        if self._tee:
            sys.stdout.write(f"{line}\n")


def _description(status: int | None) -> str:
    if status is None:
        return "its process was lost"
    if status >= 0:
        return f"its process ended with exit code {status} before the training function did"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = "; the system may have run out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def _in_mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
