"""Interrupting the main thread from another one."""

from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest
from helpers.waiting import running, wait_until

from maggy.core.executors.trial_interrupt import Interrupter, TrialInterrupted

pytestmark = pytest.mark.loopback

LONG = 600  # seconds; an interrupt must not take a noticeable part of it


@pytest.fixture
def interrupter():
    interrupter = Interrupter()
    with interrupter.install():
        yield interrupter


def fire_when_ready(interrupter):
    wait_until(lambda: interrupter._is_armed, "the training")
    time.sleep(0.05)  # until it is in the middle of its work; it may be earlier, too
    interrupter.fire("too slow")


def sleep():
    time.sleep(LONG)


def loop():
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        pass


def loop_that_swallows_errors():
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def wait_for_a_lock():
    lock = threading.Lock()
    with lock:
        lock.acquire(timeout=LONG)


def join_a_thread():
    event = threading.Event()
    thread = threading.Thread(target=event.wait, args=[LONG], daemon=True)
    thread.start()
    try:
        thread.join()
    finally:
        event.set()


@pytest.mark.parametrize(
    "work", [sleep, loop, loop_that_swallows_errors, wait_for_a_lock, join_a_thread]
)
def test_a_training_function_ends_at_once(interrupter, work):
    began = time.monotonic()
    with running(fire_when_ready, interrupter) as firing:
        with pytest.raises(TrialInterrupted, match="too slow"), interrupter.arm():
            work()
        firing.result()
    assert time.monotonic() - began < LONG / 10
    assert interrupter.reason == "too slow"


def test_an_interrupt_is_no_error_that_user_code_catches():
    assert not issubclass(TrialInterrupted, Exception)


def test_nothing_happens_outside_the_armed_block(interrupter):
    interrupter.fire("early")
    with interrupter.arm():
        pass
    interrupter.fire("late")
    time.sleep(0.01)
    assert interrupter.reason == ""


def test_a_signal_that_arrives_after_the_block_is_ignored(interrupter):
    with interrupter.arm():
        pass
    signal.raise_signal(Interrupter.SIGNAL)


def test_a_signal_that_was_not_asked_for_is_ignored(interrupter):
    with interrupter.arm():
        signal.raise_signal(Interrupter.SIGNAL)  # as one that was meant for the run before
    assert interrupter.reason == ""


def test_a_swallowed_interrupt_is_remembered_and_can_be_repeated(interrupter):
    swallowed = 0
    with interrupter.arm():
        for reason in ("first reason", "another", "last"):
            try:
                interrupter.fire(reason)
                time.sleep(LONG)
            except TrialInterrupted:
                swallowed += 1
    assert swallowed == 3
    assert interrupter.reason == "first reason"


def test_the_next_run_begins_without_a_reason(interrupter):
    with contextlib.suppress(TrialInterrupted), interrupter.arm():
        interrupter.fire("over")
        time.sleep(LONG)
    assert interrupter.reason == "over"
    with interrupter.arm():
        assert interrupter.reason == ""


def test_the_handler_that_was_there_is_put_back():
    signals = []
    before = signal.signal(Interrupter.SIGNAL, lambda number, frame: signals.append(number))
    try:
        with pytest.raises(KeyError), Interrupter().install():
            raise KeyError
        signal.raise_signal(Interrupter.SIGNAL)
    finally:
        signal.signal(Interrupter.SIGNAL, before)
    assert signals == [Interrupter.SIGNAL]
