"""Lines about missing workers are rare, and each one says something new."""

from maggy.core.experiment_driver.worker_wait import WorkerWait


def test_nothing_is_said_of_workers_that_come_soon():
    wait = WorkerWait(2, 100.0)
    assert [wait.line(count, now) for count, now in [(0, 100), (1, 103), (2, 104.9)]] == [""] * 3
    assert wait.deadline(2) is None
    assert wait.line(2, 1000) == ""


def test_a_line_comes_after_a_few_seconds_and_again_only_when_the_number_has_changed():
    wait = WorkerWait(8, 100.0)
    assert wait.deadline(0) == 105
    assert wait.line(0, 105) == "Waiting for executors: 0 of 8"
    assert wait.deadline(0) is None
    assert wait.line(0, 500) == ""
    assert wait.line(2, 500) == "Waiting for executors: 2 of 8"
    assert wait.line(8, 900) == ""


def test_two_lines_are_at_least_five_seconds_apart():
    wait = WorkerWait(8, 0.0)
    printed = []
    for tenths in range(400):
        line = wait.line(min(7, tenths // 10), tenths / 10)
        if line:
            printed.append((tenths / 10, line))
    assert printed == [
        (5, "Waiting for executors: 5 of 8"),
        (10, "Waiting for executors: 7 of 8"),
    ]


def test_the_text_for_a_view_is_there_from_the_beginning_and_empty_when_all_have_come():
    wait = WorkerWait(2, 0.0)
    assert [wait.text(count) for count in (0, 1, 2)] == [
        "Waiting for executors: 0 of 2",
        "Waiting for executors: 1 of 2",
        "",
    ]
