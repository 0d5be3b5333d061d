"""Output on its way into files."""

import pytest

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
