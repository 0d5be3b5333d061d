"""The times of workers become those of the driver, whose clock decides."""

import pytest
from helpers.ledgers import A, B

from maggy.core.experiment_driver.worker_clocks import NETWORK_SECONDS, WorkerClocks
from maggy.core.messages import Heartbeat, Register

NOW = 1_000_000.0


class Clock:
    """A clock that only tests set."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clocks(clock):
    return WorkerClocks(clock)


def hello(clock):
    return Register("host", 1, clock=clock)


def corrected(clocks, *times, worker=A, count=None):
    points = [(step, 0.5) for step in range(len(times) if count is None else count)]
    message = Heartbeat(1, 0, points, 0, [], False, list(times))
    clocks.correct(worker, message)
    return message.times


@pytest.mark.parametrize("behind", [100.0, NETWORK_SECONDS + 0.5, -0.25, -100.0, -1e6])
def test_times_of_a_clock_that_is_wrong_are_corrected(clocks, clock, behind):
    clocks.register(A, hello(NOW - behind))
    clock.now += 60
    assert corrected(clocks, NOW + 10 - behind, NOW + 20 - behind) == [NOW + 10, NOW + 20]
    assert corrected(clocks, NOW + 10, worker=B) == [NOW + 10]


def test_what_the_network_explains_is_no_offset(clocks, clock):
    clocks.register(A, hello(NOW - NETWORK_SECONDS / 2))
    clock.now += 60
    assert corrected(clocks, NOW + 10) == [NOW + 10]


def test_a_registration_that_was_long_on_its_way_is_found_out_by_the_first_points(clocks, clock):
    clocks.register(A, hello(NOW - 30))
    clock.now += 60
    assert corrected(clocks, NOW + 59.0, NOW + 59.5) == [NOW + 59.0, NOW + 59.5]
    assert corrected(clocks, NOW + 10) == [NOW + 10]


def test_of_repeated_registrations_the_quickest_counts(clocks, clock):
    clocks.register(A, hello(NOW - 30))
    clock.now += 1
    clocks.register(A, hello(NOW + 0.9))
    clock.now += 60
    assert corrected(clocks, NOW + 10) == [NOW + 10]


@pytest.mark.parametrize("ahead", [0.0, 3600.0])
def test_a_clock_that_is_set_back_meanwhile_is_noticed(clocks, clock, ahead):
    clocks.register(A, hello(NOW + ahead))
    clock.now += 60
    assert corrected(clocks, NOW + 50 + ahead, NOW + 60 + ahead) == [NOW + 50, NOW + 60]
    clock.now += 60
    back = ahead - 3600.0
    assert corrected(clocks, NOW + 110 + back, NOW + 120 + back) == [NOW + 110, NOW + 120]
    clock.now += 60
    assert corrected(clocks, NOW + 179 + back) == [NOW + 179]


def test_a_clock_that_is_ahead_and_goes_further_ahead_is_noticed(clocks, clock):
    clocks.register(A, hello(NOW + 100))
    clock.now += 60
    assert corrected(clocks, NOW + 3650, NOW + 3660) == [NOW + 50, NOW + 60]
    assert corrected(clocks, NOW + 3655) == [NOW + 55]


def test_no_time_is_later_than_the_arrival(clocks):
    assert corrected(clocks, NOW - 1, NOW + 100) == [NOW - 1, NOW]
    assert corrected(clocks, NOW + 100, NOW - 1) == [NOW, NOW - 1]
    assert corrected(clocks, float("nan")) == [NOW]


def test_points_of_a_release_without_times_get_the_time_of_their_arrival(clocks):
    clocks.register(A, hello(0.0))
    assert corrected(clocks, count=2) == [NOW, NOW]
    assert corrected(clocks) == []
