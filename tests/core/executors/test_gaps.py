"""Times in which the session's thread could not run."""

import pytest

from maggy.core.executors.gaps import GAP_SECONDS, Gap, GapWatch


@pytest.mark.parametrize("seconds", [-5.0, 0.0, GAP_SECONDS / 2])
def test_a_thread_that_wakes_in_time_has_no_gap(seconds):
    watch = GapWatch(100.0, lambda: 0.0)
    assert watch.find(100.0 + seconds) is None


def test_a_process_that_was_stopped_stood_still():
    watch = GapWatch(100.0, lambda: 7.0)
    assert watch.find(500.0) == Gap(400.0, is_standstill=True)


def test_a_call_that_holds_the_lock_is_no_standstill():
    work = iter([7.0, 350.0])
    watch = GapWatch(100.0, lambda: next(work))
    assert watch.find(500.0) == Gap(400.0, is_standstill=False)


def test_work_before_the_gap_does_not_count():
    work = iter([0.0, 350.0, 350.0])
    watch = GapWatch(100.0, lambda: next(work))
    assert watch.find(100.0) is None
    watch.next_wake = 101.0
    assert watch.find(501.0) == Gap(400.0, is_standstill=True)
