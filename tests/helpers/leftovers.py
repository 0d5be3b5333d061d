"""The last line of defence: a test that leaves something running fails, and what it left is ended.

So the tests after it run as if it had ended what it began. A pytest plugin: the fixture applies to
every test.
"""

import signal
import sys
import threading
import time

import psutil
import pytest

OUTLIVES = ("maggy-progress", "maggy-hopsworks")
"""Threads that go on for a while by design: the notebook's channel, and a platform that is slow to
answer."""
SPARED = ("org.apache.spark", "resource_tracker", "forkserver")
"""Parts of command lines of children that stay for the whole run: Spark's JVM, and helpers of
multiprocessing."""
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]
LASTING: set[int] = set()
"""Ids of processes that several tests share; the fixture that makes them ends them."""
END_SECONDS = 60.0
"""How long threads that are about to end may take."""
PROCESS_END_SECONDS = 10.0
"""The same for processes; a test is to wait for those that it ends."""


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """Fail the test if it leaves an experiment, thread, process or handler, and end these."""
    looks_at_processes = any(request.node.get_closest_marker(tier) for tier in ("slow", "loopback"))
    threads = set(threading.enumerate())
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    processes = _children() if looks_at_processes else {}
    yield
    left = end_experiments() + _end_threads(threads)
    if looks_at_processes:
        left += _end_processes(processes)
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            left.append(f"a handler of {signal.Signals(number).name}")
            signal.signal(number, handler)
    assert not left, f"The test has left behind: {', '.join(left)}"


def end_experiments():
    """Interrupt the experiments of this process, wait for their ends, and describe them."""
    drivers = _running_drivers()
    for driver in drivers:
        driver._interrupted()
    deadline = time.monotonic() + END_SECONDS
    while (_running_drivers() or _is_locked()) and time.monotonic() < deadline:
        for driver in set(_running_drivers()) - set(drivers):  # one that was only about to begin
            driver._interrupted()
            drivers.append(driver)
        time.sleep(0.01)
    left = [f"the experiment {driver._recorder.experiment_id}" for driver in drivers]
    if _is_locked():
        sys.modules["maggy.experiment"]._running.release()
        left.append("the lock that allows one experiment at a time")
    return left


def _running_drivers():
    """The drivers whose ``run`` is on the stack of any thread."""
    module = sys.modules.get("maggy.core.experiment_driver.driver")
    if module is None:
        return []
    found = []
    for frame in sys._current_frames().values():
        while frame is not None:
            if frame.f_code is module.ExperimentDriver.run.__code__:
                found.append(frame.f_locals["self"])
            frame = frame.f_back
    return found


def _is_locked():
    module = sys.modules.get("maggy.experiment")
    return module is not None and module._running.locked()


def _end_threads(before):
    """Wait for the ends of our threads; return the names of those that stay."""
    deadline = time.monotonic() + END_SECONDS
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("maggy") and thread.name not in OUTLIVES:
            thread.join(max(0.0, deadline - time.monotonic()))
    names = [thread.name for thread in set(threading.enumerate()) - before]
    return [
        f"the thread {name}" for name in names if name.startswith("maggy") and name not in OUTLIVES
    ]


def _children():
    """The child processes that run, by process id."""
    children = psutil.Process().children()
    return {child.pid: child for child in children if child.pid not in LASTING and _runs(child)}


def _runs(child):
    try:
        line = " ".join(child.cmdline())  # empty for one that has ended and was not waited for
    except psutil.Error:
        return False
    return bool(line) and not any(part in line for part in SPARED)


def _end_processes(before):
    """Wait for the ends of new child processes. Kill those that stay, and return them."""
    new = [child for pid, child in _children().items() if pid not in before]
    _, alive = psutil.wait_procs(new, timeout=PROCESS_END_SECONDS) if new else ([], [])
    left = []
    for child in alive:
        try:
            left.append(f"the process {child.pid} ({' '.join(child.cmdline())[:80]})")
            family = [*child.children(recursive=True), child]
        except psutil.Error:
            continue
        for member in family:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=END_SECONDS)
    return left
