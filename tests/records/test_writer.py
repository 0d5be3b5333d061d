"""The writer's thread runs calls in order, repeats those that may succeed later, and sweeps."""

import threading
import weakref

import pytest
from helpers.waiting import HANG, wait_until

from maggy.records.writer import RecordWriter

pytestmark = pytest.mark.loopback


@pytest.fixture
def gate():
    """A gate that opens at the end, so that no writer waits for ever."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_calls_run_in_order_on_another_thread():
    records, threads = [], set()

    def write(number):
        records.append(number)
        threads.add(threading.current_thread())

    writer = RecordWriter(on_error=pytest.fail)
    for number in range(100):
        writer.submit(write, number)
    assert writer.close()
    assert records == list(range(100))
    assert threads.isdisjoint({threading.current_thread()})


def test_submit_does_not_wait_for_a_slow_record(gate):
    records = []
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(gate.wait)
    writer.submit(records.append, 1)
    assert records == []
    gate.set()
    writer.close()
    assert records == [1]


def test_one_message_names_a_record_that_cannot_be_written_and_the_rest_is_written():
    messages, records = [], []

    def full():
        raise OSError(28, "No space left on device")

    writer = RecordWriter(on_error=messages.append, patience=0)
    for number in range(3):
        writer.submit(full)
        writer.submit(records.append, number)
    writer.close()
    assert records == [0, 1, 2]
    assert writer.errors == 3
    assert messages == [
        "A record could not be written (OSError: [Errno 28] No space left on device); "
        "the experiment goes on.",
        "3 records in all could not be written.",
    ]


def test_an_error_in_the_callback_does_not_end_the_thread():
    records = []
    writer = RecordWriter(on_error=lambda message: 1 / 0)
    writer.submit(int, "no number")
    writer.submit(records.append, 1)
    assert writer.close()
    assert records == [1]


def test_close_gives_up_after_its_timeout(gate):
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(gate.wait)
    assert not writer.close(timeout=0.01)
    gate.set()
    assert writer.close()


def test_close_may_be_called_again_and_without_any_record():
    writer = RecordWriter(on_error=pytest.fail)
    assert writer.close()
    assert writer.close()


def test_nothing_can_be_submitted_after_close():
    writer = RecordWriter(on_error=pytest.fail)
    writer.close()
    with pytest.raises(RuntimeError, match="before the writer is closed"):
        writer.submit(print)


def test_no_thread_is_left_after_close():
    before = set(threading.enumerate())
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(int)
    writer.close()
    assert set(threading.enumerate()) <= before  # those of earlier tests may end meanwhile


def test_a_written_record_is_not_kept_alive():
    class Record:
        pass

    record, is_written = Record(), threading.Event()
    is_gone = threading.Event()
    weakref.finalize(record, is_gone.set)
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(lambda record: is_written.set(), record)
    assert is_written.wait(HANG)
    del record
    assert is_gone.wait(HANG)
    writer.close()


class Store:
    """A store that is away for its first calls."""

    def __init__(self, away, error=None):
        self.away = away
        self.error = error or ConnectionError("refused")
        self.records = []
        self.calls = 0

    def write(self, record):
        self.calls += 1
        if self.calls <= self.away:
            raise self.error
        self.records.append(record)


def test_a_store_that_comes_back_gets_every_record_in_order_after_one_message():
    messages, store = [], Store(away=3)
    writer = RecordWriter(on_error=messages.append)
    for number in range(20):
        writer.submit(store.write, number)
    assert writer.close()
    assert store.records == list(range(20))
    assert writer.errors == 0
    assert len(messages) == 1
    assert (
        "(ConnectionError: refused). They are kept in memory and tried again for up to 120 seconds"
        in messages[0]
    )


def test_a_store_that_stays_away_is_given_up_after_the_patience():
    messages, store = [], Store(away=10**9)
    writer = RecordWriter(on_error=messages.append, patience=0.3)
    for number in range(1000):
        writer.submit(store.write, number)
    assert writer.close()
    assert (writer.errors, store.records) == (1000, [])
    assert store.calls < 1020
    assert len(messages) == 2
    assert messages[1] == "1000 records in all could not be written."


def test_a_call_with_a_permanent_error_is_not_repeated():
    for error in (ValueError("text"), FileNotFoundError("gone"), TypeError("no JSON")):
        messages, store = [], Store(away=10**9, error=error)
        writer = RecordWriter(on_error=messages.append)
        writer.submit(store.write, 1)
        assert writer.close()
        assert (store.calls, writer.errors, len(messages)) == (1, 1, 1)


def test_a_call_with_an_error_of_a_store_s_own_library_is_repeated():
    class EndpointError(Exception):
        pass

    errors = (
        EndpointError("no connection"),
        RuntimeError("name node is in safe mode"),
        PermissionError("token expired"),
    )
    for error in errors:
        store = Store(away=2, error=error)
        writer = RecordWriter(on_error=lambda message: None)
        writer.submit(store.write, 1)
        assert writer.close()
        assert store.records == [1]


def test_after_the_patience_has_run_out_records_are_written_when_the_store_is_back(gate):
    store = Store(away=10**9)
    writer = RecordWriter(on_error=lambda message: None, patience=0.1)
    writer.submit(store.write, 1)
    writer.submit(gate.wait)
    wait_until(lambda: writer.errors, "the end of the patience")
    store.away = 0
    writer.submit(store.write, 2)
    gate.set()
    assert writer.close()
    assert store.records == [2]


def test_a_store_that_was_given_up_and_came_back_has_its_patience_again():
    store = Store(away=10**9)
    writer = RecordWriter(on_error=lambda message: None, patience=0.1)
    writer.submit(store.write, 1)
    wait_until(lambda: writer.errors, "the end of the patience")
    store.away = 0
    writer.submit(store.write, 2)
    wait_until(lambda: store.records, "the store to be back")
    writer._patience = 60.0
    store.away = store.calls + 2
    writer.submit(store.write, 3)
    assert writer.close()
    assert (store.records, writer.errors) == ([2, 3], 1)


def test_closing_does_not_wait_for_ever_for_a_store_that_hangs(gate, monkeypatch):
    monkeypatch.setattr("maggy.records.writer.LONGEST_DELAY", 0.05)
    monkeypatch.setattr("maggy.records.writer.SLOW_SECONDS", 0.05)
    messages = []
    writer = RecordWriter(on_error=messages.append, patience=0.05)
    writer.submit(gate.wait)
    assert not writer.close()
    assert messages == [
        "The store of the records does not answer; they are kept in memory until it does.",
        "The records that are left could not be written, since the store does not answer.",
    ]
    gate.set()
    assert writer.close()


# Sweeps


def test_a_sweep_runs_at_once_when_there_is_nothing_else():
    swept = threading.Event()
    writer = RecordWriter(on_error=pytest.fail)
    writer.sweep(swept.set)
    assert swept.wait(HANG)
    writer.close()


def test_a_sweep_that_is_requested_many_times_before_it_runs_runs_once(gate):
    swept = []
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(gate.wait)
    for _ in range(100):
        writer.sweep(lambda: swept.append(1))
    gate.set()
    writer.close()
    assert swept == [1]


def test_a_sweep_that_is_requested_during_a_sweep_runs_after_it():
    swept, is_over = [], threading.Event()
    writer = RecordWriter(on_error=pytest.fail)

    def sweep():
        swept.append(1)
        if len(swept) == 1:
            writer.sweep(sweep)
        else:
            is_over.set()

    writer.sweep(sweep)
    assert is_over.wait(HANG)
    writer.close()
    assert len(swept) == 2


class Swept:
    """A writer with a clock that stands still, and sweeps that take 0.2 s."""

    def __init__(self):
        self.now, self.at = 0.0, []
        self.writer = RecordWriter(on_error=pytest.fail, clock=lambda: self.now)
        self.begin()

    def sweep(self):
        self.at.append(self.now)
        self.now += 0.2

    def begin(self):
        self.writer.sweep(self.sweep)
        self.pass_time(0.0)

    def pass_time(self, seconds):
        """Let time pass, and return when the writer has noticed."""
        self.now += seconds
        for _ in range(2):  # after the first the writer looks whether it may sweep
            is_handled = threading.Event()
            self.writer.submit(is_handled.set)
            assert is_handled.wait(HANG)


def test_sweeps_take_a_tenth_of_the_time_and_records_do_not_wait_for_them():
    swept = Swept()
    swept.begin()
    for _ in range(10):
        swept.pass_time(0.2)
    assert swept.at == [0.0, pytest.approx(2.1, abs=0.11)]
    swept.writer.close()


def test_closing_sweeps_once_more_without_a_rest():
    swept = Swept()
    swept.begin()
    swept.pass_time(0.1)
    swept.writer.close()
    assert swept.at == [0.0, pytest.approx(0.3)]


def test_a_sweep_that_fails_is_repeated():
    left, is_over = [OSError("away"), OSError("away")], threading.Event()

    def sweep():
        if left:
            raise left.pop()
        is_over.set()

    messages = []
    writer = RecordWriter(on_error=messages.append)
    writer.sweep(sweep)
    assert is_over.wait(HANG)
    assert writer.close()
    assert len(messages) == 1


def test_a_closed_writer_sweeps_no_more():
    writer = RecordWriter(on_error=pytest.fail)
    writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        writer.sweep(int)


# The guard


def test_the_guard_is_called_before_each_record_on_the_writer_s_thread():
    calls = []
    writer = RecordWriter(
        on_error=pytest.fail, guard=lambda: calls.append(threading.current_thread().name)
    )
    for number in range(3):
        writer.submit(calls.append, number)
    assert writer.close()
    assert calls == ["maggy-writer", 0, "maggy-writer", 1, "maggy-writer", 2]


def test_the_guard_is_called_while_there_is_nothing_to_write():
    calls, enough = [], threading.Event()

    def guard():
        calls.append(1)
        if len(calls) == 4:
            enough.set()

    writer = RecordWriter(on_error=pytest.fail, guard=guard, guard_seconds=0.01)
    writer.submit(int)
    assert enough.wait(10)
    assert writer.close()


def test_a_record_waits_until_the_guard_lets_it_pass():
    messages, records, errors = [], [], [ConnectionError("away"), ConnectionError("away")]

    def guard():
        if errors:
            raise errors.pop()

    writer = RecordWriter(on_error=messages.append, guard=guard)
    writer.submit(records.append, 1)
    assert writer.close()
    assert records == [1]
    assert len(messages) == 1


def test_an_abandoned_writer_writes_nothing_more_and_counts_no_errors():
    records, gate = [], threading.Event()
    writer = RecordWriter(on_error=pytest.fail, guard=lambda: None, guard_seconds=0.01)
    writer.submit(gate.wait)
    for number in range(3):
        writer.submit(records.append, number)
    writer.sweep(lambda: records.append("swept"))
    writer.abandon()
    gate.set()
    writer.submit(records.append, 3)
    assert writer.close()
    assert (records, writer.errors) == ([], 0)


def test_a_guard_that_abandons_the_writer_is_no_error():
    records = []

    def guard():
        writer.abandon()
        raise RuntimeError("another writes here now")

    writer = RecordWriter(on_error=pytest.fail, guard=guard)
    writer.submit(records.append, 1)
    assert writer.close()
    assert (records, writer.errors) == ([], 0)


def test_a_later_call_runs_once_when_it_is_time(gate):
    calls, ran = [], threading.Event()
    writer = RecordWriter(on_error=pytest.fail)
    for number in range(5):
        writer.call_later(lambda number=number: (calls.append(number), ran.set()), 0.05)
    assert ran.wait(HANG)
    ran.clear()
    writer.call_later(lambda: (calls.append(5), ran.set()), 0.0)
    assert ran.wait(HANG)
    assert writer.close()
    assert calls == [0, 5]


def test_a_later_call_does_not_hold_up_records_and_waits_for_its_time():
    now, records, later = [0.0], [], threading.Event()
    writer = RecordWriter(on_error=pytest.fail, clock=lambda: now[0])
    writer.call_later(later.set, 5.0)
    for number in range(10):
        writer.submit(records.append, number)
    wait_until(lambda: len(records) == 10)
    assert not later.is_set()
    now[0] = 5.0
    writer.submit(records.append, 10)  # the clock of this test wakes nobody
    assert later.wait(HANG)
    writer.close()


def test_a_later_call_that_fails_is_repeated():
    failures, ran = [OSError("away")], threading.Event()

    def call():
        if failures:
            raise failures.pop()
        ran.set()

    writer = RecordWriter(on_error=lambda message: None)
    writer.call_later(call, 0.0)
    assert ran.wait(HANG)
    writer.close()


def test_a_later_call_does_not_run_once_the_writer_is_closed():
    writer = RecordWriter(on_error=pytest.fail)
    writer.call_later(pytest.fail, 60.0)
    assert writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        RecordWriter.call_later(closed_writer(), print, 0.0)


def closed_writer():
    writer = RecordWriter(on_error=pytest.fail)
    writer.close()
    return writer
