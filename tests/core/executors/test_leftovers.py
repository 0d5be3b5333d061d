"""Processes that a trial leaves end with it, except those of multiprocessing and of pools."""

import concurrent.futures
import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import types

import pytest
from helpers.wire import SOON

from maggy.core.executors import leftovers as module
from maggy.core.executors.leftovers import Leftovers
from maggy.core.executors.process_tree import adopt_orphans

FORK = multiprocessing.get_context("fork")
SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]
pytestmark = [
    pytest.mark.loopback,
    # These tests leave processes and pools behind on purpose.
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning"),
]
PROGRAMS = []


@pytest.fixture
def leftovers():
    leftovers = Leftovers()
    before = set(leftovers._spared)  # among them Spark's JVM, when other tests have started it
    yield leftovers
    leftovers._spared = before
    leftovers.end(grace=0)
    while PROGRAMS:
        program = PROGRAMS.pop()
        program.wait(SOON)
        program.stdout.close()


def is_running(pid):
    """Whether the process is there and has not ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def ready_program(body):
    """Start a program and wait until it says that it is ready."""
    child = subprocess.Popen([sys.executable, "-uc", body], stdout=subprocess.PIPE, text=True)
    PROGRAMS.append(child)  # the fixture closes its output
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.Popen(SLEEP).pid,
        lambda: subprocess.Popen(SLEEP, start_new_session=True).pid,
        lambda: os.posix_spawn(sys.executable, SLEEP, os.environ),
        lambda: (
            process := FORK.Process(target=time.sleep, args=(1000,)),
            process.start(),
            process.pid,
        )[-1],
    ],
)
def test_a_process_that_a_trial_leaves_is_ended_and_waited_for(leftovers, start):
    pid = start()
    leftovers.end()
    assert not os.path.exists(f"/proc/{pid}")


def test_a_process_is_asked_first_and_can_clean_up(leftovers, tmp_path):
    ready_program(
        "import signal, sys, time, pathlib\n"
        f"path = pathlib.Path({str(tmp_path / 'cleaned')!r})\n"
        "signal.signal(15, lambda *args: (path.touch(), sys.exit()))\n"
        "print('ready'); time.sleep(1000)"
    )
    leftovers.end(grace=60)
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("has_descriptors", [True, False])
def test_a_process_that_does_not_end_when_it_is_asked_is_killed(
    leftovers, monkeypatch, has_descriptors
):
    if not has_descriptors:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    child = ready_program(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(1000)"
    )
    leftovers.end(grace=0.05)
    assert not is_running(child.pid)


def test_a_process_that_is_stopped_is_ended_too(leftovers):
    child = ready_program("import time; print('ready'); time.sleep(1000)")
    os.kill(child.pid, signal.SIGSTOP)
    leftovers.end(grace=60)
    assert not is_running(child.pid)


def test_the_children_of_a_child_are_ended(leftovers):
    child = ready_program(
        f"import subprocess, time; c = subprocess.Popen({SLEEP!r})\n"
        "print('ready'); print(c.pid); time.sleep(1000)"
    )
    grandchild = int(child.stdout.readline())
    leftovers.end()
    assert not is_running(grandchild)


def test_a_process_whose_own_parent_has_ended_is_ended(leftovers):
    adopt_orphans(True)
    try:
        parent = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=2).pid)",
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        leftovers.end()
        assert not is_running(int(parent.stdout))
    finally:
        adopt_orphans(False)


def test_what_was_there_before_the_first_trial_stays():
    child = subprocess.Popen(SLEEP)
    try:
        Leftovers().end()
        assert is_running(child.pid)
    finally:
        child.kill()
        child.wait()


def test_the_resource_tracker_stays(leftovers):
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    tracker = resource_tracker._resource_tracker._pid
    leftovers.end()
    assert is_running(tracker)


@pytest.mark.slow
def test_the_fork_server_stays_and_what_it_has_started_is_ended(leftovers):
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=time.sleep, args=(1000,))
    process.start()
    leftovers.end()
    assert is_running(forkserver._forkserver._forkserver_pid)
    process.join()
    second = context.Process(target=time.sleep, args=(0,))
    second.start()
    second.join()
    assert second.exitcode == 0


def fork_pool():
    pool = FORK.Pool(2)
    workers = [process.pid for process in pool._pool]
    return pool, pool.map, lambda: (pool.terminate(), pool.join()), workers


def executor():
    pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=FORK)
    list(pool.map(abs, [0]))  # it starts its workers now
    workers = list(pool._processes)
    return pool, lambda function, values: list(pool.map(function, values)), pool.shutdown, workers


@pytest.mark.parametrize("make", [fork_pool, executor])
def test_a_pool_that_a_module_keeps_works_in_the_next_trials(leftovers, make):
    helper = types.ModuleType("helper")
    helper.pool, run, close, workers = make()
    try:
        for _ in range(3):
            assert run(abs, [-1, 2, -3]) == [1, 2, 3]
            leftovers.end()
            assert all(map(is_running, workers))  # without them, the next call would hang
    finally:
        close()


def test_a_pool_that_the_trial_drops_is_ended_also_out_of_a_cycle_and_a_traceback(leftovers):
    def leave():
        pool = FORK.Pool(2)
        cycle = [pool]
        cycle.append(cycle)
        workers.extend(process.pid for process in pool._pool)
        raise ValueError("after the pool was made")

    workers = []
    gc.disable()
    try:
        leave()
    except ValueError as error:
        leftovers.end(error)
    finally:
        gc.enable()
    assert not any(map(is_running, workers))


def test_a_manager_that_a_module_keeps_works_in_the_next_trial(leftovers):
    with FORK.Manager() as manager:
        shared = manager.list()
        leftovers.end()
        shared.append(1)
        assert list(shared) == [1]


def test_joblibs_workers_are_kept_for_the_next_trial(leftovers):
    import joblib
    from joblib.externals.loky import get_reusable_executor

    try:
        for _ in range(2):
            assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(value) for value in (-1, 2)) == [
                1,
                2,
            ]
            leftovers.end()
    finally:
        get_reusable_executor().shutdown(kill_workers=True)


def test_a_process_that_nobody_can_end_is_tried_once(leftovers, monkeypatch):
    child = subprocess.Popen(SLEEP)
    kill, signals = os.kill, []
    monkeypatch.setattr(
        os, "kill", lambda pid, number: signals.append(number) if number else kill(pid, 0)
    )
    leftovers.end(grace=0)
    assert [number for number in signals if number != signal.SIGCONT] == [
        signal.SIGTERM,
        signal.SIGKILL,
    ]
    leftovers.end(grace=0)
    assert len(signals) == 4
    kill(child.pid, signal.SIGKILL)
    child.wait()


def test_an_id_that_is_free_again_is_not_spared(leftovers):
    child = subprocess.Popen(SLEEP)
    leftovers._spared.add(child.pid)
    leftovers.end()
    assert is_running(child.pid)
    child.kill()
    child.wait()
    other = subprocess.Popen(SLEEP)
    leftovers.end()
    assert child.pid not in leftovers._spared
    assert not is_running(other.pid)


@pytest.fixture
def searches(monkeypatch):
    """The searches of the whole table of processes since the beginning of the test."""
    searches, search = [], module.descendants
    monkeypatch.setattr(module, "descendants", lambda *args: searches.append(args) or search(*args))
    return searches


def test_without_children_the_system_is_not_searched(leftovers, monkeypatch, searches):
    monkeypatch.setattr(module, "has_children", lambda: False)
    monkeypatch.setattr(module, "children_of", lambda pid: pytest.fail("read a list of children"))
    leftovers.end()
    assert searches == []


@pytest.fixture
def tracker():
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    return resource_tracker._resource_tracker._pid


needs_lists_of_children = pytest.mark.skipif(
    module.children_of(os.getpid()) is None, reason="the system does not list a process's children"
)


@needs_lists_of_children
def test_while_only_spared_processes_live_the_system_is_not_searched(leftovers, tracker, searches):
    leftovers.end()
    searches.clear()  # of pools that other tests have left
    leftovers.end()
    assert searches == []
    assert is_running(tracker)


def test_where_the_system_lists_no_children_it_is_searched(
    leftovers, tracker, searches, monkeypatch
):
    monkeypatch.setattr(module, "children_of", lambda pid: None)
    leftovers.end()
    assert len(searches) == 1
    assert is_running(tracker)


def test_a_process_beside_a_spared_one_is_ended(leftovers, tracker):
    leftovers.end()
    child = subprocess.Popen(SLEEP)
    leftovers.end()
    assert not is_running(child.pid)
    assert is_running(tracker)


@pytest.mark.parametrize("has_ended", [True, False])
def test_a_process_that_another_thread_has_started_beside_a_spared_one_is_ended(
    leftovers, tracker, has_ended
):
    def start():
        children.append(subprocess.Popen(SLEEP))
        is_started.set()
        if not has_ended:
            may_end.wait()

    children, is_started, may_end = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=start)
    thread.start()
    assert is_started.wait(SOON)
    if has_ended:
        thread.join()
    leftovers.end()
    may_end.set()
    thread.join()
    assert not is_running(children[0].pid)
    assert is_running(tracker)


def test_an_orphan_beside_a_spared_process_is_ended(leftovers, tracker):
    code = f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=2).pid)"
    adopt_orphans()
    try:
        parent = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
        )
        leftovers.end()
        assert not is_running(int(parent.stdout))
        assert is_running(tracker)
    finally:
        adopt_orphans(False)


@needs_lists_of_children
def test_what_a_fork_server_has_started_is_not_taken_for_spared(leftovers, tracker, monkeypatch):
    server = ready_program(
        f"import subprocess; c = subprocess.Popen({SLEEP!r})\n"
        "print('ready'); print(c.pid); c.wait()"
    )
    grandchild = int(server.stdout.readline())
    monkeypatch.setattr(module, "_trackers", lambda: iter([tracker, server.pid]))
    leftovers.end()
    assert not is_running(grandchild)
    assert is_running(tracker)
    server.wait(SOON)
