"""A process is identified, and it is provably dead only if everything speaks for it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maggy.records.process import Process, current_process, is_provably_dead, start_of

linux = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="elsewhere nothing is proved"
)

HERE = Process("host", "boot", "pid:[1]", 10, "500")
OTHER = replace(HERE, pid=20, started="700")


def running(*starts):
    """Return a function that knows the starts of these running processes by their numbers."""
    return lambda pid: dict(starts).get(pid)


def test_a_process_that_no_longer_exists_is_dead():
    assert is_provably_dead(OTHER, HERE, running())


def test_a_process_that_still_exists_is_not_dead():
    assert not is_provably_dead(OTHER, HERE, running((20, "700")))


def test_a_number_that_another_process_has_now_proves_death():
    assert is_provably_dead(OTHER, HERE, running((20, "900")))


@pytest.mark.parametrize(
    "elsewhere",
    [{"host": "other"}, {"boot_id": "after a restart"}, {"namespace": "pid:[2]"}],
    ids=str,
)
def test_a_process_on_another_host_or_in_another_container_is_never_provably_dead(elsewhere):
    # Its number may be free here, or belong to another process.
    assert not is_provably_dead(replace(OTHER, **elsewhere), HERE, running())
    assert not is_provably_dead(replace(OTHER, **elsewhere), HERE, running((20, "900")))


@pytest.mark.parametrize("unknown", ["boot_id", "namespace", "started"])
def test_a_number_alone_proves_nothing(unknown):
    assert not is_provably_dead(
        replace(OTHER, **{unknown: ""}), replace(HERE, **{unknown: ""}), running()
    )


def test_a_start_that_cannot_be_read_proves_nothing():
    assert not is_provably_dead(OTHER, HERE, running((20, "")))


@linux
def test_this_process_is_alive_and_the_same_each_time():
    assert current_process() == current_process()
    assert current_process().pid == os.getpid()
    assert not is_provably_dead(current_process(), current_process())


@linux
def test_a_killed_process_is_dead_before_and_after_its_parent_has_noticed():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = replace(current_process(), pid=child.pid, started=start_of(child.pid))
    assert not is_provably_dead(process, current_process())
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is still listed
    assert is_provably_dead(process, current_process())
    child.communicate()
    assert is_provably_dead(process, current_process())


@linux
def test_a_process_whose_details_are_hidden_is_not_taken_for_dead(monkeypatch):
    real = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda path, **options: (
            real(path, **options)
            if "/proc/" not in str(path)
            else (_ for _ in ()).throw(FileNotFoundError())
        ),
    )
    assert start_of(os.getpid()) == ""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert start_of(child.pid) is None
