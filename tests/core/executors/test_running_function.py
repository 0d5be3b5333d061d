"""When the function that runs is interrupted, and when the session gives it up."""

import math

import pytest

from maggy.core.executors.running_function import GRACE_SECONDS, REPEAT_SECONDS, RunningFunction


class Orders:
    """The interrupts and surrenders that a watched function has caused."""

    def __init__(self):
        self.interrupts = []
        self.surrenders = []
        self.function = RunningFunction(self.interrupts.append, self.surrenders.append)


@pytest.fixture
def orders():
    return Orders()


def test_nothing_is_watched_before_the_beginning_and_after_the_end(orders):
    function = orders.function
    assert function.watch(1e6) == math.inf
    function.begin(0.0, 10.0, "limit")
    assert function.is_running
    function.end()
    assert not function.is_running
    assert function.watch(1e6) == math.inf
    function.interrupt("too late", 1e6)
    assert (orders.interrupts, orders.surrenders) == ([], [])


def test_a_function_is_interrupted_when_its_time_is_over(orders):
    orders.function.begin(100.0, 10.0, "max_trial_seconds")
    assert orders.function.watch(109.0) == 110.0
    assert orders.interrupts == []
    orders.function.watch(110.0)
    assert orders.interrupts == ["exceeded max_trial_seconds=10"]


def test_a_time_that_is_left_out_does_not_count(orders):
    orders.function.begin(100.0, 10.0, "limit")
    orders.function.leave_out(50.0)
    assert orders.function.watch(159.0) == 160.0
    assert orders.interrupts == []
    orders.function.begin(200.0, 10.0, "limit")
    assert orders.function.watch(205.0) == 210.0


def test_a_function_without_a_limit_is_interrupted_only_by_an_order(orders):
    orders.function.begin(0.0, None, "limit")
    assert orders.function.watch(1e9) == math.inf
    orders.function.interrupt("lost", 1e9)
    assert orders.interrupts == ["lost"]


def test_an_interrupt_that_was_swallowed_is_repeated_and_the_first_reason_counts(orders):
    orders.function.begin(0.0, None, "limit")
    orders.function.interrupt("first", 1.0)
    orders.function.interrupt("second", 1.1)
    assert orders.function.watch(1.2) == 1.2 + REPEAT_SECONDS
    assert orders.interrupts == ["first"]
    orders.function.watch(1.0 + REPEAT_SECONDS)
    assert orders.interrupts == ["first", "first"]


def test_a_function_that_does_not_end_in_its_grace_is_given_up_once_a_grace(orders):
    orders.function.begin(0.0, None, "limit")
    orders.function.interrupt("lost", 1.0)
    orders.function.watch(0.9 + GRACE_SECONDS)
    assert orders.surrenders == []
    orders.function.watch(1.0 + GRACE_SECONDS)
    orders.function.watch(1.1 + GRACE_SECONDS)
    assert orders.surrenders == ["lost"]


def test_a_new_function_has_no_interrupt_of_the_old_one(orders):
    orders.function.begin(0.0, None, "limit")
    orders.function.interrupt("lost", 1.0)
    orders.function.begin(2.0, None, "limit")
    assert orders.function.watch(100.0) == math.inf
    assert (orders.interrupts, orders.surrenders) == (["lost"], [])
