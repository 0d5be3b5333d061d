"""Start, follow and end the processes of trials, on the side of the Spark task.

One template process, started here in a fresh interpreter, forks a child for each trial; see
:mod:`maggy.core.executors.watchdog`. It shares no memory with the Spark task. So it holds neither
the keys of the connection to the driver nor what other jobs of Spark have left in this process.
"""

from __future__ import annotations

import json
import math
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from maggy.checkpoints.run import RunPlace
from maggy.checkpoints.uploader import Upload
from maggy.common.exhaustive import assert_never
from maggy.core.cluster import dumps
from maggy.core.cluster.python_worker import task_state
from maggy.core.executors.channel import ChannelClosed, template_channel
from maggy.core.executors.child_process import ChildProcess, Outcome
from maggy.core.executors.orders import pending_orders
from maggy.core.executors.process_messages import (
    ChildCommand,
    Ended,
    Interrupt,
    Kill,
    Prepare,
    Prepared,
    Probing,
    Run,
    TemplateReply,
)
from maggy.core.executors.process_table import descendants, memory_of
from maggy.core.messages import Assign, Order
from maggy.core.reporter import Reporter

__all__ = ["Children", "memory_reason"]

BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from maggy.core.executors.watchdog import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""
CLOSE_SECONDS = 15.0
"""How long the watchdog may take to end everything before this process goes on without it."""


class Children:
    """Run trials in child processes, one at a time.

    One thread runs them. Another one may call :meth:`interrupt`, :meth:`pass_on` and :meth:`kill`.

    Args:
        payload: The pickled :class:`~maggy.core.executors.workload.Workload`.
        max_memory: Bytes that a child may use with its descendants; None for no limit.
        interval: Seconds between two measurements of the memory.
        tee: Whether to print a child's output to this process's own output, too.
    """

    def __init__(
        self, payload: bytes, *, max_memory: int | None, interval: float, tee: bool
    ) -> None:
        self._payload = payload
        self._max_memory = max_memory
        self._interval = interval
        self._tee = tee
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # over the child and its channel
        self._child: ChildProcess | None = None

    def start(self) -> str | None:
        """Start the template, which loads the function.

        Returns:
            Why the function cannot be loaded; None if it can.
        """
        prepared = self._spawn(ahead=True)
        if prepared.threads:
            # A process with threads must not fork, so each child loads the function itself.
            self.close()
            prepared = self._spawn(ahead=False)
        return prepared.error

    def check(
        self, probe: bool, reporter: Reporter, on_probing: Callable[[Probing], None]
    ) -> Outcome:
        """Run the check of the study in a new child; return when nothing of it is left.

        Args:
            probe: Whether to build the study's components, too.
            reporter: Gets what is printed.
            on_probing: Called before each component is built.
        """
        return self._run(Run(None, probe), reporter, on_probing)

    def run(
        self,
        assignment: Assign,
        reporter: Reporter,
        run_place: RunPlace | None = None,
        on_checkpoint: Callable[[Upload], None] = lambda upload: None,
    ) -> Outcome:
        """Run a trial in a new child; return when nothing of it is left.

        Args:
            assignment: The trial.
            reporter: Gets what the trial reports and prints.
            run_place: Where the trial saves its checkpoints; None if it cannot.
            on_checkpoint: Called with each checkpoint that the trial has written to this disk.
        """
        order = Run(assignment, run_place=run_place)
        return self._run(order, reporter, lambda probing: None, on_checkpoint)

    def interrupt(self, reason: str) -> None:
        """Interrupt the training function. Any thread may call this."""
        child = self._child  # read once, since the child may end meanwhile
        if child is not None:
            child.reason = f"{reason}; it could not be interrupted"
            child.was_interrupted = True
        self._tell(Interrupt(reason))

    def pass_on(self, order: Order) -> None:
        """Let the child hear of an order. Any thread may call this."""
        self._tell(order)

    def kill(self) -> None:
        """End the child at once. Any thread may call this."""
        with self._lock, suppress(ChannelClosed):
            if self._child is not None:
                self._template.send(Kill())

    def close(self) -> None:
        """End the template, and with it whatever is left of a child."""
        if self._process is None:
            return
        self._lifeline.close()
        # The template may outlive a watchdog that was killed, if only for a moment.
        self._template.finish(CLOSE_SECONDS)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        self._process = None

    def _run(
        self,
        order: Run,
        reporter: Reporter,
        on_probing: Callable[[Probing], None],
        on_checkpoint: Callable[[Upload], None] = lambda upload: None,
    ) -> Outcome:
        if self._process is not None and self._process.poll() is not None:
            self.close()  # It was killed since the last trial.
        if self._process is None and (error := self.start()) is not None:
            return Outcome(
                reason=f"the training function cannot be loaded: {error}", ended_by_us=True
            )
        child = ChildProcess(reporter, self._tee, on_probing, on_checkpoint)
        try:
            with self._lock:
                self._child = child
                child.launch(self._template, order)
            # An order may have come before there was a child to tell.
            for pending_order in pending_orders(reporter):
                self._tell(pending_order)
            self._follow(child)
            return child.outcome()
        finally:
            with self._lock:
                self._child = None
                child.close()

    def _tell(self, message: ChildCommand) -> None:
        with self._lock, suppress(ChannelClosed):  # The child may be ending.
            if self._child is not None:
                self._child.control.send(message)

    def _spawn(self, ahead: bool) -> Prepared:
        """Start a watchdog and its template; return what the template says about the function."""
        self._template, template = template_channel()
        self._lifeline, watchdog = socket.socketpair()
        ends = (template.fileno(), watchdog.fileno())
        path = json.dumps([str(path) for path in sys.path])
        self._process = subprocess.Popen(
            [sys.executable, "-c", BOOT, path, *map(str, ends)],
            pass_fds=ends,
            stdin=subprocess.DEVNULL,
            # What Spark sends to its own group must not end the watchdog before its time.
            start_new_session=True,
        )
        # The Spark task keeps no copies, or it would not see the other ends close.
        template.close()
        watchdog.close()
        message: TemplateReply | None = None
        with suppress(ChannelClosed):
            self._template.send(Prepare(dumps(task_state()), self._payload, ahead))
            message, _ = self._template.receive()
        if isinstance(message, Prepared):
            return message
        self.close()
        return Prepared("the process that was to load it has ended", 0)

    def _follow(self, child: ChildProcess) -> None:
        """Take what the child says and prints until it has ended."""
        next_look = time.monotonic() + self._interval
        with selectors.DefaultSelector() as selector:
            sources = {
                **child.sources(),
                self._template.fileno(): lambda: self._hear_template(child),
            }
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

    def _hear_template(self, child: ChildProcess) -> bool:
        message, _ = self._template.receive()
        match message:
            case None:
                child.reason = (
                    child.reason or "the process that starts its worker's trials has ended"
                )
                # The watchdog ends what is left; the next trial starts a new template.
                self.close()
                return False
            case Ended(status=status):
                child.status = status
            case Prepared():
                raise RuntimeError("The template said Prepared, but it was told to run a trial.")
            case _:
                assert_never(message)
        return True

    def _check_memory(self, child: ChildProcess, limit: int) -> None:
        assert self._process is not None
        # The first descendant of the watchdog is the template.
        _, *pids = descendants(self._process.pid) or [0]
        size = memory_of(pids, limit)
        if size > limit:
            child.reason = memory_reason(size, limit)
            self.kill()


def memory_reason(size: int, limit: int) -> str:
    """Return why a trial ended that used `size` bytes of memory, more than `limit`."""
    # Rounded apart, so that the two figures differ even if the sizes differ by one byte.
    size_mib, limit_mib = math.ceil(size / 2**20), limit // 2**20
    return f"used {size_mib:,} MiB of memory, more than max_trial_memory={limit_mib:,} MiB"
