"""The processes below this one: which they are, and how much memory they use."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from maggy.core.executors import process_table as module
from maggy.core.executors.process_table import children_of, descendants, memory_of

pytestmark = pytest.mark.loopback

SIZE = 64 * 2**20


@pytest.fixture
def waiting():
    """Starts a program that says when it is ready and waits to be ended; returns the process."""
    processes = []

    def make(code):
        code += "\nprint('ready', flush=True)\ninput()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield make
    for process in processes:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_descendants_are_children_and_what_is_below_them(waiting):
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)"
    )
    parent = waiting(code)
    (child,) = descendants(parent.pid)
    ids = descendants(os.getpid())
    assert {parent.pid, child} <= set(ids)
    assert ids.index(parent.pid) < ids.index(child)


def test_spared_processes_are_left_out_with_all_below_them(waiting):
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)"
    )
    parent = waiting(code)
    (child,) = descendants(parent.pid)
    assert not {parent.pid, child} & set(descendants(os.getpid(), {parent.pid}))


needs_lists_of_children = pytest.mark.skipif(
    children_of(os.getpid()) is None, reason="the system does not list a process's children"
)


@needs_lists_of_children
def test_children_are_those_of_all_threads_and_none_below_them(waiting):
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)"
    )
    with ThreadPoolExecutor(1) as pool:
        parent = pool.submit(waiting, code).result()
        (grandchild,) = children_of(parent.pid)
        children = children_of(os.getpid())
    assert parent.pid in children
    assert grandchild not in children


def test_the_children_of_a_process_that_has_ended_are_unknown():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert children_of(process.pid) is None


@needs_lists_of_children
def test_children_are_unknown_when_a_thread_ends_while_they_are_read(monkeypatch):
    threads = iter([["1", "2"], ["1"]])
    monkeypatch.setattr(os, "listdir", lambda folder: next(threads))
    monkeypatch.setattr(module, "_read", lambda path: b"7 8 ")
    assert children_of(os.getpid()) is None


def test_a_list_of_children_that_may_be_cut_off_is_unknown(monkeypatch):
    monkeypatch.setattr(os, "listdir", lambda folder: ["1"])
    monkeypatch.setattr(module, "_read", lambda path: b"1234567 " * 512)
    assert children_of(os.getpid()) is None


def test_memory_is_that_of_all_processes(waiting):
    few = memory_of([waiting("").pid], 0)
    many = memory_of([waiting("").pid, waiting(f"data = b'x' * {SIZE}").pid], 0)
    assert many - few > 0.9 * SIZE


FAMILY = f"""
import os
data = b"x" * {SIZE}
read, write = os.pipe()
for _ in range(4):
    if not os.fork():
        os.close(write)
        os.read(read, 1)  # until the parent ends
        os._exit(0)
"""


def test_memory_that_processes_share_counts_once_when_the_limit_is_near(waiting):
    parent = waiting(FAMILY)
    pids = [parent.pid, *descendants(parent.pid)]
    assert len(pids) == 5
    assert memory_of(pids, limit=2**62) > 4 * SIZE  # quickly, and too much
    assert SIZE < memory_of(pids, limit=0) < 2 * SIZE


def test_processes_that_have_ended_take_no_memory():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert memory_of([process.pid], 0) == memory_of([process.pid], 2**62) == 0
