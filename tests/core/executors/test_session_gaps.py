"""A session whose clock makes a jump, and one whose driver says nothing for long."""

import threading

import pytest
from helpers.wire import HELLO, SOON

from maggy.core.executors import driver_silence
from maggy.core.messages import Abandon, Ack, Assign, Done, Failed, Final, Heartbeat, Register, Wait

pytestmark = pytest.mark.loopback


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clocks():
    return Clock(), Clock()


@pytest.fixture
def stage(stages, clocks):
    return stages(
        clock=clocks[0], work_clock=clocks[1], answer_timeout=90.0, max_trial_seconds=500.0
    )


def jump(stage, clock, seconds):
    """Have the session's thread look at its clock after a jump, and wait until it has."""
    clock.now += seconds
    stage.session._client.wake()
    stage.host.expect(Heartbeat)


def lose_patience(stage):
    """Let the worker wait only briefly from now on. Before, it waits as long as needed."""
    stage.session._silence._patience = 0.05


def unanswered(stage):
    """Bring the worker into a run of which a heartbeat stays unanswered."""
    stage.assigned()
    stage.session._next_beat = 0.0
    stage.session._client.wake()
    stage.host.expect(Heartbeat)
    stage.session._client.is_connected = lambda: False


def test_a_gap_in_the_workers_own_clock_is_not_the_drivers_silence(stage, clocks):
    unanswered(stage)
    jump(stage, clocks[0], 400.0)
    jump(stage, clocks[0], 0.1)
    assert stage.interrupts == []


def test_a_driver_is_silent_only_once_a_message_was_sent(stage, clocks):
    stage.assigned()
    stage.say(Ack(1, 0, 0))  # the answer to all that was said so far
    for _ in range(5):
        jump(stage, clocks[0], 40.0)
        stage.say(Ack(1, 0, 0))
    assert stage.interrupts == []


def test_a_time_in_which_the_process_stood_still_is_not_the_trials(stage, clocks):
    stage.assigned()
    jump(stage, clocks[0], 600.0)
    jump(stage, clocks[0], 0.1)
    assert stage.interrupts == []


def test_a_time_in_which_the_trial_held_the_thread_up_is_the_trials(stage, clocks):
    stage.assigned()
    clocks[1].now += 550.0
    jump(stage, clocks[0], 600.0)
    assert stage.interrupted.wait(SOON)
    assert "max_trial_seconds" in stage.interrupts[0]


def test_the_standstill_of_one_trial_is_no_time_of_the_next(stage, clocks):
    stage.assigned()
    jump(stage, clocks[0], 600.0)
    answer = stage.worker(stage.session.final, 0.5, {}, False)
    stage.host.expect(Final)
    stage.say(Assign(2, "t2", {}, ""))
    assert answer.result(SOON).run == 2
    stage.worker(stage.session.begin).result(SOON)
    clocks[1].now += 501.0
    jump(stage, clocks[0], 501.0)
    assert stage.interrupted.wait(SOON)


def test_a_driver_that_is_stopped_keeps_its_connection_and_its_workers(stages, monkeypatch):
    monkeypatch.setattr(driver_silence, "CONNECTED_PATIENCE", 1e6)
    stage = stages()
    stage.assigned()
    lose_patience(stage)
    stage.host.gather(0.3)
    assert stage.interrupts == []


def test_a_worker_that_leaves_an_assigned_trial_says_why(stages):
    stage = stages()
    stage.assigned()
    lose_patience(stage)
    assert stage.interrupted.wait(SOON)
    assert stage.worker(stage.session.failed, "cut off", "").result(SOON) == Done()
    assert "not answered" in stage.session.desertion


def test_a_worker_that_leaves_with_a_result_that_nobody_took_deserts_its_trial(stages):
    stage = stages()
    stage.assigned()
    lose_patience(stage)
    assert stage.worker(stage.session.final, 0.5, {}, False).result(SOON) == Done()
    assert stage.session.desertion


@pytest.mark.parametrize("last", [Wait(), Abandon(1)])
def test_a_worker_without_a_trial_deserts_none(stages, last):
    stage = stages()
    stage.assigned()
    answer = stage.worker(stage.session.failed, "over", "")
    stage.host.expect(Failed)
    stage.say(last)
    stage.host.until(lambda: not stage.session._has_trial)
    lose_patience(stage)
    assert answer.result(SOON) == Done()
    assert not stage.session.desertion


def test_a_worker_that_is_sent_away_deserts_nothing(stages):
    stage = stages()
    stage.assigned()
    stage.say(Done())
    assert stage.interrupted.wait(SOON)
    assert stage.worker(stage.session.failed, "cut off", "").result(SOON) == Done()
    assert not stage.session.desertion


def test_a_client_knows_whether_it_is_connected(stages):
    stage = stages(answer_timeout=0.2)
    client = stage.session._client
    tick = client._on_tick
    connected, disconnected = threading.Event(), threading.Event()

    def note_and_tick():
        if client.is_connected():
            connected.set()
        elif connected.is_set():
            disconnected.set()
        return tick()

    client._on_tick = note_and_tick
    stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.host.until(connected.is_set)
    stage.host.server._socket.close()
    assert disconnected.wait(SOON)
