"""The output of trials on its way into files."""

import contextlib
import sys
import threading

import pytest

from maggy.core.experiment_driver import output
from maggy.core.experiment_driver.output import OutputBuffer


@pytest.fixture
def files():
    return {}


@pytest.fixture
def append(files):
    def append(name, text):
        files.setdefault(name, []).append(text)

    return append


def test_what_came_for_a_file_is_one_write(append, files):
    buffer = OutputBuffer()
    for number in range(3):
        buffer.add(append, "a", text=f"{number}\n")
        buffer.add(append, "b", text=f"b{number}\n")
    buffer.flush(append, "a")
    assert files == {"a": ["0\n1\n2\n"]}
    buffer.flush_all()
    assert files == {"a": ["0\n1\n2\n"], "b": ["b0\nb1\nb2\n"]}


def test_nothing_is_written_twice_and_nothing_for_nothing(append, files):
    buffer = OutputBuffer()
    buffer.flush(append, "a")
    buffer.add(append, "a", text="x")
    buffer.flush_all()
    buffer.flush_all()
    buffer.flush(append, "a")
    assert files == {"a": ["x"]}


def test_what_cannot_be_written_stays_before_what_came_meanwhile(append, files):
    buffer = OutputBuffer()
    away = [True]

    def flaky(name, text):
        if away:
            buffer.add(flaky, name, text="later ")
            raise OSError("the store is away")
        append(name, text)

    buffer.add(flaky, "a", text="first ")
    with pytest.raises(OSError, match="away"):
        buffer.flush_all()
    away.clear()
    buffer.flush(flaky, "a")
    assert files == {"a": ["first later "]}


def test_files_of_other_functions_with_the_same_name_are_others(append, files):
    buffer = OutputBuffer()
    other = []
    buffer.add(append, "a", text="mine")
    buffer.add(lambda name, text: other.append(text), "a", text="theirs")
    buffer.flush_all()
    assert (files, other) == ({"a": ["mine"]}, ["theirs"])


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(output, "MEMORY_CHARACTERS", 100)


def test_what_comes_faster_than_it_can_be_written_waits_outside_of_memory(
    append, files, little_memory
):
    buffer, most = OutputBuffer(), 0
    for number in range(1000):
        buffer.add(append, "a", text=f"{number} λ\udc80\r\n")
        buffer.add(append, "b", text=f"b{number}\n")
        most = max(most, buffer.characters)
    assert most <= 100
    buffer.flush_all()
    assert "".join(files["a"]) == "".join(f"{number} λ\udc80\r\n" for number in range(1000))
    assert "".join(files["b"]) == "".join(f"b{number}\n" for number in range(1000))
    assert buffer.characters == 0


def test_text_keeps_its_order_though_writes_fail_while_more_comes(files, little_memory):
    buffer, failures, number = OutputBuffer(), iter([1, 0, 0, 1, 1, 0, 1] * 1000), 0

    def append(name, text):
        nonlocal number
        for _ in range(3):
            buffer.add(append, name, text=f"{number} ")
            number += number < 300
        if next(failures):
            raise OSError("the store is away")
        files.setdefault(name, []).append(text)

    buffer.add(append, "a", text="first ")
    while number < 300:
        with contextlib.suppress(OSError):
            buffer.flush(append, "a")
    numbers = "".join(files["a"]).split()
    expected = ["first", *map(str, range(300))]
    assert numbers == expected[: len(numbers)]
    assert len(numbers) > 200


def test_without_room_for_a_file_memory_has_to_do(append, files, little_memory, monkeypatch):
    def no_room():
        raise OSError("no space left on device")

    monkeypatch.setattr(output.tempfile, "TemporaryFile", no_room)
    buffer = OutputBuffer()
    for number in range(100):
        buffer.add(append, "a", text=f"{number}\n")
    buffer.flush_all()
    assert "".join(files["a"]) == "".join(f"{number}\n" for number in range(100))


def test_text_that_is_moved_to_a_file_while_it_is_flushed_keeps_its_order(monkeypatch):
    monkeypatch.setattr(output, "MEMORY_CHARACTERS", 20)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        buffer, texts = OutputBuffer(), []
        adder = threading.Thread(
            target=lambda: [buffer.add(texts.append, text=f"{n}\n") for n in range(5000)]
        )
        adder.start()
        while adder.is_alive():
            buffer.flush(texts.append)
        adder.join()
        buffer.flush(texts.append)
    finally:
        sys.setswitchinterval(interval)
    assert [int(line) for line in "".join(texts).split()] == list(range(5000))
