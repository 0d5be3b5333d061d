"""The terminal shows a limited part of the lines that trials print."""

import sys

import pytest

from maggy.core.experiment_driver.shown import (
    LINE_LENGTH,
    LINES_PER_SECOND,
    LINES_PER_TRIAL,
    MOST_WAITING,
    SHOWN_LENGTH,
    ShownLines,
)


@pytest.fixture
def screen():
    return ShownLines(lambda trial_id: f"/records/{trial_id}")


def lines(count, start=0):
    return [str(number) for number in range(start, start + count)]


def test_what_trials_usually_print_is_shown_as_it_is(screen):
    for second in range(100):
        assert screen.admit("t1", lines(100), second) == lines(100)
    assert screen.ended("t1") is None


def test_no_more_than_so_many_lines_a_second_are_shown_over_all_trials(screen):
    assert screen.admit("t1", lines(500), 0.0) == lines(LINES_PER_SECOND)
    assert screen.admit("t2", lines(1), 0.0) == []
    assert len(screen.admit("t2", lines(500), 0.5)) == LINES_PER_SECOND // 2  # with a notice


def test_an_idle_time_earns_no_more_than_one_second(screen):
    assert len(screen.admit("t1", lines(5000), 1000.0)) == LINES_PER_SECOND


def test_where_lines_are_left_out_a_line_says_how_many_and_where_they_are(screen):
    screen.admit("t1", lines(500), 0.0)
    screen.admit("t1", lines(700), 0.0)
    notice, *others = screen.admit("t1", ["next"], 1.0)
    assert (
        notice == "--- 1,000 lines of trial t1 left out here; all are in /records/t1/output.log ---"
    )
    assert others == ["next"]
    assert screen.admit("t1", ["and next"], 2.0) == ["and next"]


def test_lines_that_were_left_out_last_are_told_at_the_end_of_the_trial(screen):
    screen.admit("t1", lines(LINES_PER_SECOND + 1), 0.0)
    assert (
        screen.ended("t1")
        == "--- 1 line of trial t1 left out here; all are in /records/t1/output.log ---"
    )
    assert screen.ended("t1") is None


def test_a_trial_shows_no_more_than_so_many_lines_and_others_go_on(screen):
    output = []
    for second in range(100):
        output += screen.admit("t1", lines(190, 190 * second), second)
    assert output[:LINES_PER_TRIAL] == lines(LINES_PER_TRIAL)
    (last,) = output[LINES_PER_TRIAL:]
    assert "has printed 10,000 lines" in last
    assert "/records/t1/output.log" in last
    assert screen.admit("t2", ["other"], 100) == ["other"]
    assert "9,000 lines of trial t1" in screen.ended("t1")


def test_a_long_line_counts_as_several(screen):
    long = "x" * (10 * LINE_LENGTH)
    assert len(screen.admit("t1", [long] * 100, 0.0)) == LINES_PER_SECOND // 11


def test_a_very_long_line_is_shortened_with_a_note(screen):
    (text,) = screen.admit("t1", ["x" * (SHOWN_LENGTH + 1_000_000)], 0.0)
    assert text.startswith("x" * SHOWN_LENGTH + " --- 1,000,000 characters left out here;")
    assert "/records/t1/output.log" in text


def test_while_the_terminal_is_slow_lines_are_left_out(screen):
    assert screen.admit("t1", lines(3), 0.0, waiting=MOST_WAITING + 1) == []
    assert screen.admit("t1", ["x"], 0.0, waiting=0)[0].startswith("--- 3 lines")


def test_memory_does_not_grow_with_the_output(screen):
    for second in range(1000):
        screen.admit("t1", lines(1000), second)
    assert sum(map(sys.getsizeof, screen._outputs.values())) < 1000
    screen.ended("t1")
    assert not screen._outputs
