"""What a trial prints, and what it may leave behind for the next one."""

from __future__ import annotations

import builtins
import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

from maggy.core.executors.capture import MAX_LINE_LENGTH, LineWriter
from maggy.core.executors.surroundings import Surroundings, isolated


def captured(*texts):
    lines = []
    with isolated(lines.append):
        for text in texts:
            sys.stdout.write(text)
    return lines


def test_finished_lines_are_handed_on_without_their_ends():
    assert captured("one\ntwo\n\nfo", "ur\n") == ["one", "two", "", "four"]


def test_print_is_captured_with_all_its_options():
    lines = []
    with isolated(lines.append):
        print("a", 1, sep="-")
        print("no end", end="")
        print(" flushed", flush=True)
    assert lines == ["a-1", "no end flushed"]


def test_a_line_is_handed_on_as_soon_as_it_is_finished():
    lines = []
    with isolated(lines.append):
        print("first")
        assert lines == ["first"]


def test_an_unfinished_last_line_is_kept():
    assert captured("one\ntwo") == ["one", "two"]


def test_an_unfinished_last_line_is_kept_when_the_function_raises():
    lines = []

    def work():
        with isolated(lines.append):
            print("so far", end="")
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        work()
    assert lines == ["so far"]


def test_nothing_printed_gives_no_line():
    assert captured() == []
    assert captured("") == []


@pytest.mark.parametrize(
    "texts",
    [
        ("\r10%", "\r50%", "\r100%\n"),
        ("10%\r", "50%\r", "100%\r", "\n"),
        ("10%\r50%\r100%\n",),
        ("\r10%\r", "\r50%\r", "\r100%\r", "\r", "\n"),
        ("\r10%", "\r100%"),
        ("10%\r", "100%\r"),
        ("100%\r", "\r", "\r\n"),
        ("\x08\x08\x08\r10%", "\x08\x08\x08\r100%\n"),
        ("\r10%\x1b[A", "\r\x1b[K\x1b[1;32m100%\x1b[0m\n"),
        ("100%\r\n",),
    ],
)
def test_a_progress_bar_keeps_its_last_state_only(texts):
    assert captured(*texts) == ["100%"]


def test_a_bar_drawn_a_million_times_takes_no_memory():
    writer = LineWriter(lambda line: None, io.StringIO(), tee=False)
    for number in range(10_000):
        writer.write(f"\r{number:>100}")
    assert len(writer._pending) < 300


def test_lines_before_and_after_a_bar_stay():
    assert captured("start\n", "\r1/2", "\r2/2", "\nend\n") == ["start", "2/2", "end"]


def test_a_line_without_end_is_handed_on_in_pieces_and_whole():
    lines = captured(*["."] * (3 * MAX_LINE_LENGTH))
    assert "".join(lines) == "." * (3 * MAX_LINE_LENGTH)
    assert max(map(len, lines)) <= MAX_LINE_LENGTH + 1


def test_lines_of_several_threads_come_whole():
    lines = []

    def work(name):
        for _ in range(200):
            sys.stdout.write(f"{name * 20}\n")

    with isolated(lines.append):
        threads = [threading.Thread(target=work, args=[name]) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(lines) == [name * 20 for name in "abcd" for _ in range(200)]


def test_handing_a_line_on_may_print_itself():
    lines = []

    def emit(line):
        lines.append(line)
        if line == "outer":
            print("inner")

    with isolated(emit):
        print("outer")
    assert lines == ["outer", "inner"]


def test_a_finalizer_that_prints_while_something_is_written_does_not_block():
    class Talkative(str):
        def __radd__(self, pending):  # runs inside write, as a finalizer may
            print("inner")
            return pending + str(self)

    lines = []
    with isolated(lines.append):
        sys.stdout.write(Talkative("outer\n"))
    assert lines == ["inner", "outer"]


def test_what_is_captured_is_printed_beneath_only_when_asked(capsys):
    with isolated(lambda line: None):
        print("hidden")
    with isolated(lambda line: None, tee=True):
        print("shown")
    assert capsys.readouterr().out == "shown\n"


def test_only_text_can_be_written():
    with pytest.raises(TypeError), isolated(lambda line: None):
        sys.stdout.write(b"bytes")


def test_the_captured_stream_is_what_libraries_expect_of_a_stream():
    with isolated(lambda line: None):
        assert sys.stdout.writable()
        assert not sys.stdout.isatty()
        assert sys.stdout.encoding == "utf-8"
        assert sys.stdout.write("four") == 4
        sys.stdout.flush()


def test_the_file_descriptor_is_that_of_the_stream_beneath(tmp_path):
    with (tmp_path / "out").open("w") as beneath:
        assert LineWriter(lambda line: None, beneath, tee=False).fileno() == beneath.fileno()


def test_a_logging_handler_of_an_earlier_trial_writes_to_the_one_that_runs():
    logger = logging.getLogger("of an earlier trial")
    first, second = [], []
    with isolated(first.append):
        handler = logging.StreamHandler(sys.stdout)
        logger.addHandler(handler)
        logger.warning("one")
    try:
        with isolated(second.append):
            logger.addHandler(handler)
            logger.warning("two")
    finally:
        logger.removeHandler(handler)
    assert (first, second) == (["one"], ["two"])


def test_a_stream_of_an_earlier_trial_writes_to_where_it_was_when_no_trial_runs(capsys):
    with isolated(lambda line: None):
        stream = sys.stdout
    stream.write("after")
    assert capsys.readouterr().out == "after"


def test_a_stream_of_an_earlier_trial_that_leads_back_to_itself_writes_to_where_it_was(capsys):
    with isolated(lambda line: None):
        stream = sys.stdout
    lines = []
    with isolated(lines.append):
        sys.stdout = stream
        print("once")
    assert lines == []
    assert capsys.readouterr().out == "once\n"


def misbehave(tmp_path):
    """Change everything that is put back afterwards, and raise."""
    builtins.print = lambda *values: None
    sys.stdout = io.StringIO()
    os.chdir(tmp_path)
    os.environ["MAGGY_TEST_NEW"] = "1"
    os.environ["MAGGY_TEST_KEPT"] = "changed"
    del os.environ["MAGGY_TEST_DELETED"]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 1000)
    sys.path.insert(0, str(tmp_path))
    raise RuntimeError("after all that")


def state():
    return {
        "print": builtins.print,
        "stdout": sys.stdout,
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "path": list(sys.path),
    }


def test_everything_is_put_back_though_the_function_replaced_it_and_raised(tmp_path, monkeypatch):
    monkeypatch.setenv("MAGGY_TEST_KEPT", "before")
    monkeypatch.setenv("MAGGY_TEST_DELETED", "before")
    alarm = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        before = state()
        with pytest.raises(RuntimeError, match="after all that"), isolated(lambda line: None):
            misbehave(tmp_path)
        assert state() == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)


def test_a_replaced_search_path_is_put_back(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    with isolated(lambda line: None):
        sys.path = ["elsewhere"]
    assert sys.path == before


def test_an_alarm_that_was_set_before_goes_on():
    alarm = signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        with isolated(lambda line: None):
            signal.alarm(0)
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)


def test_a_directory_that_the_trial_removed_is_replaced_by_one_that_exists(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    with isolated(lambda line: None):
        gone.rmdir()
    assert os.path.samefile(os.getcwd(), tempfile.gettempdir())


def test_an_exit_is_put_back_from_like_an_error():
    def work():
        with isolated(lambda line: None):
            os.environ["MAGGY_TEST_NEW"] = "1"
            sys.exit(1)

    before = state()
    with pytest.raises(SystemExit):
        work()
    assert state() == before


@pytest.mark.slow
def test_keras_is_not_loaded_only_to_forget_its_session():
    code = (
        "import sys; from maggy.core.executors.surroundings import isolated\n"
        "with isolated(print): pass\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.slow
def test_keras_counts_its_layers_anew_in_the_next_trial():
    import keras

    names = []
    for _ in range(2):
        with isolated(lambda line: None):
            names.append([keras.layers.Dense(1).name, keras.layers.Dense(1).name])
    assert names[1] == ["dense", "dense_1"]


def test_surroundings_that_were_looked_at_once_are_put_back_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("DELETED", "before")
    surroundings = Surroundings()
    directory, handler, path = os.getcwd(), signal.getsignal(signal.SIGUSR2), list(sys.path)
    for number in range(3):
        with isolated(lambda line: None, surroundings=surroundings):
            os.environ["CHANGED"] = os.environ["ADDED"] = str(number)
            del os.environ["DELETED"]
            os.chdir(tmp_path)
            sys.path.append(str(tmp_path))
            signal.signal(signal.SIGUSR2, lambda number, frame: None)
        assert (os.environ["CHANGED"], os.environ["DELETED"]) == ("before", "before")
        assert "ADDED" not in os.environ
        assert (os.getcwd(), signal.getsignal(signal.SIGUSR2), sys.path) == (directory, handler, path)
