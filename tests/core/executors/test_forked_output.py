"""What forked children print reaches the trial that forked them, or the worker's own output."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading

import pytest

from maggy.core.executors.capture import StandardStreams, capture_output
from maggy.core.executors.forked_output import ForkedOutput
from maggy.core.executors.line_writer import LineWriter
from maggy.core.executors.process_state import ProcessState, isolate

FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.loopback


@pytest.fixture
def state():
    with ProcessState() as state:
        yield state


def fork(function):
    """Call the function in a forked child and wait for its end, as ``os.fork`` is used."""
    child = os.fork()
    if not child:
        function()
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


def speak():
    print("to the output")
    print("to the errors", file=sys.stderr)
    print("without an end", end="", flush=True)


@pytest.mark.parametrize(
    "start", [fork, lambda function: (p := FORK.Process(target=function), p.start(), p.join())]
)
def test_what_a_forked_child_prints_is_in_the_trials_output(state, start):
    lines = []
    with isolate(lines.append, state=state):
        print("before")
        sys.stdout.write("of the parent ")
        start(speak)
        print("only")
    assert sorted(lines) == sorted(
        [
            "before",
            "of the parent only",
            "to the output",
            "[stderr] to the errors",
            "without an end",
        ]
    )
    assert lines.index("to the output") < lines.index("[stderr] to the errors")


def test_what_has_arrived_when_a_trial_ends_is_in_its_output_however_slow_the_thread_is():
    lines = []
    streams = StandardStreams()
    relay = ForkedOutput(streams)
    relay.begin(lambda is_error: LineWriter(lines.append, streams.stdout, tee=False))
    fork(lambda: relay.send(False, "in time\n"))
    relay.end()  # the thread has not even begun
    assert lines == ["in time"]
    relay.start()
    relay.close()


def test_long_lines_of_a_child_arrive_whole(state):
    def speak_long():
        print("x" * 100_000)
        print("y" * 100_000, file=sys.stderr)

    lines = []
    with isolate(lines.append, state=state):
        fork(speak_long)
    assert lines == ["x" * 100_000, "[stderr] " + "y" * 100_000]


def test_a_bar_in_a_child_keeps_its_last_state_only(state):
    def draw():
        for number in range(1, 101):
            print(f"\r{number}%", end="", flush=True)
        print()

    lines = []
    with isolate(lines.append, state=state):
        fork(draw)
    assert lines == ["100%"]


def test_much_output_of_several_children_arrives_whole_and_in_order(state):
    def count(name):
        for number in range(500):
            print(name, number, name * 2000 if number % 100 == 0 else "ü")

    lines = []
    with isolate(lines.append, state=state):
        children = [FORK.Process(target=count, args=(name,)) for name in "ab"]
        for child in children:
            child.start()
        for child in children:
            child.join()
    for name in "ab":
        own = [line for line in lines if line.startswith(name)]
        assert [int(line.split()[1]) for line in own] == list(range(500))
        assert own[0].split()[2] == name * 2000


def test_a_grandchild_is_heard_too(state):
    lines = []
    with isolate(lines.append, state=state):
        fork(lambda: fork(lambda: print("grandchild")))
    assert lines == ["grandchild"]


def test_a_pool_that_outlives_its_trial_prints_into_the_one_that_runs(state):
    first, second = [], []
    with FORK.Pool(1) as pool:
        with isolate(first.append, state=state):
            pass
        pool.apply(int)
        with isolate(first.append, state=state):
            helper = FORK.Pool(1)
            helper.apply(print, ("first",))
        with isolate(second.append, state=state):
            helper.apply(print, ("second",))
        helper.terminate()
        helper.join()
    assert (first, second) == (["first"], ["second"])


def test_without_a_relay_a_child_prints_to_the_file_beneath(tmp_path, monkeypatch):
    with (tmp_path / "out").open("w") as beneath:
        monkeypatch.setattr(sys, "stdout", beneath)
        beneath.write("not flushed by the parent, ")
        lines = []
        with capture_output(lines.append, streams=StandardStreams()):
            fork(lambda: print("child"))
    assert lines == []
    assert (tmp_path / "out").read_text() == "child\nnot flushed by the parent, "


def test_while_no_trial_runs_and_after_the_worker_a_child_prints_to_the_file_beneath(tmp_path):
    code = """
import os, sys
from maggy.core.executors.forked_output import ForkedOutput
from maggy.core.executors.line_writer import LineWriter
from maggy.core.executors.process_state import ProcessState, isolate
state = ProcessState()
waits, goes = os.pipe()
said, says = os.pipe()
with state:
    with isolate(print, state=state):
        state.leftovers.end = lambda error: None  # so that the child outlives the trial
        child = os.fork()
        if not child:
            for text in ("between", "afterwards"):
                os.read(waits, 1)
                print(text)
                os.write(says, b"1")
            os._exit(0)
    os.write(goes, b"1")
    os.read(said, 1)
os.write(goes, b"1")
os.waitpid(child, 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == "between\nafterwards\n"


def test_a_child_that_is_forked_while_another_thread_writes_does_not_wait_for_it(state):
    lines = []
    is_held, may_go = threading.Event(), threading.Event()

    def hold():
        with sys.stdout._lock:
            is_held.set()
            may_go.wait()

    with isolate(lines.append, state=state):
        thread = threading.Thread(target=hold)
        thread.start()
        is_held.wait()
        fork(lambda: print("child"))
        may_go.set()
        thread.join()
    assert lines == ["child"]


@pytest.mark.parametrize(("ending", "code"), [("pass", 0), ("raise KeyError('lost')", 1)])
def test_a_child_that_comes_out_of_the_function_ends_there(ending, code):
    program = f"""
import os, sys
from maggy.core.executors.forked_output import ForkedOutput
from maggy.core.executors.line_writer import LineWriter
from maggy.core.executors.process_state import ProcessState, isolate
with ProcessState() as state:
    with isolate(lambda line: sys.__stdout__.write(line + "\\n"), state=state):
        child = os.fork()
        if not child:
            print("child")
            {ending}
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert child, "the child has become a second worker"
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert "child" in run.stdout.splitlines()
    assert str(code) in run.stdout.splitlines()
    assert ("[stderr] KeyError: 'lost'" in run.stdout) == bool(code)


def test_the_thread_and_the_socket_end_with_the_worker():
    before = threading.active_count()
    with ProcessState() as state:
        sending = state.forked_output._sending
        assert isinstance(sending, socket.socket)
    assert threading.active_count() == before
    assert sending.fileno() == -1
