"""Run the two processes between a Spark task and its trials: the template and the watchdog.

The template forks one child for each trial and ends all that the child leaves. It adopts orphans,
so nothing that a trial starts gets out of its reach. The watchdog does nothing but wait: when the
Spark task or the template ends, whatever the cause, it ends everything below. Neither runs code of
users, except to load the function.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from maggy.common.exhaustive import assert_never
from maggy.core.cluster import loads
from maggy.core.cluster.python_worker import restore_task_state
from maggy.core.executors.channel import Channel, ChannelClosed, template_end
from maggy.core.executors.child import run_child
from maggy.core.executors.process_messages import (
    Ended,
    Kill,
    Prepare,
    Prepared,
    Run,
    TemplateCommand,
    TemplateReply,
)
from maggy.core.executors.process_tree import Wakeup, adopt_orphans, die_with_parent, end_all, reap
from maggy.core.executors.workload import Workload

__all__ = ["main"]

TRIAL_GRACE_SECONDS = 1.0
"""How long what a trial has left may take to end after SIGTERM, before SIGKILL."""
TEMPLATE_GRACE_SECONDS = 3.0
"""The same for the template, which first ends its own descendants."""
ALLOCATOR_THREAD = b"jemalloc_bg_thd\n"
"""Started by pyarrow, and so by pandas, scikit-learn and TensorFlow. It survives a fork."""


def main(channel: int, lifeline: int) -> None:
    """Be the watchdog of a Spark task.

    Args:
        channel: File descriptor of the template's channel to the Spark task.
        lifeline: File descriptor of a socket whose other end only the Spark task has: it closes
            when the task ends.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    adopt_orphans()
    wakeup = Wakeup()
    task = template_end(channel)
    template = _fork(lambda: Template(task, wakeup, lifeline).serve())
    # With a copy of it here, the Spark task would not see the template end.
    task.close()
    is_running = True
    while is_running and not wakeup.is_asked_to_end:
        is_alone = wakeup.select(lifeline)
        is_running = not is_alone and all(pid != template for pid, _ in reap())
    end_all(wakeup, TEMPLATE_GRACE_SECONDS)


class Template:
    """Fork one child after the other, on request.

    Args:
        task: The channel to the Spark task.
        wakeup: The watchdog's wakeup, which the fork has copied. The template makes its own.
        lifeline: The watchdog's file descriptor, which is closed here.
    """

    def __init__(
        self, task: Channel[TemplateCommand, TemplateReply], wakeup: Wakeup, lifeline: int
    ) -> None:
        self._task = task
        wakeup.close()
        os.close(lifeline)
        self._wakeup = Wakeup()
        self._child = 0
        self._load: Callable[[], Workload]

    def serve(self) -> None:
        """Do what the Spark task asks for until it closes the channel."""
        die_with_parent(signal.SIGTERM, os.getppid())
        adopt_orphans()
        is_connected = True
        while is_connected and not self._wakeup.is_asked_to_end:
            has_message = self._wakeup.select(self._task.fileno())
            if self._child:
                self._look_after_child()
            if has_message:
                is_connected = self._receive()
        end_all(self._wakeup, TRIAL_GRACE_SECONDS, self._child or None)

    def _receive(self) -> bool:
        """Do what the next message says; return whether the channel is still open."""
        message, descriptors = self._task.receive()
        match message:
            case None:
                return False
            case Prepare():
                self._task.send(self._prepare(message))
            case Run():
                self._launch(message, descriptors)
            case Kill():
                if self._child:
                    os.kill(self._child, signal.SIGKILL)
            case _:
                assert_never(message)
        return True

    def _prepare(self, message: Prepare) -> Prepared:
        threads = _count_threads()
        try:
            restore_task_state(loads(message.state))
            if message.ahead:
                workload: Workload = loads(message.payload)
                self._load = lambda: workload
            else:
                self._load = lambda: loads(message.payload)
        except Exception as error:
            return Prepared(f"{type(error).__name__}: {error}", 0)
        gc.collect()
        # Otherwise the first collection in each child would copy every page of memory.
        gc.freeze()
        return Prepared(None, max(0, _count_threads() - threads))

    def _launch(self, message: Run, descriptors: list[int]) -> None:
        self._child = _fork(lambda: self._run(message, descriptors))
        for descriptor in descriptors:
            os.close(descriptor)

    def _run(self, message: Run, descriptors: list[int]) -> None:
        template = os.getppid()
        os.setsid()
        die_with_parent(signal.SIGKILL, template)
        self._wakeup.close()
        self._task.close()
        run_child(message, descriptors, self._load)

    def _look_after_child(self) -> None:
        with suppress(ChildProcessError):
            for pid, status in reap():
                if pid == self._child:
                    self._report_end(status)

    def _report_end(self, status: int) -> None:
        """End what the child has left, and only then say that it has ended."""
        child, self._child = self._child, 0
        end_all(self._wakeup, TRIAL_GRACE_SECONDS, child)
        with suppress(ChannelClosed):  # The Spark task has ended; the next message will say so.
            self._task.send(Ended(status))


def _fork(body: Callable[[], None]) -> int:
    """Run a function in a new child process, which ends with it; return the child's id."""
    # Otherwise the child would write what is buffered a second time.
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Python 3.12 warns of threads. There is none, except some that survive a fork, such as the
        # one of pyarrow's memory allocator.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    return pid or _end_with(body)


def _end_with(body: Callable[[], None]) -> NoReturn:
    """Run a function and end this process, without Python's usual steps at the end."""
    status = 1
    try:
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _count_threads() -> int:
    """Return how many threads of this process a child would lack, as far as the system says it."""
    # Some libraries end their threads when a process forks, and start them again when they need
    # them. These do not count, so this forks first.
    warm_up = os.fork()
    if not warm_up:
        os._exit(0)
    os.waitpid(warm_up, 0)
    try:
        names = [_name_of(thread) for thread in os.listdir("/proc/self/task")]
    except FileNotFoundError:
        return 1
    return len([name for name in names if name != ALLOCATOR_THREAD])


def _name_of(thread: str) -> bytes:
    with open(f"/proc/self/task/{thread}/comm", "rb") as file:
        return file.read()
