"""Wait for other threads and processes, and end what a test began.

A limit here only tells a hang from a slow machine: it is far longer than what is waited for takes.
"""

import subprocess
import threading
import time
from contextlib import contextmanager

import psutil

from helpers.leftovers import end_experiments

HANG = 300.0
"""Seconds after which a thing that has not happened will not happen."""
PROCESS_SECONDS = 600.0
"""The same for a whole process that starts a Spark of its own."""


def wait_until(condition, what="what the test waits for", seconds=HANG, pause=0.01):
    """Return the condition's value once it is true. Raise AssertionError if it stays false."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:g} seconds"
        time.sleep(pause)
    return value


def wait_until_sent(reporter):
    """Wait until the driver has acknowledged all points. Training functions may call it."""
    wait_until(lambda: not reporter.waiting()[1], "the driver's acknowledgement", pause=0.001)


class Background:
    """A function on a thread of its own."""

    def __init__(self, function, *args):
        self._value, self._error = None, None
        self._thread = threading.Thread(target=self._run, args=(function, *args), daemon=True)
        self._thread.start()

    def _run(self, function, *args):
        try:
            self._value = function(*args)
        except BaseException as error:
            self._error = error

    def is_alive(self):
        return self._thread.is_alive()

    def join(self, seconds=HANG):
        """Wait for the end; raise AssertionError if it does not come."""
        self._thread.join(seconds)
        assert not self.is_alive(), f"a background thread did not end in {seconds:g} seconds"

    def result(self, seconds=HANG):
        """Return what the function returned, or raise what it raised."""
        self.join(seconds)
        if self._error is not None:
            raise self._error
        return self._value


@contextmanager
def running(function, *args, release=lambda: None):
    """A :class:`Background` for as long as the block lasts.

    Args:
        function: Runs on the thread.
        *args: Its arguments.
        release: Called at the end of the block, to open the gates at which the function waits. If
            the block fails, experiments that the function runs are interrupted too.
    """
    background = Background(function, *args)
    try:
        yield background
    except BaseException:
        release()
        end_experiments()
        background.join()
        raise
    release()
    background.join()


@contextmanager
def process(command, **options):
    """Kill a process and all its descendants at the end of the block if it still runs."""
    started = subprocess.Popen(command, **options)
    try:
        yield started
    finally:
        kill_tree(started)
        for stream in (started.stdin, started.stdout, started.stderr):
            if stream is not None:
                stream.close()


def kill_tree(started):
    """Kill a process and its descendants, and wait until they are gone."""
    if started.poll() is not None:
        return
    family = [*psutil.Process(started.pid).children(recursive=True)]
    started.kill()
    started.wait()
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=HANG)


def read_until(stream, text):
    """Return the lines of a process's output up to the first that holds the text."""
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"the process ended without {text!r}: {''.join(lines)[-3000:]}")
