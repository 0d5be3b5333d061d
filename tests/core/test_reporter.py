"""The mailbox between a training function and the heartbeat keeps order and limits."""

from __future__ import annotations

import copy
import math
import os
import pickle
import subprocess
import sys
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from maggy.common.exceptions import (
    BroadcastMetricTypeError,
    BroadcastStepTypeError,
    BroadcastStepValueError,
    EarlyStopException,
)
from maggy.core import reporter as module
from maggy.core.messages import MAX_LINE_LENGTH
from maggy.core.reporter import Reporter
from maggy.core.reporting import log_lines


@pytest.fixture
def reporter():
    return Reporter()


def points(reporter):
    return reporter.waiting()[1]


def lines(reporter):
    return reporter.waiting()[3]


def test_steps_count_from_zero_when_they_are_left_out(reporter):
    for metric in (0.5, 0.6, 0.7):
        reporter.broadcast(metric)
    assert points(reporter) == [(0, 0.5), (1, 0.6), (2, 0.7)]


def test_steps_count_on_from_the_last_one_that_was_given(reporter):
    reporter.broadcast(1, step=10)
    reporter.broadcast(2)
    reporter.broadcast(3, 20)
    reporter.broadcast(4)
    assert points(reporter) == [(10, 1), (11, 2), (20, 3), (21, 4)]


def test_an_equal_step_is_allowed(reporter):
    reporter.broadcast(1, 3)
    reporter.broadcast(2, 3)
    assert points(reporter) == [(3, 1), (3, 2)]


def test_the_last_step_is_minus_one_before_the_first(reporter):
    assert reporter.last_step == -1
    reporter.broadcast(1, 7)
    assert reporter.last_step == 7


@pytest.mark.parametrize("metric", [np.float32(0.5), np.float64(0.5), np.array(0.5)])
def test_numpy_scalars_are_metrics(reporter, metric):
    reporter.broadcast(metric, np.int64(3))
    assert points(reporter) == [(3, 0.5)]
    assert [type(value) for value in points(reporter)[0]] == [int, float]


@pytest.mark.parametrize("metric", [0, 0.0, -0.0, -1, math.inf, 10**30])
def test_every_number_is_a_metric(reporter, metric):
    reporter.broadcast(metric)
    assert points(reporter) == [(0, metric)]


def test_nan_is_recorded(reporter):
    reporter.broadcast(math.nan)
    assert math.isnan(points(reporter)[0][1])


@pytest.mark.parametrize(
    "metric", [None, True, "0.5", [0.5], {}, np.array([1, 2]), np.bool_(True), 1j, float]
)
def test_a_metric_that_is_no_number_is_a_type_error(reporter, metric):
    with pytest.raises(
        TypeError, match="metric that is broadcast must be a number, but got"
    ) as caught:
        reporter.broadcast(metric)
    assert type(caught.value) is BroadcastMetricTypeError
    assert points(reporter) == []


@pytest.mark.parametrize("step", [True, "3", [3], {}, np.array([1, 2]), 1j])
def test_a_step_that_is_no_number_is_a_type_error(reporter, step):
    with pytest.raises(
        TypeError, match="step that is broadcast must be a number, but got"
    ) as caught:
        reporter.broadcast(0.5, step)
    assert type(caught.value) is BroadcastStepTypeError
    assert points(reporter) == []


@pytest.mark.parametrize("step", [4, 4.5, -3, math.nan, math.inf, -math.inf, 2**63])
def test_a_step_below_the_last_one_or_beyond_all_bounds_is_a_value_error(reporter, step):
    reporter.broadcast(0.5, 5)
    with pytest.raises(
        ValueError, match=r"must not go backwards, but got step .* after 5"
    ) as caught:
        reporter.broadcast(0.6, step)
    assert type(caught.value) is BroadcastStepValueError
    assert points(reporter) == [(5, 0.5)]
    assert reporter.last_step == 5


def test_a_refused_step_changes_nothing(reporter):
    reporter.broadcast(1, 5)
    for step in ("x", 2, math.nan):
        with pytest.raises((TypeError, ValueError)):
            reporter.broadcast(2, step)
    reporter.broadcast(3)
    assert points(reporter) == [(5, 1), (6, 3)]


def test_errors_come_in_the_order_metric_then_step_then_value_then_stop(reporter):
    reporter.broadcast(1, 5)
    reporter.stop()
    with pytest.raises(BroadcastMetricTypeError):
        reporter.broadcast("x", "y")
    with pytest.raises(BroadcastMetricTypeError):
        reporter.broadcast("x", 2)
    with pytest.raises(BroadcastStepTypeError):
        reporter.broadcast(1, "y")
    with pytest.raises(BroadcastStepValueError):
        reporter.broadcast(1, 2)
    with pytest.raises(EarlyStopException):
        reporter.broadcast(1, 6)


def test_a_stop_raises_with_the_metric_at_the_next_broadcast_and_the_point_is_kept(reporter):
    reporter.broadcast(0.1)
    reporter.stop()
    with pytest.raises(EarlyStopException) as caught:
        reporter.broadcast(np.float64(0.2))
    assert caught.value.metric == 0.2
    assert points(reporter) == [(0, 0.1), (1, 0.2)]


def test_a_stop_raises_again_and_again_and_the_first_metric_stays(reporter):
    reporter.stop()
    for metric in (0.5, 0.9, 0.1):
        with pytest.raises(EarlyStopException) as caught:
            reporter.broadcast(metric)
        assert caught.value.metric == metric
        assert reporter.stop_metric == 0.5


def test_a_metric_of_zero_is_kept_at_a_stop(reporter):
    reporter.stop()
    for metric in (0, 1):
        with pytest.raises(EarlyStopException):
            reporter.broadcast(metric)
    assert reporter.stop_metric == 0


def test_there_is_no_stop_metric_before_a_broadcast_has_raised(reporter):
    reporter.broadcast(1)
    reporter.stop()
    assert reporter.stop_metric is None


def test_a_log_line_is_shown_in_the_notebook_only_when_asked(reporter):
    reporter.log("quiet")
    reporter.log("shown", jupyter=True)
    reporter.log("shown", True)
    reporter.log("as in 0.3", verbose=True)
    assert lines(reporter) == [
        (False, "quiet"),
        (True, "shown"),
        (True, "shown"),
        (True, "as in 0.3"),
    ]


def test_a_log_message_of_several_lines_is_several_lines(reporter):
    reporter.log("a\nb\n\nc\n")
    assert [text for _, text in lines(reporter)] == ["a", "b", "", "c"]


@pytest.mark.parametrize(
    ("message", "text"), [("", ""), (3, "3"), (None, "None"), ({"a": 1}, "{'a': 1}")]
)
def test_anything_can_be_logged(reporter, message, text):
    reporter.log(message)
    assert lines(reporter) == [(False, text)]


def test_a_line_of_excessive_length_is_cut(reporter):
    reporter.log("x" * (MAX_LINE_LENGTH + 1))
    assert [len(text) for _, text in lines(reporter)] == [MAX_LINE_LENGTH, 1]


def test_long_lines_of_one_text_are_added_one_after_the_other():
    # Otherwise a text of a gigabyte would be on its way before the first of its lines waits.
    reporter = Reporter()
    sizes, add = [], reporter._add
    reporter._add = lambda lines: (sizes.append(len(lines)), add(lines))
    reporter.log("\n".join(["x" * module.CROWDED_CHARACTERS] * 3 + ["short"] * 1500))
    assert sizes == [1, 1, 1, 1000, 500]


def test_everything_waits_until_it_is_acknowledged(reporter):
    for metric in range(3):
        reporter.broadcast(metric)
        reporter.log(metric)
    for _ in range(2):
        first_point, waiting_points, first_line, text, _ = reporter.waiting()
        assert (first_point, len(waiting_points), first_line, len(text)) == (0, 3, 0, 3)


def test_what_is_acknowledged_is_forgotten_and_positions_count_on(reporter):
    for metric in range(5):
        reporter.broadcast(metric)
        reporter.log(metric)
    reporter.acknowledge(2, 4)
    assert reporter.waiting()[:4] == (2, [(2, 2), (3, 3), (4, 4)], 4, [(False, "4")])
    reporter.broadcast(5)
    reporter.acknowledge(5, 5)
    assert reporter.waiting()[:4] == (5, [(5, 5)], 5, [])


def test_an_old_or_repeated_acknowledgement_changes_nothing(reporter):
    for metric in range(4):
        reporter.broadcast(metric)
        reporter.log(metric)
    reporter.acknowledge(3, 3)
    before = reporter.waiting()
    for count in (3, 2, 0):
        reporter.acknowledge(count, count)
        assert reporter.waiting() == before


def test_what_was_sent_is_not_changed_by_what_comes_after(reporter):
    reporter.broadcast(1)
    batch = points(reporter)
    reporter.broadcast(2)
    assert batch == [(0, 1)]


def test_waiting_points_are_bounded_and_the_newest_stay(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_POINTS", 100)
    reporter = Reporter()
    for metric in range(1000):
        reporter.broadcast(metric)
        first, waiting_points, *_ = reporter.waiting()
        assert len(waiting_points) <= 100
        assert waiting_points == [(step, step) for step in range(first, metric + 1)]


def test_waiting_lines_are_bounded_and_the_newest_stay(reporter, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_LINES", 100)
    for number in range(1000):
        reporter.log(number)
    _, _, first, lines, _ = reporter.waiting()
    assert len(lines) <= 100
    assert lines == [
        module.DROPPED_LINES,
        *((False, str(number)) for number in range(first + 1, 1000)),
    ]


def test_one_log_message_of_very_many_lines_is_bounded_too(reporter, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_LINES", 100)
    reporter.log("\n".join(map(str, range(1000))))
    _, _, first, lines, _ = reporter.waiting()
    assert (first, lines) == (
        950,
        [module.DROPPED_LINES, *((False, str(number)) for number in range(951, 1000))],
    )


def test_acknowledgements_fit_after_something_was_dropped(monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_POINTS", 10)
    reporter = Reporter()
    for metric in range(11):
        reporter.broadcast(metric)
    first = reporter.waiting()[0]
    reporter.acknowledge(3, 0)  # the heartbeat took these points before others were dropped
    assert reporter.waiting()[0] == first
    reporter.acknowledge(8, 0)
    assert points(reporter) == [(step, step) for step in range(8, 11)]


def test_threads_that_leave_the_step_out_never_collide(reporter):
    errors = run_in_threads(4, lambda: [reporter.broadcast(0.5) for _ in range(2000)])
    assert errors == []
    assert [step for step, _ in points(reporter)] == list(range(8000))


def test_a_step_that_is_left_out_is_counted_when_the_point_is_kept_not_before(reporter):
    arrived = threading.Event()

    class Metric(float):
        def __float__(self):
            arrived.set()
            return 0.2

    thread = threading.Thread(target=reporter.broadcast, args=[Metric()])
    with reporter._lock:
        thread.start()
        assert arrived.wait(60)
        thread.join(0.02)  # gives the thread time to wait for the lock
        reporter.broadcast(0.1)
    thread.join()
    assert points(reporter) == [(0, 0.1), (1, 0.2)]


def test_a_thread_that_sends_loses_and_repeats_nothing(reporter):
    arrivals = []
    is_over = threading.Event()

    def send():
        while True:
            last = is_over.is_set()
            first, new_points, first_line, text, _ = reporter.waiting()
            arrivals.extend(new_points[len(arrivals) - first :])
            reporter.acknowledge(first + len(new_points), first_line + len(text))
            if last:
                return

    sender = threading.Thread(target=send)
    sender.start()
    for metric in range(20_000):
        reporter.broadcast(metric)
    is_over.set()
    sender.join()
    assert arrivals == [(step, step) for step in range(20_000)]


def test_a_finalizer_may_log_while_something_is_logged(reporter):
    class Talkative:
        def __str__(self):
            reporter.log("inner")
            return "outer"

    with reporter._lock:  # all methods hold the lock
        reporter.log(Talkative())
    assert [text for _, text in lines(reporter)] == ["inner", "outer"]


def run_in_threads(count, work):
    errors = []

    def guard_task():
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guard_task) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_an_array_a_decimal_or_a_fraction_of_one_number_may_be_broadcast():
    reporter = Reporter()
    for metric in (np.array([0.5]), Decimal("0.5"), Fraction(1, 2)):
        reporter.broadcast(metric)
    assert reporter.waiting()[1] == [(0, 0.5), (1, 0.5), (2, 0.5)]


@pytest.mark.parametrize("metric", [10**400, -(10**5000), Fraction(10**400)], ids=range(3))
def test_a_metric_beyond_every_float_cannot_be_broadcast_and_takes_no_step(metric):
    reporter = Reporter()
    with pytest.raises(BroadcastMetricTypeError, match="larger than every float"):
        reporter.broadcast(metric)
    assert reporter.last_step == -1


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda reporter: pickle.loads(pickle.dumps(reporter))]
)
def test_a_copy_is_the_same_reporter(reporter, again):
    assert again(reporter) is reporter
    assert again({"in": [reporter]})["in"][0] is reporter


def in_a_child(function):
    """Call the function in a forked child, and return the text of its error."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            function()
            os.write(writing, b"nothing was raised")
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.mark.parametrize("again", [lambda reporter: reporter, copy.deepcopy])
def test_in_a_forked_child_reporting_is_refused_with_the_remedy(reporter, again):
    for call, name in ((lambda r: r.broadcast(1.0), "broadcast"), (lambda r: r.log("text"), "log")):
        error = in_a_child(lambda call=call: call(again(reporter)))
        assert error.startswith(
            f"NotSupportedError: reporter.{name}() "
            "must be called in the process that runs the trial"
        )
        assert "multiprocessing.Queue" in error
    reporter.broadcast(1.0)  # the trial's own process can still report


def test_a_child_does_not_wait_for_a_lock_that_a_thread_of_its_parent_holds(reporter):
    is_held, may_go = threading.Event(), threading.Event()

    def hold():
        with reporter._lock:
            is_held.set()
            may_go.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    assert "NotSupportedError" in in_a_child(lambda: reporter.broadcast(1.0))
    may_go.set()
    thread.join()


def test_in_a_process_that_was_started_anew_reporting_is_refused_with_the_remedy(reporter):
    code = f"import pickle; pickle.loads({pickle.dumps(reporter)!r}).broadcast(1.0)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"must be called in the process that runs the trial ({os.getpid()})" in run.stderr


class Sender:
    """A heartbeat that takes the waiting points and lines when the test says so."""

    def __init__(self, may_wait=True):
        self.hurried = threading.Event()
        self.may_wait = may_wait
        self.reporter = Reporter(self.hurry)
        self.taken = []

    def hurry(self):
        self.hurried.set()
        return self.may_wait

    def take(self):
        _, _, first, lines, _ = self.reporter.waiting()
        self.taken += lines
        self.hurried.clear()
        self.reporter.acknowledge(0, first + len(lines))


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(module, "CROWDED_CHARACTERS", 1000)
    monkeypatch.setattr(module, "FULL_CHARACTERS", 2000)
    monkeypatch.setattr(log_lines, "LINES_AT_ONCE", 10)


def test_output_that_comes_faster_than_it_is_taken_waits_and_nothing_is_lost(narrow):
    sender, most = Sender(), 0
    expected = [f"line {number}" for number in range(1000)]

    def flood():
        for line in expected[:500]:
            sender.reporter.log(line)
        sender.reporter.log("\n".join(expected[500:]))  # the limit also holds for one long text

    thread = threading.Thread(target=flood)
    thread.start()
    while thread.is_alive():
        sender.hurried.wait(0.01)
        most = max(most, sender.reporter._characters)
        sender.take()
    sender.take()
    assert [text for _, text in sender.taken] == expected
    assert most < 3000


def test_while_the_driver_is_away_output_waits_once_and_is_then_kept_as_far_as_memory_goes(
    narrow, monkeypatch
):
    monkeypatch.setattr(module, "ROOM_SECONDS", 0.01)
    sender, waits = Sender(), []

    class Room(threading.Event):
        def wait(self, timeout=None):
            waits.append(super().wait(timeout))
            return waits[-1]

    monkeypatch.setattr(module.threading, "Event", Room)
    for number in range(1000):
        sender.reporter.log(f"line {number}")
    assert waits.count(False) == 1
    sender.take()
    assert len(sender.taken) == 1000
    for number in range(1000):
        sender.reporter.log(f"line {number}")
    assert waits.count(False) == 2  # the wait came back twice


def test_the_thread_that_sends_and_a_finalizer_inside_the_reporter_wait_for_nothing(narrow):
    own = Sender(may_wait=False)
    for number in range(1000):
        own.reporter.log(f"line {number}")
    assert len(own.reporter.waiting()[3]) == 1000
    other = Sender()
    with other.reporter._lock:
        for number in range(1000):
            other.reporter.log(f"line {number}")
    assert not other.hurried.is_set()


def test_lines_of_much_text_are_dropped_too_while_nobody_takes_them(reporter, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_CHARACTERS", 100_000)
    for _ in range(1000):
        reporter.log("x" * 1000)
    assert reporter._characters <= 100_000
    assert lines(reporter)[0] == module.DROPPED_LINES


def test_each_point_has_the_time_at_which_it_was_reported(reporter, monkeypatch):
    clock = iter([1.5, 2.5, 9.0])
    monkeypatch.setattr(module, "time", lambda: next(clock))
    reporter.broadcast(0.1)
    reporter.broadcast(0.2)
    assert reporter.waiting()[4] == [1.5, 2.5]
    reporter.acknowledge(1, 0)
    assert reporter.waiting()[4] == [2.5]
    reporter.extend([(7, 0.3)], [], [2.75])
    reporter.extend([(8, 0.4)], [])
    assert reporter.waiting()[:2] == (1, [(1, 0.2), (7, 0.3), (8, 0.4)])
    assert reporter.waiting()[4] == [2.5, 2.75, 9.0]
