"""The lines about running trials are written and parsed, whoever wrote them."""

import json
import math

import pytest

from maggy.records.running_points import (
    FORMAT_LINE,
    RunningTrial,
    began_line,
    given_back_line,
    parse_running,
    point_lines,
)

BEGAN = began_line("a", 12, 1795.25, 0, 1)


def parse(*lines):
    return parse_running("".join(lines).encode())


def test_what_is_written_is_read_back():
    runs = parse(
        FORMAT_LINE,
        BEGAN,
        began_line("b", None, None, None, 2),
        point_lines("a", [(0, 0.5, 1796.0), (1, math.nan, 1797.0), (2.5, -math.inf, 1798.0)]),
    )
    assert runs == {
        "a": RunningTrial(
            12, 1795.25, 0, 1, [0, 1, 2.5], [0.5, None, None], [1796.0, 1797.0, 1798.0]
        ),
        "b": RunningTrial(attempts=2),
    }


def test_the_time_of_a_point_may_be_missing():
    run = parse(BEGAN, point_lines("a", [(0, 0.5), (1, 0.25)]))["a"]
    assert (run.steps, run.history, run.times) == ([0, 1], [0.5, 0.25], [None, None])


def test_many_points_are_several_lines():
    text = point_lines("a", [(step, 0.5) for step in range(2500)])
    assert text.count("\n") == 3
    assert max(map(len, text.splitlines())) < 20_000
    assert parse(text)["a"].steps == list(range(2500))


def test_points_follow_the_rule_of_a_trial():
    points = [(0, 0.1), (1, 0.2), (1, 0.3), (0, 0.4), (2, 0.5)]
    run = parse(BEGAN, point_lines("a", points))["a"]
    assert (run.steps, run.history) == ([0, 1, 2], [0.1, 0.3, 0.5])


def test_a_trial_that_runs_again_begins_anew():
    runs = parse(BEGAN, point_lines("a", [(0, 0.5)]), began_line("a", 12, 1800.0, 1, 2))
    assert runs == {"a": RunningTrial(12, 1800.0, 1, 2)}


def test_a_trial_that_was_given_back_does_not_run():
    assert parse(BEGAN, point_lines("a", [(0, 0.5)]), given_back_line("a")) == {}
    assert parse(given_back_line("never began")) == {}


def test_a_torn_last_line_is_left_out():
    text = FORMAT_LINE + BEGAN + point_lines("a", [(0, 0.5)])
    for size in range(len(text)):
        runs = parse_running(text[:size].encode())
        assert runs in ({}, {"a": RunningTrial(12, 1795.25, 0, 1)})
    assert parse(text)["a"].steps == [0]


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "null", "[]", "7", '"a"', "{}", '{"trial": 1}', '{"trial": "a"}', "\0",
        '{"trial": "a", "points": 1}', '{"trial": "a", "began": []}', '{"trial": ["a"]}',
        '{"trial": "a", "points": [1, null, "x", [], [0], {}, [null, 1], ["0", 1], [true, 1]]}',
        '{"trial": "a", "points": [[NaN, 1], [Infinity, 1], [0, "x"], [0, true], [[0], 1]]}',
        '{"trial": "a", "points": [[1%s, 1]]}' % ("0" * 400),
        '{"trial": "a", "points": [[%s, 1]]}' % ("9" * 10_000),
        '{"trial": "a", "given_back": "no"}', '{"trial": "a", "new": 1}',
        f'{{"trial": "a", "points": {"[" * 100_000}{"]" * 100_000}}}',
    ],
    ids=lambda line: repr(line[:40]),
)  # fmt: skip
def test_what_is_no_line_of_ours_is_left_out(line):
    assert parse(BEGAN, line + "\n") == {"a": RunningTrial(12, 1795.25, 0, 1)}
    assert parse_running(b"\xff\xfe\n" + BEGAN.encode()) == parse(BEGAN)


def test_a_beginning_of_wrong_types_has_what_is_left():
    began = {"number": "1", "start": math.inf, "worker": -1, "attempts": True, "x": [[]]}
    assert parse(json.dumps({"trial": "a", "began": began}) + "\n") == {"a": RunningTrial()}
    began = {"number": 2**70, "start": 5, "worker": 1.0, "attempts": None}
    assert parse(json.dumps({"trial": "a", "began": began}) + "\n") == {
        "a": RunningTrial(start=5.0)
    }
