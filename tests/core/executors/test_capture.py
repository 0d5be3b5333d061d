"""What a trial prints, and what it may leave behind for the next one."""

from __future__ import annotations

import builtins
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading

import pytest
import tqdm

from maggy.core.executors import line_writer
from maggy.core.executors.line_writer import LineWriter
from maggy.core.executors.process_state import ProcessState, isolate
from maggy.core.messages import MAX_LINE_LENGTH
from maggy.core.reporter import Reporter


def capture_output(*texts):
    lines = []
    with isolate(lines.append):
        for text in texts:
            sys.stdout.write(text)
    return lines


def test_finished_lines_are_handed_on_without_their_ends():
    assert capture_output("one\ntwo\n\nfo", "ur\n") == ["one", "two", "", "four"]


def test_print_is_captured_with_all_its_options():
    lines = []
    with isolate(lines.append):
        print("a", 1, sep="-")
        print("no end", end="")
        print(" flushed", flush=True)
    assert lines == ["a-1", "no end flushed"]


def test_a_line_is_handed_on_as_soon_as_it_is_finished():
    lines = []
    with isolate(lines.append):
        print("first")
        assert lines == ["first"]


def test_an_unfinished_last_line_is_kept():
    assert capture_output("one\ntwo") == ["one", "two"]


def test_an_unfinished_last_line_is_kept_when_the_function_raises():
    lines = []

    def work():
        with isolate(lines.append):
            print("so far", end="")
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        work()
    assert lines == ["so far"]


def test_nothing_printed_gives_no_line():
    assert capture_output() == []
    assert capture_output("") == []


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
    assert capture_output(*texts) == ["100%"]


def test_a_bar_drawn_a_million_times_takes_no_memory():
    writer = LineWriter(lambda line: None, io.StringIO(), tee=False)
    for number in range(10_000):
        writer.write(f"\r{number:>100}")
    assert len("".join(writer._texts)) < 300


def test_lines_before_and_after_a_bar_stay():
    assert capture_output("start\n", "\r1/2", "\r2/2", "\nend\n") == ["start", "2/2", "end"]


@pytest.fixture
def short_lines(monkeypatch):
    monkeypatch.setattr(line_writer, "MAX_LINE_LENGTH", 100)


@pytest.mark.parametrize("texts", [["."] * 350, ["." * 350], ["." * 350, "\n"], ["." * 350 + "\n"]])
def test_a_line_without_end_is_handed_on_in_pieces_and_whole(short_lines, texts):
    assert [len(line) for line in capture_output(*texts)] == [100, 100, 100, 50]


def test_each_piece_of_a_long_line_of_standard_error_is_marked(short_lines):
    lines = []
    with isolate(lines.append):
        print("x" * 250, file=sys.stderr)
    assert lines == [f"[stderr] {'x' * length}" for length in (100, 100, 50)]


@pytest.mark.parametrize("is_error", [False, True])
def test_a_line_is_recorded_as_it_was_printed_however_it_was_written(is_error):
    text = "one\x0btwo\x0cthree\x1cfour\x85five\u2028" + "x" * (MAX_LINE_LENGTH - 100)
    reporter = Reporter()
    with isolate(lambda line: reporter.extend([], [(True, line)])):
        stream = sys.stderr if is_error else sys.stdout
        print(text, file=stream)
        for start in range(0, len(text), 5000):
            stream.write(text[start : start + 5000])
    mark = "[stderr] " if is_error else ""
    assert reporter.waiting()[3] == [(True, mark + text)] * 2


def test_a_long_line_in_small_writes_is_neither_copied_each_time_nor_kept_in_very_many_texts():
    lines = []
    writer = LineWriter(lines.append, io.StringIO(), tee=False)
    most = 0
    for _ in range(5 * line_writer.TEXTS_AT_ONCE):
        writer.write(".")
        most = max(most, len(writer._texts))
    writer.finish()
    assert lines == ["." * 5 * line_writer.TEXTS_AT_ONCE]
    assert most == line_writer.TEXTS_AT_ONCE - 1


def test_lines_of_several_threads_come_whole():
    lines = []

    def work(name):
        for _ in range(200):
            sys.stdout.write(f"{name * 20}\n")

    with isolate(lines.append):
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

    with isolate(emit):
        print("outer")
    assert lines == ["outer", "inner"]


def test_a_finalizer_that_prints_while_something_is_written_does_not_block():
    class Talkative(str):
        def __contains__(self, text):  # runs inside write, as a finalizer may
            print("inner")
            return text in str(self)

    lines = []
    with isolate(lines.append):
        sys.stdout.write(Talkative("outer\n"))
    assert lines == ["outer", "inner"]


def test_what_is_captured_is_printed_beneath_only_when_asked(capsys):
    with isolate(lambda line: None):
        print("hidden")
    with isolate(lambda line: None, tee=True):
        print("shown")
    assert capsys.readouterr().out == "shown\n"


def test_only_text_can_be_written():
    with pytest.raises(TypeError), isolate(lambda line: None):
        sys.stdout.write(b"bytes")


def test_the_captured_stream_is_what_libraries_expect_of_a_stream():
    with isolate(lambda line: None):
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
    with isolate(first.append):
        handler = logging.StreamHandler(sys.stdout)
        logger.addHandler(handler)
        logger.warning("one")
    try:
        with isolate(second.append):
            logger.addHandler(handler)
            logger.warning("two")
    finally:
        logger.removeHandler(handler)
    assert (first, second) == (["one"], ["two"])


def test_a_stream_of_an_earlier_trial_writes_to_where_it_was_when_no_trial_runs(capsys):
    with isolate(lambda line: None):
        stream = sys.stdout
    stream.write("after")
    assert capsys.readouterr().out == "after"


def test_a_stream_of_an_earlier_trial_that_leads_back_to_itself_writes_to_where_it_was(capsys):
    with isolate(lambda line: None):
        stream = sys.stdout
    lines = []
    with isolate(lines.append):
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
        with pytest.raises(RuntimeError, match="after all that"), isolate(lambda line: None):
            misbehave(tmp_path)
        assert state() == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)


def test_a_replaced_search_path_is_put_back(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    with isolate(lambda line: None):
        sys.path = ["elsewhere"]
    assert sys.path == before


def test_an_alarm_that_was_set_before_goes_on():
    alarm = signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        with isolate(lambda line: None):
            signal.alarm(0)
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
    finally:
        signal.setitimer(signal.ITIMER_REAL, *alarm)


def test_a_directory_that_the_trial_removed_is_replaced_by_one_that_exists(tmp_path, monkeypatch):
    directory = tmp_path / "directory"
    directory.mkdir()
    monkeypatch.chdir(directory)
    with isolate(lambda line: None):
        directory.rmdir()
    assert os.path.samefile(os.getcwd(), tempfile.gettempdir())


def test_an_exit_is_put_back_from_like_an_error():
    def work():
        with isolate(lambda line: None):
            os.environ["MAGGY_TEST_NEW"] = "1"
            sys.exit(1)

    before = state()
    with pytest.raises(SystemExit):
        work()
    assert state() == before


@pytest.mark.slow
def test_keras_is_not_loaded_only_to_forget_its_session():
    code = (
        "import sys; from maggy.core.executors.process_state import isolate\n"
        "with isolate(print): pass\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.slow
def test_keras_counts_its_layers_anew_in_the_next_trial():
    import keras

    names = []
    for _ in range(2):
        with isolate(lambda line: None):
            names.append([keras.layers.Dense(1).name, keras.layers.Dense(1).name])
    assert names[1] == ["dense", "dense_1"]


def test_a_state_that_was_looked_at_once_is_put_back_each_time(tmp_path, monkeypatch):
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("DELETED", "before")
    with ProcessState() as state:
        directory, handler, path = os.getcwd(), signal.getsignal(signal.SIGUSR2), list(sys.path)
        for number in range(3):
            with isolate(lambda line: None, state=state):
                os.environ["CHANGED"] = os.environ["ADDED"] = str(number)
                del os.environ["DELETED"]
                os.chdir(tmp_path)
                sys.path.append(str(tmp_path))
                signal.signal(signal.SIGUSR2, lambda number, frame: None)
            assert (os.environ["CHANGED"], os.environ["DELETED"]) == ("before", "before")
            assert "ADDED" not in os.environ
            assert (os.getcwd(), signal.getsignal(signal.SIGUSR2), sys.path) == (
                directory,
                handler,
                path,
            )


def test_what_goes_to_standard_error_is_captured_in_order_and_marked():
    # In a process of its own, since pytest has handlers for warnings and for logging.
    code = """
import json, logging, sys, warnings
from maggy.core.executors.process_state import isolate
lines = []
with isolate(lines.append):
    print("one")
    print("two", file=sys.stderr)
    sys.stdout.write("three\\n")
    logging.getLogger("train").warning("four")
    warnings.warn_explicit("five", UserWarning, "train.py", 7)
    print("six")
print(json.dumps(lines))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    error_lines = ["[stderr] four", "[stderr] train.py:7: UserWarning: five"]
    assert json.loads(run.stdout) == ["one", "[stderr] two", "three", *error_lines, "six"]
    assert run.stderr == ""


def test_a_bar_on_standard_error_keeps_its_last_state_only():
    lines = []
    with isolate(lines.append):
        for _ in tqdm.tqdm(range(200), desc="epochs", mininterval=0):
            pass
        print("done")
    assert len(lines) == 2
    assert lines[0].startswith("[stderr] epochs: 100%")


@pytest.fixture
def logger():
    logger = logging.Logger("of a test")
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers.clear()


@pytest.mark.parametrize("name", ["stdout", "stderr", "__stdout__", "__stderr__"])
def test_a_handler_that_was_made_before_is_captured_and_then_as_before(logger, name):
    stream = getattr(sys, name)
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    lines = []
    for _ in range(2):
        with isolate(lines.append):
            logger.warning("look")
        assert handler.stream is stream
    assert lines == ["look" if "out" in name else "[stderr] look"] * 2


def test_handlers_for_files_are_left_alone_and_no_handler_or_level_is_added(logger, tmp_path):
    logger.addHandler(logging.FileHandler(tmp_path / "train.log"))
    root = logging.getLogger()
    before = list(root.handlers), root.level, list(logger.handlers), logger.level
    lines = []
    with isolate(lines.append):
        logger.warning("look")
        assert (list(root.handlers), root.level, list(logger.handlers), logger.level) == before
    assert lines == []
    assert (tmp_path / "train.log").read_text() == "look\n"


def test_what_a_root_handler_of_the_trial_writes_is_captured():
    lines = []
    root = logging.getLogger()
    before = list(root.handlers), root.level
    with isolate(lines.append):
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", force=True)
        logging.info("look")
        root.handlers[:] = []
    assert lines == ["[stderr] INFO look"]
    assert (list(root.handlers), root.level) == before


def test_a_stream_for_errors_of_an_earlier_trial_writes_to_the_one_that_runs():
    first, second = [], []
    with isolate(first.append):
        stream = sys.stderr
    with isolate(second.append):
        stream.write("look\n")
    assert (first, second) == ([], ["[stderr] look"])


def test_the_captured_streams_have_what_programs_ask_of_standard_streams():
    with isolate(lambda line: None):
        assert [
            (stream.name, stream.mode, stream.errors) for stream in (sys.stdout, sys.stderr)
        ] == [
            ("<stdout>", "w", "strict"),
            ("<stderr>", "w", "backslashreplace"),
        ]
        assert (sys.stdout.buffer.name, sys.stdout.buffer.mode) == ("<stdout>", "wb")
        assert sys.stdout.line_buffering
        sys.stdout.reconfigure(line_buffering=False, write_through=True, newline="\n")
        assert (sys.stdout.line_buffering, sys.stdout.write_through) == (False, True)


def test_bytes_are_decoded_with_the_encoding_of_the_stream():
    lines = []
    with isolate(lines.append):
        sys.stdout.buffer.write("Köln, ".encode())
        print("Zürich")
        sys.stdout.buffer.write(b"cut \xc3")
        sys.stdout.buffer.write(b"\xbc\n")
        sys.stdout.reconfigure(encoding="latin-1")
        assert sys.stdout.encoding == "iso8859-1"
        sys.stdout.buffer.write(b"\xfcber\n")
        sys.stderr.buffer.raw.write(b"raw\n")
    assert lines == ["Köln, Zürich", "cut ü", "über", "[stderr] raw"]


def test_only_bytes_can_be_written_to_the_buffer():
    with isolate(lambda line: None):
        for value in ("text", 5):
            with pytest.raises(TypeError):
                sys.stdout.buffer.write(value)


def test_an_encoding_that_does_not_exist_is_refused_as_ever():
    with isolate(lambda line: None):
        with pytest.raises(LookupError):
            sys.stdout.reconfigure(encoding="klingon")
        with pytest.raises(LookupError):
            sys.stdout.reconfigure(errors="klingon")


def test_a_text_stream_around_the_buffer_may_be_closed():
    lines = []
    with isolate(lines.append):
        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
        print("wrapped")
        sys.stdout.close()
        sys.stdout = sys.__stdout__
    with isolate(lines.append):
        print("and after")
    assert lines == ["wrapped", "and after"]
