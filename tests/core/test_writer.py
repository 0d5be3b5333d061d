"""The thread that writes records."""

import threading
import weakref

import pytest

from maggy.core.writer import RecordWriter


def test_calls_run_in_order_on_another_thread():
    written, threads = [], set()

    def write(number):
        written.append(number)
        threads.add(threading.current_thread())

    writer = RecordWriter(on_error=pytest.fail)
    for number in range(100):
        writer.submit(write, number)
    assert writer.close()
    assert written == list(range(100))
    assert threads.isdisjoint({threading.current_thread()})


def test_submit_does_not_wait_for_a_slow_record():
    gate, written = threading.Event(), []
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(gate.wait)
    writer.submit(written.append, 1)
    assert written == []
    gate.set()
    writer.close()
    assert written == [1]


def test_a_record_that_cannot_be_written_is_told_once_and_the_rest_is_written():
    said, written = [], []

    def full():
        raise OSError(28, "No space left on device")

    writer = RecordWriter(on_error=said.append)
    for number in range(3):
        writer.submit(full)
        writer.submit(written.append, number)
    writer.close()
    assert written == [0, 1, 2]
    assert writer.errors == 3
    assert said == [
        "A record could not be written (OSError: [Errno 28] No space left on device); the experiment goes on.",
        "3 records in all could not be written.",
    ]


def test_an_error_in_the_callback_does_not_end_the_thread():
    written = []
    writer = RecordWriter(on_error=lambda message: 1 / 0)
    writer.submit(int, "no number")
    writer.submit(written.append, 1)
    assert writer.close()
    assert written == [1]


def test_close_gives_up_after_its_timeout():
    gate = threading.Event()
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
    before = threading.active_count()
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(int)
    writer.close()
    assert threading.active_count() == before


def test_a_written_record_is_not_kept_alive():
    class Record:
        pass

    record, written = Record(), threading.Event()
    gone = threading.Event()
    weakref.finalize(record, gone.set)
    writer = RecordWriter(on_error=pytest.fail)
    writer.submit(lambda record: written.set(), record)
    assert written.wait(5)
    del record
    assert gone.wait(5)
    writer.close()
