"""What happens at the end of a trial, and in which order, whatever goes wrong."""

import sys

import pytest

from maggy.core.executors import process_state as module
from maggy.core.executors.process_state import ProcessState, isolate


def test_what_cannot_be_ended_fails_no_trial_and_the_rest_is_still_put_back(monkeypatch):
    def refuse(*args):
        raise OSError("no")

    before = sys.getswitchinterval()
    monkeypatch.setattr(module, "end_open_runs", refuse)
    with ProcessState() as state:
        monkeypatch.setattr(state.leftovers, "end", refuse)
        with isolate(lambda line: None, state=state):
            sys.setswitchinterval(0.5)
    assert sys.getswitchinterval() == before


def test_processes_end_before_what_they_have_printed_is_collected(monkeypatch):
    order = []
    with ProcessState() as state:
        monkeypatch.setattr(state.leftovers, "end", lambda error: order.append("processes"))
        collect = state.forked_output.end
        monkeypatch.setattr(state.forked_output, "end", lambda: (order.append("output"), collect()))
        with isolate(lambda line: None, state=state):
            pass
    assert order == ["processes", "output"]


def test_the_error_of_a_trial_goes_on_after_it():
    with pytest.raises(KeyError, match="mine"), isolate(lambda line: None):
        raise KeyError("mine")
