"""The processes below this one: who they are, and how much memory they take."""

import os
import subprocess
import sys

import pytest

from maggy.core.executors.process_tree import descendants, memory_of

pytestmark = pytest.mark.loopback

SIZE = 64 * 2**20


@pytest.fixture
def waiting():
    """Starts a program that says when it is ready and waits to be ended; returns the process."""
    made = []

    def make(code):
        code += "\nprint('ready', flush=True)\ninput()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        made.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield make
    for process in made:
        process.stdin.close()
        process.wait()


def test_descendants_are_children_and_what_is_below_them(waiting):
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0)"
    )
    parent = waiting(code)
    (child,) = descendants(parent.pid)
    found = descendants(os.getpid())
    assert {parent.pid, child} <= set(found)
    assert found.index(parent.pid) < found.index(child)


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
