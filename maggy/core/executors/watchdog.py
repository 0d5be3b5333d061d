"""The two processes between a Spark task and its trials: the template, and the watchdog above it.

The template forks one child for each trial and ends all that the child leaves. It adopts orphans, so nothing that a
trial starts gets out of its reach. The watchdog does nothing but wait: when the Spark task dies, however it dies, or
when the template does, it ends everything below. Neither runs code of the user's but for loading the function.
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
from typing import Any, NoReturn

from maggy.core.cluster.python_worker import restore_task_state
from maggy.core.cluster.spark import loads
from maggy.core.executors.channel import Channel, ChannelClosed, Ended, Kill, Prepare, Prepared, Run
from maggy.core.executors.child import run_child
from maggy.core.executors.process_tree import Wakeup, adopt_orphans, die_with_parent, end_all, reap
from maggy.core.executors.workload import Workload

__all__ = ["main"]

TRIAL_GRACE_SECONDS = 1.0
"""How long what a trial has left may take to end when it is asked to, before it is killed."""
TEMPLATE_GRACE_SECONDS = 3.0
"""The same for the template, which first ends its own descendants."""


def main(channel: int, lifeline: int) -> None:
    """Be the watchdog of a Spark task.

    Args:
        channel: File descriptor of the template's connection to the Spark task.
        lifeline: File descriptor whose other end only the Spark task has, so that it closes when the task dies.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    adopt_orphans()
    wakeup = Wakeup()
    task = Channel.inherited(channel)
    template = _fork(lambda: Template(task, wakeup, lifeline).serve())
    task.close()
    is_running = True
    while is_running and not wakeup.is_asked_to_end:
        is_alone = wakeup.select(lifeline)
        is_running = not is_alone and all(pid != template for pid, _ in reap())
    end_all(wakeup, TEMPLATE_GRACE_SECONDS)


class Template:
    """Forks one child after the other, on request.

    Args:
        task: The connection to the Spark task.
        inherited: What the watchdog waits with; made again here.
        lifeline: The watchdog's descriptor; closed here.
    """

    def __init__(self, task: Channel, inherited: Wakeup, lifeline: int) -> None:
        self._task = task
        inherited.close()
        os.close(lifeline)
        self._wakeup = Wakeup()
        self._child = 0
        self._load: Callable[[], Workload]

    def serve(self) -> None:
        """Do what the Spark task asks for until it closes the connection."""
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
        message, descriptors = self._task.receive()
        if isinstance(message, Prepare):
            self._task.send(self._prepare(message))
        elif isinstance(message, Run):
            self._child = _fork(lambda: self._run(message, descriptors))
            for descriptor in descriptors:
                os.close(descriptor)
        elif isinstance(message, Kill) and self._child:
            os.kill(self._child, signal.SIGKILL)
        return message is not None

    def _prepare(self, message: Prepare) -> Prepared:
        threads = _threads()
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
        gc.freeze()  # or each child's first collection would copy every page
        return Prepared(None, max(0, _threads() - threads))

    def _run(self, message: Run, descriptors: list[int]) -> None:
        template = os.getppid()
        os.setsid()
        die_with_parent(signal.SIGKILL, template)
        self._wakeup.close()
        self._task.close()
        run_child(message.assignment, message.probe, descriptors, self._load)

    def _look_after_child(self) -> None:
        with suppress(ChildProcessError):
            for pid, status in reap():
                if pid == self._child:
                    self._child_ended(status)

    def _child_ended(self, status: int) -> None:
        child, self._child = self._child, 0
        end_all(self._wakeup, TRIAL_GRACE_SECONDS, child)
        with suppress(
            ChannelClosed
        ):  # the Spark task has died; the connection's end will be seen next
            self._task.send(Ended(status))


def _fork(body: Callable[[], Any]) -> int:
    """Run a function in a new child process, which ends with it; return the child's id."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Python 3.12 warns of threads. There is none but such as the memory allocator of pyarrow has, which minds.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    return pid or _end_with(body)


def _end_with(body: Callable[[], Any]) -> NoReturn:
    """Run a function and end this process, without what else Python does at the end of a program."""
    status = 1
    try:
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _threads() -> int:
    """The number of this process's threads that a child of it would lack, as far as that can be known."""
    warm_up = os.fork()
    if not warm_up:
        os._exit(0)
    os.waitpid(
        warm_up, 0
    )  # some libraries end their threads when a process forks, and start them when they need them
    try:
        names = [_name_of(thread) for thread in os.listdir("/proc/self/task")]
    except FileNotFoundError:
        return 1
    return len([name for name in names if name != ALLOCATOR_THREAD])


ALLOCATOR_THREAD = b"jemalloc_bg_thd\n"
"""Brought by pyarrow, and so by pandas, scikit-learn and TensorFlow. It knows about forks."""


def _name_of(thread: str) -> bytes:
    with open(f"/proc/self/task/{thread}/comm", "rb") as file:
        return file.read()
