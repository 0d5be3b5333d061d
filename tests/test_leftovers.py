"""A test that leaves something running fails alone: its leftovers end before the next test."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.waiting import PROCESS_SECONDS, Background, running, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.loopback]

CAREFREE = """
import signal, subprocess, sys, threading
import pytest
from helpers.loopback import Experiment, Given, one_after_another, trials
from helpers.waiting import wait_until
from maggy import experiment

pytestmark = pytest.mark.loopback
begun = threading.Event()

def train(params, reporter, interrupted):
    begun.set()
    assert interrupted.wait(300)

def test_an_experiment_goes_on(tmp_path):
    def run():
        with experiment._running:
            Experiment(tmp_path, Given(one_after_another(trials(9)), 9), train).run()

    threading.Thread(target=run, daemon=True).start()
    assert begun.wait(60)
    assert False, "this test fails on purpose"

def test_a_process_goes_on():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

def test_a_signal_is_ignored():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)

def test_nothing_of_it_is_there():
    import psutil
    assert not experiment._running.locked()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("maggy")]
    assert not [p for p in psutil.Process().children() if "time.sleep(600)" in p.cmdline()[-1:]]
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
"""


def test_a_test_that_leaves_something_running_fails_and_the_next_one_does_not(tmp_path):
    path = tmp_path / "test_carefree.py"
    path.write_text(CAREFREE)
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), *sys.path])}
    options = ["-q", "-p", "helpers.leftovers", "-p", "no:cacheprovider", "-c"]
    pytest_run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, os.devnull, path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROCESS_SECONDS,
        check=False,
    )
    assert re.search(r"\b1 failed, 3 passed\b.* 3 errors", pytest_run.stdout), pytest_run.stdout
    assert re.search(r"has left behind: the experiment threads_1\n", pytest_run.stdout)
    assert re.search(
        r"has left behind: the process \d+ \(.*time\.sleep\(600\)\)", pytest_run.stdout
    )
    assert re.search(r"has left behind: a handler of SIGUSR1", pytest_run.stdout)


def test_a_block_that_fails_waits_for_the_thread_that_it_began():
    gate, threads = threading.Event(), []

    def fail_meanwhile():
        with running(gate.wait, release=gate.set) as background:
            threads.append(background)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert not threads[0].is_alive()


def test_the_error_of_a_background_thread_is_raised_where_its_result_is_asked_for():
    with pytest.raises(ZeroDivisionError):
        Background(lambda: 1 / 0).result()


def test_what_never_happens_is_an_error_that_names_it():
    with pytest.raises(AssertionError, match="the end of time did not happen"):
        wait_until(lambda: False, "the end of time", seconds=0.05)
